"""GS: Gram-Schmidt spectral sharpening, the intensity being the mean of the bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import Method, Progress, ignore_progress, per_band
from ksdiff_engine.classical.intensity import Intensity, matched

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, TileData


class GramSchmidt(Method):
    """F_k = M_k + g_k (P' - I), g_k = cov(I, M_k) / var(I), P' PAN with mean and variance of I.

    This is mode 1 of the patent; g = 0 where the intensity is constant.
    """

    name = "gs"
    title = "GS (Gram-Schmidt)"
    reference = (
        "C. A. Laben, B. V. Brower: Process for enhancing the spatial resolution of multispectral"
        " imagery using pan-sharpening. US patent 6,011,875, 2000."
    )

    def prepare(self, scene: Scene, progress: Progress = ignore_progress) -> None:
        """Take the statistics of intensity and PAN, and the injection gains."""
        statistics = scene.statistics(progress)
        self._intensity = Intensity.mean_of_bands(statistics)
        self._gains = per_band(self._intensity.injection_gains())
        self._pan_mean = float(statistics.pan_mean)
        self._pan_variance = float(statistics.pan_variance)

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return (C, H, W) float32."""
        pan = matched(tile.pan, self._pan_mean, self._pan_variance, self._intensity)
        return tile.ms_up + self._gains * (pan - self._intensity.image(tile.ms_up))
