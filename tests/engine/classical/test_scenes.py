"""What holds for every method: tiles, masks, band counts, ratios, flat images."""

from __future__ import annotations

import numpy as np
import pytest

from ksdiff_engine.classical import METHODS
from ksdiff_engine.classical.moments import BLOCK, scene_moments, second_moments
from ksdiff_engine.errors import InputError
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.resample import lowpass_matrix
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensors import DEFAULT


def ignore(fraction, message):
    pass


@pytest.fixture(scope="module")
def large_scene(make_scene):
    scene = make_scene(bands=4, size=150, ratio=4)
    assert scene.width > BLOCK
    return scene


@pytest.mark.parametrize("name", METHODS)
def test_tile_size_leaves_no_trace(name, large_scene):
    whole = large_scene.fuse(METHODS[name]())
    for tile in (64, 256):
        np.testing.assert_allclose(large_scene.fuse(METHODS[name](), tile), whole, rtol=1e-5)


@pytest.mark.parametrize("bands", [1, 3, 4, 8])
@pytest.mark.parametrize("name", METHODS)
def test_any_band_count(name, bands, make_scene):
    scene = make_scene(bands=bands, size=24)
    fused = scene.fuse(METHODS[name](), tile=50)
    assert fused.shape == scene.ms_up.shape
    assert np.isfinite(fused).all()
    assert name == "exp" or np.abs(fused - scene.ms_up).mean() > 1  # detail was injected


@pytest.mark.parametrize("ratio", [2, 2.5, 3, 4.013, 6])
@pytest.mark.parametrize("name", METHODS)
def test_any_ratio(name, ratio, make_scene):
    scene = make_scene(bands=3, size=40, ratio=ratio)
    fused = scene.fuse(METHODS[name]())
    assert np.isfinite(fused).all()
    # Fusion keeps the level of each band; Brovey's level follows PAN instead.
    if name != "brovey":
        np.testing.assert_allclose(
            fused.mean(axis=(1, 2)), scene.ms_up.mean(axis=(1, 2)), rtol=0.03
        )


FOLLOWS_PAN = {"brovey", "gihs", "gs"}  # all brightness of PAN goes into the bands


