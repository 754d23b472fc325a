"""A raster seen on a coarser grid: Wald's protocol for scenes of any size, ratio and origin.

The georeferenced counterpart of ``wald.py``. MS (and a product that is brought back to the MS grid)
is blurred by the sensor's MTF and sampled at the centres of the coarser pixels; PAN is reduced by
antialiased bicubic resizing, as in the toolboxes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ksdiff_engine.errors import InputError
from ksdiff_engine.filling import fill_nearest
from ksdiff_engine.raster.align import Pair
from ksdiff_engine.raster.grid import NO_GEOTRANSFORM, Grid
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.resample import (
    bicubic_matrix,
    bicubic_radius,
    lowpass_matrix,
    lowpass_radius,
)

# Georeferences are sums and quotients: a whole number may come out a hair off.
_ROUNDING = 1e-6


class Readable(Protocol):
    """What can be read in windows, which may leave it: ``RasterSource`` and its like."""

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """((C, h, w), valid (h, w)); invalid pixels hold 0."""


@dataclass(frozen=True)
class Moved:
    """A raster whose windows are counted from (column, row) of it."""

    source: Readable
    column: int
    row: int

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """((C, h, w), valid (h, w))."""
        return self.source.read(window.shifted(self.column, self.row))


@dataclass(frozen=True)
class Axis:
    """One axis of a coarser grid over a finer one.

    origin: edge of the first coarse pixel, in fine pixels (0 = outer edge of the first).
    ratio: fine pixels per coarse pixel.
    """

    origin: float
    ratio: float

    def centres(self, start: int, count: int) -> np.ndarray:
        """Centres of coarse pixels in fine pixels, 0 = centre of the first fine pixel."""
        return self.origin + (start + np.arange(count) + 0.5) * self.ratio - 0.5

    def edges(self, start: int, count: int) -> np.ndarray:
        """First fine pixel whose centre lies in each coarse one; one more for the far edge."""
        edges = self.origin + (start + np.arange(count + 1)) * self.ratio
        return np.ceil(edges - 0.5 - _ROUNDING).astype(int)


class Reduction:
    """A raster reduced to a coarser grid, read in windows of that grid.

    source: the finer raster. columns, rows: how the grids lie on each other. gains: one MTF gain a
    band for the low-pass filter; None for antialiased bicubic resizing. A coarse pixel is valid
    when all fine pixels whose centres lie in it are; what else the filter reaches and is invalid
    takes the value of its nearest valid neighbour.
    """

    def __init__(
        self, source: Readable, columns: Axis, rows: Axis, gains: Sequence[float] | None = None
    ) -> None:
        self._source, self._columns, self._rows = source, columns, rows
        self._gains = None if gains is None else tuple(gains)
        ratio = max(columns.ratio, rows.ratio)
        if self._gains is None:
            self._radius = bicubic_radius(ratio) + 1
        else:
            self._radius = max(lowpass_radius(ratio, gain) for gain in self._gains) + 1

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Return ((C, h, w) float32, valid (h, w)) of a window of the coarser grid."""
        columns = self._columns.edges(window.column, window.width)
        rows = self._rows.edges(window.row, window.height)
        inner = Window(
            int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]), int(rows[-1] - rows[0])
        )
        fine = inner.expanded(self._radius)
        image, valid = self._read_filled(fine)
        usable = all_valid(valid, rows - fine.row, columns - fine.column)
        x = self._columns.centres(window.column, window.width) - fine.column
        y = self._rows.centres(window.row, window.height) - fine.row
        reduced = self._reduced(image, x, y)
        reduced[:, ~usable] = 0.0
        return reduced, usable

    def _read_filled(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        image, valid = self._source.read(window)
        if valid.all():
            return image, valid
        # As far as a pixel in the filter's corner is from a valid coarse pixel's nearest fine one.
        reach = math.ceil(math.sqrt(2.0) * self._radius)
        wide, wide_valid = self._source.read(window.expanded(reach))
        filled = fill_nearest(wide, wide_valid, reach, np.zeros(len(wide)))
        inner = (slice(reach, reach + window.height), slice(reach, reach + window.width))
        return filled[(slice(None), *inner)], valid

    def _reduced(self, image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        result = np.empty((len(image), y.size, x.size), dtype=np.float32)
        previous: tuple[float | None, np.ndarray, np.ndarray] | None = None
        for number, band in enumerate(image):
            gain = None if self._gains is None else self._gains[number]
            if previous is None or previous[0] != gain:
                down = _matrix(image.shape[1], y, self._rows.ratio, gain)
                across = _matrix(image.shape[2], x, self._columns.ratio, gain)
                previous = (gain, down, across)
            result[number] = previous[1] @ band @ previous[2].T
        return result


def _matrix(n_in: int, positions: np.ndarray, ratio: float, gain: float | None) -> np.ndarray:
    if gain is None:
        return bicubic_matrix(n_in, positions, ratio)
    return lowpass_matrix(n_in, positions, ratio, gain)


def all_valid(valid: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Whether all pixels between successive row and column edges are valid, and there are some."""
    areas = np.outer(np.diff(rows), np.diff(columns))
    within = valid[rows[0] : rows[-1], columns[0] : columns[-1]]
    if within.all():
        return areas > 0
    counts = np.zeros((within.shape[0] + 1, within.shape[1] + 1), dtype=np.int64)
    counts[1:, 1:] = within.cumsum(0).cumsum(1)
    corners = counts[np.ix_(rows - rows[0], columns - columns[0])]
    sums = np.diff(np.diff(corners, axis=0), axis=1)
    return (sums == areas) & (areas > 0)


@dataclass(frozen=True)
class ReducedPair:
    """A pair reduced by its own ratio, and where its reference lies.

    pan, ms: the reduced images. pan_grid: of the reduced PAN, whole pixels of the original MS;
    ms_grid: of the reduced MS, with the same origin. reference: the window of the original MS
    (``pair.ms``) that pan_grid is.
    """

    pan: Reduction
    ms: Reduction
    pan_grid: Grid
    ms_grid: Grid
    reference: Window


def reduce_pair(pair: Pair, gains: Sequence[float]) -> ReducedPair:
    """Reduce a pair by its ratio with one MTF gain a band; nothing is read yet.

    A pixel counts as covered by a finer grid when the centres of that grid's pixels fill it. The
    reduced PAN has the MS pixels that the pair's grid covers, cut to those whose centres the
    reduced MS covers. Raises InputError when less than 2 × 2 reduced MS pixels remain.
    """
    window = ms_window(pair)
    width = math.floor((window.width + 0.5) / pair.ratio_x)
    height = math.floor((window.height + 0.5) / pair.ratio_y)
    if min(width, height) < 2:
        raise InputError(
            f"PAN {pair.pan.name} and MS {pair.ms.name} have {window.width} × {window.height} MS "
            f"pixels in common; reduced by {pair.ratio:.4g} these are {width} × {height}, less "
            "than 2 × 2.",
            hint="Use a larger extent.",
        )
    window = replace(
        window,
        width=min(window.width, math.floor(width * pair.ratio_x + 0.5)),
        height=min(window.height, math.floor(height * pair.ratio_y + 0.5)),
    )
    columns, rows = ms_axes(pair)
    columns = replace(columns, origin=columns.origin + window.column * pair.ratio_x)
    rows = replace(rows, origin=rows.origin + window.row * pair.ratio_y)
    return ReducedPair(
        pan=Reduction(
            pair.pan,
            replace(columns, origin=columns.origin + pair.pan_column),
            replace(rows, origin=rows.origin + pair.pan_row),
        ),
        ms=Reduction(
            pair.ms, Axis(window.column, pair.ratio_x), Axis(window.row, pair.ratio_y), gains
        ),
        pan_grid=pair.ms.grid.cut(window),
        ms_grid=coarser(pair.ms.grid.cut(window), width, height, pair.ratio_x, pair.ratio_y),
        reference=window,
    )


def ms_axes(pair: Pair) -> tuple[Axis, Axis]:
    """Columns and rows of the MS over the pair's grid."""
    return (
        Axis(-pair.ms_x * pair.ratio_x, pair.ratio_x),
        Axis(-pair.ms_y * pair.ratio_y, pair.ratio_y),
    )


def ms_window(pair: Pair) -> Window:
    """The MS pixels that the pair's grid covers, to half a PAN pixel."""
    column, width = _covered(pair.ms_x, pair.grid.width, pair.ratio_x, pair.ms.grid.width)
    row, height = _covered(pair.ms_y, pair.grid.height, pair.ratio_y, pair.ms.grid.height)
    return Window(column, row, width, height)


def _covered(origin: float, size: int, ratio: float, limit: int) -> tuple[int, int]:
    """First MS pixel and their number; `size` PAN pixels begin at `origin` in MS pixels."""
    first = math.ceil(origin - 0.5 / ratio - _ROUNDING)
    last = math.floor(origin + (size + 0.5) / ratio + _ROUNDING)
    first, last = max(first, 0), min(last, limit)
    return first, max(last - first, 0)


def coarser(grid: Grid, width: int, height: int, ratio_x: float, ratio_y: float) -> Grid:
    """The grid of the same origin with pixels ``ratio_x`` times as wide, ``ratio_y`` as high."""
    if not grid.has_geotransform:
        return Grid(width, height, NO_GEOTRANSFORM, grid.crs)
    g = grid.geotransform
    geotransform = (g[0], g[1] * ratio_x, g[2] * ratio_y, g[3], g[4] * ratio_x, g[5] * ratio_y)
    return Grid(width, height, geotransform, grid.crs)
