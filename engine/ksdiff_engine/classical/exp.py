"""EXP: MS interpolated to the PAN grid. It is the baseline that every fusion has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import Method

if TYPE_CHECKING:
    from ksdiff_engine.scene import TileData


class Exp(Method):
    """F_k = M_k, with the 23-tap interpolator of the scene."""

    name = "exp"
    title = "EXP (interpolation only)"
    reference = (
        "B. Aiazzi, L. Alparone, S. Baronti, A. Garzelli: Context-driven fusion of high spatial "
        "and spectral resolution images based on oversampled multiresolution analysis. IEEE TGRS "
        "40(10), 2002."
    )

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return MS as interpolated, (C, H, W) float32."""
        return tile.ms_up.astype(np.float32, copy=False)
