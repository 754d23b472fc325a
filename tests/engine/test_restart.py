"""A job that is killed goes on from its finished tiles, and from no other job's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from osgeo import gdal

from ksdiff_engine import pipeline, restart
from ksdiff_engine.errors import Cancelled, InputError, OutputError
from ksdiff_engine.job import ClassicalJob, PansharpenJob
from ksdiff_engine.pipeline import run_job
from ksdiff_engine.raster.reader import RasterSource

ENGINE = Path(pipeline.__file__).parents[1]

# Runs a job whose tiles take a while; "mtf-glp" is a method that needs the scene's statistics.
SLOW = """
import json, sys, time
from ksdiff_engine import job, pipeline
from ksdiff_engine.classical.mtf_glp import MtfGlp

fuse = MtfGlp.fuse
def slow(self, tile):
    time.sleep(0.1)
    return fuse(self, tile)
MtfGlp.fuse = slow
pipeline.run_job(job.job_from_dict(json.loads(sys.argv[1])))
"""


@pytest.fixture
def job(tmp_path, pair_files):
    """Twenty tiles, some with invalid pixels: without nodata the result gets a mask."""
    files = pair_files(data_type="Float32", nodata=-9999.0)
    with_hole(files[1])
    folder = tmp_path / "result"
    folder.mkdir()
    output = str(folder / "fused.tif")
    return ClassicalJob(
        *(files[0], (files[1],), output, "mtf-glp"),
        tile=64,
        resume=True,
        output_type="UInt16",
        register="off",
    )


def with_hole(path):
    dataset = gdal.Open(path, gdal.GA_Update)
    hole = [-9999.0] * 100
    for number in range(dataset.RasterCount):
        dataset.GetRasterBand(number + 1).WriteRaster(30, 30, 10, 10, struct.pack("100f", *hole))


def unbroken(job, tmp_path):
    """The bytes of an unbroken run without resuming."""
    output = str(tmp_path / "unbroken.tif")
    run_job(replace(job, output=output, resume=False))
    return Path(output).read_bytes()


def kill_after(tiles, job):
    """Start the job in a process, and kill that once so many tiles are kept."""
    environment = {**os.environ, "PYTHONPATH": str(ENGINE), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SLOW, json.dumps(job.to_dict())]
    process = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 60
    while len(kept_tiles(job)) < tiles:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL


def kept_tiles(job):
    return sorted(restart.resume_folder(job.output).glob("*.tile"))


def interrupt(job, tiles):
    """Cancel the job once so many tiles are kept."""
    with pytest.raises(Cancelled):
        run_job(job, is_cancelled=lambda: len(kept_tiles(job)) >= tiles)
    assert len(kept_tiles(job)) == tiles


def fused_windows(monkeypatch):
    """A list that grows by each window that is really fused."""
    fused, plain = [], pipeline.fuse_tile

    def spy(method, data, window):
        fused.append(window)
        return plain(method, data, window)

    monkeypatch.setattr(pipeline, "fuse_tile", spy)
    return fused


def test_a_killed_job_resumes_to_the_same_bytes(job, tmp_path, monkeypatch):
    kill_after(6, job)
    assert not os.path.exists(job.output)
    done = len(kept_tiles(job))
    fused = fused_windows(monkeypatch)
    result = run_job(job)
    assert len(fused) == 20 - done
    assert os.listdir(tmp_path / "result") == ["fused.tif"]
    assert Path(job.output).read_bytes() == unbroken(job, tmp_path)
    assert 0.9 < result["valid_fraction"] < 1.0


def test_statistics_are_taken_over_and_threads_may_change(job, monkeypatch):
    interrupt(job, 3)
    monkeypatch.setattr(pipeline.Scene, "_gather", lambda *_: pytest.fail("gathered again"))
    run_job(replace(job, threads=1))


def test_a_torch_that_something_else_imported_is_no_reason_to_refuse(job, monkeypatch):
    interrupt(job, 3)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(__version__="of something else"))
    run_job(job)


def test_damaged_tiles_are_fused_again(job, tmp_path, monkeypatch):
    interrupt(job, 5)
    torn, flipped = kept_tiles(job)[1:3]
    torn.write_bytes(torn.read_bytes()[:1000])
    content = bytearray(flipped.read_bytes())
    content[1000] ^= 1
    flipped.write_bytes(content)
    fused = fused_windows(monkeypatch)
    run_job(job)
    assert len(fused) == 17
    assert pixels(job.output) == pixels_of_bytes(unbroken(job, tmp_path))


def pixels(path):
    with RasterSource.open_ms(str(path), None) as source:
        image, valid = source.read(restart.Window(0, 0, source.grid.width, source.grid.height))
    return image.tobytes(), valid.tobytes()


def pixels_of_bytes(content):
    gdal.FileFromMemBuffer("/vsimem/unbroken.tif", content)
    try:
        return pixels("/vsimem/unbroken.tif")
    finally:
        gdal.Unlink("/vsimem/unbroken.tif")


def test_damaged_statistics_begin_anew(job, tmp_path):
    interrupt(job, 3)
    prepared = restart.resume_folder(job.output) / "prepared.npz"
    prepared.write_bytes(prepared.read_bytes()[:500])
    run_job(job)
    assert Path(job.output).read_bytes() == unbroken(job, tmp_path)


@pytest.mark.parametrize("last", ["Opening the rasters", "Reading statistics", "Taking over"])
def test_cancelling_before_the_first_tile_leaves_nothing(job, last):
    heard = [""]
    with pytest.raises(Cancelled):
        run_job(
            job,
            progress=lambda fraction, message: heard.append(message),
            is_cancelled=lambda: heard[-1].startswith(last),
        )
    assert os.listdir(os.path.dirname(job.output)) == []


def test_a_run_without_resuming_clears_up(job):
    interrupt(job, 2)
    run_job(replace(job, resume=False))
    assert os.listdir(os.path.dirname(job.output)) == ["fused.tif"]


# --- foreign and stale states ---


def refusal(job):
    before = [(path.name, path.read_bytes()) for path in kept_tiles(job)]
    with pytest.raises(InputError) as caught:
        run_job(job)
    assert [(path.name, path.read_bytes()) for path in kept_tiles(job)] == before
    assert ".fused.tif.resume" in caught.value.message
    assert caught.value.hint
    return caught.value.message


def test_another_job_is_refused(job):
    interrupt(job, 2)
    for change, said in (
        ({"method": "gsa"}, "method"),
        ({"bands": (1, 2)}, "bands"),
        ({"tile": 128}, "tiles was 20 of 64 × 64 pixels and is 6 of 128 × 128 pixels"),
        ({"output_type": "Float32"}, 'output_type was "UInt16" and is "Float32"'),
        ({"sensor": "quickbird"}, "KSDIFF_SENSOR was default and is quickbird"),
    ):
        assert said in refusal(replace(job, **change))


def test_other_inputs_are_refused(job, tmp_path):
    interrupt(job, 2)
    before, content = os.stat(job.pan), Path(job.pan).read_bytes()

    def rewrite(content):
        """Of the same size and time."""
        Path(job.pan).write_bytes(content)
        os.utime(job.pan, ns=(before.st_atime_ns, before.st_mtime_ns))

    rewrite(content[:-2] + bytes([content[-2] ^ 64]) + content[-1:])
    assert "pan.tif was" in refusal(job)
    rewrite(content)
    moved = shutil.copy(job.ms[0], tmp_path / "moved.tif")
    assert "moved.tif was absent" in refusal(replace(job, ms=(str(moved),)))


def test_another_engine_is_refused(job):
    interrupt(job, 2)
    path = restart.resume_folder(job.output) / "state.json"
    state = json.loads(path.read_text())
    for change, said in (
        ({"the engine": "0.0.1"}, "the engine was 0.0.1"),
        ({"libraries": "GDAL 2"}, "libraries was GDAL 2"),
        ({"of the future": "yes"}, "of the future was yes and is absent"),
    ):
        path.write_text(json.dumps({**state, **change}))
        assert said in refusal(job)
    for unreadable in ("", "[1]", "{"):
        path.write_text(unreadable)
        assert "state.json" in refusal(job)


def test_two_processes_do_not_share_tiles(job):
    interrupt(job, 2)
    with restart._locked(restart.resume_folder(job.output)):
        assert "Another process" in refusal(job)
        run_job(replace(job, resume=False))
        assert len(kept_tiles(job)) == 2


def test_no_room_for_tiles_and_no_folder(job, monkeypatch):
    full = shutil._ntuple_diskusage(1, 1, 1000)
    with monkeypatch.context() as patch:
        patch.setattr(restart.shutil, "disk_usage", lambda path: full)
        with pytest.raises(OutputError, match="Keeping finished tiles needs"):
            run_job(job)
    assert os.listdir(os.path.dirname(job.output)) == []
    with pytest.raises(OutputError, match="beside /vsimem/"):
        run_job(replace(job, output="/vsimem/fused.tif"))


# --- the network ---


@pytest.mark.parametrize("scope", ["scene", "tile"])
def test_the_network_resumes_with_the_kernels_of_the_first_run(
    tmp_path, pair_files, network_weights, small_tiles, scope
):
    from ksdiff_engine import fusion

    job = PansharpenJob(
        *(pair_files(size=(50, 50))[0], (str(tmp_path / "ms.tif"),), str(tmp_path / "fused.tif")),
        weights=network_weights,
        device="cpu",
        prior_scope=scope,
        register="off",
        tile=small_tiles,
        resume=True,
    )
    run_job(replace(job, resume=False))
    expected = Path(job.output).read_bytes()
    os.remove(job.output)
    interrupt(job, 2)
    with pytest.MonkeyPatch.context() as patch:
        if scope == "scene":
            patch.setattr(fusion, "bake", lambda *_: pytest.fail("baked again"))
        run_job(job)
    assert Path(job.output).read_bytes() == expected
