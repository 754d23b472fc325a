"""MTF-GLP: generalised Laplacian pyramid with the sensor's MTF, additive injection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import Method, Progress, guarded_gain, ignore_progress, per_band

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, SceneStatistics, TileData


class MtfGlp(Method):
    """F_k = M_k + g_k (P - P_L), g_k = sigma(M_k) / sigma(P_L); P_L has the MTF of the MS bands.

    The gain is what matching P to the band's mean and variance leaves of it; 0 for a constant PAN.
    """

    name = "mtf-glp"
    title = "MTF-GLP (generalised Laplacian pyramid)"
    reference = (
        "B. Aiazzi, L. Alparone, S. Baronti, A. Garzelli, M. Selva: MTF-tailored multiscale "
        "fusion of high-resolution MS and Pan imagery. Photogrammetric Engineering & Remote "
        "Sensing 72(5), 2006."
    )

    def prepare(self, scene: Scene, progress: Progress = ignore_progress) -> None:
        """Take the injection gains from the scene."""
        self._gains = per_band(self._injection_gains(scene, progress))

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return (C, H, W) float32."""
        return tile.ms_up + self._gains * (tile.pan - tile.pan_low)

    def _injection_gains(self, scene: Scene, progress: Progress) -> np.ndarray:
        return deviation_gains(scene.statistics(progress))


def deviation_gains(statistics: SceneStatistics) -> np.ndarray:
    """Return sigma(M_k) / sigma(P_L), (C,), at MS resolution."""
    variances = np.diag(statistics.covariance)
    return np.sqrt(guarded_gain(variances[:-1], variances[-1], statistics.mean[-1]))
