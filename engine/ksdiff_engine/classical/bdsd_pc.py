"""BDSD-PC: band-dependent spatial detail with physical constraints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

from ksdiff_engine.classical.base import Method, Progress, ignore_progress
from ksdiff_engine.classical.moments import scene_moments, second_moments
from ksdiff_engine.resample import lowpass_matrix, lowpass_radius

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, TileData


class BdsdPc(Method):
    """F_k = M_k + a_k P + sum_j b_kj M_j, one global model, with a_k >= 0 and b_kj <= 0.

    The coefficients fit, at MS resolution, M_k - L_k from P_L and the L_j: L_j is M_j degraded once
    more by the ratio with the band's MTF, P_L is PAN degraded to MS resolution with PAN's MTF. They
    come from normal equations over the whole scene, one sample an MS pixel.
    """

    name = "bdsd-pc"
    title = "BDSD-PC (band-dependent spatial detail)"
    reference = (
        "G. Vivone: Robust band-dependent spatial-detail approaches for panchromatic sharpening. "
        "IEEE TGRS 57(9), 2019; after A. Garzelli, F. Nencini, L. Capobianco: Optimal MMSE pan "
        "sharpening of very high resolution multispectral images. IEEE TGRS 46(1), 2008."
    )

    def prepare(self, scene: Scene, progress: Progress = ignore_progress) -> None:
        """Solve for the coefficients, in one pass over the scene."""
        degradation = _Degradation(scene.ratio, scene.gains, scene.profile.pan_gain)
        moments = scene_moments(scene, degradation.samples, progress, halo=degradation.halo)
        coefficients = constrained_coefficients(second_moments(moments), scene.bands)
        self._pan_coefficients = coefficients[:, 0].astype(np.float32)[:, None, None]
        self._ms_coefficients = coefficients[:, 1:].astype(np.float32)

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return (C, H, W) float32."""
        mixed = np.tensordot(self._ms_coefficients, tile.ms_up, axes=1)
        return tile.ms_up + self._pan_coefficients * tile.pan + mixed


class _Degradation:
    """Samples of the model at MS resolution, one an MS pixel, from blocks on the PAN grid."""

    def __init__(self, ratio: float, ms_gains: tuple[float, ...], pan_gain: float) -> None:
        self._ms_gains = ms_gains
        self._pan_gain = pan_gain
        self._ratio = ratio
        # Degrading MS by the ratio, seen on the PAN grid, is degrading by the ratio squared.
        self._ms_ratio = ratio * ratio
        self._step = max(1, round(ratio))
        self.halo = max(
            lowpass_radius(ratio, pan_gain),
            *(lowpass_radius(self._ms_ratio, gain) for gain in ms_gains),
        )

    def samples(self, tile: TileData) -> np.ndarray:
        """Return P_L, L_1..L_C, M_1..M_C at valid samples, (N, 1 + 2C)."""
        rows, columns = (
            np.arange(self.halo + self._step // 2, n - self.halo, self._step)
            for n in tile.pan.shape
        )
        low = [self._sample(tile.pan, rows, columns, self._ratio, self._pan_gain)]
        low += [
            self._sample(band, rows, columns, self._ms_ratio, gain)
            for band, gain in zip(tile.ms_up, self._ms_gains)
        ]
        grid = np.ix_(rows, columns)
        features = np.concatenate([np.stack(low), [band[grid] for band in tile.ms_up]])
        return features[:, tile.valid[grid]].T

    @staticmethod
    def _sample(
        image: np.ndarray, rows: np.ndarray, columns: np.ndarray, ratio: float, gain: float
    ) -> np.ndarray:
        down = lowpass_matrix(image.shape[0], rows, ratio, gain)
        across = lowpass_matrix(image.shape[1], columns, ratio, gain)
        return down @ image @ across.T


def constrained_coefficients(products: np.ndarray, bands: int) -> np.ndarray:
    """Return (C, 1 + C) coefficients, PAN's (>= 0) first, then the bands' (<= 0).

    `products` (1 + 2C, 1 + 2C), the mean products of P_L, L_1..L_C, M_1..M_C are the normal
    equations. With the signs of the bands turned, this is non-negative least squares on a square
    root of the normal matrix.
    """
    regressors = 1 + bands
    signs = np.r_[1.0, -np.ones(bands)]
    scale = signs / np.sqrt(np.maximum(np.diag(products)[:regressors], np.finfo(float).tiny))
    normal = products[:regressors, :regressors] * np.outer(scale, scale)
    detail = products[:regressors, regressors:] - products[:regressors, 1:regressors]
    values, vectors = np.linalg.eigh(normal)
    # The matrix has a unit diagonal; what lies below is rounding, and all of it on black scenes.
    kept = values > 1e-12
    if not kept.any():
        return np.zeros((bands, regressors))
    root = np.sqrt(values[kept])
    design = root[:, None] * vectors[:, kept].T
    targets = (vectors[:, kept].T @ (scale[:, None] * detail)) / root[:, None]
    return np.stack(
        [scale * nnls(design, target, maxiter=100 * regressors)[0] for target in targets.T]
    )
