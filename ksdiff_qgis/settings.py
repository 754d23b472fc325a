"""What the user has set on the page *Options → KSDiff*.

A setting speaks where a job leaves the choice open (``auto``, 0): a parameter that says something
else wins, and models and histories that hold ``auto`` follow the computer they run on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from qgis.core import QgsSettings

from ksdiff_engine.job import DEVICES, SMALLEST_TILE, Job

AUTO = "auto"
PYTHON = "ksdiff/python"  # the Python that runs the engine; empty: the environment in the profile
INDEX = "ksdiff/index_url"  # of a package index for special builds of PyTorch
_WEIGHTS_FOLDERS = "ksdiff/weights_folders"
_PREFIX = "ksdiff/default_"
_LARGEST_TILE = 65536
_MOST_THREADS = 4096

JobType = TypeVar("JobType", bound=Job)


@dataclass(frozen=True)
class Defaults:
    """What takes the place of ``auto`` and 0 in a job; names are those of the job's fields.

    tile: edge in PAN pixels, which is what bounds the memory. threads: of the CPU. What is set to
    ``auto`` or 0 here as well is left to the engine.
    """

    device: str = AUTO
    weights: str = AUTO
    tile: int = 0
    threads: int = 0


def load() -> Defaults:
    """Return the settings; what is no valid value counts as not set."""
    settings = QgsSettings()
    device = str(settings.value(_PREFIX + "device", AUTO))
    tile = _number(settings.value(_PREFIX + "tile", 0), _LARGEST_TILE)
    return Defaults(
        device=device if device in DEVICES else AUTO,
        weights=str(settings.value(_PREFIX + "weights", AUTO) or AUTO),
        tile=tile if tile >= SMALLEST_TILE else 0,
        threads=_number(settings.value(_PREFIX + "threads", 0), _MOST_THREADS),
    )


def save(defaults: Defaults) -> None:
    """Keep the settings."""
    for field in fields(defaults):
        QgsSettings().setValue(_PREFIX + field.name, getattr(defaults, field.name))


def applied(job: JobType) -> tuple[JobType, tuple[str, ...]]:
    """Return the job with the settings where it leaves a choice open, and what was set, in words.

    Fields that the job does not have are passed over.
    """
    changes = dict(_changes(job, load()))
    words = tuple(f"{name} {value}" for name, value in changes.items())
    return (replace(job, **changes) if changes else job), words


def weights_folders() -> tuple[str, ...]:
    """Return the folders with weights of the user's own."""
    value = QgsSettings().value(_WEIGHTS_FOLDERS, [])
    folders = [value] if isinstance(value, str) else (value or [])
    return tuple(str(folder) for folder in folders if folder)


def save_weights_folders(folders: Iterable[str]) -> None:
    """Keep the folders."""
    QgsSettings().setValue(_WEIGHTS_FOLDERS, [folder for folder in folders if folder])


def index() -> str:
    """Return the address of the package index for special builds; empty when there is none."""
    return str(QgsSettings().value(INDEX, "") or "").strip()


def _changes(job: Job, defaults: Defaults) -> Iterator[tuple[str, str | int]]:
    for field in fields(defaults):
        value = getattr(defaults, field.name)
        if getattr(job, field.name, None) == field.default and value != field.default:
            yield field.name, value


def _number(value: object, largest: int) -> int:
    """Return a setting as a number; an INI file holds text."""
    try:
        number = int(str(value))
    except ValueError:
        return 0
    return number if 0 <= number <= largest else 0
