"""Jobs from files to files: what is right in a result, and what is said when there can be none."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from osgeo import gdal

from ksdiff_engine import pipeline, weights
from ksdiff_engine._resources import resources_folder
from ksdiff_engine.classical.exp import Exp
from ksdiff_engine.errors import (
    Cancelled,
    EnvironmentProblem,
    InputError,
    OutputError,
    WeightsError,
)
from ksdiff_engine.job import PansharpenJob
from ksdiff_engine.leftovers import is_running, remove_leftovers
from ksdiff_engine.raster.gdal_guard import (
    CACHE_MARGIN,
    LARGEST_CACHE,
    SMALLEST_CACHE,
    bound_cache,
)
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window, even_tiles

SCENES = Path(__file__).parents[3] / "shared" / "data" / "scenes"


@pytest.fixture
def run(tmp_path, weights_folder, monkeypatch):
    """Run a job with EXP in the network's place, so that what is tested is the pipeline."""
    resources = tmp_path / "resources"  # the sensors, but not the built-in weights
    resources.mkdir()
    (resources / "sensors").symlink_to(resources_folder() / "sensors")
    monkeypatch.setenv("KSDIFF_RESOURCES", str(resources))
    monkeypatch.setattr(pipeline, "load_method", lambda *_: Exp())
    output = tmp_path / "result" / "fused.tif"
    output.parent.mkdir()

    def run(pan, ms, *, progress=None, is_cancelled=None, warn=None, **fields):
        ms = (ms,) if isinstance(ms, str) else tuple(ms)
        fields = {"weights_folders": (str(weights_folder),), "device": "cpu", **fields}
        fields = {"output": str(output), **fields}
        job = PansharpenJob(pan=pan, ms=ms, **fields)
        return pipeline.run_job(job, progress, is_cancelled, warn)

    run.output = output
    return run


def read(path):
    dataset = gdal.Open(str(path))
    kind = {1: np.uint8, 2: np.uint16, 6: np.float32}[dataset.GetRasterBand(1).DataType]
    shape = (dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)
    bands = [dataset.GetRasterBand(n + 1).ReadRaster() for n in range(shape[0])]
    return np.frombuffer(b"".join(bands), dtype=kind).reshape(shape), dataset


def nothing_left(run):
    return os.listdir(run.output.parent) == []


def test_result_and_tags(run, pair_files, weights_folder):
    warnings = []
    result = run(*pair_files(), tile=96, seed=5, warn=warnings.append)
    image, dataset = read(run.output)
    assert image.shape == (4, 240, 280)
    assert image.dtype == np.uint16
    assert dataset.GetRasterBand(1).GetNoDataValue() == 0
    expected = {"width": 280, "height": 240, "bands": 4, "ratio": 4.0, "valid_fraction": 1.0}
    assert expected.items() <= result.items()
    assert set(result) == {
        *("output", "width", "height", "bands", "ratio", "valid_fraction", "seconds"),
        *("weights", "weights_sha256", "weights_reason", "device", "seed", "messages"),
        *("shift_x", "shift_y", "shift_error", "shift_confidence", "shift_corrected"),
        *("registration", "sensor", "sensor_reason", "natural_colour"),
    }
    assert result["messages"] == warnings == []
    assert json.loads(json.dumps(result)) == result
    digest = weights.sha256(weights_folder / "test.safetensors")
    tags = dataset.GetMetadata()
    assert tags["KSDIFF_WEIGHTS_SHA256"] == result["weights_sha256"] == digest
    assert tags["KSDIFF_METHOD"] == "exp"
    assert tags["KSDIFF_WEIGHTS"] == "test"
    assert tags["KSDIFF_SEED"] == "5"
    assert tags["KSDIFF_SENSOR"] == "default"
    assert tags["KSDIFF_PRIOR_SCOPE"] == "scene"
    assert (tags["KSDIFF_PAN"], tags["KSDIFF_MS"]) == ("pan.tif", "ms.tif")
    assert os.listdir(run.output.parent) == ["fused.tif"]


def test_tiles_leave_no_seams(run, pair_files):
    files = pair_files(pan_hole=(slice(50, 90), slice(60, 90)), data_type="Float32", nodata=-1e4)
    run(*files, tile=64)
    small = read(run.output)[0]
    run(*files, tile=4096)
    whole = read(run.output)[0]
    np.testing.assert_allclose(small, whole, rtol=1e-5)


