"""The intensity component of component substitution, from scene statistics alone.

An intensity is a weighted sum of the MS bands. Its mean, its variance and its covariance with each
band follow from the bands' mean vector and covariance matrix, so no pass over the pixels is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import guarded_gain

if TYPE_CHECKING:
    from ksdiff_engine.scene import SceneStatistics


@dataclass(frozen=True)
class Intensity:
    """I = sum_k w_k M_k + offset, and its statistics over the scene.

    weights: (C,) float64. band_covariance: (C,), cov(I, M_k).
    """

    weights: np.ndarray
    offset: float
    mean: float
    variance: float
    band_covariance: np.ndarray

    @classmethod
    def of(cls, statistics: SceneStatistics, weights: np.ndarray, offset: float = 0.0) -> Intensity:
        """Return the intensity with these (C,) band weights."""
        bands = len(weights)
        covariance = statistics.covariance[:bands, :bands]
        return cls(
            weights=weights,
            offset=offset,
            mean=float(weights @ statistics.mean[:bands]) + offset,
            variance=float(weights @ covariance @ weights),
            band_covariance=covariance @ weights,
        )

    @classmethod
    def mean_of_bands(cls, statistics: SceneStatistics) -> Intensity:
        """Return the unweighted mean of the bands."""
        bands = len(statistics.mean) - 1
        return cls.of(statistics, np.full(bands, 1.0 / bands))

    def image(self, ms: np.ndarray) -> np.ndarray:
        """Return I, (H, W) float32, of bands (C, H, W)."""
        weights = self.weights.astype(np.float32)
        return np.tensordot(weights, ms, axes=1) + np.float32(self.offset)

    def injection_gains(self) -> np.ndarray:
        """Return g_k = cov(I, M_k) / var(I), (C,): the Gram-Schmidt coefficients."""
        return guarded_gain(self.band_covariance, self.variance, self.mean)


def matched(pan: np.ndarray, mean: float, variance: float, target: Intensity) -> np.ndarray:
    """Return `pan` shifted and stretched from its `mean` and `variance` to those of `target`."""
    gain = np.sqrt(guarded_gain(target.variance, variance, mean))
    return (pan - np.float32(mean)) * np.float32(gain) + np.float32(target.mean)
