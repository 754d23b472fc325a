"""The packaged plugin in qgis_process, in a throw-away profile, with a fake worker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from osgeo import gdal

from scripts import deploy, package
from tests.qgis.conftest import FAKE_WORKER, Scene, make_scene, model_outputs

ROOT = Path(__file__).resolve().parents[2]
# Debian 12's wrapper script hands its program an option that it refuses.
QGIS_PROCESS = shutil.which("qgis_process.bin") or shutil.which("qgis_process")

pytestmark = pytest.mark.skipif(QGIS_PROCESS is None, reason="qgis_process is not installed")


class QgisProcess:
    """qgis_process on a profile of its own, with the packaged plugin enabled."""

    def __init__(self, folder: Path, *, fake: bool) -> None:
        archive = folder / "ksdiff_qgis.zip"
        package.build(ROOT, archive)
        self.plugin = deploy.deploy(archive, folder / "profiles" / "default")
        if fake:
            shutil.copy(FAKE_WORKER, self.plugin / "engine" / "ksdiff_engine" / "worker.py")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
        self.environment = {
            **kept,
            "QGIS_CUSTOM_CONFIG_PATH": str(folder),
            "QT_QPA_PLATFORM": "offscreen",
            "KSDIFF_PYTHON": sys.executable,
        }
        self.call("plugins", "enable", "ksdiff_qgis")

    def call(self, *arguments: str, stdin: str = "", ok: bool = True, **environment: str) -> str:
        """Run it; return stdout, or stdout and stderr when it is to fail."""
        finished = subprocess.run(
            [QGIS_PROCESS, *arguments],
            env={**self.environment, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=600,  # a busy machine takes its time
        )
        self.said = finished.stdout + finished.stderr  # warnings go to either, by version
        assert (finished.returncode == 0) == ok, self.said
        return finished.stdout if ok else self.said

    def version(self) -> tuple[int, int]:
        words = self.call("--version").partition("QGIS ")[2]
        major, minor = words.split(".")[:2]
        return int(major), int(minor)


@pytest.fixture(scope="module")
def headless(tmp_path_factory) -> QgisProcess:
    return QgisProcess(tmp_path_factory.mktemp("headless"), fake=True)


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("scenes") / "mit Übersicht é 東京")


def test_help_is_plain_and_complete(headless):
    text = headless.call("help", "ksdiff:pansharpen")
    assert "Sharpens multispectral bands" in text
    assert text.count("The raster with the colours.") == 1
    assert "- Path to a raster layer" in text
    for markup in ("<p>", "<br>", "</"):
        assert markup not in text


@pytest.fixture
def german(headless) -> Iterator[QgisProcess]:
    """qgis_process where the settings say that QGIS speaks German."""
    settings = headless.plugin.parents[2] / "QGIS" / "QGIS3.ini"
    before = settings.read_text()
    settings.write_text(f"{before}\n[locale]\nuserLocale=de\noverrideFlag=true\n")
    yield headless
    settings.write_text(before)


def test_help_is_in_the_language_of_qgis(german):
    text = german.call("help", "ksdiff:pansharpen")
    assert "Schärft Multispektralkanäle" in text
    assert "Das Raster mit den Farben." in text
    assert "PRIOR_SCOPE: Reichweite des Priors" in text
    assert "The raster" not in text


def test_choices_and_keys_are_the_same_in_every_language(german, scene):
    output = str(scene.folder / "german.tif")
    answer = german.call(
        *("--json", "run", "ksdiff:pansharpen", "--", f"PAN={scene.pan}", f"MS={scene.ms}"),
        *("DEVICE=cpu", "OUTPUT_TYPE=UInt16", f"OUTPUT={output}"),
    )
    results = json.loads(answer)["results"]
    assert results["OUTPUT"] == output
    assert (results["BAND_COUNT"], results["DEVICE_USED"]) == (4, "cpu")


def test_runs_with_arguments(headless, scene):
    output = scene.folder / "arguments.tif"
    bands = [f"MS={path}" for path in scene.bands]
    text = headless.call(
        *("run", "ksdiff:pansharpen", "--", f"PAN={scene.pan}", *bands),
        *("BANDS=4,3,2", "CREATION_OPTIONS=COMPRESS=DEFLATE|TILED=YES", f"OUTPUT={output}"),
    )
    assert "RATIO:\t4" in text
    result = gdal.Open(str(output))
    assert (result.RasterXSize, result.RasterYSize, result.RasterCount) == (96, 80, 3)
    assert result.GetMetadata("IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"


def test_runs_with_json_on_stdin(headless, scene):
    if headless.version() < (3, 24):
        pytest.skip("qgis_process reads JSON from stdin since 3.24")
    output = str(scene.folder / "json.tif")
    inputs = {"PAN": scene.pan, "MS": [scene.ms], "BANDS": [2, 1], "SEED": 3, "OUTPUT": output}
    answer = headless.call("run", "ksdiff:pansharpen", "-", stdin=json.dumps({"inputs": inputs}))
    results = json.loads(answer)["results"]
    assert results["OUTPUT"] == output
    assert (results["BAND_COUNT"], results["DEVICE_USED"]) == (2, "cpu")


def test_answers_with_json(headless, scene):
    output = str(scene.folder / "json.tif")
    answer = headless.call(
        *("--json", "run", "ksdiff:pansharpen", "--", f"PAN={scene.pan}", f"MS={scene.ms}"),
        *("BANDS=2", "BANDS=1", f"OUTPUT={output}"),
    )
    results = json.loads(answer)["results"]
    assert results["OUTPUT"] == output
    assert (results["BAND_COUNT"], results["DEVICE_USED"]) == (2, "cpu")


def test_runs_a_model_file(headless, scene, provider):
    from tests.qgis.test_pansharpen import chain

    model, file = chain(), str(scene.folder / "chain.model3")
    assert model.toFile(file)
    final, sharp = scene.folder / "chained.tif", scene.folder / "chained sharp.tif"
    outputs = model_outputs(model, final=final, sharp=sharp)
    headless.call(
        *("run", file, "--", f"PAN={scene.pan}", f"MS={scene.ms}"),
        *(f"{name}={path}" for name, path in outputs.items()),
    )
    assert gdal.Open(str(final)).RasterXSize == 96


def test_a_refusal_ends_with_an_error(headless, scene):
    text = headless.call(
        *("run", "ksdiff:pansharpen", "--", f"PAN={scene.ms}", f"MS={scene.ms}"),
        *("BANDS=9", f"OUTPUT={scene.folder / 'no.tif'}"),
        ok=False,
    )
    assert "has 4 bands; a panchromatic raster has one" in text


def test_a_dead_worker_ends_with_an_error(headless, scene):
    text = headless.call(
        *("--json", "run", "ksdiff:pansharpen", "--", f"PAN={scene.pan}", f"MS={scene.ms}"),
        f"OUTPUT={scene.folder / 'no.tif'}",
        ok=False,
        KSDIFF_FAKE_WORKER="killed",
    )
    assert "memory ran out" in text


def test_is_listed_and_explains_itself_without_torch(headless, scene):
    assert "ksdiff:pansharpen" in headless.call("list", KSDIFF_PYTHON="/usr/bin/true")
    text = headless.call(
        *("run", "ksdiff:pansharpen", "--", f"PAN={scene.pan}", f"MS={scene.ms}"),
        f"OUTPUT={scene.folder / 'no.tif'}",
        ok=False,
        KSDIFF_PYTHON="/no/such/python",
    )
    assert "/no/such/python" in text
    assert "engine-setup" in text
