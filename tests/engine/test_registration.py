"""Shifts that are known are found, taken out on either side, and left alone where in doubt."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from ksdiff_engine import registration
from ksdiff_engine._resources import resources_folder
from ksdiff_engine.errors import Cancelled
from ksdiff_engine.job import (
    AssessWithoutReferenceJob,
    ClassicalJob,
    CompareJob,
    DegradeJob,
)
from ksdiff_engine.pipeline import run_job
from ksdiff_engine.raster.align import Pair, align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.registration import Registration, measure, registered
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensors import get_profile

from .conftest import block_mean, write_geotiff

SCENES = Path(__file__).parents[3] / "shared" / "data" / "scenes"
SAMPLE = resources_folder() / "sample"
RATIO = 4
MARGIN = 16  # PAN pixels of ground beyond the images


def texture(bands, height, width, seed=0):
    """A rough ground whose spectrum falls with frequency, bands alike but not equal; DN."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    fall = 1.0 / np.maximum(frequency, 4 / width) ** 1.5
    layers = np.fft.ifft2(np.fft.fft2(rng.normal(size=(bands + 1, height, width))) * fall).real
    layers /= layers.std(axis=(1, 2), keepdims=True)
    return 1000 + 150 * (layers[-1:] + 0.5 * layers[:-1])


def displaced(image, x, y):
    """Move (H, W) right by x and down by y, exactly, by the phases of its spectrum."""
    fy, fx = np.fft.fftfreq(image.shape[0])[:, None], np.fft.fftfreq(image.shape[1])[None]
    return np.fft.ifft2(np.fft.fft2(image) * np.exp(-2j * np.pi * (fx * x + fy * y))).real


@contextmanager
def opened(pan, ms, sensor="default"):
    with RasterSource.open_pan(str(pan)) as p, RasterSource.open_ms([str(ms)]) as m:
        yield Scene(align(p, m), get_profile(sensor))


@pytest.fixture
def scene(tmp_path):
    """A factory of scenes whose PAN shows the ground ``shift`` PAN pixels right of and below MS."""

    @contextmanager
    def make(shift=(0.0, 0.0), *, size=(96, 112), bands=4, noise=0.0, origin=(0.0, 0.0), hole=None):
        height, width = (n * RATIO + 2 * MARGIN for n in size)
        truth = texture(bands, height, width)
        inner = (slice(MARGIN, height - MARGIN), slice(MARGIN, width - MARGIN))
        pan = displaced(truth.mean(axis=0), *shift)[inner][None]
        ms = block_mean(truth[(slice(None), *inner)], RATIO)
        ms = ms + np.random.default_rng(1).normal(0, noise, ms.shape)
        if hole is not None:
            ms[(slice(None), *hole)] = -1
        write_geotiff(tmp_path / "pan.tif", pan, data_type="Float32")
        corner = (500000.0 + origin[0], 4800000.0 - origin[1])
        options = {"pixel": float(RATIO), "origin": corner, "data_type": "Float32", "nodata": -1}
        write_geotiff(tmp_path / "ms.tif", ms, **options)
        with opened(tmp_path / "pan.tif", tmp_path / "ms.tif") as opened_scene:
            yield opened_scene

    return make


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, -0.4), (-2.6, 5.3), (1.5, 0.0), (-11.0, 9.7)])
def test_known_shifts_are_found_to_a_tenth_of_a_pixel(scene, shift):
    with scene(shift, noise=5.0) as pair:
        found = measure(pair)
    assert found.trusted
    assert found.shift == pytest.approx(shift, abs=0.1)
    assert found.confidence > 0.9


def test_a_georeference_that_is_off_is_a_shift(scene):
    with scene(origin=(1.4, -0.7)) as pair:  # MS right and above, so PAN is left and below
        found = measure(pair)
    assert found.trusted
    assert found.shift == pytest.approx((-1.4, 0.7), abs=0.1)


def test_a_pair_without_shift_is_left_alone(scene):
    with scene() as pair:
        after, finding = registered(pair, "correct", lambda *_: None, pytest.fail)
    assert after is pair
    assert not finding["shift_corrected"]
    assert "lie on each other" in finding["registration"]


def test_the_sample_is_left_alone():
    with opened(SAMPLE / "pan.tif", SAMPLE / "ms.tif", "landsat-8-9") as pair:
        found = measure(pair)
        after, _ = registered(pair, "correct", lambda *_: None, pytest.fail)
        assert after is pair
    assert found.trusted
    assert found.shift == pytest.approx((0.0, 0.0), abs=0.05)


