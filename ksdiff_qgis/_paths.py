"""Where the plugin's own files are, in the source tree and in the installed package alike.

The source tree has ``engine``, ``resources`` and ``metadata.txt`` beside the plugin's folder, the
package has them inside it.
"""

from __future__ import annotations

import sys
from configparser import ConfigParser
from pathlib import Path

PLUGIN = Path(__file__).resolve().parent
ROOT = PLUGIN if (PLUGIN / "engine").is_dir() else PLUGIN.parent
ENGINE = ROOT / "engine"
RESOURCES = ROOT / "resources"
METADATA = ROOT / "metadata.txt"

_ENGINE_PACKAGE = "ksdiff_engine"
_added: list[str] = []


def metadata(key: str) -> str:
    """Return what ``metadata.txt`` says of the plugin; empty where it says nothing."""
    found = ConfigParser(interpolation=None)
    found.read(METADATA, encoding="utf-8")
    return found.get("general", key, fallback="")


def add_engine() -> None:
    """Make ``ksdiff_engine`` importable.

    The folder goes to the end of ``sys.path`` and holds that one package, so it hides no module of
    QGIS or of another plugin.
    """
    folder = str(ENGINE)
    if folder not in sys.path:
        sys.path.append(folder)
        _added.append(folder)


def forget_engine() -> None:
    """Undo :func:`add_engine`: an upgraded plugin must not meet the old engine's modules."""
    if not _added:
        return
    while _added:
        folder = _added.pop()
        if folder in sys.path:
            sys.path.remove(folder)
    for name in [n for n in sys.modules if n.partition(".")[0] == _ENGINE_PACKAGE]:
        del sys.modules[name]
