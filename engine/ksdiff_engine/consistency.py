"""How strongly a scene's bands take detail: a gain a band, from Wald's first property (ours).

A fused image, degraded with the sensor's MTF, should give the MS back (Wald et al. 1997). What
interpolation has lost of the MS is therefore compared with what the injected detail gives back of
it at MS resolution; the slope between the two is what the detail has to be multiplied by. A network
that was trained on other landscapes injects too little where towns are dense, and too much where
PAN shows what the bands do not. The slope is as wrong as the MTF is, so that it is of use only
where that is known; `docs/model.md` has the figures.
"""

from __future__ import annotations

import numpy as np

from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.scene import Scene

LIMITS = (2 / 3, 1.5)
# MS pixels at which a band's own slope counts as much as that of all bands together.
TRUSTED_PIXELS = 256
_WHOLE = 0.999  # of a pixel's filter lies on valid pixels


class DetailGauge:
    """Gathers, window by window, what the detail gives back and what was lost, a sum a band."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._product = np.zeros(scene.bands)
        self._power = np.zeros(scene.bands)
        self._pixels = 0

    def add(self, window: Window, ms_up: np.ndarray, detail: np.ndarray, valid: np.ndarray) -> None:
        """Take in a window of the result's grid.

        ms_up, detail (C, H, W): the interpolated MS and what is to be added to it; valid (H, W).
        """
        inside, low = self._scene.degrade(ms_up, window)
        if not low.size:
            return
        _, given = self._scene.degrade(detail, window)
        _, seen = self._scene.degrade(np.broadcast_to(valid, ms_up.shape), window)
        ms, ms_valid = self._scene.ms(inside)
        usable = ms_valid & (seen > _WHOLE).all(axis=0)
        lost, given = (part[:, usable].astype(np.float64) for part in (ms - low, given))
        self._product += (lost * given).sum(axis=1)
        self._power += (given * given).sum(axis=1)
        self._pixels += int(usable.sum())

    def gains(self) -> np.ndarray:
        """(C,) float64 within ``LIMITS``; 1 where there is nothing to measure.

        In scenes of few pixels, where slopes are uncertain, bands lean on the mean of all slopes.
        """
        measured = self._power > 0
        if not measured.any():
            return np.ones(self._scene.bands)
        slopes = self._product[measured] / self._power[measured]
        gains = np.ones(self._scene.bands)
        own = self._pixels / (self._pixels + TRUSTED_PIXELS)
        gains[measured] = own * slopes + (1 - own) * slopes.mean()
        return np.clip(gains, *LIMITS)