def test_correction_puts_every_value_where_it_belongs(scene):
    """Moving MS by whole MS pixels gives the very tiles of the pair that was never off."""
    window = Window(40, 60, 90, 80)
    with scene() as pair:
        expected = pair.tile(window)
        corner = pair.pair.grid.geotransform[0], pair.pair.grid.geotransform[3]
    with scene(origin=(8.0, -4.0)) as pair:
        true = pair.pair.moved(-8.0, 4.0)
        assert (true.grid.width, true.grid.height) == (448, 384)  # all of PAN is covered again
        assert (true.grid.geotransform[0], true.grid.geotransform[3]) == corner
        assert true.shift == (-8.0, 4.0)
        tile = Scene(true, pair.profile).tile(window)
    np.testing.assert_allclose(tile.ms_up, expected.ms_up, rtol=1e-5)
    np.testing.assert_array_equal(tile.pan, expected.pan)


def test_the_result_covers_the_overlap_after_the_move(scene):
    with scene((3.0, 0.0)) as pair:
        after, finding = registered(pair, "correct", lambda *_: None, pytest.fail)
        assert finding["shift_corrected"]
        # MS moves right by 3, and its left edge with it; a centre must lie on MS.
        assert (after.pair.pan_column, after.width) == (3, 445)
        assert after.tile(Window(0, 0, after.width, after.height)).valid.all()
        assert measure(after).shift == pytest.approx((0.0, 0.0), abs=0.05)


@pytest.mark.parametrize("move", [Pair.moved, Pair.following])
def test_moving_a_cut_pair_undoes_the_cut(scene, move):
    with scene() as pair:
        cut = pair.pair.cut(Window(50, 60, 100, 90))
        moved, whole = move(cut, 0.5, 0.25), move(pair.pair, 0.5, 0.25)
    assert (moved.ms_x, moved.ms_y) == pytest.approx((whole.ms_x, whole.ms_y))
    assert moved.grid == whole.grid


def test_following_leaves_ms_and_the_grid_where_they_are(scene):
    window = Window(40, 60, 90, 80)
    with scene() as pair:
        expected = pair.tile(window)
    with scene((0.6, -1.3)) as pair:
        after, finding = registered(pair, "follow", lambda *_: None, pytest.fail)
        assert finding["shift_corrected"]
        assert after.pair.pan_shift == pytest.approx((0.6, -1.3), abs=0.1)
        assert after.pair.shift == (0.0, 0.0)
        assert after.pair.grid == pair.pair.grid
        assert after.tile(Window(0, 0, after.width, after.height)).valid.all()
        before, tile = pair.tile(window), after.tile(window)
        assert measure(after).shift == pytest.approx((0.0, 0.0), abs=0.05)
    np.testing.assert_array_equal(tile.ms_up, before.ms_up)
    off, left = (np.abs(each.pan - expected.pan).mean() for each in (before, tile))
    assert left < 0.15 * off


def test_a_pair_that_follows_a_long_way_is_cut(scene):
    with scene((5.0, -8.0)) as pair:
        after, _ = registered(pair, "follow", lambda *_: None, pytest.fail)
        assert (after.width, after.height) == (pair.width - 4, pair.height - 7)
        corner = after.pair.grid.to_map([[0, 0]])[0] - pair.pair.grid.to_map([[0, 0]])[0]
        assert corner == pytest.approx((0, -7))
        assert measure(after).shift == pytest.approx((0.0, 0.0), abs=0.05)


def test_report_warns_and_moves_nothing(scene):
    warnings = []
    with scene((2.0, -1.0)) as pair:
        after, finding = registered(pair, "report", lambda *_: None, warnings.append)
        assert after is pair
    assert (finding["shift_x"], finding["shift_y"]) == pytest.approx((2.0, -1.0), abs=0.1)
    assert not finding["shift_corrected"]
    assert len(warnings) == 1
    assert "right and" in warnings[0]
    assert "above" in warnings[0]


def test_off_measures_nothing(scene, monkeypatch):
    monkeypatch.setattr(registration, "measure", None)
    with scene((2.0, -1.0)) as pair:
        after, finding = registered(pair, "off", lambda *_: None, pytest.fail)
        assert after is pair
    assert finding["shift_x"] is None
    assert finding["shift_confidence"] == 0.0


def moved_sample(folder, x, y):
    """The sample's files with an MS whose georeference is moved right by x and down by y pixels."""
    dataset = gdal.Translate(str(folder / "ms.tif"), str(SAMPLE / "ms.tif"))
    left, pixel, _, top, _, _ = dataset.GetGeoTransform()
    dataset.SetGeoTransform((left + 15 * x, pixel, 0.0, top - 15 * y, 0.0, -pixel))
    dataset = None
    return str(SAMPLE / "pan.tif"), (str(folder / "ms.tif"),)


