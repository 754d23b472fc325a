"""A scene's values depend on their position alone, and lie where the georeference says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ksdiff_engine.errors import InputError
from ksdiff_engine.filling import fill_nearest
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window, tiles
from ksdiff_engine.scene import Scene
from ksdiff_engine.scene_statistics import LatticeSample, Moments, intensity_weights
from ksdiff_engine.sensors import DEFAULT

SCENES = Path(__file__).parents[3] / "shared" / "data" / "scenes"


def open_scene(pan, ms, profile=DEFAULT):
    return Scene(align(RasterSource.open_pan(pan), RasterSource.open_ms([ms])), profile)


def largest_difference(scene, halo, edge, halo_whole=48):
    """Largest relative difference between the scene as one tile and as many small ones."""
    whole = scene.tile(Window(0, 0, scene.width, scene.height), halo_whole)
    worst = 0.0
    for window in tiles(scene.width, scene.height, edge):
        part = scene.tile(window, halo)
        rows = slice(part.window.row + halo_whole, None)
        columns = slice(part.window.column + halo_whole, None)
        for name in ("pan", "pan_low", "ms_up", "valid"):
            ours = getattr(part, name).astype(np.float64)
            theirs = getattr(whole, name)[..., rows, columns].astype(np.float64)
            theirs = theirs[..., : ours.shape[-2], : ours.shape[-1]]
            worst = max(worst, np.abs(ours - theirs).max() / np.abs(theirs).max())
    return worst


@pytest.mark.parametrize(
    "holes",
    [
        {},
        {"pan_hole": (slice(40, 90), slice(100, 180))},
        {"ms_hole": (slice(0, 37), slice(20, 33))},
        {"pan_hole": (slice(100, None), slice(0, 30)), "ms_hole": (slice(3, 4), slice(5, 9))},
    ],
)
def test_values_do_not_depend_on_the_tiling(pair_files, holes):
    scene = open_scene(*pair_files(**holes))
    assert largest_difference(scene, halo=9, edge=101) < 1e-5


@pytest.mark.parametrize("name", ["landsat8_pamplona", "worldview3_utm42"])
def test_values_of_real_scenes_do_not_depend_on_the_tiling(name):
    if not SCENES.is_dir():
        pytest.skip(f"no real scenes in {SCENES}")
    scene = open_scene(str(SCENES / name / "pan.tif"), str(SCENES / name / "ms.tif"))
    assert largest_difference(scene, halo=16, edge=150) < 1e-5
    statistics = scene.statistics()
    fitted = statistics.intensity_weights
    explained = fitted[:-1] @ statistics.covariance[:-1, -1] / statistics.covariance[-1, -1]
    assert explained > 0.85  # PAN at MS resolution is a combination of the MS bands


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.25, 0.75), (-1.3, 2.1)])
def test_interpolation_follows_the_georeference(tmp_path, geotiff, shift):
    """A linear ramp over the ground comes out of the interpolation unmoved, wherever MS starts."""
    x0, y0 = 1000.0, 2000.0

    def ramp(pixel, width, height, left, top):
        x = left + (np.arange(width) + 0.5) * pixel
        y = top - (np.arange(height) + 0.5) * pixel
        return (5000 + 3 * (x[None, :] - x0) + 2 * (y[:, None] - y0))[None]

    left, top = x0 + shift[0], y0 + shift[1]
    grids = {"pan": (1.0, 160, 120, x0, y0), "ms": (4.0, 40, 30, left, top)}
    for name, (pixel, width, height, *origin) in grids.items():
        image = ramp(pixel, width, height, *origin)
        path = tmp_path / f"{name}.tif"
        geotiff(path, image, pixel=pixel, origin=tuple(origin), data_type="Float32")
    scene = open_scene(str(tmp_path / "pan.tif"), str(tmp_path / "ms.tif"))
    tile = scene.tile(Window(60, 60, 30, 20))  # away from the borders, where a ramp is replicated
    np.testing.assert_allclose(tile.ms_up[0], tile.pan, atol=0.05)
    np.testing.assert_allclose(tile.pan_low, tile.pan, atol=0.05)


def test_invalid_pixels_leave_no_trace_in_valid_ones(pair_files):
    """Nodata beside valid pixels must not pull them: all stay within the range of valid values."""
    scene = open_scene(*pair_files(ms_hole=(slice(20, 40), slice(20, 50))))
    tile = scene.tile(Window(0, 0, scene.width, scene.height))
    assert (~tile.valid).sum() == 16 * 20 * 30
    valid = tile.ms_up[:, tile.valid]
    assert valid.min() > 100  # the ground lies above 200, nodata is 0
    assert np.isfinite(tile.ms_up).all()


def test_far_invalid_pixels_take_the_scene_mean(pair_files):
    scene = open_scene(*pair_files(size=(60, 110), ms_hole=(slice(None), slice(20, None))))
    tile = scene.tile(Window(4 * 80, 0, 40, 40))
    mean = scene.statistics().mean[:-1]
    np.testing.assert_allclose(tile.ms_up.mean((1, 2)), mean, rtol=1e-5)
    assert not tile.valid.any()


def test_valid_follows_the_ms_pixel_under_the_centre(pair_files):
    scene = open_scene(
        *pair_files(
            pan_hole=(slice(8, 9), slice(8, 9)), ms_hole=(slice(5, 6), slice(6, 7)), size=(20, 20)
        )
    )
    expected = np.ones((80, 80), dtype=bool)
    expected[8, 8] = False
    expected[20:24, 24:28] = False
    np.testing.assert_array_equal(scene.tile(Window(0, 0, 80, 80)).valid, expected)


def test_statistics_agree_with_a_direct_computation(pair_files):
    hole = (slice(8, 12), slice(40, 41))  # PAN pixels of MS pixel (2, 10)
    scene = open_scene(*pair_files(pan_hole=hole, ms_hole=(slice(0, 3), slice(0, 3))))
    statistics = scene.statistics()
    ms, valid = scene.pair.ms.read(Window(0, 0, 70, 60))
    pan, _ = scene.pair.pan.read(Window(0, 0, 280, 240))
    valid[2, 10] = False
    assert statistics.count == valid.sum()
    values = ms[:, valid].astype(np.float64)
    np.testing.assert_allclose(statistics.mean[:-1], values.mean(axis=1))
    np.testing.assert_allclose(statistics.covariance[:-1, :-1], np.cov(values, bias=True))
    np.testing.assert_allclose(statistics.maximum[:-1], values.max(axis=1))
    np.testing.assert_allclose(statistics.percentile_01[:-1], np.percentile(values, 1, axis=1))
    under = pan[0][np.kron(valid, np.ones((4, 4), dtype=bool))]
    assert statistics.pan_mean == pytest.approx(under.mean())
    assert statistics.pan_variance == pytest.approx(under.astype(np.float64).var())
    # PAN is the mean of the bands; only MTF and block average differ.
    fitted = statistics.intensity_weights[:-1] @ values + statistics.intensity_weights[-1]
    assert np.corrcoef(fitted, values.mean(axis=0))[0, 1] > 0.99


def test_statistics_are_computed_once_and_report_progress(pair_files):
    scene = open_scene(*pair_files(size=(300, 20)))
    fractions = []
    first = scene.statistics(lambda fraction, message: fractions.append(fraction))
    assert fractions == [0.0, 0.5]
    assert scene.statistics() is first


def test_a_scene_without_valid_pixels_is_refused(pair_files):
    scene = open_scene(*pair_files(ms_hole=(slice(None), slice(None))))
    with pytest.raises(InputError, match="no valid pixel in common"):
        scene.statistics()


def test_ms_on_the_pan_grid_is_refused(tmp_path, geotiff):
    image = np.full((3, 20, 20), 7)
    pan, ms = geotiff(tmp_path / "pan.tif", image[:1]), geotiff(tmp_path / "ms.tif", image)
    with pytest.raises(InputError, match=r"ratio 1\.00") as caught:
        open_scene(str(pan), str(ms))
    assert "original MS" in caught.value.hint


def test_fill_takes_the_nearest_within_the_radius():
    image = np.array([[[3.0, 0.0, 0.0, 0.0, 0.0, 9.0]]])
    valid = image[0] > 0
    filled = fill_nearest(image, valid, radius=1, background=np.array([5.0]))
    np.testing.assert_array_equal(filled, [[[3, 3, 5, 5, 9, 9]]])
    nothing = fill_nearest(image, np.zeros_like(valid), radius=9, background=np.array([5.0]))
    assert (nothing == 5).all()


@pytest.mark.parametrize("radius", [2, 4.5, 40])
@pytest.mark.parametrize("place", [np.s_[3:20, 5:31], np.s_[0:1, 0:1], np.s_[:, 30:]])
def test_a_rectangle_is_extended_as_any_shape_is_filled(monkeypatch, radius, place):
    """The fast way of a raster's edge gives what the distance transform gives."""
    rng = np.random.default_rng(0)
    image, background = rng.normal(size=(2, 24, 36)), np.array([5.0, 7.0])
    valid = np.zeros((24, 36), dtype=bool)
    valid[place] = True
    fast = fill_nearest(image, valid, radius, background)
    monkeypatch.setattr("ksdiff_engine.filling.np.count_nonzero", lambda mask: -1)
    np.testing.assert_array_equal(fast, fill_nearest(image, valid, radius, background))


def test_moments_merge_without_cancellation():
    rng = np.random.default_rng(1)
    values = 1e7 + rng.normal(size=(1000, 3))
    moments = Moments(3)
    for block in np.array_split(values, 7):
        moments.add(block)
    np.testing.assert_allclose(moments.covariance, np.cov(values.T, bias=True), rtol=1e-6)


def test_lattice_sample_is_bounded_and_never_empty():
    sample = LatticeSample(limit=50)
    positions = np.argwhere(np.ones((40, 40), dtype=bool))
    for block in np.array_split(positions, 9):
        sample.add(block.astype(np.float32), block)
    assert 0 < len(sample.values()) <= 50
    assert (sample.values() % 8 == 0).all()


def test_intensity_weights_of_repeated_and_constant_bands():
    rng = np.random.default_rng(2)
    band = rng.normal(100, 10, 500)
    data = np.array([band, band, np.full(500, 3.0), 2 * band + 1])
    weights = intensity_weights(data.mean(axis=1), np.cov(data, bias=True))
    np.testing.assert_allclose(weights, [1, 1, 0, 1], atol=1e-6)
