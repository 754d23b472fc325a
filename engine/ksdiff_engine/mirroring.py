"""What a network sees beyond a scene's edge: the scene, mirrored.

Nearest neighbours repeated, which suit filters, are streaks without any detail: networks were never
shown such ground, and what they see of it reaches as far inwards as their view is wide.
docs/model.md has the figures.
"""

from __future__ import annotations

import numpy as np

from .raster.tiling import Window
from .scene import TileData


def mirror(tile: TileData, inside: Window) -> TileData:
    """Mirror the tile's images, in their place, at the edges of `inside`; returns the tile.

    inside: in the coordinates of ``tile.window``. Where the tile leaves it on one side, it has to
    reach as far into it, or all of it. Edge pixels come twice. Validity stays.
    """
    window = tile.window
    for image in (tile.pan, tile.pan_low, tile.ms_up):
        _mirror_columns(image, window.column, inside.column, inside.width)
        _mirror_columns(image.swapaxes(-2, -1), window.row, inside.row, inside.height)
    return tile


def mirrored(start: int, count: int, size: int) -> np.ndarray:
    """Which of `size` pixels stand at `count` places from `start` on; the outermost come twice."""
    position = np.arange(start, start + count) % (2 * size)
    return np.minimum(position, 2 * size - 1 - position)


def _mirror_columns(image: np.ndarray, start: int, first: int, size: int) -> None:
    """(…, W), whose columns count from `start`, beyond the `size` ones from `first`."""
    count = image.shape[-1]
    source = mirrored(start - first, count, size) + first - start
    left, right = np.clip((first - start, first + size - start), 0, count)
    for beyond in (slice(0, left), slice(right, count)):
        image[..., beyond] = image[..., source[beyond]]