@pytest.fixture(scope="module")
def vegetation_without_nir(array_scene):
    """Soil and, from column 64 on, vegetation: PAN sees its near infrared, MS has no such band."""
    size, ratio, gain = 32, 4, 0.3
    rng = np.random.default_rng(3)
    edge = size * ratio
    soil, plants = np.array([[300, 380, 480, 560], [200, 330, 220, 1100.0]])[..., None, None]
    fields = rng.uniform(0.8, 1.2, (16, 16)).repeat(8, axis=0).repeat(8, axis=1)
    texture = 1 + 0.05 * rng.standard_normal((edge, edge))
    ground = np.where(np.arange(edge) >= edge // 2, plants, soil) * fields * texture
    pan = np.tensordot([0.1, 0.25, 0.25, 0.4], ground, axes=1)
    reduce = lowpass_matrix(edge, (np.arange(size) + 0.5) * ratio - 0.5, ratio, gain)
    return array_scene(pan, reduce @ ground[:3] @ reduce.T, ratio)


@pytest.mark.parametrize("name", sorted(set(METHODS) - FOLLOWS_PAN))
def test_vegetation_that_pan_sees_bright_keeps_its_colour(name, vegetation_without_nir):
    inner = np.s_[:, 16:-16, 80:-16]
    before = vegetation_without_nir.ms_up[inner].mean(axis=(1, 2))
    after = vegetation_without_nir.fuse(METHODS[name]())[inner].mean(axis=(1, 2))
    np.testing.assert_allclose(after, before, rtol=0.03)


@pytest.mark.parametrize("garbage", [0.0, 1e6])
@pytest.mark.parametrize("name", METHODS)
def test_invalid_pixels_do_not_leak(name, garbage, make_scene):
    clean = make_scene(size=40)
    valid, ms_valid = np.ones(clean.pan.shape, bool), np.ones(clean.ms.shape[1:], bool)
    valid[60:85, 50:93] = False
    ms_valid[20:24, 5:9] = False
    pan = np.where(valid, clean.pan, garbage)
    ms = np.where(ms_valid, clean.ms, garbage)
    masked = type(clean)(pan, ms, 4, valid=valid, ms_valid=ms_valid)
    reference = type(clean)(clean.pan, clean.ms, 4, valid=valid, ms_valid=ms_valid)
    kept = masked.valid
    np.testing.assert_allclose(
        masked.fuse(METHODS[name](), 64)[:, kept],
        reference.fuse(METHODS[name]())[:, kept],
        rtol=1e-5,
    )


@pytest.mark.parametrize("name", METHODS)
def test_a_hole_changes_little_far_away(name, make_scene):
    """Only the statistics of the scene may feel a hole; the fused pixels far from it stay close."""
    clean = make_scene(size=40)
    valid = np.ones(clean.pan.shape, bool)
    valid[40:48, 40:48] = False
    masked = type(clean)(np.where(valid, clean.pan, -9999.0), clean.ms, 4, valid=valid)
    far = np.s_[:, 100:, 100:]
    expected = clean.fuse(METHODS[name]())[far]
    difference = np.abs(masked.fuse(METHODS[name]())[far] - expected)
    assert difference.mean() < 2e-3 * expected.mean()


def test_moments_look_at_valid_pixels_only(make_scene):
    """Even where a scene would leave garbage in invalid pixels."""
    clean = make_scene(size=40)
    valid = np.ones(clean.pan.shape, bool)
    valid[30:60, :] = False
    unfilled = type(clean)(clean.pan, clean.ms, 4, valid=valid, fill=False)
    unfilled.pan = np.where(valid, clean.pan, np.nan)
    gains = []
    for scene in (clean, unfilled):
        scene.valid = valid
        method = METHODS["mtf-glp-fs"]()
        method.prepare(scene, ignore)
        gains.append(method._gains)
    assert np.isfinite(gains[1]).all()
    np.testing.assert_array_equal(*gains)


@pytest.mark.parametrize("name", METHODS)
def test_constant_images(name, array_scene):
    levels = np.array([200.0, 450.0, 700.0])
    scene = array_scene(np.full((80, 80), 330.0), np.tile(levels[:, None, None], (1, 20, 20)), 4)
    expected = levels * (330.0 / 450.0 if name == "brovey" else 1.0)
    fused = scene.fuse(METHODS[name]())
    np.testing.assert_allclose(
        fused, np.broadcast_to(expected[:, None, None], fused.shape), rtol=1e-5
    )


@pytest.mark.parametrize("name", METHODS)
def test_flat_pan_injects_no_detail(name, make_scene):
    textured = make_scene(bands=3, size=30)
    scene = type(textured)(np.full(textured.pan.shape, 400.0), textured.ms, 4)
    fused = scene.fuse(METHODS[name]())
    assert np.isfinite(fused).all()
    if name in ("exp", "gsa", "sfim", "awlp") or name.startswith("mtf-glp"):
        np.testing.assert_allclose(fused, scene.ms_up, rtol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_black_ground_and_black_scene_stay_finite(name, make_scene, array_scene):
    scene = make_scene(bands=3, size=30)
    pan, ms = scene.pan.copy(), scene.ms.copy()
    pan[:60], ms[:, :15] = 0, 0
    for black in (array_scene(pan, ms, 4), array_scene(pan * 0, ms * 0, 4)):
        fused = black.fuse(METHODS[name]())
        assert np.isfinite(fused).all()
        assert np.abs(fused[:, :20]).max() < 0.05 * scene.ms.mean()


@pytest.mark.parametrize("name", ["mtf-glp-fs", "bdsd-pc"])
def test_a_scene_without_valid_pixels_is_refused(name, make_scene):
    scene = make_scene()
    scene.valid = np.zeros_like(scene.valid)
    assert not scene.tile(Window(0, 0, 9, 9)).valid.any()
    with pytest.raises(InputError, match="No pixel of the"):
        METHODS[name]().prepare(scene, ignore)


def test_progress_is_told_in_order(large_scene):
    fractions = []
    METHODS["mtf-glp-fs"]().prepare(
        large_scene, lambda fraction, message: fractions.append(fraction)
    )
    assert fractions == sorted(fractions)
    assert len(fractions) == 4
    assert 0 <= fractions[0] <= fractions[-1] <= 1


def test_moments_over_blocks_match_the_whole(large_scene):
    moments = scene_moments(
        large_scene, lambda t: np.stack([t.pan[t.valid], t.pan_low[t.valid]], axis=1), ignore
    )
    whole = np.stack([large_scene.pan.ravel(), large_scene.pan_low.ravel()])
    assert moments.count == whole.shape[1]
    np.testing.assert_allclose(moments.covariance, np.cov(whole, bias=True), rtol=1e-5)
    np.testing.assert_allclose(second_moments(moments), whole @ whole.T / whole.shape[1], rtol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_files_with_holes_show_no_seams(name, pair_files, fuse_scene):
    def fuse(tile, **holes):
        pan, ms = pair_files(**holes)
        with RasterSource.open_pan(pan) as pan, RasterSource.open_ms([ms]) as ms:
            scene = Scene(align(pan, ms), DEFAULT)
            valid = scene.tile(Window(0, 0, scene.width, scene.height)).valid
            return fuse_scene(scene, METHODS[name](), tile), valid

    holes = {
        "pan_hole": (slice(50, 90), slice(100, 160)),
        "ms_hole": (slice(30, 38), slice(8, 20)),
    }
    whole, _ = fuse(256)
    large, valid = fuse(256, **holes)
    small, _ = fuse(64, **holes)
    assert 0.5 < valid.mean() < 1
    np.testing.assert_allclose(small[:, valid], large[:, valid], rtol=1e-5, atol=1e-3)
    # Nodata, 0 here, stays where it is: beside the holes only interpolation changes.
    difference = np.abs(large - whole)[:, valid]
    assert difference.mean() < 0.01 * whole.mean()


def test_registry():
    assert list(METHODS) == [
        "exp", "brovey", "bt-h", "gihs", "gs", "gsa", "sfim", "awlp",
        "mtf-glp", "mtf-glp-hpm", "mtf-glp-hpm-r", "mtf-glp-fs", "bdsd-pc",
    ]  # fmt: skip
    for method in METHODS.values():
        assert method.title
        assert any(character.isdigit() for character in method.reference)
