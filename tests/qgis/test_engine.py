"""``ksdiff:pansharpen`` with the true engine and a tiny untrained network."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from tests.qgis.conftest import check, make_scene, write_raster
from tests.qgis.test_pansharpen import run, run_chain
from tests.qgis.test_qgis_process import QGIS_PROCESS, QgisProcess

ROOT = Path(__file__).resolve().parents[2]
REAL_SCENE = ROOT.parent / "shared" / "data" / "scenes" / "landsat8_pamplona"


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    script = Path(__file__).with_name("random_weights.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "engine")}
    subprocess.run([sys.executable, str(script), str(path)], env=environment, check=True)
    return str(path)


@pytest.fixture
def weights_in_profile(weights, qgis):
    """Put the weights where users put their own."""
    folder = qgis / "ksdiff" / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    copy = Path(shutil.copy(weights, folder))
    yield
    copy.unlink()


@pytest.fixture(scope="module")
def large_scene(tmp_path_factory) -> tuple[str, str]:
    """PAN and MS that keep the worker busy for a minute or more: 4096 × 4096 pixels."""
    folder = tmp_path_factory.mktemp("large")
    rows, columns = np.mgrid[0:4096, 0:4096]
    pan = (500 + (rows * 7 + columns * 13) % 512).astype(np.uint16)
    ms = np.stack([pan[::4, ::4]] * 4)
    return write_raster(folder / "pan.tif", pan[None], 5), write_raster(folder / "ms.tif", ms, 20)


def digest(path: str) -> str:
    return hashlib.sha256(gdal.Open(path).ReadAsArray().tobytes()).hexdigest()


def test_runs_and_repeats_itself(scene, provider, worker_python, weights, feedback):
    digests = set()
    for name in ("first.tif", "second.tif"):
        output = str(scene.folder / name)
        results = run(
            scene.parameters(OUTPUT=output, WEIGHTS_FILE=weights, BANDS="4,3,2"), feedback
        )
        assert (results["WIDTH"], results["HEIGHT"], results["BAND_COUNT"]) == (96, 80, 3)
        assert results["RATIO"] == pytest.approx(4.0)
        assert results["VALID_FRACTION"] == 1.0
        assert results["SECONDS"] > 0
        assert results["WEIGHTS_USED"] == "untrained"
        assert results["DEVICE_USED"]
        digests.add(digest(output))
    assert len(digests) == 1
    result = gdal.Open(output)
    assert result.GetRasterBand(1).DataType == gdal.GDT_UInt16
    assert result.GetGeoTransform() == gdal.Open(scene.pan).GetGeoTransform()


def test_output_type_and_creation_options(scene, provider, worker_python, weights, feedback):
    options = {"OUTPUT_TYPE": "Float32", "CREATION_OPTIONS": "COMPRESS=LZW|TILED=YES"}
    results = run(scene.parameters(WEIGHTS_FILE=weights, **options), feedback)
    result = gdal.Open(results["OUTPUT"])
    assert result.GetRasterBand(1).DataType == gdal.GDT_Float32
    assert result.GetMetadata("IMAGE_STRUCTURE")["COMPRESSION"] == "LZW"


def test_weights_of_the_profile_are_offered(
    scene, provider, worker_python, weights_in_profile, feedback
):
    results = run(scene.parameters(WEIGHTS="untrained"), feedback)
    assert results["WEIGHTS_USED"] == "untrained"


def test_refuses_both_kinds_of_weights(scene, weights, weights_in_profile, algorithm):
    good, said = check(algorithm, scene.parameters(WEIGHTS="untrained", WEIGHTS_FILE=weights))
    assert not good
    assert "Leave WEIGHTS at auto" in said


def test_the_engine_s_refusals_reach_the_user(
    scene, provider, worker_python, weights, tmp_path, feedback
):
    from qgis.core import QgsProcessingException

    pickle = tmp_path / "model.safetensors"
    pickle.write_bytes(b"PK\x03\x04rest")
    with pytest.raises(QgsProcessingException, match="is a pickle"):
        run(scene.parameters(WEIGHTS_FILE=str(pickle)), feedback)
    empty = write_raster(tmp_path / "empty.tif", np.zeros((1, 80, 96)), 5)
    dataset = gdal.Open(empty, gdal.GA_Update)
    dataset.GetRasterBand(1).SetNoDataValue(0)
    del dataset
    with pytest.raises(QgsProcessingException, match=r"empty\.tif .*valid"):
        run(scene.parameters(PAN=empty, WEIGHTS_FILE=weights), feedback)


def test_cancel_leaves_nothing(provider, worker_python, weights, large_scene, tmp_path, feedback):
    from qgis.core import QgsProcessingException

    pan, ms = large_scene
    moment = {}

    def cancel() -> None:
        moment["cancelled"] = time.monotonic()
        feedback.cancel()

    threading.Timer(4.0, cancel).start()
    parameters = {"PAN": pan, "MS": [ms], "WEIGHTS_FILE": weights, "DEVICE": "cpu"}
    with pytest.raises(QgsProcessingException, match="cancelled; no output was written"):
        run({**parameters, "OUTPUT": str(tmp_path / "cancelled.tif")}, feedback)
    assert time.monotonic() - moment["cancelled"] < 4.0
    assert os.listdir(tmp_path) == []


def test_runs_inside_a_model(provider, worker_python, weights_in_profile, feedback, tmp_path):
    sharp, final = run_chain(make_scene(tmp_path / "Größe 東京"), feedback)
    assert gdal.Open(sharp).RasterXSize == gdal.Open(final).RasterXSize == 96


def test_a_real_scene(provider, worker_python, weights, tmp_path, feedback):
    if not REAL_SCENE.is_dir():
        pytest.skip("../shared/data is not there")
    parameters = {
        "PAN": str(REAL_SCENE / "pan.tif"),
        "MS": [str(REAL_SCENE / "ms.tif")],
        "WEIGHTS_FILE": weights,
        "OUTPUT": str(tmp_path / "sharp.tif"),
    }
    results = run(parameters, feedback)
    assert results["RATIO"] == pytest.approx(2.0, abs=1e-3)
    # The output is PAN's grid inside the common area of 799 × 620 pixels.
    assert (results["WIDTH"], results["HEIGHT"]) == (799, 620)


@pytest.fixture(scope="module")
def headless(tmp_path_factory) -> QgisProcess:
    if QGIS_PROCESS is None:
        pytest.skip("qgis_process is not installed")
    return QgisProcess(tmp_path_factory.mktemp("headless"), fake=False)


def test_the_package_runs_headless(headless, weights, tmp_path):
    scene = make_scene(tmp_path / "päckchen 東京")
    output = scene.folder / "sharp.tif"
    text = headless.call(
        *("run", "ksdiff:pansharpen", "--", f"PAN={scene.pan}", f"MS={scene.ms}"),
        *(f"WEIGHTS_FILE={weights}", f"OUTPUT={output}"),
    )
    assert "WEIGHTS_USED:\tuntrained" in text
    assert gdal.Open(str(output)).RasterCount == 4


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs /proc to find the processes")
def test_the_worker_ends_when_qgis_dies(headless, weights, large_scene, tmp_path):
    pan, ms = large_scene
    arguments = ["run", "ksdiff:pansharpen", "--", f"PAN={pan}", f"MS={ms}", "DEVICE=cpu"]
    parent = subprocess.Popen(
        [QGIS_PROCESS, *arguments, f"WEIGHTS_FILE={weights}", f"OUTPUT={tmp_path / 'dead.tif'}"],
        env=headless.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    worker = wait_for(lambda: worker_of(parent.pid), 300.0)
    wait_for(lambda: os.listdir(tmp_path), 300.0)  # the result has begun to grow
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_for(lambda: not os.path.isdir(f"/proc/{worker}"), 4.0)
    assert os.listdir(tmp_path) == []


def worker_of(parent: int) -> int | None:
    """Return the process that runs the worker for the parent."""
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            status = Path("/proc", entry, "stat").read_text()
            command = Path("/proc", entry, "cmdline").read_text()
        except OSError:
            continue
        if (
            int(status.rpartition(")")[2].split()[1]) == parent
            and "ksdiff_engine.worker" in command
        ):
            return int(entry)
    return None


def wait_for(condition, seconds: float):
    """Return the condition's first true value, or fail."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"it did not happen within {seconds} s")
