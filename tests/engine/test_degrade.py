"""Wald's protocol on rasters: what lies where, what is valid, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from ksdiff_engine import cli
from ksdiff_engine.errors import Cancelled, InputError, OutputError
from ksdiff_engine.job import DegradeJob
from ksdiff_engine.pipeline import run_job
from ksdiff_engine.raster.grid import Grid
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.reduction import Axis, Reduction
from ksdiff_engine.wald import reduce_ms, reduce_pan

SCENES = Path(__file__).parents[3] / "shared" / "data" / "scenes"


def read(path):
    dataset = gdal.Open(str(path))
    kind = {2: np.uint16, 6: np.float32}[dataset.GetRasterBand(1).DataType]
    shape = (dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)
    bands = [dataset.GetRasterBand(n + 1).ReadRaster() for n in range(shape[0])]
    image = np.frombuffer(b"".join(bands), dtype=kind).reshape(shape)
    return image, Grid(shape[2], shape[1], dataset.GetGeoTransform())


def centres(grid):
    """Map coordinates of all pixel centres, (2, H, W)."""
    rows, columns = np.mgrid[0 : grid.height, 0 : grid.width] + 0.5
    points = grid.to_map(np.column_stack([columns.ravel(), rows.ravel()]))
    return points.T.reshape(2, grid.height, grid.width)


@pytest.fixture
def job_for(tmp_path):
    folder = tmp_path / "result"
    folder.mkdir()

    def job_for(pan, ms, **fields):
        outputs = {
            f"output_{name}": str(folder / f"{name}.tif") for name in ("pan", "ms", "reference")
        }
        return DegradeJob(pan=str(pan), ms=(str(ms),), **{**outputs, **fields})

    job_for.folder = folder
    return job_for


def ramp_pair(folder, geotiff, ratio, shift=(0.0, 0.0), size=(61, 73)):
    """A pair whose values are map coordinates less those of the corner: bands x and y, PAN x + y.

    shift: of the MS's corner from the PAN's, in map units (PAN pixels).
    """
    corner = (500000.0, 4800000.0)
    height, width = size
    ms_origin = (corner[0] + shift[0], corner[1] + shift[1])
    ms = centres(Grid(width, height, (ms_origin[0], ratio, 0.0, ms_origin[1], 0.0, -ratio)))
    pan_size = (round(height * ratio) + 9, round(width * ratio) + 7)
    pan = centres(Grid(*pan_size[::-1], (corner[0], 1.0, 0.0, corner[1], 0.0, -1.0)))
    origin = np.array(corner)[:, None, None]
    options = {"data_type": "Float32", "nodata": -9999}
    return (
        geotiff(
            folder / "pan.tif",
            (pan - origin).sum(0, keepdims=True),
            pixel=1.0,
            origin=corner,
            **options,
        ),
        geotiff(folder / "ms.tif", ms - origin, pixel=ratio, origin=ms_origin, **options),
    )


@pytest.mark.parametrize(
    ("ratio", "shift"),
    [(4.0, (0.0, 0.0)), (2.0, (3.25, -1.5)), (2.4, (0.0, 0.0)), (3.7, (5.3, -2.9))],
)
def test_a_ramp_stays_where_it_is(tmp_path, geotiff, job_for, ratio, shift):
    """Values of a ramp are its pixels' coordinates, also after the reduction, to 1e-3 pixel."""
    job = job_for(*ramp_pair(tmp_path, geotiff, ratio, shift))
    result = run_job(job)
    corner = np.array([500000.0, 4800000.0])[:, None, None]
    pan, pan_grid = read(job.output_pan)
    ms, ms_grid = read(job.output_ms)
    reference, reference_grid = read(job.output_reference)
    assert result["ratio"] == pytest.approx(ratio)
    assert (result["width"], result["height"]) == (pan_grid.width, pan_grid.height)
    assert pan_grid == reference_grid
    assert pan_grid.pixel_size == pytest.approx((ratio, ratio))
    assert ms_grid.pixel_size == pytest.approx((ratio**2, ratio**2))
    np.testing.assert_allclose(ms_grid.origin, pan_grid.origin)
    where = centres(reference_grid) - corner
    np.testing.assert_allclose(reference, where, atol=1e-3)
    inner = (slice(None), slice(8, -8), slice(8, -8))  # filters repeat border pixels
    pan_error = np.abs(pan - where.sum(0, keepdims=True))[inner]
    assert pan_error.max() < 1e-3 * ratio
    inner = (slice(None), slice(5, -5), slice(5, -5))
    assert np.abs(ms - (centres(ms_grid) - corner))[inner].max() < 1e-3 * ratio**2


