"""BT-H: Brovey transform with haze correction and a regressed intensity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ksdiff_engine.classical.base import (
    OFFSET_FLOOR,
    Method,
    Progress,
    floor_of,
    ignore_progress,
    modulation,
    per_band,
)
from ksdiff_engine.classical.intensity import Intensity, matched

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, SceneStatistics, TileData

# Share of a band's first percentile that is path radiance (DLPan-Toolbox, BroveyRegHazeMin.m).
HAZE_SHARE = {"blue": 0.95, "green": 0.45, "red": 0.40, "nir": 0.05}


class BroveyHaze(Method):
    """F_k = max(M_k - L_k, 0) P' / I + L_k, with I = sum_k a_k (M_k - L_k).

    L: path radiance, see :func:`path_radiance`. a: least squares of PAN at MS resolution on the
    bands, without a constant. P': PAN with the mean and variance of I, by the statistics of PAN at
    MS resolution. P' / I is guarded below a tenth of I's mean, and F_k = max(M_k, L_k) where I is
    not positive.
    """

    name = "bt-h"
    title = "BT-H (Brovey with haze correction)"
    reference = (
        "S. Lolli, L. Alparone, A. Garzelli, G. Vivone: Haze correction for contrast-based "
        "multispectral pansharpening. IEEE GRSL 14(12), 2017."
    )

    def prepare(self, scene: Scene, progress: Progress = ignore_progress) -> None:
        """Take path radiance and the weights of the intensity from the scene's statistics."""
        statistics = scene.statistics(progress)
        names = [band.name for band in scene.profile.ms_bands]
        weights = regression_through_origin(statistics)
        haze = path_radiance(statistics, names)
        self._haze = per_band(haze)
        self._intensity = Intensity.of(statistics, weights, offset=-float(weights @ haze))
        self._pan_mean = float(statistics.mean[-1])
        self._pan_variance = float(statistics.covariance[-1, -1])
        self._floor = floor_of(self._intensity.mean, OFFSET_FLOOR)

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return (C, H, W) float32."""
        intensity = self._intensity.image(tile.ms_up)
        pan = matched(tile.pan, self._pan_mean, self._pan_variance, self._intensity)
        above_haze = np.maximum(tile.ms_up - self._haze, 0.0)
        return above_haze * modulation(pan, intensity, self._floor) + self._haze


def path_radiance(statistics: SceneStatistics, names: list[str]) -> np.ndarray:
    """Return the (C,) radiance that the atmosphere adds to each band, in digital numbers.

    `names` are the bands' names, empty when unknown. A product of blue, green, red and nir, in any
    order, takes a share of each band's first percentile; any other takes each band's minimum, as
    the toolbox does for any number of bands but four.
    """
    bands = len(statistics.mean) - 1
    if sorted(names) == sorted(HAZE_SHARE) and bands == len(names):
        return np.array([HAZE_SHARE[name] for name in names]) * statistics.percentile_01[:bands]
    return np.asarray(statistics.minimum[:bands], dtype=np.float64)


def regression_through_origin(statistics: SceneStatistics) -> np.ndarray:
    """Return the (C,) weights a that minimise the mean of (PAN_L - sum_k a_k M_k)^2."""
    moments = statistics.covariance + np.outer(statistics.mean, statistics.mean)
    # The minimum-norm solution shares the weight among bands that say the same.
    return np.linalg.lstsq(moments[:-1, :-1], moments[:-1, -1], rcond=1e-12)[0]
