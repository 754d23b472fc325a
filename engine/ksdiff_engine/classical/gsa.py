"""GSA: adaptive Gram-Schmidt, the intensity being regressed on PAN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import Method, Progress, ignore_progress, per_band
from ksdiff_engine.classical.intensity import Intensity

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, TileData


class GramSchmidtAdaptive(Method):
    """F_k = M_k + g_k (P - I), I = sum_k w_k M_k + w_0, g_k = cov(I, M_k) / var(I).

    w: least squares of PAN at MS resolution on the bands and a constant. The regression makes the
    mean of I that of PAN at MS resolution, so P needs no matching.
    """

    name = "gsa"
    title = "GSA (adaptive Gram-Schmidt)"
    reference = (
        "B. Aiazzi, S. Baronti, M. Selva: Improving component substitution pansharpening through "
        "multivariate regression of MS + Pan data. IEEE TGRS 45(10), 2007."
    )

    def prepare(self, scene: Scene, progress: Progress = ignore_progress) -> None:
        """Take the regressed intensity and the injection gains."""
        statistics = scene.statistics(progress)
        weights = np.asarray(statistics.intensity_weights, dtype=np.float64)
        self._intensity = Intensity.of(statistics, weights[:-1], offset=float(weights[-1]))
        self._gains = per_band(self._intensity.injection_gains())

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return (C, H, W) float32."""
        return tile.ms_up + self._gains * (tile.pan - self._intensity.image(tile.ms_up))
