"""Full-resolution pairs in, reduced-resolution ones out, of many a sensor.

A scene's own MS image is the reference; PAN is brought to its grid and MS degraded below it (Wald's
protocol), each time with another MTF, another phase between the grids and another registration, so
that what differs between sensors differs within the training set too. Any scene can thus be
simulated at any ratio, whatever its own ratio is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ksdiff_engine.model.features import Standardisation
from ksdiff_engine.resample import interpolation_matrix, lowpass_matrix
from ksdiff_engine.sensors import DEFAULT_MS_GAIN
from ksdiff_engine.wald import crop_to_multiple, reduce_pan

from ..config import DataConfig
from .pairs import PairFile

PAN_BEND = 0.1  # spread of the logarithm of the exponent that bends a synthetic PAN
# Where a coarse pixel's centre lies in its block, counted in fine pixels from the block's edge.
PHASES: dict[str, Callable[[int], float]] = {
    "georeferenced": lambda ratio: ratio / 2,
    "benchmark": lambda ratio: ratio // 2 + 0.5,
}


@dataclass(frozen=True)
class Simulation:
    """A reduced-resolution pair on the reference's grid: all float32, (H, W) or (C, H, W)."""

    reference: np.ndarray
    ms_up: np.ndarray
    pan: np.ndarray
    pan_low: np.ndarray
    statistics: Standardisation


def simulate(
    pair: PairFile, ratio: int, config: DataConfig, rng: np.random.Generator, bands: int = 1
) -> Simulation:
    """One variant of `pair` at reduced resolution: its MS is the reference, on whose grid all lies.

    `ratio` is that of the simulated sensor and need not be the pair's own; MS rows and columns at
    the far ends that do not divide by it are left out. Of the pair's bands at least `bands` stay;
    where a network is to see several at once, they stay in the pair's order.
    """
    pair = _cropped(pair, ratio)
    subset = _band_subset(pair.ms.shape[0], max(3, bands), rng)
    reference = pair.ms[subset if bands == 1 else np.sort(subset)]
    pan = _pan_on_reference_grid(pair, config.shift, rng)
    gain = rng.uniform(*config.gain_range)
    # Inference makes PAN's low-pass version with the sensor's gain where that is published.
    assumed = gain if rng.random() < 0.5 else DEFAULT_MS_GAIN
    phase = rng.uniform(0, ratio, size=2)
    rows, columns = (
        Axis.make(n, ratio, start, gain, assumed)
        for n, start in zip(reference.shape[1:], phase, strict=True)
    )
    ms_low = rows.degrade @ reference @ columns.degrade.T
    pan_low = rows.degrade_assumed @ pan @ columns.degrade_assumed.T
    return Simulation(
        reference=reference,
        ms_up=(rows.interpolate @ ms_low @ columns.interpolate.T).astype(np.float32),
        pan=pan,
        pan_low=(rows.interpolate @ pan_low @ columns.interpolate.T).astype(np.float32),
        statistics=scene_statistics(ms_low, pan_low, ratio),
    )


@dataclass(frozen=True)
class Axis:
    """Matrices of one axis: to the coarse grid with the sensor's or the assumed MTF, and back."""

    degrade: np.ndarray
    degrade_assumed: np.ndarray
    interpolate: np.ndarray

    @classmethod
    def make(cls, n: int, ratio: int, start: float, gain: float, assumed: float) -> Axis:
        """For `n` fine pixels; the first coarse centre lies `start` pixels from their edge."""
        count = n // ratio
        centres = start + ratio * np.arange(count) - 0.5
        back = (np.arange(n) - centres[0]) / ratio
        return cls(
            degrade=lowpass_matrix(n, centres, ratio, gain).astype(np.float32),
            degrade_assumed=lowpass_matrix(n, centres, ratio, assumed).astype(np.float32),
            interpolate=interpolation_matrix(count, back).astype(np.float32),
        )


def _band_subset(count: int, fewest: int, rng: np.random.Generator) -> np.ndarray:
    """All bands in half of the variants, else `fewest` or more of them, in random order."""
    order = rng.permutation(count)
    if rng.random() < 0.5 or count <= fewest:
        return order
    return order[: rng.integers(fewest, count + 1)]


def _pan_on_reference_grid(pair: PairFile, shift: float, rng: np.random.Generator) -> np.ndarray:
    """PAN (h, w) on the MS grid, by bicubic resizing or by a Gaussian MTF with a random shift."""
    if pair.pan.size == 0:
        return synthetic_pan(pair.ms, rng)
    if rng.random() < 0.5:
        return reduce_pan(pair.pan, pair.ratio).astype(np.float32)
    gain = rng.uniform(0.15, 0.45)
    offsets = rng.uniform(-shift, shift, size=2)
    rows, columns = (
        lowpass_matrix(
            n * pair.ratio,
            (np.arange(n) + offset + 0.5) * pair.ratio - 0.5,
            pair.ratio,
            gain,
        ).astype(np.float32)
        for n, offset in zip(pair.ms.shape[1:], offsets, strict=True)
    )
    return rows @ pair.pan @ columns.T


def synthetic_pan(ms: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A PAN (h, w) made of MS (C, h, w), at its resolution.

    A random convex mixture of the bands, bent a little, since PAN's response is no mixture of
    theirs, with noise. For pre-training alone: a real PAN is sharper than its MS, and shows what no
    band does.
    """
    weights = rng.dirichlet(np.ones(len(ms)))
    pan = np.tensordot(weights, ms, axes=1)
    darkest, span = pan.min(), max(float(np.ptp(pan)), 1e-30)
    pan = darkest + span * ((pan - darkest) / span) ** np.exp(rng.normal(0, PAN_BEND))
    noise = rng.uniform(0, 0.02) * pan.std()
    return (pan + rng.normal(0, noise, pan.shape)).astype(np.float32)


def scene_statistics(ms: np.ndarray, pan_low: np.ndarray, ratio: int) -> Standardisation:
    """Statistics of (C, h, w) and (h, w) on the coarse grid, as inference gathers them."""
    samples = np.concatenate([ms, pan_low[None]]).reshape(ms.shape[0] + 1, -1).astype(np.float64)
    design = np.concatenate([samples[:-1], np.ones((1, samples.shape[1]))])
    intensity = np.linalg.lstsq(design.T, samples[-1], rcond=None)[0]
    return Standardisation.from_moments(samples.mean(axis=1), np.cov(samples), intensity, ratio)


def _cropped(pair: PairFile, ratio: int) -> PairFile:
    """The pair without the MS rows and columns at the far ends that do not divide by `ratio`."""
    ms = crop_to_multiple(pair.ms, ratio)
    height, width = (n * pair.ratio for n in ms.shape[1:])
    return replace(pair, ms=ms, pan=pair.pan[:height, :width])