def test_a_job_corrects_and_says_so(tmp_path):
    pan, ms = moved_sample(tmp_path, 1.4, -2.3)
    output = str(tmp_path / "fused.tif")
    result = run_job(ClassicalJob(pan, ms, output, "exp", register="correct"))
    assert result["shift_corrected"]
    assert (result["shift_x"], result["shift_y"]) == pytest.approx((-1.4, 2.3), abs=0.1)
    assert result["registration"].endswith("MS was moved accordingly.")
    tag = gdal.Open(output).GetMetadataItem("KSDIFF_SHIFT")
    assert tag == f"{result['shift_x']:.3f} {result['shift_y']:.3f}"


@pytest.mark.parametrize("how", ["follow", "correct"])
def test_a_registered_result_is_measured_as_its_pair_lay(tmp_path, how):
    output = str(tmp_path / "fused.tif")
    hqnr = []
    for ms in ((str(SAMPLE / "ms.tif"),), moved_sample(tmp_path, 1.4, -2.3)[1]):
        pan = str(SAMPLE / "pan.tif")
        run_job(ClassicalJob(pan, ms, output, "mtf-glp-hpm", register=how))
        hqnr.append(run_job(AssessWithoutReferenceJob(pan, ms, output))["figures"]["hqnr"])
    assert hqnr[1] == pytest.approx(hqnr[0], abs=0.005)


def test_a_job_follows_by_default(tmp_path):
    pan, ms = moved_sample(tmp_path, 1.4, -1.3)
    output = str(tmp_path / "fused.tif")
    result = run_job(ClassicalJob(pan, ms, output, "exp"))
    assert result["shift_corrected"]
    assert (result["shift_x"], result["shift_y"]) == pytest.approx((-1.4, 1.3), abs=0.1)
    assert result["registration"].endswith("PAN was moved accordingly.")
    assert not any("shift" in message for message in result["messages"])
    fused, as_it_lies = gdal.Open(output), str(tmp_path / "as_it_lies.tif")
    run_job(ClassicalJob(pan, ms, as_it_lies, "exp", register="off"))
    assert fused.GetGeoTransform() == gdal.Open(as_it_lies).GetGeoTransform()
    assert fused.RasterXSize == gdal.Open(as_it_lies).RasterXSize
    assert fused.GetMetadataItem("KSDIFF_SHIFT") is None
    tag = fused.GetMetadataItem("KSDIFF_PAN_SHIFT")
    assert tag == f"{result['shift_x']:.3f} {result['shift_y']:.3f}"


def test_a_job_that_only_reports(tmp_path):
    pan, ms = moved_sample(tmp_path, 1.4, -2.3)
    output = str(tmp_path / "fused.tif")
    result = run_job(ClassicalJob(pan, ms, output, "exp", register="report"))
    assert not result["shift_corrected"]
    assert (result["shift_x"], result["shift_y"]) == pytest.approx((-1.4, 2.3), abs=0.1)
    assert any("register 'follow' or 'correct'" in message for message in result["messages"])
    assert not [tag for tag in gdal.Open(output).GetMetadata() if tag.endswith("SHIFT")]


def test_a_reduced_pair_is_corrected_too(tmp_path):
    pan, ms = moved_sample(tmp_path, 3.0, -2.0)
    output = [str(tmp_path / name) for name in ("reduced_pan.tif", "reduced_ms.tif")]
    found = {}
    for how in ("report", "correct", "follow"):
        result = run_job(DegradeJob(pan, ms, *output, register=how))
        assert result["shift_corrected"] == (how != "report")
        with opened(*output, "landsat-8-9") as pair:
            found[how] = measure(pair).shift
    assert found["report"] == pytest.approx((-1.5, 1.0), abs=0.1)
    assert found["correct"] == pytest.approx((0.0, 0.0), abs=0.1)
    assert found["follow"] == pytest.approx((0.0, 0.0), abs=0.1)


def test_a_comparison_ranks_what_correcting_would_give(tmp_path):
    pan, ms = moved_sample(tmp_path, 1.4, -2.3)
    options = {"methods": ("gsa",), "megapixels": 0.1}
    as_it_lies = run_job(CompareJob(pan, (str(SAMPLE / "ms.tif"),), **options))
    moved, *registered = (
        run_job(CompareJob(pan, ms, **options, register=how))
        for how in ("report", "correct", "follow")
    )
    assert any("register 'follow'" in message for message in moved["messages"])
    ergas = as_it_lies["figures"]["gsa"]["ergas"]
    assert moved["figures"]["gsa"]["ergas"] > 1.2 * ergas
    for each in registered:
        assert each["shift_corrected"]
        assert "moved accordingly" in each["facts"]["Registration"]
        assert each["figures"]["gsa"]["ergas"] == pytest.approx(ergas, rel=0.1)


