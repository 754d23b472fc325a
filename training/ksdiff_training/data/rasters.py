"""Georeferenced PAN and MS as they lie on disk, opened as users' scenes are, nodata left out.

Two ways of reading them: whole blocks in memory for training and testing
(:func:`read_raster_pair`), and windows of any size (:class:`MsGrid`), which ``prepare`` streams.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ksdiff_engine.errors import InputError
from ksdiff_engine.filling import fill_nearest
from ksdiff_engine.raster.align import Pair, align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.reduction import ms_window
from ksdiff_engine.resample import KERNEL_RADIUS, interpolation_matrix
from ksdiff_engine.resampled import with_own_resolution
from ksdiff_engine.sensor_hints import profile_for
from ksdiff_engine.sensors import AUTO, SensorProfile, gains_for

from .pairs import PairFile

BLOCK = 256  # MS pixels; the edge of the blocks that scenes are read in
MOST_BLOCKS = 16  # of one scene in memory: 8 bands at ratio 4 take 100 MB
_WHOLE = 1e-3  # PAN pixels; positions that near to whole ones are whole


@dataclass(frozen=True)
class Product:
    """Paths of one acquisition's PAN and of its MS, in one file or several.

    sensor: the name of a profile; ``auto`` looks at the files.
    """

    pan: str
    ms: tuple[str, ...]
    sensor: str = AUTO

    @property
    def name(self) -> str:
        """The name of PAN's file, without its ending."""
        return Path(self.pan).stem


def find_products(folder: Path, pan: str, ms: Sequence[str], sensor: str = AUTO) -> list[Product]:
    """The products of the patterns, in the order of their names.

    `pan`: a pattern relative to `folder`; `ms`: one or several, whose asterisks stand for what
    those of `pan` stand for, in their order. Raises FileNotFoundError for a pattern without files.
    """
    found = sorted(folder.glob(pan))
    if not found:
        raise FileNotFoundError(f"no panchromatic image matches {folder / pan}")
    places = re.compile(re.escape(pan).replace(r"\*", "([^/]*)"))
    products = []
    for path in found:
        match = places.fullmatch(path.relative_to(folder).as_posix())
        words = match.groups() if match else ()
        files = [folder / _filled(pattern, words) for pattern in ms]
        for file in files:
            if not file.exists():
                raise FileNotFoundError(f"{path} has no multispectral image {file}")
        products.append(Product(str(path), tuple(str(file) for file in files), sensor))
    return products


def _filled(pattern: str, words: Sequence[str]) -> str:
    """The pattern with its asterisks replaced by `words`."""
    if pattern.count("*") > len(words):
        raise ValueError(f"{pattern!r} has more asterisks than the pattern of its PAN")
    for word in words:
        pattern = pattern.replace("*", word, 1)
    return pattern


