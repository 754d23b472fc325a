"""What the quality jobs share: figures without NaN, the report as JSON, bands to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ksdiff_engine.quality import report as page
from ksdiff_engine.quality.glossary import MEASURES
from ksdiff_engine.raster.reader import DTYPES, RasterSource
from ksdiff_engine.raster.staging import check_target
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.sensors import SensorProfile

# Pixels of the part of a large image that a report shows.
SHOWN_PIXELS = 1_500_000
PATCH = 3  # pixels; edge of the square whose mean spectrum is drawn
# Wavelengths (nm) that a screen's red, green and blue stand for.
_SCREEN = (660.0, 560.0, 485.0)
# Orders in which products without band names come, blue first from four bands on.
_USUAL_RGB = {3: (0, 1, 2), 4: (2, 1, 0), 8: (4, 2, 1)}


def finite_figures(
    values: Mapping[str, float | None], keys: Sequence[str], notes: list[str]
) -> dict[str, float | None]:
    """Return the figures of `keys` with None in place of what JSON cannot hold, and notes of it."""
    figures: dict[str, float | None] = {}
    for key in keys:
        value = values[key]
        if value is not None and not math.isfinite(value):
            notes.append(f"{MEASURES[key].title}: {value:g}, given as no figure.")
            value = None
        figures[key] = None if value is None else float(value)
    return figures


def q2n_convention(data_type: str) -> str:
    """Q2n rounds digital numbers as benchmarks do, and leaves floating-point values as they are."""
    return "unrounded" if DTYPES[data_type][0] == "f" else "benchmark"


def report_as_dict(report: page.Report) -> dict[str, Any]:
    """The report's words and tables, for JSON."""
    return {
        "title": report.title,
        "summary": report.summary,
        "facts": dict(report.facts),
        "tables": [_table_as_dict(table) for table in report.tables],
        "notes": list(report.notes),
    }


def _table_as_dict(table: page.Table) -> dict[str, Any]:
    values = asdict(table)
    return {**values, "measures": list(table.measures), "rows": list(values["rows"])}


def check_report_path(path: str) -> None:
    """Raise OutputError, before the work, when a report cannot be written there; empty: none is."""
    if path:
        check_target(path)


def band_names(source: RasterSource, profile: SensorProfile) -> tuple[str, ...]:
    """The bands' descriptions, else the sensor's names where it has as many bands, else numbers."""
    described = [band.description for band in source.bands]
    if all(described) and len(set(described)) == len(described):
        return tuple(described)
    if len(profile.ms_bands) == len(described):
        return tuple(band.name for band in profile.ms_bands)
    return tuple(f"Band {number}" for number in range(1, len(described) + 1))


def wavelengths(profile: SensorProfile, bands: int) -> tuple[float, ...] | None:
    """Centres in nm where the sensor has that many bands, else None."""
    if len(profile.ms_bands) != bands:
        return None
    return tuple(band.wavelength for band in profile.ms_bands)


def rgb_bands(source: RasterSource, profile: SensorProfile) -> tuple[int, int, int]:
    """0-based bands to show as red, green and blue.

    By the bands' colours, else by the sensor's wavelengths, else by their usual order; an image
    with less than three bands shows its first.
    """
    colors = [band.color for band in source.bands]
    if all(name in colors for name in ("Red", "Green", "Blue")):
        return colors.index("Red"), colors.index("Green"), colors.index("Blue")
    known = wavelengths(profile, len(colors))
    if known is not None and len(colors) >= 3:
        nearest = [int(np.abs(np.array(known) - wanted).argmin()) for wanted in _SCREEN]
        return nearest[0], nearest[1], nearest[2]
    if len(colors) < 3:
        return 0, 0, 0
    return _USUAL_RGB.get(len(colors), (2, 1, 0))


def shown_window(width: int, height: int, pixels: int = SHOWN_PIXELS) -> Window:
    """The central window of at most so many pixels, as square as the image allows."""
    side = math.sqrt(pixels)
    shown_width = min(width, max(int(side), pixels // max(height, 1)))
    shown_height = min(height, max(1, pixels // shown_width))
    return Window(
        (width - shown_width) // 2, (height - shown_height) // 2, shown_width, shown_height
    )


def cut_out(
    image: np.ndarray, valid: np.ndarray, corners: Sequence[tuple[int, int]], size: int
) -> list[np.ndarray]:
    """Squares of (C, H, W) from their upper left corners (row, column); NaN where invalid."""
    places = [(slice(row, row + size), slice(column, column + size)) for row, column in corners]
    return [np.where(valid[place], image[(slice(None), *place)], np.nan) for place in places]


@dataclass(frozen=True)
class Viewer:
    """Makes a report's crops and spectra of one scene's bands."""

    names: tuple[str, ...]
    wavelengths: tuple[float, ...] | None
    rgb: tuple[int, int, int]

    @classmethod
    def of(cls, source: RasterSource, profile: SensorProfile) -> Viewer:
        """For the bands of a multispectral raster."""
        names = band_names(source, profile)
        return cls(names, wavelengths(profile, len(names)), rgb_bands(source, profile))

    def crops(
        self, titles: Sequence[str], layers: Sequence[tuple[str, Sequence[np.ndarray]]]
    ) -> tuple[page.Crop, ...]:
        """One crop for each title. layers: (label, one (C, h, w) for each title)."""
        return tuple(
            page.Crop(title, tuple((label, images[i]) for label, images in layers), self.rgb)
            for i, title in enumerate(titles)
        )

    def spectra(
        self, titles: Sequence[str], layers: Sequence[tuple[str, Sequence[np.ndarray]]]
    ) -> tuple[page.SpectralProfile, ...]:
        """The spectra of each crop where the layers differ most, means of ``PATCH`` × ``PATCH``."""
        profiles = []
        for i, title in enumerate(titles):
            images = [images[i] for _, images in layers]
            places = page.most_different(images, PATCH, 1)
            for row, column in places:
                patch = (slice(None), slice(row, row + PATCH), slice(column, column + PATCH))
                curves = tuple(
                    (label, np.nanmean(image[patch], axis=(1, 2), dtype=np.float64))
                    for (label, _), image in zip(layers, images)
                )
                name = f"{title}: the {PATCH} × {PATCH} pixels that differ most"
                profiles.append(page.SpectralProfile(name, self.names, self.wavelengths, curves))
        return tuple(profiles)


def crop_titles(
    corners: Sequence[tuple[int, int]], origin: tuple[int, int], prefix: str = "Crop"
) -> list[str]:
    """Numbers and places of crops whose (row, column) are counted from origin (column, row)."""
    return [
        f"{prefix} {number} (column {origin[0] + column}, row {origin[1] + row})"
        for number, (row, column) in enumerate(corners, start=1)
    ]