def test_the_reduced_pan_lies_on_pixels_of_the_ms(tmp_path, geotiff, job_for):
    job = job_for(*ramp_pair(tmp_path, geotiff, 2.4, (2.7, -3.1)))
    run_job(job)
    _, ms_grid = read(job.ms[0])
    _, pan_grid = read(job.output_pan)
    column, row = ms_grid.to_pixels(pan_grid.origin[None])[0]
    assert abs(column - round(column)) < 1e-6
    assert abs(row - round(row)) < 1e-6


def test_figures_are_those_of_the_protocol_on_arrays(pair_files, job_for):
    job = job_for(*pair_files(data_type="Float32", nodata=None))
    run_job(job)
    pan, ms = read(job.pan)[0], read(job.ms[0])[0]
    inner = (slice(None), slice(6, -6), slice(6, -6))
    expected = reduce_pan(pan[0], 4)
    reduced_pan = read(job.output_pan)[0][0]
    expected = expected[: reduced_pan.shape[0], : reduced_pan.shape[1]]
    np.testing.assert_allclose(reduced_pan[4:-6, 4:-6], expected[4:-6, 4:-6], rtol=1e-5)
    expected = reduce_ms(ms, 4, [0.3] * 4)
    np.testing.assert_allclose(read(job.output_ms)[0][inner], expected[inner], rtol=1e-5)


def test_type_nodata_and_validity_are_kept(pair_files, job_for):
    hole = (slice(20, 24), slice(40, 48))
    pan, ms = pair_files(ms_hole=hole, pan_hole=(slice(96, 98), slice(8, 12)))
    job = job_for(pan, ms)
    result = run_job(job)
    reduced, _ = read(job.output_ms)
    assert reduced.dtype == np.uint16
    expected = np.zeros((15, 17), dtype=bool)
    expected[5:6, 10:12] = True
    np.testing.assert_array_equal((reduced == 0).all(axis=0), expected)
    assert gdal.Open(job.output_ms).GetRasterBand(1).GetNoDataValue() == 0
    assert result["valid_fraction"] == pytest.approx(1 - expected.mean())
    pan_reduced = read(job.output_pan)[0][0]
    assert np.argwhere(pan_reduced == 0).tolist() == [[24, 2]]
    # What lies beside a hole is not darkened by its zeros.
    whole = job_for(*pair_files(), output_ms=str(job_for.folder / "whole.tif"))
    run_job(whole)
    ratio = reduced[:, ~expected] / read(whole.output_ms)[0][:, ~expected]
    assert 0.9 < ratio.min() <= ratio.max() < 1.1


def test_windows_of_a_reduction_do_not_depend_on_their_cut():
    rng = np.random.default_rng(1)
    source = _Array(rng.uniform(100, 900, (2, 90, 80)), rng.uniform(size=(90, 80)) > 0.02)
    for gains in (None, (0.3, 0.25)):
        reduction = Reduction(source, Axis(1.3, 2.6), Axis(-0.4, 2.6), gains)
        whole, whole_valid = reduction.read(Window(0, 0, 30, 34))
        part, part_valid = reduction.read(Window(7, 11, 9, 8))
        np.testing.assert_array_equal(part_valid, whole_valid[11:19, 7:16])
        np.testing.assert_allclose(part, whole[:, 11:19, 7:16], rtol=1e-4)
        assert 0.2 < whole_valid.mean() < 1


class _Array:
    def __init__(self, image, valid):
        self.image = np.where(valid, image, 0).astype(np.float32)
        self.valid = valid

    def read(self, window):
        _, height, width = self.image.shape
        rows = np.arange(window.row, window.row + window.height)
        columns = np.arange(window.column, window.column + window.width)
        inside = np.outer((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
        index = np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))
        valid = self.valid[index] & inside
        return np.where(valid, self.image[:, index[0], index[1]], 0), valid


