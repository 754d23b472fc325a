"""The metadata that vendors put beside their rasters, found by name.

GDAL reads some of them, for some formats of raster, under exact names. Here it is enough that the
words of the file's name are words of the raster's, in their order: IMD, RPB and XML of Maxar,
DIM_*.XML of Airbus, MTL of Landsat (text, JSON, XML), JSON of Planet, EPH of KOMPSAT.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from osgeo import gdal

from ksdiff_engine.raster.gdal_guard import gdal_failures

EXTENSIONS = (".imd", ".rpb", ".xml", ".txt", ".json", ".eph")
# Elsewhere on networks, where a listing may take long and cost money.
LISTED = ("/vsizip/", "/vsitar/", "/vsimem/")
LARGEST_READ = 1 << 20  # bytes; what tells the platform stands before that
MOST_FILES = 8
# What a metadata file has in its name and its raster has not.
_MARKS = ("mtl", "dim", "metadata", "aux", "meta")


@dataclass(frozen=True)
class SideFile:
    """A metadata file. name: without folder. text: its beginning."""

    name: str
    text: str


def side_files(path: str) -> Iterator[SideFile]:
    """Yield the metadata files of a raster, the longest name first; none for what is no file."""
    if path.startswith("/vsi") and not path.startswith(LISTED):
        return
    folder, name = os.path.split(path)
    words = _words(name)
    with gdal_failures():
        names = gdal.ReadDir(folder or ".") or ()
    beside = [other for other in names if other.lower().endswith(EXTENSIONS) and other != name]
    related = [other for other in beside if _is_part_of(_words(other), words)]
    for other in sorted(related, key=lambda other: (-len(other), other))[:MOST_FILES]:
        text = _beginning(os.path.join(folder, other))
        if text:
            yield SideFile(other, text)


def _words(name: str) -> list[str]:
    stem = os.path.splitext(name)[0].lower()
    return [word for word in re.split(r"[\W_]+", stem) if word and word not in _MARKS]


def _is_part_of(words: list[str], whole: list[str]) -> bool:
    """Whether the words occur in the whole, in their order; no words do not."""
    remaining = iter(whole)
    return bool(words) and all(word in remaining for word in words)


def _beginning(path: str) -> str:
    data = None
    with gdal_failures():
        file = gdal.VSIFOpenL(path, "rb")
        if file is not None:
            data = gdal.VSIFReadL(1, LARGEST_READ, file)
            gdal.VSIFCloseL(file)
    return bytes(data).decode("utf-8", errors="replace") if data else ""