def test_nodata_is_nodata_in_the_result_and_nowhere_else(run, pair_files):
    files = pair_files(ms_hole=(slice(10, 20), slice(10, 30)))
    result = run(*files)
    image, _ = read(run.output)
    expected = np.zeros((240, 280), dtype=bool)
    expected[40:80, 40:120] = True
    np.testing.assert_array_equal((image == 0).all(axis=0), expected)
    np.testing.assert_array_equal((image == 0).any(axis=0), expected)
    assert result["valid_fraction"] == pytest.approx(1 - expected.mean())


def test_progress_rises_steadily_to_the_end(run, pair_files):
    fractions = []
    run(*pair_files(), tile=64, progress=lambda fraction, message: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert fractions[-1] > 0.95
    assert max(np.diff(fractions)) < 0.2


@pytest.mark.parametrize("calls", [0, 1, 3, 5, 8])
def test_cancelling_leaves_nothing(run, pair_files, calls):
    asked = iter(range(1000))
    with pytest.raises(Cancelled):
        run(*pair_files(), tile=64, is_cancelled=lambda: next(asked) >= calls)
    assert nothing_left(run)


def test_bands_are_chosen_and_types_changed(run, pair_files):
    result = run(
        *pair_files(), bands=(3, 1), output_type="Float32", creation_options=("COMPRESS=LZW",)
    )
    image, dataset = read(run.output)
    assert result["bands"] == 2
    assert image.dtype == np.float32
    assert dataset.GetMetadata("IMAGE_STRUCTURE")["COMPRESSION"] == "LZW"


def test_separate_band_files(run, tmp_path, pair_files, geotiff):
    pan, ms = pair_files()
    image, _ = read(ms)
    names = [tmp_path / f"band{n}.tif" for n in range(4)]
    for name, band in zip(names, image, strict=True):
        geotiff(name, band[None], pixel=2.0, nodata=0)
    run(pan, ms)
    together, _ = read(run.output)
    run(pan, [str(name) for name in names])
    np.testing.assert_array_equal(read(run.output)[0], together)


def test_sensor_is_found_by_name_and_its_ratio_compared(run, tmp_path, pair_files):
    (tmp_path / "WV03_site").mkdir()
    result = run(*pair_files(folder=tmp_path / "WV03_site", ratio=2))
    assert read(run.output)[1].GetMetadataItem("KSDIFF_SENSOR") == "worldview-3"
    assert "WorldView-3 has ratio 4, these rasters have 2.00" in result["messages"][0]
    assert "do not include worldview-3" in result["weights_reason"]


def test_sensor_is_found_by_tags(run, pair_files):
    pan, ms = pair_files()
    dataset = gdal.Open(ms, gdal.GA_Update)
    dataset.SetMetadataItem("SATELLITEID", "QB02")
    dataset = None
    run(pan, ms)
    assert read(run.output)[1].GetMetadataItem("KSDIFF_SENSOR") == "quickbird"


def test_rasters_are_never_read_by_two_threads_at_once(run, pair_files, monkeypatch):
    """A method may take tiles while it fuses (prior scope "tile" does), and so does the reader."""

    class Reading(Exp):
        def prepare(self, scene, progress):
            self.scene = scene

        def fuse(self, tile):
            self.scene.tile(tile.window)
            return super().fuse(tile)

    plain, inside = RasterSource.read, []

    def read_alone(source, window):
        inside.append(threading.get_ident())
        assert len(set(inside)) == 1
        time.sleep(0.002)
        result = plain(source, window)
        inside.remove(threading.get_ident())
        return result

    monkeypatch.setattr(RasterSource, "read", read_alone)
    monkeypatch.setattr(pipeline, "load_method", lambda *_: Reading())
    run(*pair_files(), tile=64)


def test_between_two_spells_no_tile_is_in_memory(run, pair_files, monkeypatch):
    tiles, between = [], []

    class Watched(Exp):
        tiles_at_once = 2

        def fuse(self, tile):
            tiles.append(weakref.ref(tile))
            return super().fuse(tile)

    def hand_back(beyond):
        if not beyond:
            between.append((len(tiles), sum(tile() is not None for tile in tiles)))

    files, fractions = pair_files(), []
    run(*files, tile=64)
    at_once = read(run.output)[0]
    monkeypatch.setattr(pipeline, "load_method", lambda *_: Watched())
    monkeypatch.setattr(pipeline, "hand_back_freed_memory", hand_back)
    monkeypatch.setattr(pipeline, "SPELL", 280 * 240 // 3)
    run(*files, tile=64, progress=lambda fraction, message: fractions.append(fraction))
    assert between == [(6, 0), (12, 0)]  # of 20; what is left at the end goes with the process
    assert fractions == sorted(fractions)
    np.testing.assert_array_equal(read(run.output)[0], at_once)


def test_a_scene_is_fused_in_spells_of_about_equal_size():
    windows = list(even_tiles(16000, 16000, (1024, 1024)))
    parts = list(pipeline.spells(windows, 2))
    assert [len(part) for part in parts] == [32] * 8
    assert [len(part) for part in pipeline.spells(windows[:91], 2)] == [30, 30, 31]
    for threads in (1, 2, 4):
        parts = list(pipeline.spells(windows, threads))
        assert [window for part in parts for window in part] == windows
        assert all(len(part) % threads == 0 for part in parts)
    assert list(pipeline.spells(windows[:40])) == [windows[:40]]
    assert list(pipeline.spells([])) == [[]]  # all tiles were kept from an earlier run


# --- what cannot be done ---


def refusal(run, error, *arguments, **fields):
    with pytest.raises(error) as caught:
        run(*arguments, **fields)
    assert nothing_left(run)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value.message


def test_no_overlap(run, tmp_path, pair_files, geotiff):
    pan, _ = pair_files()
    away = geotiff(tmp_path / "away.tif", np.ones((4, 30, 30)), pixel=2.0, origin=(0.0, 0.0))
    assert "do not overlap" in refusal(run, InputError, pan, str(away))


def test_exchanged_files(run, pair_files):
    pan, ms = pair_files(bands=1)
    assert "coarser" in refusal(run, InputError, ms, pan)


def test_multiband_pan(run, pair_files):
    _, ms = pair_files()
    assert "4 bands" in refusal(run, InputError, ms, ms + "")


def test_one_sided_crs(run, tmp_path, pair_files, geotiff):
    pan, _ = pair_files()
    bare = geotiff(tmp_path / "bare.tif", np.ones((4, 60, 70)), pixel=2.0, epsg=None)
    assert "coordinate reference system" in refusal(run, InputError, pan, str(bare))


def test_truncated_file(run, tmp_path, pair_files):
    pan, ms = pair_files()
    cut = tmp_path / "cut.tif"
    cut.write_bytes(Path(pan).read_bytes()[:60_000])
    assert "cut.tif" in refusal(run, InputError, str(cut), ms)


def test_not_a_raster(run, tmp_path, pair_files):
    text = tmp_path / "notes.tif"
    text.write_text("no raster")
    assert "notes.tif" in refusal(run, InputError, str(text), pair_files()[1])


def test_missing_file(run, pair_files):
    assert "none.tif" in refusal(run, InputError, "/data/none.tif", pair_files()[1])


@pytest.mark.parametrize("which", ["pan_hole", "ms_hole"])
def test_all_nodata(run, pair_files, which):
    files = pair_files(**{which: (slice(None), slice(None))})
    assert "no valid pixel" in refusal(run, InputError, *files)


def test_not_a_number_and_infinity_are_nodata(run, tmp_path, pair_files, geotiff):
    pan, ms = pair_files(data_type="Float32", nodata=None)
    image = read(ms)[0].copy()
    image[0, 5, 5], image[1, 9, 9] = np.nan, np.inf
    geotiff(Path(ms), image, pixel=2.0, data_type="Float32")
    result = run(pan, ms)
    assert result["valid_fraction"] == pytest.approx(1 - 32 / (240 * 280))
    fused = read(run.output)[0]
    assert np.isfinite(fused).all(axis=0).sum() == 240 * 280 - 32
    assert np.nanmin(fused) > 100


def test_rasters_of_one_pixel(run, tmp_path, pair_files, geotiff):
    dot = str(geotiff(tmp_path / "dot.tif", np.ones((1, 1, 1))))
    pan, ms = pair_files()
    assert "1 × 1" in refusal(run, InputError, dot, ms)
    assert "1 × 1" in refusal(run, InputError, pan, dot)


def test_smallest_rasters(run, pair_files):
    result = run(*pair_files(size=(2, 2)))
    assert (result["width"], result["height"]) == (8, 8)


def test_ratio_without_weights(run, pair_files):
    message = refusal(run, WeightsError, *pair_files(ratio=8, size=(20, 20)))
    assert "ratio 8" in message


def test_unknown_and_damaged_weights(run, tmp_path, pair_files, weights_folder):
    files = pair_files()
    assert "'best'" in refusal(run, WeightsError, *files, weights="best")
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\x80\x04 pickle")
    assert "pickle" in refusal(run, WeightsError, *files, weights=str(bad))
    other = tmp_path / "more"
    other.mkdir()
    shutil.copy(bad, other)
    result = run(*files, weights_folders=(str(other), str(weights_folder)))
    assert "bad.safetensors" in result["messages"][0]


def test_damaged_tensors_are_named(tmp_path, weights_folder, pair_files):
    """The card promises a network; the file holds one tensor."""
    pytest.importorskip("torch")
    pan, ms = pair_files()
    job = PansharpenJob(
        pan=pan,
        ms=(ms,),
        output=str(tmp_path / "x.tif"),
        weights=str(weights_folder / "test.safetensors"),
        device="cpu",
    )
    with pytest.raises(WeightsError, match=r"test\.safetensors"):
        pipeline.run_job(job)


def test_unknown_sensor(run, pair_files):
    assert "'seasat'" in refusal(run, InputError, *pair_files(), sensor="seasat")


def test_missing_and_unfit_folders(run, tmp_path, pair_files):
    files = pair_files()
    missing = str(tmp_path / "missing" / "x.tif")
    assert "missing" in refusal(run, OutputError, *files, output=missing)
    folder = tmp_path / "folder.tif"
    folder.mkdir()
    assert "is a folder" in refusal(run, OutputError, *files, output=str(folder))


def test_an_unfit_output_is_refused_before_any_work(run, tmp_path, pair_files):
    heard = []
    fields = {"output": str(tmp_path / "missing" / "x.tif"), "warn": heard.append}
    refusal(run, OutputError, *pair_files(), progress=lambda f, m: heard.append(m), **fields)
    assert heard == ["Opening the rasters"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into read-only folders")
def test_read_only_folder(run, pair_files):
    run.output.parent.chmod(0o500)
    try:
        assert "cannot be written" in refusal(run, OutputError, *pair_files())
    finally:
        run.output.parent.chmod(0o700)


def test_full_disk(run, tmp_path, pair_files):
    """A file system of 64 KiB; it takes a mount, which not everyone may do."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs is not allowed here")
    try:
        with pytest.raises(OutputError) as caught:
            run(*pair_files(), output=str(small / "x.tif"))
        assert os.strerror(errno.ENOSPC) in str(caught.value) or "free" in str(caught.value)
        assert os.listdir(small) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_torch_missing(run, pair_files, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    message = refusal(run, EnvironmentProblem, *pair_files())
    assert "needs torch" in message


def test_lack_of_memory_is_explained(run, pair_files, monkeypatch):
    class Greedy(Exp):
        def fuse(self, tile):
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(pipeline, "load_method", lambda *_: Greedy())
    assert "20.00 GiB" in refusal(run, EnvironmentProblem, *pair_files())


def test_former_result_survives_a_failure(run, pair_files):
    run.output.write_bytes(b"former")
    with pytest.raises(InputError):
        run(*pair_files(ms_hole=(slice(None), slice(None))))
    assert run.output.read_bytes() == b"former"


# --- leftovers of killed processes ---


def test_leftovers_of_the_dead_are_removed(run, pair_files):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    folder = run.output.parent
    for name in (f".fused.tif.{dead.pid}.abc.part", f".fused.tif.{os.getppid()}.abc.part"):
        (folder / name).mkdir()
        (folder / name / "fused.tif").write_bytes(b"half")
    (folder / f".other.tif.{dead.pid}.abc.part").mkdir()
    run(*pair_files())
    kept = {f".fused.tif.{os.getppid()}.abc.part", f".other.tif.{dead.pid}.abc.part", "fused.tif"}
    assert set(os.listdir(folder)) == kept


def test_leftovers_of_one_process(tmp_path):
    (tmp_path / f".a.tif.{os.getpid()}.x.part").mkdir()
    assert remove_leftovers(str(tmp_path / "a.tif")) == []
    assert len(remove_leftovers(str(tmp_path / "a.tif"), os.getpid())) == 1
    assert remove_leftovers("/no/such/folder/a.tif") == []
    assert is_running(os.getpid())


# --- real scenes, through the real network where there are weights ---


@pytest.mark.parametrize("name", ["landsat8_pamplona", "worldview3_utm42"])
def test_real_scenes(run, name):
    if not SCENES.is_dir():
        pytest.skip(f"no real scenes in {SCENES}")
    result = run(str(SCENES / name / "pan.tif"), str(SCENES / name / "ms.tif"), tile=256)
    assert result["valid_fraction"] == 1.0
    assert round(result["ratio"]) == {"landsat8_pamplona": 2, "worldview3_utm42": 4}[name]


def test_landsat_as_delivered(run):
    if not SCENES.is_dir():
        pytest.skip(f"no real scenes in {SCENES}")
    folder = SCENES / "landsat8_bands_195025"
    names = sorted(str(path) for path in folder.glob("*_B?.TIF"))
    pan = next(name for name in names if name.endswith("_B8.TIF"))
    bands = [name for name in names if name[-6:-4] in ("B2", "B3", "B4", "B5")]
    result = run(pan, bands)
    assert (result["bands"], result["ratio"]) == (4, 2.0)
    assert gdal.Open(str(run.output)).GetMetadataItem("KSDIFF_SENSOR") == "landsat-8-9"


def test_ms_on_the_pan_grid_is_averaged_back_to_a_known_sensor(run, tmp_path, pair_files):
    pan, ms = pair_files(data_type="Float32")
    run(pan, ms)
    direct = read(run.output)[0]
    enlarged = str(tmp_path / "enlarged.tif")
    gdal.Warp(enlarged, ms, xRes=0.5, yRes=0.5, resampleAlg="cubic")
    assert "ratio 1.00" in refusal_message(run, pan, enlarged)
    result = run(pan, enlarged, sensor="quickbird")
    assert result["ratio"] == 4.0
    assert result["valid_fraction"] == 1.0
    assert "averaged back to the ratio 4 of QuickBird" in result["messages"][0]
    inner = (slice(None), slice(24, -24), slice(24, -24))
    assert np.corrcoef(read(run.output)[0][inner].ravel(), direct[inner].ravel())[0, 1] > 0.95


def refusal_message(run, *arguments):
    with pytest.raises(InputError) as caught:
        run(*arguments)
    assert "name the sensor" in caught.value.hint
    return caught.value.message


class Planned(Exp):
    largest_tile = (1024, 2048)

    def __init__(self, block=None):
        self.block = block


@pytest.mark.parametrize(
    ("edge", "first"),
    [
        (8000, (1024, 2048)),
        (4000, (1024, 2048)),
        (3000, (1024, 1024)),
        (2000, (512, 512)),
        (300, (300, 300)),
    ],
)
def test_tiles_are_large_where_there_are_enough_of_them(edge, first):
    plan = pipeline.tile_plan(SimpleNamespace(width=edge, height=edge), Planned())
    assert (plan[0].width, plan[0].height) == first
    assert sum(window.width * window.height for window in plan) == edge**2
    assert edge < 2000 or len(plan) >= pipeline.FEWEST_TILES


def test_tiles_of_the_wanted_edge_unless_the_method_asks_for_one_size():
    scene = SimpleNamespace(width=5000, height=3000)
    assert pipeline.tile_plan(scene, Planned(), tile=700)[0] == Window(0, 0, 700, 700)
    plan = pipeline.tile_plan(scene, Planned(block=(2048, 1024)), tile=700)
    assert len(plan) == 9
    assert max(window.height for window in plan) <= 1024


def test_a_row_of_tiles_is_kept_of_rasters_that_are_stored_in_rows(geotiff, tmp_path):
    image = np.ones((1, 1024, 1024), dtype=np.uint16)
    striped = str(geotiff(tmp_path / "striped.tif", image))
    tiled = str(tmp_path / "tiled.tif")
    gdal.Translate(tiled, striped, creationOptions=["TILED=YES"])
    virtual = str(tmp_path / "virtual.vrt")
    gdal.Translate(virtual, tiled, format="VRT")
    in_rows = {}
    for path in (striped, tiled, virtual):
        with RasterSource.open_pan(path) as source:
            in_rows[Path(path).stem] = source.in_whole_rows
            pair = SimpleNamespace(pan=source, ms=source, ratio_y=4.0)
            expected = round(1.25 * pipeline.ROWS_READ) * 1024 * 2 if source.in_whole_rows else 0
            assert pipeline.bytes_a_row(pair) == expected
    assert in_rows == {"striped": True, "tiled": False, "virtual": True}


def test_gdals_cache_is_bounded_unless_the_user_says_how_large():
    before = gdal.GetCacheMax()
    try:
        gdal.SetCacheMax(4 << 30)
        gdal.SetConfigOption("GDAL_CACHEMAX", "4096")
        bound_cache()
        assert gdal.GetCacheMax() == 4 << 30
        gdal.SetConfigOption("GDAL_CACHEMAX", None)
        bound_cache()
        assert gdal.GetCacheMax() == SMALLEST_CACHE
        bound_cache(10 << 20)
        assert gdal.GetCacheMax() == SMALLEST_CACHE
        bound_cache(100 << 20)
        assert gdal.GetCacheMax() == CACHE_MARGIN + (100 << 20)
        bound_cache(4 << 30)
        assert gdal.GetCacheMax() == LARGEST_CACHE
    finally:
        gdal.SetConfigOption("GDAL_CACHEMAX", None)
        gdal.SetCacheMax(before)
