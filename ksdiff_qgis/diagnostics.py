"""What a report of a defect needs: versions, the engine, the settings, the last error."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from osgeo import gdal
from qgis.core import Qgis
from qgis.PyQt.QtCore import QT_VERSION_STR

from ksdiff_engine.errors import EngineError

from . import _paths, interpreter, settings, weights_choice
from .setup.environment import Folders
from .setup.failures import redacted

_LOG_TAIL = 15  # lines of the set-up's log

_last_error = ""
_last_test: Mapping[str, Any] = {}


def remember(error: EngineError) -> None:
    """Keep an error for the report, except that the user has cancelled."""
    global _last_error
    if error.kind != "cancelled":
        _last_error = f"{error.kind}: {error}"


def tested(found: Mapping[str, Any]) -> None:
    """Keep what the last test of the engine found out; an empty one is forgotten."""
    global _last_test
    _last_test = found


def last_test() -> Mapping[str, Any]:
    """Return what the last test since the start of QGIS found out; empty when there was none."""
    return _last_test


def report() -> str:
    """Return the report, without the user's name and passwords. Blocks while a Python answers."""
    return redacted("\n".join(_lines()))


def _lines() -> Iterator[str]:
    yield f"KSDiff {_paths.metadata('version')}, QGIS {Qgis.QGIS_VERSION}, Qt {QT_VERSION_STR}"
    yield f"{platform.platform()}, Python {platform.python_version()}, GDAL {gdal.__version__}"
    try:
        found = interpreter.find()
        libraries = "those of QGIS" if found.shares_libraries else "its own"
        yield f"Engine: {found.path}, libraries: {libraries}"
    except EngineError as error:
        yield f"Engine: {error}"
    yield "Last test: " + (", ".join(f"{k}={v}" for k, v in _last_test.items()) or "none")
    yield f"Weights: {', '.join(weights_choice.names()) or 'none'}"
    yield f"Settings: {', '.join(f'{k}={v}' for k, v in asdict(settings.load()).items())}"
    yield f"Last error: {_last_error or 'none'}"
    yield from _log_tail()


def _log_tail() -> Iterator[str]:
    log = Folders(interpreter.environment_folder().parent).log
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        yield "Last set-up:"
        yield from lines[-_LOG_TAIL:]
