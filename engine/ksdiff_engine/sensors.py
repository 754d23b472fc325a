"""Sensor profiles: bands, bit depth, ratio and MTF gains at Nyquist, read from JSON.

One file a sensor in ``resources/sensors``. A gain is a published figure or it is the default's, and
the profile says which (``gains_published``, ``source``): no figure is made up. Free of numpy, so
that the plugin lists sensors without importing it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ksdiff_engine._resources import resources_folder
from ksdiff_engine.errors import InputError

# The toolboxes' values for a sensor without published gains (DLPan-Toolbox, genMTF.m, MTF_PAN.m).
DEFAULT_MS_GAIN = 0.3
DEFAULT_PAN_GAIN = 0.15
AUTO = "auto"


@dataclass(frozen=True)
class SensorBand:
    """One multispectral band, in the order of the product as delivered.

    name: the field's name, lower case ("nir", "red edge").
    wavelength: centre of the nominal band, nm.
    gain: amplitude of the MTF at the MS Nyquist frequency, 0..1.
    """

    name: str
    wavelength: float
    gain: float


@dataclass(frozen=True)
class SensorProfile:
    """What the engine knows about a sensor.

    name: identifier ("worldview-3"); title: for people ("WorldView-3").
    ratio: PAN pixels per MS pixel, None where there is no fixed one.
    bit_depth: bits of the digital numbers as delivered, None where unknown.
    ms_bands: empty for a profile that fits any number of bands.
    pan_gain: amplitude of PAN's MTF at its own Nyquist frequency, 0..1.
    gains_published: False where the gains are the default's for want of a publication.
    source: where the figures come from.
    patterns: regular expressions that recognise the sensor in names and tags.
    """

    name: str
    title: str
    ratio: float | None
    bit_depth: int | None
    ms_bands: tuple[SensorBand, ...]
    pan_gain: float
    gains_published: bool
    source: str
    patterns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        gains = [band.gain for band in self.ms_bands] + [self.pan_gain]
        if not all(0.0 < gain < 1.0 for gain in gains):
            raise ValueError(f"sensor {self.name}: MTF gains lie between 0 and 1, not {gains}")


DEFAULT = SensorProfile(
    name="default",
    title="Any sensor (default gains)",
    ratio=None,
    bit_depth=None,
    ms_bands=(),
    pan_gain=DEFAULT_PAN_GAIN,
    gains_published=False,
    source="DLPan-Toolbox, genMTF.m and MTF_PAN.m: values used where a sensor has none of its own",
)


def load_profiles(folder: Path | None = None) -> dict[str, SensorProfile]:
    """Return all profiles by name, ``default`` first; ``folder`` replaces ``resources/sensors``.

    Raises ``InputError`` naming the file when one cannot be read.
    """
    return dict(_load_cached(folder or resources_folder() / "sensors"))


def get_profile(name: str) -> SensorProfile:
    """Return the profile of that name or title, whatever its case and punctuation.

    Raises ``InputError`` naming the known sensors. ``auto`` is for :func:`detect_sensor`.
    """
    profiles = load_profiles()
    wanted = canonical(name)
    for profile in profiles.values():
        if wanted in (canonical(profile.name), canonical(profile.title)):
            return profile
    raise InputError(
        f"There is no sensor profile {name!r}.",
        hint=f"The profiles are: {', '.join(profiles)}; 'auto' looks at the files.",
    )


def detect_sensor(hints: Iterable[str]) -> SensorProfile:
    """Return the profile that most of the hints (file names, band names, tags) point to.

    ``DEFAULT`` when no hint is recognised or two sensors are named equally often.
    """
    texts = [hint.lower() for hint in hints if hint]
    votes = {
        name: sum(any(re.search(p, text) for p in profile.patterns) for text in texts)
        for name, profile in load_profiles().items()
    }
    most = max(votes.values())
    winners = [name for name, count in votes.items() if count == most]
    return load_profiles()[winners[0]] if most > 0 and len(winners) == 1 else DEFAULT


def gains_for(profile: SensorProfile, n_bands: int) -> tuple[float, ...]:
    """Return the MTF gains at Nyquist of ``n_bands`` MS bands.

    When the product has another number of bands than the profile, nobody knows which they are, and
    all get the default's gain.
    """
    if len(profile.ms_bands) == n_bands:
        return tuple(band.gain for band in profile.ms_bands)
    return (DEFAULT_MS_GAIN,) * n_bands


def canonical(name: str) -> str:
    """Return a sensor's name without case and punctuation, for comparisons."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@lru_cache(maxsize=8)
def _load_cached(folder: Path) -> tuple[tuple[str, SensorProfile], ...]:
    profiles = [_read(path) for path in sorted(folder.glob("*.json"))]
    return tuple((profile.name, profile) for profile in (DEFAULT, *profiles))


def _read(path: Path) -> SensorProfile:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        bands = tuple(
            SensorBand(b["name"], float(b["wavelength"]), b.get("gain", DEFAULT_MS_GAIN))
            for b in data["bands"]
        )
        return SensorProfile(
            name=data["name"],
            title=data["title"],
            ratio=data["ratio"],
            bit_depth=data["bit_depth"],
            ms_bands=bands,
            pan_gain=data.get("pan_gain", DEFAULT_PAN_GAIN),
            gains_published=data["gains_published"],
            source=data["source"],
            patterns=tuple(data["patterns"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"The sensor profile {path} cannot be read: {error!r}.",
            hint="Install the plugin again, or repair the file.",
        ) from error
