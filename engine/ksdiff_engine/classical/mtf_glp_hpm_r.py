"""MTF-GLP-HPM-R: high-pass modulation with a regressed PAN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import guarded_gain
from ksdiff_engine.classical.mtf_glp_hpm import MtfGlpHpm

if TYPE_CHECKING:
    from ksdiff_engine.scene import SceneStatistics


class MtfGlpHpmRegression(MtfGlpHpm):
    """F_k = M_k (P + c_k) / (P_L + c_k), with c_k = mean(M_k) / g_k - mean(P_L).

    g_k = cov(M_k, P_L) / var(P_L). Numerator and denominator are multiplied by g_k, which keeps a
    band that PAN does not explain (g_k = 0) as it is instead of dividing by zero.
    """

    name = "mtf-glp-hpm-r"
    title = "MTF-GLP-HPM-R (regression-based high-pass modulation)"
    reference = (
        "G. Vivone, R. Restaino, J. Chanussot: A regression-based high-pass modulation "
        "pansharpening approach. IEEE TGRS 56(2), 2018."
    )

    def _matching_gains(self, statistics: SceneStatistics) -> np.ndarray:
        covariance = statistics.covariance
        return guarded_gain(covariance[:-1, -1], covariance[-1, -1], statistics.mean[-1])