def images_of_nothing():
    rng = np.random.default_rng(3)
    ground, other = texture(4, 384, 384), texture(4, 384, 384, seed=9)
    ms = block_mean(ground, RATIO)
    pan = ground.mean(axis=0, keepdims=True)
    return {
        "another ground": (other.mean(axis=0, keepdims=True), ms),
        "noise": (pan, rng.normal(1000, 100, ms.shape)),
        "flat MS": (pan, np.full(ms.shape, 700.0)),
        "flat PAN": (np.full(pan.shape, 700.0), ms),
        "a shift beyond the search": (np.roll(pan, 60, axis=2), ms),
        "too small": (pan[:, :80, :80], ms[:, :20, :20]),
    }


@pytest.mark.parametrize("name", images_of_nothing())
def test_what_cannot_be_trusted_is_not_corrected(tmp_path, name):
    pan, ms = images_of_nothing()[name]
    write_geotiff(tmp_path / "pan.tif", pan, data_type="Float32")
    write_geotiff(tmp_path / "ms.tif", ms, pixel=float(RATIO), data_type="Float32")
    warnings = []
    with opened(tmp_path / "pan.tif", tmp_path / "ms.tif") as pair:
        after, finding = registered(pair, "correct", lambda *_: None, warnings.append)
        assert after is pair
        assert registered(pair, "follow", lambda *_: None, pytest.fail)[0] is pair
    assert not finding["shift_corrected"]
    assert len(warnings) == 1
    assert "MS was left where it is" in warnings[0]


def test_windows_that_disagree_are_not_trusted():
    positions = np.random.default_rng(0).uniform(0, 1, (25, 2))
    shifts = np.random.default_rng(1).normal(0, 1.5, (25, 2))
    found = registration._judge(
        registration._WindowShifts(positions, shifts, np.ones(25)), np.zeros(2)
    )
    assert not found.trusted
    assert not found.significant
    assert "windows agree" in found.describe() or "changes by" in found.describe()


def test_a_shift_that_changes_across_the_scene_is_told(scene):
    positions = np.array([(x, y) for y in np.linspace(0, 1, 5) for x in np.linspace(0, 1, 5)])
    shifts = np.column_stack([4.0 * positions[:, 0], np.zeros(25)])
    median = np.array([2.0, 0.0])
    windows = registration._WindowShifts(positions, shifts - median, np.ones(25))
    found = registration._judge(windows, median)
    assert found.variation == pytest.approx(4.0)
    assert not found.trusted
    assert "changes by 4.0 PAN pixels" in found.describe()


def test_gaps_do_not_hide_the_shift(scene):
    hole = (slice(0, 40), slice(0, 50))
    with scene((1.5, -0.5), size=(140, 150), hole=hole) as pair:
        found = measure(pair)
        assert pair._statistics is None  # no pass over the whole scene was needed
    assert found.trusted
    assert found.shift == pytest.approx((1.5, -0.5), abs=0.1)


def test_measuring_can_be_cancelled(scene):
    def progress(fraction, message):
        raise Cancelled()

    with scene() as pair, pytest.raises(Cancelled):
        measure(pair, progress)


def test_progress_never_falls(scene):
    fractions = []
    with scene((2.2, 1.0)) as pair:
        measure(pair, lambda fraction, message: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1


def test_words_say_which_way():
    found = Registration((1.25, -0.5), 0.9, 0.02, 20, 0.1, "")
    text = found.describe()
    assert text.startswith("PAN lies 1.25 PAN pixels right and 0.50 above of MS")
    assert "90% of 20 windows" in text


@pytest.mark.parametrize(
    ("name", "sensor", "shift"),
    [
        ("worldview3_utm42", "worldview-3", (-0.1, 1.3)),
        ("landsat8_pamplona", "landsat-8-9", (1, -0.9)),
    ],
)
def test_real_scenes(name, sensor, shift):
    if not SCENES.is_dir():
        pytest.skip("real scenes are not here (../shared/data)")
    with opened(SCENES / name / "pan.tif", SCENES / name / "ms.tif", sensor) as pair:
        found = measure(pair)
        after, finding = registered(pair, "correct", lambda *_: None, pytest.fail)
        again = measure(after)
    assert finding["shift_corrected"]
    assert found.shift == pytest.approx(shift, abs=0.2)
    assert again.shift == pytest.approx((0, 0), abs=0.1)
