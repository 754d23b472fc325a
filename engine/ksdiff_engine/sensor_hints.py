"""What rasters say about the sensor that took them: metadata, names, wavelengths.

Metadata are what GDAL's drivers read and what vendors' files beside the raster hold; they come
first. Names follow, of files, folders and bands; then the wavelengths of the bands. Of a pair, MS
is asked before PAN, since it is MS's transfer function that matters most.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from osgeo import gdal

from ksdiff_engine.raster.gdal_guard import gdal_failures
from ksdiff_engine.raster.reader import BandInfo, RasterSource
from ksdiff_engine.sensors import (
    AUTO,
    DEFAULT,
    SensorBand,
    SensorProfile,
    canonical,
    detect_sensor,
    get_profile,
    load_profiles,
)
from ksdiff_engine.side_files import side_files

# Where drivers put the platform: the reader of vendors' metadata (IMAGERY), the vendors' own items
# (IMD), and tags that carry it by a telling name.
_DOMAINS = ("IMAGERY", "IMD", "")
_TELLING = re.compile(r"satellite|spacecraft|platform|mission|sensor|satid|instrument", re.I)
# What vendors' files call the platform, or the instrument. DIMAP has its number in an element of
# its own. The value ends where quotes, tags, commas or lines do.
_PLATFORM = re.compile(
    r"\b(?:satId|satellite(?:[ _]?(?:id|name))?|AUX_SATELLITE_NAME|SPACECRAFT_ID|platform|"
    r"MISSION|sensor(?:[ _]?(?:id|name))?)\b[^\w<]*[=:>\t][^\w<]*([^\"'<>,;\r\n]+)"
    r"(?:</MISSION>\s*<MISSION_INDEX>\s*(\w+))?",
    re.I,
)
# A file's wavelengths are those of a sensor when they differ from its bands' centres by no more.
_SAME_WAVELENGTH = 6.0  # nm


@dataclass(frozen=True)
class Clue:
    """A text that may name a sensor, and where it was found."""

    text: str
    origin: str


def profile_for(name: str, ms: RasterSource, pan: RasterSource) -> SensorProfile:
    """Return the profile a job names, or for ``auto`` the one that the rasters point to.

    Its bands are those of MS, in their order, as far as that can be told; ``reason`` says how it
    was found.
    """
    if name == AUTO:
        profile = _detected(ms, pan)
    else:
        profile = replace(get_profile(name), reason="named by the user")
    return with_bands_of(profile, ms.bands)


def _detected(ms: RasterSource, pan: RasterSource) -> SensorProfile:
    for clues in (metadata_clues, name_clues):
        for source in (ms, pan):
            profile = _named_by(clues, source)
            if not profile.is_default:
                return profile
    profile = _by_wavelengths(ms.bands)
    if not profile.is_default:
        return replace(profile, reason="the wavelengths of the bands")
    return replace(DEFAULT, reason="nothing in the files names a known sensor")


def _named_by(
    clues: Callable[[RasterSource], Iterator[Clue]], source: RasterSource
) -> SensorProfile:
    found = list(clues(source))
    profile = detect_sensor(clue.text for clue in found)
    if profile.is_default:
        return profile
    clue = next(clue for clue in found if profile.is_named_in(clue.text))
    return replace(profile, reason=f"“{clue.text}”, {clue.origin}")


def metadata_clues(source: RasterSource) -> Iterator[Clue]:
    """Yield what tags and vendors' files beside the raster call its platform."""
    for path in source.paths:
        for text in _tags(path):
            yield Clue(text, f"metadata of {os.path.basename(path)}")
        for file in side_files(path):
            for match in _PLATFORM.finditer(file.text):
                text = " ".join(part.strip() for part in match.groups() if part)
                yield Clue(text, file.name)


def name_clues(source: RasterSource) -> Iterator[Clue]:
    """Yield the names of a raster's files, of their folders and of the bands."""
    for path in source.paths:
        yield Clue(os.path.basename(path), "name of the file")
        yield Clue(os.path.basename(os.path.dirname(path)), "name of the folder")
    for band in source.bands:
        yield Clue(band.description, "description of a band")


def _tags(path: str) -> Iterator[str]:
    dataset = None
    found: dict[str, str] = {}
    with gdal_failures():
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY)
        for domain in _DOMAINS:
            found.update((dataset.GetMetadata(domain) if dataset else None) or {})
    for key, value in found.items():
        if _TELLING.search(key):
            number = found.get(f"{key}_INDEX", "")  # of a DIMAP product's MISSION
            yield f"{value} {number}".strip(" \"'")


def _by_wavelengths(bands: Sequence[BandInfo]) -> SensorProfile:
    """Return the one sensor whose bands, in any order, have these wavelengths; else ``DEFAULT``."""
    given = sorted(band.wavelength for band in bands if band.wavelength is not None)
    if len(given) != len(bands) or not given:
        return DEFAULT
    fitting = []
    for profile in load_profiles().values():
        known = sorted(band.wavelength for band in profile.ms_bands)
        if len(known) == len(given) and all(
            abs(one - other) <= _SAME_WAVELENGTH for one, other in zip(known, given)
        ):
            fitting.append(profile)
    return fitting[0] if len(fitting) == 1 else DEFAULT


def with_bands_of(profile: SensorProfile, bands: Sequence[BandInfo]) -> SensorProfile:
    """Return the profile with the sensor's bands that a raster has, in the raster's order.

    They are told by wavelengths, else by names, else by their places in a file that has all of the
    sensor's bands. Where none of this tells all of them, the profile stays as it is.
    """
    known = profile.ms_bands
    for match in (_by_wavelength, _by_name, _by_place):
        found = [match(known, band) for band in bands]
        indices = [index for index in found if index is not None]
        if len(indices) == len(bands) == len(set(indices)):
            return replace(profile, ms_bands=tuple(known[index] for index in indices))
    return profile


def _by_wavelength(known: Sequence[SensorBand], band: BandInfo) -> int | None:
    if band.wavelength is None or not known:
        return None
    wanted = band.wavelength
    index = min(range(len(known)), key=lambda i: abs(known[i].wavelength - wanted))
    return index if known[index].shortest <= wanted <= known[index].longest else None


def _by_name(known: Sequence[SensorBand], band: BandInfo) -> int | None:
    """The band of that name or file; "nir" may stand for the first of several."""
    for index, candidate in enumerate(known):
        if candidate.file and re.search(f"(^|_){candidate.file}$", band.description, re.I):
            return index
    wanted = canonical(band.description)
    names = [canonical(candidate.name) for candidate in known]
    if wanted in names:
        return names.index(wanted)
    return names.index(f"{wanted}1") if wanted and f"{wanted}1" in names else None


def _by_place(known: Sequence[SensorBand], band: BandInfo) -> int | None:
    return band.number - 1 if band.number and band.siblings == len(known) else None


def sensor_keys(profile: SensorProfile) -> dict[str, str]:
    """Return the keys of a job's result that tell which sensor was taken, and why."""
    return {"sensor": profile.name, "sensor_reason": profile.reason}


def ratio_remark(profile: SensorProfile, ratio: float) -> str:
    """Return a warning when the rasters' ratio is not the sensor's, else an empty text."""
    if profile.ratio is None or abs(ratio / profile.ratio - 1) < 0.1:
        return ""
    return (
        f"{profile.title} has ratio {profile.ratio:g}, these rasters have {ratio:.2f}: one of them "
        "has been resampled, or they are of another sensor."
    )
