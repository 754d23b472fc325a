"""The weights a user can choose: those that come with the plugin and those in his own folders."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication

from ksdiff_engine import weights

from . import settings


def folders() -> tuple[str, ...]:
    """Return the folders, as far as they are there: that in the QGIS profile, those of the
    settings.
    """
    in_profile = Path(QgsApplication.qgisSettingsDirPath()) / "ksdiff" / "weights"
    wanted = (str(in_profile), *settings.weights_folders())
    return tuple(folder for folder in wanted if Path(folder).is_dir())


def names() -> list[str]:
    """Return the names of all usable weights, for a list of choices."""
    return [entry.name for entry in weights.catalogue(weights.weights_folders(folders()))]
