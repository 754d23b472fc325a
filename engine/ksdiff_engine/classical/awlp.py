"""AWLP: additive wavelet luminance proportional fusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import correlate1d

from ksdiff_engine.classical.base import (
    Method,
    Progress,
    floor_of,
    guarded_inverse,
    ignore_progress,
    per_band,
)
from ksdiff_engine.classical.intensity import Intensity
from ksdiff_engine.classical.mtf_glp import deviation_gains

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, TileData

B3_SPLINE = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0


class Awlp(Method):
    """F_k = M_k + (M_k / I) s_k (P - P_A), I the mean of the bands.

    P_A: the à trous approximation of PAN. s_k = sigma(M_k) / sigma(PAN at MS resolution): the
    matching of the 2021 benchmark, where the 2005 paper matches to the luminance. Where I is not
    positive, F_k = M_k.
    """

    name = "awlp"
    title = "AWLP (additive wavelet luminance proportional)"
    reference = (
        "X. Otazu, M. González-Audícana, O. Fors, J. Núñez: Introduction of sensor spectral "
        "response into image fusion methods. IEEE TGRS 43(10), 2005; matching of G. Vivone et "
        "al.: A new benchmark based on recent advances in multispectral pansharpening. IEEE GRSM "
        "9(1), 2021."
    )

    def prepare(self, scene: Scene, progress: Progress = ignore_progress) -> None:
        """Set the number of wavelet levels, and with it the halo, and the matching gains."""
        statistics = scene.statistics(progress)
        self._levels = wavelet_levels(scene.ratio)
        # Twice the radius: invalid pixels under the filter were filled from as far away again.
        self.halo = 2 * 2 * (2**self._levels - 1)
        self._intensity = Intensity.mean_of_bands(statistics)
        self._floor = floor_of(self._intensity.mean)
        self._gains = per_band(deviation_gains(statistics))

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return (C, H, W) float32."""
        details = tile.pan - a_trous_approximation(tile.pan, self._levels)
        intensity = self._intensity.image(tile.ms_up)
        relative = details * guarded_inverse(intensity, self._floor)
        return tile.ms_up + tile.ms_up * self._gains * relative


def wavelet_levels(ratio: float) -> int:
    """Return the octaves between MS and PAN: log2 of the whole ratio, rounded up, at least 1."""
    return max(1, int(np.ceil(np.log2(max(1, round(ratio))))))


def a_trous_approximation(image: np.ndarray, levels: int) -> np.ndarray:
    """Return the low-pass (H, W) of the à trous wavelet transform with the cubic B-spline."""
    for level in range(levels):
        step = 2**level
        kernel = np.zeros(4 * step + 1)
        kernel[::step] = B3_SPLINE
        image = correlate1d(image, kernel, axis=0, mode="nearest")
        image = correlate1d(image, kernel, axis=1, mode="nearest")
    return image
