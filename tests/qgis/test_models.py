"""The models that come with the provider, each run by qgis_process with the real engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal

from tests.qgis.conftest import Scene, create, make_scene, model_outputs, write_raster
from tests.qgis.test_qgis_process import QGIS_PROCESS, QgisProcess

SAMPLE = Path(__file__).resolve().parents[2] / "resources" / "sample"
MODELS = ("landsatndvi", "keepifbetter", "foldermosaic")

needs_qgis_process = pytest.mark.skipif(
    QGIS_PROCESS is None, reason="qgis_process is not installed"
)


@pytest.fixture(scope="module")
def headless(tmp_path_factory) -> QgisProcess:
    return QgisProcess(tmp_path_factory.mktemp("headless"), fake=False)


@pytest.fixture
def bad_network(headless: QgisProcess) -> Iterator[None]:
    """Let the settings of the profile name a network whose results are noise."""
    profile = headless.plugin.parents[2]
    weights = profile / "ksdiff" / "weights"
    weights.mkdir(parents=True)
    script = Path(__file__).with_name("random_weights.py")
    file = weights / "untrained.safetensors"
    subprocess.run([sys.executable, str(script), str(file), "0.2"], check=True)
    settings = profile / "QGIS" / "QGIS3.ini"
    before = settings.read_text()
    settings.write_text(f"{before}\n[ksdiff]\ndefault_weights=untrained\n")
    yield
    settings.write_text(before)


@pytest.fixture
def sample(tmp_path: Path) -> Scene:
    """Return a part of the sample, small enough to be sharpened in seconds."""
    pan, ms = str(tmp_path / "pan.tif"), str(tmp_path / "ms.tif")
    gdal.Translate(pan, str(SAMPLE / "pan.tif"), srcWin=[100, 100, 96, 96])
    gdal.Translate(ms, str(SAMPLE / "ms.tif"), srcWin=[50, 50, 48, 48])
    return Scene(pan, ms, (), tmp_path)


def run(headless: QgisProcess, name: str, outputs: dict[str, Path], **inputs: str) -> None:
    """Run a model. outputs: paths by the outputs' names."""
    model = create(name)
    given = {**inputs, **model_outputs(model, **outputs)}
    arguments = [f"{key}={value}" for key, value in given.items()]
    headless.call("run", f"ksdiff:{name}", "--", *arguments)


def read(path: Path | str) -> np.ndarray:
    return gdal.Open(str(path)).ReadAsArray()


@pytest.mark.parametrize("name", MODELS)
def test_models_are_complete_in_this_qgis(provider, name):
    model = create(name)
    assert model.id() == f"ksdiff:{name}"
    assert " " in model.displayName()
    assert model.canExecute()[0]
    assert model.validate() == (True, [])
    assert "<" not in model.shortHelpString()
    inputs = [p.name() for p in model.parameterDefinitions() if not p.isDestination()]
    assert all(model.helpContent()[name] for name in inputs)


def test_every_file_of_a_model_is_registered(provider):
    from ksdiff_qgis import models

    assert {file.stem for file in models.files()} == set(MODELS)
    registered = {algorithm.name() for algorithm in provider.algorithms()}
    assert registered > set(MODELS)


@needs_qgis_process
def test_landsat_bands_become_ndvi(headless, provider, tmp_path):
    scene = make_scene(tmp_path)
    sharpened, ndvi = tmp_path / "sharpened.tif", tmp_path / "ndvi.tif"
    bands = dict(zip(("BLUE", "GREEN", "RED", "NIR"), scene.bands, strict=True))
    outputs = {"SHARPENED": sharpened, "NDVI": ndvi}
    run(headless, "landsatndvi", outputs, PAN=scene.pan, OFFSET="100", **bands)
    _, _, red, nir = read(sharpened).astype(float)
    assert gdal.Open(str(sharpened)).RasterXSize == 96
    np.testing.assert_allclose(read(ndvi), (nir - red) / (nir + red - 200), rtol=1e-5)


@needs_qgis_process
def test_what_is_better_than_brovey_is_kept(headless, provider, sample):
    figures, kept = keep_if_better(headless, sample)
    assert figures["KSDiff"]["hqnr"] > figures["Brovey"]["hqnr"]
    assert read(kept).shape == (4, 96, 96)
    assert "dropped" not in headless.said


@needs_qgis_process
def test_what_is_not_better_than_brovey_is_dropped(headless, provider, tmp_path, bad_network):
    figures, kept = keep_if_better(headless, make_scene(tmp_path))
    assert figures["KSDiff"]["hqnr"] <= figures["Brovey"]["hqnr"]
    assert not kept.exists()
    assert "The result was dropped: HQNR 0" in headless.said


@needs_qgis_process
def test_a_folder_becomes_a_mosaic(headless, provider, tmp_path):
    for number, east in enumerate((500000.0, 500480.0), start=1):
        folder = tmp_path / "tiles" / str(number)
        folder.mkdir(parents=True)
        for name, pixel in (("pan", 5), ("ms", 20)):
            image = read(getattr(make_scene(tmp_path / "scene"), name))
            stack = image[np.newaxis] if image.ndim == 2 else image
            write_raster(folder / f"R1C{number}_{name}.tif", stack, pixel, east=east)
    outputs = {"RESULTS": tmp_path / "results", "MOSAIC": tmp_path / "mosaic.vrt"}
    run(headless, "foldermosaic", outputs, FOLDER=str(tmp_path / "tiles"), METHOD="brovey")
    tiles = [read(tmp_path / "results" / f"R1C{i}_ms_pansharpened.tif") for i in (1, 2)]
    assert tiles[0].shape == (4, 80, 96)
    np.testing.assert_array_equal(read(outputs["MOSAIC"]), np.concatenate(tiles, axis=2))


def keep_if_better(headless: QgisProcess, scene: Scene) -> tuple[dict[str, Any], Path]:
    """Run the model; return the figures, and where the result is to be."""
    folder = scene.folder
    outputs = {
        "KEPT": folder / "kept.tif",
        "REPORT": folder / "report.html",
        "FIGURES": folder / "KSDiff.json",
        "FIGURES_OF_BROVEY": folder / "Brovey.json",
    }
    run(headless, "keepifbetter", outputs, PAN=scene.pan, MS=scene.ms)
    assert "HQNR" in outputs["REPORT"].read_text()
    figures = {
        name: json.loads((folder / f"{name}.json").read_text())["figures"]
        for name in ("KSDiff", "Brovey")
    }
    return figures, outputs["KEPT"]
