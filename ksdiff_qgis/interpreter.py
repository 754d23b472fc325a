"""Which Python runs the engine's worker, and in which environment.

In this order: the environment variable ``KSDIFF_PYTHON``, the setting ``ksdiff/python``, the
virtual environment ``ksdiff/venv`` in the QGIS profile, QGIS's own Python. A choice that was made
is never passed over: if it does not work, that is reported.
"""

from __future__ import annotations

import json
import os
import subprocess  # nosec B404
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsApplication, QgsSettings

from ksdiff_engine.errors import EnvironmentProblem

from . import _paths
from .processes import without_console
from .settings import PYTHON as SETTING
from .setup.environment import python_in
from .translation import tr

ENVIRONMENT_VARIABLE = "KSDIFF_PYTHON"
FOR_RASTERS = ("numpy", "scipy", "osgeo")
FOR_NETWORK = ("torch", "safetensors")

_STDLIB = Path(os.__file__).parent  # a virtual environment has that of its base
_PROBE = (
    "import importlib.util, json, os, sys; "
    "print(json.dumps({'missing': [m for m in sys.argv[1:] if importlib.util.find_spec(m) is None],"
    " 'stdlib': os.path.dirname(os.__file__)}))"
)
_PROBE_TIMEOUT = 30.0
_FAILURE_IS_REMEMBERED = 10.0

