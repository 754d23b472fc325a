"""Whether this Python can run the engine: ``python -m ksdiff_engine.selftest [--device NAME]``.

Prints one JSON object, whatever happens: the versions found, the device and what it is, and the
first problem. Exit code 0 when there is none. What libraries print goes to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ksdiff_engine import device, weights
from ksdiff_engine.errors import EngineError, EnvironmentProblem, InputError, WeightsError
from ksdiff_engine.job import DEVICES, PansharpenJob

if TYPE_CHECKING:
    import numpy as np

MODULES = ("numpy", "scipy", "osgeo", "safetensors", "torch")
_PAN = 64  # pixels of the scene that is made up
_RATIO = 4
_BANDS = 4


def run(device_name: str = "auto", folders: Sequence[str] = ()) -> dict[str, Any]:
    """Return what was found out. Every key is there, empty where the test did not get so far.

    ``python``, ``executable``, ``system``; ``versions``: by module; ``device``: its facts, as of
    :func:`ksdiff_engine.device.facts`; ``warning``: what the user should know of the device;
    ``weights``: names of all weights found; ``scene``: what became of a scene of 64 × 64 pixels;
    ``problem`` and ``hint``: what is wrong, empty when nothing is; ``seconds``.
    """
    begin = time.monotonic()
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "versions": {},
        "device": {},
        "warning": "",
        "weights": [],
        "scene": "",
        "problem": "",
        "hint": "",
    }
    try:
        for module in MODULES:
            found["versions"][module] = _version(module)
        chosen, found["warning"] = device.choose_device(device_name)
        found["device"] = device.facts(chosen)
        catalogue = weights.catalogue(weights.weights_folders(folders))
        found["weights"] = [entry.name for entry in catalogue]
        found["scene"] = _sharpen(device_name, folders, found["weights"])
    except EngineError as error:
        found["problem"], found["hint"] = error.message, error.hint
    except Exception as error:  # a damaged library may raise anything
        found["problem"] = f"The engine failed unexpectedly ({type(error).__name__}: {error})."
    found["seconds"] = round(time.monotonic() - begin, 1)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Test, and print the JSON object; 0 when all is well, else 1."""
    parser = argparse.ArgumentParser(prog="ksdiff_engine.selftest", description=__doc__)
    parser.add_argument("--device", default="auto", choices=DEVICES)
    parser.add_argument("--weights-folder", action="append", default=[], metavar="FOLDER")
    options = parser.parse_args(arguments)
    answer = os.dup(1)
    os.dup2(2, 1)
    found = run(options.device, options.weights_folder)
    with open(answer, "w", encoding="ascii") as stdout:
        print(json.dumps(found), file=stdout)
    return 1 if found["problem"] else 0


def _version(module: str) -> str:
    try:
        imported = importlib.import_module(module)
        if module == "osgeo":
            importlib.import_module("osgeo.gdal_array")  # fails where numpy does not fit GDAL
    except Exception as error:  # OSError for libraries that do not load, AttributeError for ABIs …
        raise EnvironmentProblem(
            f"{sys.executable} cannot import {module}: {error}.",
            hint="Set up the engine's environment anew.",
        ) from error
    return str(getattr(imported, "__version__", "unknown"))


def _sharpen(device_name: str, folders: Sequence[str], names: Sequence[str]) -> str:
    """Sharpen a made-up scene and say so; without weights that fit it, say that."""
    if not names:
        return "not tried, as no weights were found"
    from ksdiff_engine.pipeline import run_job

    with tempfile.TemporaryDirectory(prefix="ksdiff_selftest_") as folder:
        job = PansharpenJob(
            pan=_write(os.path.join(folder, "pan.tif"), _texture(1, _PAN), pixel=1.0),
            ms=(
                _write(os.path.join(folder, "ms.tif"), _texture(_BANDS, _PAN // _RATIO), pixel=4.0),
            ),
            output=os.path.join(folder, "sharp.tif"),
            weights_folders=tuple(folders),
            device=device_name,
        )
        try:
            result = run_job(job)
        except WeightsError as error:
            return f"not sharpened: {error}"
        except InputError as error:  # it is good by construction, so this Python's GDAL is not
            raise EnvironmentProblem(f"GDAL cannot read what it wrote: {error}") from error
    return f"sharpened with {result['weights']} in {result['seconds']:.1f} s"


def _texture(bands: int, size: int) -> np.ndarray:
    """Return (bands, size, size) UInt16 without flat places."""
    import numpy as np

    rows, columns = np.mgrid[0:size, 0:size] * (_PAN / size)
    pattern = 500 + 4 * columns + 2 * rows + 60 * ((rows // 8 + columns // 8) % 2)
    return np.stack([pattern * (1 + band / 10) for band in range(bands)]).astype(np.uint16)


def _write(path: str, image: np.ndarray, *, pixel: float) -> str:
    from osgeo import gdal, osr

    gdal.UseExceptions()
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32632)  # fails where PROJ does not find its database
    count, height, width = image.shape
    dataset = gdal.GetDriverByName("GTiff").Create(path, width, height, count, gdal.GDT_UInt16)
    dataset.SetGeoTransform((500000, pixel, 0, 5000000, 0, -pixel))
    dataset.SetProjection(crs.ExportToWkt())
    dataset.WriteArray(image)
    return path


if __name__ == "__main__":
    sys.exit(main())
