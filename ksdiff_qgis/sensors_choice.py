"""The sensor profiles a user can choose: those that come with the plugin and his own."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication

from ksdiff_engine.sensors import AUTO, PROFILE_EXTENSION, load_profiles


def names() -> list[str]:
    """Return what a list of choices offers, ``auto`` first."""
    return list(dict.fromkeys((AUTO, *load_profiles(), *_own())))


def for_job(name: str) -> str:
    """Return what names the sensor in a job: for a profile of the user's, its path."""
    return _own().get(name, name)


def _own() -> dict[str, str]:
    """The user's profiles in the QGIS profile: path by the file's name without extension."""
    folder = Path(QgsApplication.qgisSettingsDirPath()) / "ksdiff" / "sensors"
    return {path.stem: str(path) for path in sorted(folder.glob(f"*{PROFILE_EXTENSION}"))}
