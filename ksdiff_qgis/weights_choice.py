"""The weights a user can choose: those that come with the plugin and those in the profile."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication

from ksdiff_engine import weights


def folders() -> tuple[str, ...]:
    """Return the folder in the QGIS profile for the user's own weights, if there is one."""
    folder = Path(QgsApplication.qgisSettingsDirPath()) / "ksdiff" / "weights"
    return (str(folder),) if folder.is_dir() else ()


def names() -> list[str]:
    """Return the names of all usable weights, for a list of choices."""
    return [entry.name for entry in weights.catalogue(weights.weights_folders(folders()))]
