"""Seams: whether an image changes harder across the borders of tiles or cells than elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seams:
    """Mean absolute change across borders over that across other lines, along one axis.

    ratio: 1 means no seam. chance: the largest ratio of the lattices of lines that are as wide as
    that of the borders but miss it; a ratio above it is more than the landscape explains.
    """

    ratio: float
    chance: float

    @property
    def seen(self) -> bool:
        return self.ratio > self.chance


def seams(residual: np.ndarray, border: int, period: int) -> tuple[Seams, Seams] | None:
    """Seams of (C, H, W) between columns, and between rows, at every `border` pixels.

    residual: the result minus the interpolated MS, so that seams are not drowned by the scene.
    period: only lines at its multiples are compared, among themselves. What repeats with the MS
    pixels and with the strides of a network makes changes depend on a line's place in that
    pattern, which borders, at multiples of it as well, would be blamed for.
    Only whole cells count, as the last one of a row takes in what is left over. Returns None where
    an axis has no border, or all is zero. Raises ValueError unless `border` is a multiple of
    `period`, and larger.
    """
    if border % period or border == period:
        raise ValueError(f"borders every {border} pixels cannot be told from lines every {period}")
    height, width = (size - size % border for size in residual.shape[1:])
    whole = residual[:, :height, :width]
    if min(height, width) <= border or not whole.any():
        return None
    return _along(whole, border, period), _along(whole.swapaxes(1, 2), border, period)


def _along(image: np.ndarray, border: int, period: int) -> Seams:
    """Seams between columns; every band counts by its own mean change."""
    changes = np.abs(np.diff(image.astype(np.float64), axis=2)).mean(axis=1)
    lines = np.arange(period, image.shape[2], period)  # line n lies left of column n
    changes = changes[:, lines - 1]
    profile = (changes / changes.mean(axis=1, keepdims=True)).mean(axis=0)
    ratios = []
    for phase in range(0, border, period):
        there = lines % border == phase
        if there.any():
            ratios.append(float(profile[there].mean() / profile[~there].mean()))
    return Seams(ratios[0], max(ratios[1:]))
