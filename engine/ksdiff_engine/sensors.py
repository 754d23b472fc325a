"""Sensor profiles: bands, bit depth, ratio and MTF gains at Nyquist, read from JSON.

One file a sensor in ``resources/sensors``; docs/sensors.md says how to write another. A gain is a
published figure or it is the default's, and the profile says which (``gains_published``,
``source``): no figure is made up. Free of numpy, so that the plugin lists sensors without importing
it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ksdiff_engine._resources import resources_folder
from ksdiff_engine.errors import InputError

# The toolboxes' values for a sensor without published gains (DLPan-Toolbox, genMTF.m, MTF_PAN.m).
DEFAULT_MS_GAIN = 0.3
DEFAULT_PAN_GAIN = 0.15
AUTO = "auto"
PROFILE_EXTENSION = ".json"


@dataclass(frozen=True)
class SensorBand:
    """One multispectral band, in the order of the product as delivered.

    name: the field's name, lower case ("nir", "red edge").
    shortest, longest: wavelengths between which the band lies, nm.
    gain: amplitude of the MTF at the MS Nyquist frequency, 0..1.
    file: what the name of its file ends in, where products have one file a band ("B4").
    """

    name: str
    shortest: float
    longest: float
    gain: float
    file: str = ""

    @property
    def wavelength(self) -> float:
        """Centre of the band, nm."""
        return (self.shortest + self.longest) / 2


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
    other_files: what files of the product hold that are no MS band, by a regular expression for
        what their names end in.
    reason: why this profile was taken for a scene; empty in the catalogue.
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
    other_files: Mapping[str, str] = field(default_factory=dict, hash=False)
    reason: str = ""

    def __post_init__(self) -> None:
        gains = [band.gain for band in self.ms_bands] + [self.pan_gain]
        if not all(0.0 < gain < 1.0 for gain in gains):
            raise ValueError(f"sensor {self.name}: MTF gains lie between 0 and 1, not {gains}")
        for band in self.ms_bands:
            if not 100.0 < band.shortest < band.longest:
                raise ValueError(
                    f"sensor {self.name}: {band.name} lies between two wavelengths in nm, not "
                    f"{band.shortest:g} and {band.longest:g}"
                )

    @property
    def is_default(self) -> bool:
        """Whether this stands for any sensor."""
        return self.name == DEFAULT.name

    def is_named_in(self, text: str) -> bool:
        """Whether a name or tag speaks of this sensor."""
        return any(re.search(pattern, text.lower()) for pattern in self.patterns)


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
    """Return the profile of that name or title, whatever its case and punctuation, or that file's.

    A name that ends in ``.json`` is the path of a profile of one's own. Raises ``InputError``
    naming the known sensors. ``auto`` is for :mod:`.sensor_hints`.
    """
    if name.lower().endswith(PROFILE_EXTENSION):
        return read_profile(name)
    profiles = load_profiles()
    wanted = canonical(name)
    for profile in profiles.values():
        if wanted in (canonical(profile.name), canonical(profile.title)):
            return profile
    raise InputError(
        f"There is no sensor profile {name!r}.",
        hint=f"The profiles are: {', '.join(profiles)}; 'auto' looks at the files, and a profile "
        "of your own is named by its path (.json).",
    )


def detect_sensor(hints: Iterable[str]) -> SensorProfile:
    """Return the profile that most of the hints (file names, band names, tags) point to.

    ``DEFAULT`` when no hint is recognised or two sensors are named equally often.
    """
    texts = [hint for hint in hints if hint]
    votes = {
        name: sum(profile.is_named_in(text) for text in texts)
        for name, profile in load_profiles().items()
    }
    most = max(votes.values())
    winners = [name for name, count in votes.items() if count == most]
    return load_profiles()[winners[0]] if most > 0 and len(winners) == 1 else DEFAULT


def natural_colour(profile: SensorProfile, n_bands: int) -> tuple[int, ...]:
    """Return the numbers of the red, green and blue band among ``n_bands`` MS bands, from 1.

    Empty where the profile does not tell: it has another number of bands, or lacks a colour.
    """
    names = [band.name for band in profile.ms_bands]
    if len(names) != n_bands or not {"red", "green", "blue"} <= set(names):
        return ()
    return tuple(names.index(colour) + 1 for colour in ("red", "green", "blue"))


def gains_for(profile: SensorProfile, n_bands: int) -> tuple[float, ...]:
    """Return the MTF gains at Nyquist of ``n_bands`` MS bands.

    When the product has another number of bands than the profile, nobody knows which they are, and
    all get the default's gain.
    """
    if len(profile.ms_bands) == n_bands:
        return tuple(band.gain for band in profile.ms_bands)
    return (DEFAULT_MS_GAIN,) * n_bands


def other_file(name: str) -> str:
    """Return what a file of a known product holds that is no MS band ("thermal"); else nothing.

    name: of a layer, or of a file with or without folder and extension.
    """
    return _other_file(name)[1]


def without_other_files(paths: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Return the MS bands among one product's files, and a message about what was left out.

    So one may select a Landsat product's files as they were delivered. Where not one of the files
    is an MS band, all are wanted.
    """
    kept: list[str] = []
    others: dict[str, list[str]] = {}
    for path in paths:
        ending, content = _other_file(path)
        if content:
            others.setdefault(content, []).append(ending)
        else:
            kept.append(path)
    if not kept or not others:
        return tuple(paths), ""
    listed = "; ".join(f"{', '.join(names)} ({content})" for content, names in others.items())
    return tuple(kept), f"Left out, as no multispectral bands: {listed}. Name bands to choose them."


def _other_file(name: str) -> tuple[str, str]:
    """What the name ends in ("B10"), and what the file holds; both empty for any other file."""
    stem = os.path.splitext(os.path.basename(name))[0]
    for pattern, content in detect_sensor([stem]).other_files.items():
        ending = re.search(f"_({pattern})$", stem, re.IGNORECASE)
        if ending:
            return ending.group(1), content
    return "", ""


def canonical(name: str) -> str:
    """Return a sensor's name without case and punctuation, for comparisons."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@lru_cache(maxsize=8)
def _load_cached(folder: Path) -> tuple[tuple[str, SensorProfile], ...]:
    profiles = [read_profile(path) for path in sorted(folder.glob(f"*{PROFILE_EXTENSION}"))]
    return tuple((profile.name, profile) for profile in (DEFAULT, *profiles))


def read_profile(path: str | Path) -> SensorProfile:
    """Return the profile in a JSON file; ``InputError`` names the file that holds none."""
    try:
        data: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        return SensorProfile(
            name=data["name"],
            title=data.get("title", data["name"]),
            ratio=data.get("ratio"),
            bit_depth=data.get("bit_depth"),
            ms_bands=tuple(_read_band(band) for band in data["bands"]),
            pan_gain=data.get("pan_gain", DEFAULT_PAN_GAIN),
            gains_published=data.get("gains_published", False),
            source=data.get("source", ""),
            patterns=tuple(data.get("patterns", ())),
            other_files=data.get("other_files", {}),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"The sensor profile {path} cannot be read: {error!r}.",
            hint="Repair the file after docs/sensors.md; if it came with the plugin, install the "
            "plugin again.",
        ) from error


def _read_band(data: dict[str, Any]) -> SensorBand:
    shortest, longest = (float(wavelength) for wavelength in data["range"])
    gain = data.get("gain", DEFAULT_MS_GAIN)
    return SensorBand(data["name"], shortest, longest, gain, data.get("file", ""))
