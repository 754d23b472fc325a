"""A scene at reduced resolution, read in blocks: some to learn from, some to judge by.

Wald's protocol: PAN is reduced to the MS grid, MS below it, and the MS itself is the reference.
Nothing is reduced that is not read, so a scene of any size costs the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from ksdiff_engine.errors import InputError
from ksdiff_engine.raster.align import Pair
from ksdiff_engine.raster.grid import Grid
from ksdiff_engine.raster.reader import BandInfo, RasterSource
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.reduction import Axis, Moved, Reduction, reduce_pair
from ksdiff_engine.scene import RawTile, Scene, TileData

PATCH = 64  # reduced PAN pixels: the windows that the network learns from and is baked on
BLOCK = 128  # largest edge of a block
GAP = 8  # between two blocks, so that no pixel is seen in training and in judging
MOST_BLOCKS = 64  # 1 million reduced PAN pixels
FEWEST_BLOCKS = 4
HELD_OUT = 0.25  # share of the blocks that judge
MOST_HELD_OUT = 8  # judging takes time as well
MOSTLY_VALID = 0.5  # share of valid pixels that makes a block usable

Progress = Callable[[float, str], None]


class ReducedRaster:
    """What a :class:`Scene` asks of a raster, of one that is reduced while it is read."""

    def __init__(
        self, source: Reduction, grid: Grid, bands: tuple[BandInfo, ...], name: str
    ) -> None:
        self._source, self.grid, self.bands, self.name = source, grid, bands, name

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """((C, h, w) float32, valid (h, w)) of a window, which may leave the raster."""
        return self._source.read(window)


class ReducedScene(Scene):
    """A scene reduced by its own ratio, with the reference on its grid. Tiles are kept.

    The reduced grids lie on each other as the scene's own do, to a fraction of a pixel: Landsat's
    bands lie half a PAN pixel off, and a network that was adapted without would learn to undo it.
    """

    def __init__(self, scene: Scene) -> None:
        pair = scene.pair
        reduced = reduce_pair(pair, scene.gains)
        phase_x, phase_y = (-pair.ms_x * pair.ratio_x) % 1.0, (-pair.ms_y * pair.ratio_y) % 1.0
        columns = Axis(reduced.reference.column + phase_x, pair.ratio_x)
        rows = Axis(reduced.reference.row + phase_y, pair.ratio_y)
        ms = Reduction(pair.ms, columns, rows, scene.gains)
        reduced_pair = Pair(
            # A scene reads windows and asks for name, grid and bands; no file stands behind it.
            pan=cast(
                RasterSource,
                ReducedRaster(reduced.pan, reduced.pan_grid, pair.pan.bands, pair.pan.name),
            ),
            ms=cast(RasterSource, ReducedRaster(ms, reduced.ms_grid, pair.ms.bands, pair.ms.name)),
            grid=reduced.pan_grid,
            pan_column=0,
            pan_row=0,
            ratio_x=pair.ratio_x,
            ratio_y=pair.ratio_y,
            ms_x=-phase_x / pair.ratio_x,
            ms_y=-phase_y / pair.ratio_y,
        )
        super().__init__(reduced_pair, scene.profile)
        self._reference = Moved(pair.ms, reduced.reference.column, reduced.reference.row)
        self._tiles: dict[tuple[Window, int], RawTile] = {}

    def read(self, window: Window, halo: int = 0) -> RawTile:
        key = (window, halo)
        if key not in self._tiles:
            self._tiles[key] = super().read(window, halo)
        return self._tiles[key]

    def reference(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """The original MS at a window of the reduced grid: ((C, h, w), valid (h, w))."""
        return self._reference.read(window)


@dataclass(frozen=True)
class Block:
    """A window of the reduced grid: its tile without halo, the reference (C, h, w), validity."""

    tile: TileData
    reference: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class Blocks:
    """What is learnt from, and what judges."""

    training: tuple[Block, ...]
    held_out: tuple[Block, ...]


def lay_out(width: int, height: int) -> list[list[Window]]:
    """Places for blocks on a grid of that size, in rows: of each, the first that is valid counts.

    A small grid is cut into blocks that nearly touch; on a large one they are spread evenly.
    Returns an empty list where not even ``FEWEST_BLOCKS`` patches fit.
    """
    columns, rows = _cells(width, BLOCK), _cells(height, BLOCK)
    if columns * rows < FEWEST_BLOCKS:
        columns, rows = _cells(width, PATCH), _cells(height, PATCH)
    if columns * rows > MOST_BLOCKS:
        columns = int(np.clip(round(math.sqrt(MOST_BLOCKS * width / height)), 1, columns))
        rows = min(rows, max(1, MOST_BLOCKS // columns))
    edges = [min(BLOCK, size // max(n, 1) - GAP) for size, n in ((width, columns), (height, rows))]
    if columns * rows < FEWEST_BLOCKS or min(edges) < PATCH:
        return []
    return [
        _places(
            column * width / columns, row * height / rows, width / columns, height / rows, edges
        )
        for row in range(rows)
        for column in range(columns)
    ]


def _cells(size: int, block: int) -> int:
    """Along one axis, how many blocks of at most, or for the smallest at least, that edge fit."""
    if block == PATCH:
        return size // (PATCH + GAP)
    return min(math.ceil(size / (block + GAP)), size // (PATCH + GAP))


def _places(x: float, y: float, width: float, height: float, edges: Sequence[int]) -> list[Window]:
    """Windows within a cell, the middle first, then the corners."""
    room_x, room_y = width - GAP - edges[0], height - GAP - edges[1]
    shares = ((0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
    places = (
        Window(int(x + GAP / 2 + i * room_x), int(y + GAP / 2 + j * room_y), edges[0], edges[1])
        for i, j in shares
    )
    return list(dict.fromkeys(places))


def read_blocks(scene: ReducedScene, seed: int, progress: Progress) -> Blocks:
    """Read the blocks, give the scene their statistics, and hold some of them out.

    Raises InputError, with sizes and remedy, for a scene that is too small or has too little that
    is valid.
    """
    places = lay_out(scene.width, scene.height)
    if not places:
        smallest = 2 * (PATCH + GAP)
        raise InputError(
            f"The scene is too small to adapt to: PAN {scene.pair.pan.name} and MS "
            f"{scene.pair.ms.name} have {scene.width} × {scene.height} MS pixels in common; at "
            f"least {smallest} × {smallest} are needed.",
            hint="Take a larger part of the acquisition, or use the weights as they are.",
        )
    windows: list[Window] = []
    for number, candidates in enumerate(places):
        progress(0.4 * number / len(places), "Looking for valid parts")
        window = next((w for w in candidates if _share(scene, w) >= MOSTLY_VALID), None)
        windows += [] if window is None else [window]
    if len(windows) < FEWEST_BLOCKS:
        raise InputError(
            f"Too little of the scene is valid to adapt to it: {len(windows)} of {len(places)} "
            f"parts of PAN {scene.pair.pan.name} and MS {scene.pair.ms.name}; at least "
            f"{FEWEST_BLOCKS} are needed.",
            hint="Check the nodata values and masks, or take a part with fewer gaps.",
        )
    scene.adopt(scene.statistics_of(windows, lambda f, m: progress(0.4 + 0.3 * f, m)))
    blocks = []
    for number, window in enumerate(windows):
        progress(0.7 + 0.3 * number / len(windows), "Reading blocks at reduced resolution")
        blocks.append(_read_block(scene, window))
    count = min(round(HELD_OUT * len(blocks)), MOST_HELD_OUT)
    held_out = set(np.random.default_rng(seed).permutation(len(blocks))[:count].tolist())
    return Blocks(
        training=tuple(block for n, block in enumerate(blocks) if n not in held_out),
        held_out=tuple(block for n, block in enumerate(blocks) if n in held_out),
    )


def _share(scene: ReducedScene, window: Window) -> float:
    """Share of a window that is valid in the reference and in the reduced PAN."""
    _, valid = scene.reference(window)
    if valid.mean() >= MOSTLY_VALID:
        valid &= scene.pair.pan.read(window)[1]
    return float(valid.mean())


def _read_block(scene: ReducedScene, window: Window) -> Block:
    tile = scene.tile(window)
    reference, valid = scene.reference(window)
    return Block(tile, reference, valid & tile.valid)
