"""QGIS started once, the provider registered, small scenes, and a fake worker."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal, osr

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
gdal.UseExceptions()

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
WITHOUT_TORCH = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec
hidden = ("torch", "safetensors")
PathFinder.find_spec = classmethod(
    lambda cls, name, *rest: None if name.partition(".")[0] in hidden else find(name, *rest)
)
"""


@dataclass(frozen=True)
class Scene:
    """The files of a small scene: PAN 96 × 80 pixels of 5 m, MS 24 × 20 pixels of 20 m, UInt16."""

    pan: str
    ms: str
    bands: tuple[str, ...]  # the bands of ms, one file each
    folder: Path

    def parameters(self, **others: Any) -> dict[str, Any]:
        output = str(self.folder / "result.tif")
        return {"PAN": self.pan, "MS": [self.ms], "OUTPUT": output, **others}


def write_raster(
    path: Path, image: np.ndarray, pixel: float, *, epsg: int | None = 32632, east: float = 500000.0
) -> str:
    """Write (C, H, W) as GeoTIFF with its upper left corner at (east, 5000000); return the path."""
    count, height, width = image.shape
    driver = gdal.GetDriverByName("GTiff")
    dataset = driver.Create(str(path), width, height, count, gdal.GDT_UInt16)
    dataset.SetGeoTransform((east, pixel, 0, 5000000, 0, -pixel))
    if epsg:
        crs = osr.SpatialReference()
        crs.ImportFromEPSG(epsg)
        dataset.SetProjection(crs.ExportToWkt())
    dataset.WriteArray(image.astype(np.uint16))
    return str(path)


def make_scene(folder: Path) -> Scene:
    folder.mkdir(parents=True, exist_ok=True)
    rows, columns = np.mgrid[0:80, 0:96]
    pan = 500 + 4 * columns + 2 * rows + 60 * ((rows // 8 + columns // 8) % 2)
    low = pan.reshape(20, 4, 24, 4).mean(axis=(1, 3))
    ms = np.stack([low * gain for gain in (0.8, 1.0, 1.1, 1.6)])
    return Scene(
        pan=write_raster(folder / "pan.tif", pan[None], 5),
        ms=write_raster(folder / "ms.tif", ms, 20),
        bands=tuple(
            write_raster(folder / f"band_{i}.tif", band[None], 20) for i, band in enumerate(ms, 1)
        ),
        folder=folder,
    )


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return make_scene(tmp_path)


@pytest.fixture(scope="session")
def qgis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start QGIS without a window, in an empty profile whose folder is returned."""
    from qgis.core import QgsApplication
    from qgis.PyQt.QtCore import QCoreApplication, QSettings

    profile = tmp_path_factory.mktemp("profile")
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(profile))
    QCoreApplication.setOrganizationName("ksdiff-tests")
    # The constructor's argument for the profile is passed over by 3.40.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QGIS_CUSTOM_CONFIG_PATH", str(profile))
        application = QgsApplication([], False)
        application.initQgis()
    sys.path.append(os.path.join(QgsApplication.pkgDataPath(), "python", "plugins"))
    yield Path(QgsApplication.qgisSettingsDirPath())
    application.exitQgis()


@pytest.fixture(scope="session")
def provider(qgis: Path) -> Iterator[Any]:
    """Register KSDiff beside QGIS's own providers."""
    from processing.core.Processing import Processing

    import ksdiff_qgis

    Processing.initialize()
    plugin = ksdiff_qgis.classFactory(None)
    plugin.initProcessing()
    yield plugin.provider
    plugin.unload()


def create(name: str) -> Any:
    """Return a new instance of an algorithm of KSDiff, by its name without the provider's."""
    from qgis.core import QgsApplication

    return QgsApplication.processingRegistry().createAlgorithmById(f"ksdiff:{name}")


def check(algorithm: Any, parameters: dict[str, Any]) -> tuple[bool, str]:
    """Let the algorithm check the values of its parameters, as the dialog does before a run."""
    from qgis.core import QgsProcessingContext

    return algorithm.checkParameterValues(parameters, QgsProcessingContext())


def model_outputs(model: Any, **paths: Path) -> dict[str, str]:
    """Return a model's parameters that name its outputs' files; QGIS 3.22 puts the step before."""
    names = [output.name() for output in model.destinationParameterDefinitions()]
    return {name: str(paths[name.rpartition(":")[2]]) for name in names}


@pytest.fixture
def algorithm(provider: Any) -> Any:
    return create("pansharpen")


@pytest.fixture
def worker_python(monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the plugin use the Python that runs the tests."""
    monkeypatch.setenv("KSDIFF_PYTHON", sys.executable)
    return sys.executable


@pytest.fixture
def python_without_torch(tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the plugin use the Python that runs the tests, but for torch and safetensors."""
    folder = tmp_path_factory.mktemp("without torch")
    (folder / "sitecustomize.py").write_text(WITHOUT_TORCH)
    python = folder / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="{folder}:$PYTHONPATH" exec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    monkeypatch.setenv("KSDIFF_PYTHON", str(python))
    return python


@pytest.fixture
def fake_worker(
    qgis: Path, worker_python: str, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Put the fake worker in the engine's place; call it with the behaviour wanted."""
    from ksdiff_qgis import _paths

    package = tmp_path_factory.mktemp("engine") / "ksdiff_engine"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(FAKE_WORKER, package / "worker.py")
    monkeypatch.setattr(_paths, "ENGINE", package.parent)
    return lambda behaviour: monkeypatch.setenv("KSDIFF_FAKE_WORKER", behaviour)


@pytest.fixture
def feedback(qgis: Path) -> Any:
    """A feedback that keeps the texts of its progress as well: ``texts``."""
    from qgis.core import QgsProcessingFeedback

    class Feedback(QgsProcessingFeedback):
        def __init__(self) -> None:
            super().__init__()
            self.texts: list[str] = []

        def setProgressText(self, text: str) -> None:
            self.texts.append(text)

    return Feedback()