def test_images_without_georeference(tmp_path, pair_files, job_for):
    pan, ms = pair_files(size=(41, 43))
    for path in (pan, ms):
        gdal.Translate(path.replace(".tif", "_bare.tif"), path, options="-co PROFILE=BASELINE")
        os.remove(path)
        os.remove(path.replace(".tif", "_bare.tif.aux.xml"))  # where GDAL kept the georeference
    job = job_for(pan.replace(".tif", "_bare.tif"), ms.replace(".tif", "_bare.tif"))
    result = run_job(job)
    assert (result["width"], result["height"]) == (40, 40)
    assert (result["ms_width"], result["ms_height"]) == (10, 10)


def test_too_small_an_overlap(pair_files, job_for):
    with pytest.raises(InputError, match="7 × 6 MS pixels"):
        run_job(job_for(*pair_files(size=(6, 7))))


def test_an_empty_ms(pair_files, job_for):
    pan, ms = pair_files(ms_hole=(slice(None), slice(None)))
    with pytest.raises(InputError, match="valid"):
        run_job(job_for(pan, ms))
    assert os.listdir(job_for.folder) == []


@pytest.mark.parametrize("name", ["ms", "reference"])
def test_a_missing_folder_is_refused_before_the_work(pair_files, job_for, name):
    fields = {f"output_{name}": str(job_for.folder / "none" / "file.tif")}
    heard = []
    with pytest.raises(OutputError, match="does not exist"):
        run_job(job_for(*pair_files(), **fields), lambda fraction, message: heard.append(message))
    assert heard == ["Opening the rasters"]
    assert os.listdir(job_for.folder) == []


@pytest.mark.parametrize("calls", [0, 1, 2, 3])
def test_cancelling_leaves_nothing(pair_files, job_for, calls):
    asked = iter(range(1000))
    with pytest.raises(Cancelled):
        run_job(job_for(*pair_files()), is_cancelled=lambda: next(asked) >= calls)
    assert os.listdir(job_for.folder) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"output_ms": ""}, "output"),
        ({"output_ms": "pan.tif"}, "pan.tif"),
        ({"output_ms": "p.tif"}, "Two outputs"),
        ({"output_reference": "m.tif"}, "Two outputs"),
        ({"creation_options": ("TILED",)}, "TILED"),
    ],
)
def test_impossible_jobs(change, named):
    fields = {"pan": "pan.tif", "ms": ("ms.tif",), "output_pan": "p.tif", "output_ms": "m.tif"}
    with pytest.raises(InputError, match=named):
        DegradeJob(**{**fields, **change})


def test_by_the_command_line(pair_files, tmp_path, capsys):
    pan, ms = pair_files()
    outputs = ["--output-pan", str(tmp_path / "p.tif"), "--output-ms", str(tmp_path / "m.tif")]
    assert cli.main(["degrade", "--pan", pan, "--ms", ms, *outputs, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["output_reference"] is None
    assert (result["ms_width"], result["ms_height"]) == (17, 15)


def test_by_the_worker(pair_files, job_for, ask_worker):
    assert ask_worker(job_for(*pair_files()))["ms_width"] == 17
    assert sorted(os.listdir(job_for.folder)) == ["ms.tif", "pan.tif", "reference.tif"]


def test_a_real_scene(job_for):
    if not SCENES.is_dir():
        pytest.skip(f"no real scenes in {SCENES}")
    scene = SCENES / "landsat8_pamplona"
    job = job_for(scene / "pan.tif", scene / "ms.tif")
    result = run_job(job)
    assert (result["width"], result["height"]) == (400, 310)
    assert (result["ms_width"], result["ms_height"]) == (200, 155)
    reference, _ = read(job.output_reference)
    np.testing.assert_array_equal(reference, read(scene / "ms.tif")[0])
    pan, reduced = read(job.output_pan)[0], read(job.output_ms)[0]
    assert np.corrcoef(pan[0].ravel(), reference[:3].mean(0).ravel())[0, 1] > 0.9
    np.testing.assert_allclose(reduced.mean((1, 2)), reference.mean((1, 2)), rtol=0.01)
