"""A PAN/MS pair as every method sees it: tiles on the PAN grid, and statistics of the whole.

Coordinates are georeferenced: the centre of the result's pixel column ``i`` lies at MS index
``ms_x + (i + 0.5) / ratio_x - 0.5``. A value depends on its position alone, never on the tile or
block that it was computed in: windows are read with a margin as wide as the filters reach.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from ksdiff_engine.ahead import ahead
from ksdiff_engine.errors import InputError
from ksdiff_engine.filling import fill_nearest
from ksdiff_engine.raster.align import Pair
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window, tiles
from ksdiff_engine.reduction import all_valid
from ksdiff_engine.resample import (
    KERNEL_RADIUS,
    interpolation_matrix,
    lowpass_matrix,
    lowpass_radius,
    separable,
)
from ksdiff_engine.resampled import SMALLEST_RATIO
from ksdiff_engine.scene_statistics import (
    LatticeSample,
    Moments,
    SceneStatistics,
    intensity_weights,
)
from ksdiff_engine.sensors import SensorProfile, gains_for

__all__ = ["RawTile", "Scene", "SceneStatistics", "TileData"]

# How far, in MS pixels, an invalid pixel looks for a valid one. Twice what interpolation (11) at a
# valid pixel reaches, so that only the margins of a network's view see the mean that lies farther.
FILL_RADIUS = 24
# Edge of the blocks in which statistics are gathered, MS pixels. Fixed, so that sums do not depend
# on the choice of tiles.
STATISTICS_BLOCK = 256
STATISTICS_THREADS = 2  # blocks in memory at once; their order stays
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class TileData:
    """One tile of a scene, halo included, on the PAN grid; values as in the rasters.

    window: where it lies in the result's grid; may leave it by the halo.
    pan: (H, W) float32.
    pan_low: (H, W) float32, PAN degraded to MS resolution with the MTF of the MS bands (the mean of
        their gains) and interpolated back like the MS.
    ms_up: (C, H, W) float32, MS interpolated to PAN pixel centres (EXP).
    valid: (H, W) bool, PAN valid and the MS pixel that the centre falls into valid.
    """

    window: Window
    pan: np.ndarray
    pan_low: np.ndarray
    ms_up: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class RawTile:
    """A tile whose MS is not interpolated yet: what waits to be fused.

    window, pan, valid: as in :class:`TileData`. pan_low (h, w), ms (C, h, w): at MS pixels, with
    as many around the tile as interpolation needs. x (W,), y (H,): among them, its pixel centres.
    """

    window: Window
    pan: np.ndarray
    valid: np.ndarray
    pan_low: np.ndarray
    ms: np.ndarray
    x: np.ndarray
    y: np.ndarray

    def interpolated(self) -> TileData:
        """The tile as methods see it."""
        height, width = self.pan_low.shape
        to_columns = interpolation_matrix(width, self.x).astype(np.float32)
        to_rows = interpolation_matrix(height, self.y).astype(np.float32)
        return TileData(
            window=self.window,
            pan=self.pan,
            pan_low=separable(to_rows, self.pan_low, to_columns),
            ms_up=separable(to_rows, self.ms, to_columns),
            valid=self.valid,
        )


class Scene:
    """An aligned pair with the sensor's MTF gains. Tiles may be taken from several threads.

    Attributes: ``pair``, ``profile``, ``gains`` (C,), ``bands`` (C), ``ratio``, and ``width`` and
    ``height`` of the result in PAN pixels. Raises ``InputError`` when the MS has the PAN's pixel
    size.
    """

    def __init__(self, pair: Pair, profile: SensorProfile, background: float | None = None) -> None:
        self.pair = pair
        self.profile = profile
        self.bands = len(pair.ms.bands)
        self.gains = gains_for(profile, self.bands)
        self.ratio = pair.ratio
        self.width, self.height = pair.grid.width, pair.grid.height
        self._pan_gain_low = float(np.mean(self.gains))
        self._background = background  # far from valid pixels; None is the scene's means
        self._statistics: SceneStatistics | None = None
        # A GDAL dataset may change its thread, but not serve two at once.
        self._reading = threading.Lock()
        if min(pair.ratio_x, pair.ratio_y) < SMALLEST_RATIO:
            raise InputError(
                f"The MS {pair.ms.name} has nearly the pixel size of the PAN {pair.pan.name}: "
                f"ratio {self.ratio:.2f}. There is no detail for the PAN to add.",
                hint="Give the original MS, from before it was resampled to the PAN grid, or name "
                "the sensor, to whose ratio the MS is then averaged back.",
            )

    def tile(self, window: Window, halo: int = 0) -> TileData:
        """Return the tile of a window of the result's grid, widened by ``halo`` on all sides.

        Beyond the rasters, and where they are invalid, values are those of the nearest valid pixel
        within ``FILL_RADIUS`` MS pixels, and the scene's mean farther off.
        """
        return self.read(window, halo).interpolated()

    def read(self, window: Window, halo: int = 0) -> RawTile:
        """What :meth:`tile` is made of, which takes a quarter of its memory."""
        window = window.expanded(halo)
        x = self._ms_positions(window.column, window.width, axis=0)
        y = self._ms_positions(window.row, window.height, axis=1)
        ms_window = _around(x, y, KERNEL_RADIUS + 1)
        ms, ms_valid = self._read(self.pair.ms, ms_window, FILL_RADIUS, self._ms_background)
        degraded = self._degrade_pan(ms_window, self._pan_background)
        inner = window.shifted(-degraded.window.column, -degraded.window.row)
        rows = slice(inner.row, inner.row + inner.height)
        columns = slice(inner.column, inner.column + inner.width)
        ms_rows = _nearest(y, self.pair.ms.grid.height) - ms_window.row
        ms_columns = _nearest(x, self.pair.ms.grid.width) - ms_window.column
        return RawTile(
            window=window,
            pan=degraded.pan[rows, columns],
            valid=degraded.valid[rows, columns] & ms_valid[np.ix_(ms_rows, ms_columns)],
            pan_low=degraded.low,
            ms=ms,
            x=x - ms_window.column,
            y=y - ms_window.row,
        )

    def ms(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """The MS itself at a window of MS coordinates: (C, h, w) float32, and valid (h, w)."""
        return self._read_raw(self.pair.ms, window)

    def degrade(self, image: np.ndarray, window: Window) -> tuple[Window, np.ndarray]:
        """What the MS sensor would see of an image (C, H, W) at a window of the result's grid.

        Returns the window of the MS pixels, in MS coordinates, whose filters end within the image,
        and their values (C, h, w) float32; both are empty where the image is too small.
        """
        pair = self.pair
        radius = lowpass_radius(max(pair.ratio_x, pair.ratio_y), float(np.min(self.gains)))
        column, width = self._ms_inside(window.column + radius, window.width - 2 * radius, axis=0)
        row, height = self._ms_inside(window.row + radius, window.height - 2 * radius, axis=1)
        inside = Window(column, row, width, height)
        low = np.empty((self.bands, height, width), np.float32)
        if low.size:
            x = self._pan_positions(column, width, axis=0) - window.column
            y = self._pan_positions(row, height, axis=1) - window.row
            for band, gain in enumerate(self.gains):
                to_rows = lowpass_matrix(window.height, y, pair.ratio_y, gain).astype(np.float32)
                to_columns = lowpass_matrix(window.width, x, pair.ratio_x, gain).astype(np.float32)
                low[band] = separable(to_rows, image[band].astype(np.float32), to_columns)
        return inside, low

    def statistics(self, progress: Progress | None = None) -> SceneStatistics:
        """Return the scene's statistics, gathered once in fixed blocks and kept.

        Raises ``InputError`` when PAN and MS have no valid pixel in common.
        """
        if self._statistics is None:
            progress = progress or (lambda fraction, message: None)
            self._statistics = self._gather(self._ms_blocks(), progress)
        return self._statistics

    def statistics_of(
        self, windows: Sequence[Window], progress: Progress | None = None
    ) -> SceneStatistics:
        """Return the statistics of windows of the result's grid, to whole MS pixels.

        They stand for the scene where it is too large to read whole; see :meth:`adopt`. Raises as
        :meth:`statistics` does.
        """
        blocks = [self._ms_block(window) for window in windows]
        return self._gather(blocks, progress or (lambda fraction, message: None))

    def adopt(self, statistics: SceneStatistics) -> None:
        """Take over statistics: those that another process gathered, or of a sample."""
        self._statistics = statistics

    def nudged(self, x: float, y: float) -> Scene:
        """Return the scene with MS moved right by ``x`` and down by ``y`` PAN pixels, as a trial.

        The grid stays, so that MS may not cover it all, and far from valid pixels values are 0, so
        that no statistics are needed. :meth:`.Pair.moved` moves MS for good.
        """
        pair = self.pair
        ms_x, ms_y = pair.ms_x - x / pair.ratio_x, pair.ms_y - y / pair.ratio_y
        return Scene(replace(pair, ms_x=ms_x, ms_y=ms_y), self.profile, background=0.0)

    def _gather(self, blocks: Sequence[Window], progress: Progress) -> SceneStatistics:
        both, pan_only, sample = Moments(self.bands + 1), Moments(1), LatticeSample()
        with closing(ahead(self._statistics_block, blocks, STATISTICS_THREADS)) as read:
            for number in range(len(blocks)):
                progress(number / len(blocks), "Reading statistics")
                values, positions, pan = next(read)
                both.add(values)
                pan_only.add(pan)
                sample.add(values, positions)
        if both.count == 0:
            raise InputError(
                f"PAN {self.pair.pan.name} and MS {self.pair.ms.name} have no valid pixel in "
                f"common in the {self.width} × {self.height} PAN pixels of their overlap.",
                hint="Check the nodata values and masks of both rasters.",
            )
        percentiles = np.percentile(sample.values(), (1, 99), axis=0)
        return SceneStatistics(
            count=both.count,
            mean=both.mean,
            covariance=both.covariance,
            pan_mean=float(pan_only.mean[0]),
            pan_variance=float(pan_only.covariance[0, 0]),
            minimum=both.minimum,
            maximum=both.maximum,
            percentile_01=percentiles[0].astype(np.float64),
            percentile_99=percentiles[1].astype(np.float64),
            intensity_weights=intensity_weights(both.mean, both.covariance),
        )

    def _ms_blocks(self) -> list[Window]:
        """Blocks of whole MS pixels, in MS coordinates, that cover the result's grid."""
        whole = self._ms_block(Window(0, 0, self.width, self.height))
        blocks = tiles(whole.width, whole.height, STATISTICS_BLOCK)
        return [block.shifted(whole.column, whole.row) for block in blocks]

    def _ms_block(self, window: Window) -> Window:
        """The whole MS pixels, in MS coordinates, that cover a window of the result's grid."""
        pair = self.pair
        left = pair.ms_x + window.column / pair.ratio_x
        top = pair.ms_y + window.row / pair.ratio_y
        column, row = _floor(left), _floor(top)
        width = _ceil(left + window.width / pair.ratio_x) - column
        return Window(column, row, width, _ceil(top + window.height / pair.ratio_y) - row)

    def _statistics_block(self, block: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (N, C + 1) values, (N, 2) their MS positions, and (M, 1) PAN values of a block."""
        ms, ms_valid = self._read_raw(self.pair.ms, block)
        degraded = self._degrade_pan(block, lambda: np.zeros(1))
        column_edges = self._footprints(block.column, block.width, axis=0) - degraded.window.column
        row_edges = self._footprints(block.row, block.height, axis=1) - degraded.window.row
        usable = ms_valid & all_valid(degraded.valid, row_edges, column_edges)
        values = np.concatenate([ms, degraded.low[None]])[:, usable].T
        positions = np.argwhere(usable) + np.array([block.row, block.column])
        footprint = degraded.pan[row_edges[0] : row_edges[-1], column_edges[0] : column_edges[-1]]
        if not usable.all():
            under = np.repeat(np.repeat(usable, np.diff(row_edges), 0), np.diff(column_edges), 1)
            footprint = footprint[under]
        return values, positions, footprint.reshape(-1, 1)

    def _degrade_pan(self, ms_window: Window, background: Callable[[], np.ndarray]) -> _DegradedPan:
        """Return PAN around a window of MS pixels, and sampled at their centres after the MTF."""
        pair, gain = self.pair, self._pan_gain_low
        x = self._pan_positions(ms_window.column, ms_window.width, axis=0)
        y = self._pan_positions(ms_window.row, ms_window.height, axis=1)
        radius = lowpass_radius(max(pair.ratio_x, pair.ratio_y), gain) + 1
        window = _around(x, y, radius)
        source = window.shifted(pair.pan_column, pair.pan_row)
        reach = math.ceil(FILL_RADIUS * max(pair.ratio_x, pair.ratio_y))
        pan, valid = self._read(pair.pan, source, reach, background)
        to_rows = lowpass_matrix(window.height, y - window.row, pair.ratio_y, gain)
        to_columns = lowpass_matrix(window.width, x - window.column, pair.ratio_x, gain)
        low = separable(to_rows.astype(np.float32), pan[0], to_columns.astype(np.float32))
        return _DegradedPan(window, pan[0], valid, low)

    def _read(
        self,
        source: RasterSource,
        window: Window,
        reach: int,
        background: Callable[[], np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read a window and fill its invalid pixels from what lies within ``reach`` of it."""
        image, valid = self._read_raw(source, window)
        if valid.all():
            return image, valid
        image, wide_valid = self._read_raw(source, window.expanded(reach))
        image = fill_nearest(image, wide_valid, reach, background())
        inner = (slice(reach, reach + window.height), slice(reach, reach + window.width))
        return image[(slice(None), *inner)], valid

    def _read_raw(self, source: RasterSource, window: Window) -> tuple[np.ndarray, np.ndarray]:
        with self._reading:
            return source.read(window)

    def _ms_background(self) -> np.ndarray:
        if self._background is not None:
            return np.full(self.bands, self._background)
        return self.statistics().mean[:-1]

    def _pan_background(self) -> np.ndarray:
        if self._background is not None:
            return np.array([self._background])
        return np.array([self.statistics().pan_mean])

    def _ms_positions(self, start: int, count: int, *, axis: int) -> np.ndarray:
        """MS indices of the centres of ``count`` PAN columns (axis 0) or rows (axis 1)."""
        origin, ratio = self._axis(axis)
        return origin + (start + np.arange(count) + 0.5) / ratio - 0.5

    def _pan_positions(self, start: int, count: int, *, axis: int) -> np.ndarray:
        """Indices on the result's grid of the centres of ``count`` MS columns or rows."""
        origin, ratio = self._axis(axis)
        return (start + np.arange(count) + 0.5 - origin) * ratio - 0.5

    def _ms_inside(self, start: int, count: int, *, axis: int) -> tuple[int, int]:
        """First MS column (axis 0) or row whose centre is among PAN's, and how many there are."""
        origin, ratio = self._axis(axis)
        first = _ceil(origin + (start + 0.5) / ratio - 0.5)
        last = _floor(origin + (start + count - 0.5) / ratio - 0.5)
        return first, max(0, last - first + 1)

    def _footprints(self, start: int, count: int, *, axis: int) -> np.ndarray:
        """First index on the result's grid inside each MS pixel; one more for the far edge."""
        origin, ratio = self._axis(axis)
        edges = (start + np.arange(count + 1) - origin) * ratio
        return np.array([_ceil(edge - 0.5) for edge in edges])

    def _axis(self, axis: int) -> tuple[float, float]:
        pair = self.pair
        return (pair.ms_x, pair.ratio_x) if axis == 0 else (pair.ms_y, pair.ratio_y)


@dataclass(frozen=True)
class _DegradedPan:
    """PAN in a window of the result's grid, filled, and its version at MS resolution."""

    window: Window
    pan: np.ndarray
    valid: np.ndarray
    low: np.ndarray


def _around(x: np.ndarray, y: np.ndarray, margin: int) -> Window:
    """Window of whole pixels that reaches ``margin`` beyond ascending positions on either side."""
    column, row = _floor(x[0]) - margin, _floor(y[0]) - margin
    return Window(column, row, _ceil(x[-1]) + margin + 1 - column, _ceil(y[-1]) + margin + 1 - row)


def _nearest(positions: np.ndarray, size: int) -> np.ndarray:
    """Index of the pixel that each position (0 = centre of the first) falls into.

    The far edge of an axis of ``size`` pixels belongs to its last pixel.
    """
    index = np.floor(positions + 0.5 + _ROUNDING).astype(int)
    on_far_edge = (index == size) & (positions + 0.5 - _ROUNDING <= size)
    return np.where(on_far_edge, size - 1, index)


# Positions are sums and quotients of georeferences: a whole number may come out a hair off.
_ROUNDING = 1e-6


def _floor(value: float) -> int:
    return math.floor(value + _ROUNDING)


def _ceil(value: float) -> int:
    return math.ceil(value - _ROUNDING)
