"""What rasters say about the sensor that took them: names, band descriptions and tags."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from osgeo import gdal

from ksdiff_engine.raster.gdal_guard import gdal_failures
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.sensors import AUTO, DEFAULT, SensorProfile, detect_sensor, get_profile

# Where drivers put the platform: the reader of vendors' metadata (IMAGERY), DigitalGlobe's IMD
# file, and tags that carry it by a telling name.
_DOMAINS = ("IMAGERY", "IMD", "")
_TELLING = re.compile(r"satellite|spacecraft|platform|mission|sensor|satid|instrument", re.I)


def profile_for(name: str, *sources: RasterSource) -> SensorProfile:
    """Return the profile a job names, or for ``auto`` the one that the rasters point to."""
    if name != AUTO:
        return get_profile(name)
    return detect_sensor([hint for source in sources for hint in hints(source)])


def hints(source: RasterSource) -> Iterator[str]:
    """Yield texts that may name the sensor of a raster."""
    for path in source.paths:
        yield os.path.basename(path)
        yield os.path.basename(os.path.dirname(path))
        yield from _tags(path)
    for band in source.bands:
        yield band.description


def _tags(path: str) -> Iterator[str]:
    dataset = None
    found: dict[str, str] = {}
    with gdal_failures():
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY)
        for domain in _DOMAINS:
            found.update((dataset.GetMetadata(domain) if dataset else None) or {})
    for key, value in found.items():
        if _TELLING.search(key):
            yield value


def ratio_remark(profile: SensorProfile, ratio: float) -> str:
    """Return a warning when the rasters' ratio is not the sensor's, else an empty text."""
    if profile is DEFAULT or profile.ratio is None or abs(ratio / profile.ratio - 1) < 0.1:
        return ""
    return (
        f"{profile.title} has ratio {profile.ratio:g}, these rasters have {ratio:.2f}: one of them "
        "has been resampled, or they are of another sensor."
    )
