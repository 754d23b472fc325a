"""QGIS's desktop on a virtual screen, in a throw-away profile that has the packaged plugin.

A script runs inside it with the functions of ``window.py``; it finds the repository in the
environment variable KSDIFF_ROOT and its own folder, where it reads and writes, in KSDIFF_DESKTOP.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts import deploy, package

ROOT = Path(__file__).resolve().parents[1]
# Debian's wrapper script "qgis" starts the first of these.
QGIS = shutil.which("qgis.bin") or shutil.which("qgis")
XVFB = shutil.which("xvfb-run")

_SETTINGS = """[PythonPlugins]
ksdiff_qgis=true
processing=true
[locale]
userLocale=en_US
overrideFlag=true
"""


def prepare(folder: Path) -> Path:
    """Put a profile with the plugin into the folder; return the plugin's folder."""
    archive = folder / "ksdiff_qgis.zip"
    package.build(ROOT, archive)
    profile = folder / "profiles" / "default"
    plugin = deploy.deploy(archive, profile)
    settings = profile / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(_SETTINGS)
    return plugin


def run(script: Path, folder: Path, *, seconds: int, screen: str = "1280x800") -> str:
    """Let QGIS run a script, which ends it; return what went to stderr.

    folder: as :func:`prepare` left it. seconds: after which QGIS is ended. screen: its size.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    environment = {
        **kept,
        "KSDIFF_ROOT": str(ROOT),
        "KSDIFF_DESKTOP": str(folder),
        "KSDIFF_PYTHON": sys.executable,
        "QT_QPA_PLATFORM": "xcb",
        "XDG_RUNTIME_DIR": str(folder),
    }
    # timeout ends the whole group: xvfb-run, its server and QGIS.
    ended = subprocess.run(
        [
            *("timeout", "--kill-after=5", str(seconds)),
            *(str(XVFB), "-a", "-s", f"-screen 0 {screen}x24"),
            *(str(QGIS), "--nologo", "--noversioncheck"),
            *("--profiles-path", str(folder), "--code", str(script)),
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
    )
    return f"QGIS ended with {ended.returncode}.\n{ended.stderr}"
