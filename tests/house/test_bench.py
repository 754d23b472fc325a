"""The benchmark: figures from rows, fair treatment of other programs, and one small run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from scripts.benchmark.measuring import CommandFailed, measure, thinned
from scripts.benchmark.quality import against_reference, refitted
from scripts.benchmark.report import write_report
from scripts.benchmark.results import Results, bars, linear_fit
from scripts.benchmark.scenes import write_mosaic, write_quality_scene, write_raster

ROOT = Path(__file__).parents[2]


def write_pair(path, bands=4, edge=64, ratio=4, scale=1.0):
    rng = np.random.default_rng(0)
    fine = rng.uniform(200, 1800, (bands, edge, edge)).repeat(ratio, 1).repeat(ratio, 2)
    ms = fine.reshape(bands, edge, ratio, edge, ratio).mean((2, 4))
    pan = fine.mean(0, keepdims=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, ms=ms * scale, pan=pan * scale, ratio=ratio, sensor="GeoEye-1")
    return path


def timing(method, round_, wall, session="a", size=64.0, memory=1000.0):
    row = {"method": method, "megapixels": size, "round": round_, "session": session}
    return {**row, "wall": wall, "cpu": wall, "memory": memory}


def test_ratios_are_taken_within_a_round():
    """A machine that gets three times slower does not change them."""
    results = Results(
        timing=[
            *(timing("ksdiff", n, wall) for n, wall in enumerate((8.0, 24.0, 8.0))),
            *(timing("otb-rcs", n, wall) for n, wall in enumerate((2.0, 6.0, 4.0))),
            timing("otb-rcs", 0, 1.0, session="another day"),
        ]
    )
    assert results.ratio("ksdiff", "otb-rcs", 64.0) == (4.0, 3)
    assert results.ratio("ksdiff", "gdal", 64.0) is None
    found = {bar.label: bar for bar in bars(results, 64.0)}
    assert found["KSDiff / OTB RCS"].met is True
    assert found["KSDiff / its plain backbone"].value is None


def test_pixel_space_diffusion_is_a_step_times_the_steps():
    results = Results(timing=[timing("ksdiff", 0, 10.0), timing("diffusion-step", 0, 8.0)])
    found = {bar.label: bar for bar in bars(results, 64.0)}
    thousand = found["pixel-space diffusion, T = 1000 / KSDiff"]
    assert (thousand.value, thousand.met) == (800.0, True)
    assert found["pixel-space diffusion, 25 steps of DDIM / KSDiff"].value == 20.0


def test_the_spread_of_memory_is_between_the_smallest_and_the_largest():
    """4 megapixels do not count: nothing but the libraries is in memory there."""
    peaks = {4.0: 500.0, 16.0: 1000.0, 64.0: 1100.0, 256.0: 1250.0}
    rows = [timing("ksdiff", 0, 1.0, size=size, memory=peak) for size, peak in peaks.items()]
    found = {bar.label: bar for bar in bars(Results(timing=rows), 64.0)}
    largest = found["peak memory of KSDiff, GB"]
    assert (largest.value, largest.met) == (1.25, True)
    spread = found["spread of the peak memory"]
    assert (spread.value, spread.met) == (pytest.approx(0.2), False)
    assert found["peak memory against the main size"].value == pytest.approx(1250 / 1100 - 1)


def test_the_course_of_memory_keeps_its_peaks():
    polled = [100_000_000] * 1000
    polled[517] = 250_000_000
    course = thinned(polled)
    assert (len(course), max(course), min(course)) == (200, 250.0, 100.0)
    assert thinned([5_000_000, 7_000_000]) == (5.0, 7.0)
    assert thinned([]) == ()


def test_time_is_fitted_by_a_line():
    fit = linear_fit([4.0, 16.0, 64.0], [5.0 + 4, 5.0 + 16, 5.0 + 64])
    assert (fit.start, fit.slope, fit.r_squared) == pytest.approx((5, 1, 1))
    assert fit.residuals == pytest.approx((0, 0, 0), abs=1e-9)


def test_what_is_measured_anew_replaces_the_old(tmp_path):
    results = Results({"a": {}, "b": {}}, [timing("gsa", 0, 9.0), timing("exp", 0, 5.0)])
    for round_ in (0, 1):
        results.add("timing", timing("gsa", round_, 1.0, session="b"), ("method", "megapixels"))
    results.save(tmp_path / "r.json")
    again = Results.load(tmp_path / "r.json")
    assert [row["wall"] for row in again.timing] == [5.0, 1.0, 1.0]
    assert set(again.sessions) == {"a", "b"}


def test_memory_is_that_of_the_command_and_its_children(tmp_path):
    hold = "b = bytearray(b'x' * 60_000_000); import time; time.sleep(0.6)"
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {hold!r}]); {hold}"
    idle = measure([sys.executable, "-c", "pass"], tmp_path)
    both = measure([sys.executable, "-c", child + "; time.sleep(0.3)"], tmp_path)
    assert idle.memory < 60
    assert both.memory > 120
    assert both.wall > 0.6
    with pytest.raises(CommandFailed, match="ended with 3: no such luck"):
        measure([sys.executable, "-c", "print('no such luck'); raise SystemExit(3)"], tmp_path)


def test_a_part_of_a_command_tells_its_own_seconds(tmp_path):
    said = "print('loading'); print('{\"seconds\": 12.5}')"
    assert measure([sys.executable, "-c", said], tmp_path, self_timed=True).wall == 12.5


def test_the_mosaic_has_the_size_and_no_seams(tmp_path):
    pair = write_mosaic(write_pair(tmp_path / "a.npz"), 0.4, 3, tmp_path)
    pan, ms = gdal.Open(pair.pan), gdal.Open(pair.ms)
    assert pan.RasterXSize == pan.RasterYSize == 4 * ms.RasterXSize == 632
    assert (ms.RasterCount, pair.bits, pair.sensor, pair.data_type) == (3, 11, "geoeye-1", "UInt16")
    image = pan.ReadAsArray()
    np.testing.assert_array_equal(image[:, 255], image[:, 256])  # where a mirrored copy begins


def test_reflectance_is_brought_to_whole_numbers(tmp_path):
    path = write_pair(tmp_path / "a.npz", scale=1e-4)
    (tmp_path / "scene").mkdir()
    scene = write_quality_scene(path, tmp_path / "scene")
    assert gdal.Open(scene.full.ms).ReadAsArray().mean() == pytest.approx(1000, rel=0.1)
    reference = gdal.Open(scene.reference).ReadAsArray()
    assert reference.shape == (4, 64, 64)
    assert gdal.Open(scene.reduced.pan).ReadAsArray().shape == (64, 64)


def test_only_level_and_contrast_are_restored(tmp_path):
    """A result that is right but for gain, offset and some nodata is rated as right."""
    (tmp_path / "scene").mkdir()
    scene = write_quality_scene(write_pair(tmp_path / "a.npz"), tmp_path / "scene")
    right = gdal.Open(scene.reference).ReadAsArray()
    averages = right.reshape(4, 16, 4, 16, 4).mean((2, 4))
    write_raster(scene.reduced.ms, averages, 4.0)
    wrong = right * 0.1 + np.arange(4, dtype=np.float32)[:, None, None] * 7
    wrong[:, :3, :5] = -32768
    path = str(tmp_path / "wrong.tif")
    write_raster(path, wrong, 1.0)
    dataset = gdal.Open(path, gdal.GA_Update)
    for band in range(4):
        dataset.GetRasterBand(band + 1).SetNoDataValue(-32768)
    dataset = None
    figures = against_reference(refitted(path, scene.reduced), scene.reference, 4)
    assert figures["ergas"] < 1e-3
    assert figures["ergas_3"] < 1e-3
    assert against_reference(path, scene.reference, 4)["ergas"] > 10


def test_a_small_run_writes_its_page(tmp_path):
    """Through the command line, with a classical method and no other program."""
    write_pair(tmp_path / "data" / "train" / "a.npz")
    write_pair(tmp_path / "data" / "test" / "b.npz", edge=32)
    command = [
        *(sys.executable, "scripts/bench.py", str(tmp_path / "data"), "--pair", "train/a.npz"),
        *("--methods", "exp,gsa", "--megapixels", "0.05", "0.1", "--rounds", "1"),
        *("--output", str(tmp_path / "docs")),
    ]
    said = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'engine'}:{ROOT / 'training'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    page = (tmp_path / "docs" / "benchmarks.md").read_text()
    results = Results.load(tmp_path / "docs" / "benchmarks.json")
    assert {row["method"] for row in results.timing} == {"exp", "gsa"}
    assert not any("error" in row for row in (*results.timing, *results.quality))
    exp, gsa = (results.quality[n]["ergas"] for n in (0, 1))
    assert 0 < gsa < exp
    assert f"{gsa:.3f}" in page
    assert (tmp_path / "docs" / "images" / "benchmark-quality-x4.png").stat().st_size > 5000
    before = page
    write_report(results, tmp_path / "docs")
    assert (tmp_path / "docs" / "benchmarks.md").read_text() == before
