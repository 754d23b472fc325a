"""Means and covariances at PAN resolution, from one pass over the scene.

The pass visits blocks of a fixed size, whatever the tile size of the fusion, so that a result does
not depend on the tiling, and keeps no more than one block in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import Progress
from ksdiff_engine.errors import InputError
from ksdiff_engine.raster.tiling import tiles
from ksdiff_engine.scene_statistics import Moments

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, TileData

BLOCK = 512  # PAN pixels


def scene_moments(
    scene: Scene,
    samples: Callable[[TileData], np.ndarray],
    progress: Progress,
    halo: int = 0,
) -> Moments:
    """Return the moments of `samples` over the whole scene.

    `samples` turns a block, given with `halo` PAN pixels around it, into features (N, F) of its
    valid pixels. Raises InputError when the scene has none.
    """
    blocks = list(tiles(scene.width, scene.height, BLOCK))
    batches = (samples(scene.tile(window, halo)) for window in blocks)
    moments: Moments | None = None
    for done, batch in enumerate(batches):
        moments = moments or Moments(batch.shape[1])
        moments.add(batch)
        progress((done + 1) / len(blocks), "Statistics at PAN resolution")
    if moments is None or moments.count == 0:
        raise InputError(
            f"No pixel of the {scene.width} × {scene.height} PAN pixels is valid in PAN and MS.",
            hint="Check the nodata values, and that the two images cover the same ground.",
        )
    return moments


def second_moments(moments: Moments) -> np.ndarray:
    """Return the mean products of the features, (F, F): normal equations without a constant."""
    return moments.covariance + np.outer(moments.mean, moments.mean)