@dataclass(frozen=True)
class MsGrid:
    """A pair seen on the MS grid, which PAN is brought to with a whole number of pixels per MS
    pixel.

    window: the MS pixels that PAN covers. ratio: PAN pixels per MS pixel, rounded.
    """

    pair: Pair
    profile: SensorProfile
    window: Window
    ratio: int

    @property
    def gains(self) -> tuple[float, ...]:
        """MTF gains at Nyquist, one a band."""
        return gains_for(self.profile, len(self.pair.ms.bands))

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """ms (C, h, w), pan (h * ratio, w * ratio), valid (h, w) of a window of the MS raster.

        An MS pixel is valid when it and all PAN pixels in it are. PAN is read as it is where its
        pixels fit into MS's, else interpolated with the kernel that MS is interpolated with.
        """
        ms, valid = self.pair.ms.read(window)
        pan, pan_valid = self._read_pan(window)
        parts = pan_valid.reshape(window.height, self.ratio, window.width, self.ratio)
        return ms, pan, valid & parts.all(axis=(1, 3))

    def _read_pan(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        pair = self.pair
        x = self._positions(window.column, window.width, pair.ms_x, pair.ratio_x, pair.pan_column)
        y = self._positions(window.row, window.height, pair.ms_y, pair.ratio_y, pair.pan_row)
        if all(np.abs(axis - axis.round()).max() < _WHOLE for axis in (x, y)) and all(
            np.ptp(axis.round()) == len(axis) - 1 for axis in (x, y)
        ):
            whole = Window(int(x[0].round()), int(y[0].round()), len(x), len(y))
            pan, valid = pair.pan.read(whole)
            return pan[0], valid
        reach = KERNEL_RADIUS + 1
        left, top = int(np.floor(x[0])) - reach, int(np.floor(y[0])) - reach
        around = Window(
            left, top, int(np.ceil(x[-1])) + reach + 1 - left, int(np.ceil(y[-1])) + reach + 1 - top
        )
        pan, valid = pair.pan.read(around)
        pan = fill_nearest(pan, valid, 2 * reach, np.zeros(1))[0]
        rows = interpolation_matrix(around.height, y - top).astype(np.float32)
        columns = interpolation_matrix(around.width, x - left).astype(np.float32)
        nearest_y = _nearest(y, pair.pan.grid.height) - top
        nearest_x = _nearest(x, pair.pan.grid.width) - left
        return rows @ pan @ columns.T, valid[np.ix_(nearest_y, nearest_x)]

    def _positions(
        self, start: int, count: int, origin: float, ratio: float, first: int
    ) -> np.ndarray:
        """Where PAN's new pixels lie, in PAN pixels (0 = centre of the first), for MS pixels."""
        edges = start - origin + (np.arange(count * self.ratio) + 0.5) / self.ratio
        return first + edges * ratio - 0.5


def _nearest(positions: np.ndarray, size: int) -> np.ndarray:
    """The pixel at each position; one pixel beyond an axis of `size` belongs to its end.

    Windows of MS pixels are covered by PAN to half a PAN pixel only.
    """
    index = np.rint(positions).astype(int)
    return np.where(index == -1, 0, np.where(index == size, size - 1, index))


@contextmanager
def open_raster_pair(product: Product) -> Iterator[MsGrid]:
    """Open a product on its MS grid.

    MS that was resampled to the PAN grid is averaged back where the sensor's ratio is known. Raises
    InputError where the engine would, and where the ratio is no whole number to one part in fifty.
    """
    with RasterSource.open_pan(product.pan) as pan, RasterSource.open_ms(product.ms) as ms:
        profile = profile_for(product.sensor, ms, pan)
        pair, _ = with_own_resolution(align(pan, ms), profile)
        ratio = max(1, round(pair.ratio))
        if ratio < 2 or max(abs(r / ratio - 1) for r in (pair.ratio_x, pair.ratio_y)) > 0.02:
            raise InputError(
                f"{product.pan} has {pair.ratio_x:.3f} × {pair.ratio_y:.3f} pixels per pixel of "
                "its MS; samples need a whole number of two or more.",
                hint="Give MS in its own resolution, or name the sensor.",
            )
        yield MsGrid(pair, profile, ms_window(pair), ratio)


def read_raster_pair(
    product: Product, *, smallest: int = 64, most: int = MOST_BLOCKS
) -> list[PairFile]:
    """Parts of a product without invalid pixels, for memory; digital numbers, float32.

    The scene is read in blocks of about ``BLOCK`` MS pixels, in an order that spreads them over
    it, until there are `most`. A block with invalid pixels is divided in four, until its edge would
    be less than `smallest` MS pixels. Raises InputError as :func:`open_raster_pair` does, and
    ValueError where nothing is left.
    """
    with open_raster_pair(product) as grid:
        blocks = _blocks(grid.window, BLOCK)
        order = np.random.default_rng(0).permutation(len(blocks))
        found: list[PairFile] = []
        for index in order:
            found += _valid_parts(grid, product.name, blocks[index], smallest)
            if len(found) >= most:
                break
    if not found:
        raise ValueError(
            f"{product.pan} and its MS have no {smallest} × {smallest} MS pixels without nodata"
        )
    return found[:most]


def _valid_parts(grid: MsGrid, name: str, window: Window, smallest: int) -> list[PairFile]:
    """The window as a pair, or where it has invalid pixels, those of its quarters without."""
    if min(window.width, window.height) < smallest:
        return []
    ms, pan, valid = grid.read(window)
    if valid.all():
        label = f"{name}_{window.column}_{window.row}"
        return [PairFile(label, ms, pan, grid.ratio, grid.profile.name, None)]
    if not valid.any() or min(window.width, window.height) < 2 * smallest:
        return []
    half = max(window.width, window.height) // 2
    return [
        part
        for quarter in _blocks(window, half)
        for part in _valid_parts(grid, name, quarter, smallest)
    ]


def _blocks(window: Window, size: int) -> list[Window]:
    """Windows of about `size` pixels, of nearly equal size, that cover `window`."""
    rows, columns = (_edges(n, size) for n in (window.height, window.width))
    return [
        Window(window.column + left, window.row + top, right - left, bottom - top)
        for top, bottom in pairwise(rows)
        for left, right in pairwise(columns)
    ]


def _edges(length: int, size: int) -> list[int]:
    count = max(1, round(length / size))
    return [round(length * number / count) for number in range(count + 1)]
