"""MTF-GLP-HPM: generalised Laplacian pyramid with high-pass modulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import (
    OFFSET_FLOOR,
    Method,
    Progress,
    floor_of,
    ignore_progress,
    modulation,
    per_band,
)
from ksdiff_engine.classical.mtf_glp import deviation_gains

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, SceneStatistics, TileData


class MtfGlpHpm(Method):
    """F_k = M_k P_k / P_L,k, with PAN matched to each band: P_k = g_k (P - mean P_L) + mean M_k.

    P_L,k is P_L matched in the same way and g_k = sigma(M_k) / sigma(P_L). The ratio is guarded
    where P_L,k is below a tenth of the band's mean, and F_k = M_k where it is not positive.
    """

    name = "mtf-glp-hpm"
    title = "MTF-GLP-HPM (high-pass modulation)"
    reference = (
        "B. Aiazzi, L. Alparone, S. Baronti, A. Garzelli, M. Selva: An MTF-based spectral "
        "distortion minimizing model for pan-sharpening of very high resolution multispectral "
        "images of urban areas. URBAN 2003."
    )

    def prepare(self, scene: Scene, progress: Progress = ignore_progress) -> None:
        """Take the matching of PAN to each band from the scene's statistics."""
        statistics = scene.statistics(progress)
        gains = self._matching_gains(statistics)
        means = np.asarray(statistics.mean, dtype=np.float64)
        self._gains = per_band(gains)
        self._offsets = per_band(means[:-1] - gains * means[-1])
        self._floors = per_band(floor_of(means[:-1], OFFSET_FLOOR))

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return (C, H, W) float32."""
        pan = self._gains * tile.pan + self._offsets
        pan_low = self._gains * tile.pan_low + self._offsets
        return tile.ms_up * modulation(pan, pan_low, self._floors)

    def _matching_gains(self, statistics: SceneStatistics) -> np.ndarray:
        return deviation_gains(statistics)
