"""GIHS: generalised intensity-hue-saturation fusion, for any number of bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import Method, Progress, ignore_progress
from ksdiff_engine.classical.intensity import Intensity, matched

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, TileData


class GeneralisedIhs(Method):
    """F_k = M_k + P' - I, I the mean of the bands, P' PAN with the mean and variance of I."""

    name = "gihs"
    title = "GIHS (generalised IHS)"
    reference = (
        "T.-M. Tu, S.-C. Su, H.-C. Shyu, P. S. Huang: A new look at IHS-like image fusion "
        "methods. Information Fusion 2(3), 2001."
    )

    def prepare(self, scene: Scene, progress: Progress = ignore_progress) -> None:
        """Take the statistics of intensity and PAN."""
        statistics = scene.statistics(progress)
        self._intensity = Intensity.mean_of_bands(statistics)
        self._pan_mean = float(statistics.pan_mean)
        self._pan_variance = float(statistics.pan_variance)

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return (C, H, W) float32."""
        pan = matched(tile.pan, self._pan_mean, self._pan_variance, self._intensity)
        return tile.ms_up + (pan - self._intensity.image(tile.ms_up))
