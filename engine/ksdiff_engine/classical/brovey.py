"""Brovey transform with band weights, the fusion rule of gdal_pansharpen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import (
    Method,
    Progress,
    floor_of,
    ignore_progress,
    modulation,
)
from ksdiff_engine.classical.intensity import Intensity
from ksdiff_engine.errors import InputError

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, TileData


class Brovey(Method):
    """F_k = M_k P / sum_j w_j M_j. Where the pseudo-PAN is not positive, F_k = M_k.

    weights: one a band; equal weights 1 / C when None, as in GDAL. They are not normalised: their
    sum sets the level of the pseudo-PAN against PAN.
    """

    name = "brovey"
    title = "Brovey (weighted)"
    reference = (
        "A. R. Gillespie, A. B. Kahle, R. E. Walker: Color enhancement of highly correlated "
        "images II. Remote Sensing of Environment 22(3), 1987; weights as in GDAL's "
        "gdal_pansharpen."
    )

    def __init__(self, weights: Sequence[float] | None = None) -> None:
        self._weights = weights

    def prepare(self, scene: Scene, progress: Progress = ignore_progress) -> None:
        """Settle the weights. Raises InputError when their number is not that of the bands."""
        statistics = scene.statistics(progress)
        bands = len(statistics.mean) - 1
        if self._weights is None:
            self._pseudo_pan = Intensity.mean_of_bands(statistics)
        elif len(self._weights) == bands:
            self._pseudo_pan = Intensity.of(statistics, np.asarray(self._weights, dtype=np.float64))
        else:
            raise InputError(
                f"Brovey got {len(self._weights)} weights for {bands} bands.",
                hint="Give one weight a band, or none for equal weights.",
            )
        self._floor = floor_of(self._pseudo_pan.mean)

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return (C, H, W) float32."""
        pseudo_pan = self._pseudo_pan.image(tile.ms_up)
        return tile.ms_up * modulation(tile.pan, pseudo_pan, self._floor)
