"""MTF-GLP-FS: generalised Laplacian pyramid with full-scale regression coefficients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import Progress, guarded_gain
from ksdiff_engine.classical.moments import scene_moments
from ksdiff_engine.classical.mtf_glp import MtfGlp

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, TileData


class MtfGlpFullScale(MtfGlp):
    """F_k = M_k + g_k (P - P_L), g_k = cov(M_k, P) / cov(P_L, P), over all valid PAN pixels."""

    name = "mtf-glp-fs"
    title = "MTF-GLP-FS (full-scale regression)"
    reference = (
        "G. Vivone, R. Restaino, J. Chanussot: Full scale regression-based injection coefficients"
        " for panchromatic sharpening. IEEE TIP 27(7), 2018."
    )

    def _injection_gains(self, scene: Scene, progress: Progress) -> np.ndarray:
        moments = scene_moments(scene, _samples, progress)
        with_pan = moments.covariance[-1]
        return guarded_gain(with_pan[:-2], with_pan[-2], moments.mean[-1])


def _samples(tile: TileData) -> np.ndarray:
    """MS bands, PAN at MS resolution and PAN at valid pixels, (N, C + 2)."""
    images = (tile.ms_up, tile.pan_low[None], tile.pan[None])
    return np.concatenate([image[:, tile.valid] for image in images]).T
