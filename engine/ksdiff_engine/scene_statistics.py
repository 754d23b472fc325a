"""Statistics of a scene from blocks of pixels: one pass, float64, bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

SAMPLE_LIMIT = 400_000  # pixels kept for the percentiles


@dataclass(frozen=True)
class SceneStatistics:
    """Figures over the MS pixels of a scene that are valid in MS and in all of their PAN footprint.

    The last entry of (C + 1,) arrays is PAN at MS resolution (MTF-filtered and sampled at MS pixel
    centres); values are those of the rasters (digital numbers or physical units).

    count: number of MS pixels.
    mean, minimum, maximum, percentile_01, percentile_99: (C + 1,) float64. The percentiles are of a
        regular subset of at most ``SAMPLE_LIMIT`` pixels.
    covariance: (C + 1, C + 1) float64, population covariance (divided by count).
    pan_mean, pan_variance: of the full-resolution PAN under these pixels.
    intensity_weights: (C + 1,) float64, least squares of PAN_L = w[:-1] · MS + w[-1], the intensity
        of GSA (Aiazzi et al. 2007).
    """

    count: int
    mean: np.ndarray
    covariance: np.ndarray
    pan_mean: float
    pan_variance: float
    minimum: np.ndarray
    maximum: np.ndarray
    percentile_01: np.ndarray
    percentile_99: np.ndarray
    intensity_weights: np.ndarray

    def as_arrays(self) -> dict[str, np.ndarray]:
        """Return all figures by name, for other processes; scalars become arrays of no axis."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> SceneStatistics:
        """Return the statistics that :meth:`as_arrays` took apart; other arrays are ignored."""
        values: dict[str, Any] = {field.name: arrays[field.name] for field in fields(cls)}
        return cls(**{k: v if v.ndim else v.item() for k, v in values.items()})


class Moments:
    """Mean, covariance and extremes of vectors that arrive in blocks.

    Blocks are merged by the pairwise update of Chan, Golub and LeVeque (1983): sums of squares of
    large digital numbers would lose the small variances of dark, even scenes.
    """

    def __init__(self, size: int) -> None:
        self.count = 0
        self.mean = np.zeros(size)
        self.scatter = np.zeros((size, size))
        self.minimum = np.full(size, np.inf)
        self.maximum = np.full(size, -np.inf)

    def add(self, values: np.ndarray) -> None:
        """Take in (N, size) values."""
        n = len(values)
        if n == 0:
            return
        values = values.astype(np.float64)
        mean = values.mean(axis=0)
        centred = values - mean
        difference = mean - self.mean
        total = self.count + n
        self.scatter += centred.T @ centred
        self.scatter += np.outer(difference, difference) * (self.count * n / total)
        self.mean += difference * (n / total)
        self.count = total
        self.minimum = np.minimum(self.minimum, values.min(axis=0))
        self.maximum = np.maximum(self.maximum, values.max(axis=0))

    @property
    def covariance(self) -> np.ndarray:
        """Population covariance, (size, size)."""
        return self.scatter / max(self.count, 1)


class LatticeSample:
    """A bounded, deterministic sample: the pixels whose row and column are multiples of a stride.

    The stride starts at 1 and doubles whenever the sample outgrows its limit, so that the sample is
    never empty while there are pixels.
    """

    def __init__(self, limit: int = SAMPLE_LIMIT) -> None:
        self._limit = limit
        self._stride = 1
        self._values: list[np.ndarray] = []
        self._positions: list[np.ndarray] = []
        self._size = 0

    def add(self, values: np.ndarray, positions: np.ndarray) -> None:
        """Take in (N, C) values at (N, 2) integer positions."""
        self._keep([values], [positions])
        while self._size > self._limit:
            self._stride *= 2
            values_before, positions_before = self._values, self._positions
            self._values, self._positions, self._size = [], [], 0
            self._keep(values_before, positions_before)

    def values(self) -> np.ndarray:
        """Return the sample, (N, C)."""
        return np.concatenate(self._values)

    def _keep(self, values: list[np.ndarray], positions: list[np.ndarray]) -> None:
        for block, where in zip(values, positions):
            on_lattice = (where % self._stride == 0).all(axis=1)
            self._values.append(block[on_lattice])
            self._positions.append(where[on_lattice])
            self._size += int(on_lattice.sum())


def intensity_weights(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Least squares of the last variable from the others, (C + 1,): slopes, then the intercept.

    Bands are scaled to unit variance first; where bands are constant or repeat one another the
    solution of smallest norm is taken.
    """
    deviation = np.sqrt(np.diag(covariance)[:-1])
    scale = np.where(deviation > 0, deviation, 1.0)
    correlation = covariance[:-1, :-1] / np.outer(scale, scale)
    slopes = np.linalg.lstsq(correlation, covariance[:-1, -1] / scale, rcond=1e-10)[0] / scale
    return np.append(slopes, mean[-1] - slopes @ mean[:-1])
