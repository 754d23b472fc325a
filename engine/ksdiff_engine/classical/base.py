"""What the classical methods share: their contract, and arithmetic that is safe near zero."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ksdiff_engine.device import tiles_at_once

if TYPE_CHECKING:
    from ksdiff_engine.scene import Scene, TileData

Progress = Callable[[float, str], None]

# Below this part of its scene mean, a denominator no longer sets the strength of modulation.
RELATIVE_FLOOR = 1e-3
# For denominators with a subtracted offset, which pass through zero among ordinary pixels.
OFFSET_FLOOR = 0.1
# Standard deviation over mean of what float32 leaves of a constant image.
RELATIVE_NOISE = 1e-6


def ignore_progress(fraction: float, message: str) -> None:
    """Progress callback that reports nowhere."""


class Method(ABC):
    """A pansharpening method: scene statistics first, then one tile after the other.

    name: identifier, the key in ``classical.METHODS``; title: for people; reference: the
    publication. halo: PAN pixels around a tile that :meth:`fuse` needs; final once :meth:`prepare`
    has returned, since filters that span an MS pixel depend on the scene's ratio.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[str]
    halo: int = 0
    block: tuple[int, int] | None = None  # any tile will do
    largest_tile: tuple[int, int] = (1024, 1024)  # halos are narrow, larger ones only take memory

    @property
    def tiles_at_once(self) -> int:
        """How many tiles to fuse side by side."""
        return tiles_at_once()

    def prepare(self, scene: Scene, progress: Progress = ignore_progress) -> None:  # noqa: B027
        """Take what the method needs from the whole scene; `progress` hears fractions of 0..1."""

    def state(self) -> dict[str, np.ndarray]:
        """What `prepare` found beyond the scene's statistics: nothing that must be handed on."""
        return {}

    def restore(self, scene: Scene, state: Mapping[str, np.ndarray]) -> None:
        """Be as after `prepare` in another process; `scene` has its statistics."""
        self.prepare(scene)

    @abstractmethod
    def fuse(self, tile: TileData) -> np.ndarray:
        """Return the fused tile, (C, H, W) float32, halo included; finite at invalid pixels too."""


def modulation(high: np.ndarray, low: np.ndarray, floor: np.ndarray | float) -> np.ndarray:
    """Return the factor high / low of multiplicative methods, guarded against small denominators.

    The factor is 1 + (high - low) v(low), see :func:`guarded_inverse`: exact above the floor,
    falling back to 1 (the pixel keeps its interpolated MS value) where `low` is zero or negative.
    """
    return 1.0 + (high - low) * guarded_inverse(low, floor)


def guarded_inverse(low: np.ndarray, floor: np.ndarray | float) -> np.ndarray:
    """Return v(low) = 1 / low above `floor`, low / floor^2 from there down to zero, and 0 below.

    Continuous and at most 1 / floor, so that no pixel explodes and no step shows.
    """
    bounded = np.maximum(low, np.float32(floor))
    return np.maximum(low, 0.0) / bounded / bounded


def floor_of(mean: np.ndarray | float, relative: float = RELATIVE_FLOOR) -> np.ndarray:
    """Return the floor for a denominator of that scene mean, above zero; float32."""
    return np.maximum(relative * np.abs(mean), 1e-12).astype(np.float32)


def guarded_gain(
    numerator: np.ndarray | float, variance: np.ndarray | float, mean: float
) -> np.ndarray:
    """Return numerator / variance of scene statistics, and 0 (inject nothing) for a constant image.

    `variance` (or a covariance that takes its place) belongs to an image of that `mean`. Shapes
    broadcast; float64.
    """
    numerator, variance = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    )
    usable = np.abs(variance) > (RELATIVE_NOISE * mean) ** 2
    return np.where(usable, numerator / np.where(usable, variance, 1.0), 0.0)


def per_band(values: np.ndarray) -> np.ndarray:
    """Return (C,) statistics as (C, 1, 1) float32, ready to multiply (C, H, W) images."""
    return np.asarray(values, dtype=np.float32)[:, None, None]