# What would make another Python find QGIS's modules, or its start-up files, instead of its own.
_DROPPED = ("VIRTUAL_ENV", "__PYVENV_LAUNCHER__", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
# These point into QGIS's installation: a Python with a GDAL of its own must not follow them.
_QGIS_LIBRARIES = (
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "PROJ_LIB",
    "PROJ_DATA",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
)


@dataclass(frozen=True)
class Probe:
    """What a Python said about itself: the modules it lacks, its standard library's folder."""

    missing: tuple[str, ...]
    stdlib: str


@dataclass(frozen=True)
class Interpreter:
    """A Python that can run the worker.

    path: the executable. own: whether it is QGIS's Python itself, not an environment.
    shares_libraries: whether it is, or is a virtual environment on, QGIS's Python, and so uses the
    GDAL and PROJ of QGIS.
    """

    path: str
    own: bool
    shares_libraries: bool

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables for the worker, made from QGIS's own.

        Proxies, certificates and CUDA's choices stay. User site packages are kept for QGIS's own
        Python alone, which sees them inside QGIS too; in a virtual environment they would come
        before the environment's own packages.
        """
        dropped = _DROPPED if self.shares_libraries else (*_DROPPED, *_QGIS_LIBRARIES)
        env = {
            key: value
            for key, value in inherited.items()
            if not key.upper().startswith("PYTHON") and key.upper() not in dropped
        }
        env["PYTHONPATH"] = str(_paths.ENGINE)
        env["PYTHONUTF8"] = "1"
        env["PYTHONFAULTHANDLER"] = "1"
        if not self.own:
            env["PYTHONNOUSERSITE"] = "1"
        return env


def find(*, network: bool = True) -> Interpreter:
    """Return the Python for the worker. Raises ``EnvironmentProblem`` with what to do about it.

    network: whether the job runs the network; all else does without torch.
    """
    path, origin = _chosen()
    if path is None:
        return look_at(own_python(), tr("QGIS's own Python"), own=True, network=network)
    return look_at(path, origin, network=network)


def look_at(path: str, origin: str = "", *, own: bool = False, network: bool = True) -> Interpreter:
    """Return a Python as the worker's, if it has what the engine needs, as :func:`find` does."""
    origin = origin or tr("named just now")
    found = _probe(path, origin, own)
    needed = (*FOR_RASTERS, *FOR_NETWORK) if network else FOR_RASTERS
    missing = tuple(module for module in found.missing if module in needed)
    if missing:
        raise EnvironmentProblem(
            tr(
                "The Python for the KSDiff engine ({origin}: {path}) lacks {missing}.",
                origin=origin,
                path=path,
                missing=tr(" and ").join(missing),
            ),
            hint=_remedy(path, own, missing),
        )
    shares_libraries = os.path.realpath(found.stdlib) == os.path.realpath(_STDLIB)
    return Interpreter(path, own, shares_libraries)


def environment_folder() -> Path:
    """Return the folder, in the QGIS profile, of the engine's virtual environment."""
    return Path(QgsApplication.qgisSettingsDirPath()) / "ksdiff" / "venv"


def _chosen() -> tuple[str | None, str]:
    """Return the Python that the user chose, and where that was said."""
    variable = os.environ.get(ENVIRONMENT_VARIABLE, "").strip()
    if variable:
        return variable, tr("environment variable {variable}", variable=ENVIRONMENT_VARIABLE)
    setting = str(QgsSettings().value(SETTING, "") or "").strip()
    if setting:
        return setting, tr("setting {setting}", setting=SETTING)
    folder = environment_folder()
    if folder.is_dir():
        return str(python_in(folder)), tr("environment in the QGIS profile")
    return None, ""


def own_python() -> str:
    """Return the executable of the Python inside QGIS."""
    for candidate in _own_candidates():
        if candidate.is_file():
            return str(candidate)
    raise EnvironmentProblem(
        tr("No Python executable belongs to this QGIS (looked around {folder}).", folder=_STDLIB),
        hint=tr(
            "Name one in the environment variable {variable}; see {page}.",
            variable=ENVIRONMENT_VARIABLE,
            page=setup_page(),
        ),
    )


def _own_candidates() -> Iterator[Path]:
    """Yield where the executable of this Python may be, judged by its standard library.

    ``sys.executable`` tells the truth only where a script has started QGIS. Inside QGIS it is QGIS
    itself on Windows and macOS, which would start a second time, and any Python on the search path
    on Linux.
    """
    if QgsApplication.platform() == "external":
        yield Path(sys.executable)
    if os.name == "nt":
        yield _STDLIB.parent / "python.exe"
        return
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in (*_STDLIB.parents, Path(sys.base_prefix)):
        yield folder / "bin" / version
        yield folder / "bin" / "python3"
        yield folder / "MacOS" / version


_probes: dict[tuple[str, float], tuple[float, Probe]] = {}


def _probe(path: str, origin: str, own: bool) -> Probe:
    """Ask a Python which of the engine's modules it lacks, without importing them.

    The answer is remembered by path and time of change; one that lacks something only for seconds,
    so that an installation is noticed without a restart of QGIS.
    """
    try:
        key = (path, os.stat(path).st_mtime)
    except OSError as error:
        raise EnvironmentProblem(
            tr(
                "The Python for the KSDiff engine ({origin}) cannot be used: {path}: {reason}.",
                origin=origin,
                path=path,
                reason=error.strerror or error,
            ),
            hint=_remedy(path, own, (*FOR_RASTERS, *FOR_NETWORK)),
        ) from error
    when, known = _probes.get(key, (0.0, None))
    if known and (not known.missing or time.monotonic() - when < _FAILURE_IS_REMEMBERED):
        return known
    found = _ask(path, origin, own)
    _probes[key] = (time.monotonic(), found)
    return found


def _ask(path: str, origin: str, own: bool) -> Probe:
    environment = Interpreter(path, own, shares_libraries=True).environment(os.environ)
    try:
        answer = subprocess.run(  # nosec B603
            [path, "-c", _PROBE, *FOR_RASTERS, *FOR_NETWORK],
            env=environment,
            cwd=_paths.ENGINE,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_TIMEOUT,
            check=True,
            **without_console(),
        )
        data = json.loads(answer.stdout.decode("utf-8").strip().splitlines()[-1])
        return Probe(tuple(data["missing"]), data["stdlib"])
    except (OSError, subprocess.SubprocessError, ValueError, LookupError) as error:
        said = (getattr(error, "stderr", b"") or b"").decode("utf-8", "replace").strip()
        raise EnvironmentProblem(
            tr(
                "The Python for the KSDiff engine ({origin}: {path}) does not answer: {said}",
                origin=origin,
                path=path,
                said=said or error,
            ),
            hint=tr("Correct it, or see {page}.", page=setup_page()),
        ) from error


def setup_page() -> str:
    """Return where the set-up of the engine's Python is described."""
    return tr("docs/engine-setup.md in the plugin's repository")


def _remedy(path: str, own: bool, missing: tuple[str, ...]) -> str:
    """Return one sentence on how to make the Python fit."""
    if own or Path(path) == python_in(environment_folder()):
        return tr(
            "Set up the engine: Settings → Options → KSDiff → Set up engine…, or run the "
            "algorithm ksdiff:setupengine; see {page}.",
            page=setup_page(),
        )
    return tr(
        'Install them: "{path}" -m pip install {packages}; see {page}.',
        path=path,
        packages=" ".join(missing),
        page=setup_page(),
    )
