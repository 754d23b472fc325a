"""On what and with which versions a benchmark ran."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from osgeo import gdal

from .measuring import ROOT

# Programs, the command that tells their version, and where the number stands in what it says.
VERSIONS = {
    "OTB": (["otbcli_Superimpose", "-version"], r"version ([\d.]+)"),
    "GRASS": (["grass", "--version"], r"GRASS GIS ([\d.]+)"),
    "SAGA": (["saga_cmd", "--version"], r"Version: ([\d.]+)"),
}


QUIET = 0.5  # processes that may be running before a benchmark starts


def describe() -> dict[str, Any]:
    """Processor, memory, versions, and how busy the machine is with other things."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": _system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": importlib.metadata.version("torch"),
        "GDAL": gdal.VersionInfo("RELEASE_NAME"),
        **{name: _version(*how) for name, how in VERSIONS.items()},
        "commit": _output(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]).strip(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    """Its name as Linux tells it, or what Python knows."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _version(command: list[str], pattern: str) -> str:
    if shutil.which(command[0]) is None:
        return "not installed"
    found = re.search(pattern, _output(command))
    return found[1] if found else "unknown"


def _output(command: list[str]) -> str:
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return said.stdout + said.stderr
