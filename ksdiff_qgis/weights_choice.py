"""The weights a user can choose: those that come with the plugin and those in his own folders."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication

from ksdiff_engine import weights
from ksdiff_engine.card_text import card_text

from . import settings


def folders() -> tuple[str, ...]:
    """Return the folders, as far as they are there: that in the QGIS profile, those of the
    settings.
    """
    wanted = (profile_folder(), *settings.weights_folders())
    return tuple(folder for folder in wanted if Path(folder).is_dir())


def profile_folder() -> str:
    """Return the folder in the QGIS profile, which need not be there."""
    return str(Path(QgsApplication.qgisSettingsDirPath()) / "ksdiff" / "weights")


def built_in_names() -> list[str]:
    """Return the names of the weights that come with the plugin."""
    return [entry.name for entry in weights.catalogue(weights.weights_folders())]


def names() -> list[str]:
    """Return the names of all usable weights, for a list of choices."""
    return [entry.name for entry in weights.catalogue(weights.weights_folders(folders()))]


def card(name: str) -> str:
    """Return the card of the weights of that name, in English. Raises ``EngineError``."""
    entries = weights.catalogue(weights.weights_folders(folders()))
    return card_text(weights.find(name, entries))
