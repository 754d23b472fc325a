"""What a network sees beyond a scene's edge: the scene, mirrored.

Nearest neighbours repeated, which suit filters, are streaks without any detail: networks were never
shown such ground, and what they see of it reaches as far inwards as their view is wide.
docs/model.md has the figures.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .raster.tiling import Window
from .scene import TileData


def mirrored(tile: TileData, inside: Window) -> TileData:
    """The tile with the images mirrored at the edges of `inside`; itself if it lies in there.

    inside: in the coordinates of ``tile.window``. Where the tile leaves it on one side, it has to
    reach as far into it, or all of it. Edge pixels come twice. Validity stays.
    """
    window = tile.window
    columns = _indices(window.column, window.width, inside.column, inside.width)
    rows = _indices(window.row, window.height, inside.row, inside.height)
    if columns is None and rows is None:
        return tile
    images = (
        _taken(_taken(i, rows, -2), columns, -1) for i in (tile.pan, tile.pan_low, tile.ms_up)
    )
    pan, pan_low, ms_up = images
    return replace(tile, pan=pan, pan_low=pan_low, ms_up=ms_up)


def _indices(start: int, count: int, first: int, size: int) -> np.ndarray | None:
    """For each pixel of an axis the one, counted alike, that is seen there; None for themselves."""
    if first <= start and start + count <= first + size:
        return None
    position = (np.arange(start, start + count) - first) % (2 * size)
    return np.minimum(position, 2 * size - 1 - position) + first - start


def _taken(image: np.ndarray, indices: np.ndarray | None, axis: int) -> np.ndarray:
    return image if indices is None else np.take(image, indices, axis=axis)
