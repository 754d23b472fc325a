"""SFIM: smoothing-filter-based intensity modulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import correlate1d

from ksdiff_engine.classical.base import (
    Method,
    Progress,
    floor_of,
    ignore_progress,
    modulation,
)

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, TileData


class Sfim(Method):
    """F_k = M_k P / box(P), the box as wide as an MS pixel. Where box(P) is not positive, M_k.

    The box is centred on the pixel, its ends weighted by the part they cover: 1/2 1 1 1 1/2 at a
    ratio of 4.
    """

    name = "sfim"
    title = "SFIM (smoothing filter-based intensity modulation)"
    reference = (
        "J. G. Liu: Smoothing filter-based intensity modulation: a spectral preserve image fusion"
        " technique for improving spatial details. Int. J. Remote Sensing 21(18), 2000."
    )

    def prepare(self, scene: Scene, progress: Progress = ignore_progress) -> None:
        """Set the box's width, and with it the halo."""
        self._box = box_kernel(scene.ratio)
        # Twice the radius: invalid pixels under the filter were filled from as far away again.
        self.halo = 2 * (len(self._box) // 2)
        self._floor = floor_of(scene.statistics(progress).pan_mean)

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return (C, H, W) float32."""
        smooth = correlate1d(tile.pan, self._box, axis=0, mode="nearest")
        smooth = correlate1d(smooth, self._box, axis=1, mode="nearest")
        return tile.ms_up * modulation(tile.pan, smooth, self._floor)


def box_kernel(width: float) -> np.ndarray:
    """Return the weights of a centred box of any `width` >= 1, an odd number of taps of sum 1."""
    radius = int(np.ceil((width - 1) / 2))
    distance = np.abs(np.arange(-radius, radius + 1))
    covered = np.clip(width / 2 - (distance - 0.5), 0.0, 1.0)
    return covered / covered.sum()
