"""Full-resolution pairs in, reduced-resolution training samples out.

A scene's own MS image is the reference; PAN is brought to its grid and MS degraded below it (Wald's
protocol), each time with another MTF, another phase between the grids and another registration, so
that what differs between sensors differs within the training set too. Any scene can thus be
simulated at any ratio, whatever its own ratio is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from ksdiff_engine.model.features import (
    Standardisation,
    band_features,
    pan_features,
    standardise_band,
)
from ksdiff_engine.resample import interpolation_matrix, lowpass_matrix
from ksdiff_engine.wald import crop_to_multiple, reduce_pan

from .config import DataConfig, Source

NOMINAL_GAIN = 0.3  # what inference assumes when it makes the PAN's low-pass version


@dataclass(frozen=True)
class Scene:
    """A co-registered pair: ms (C, h, w), pan (h * ratio, w * ratio), float32, digital numbers."""

    name: str
    ms: np.ndarray
    pan: np.ndarray
    ratio: int


def load_scene(path: Path) -> Scene:
    """Read the project's npz layout. Raises ValueError that names the file and the sizes."""
    with np.load(path) as arrays:
        ms = arrays["ms"].astype(np.float32)
        pan = arrays["pan"][0].astype(np.float32)
        ratio = int(arrays["ratio"])
    if pan.shape != (ms.shape[1] * ratio, ms.shape[2] * ratio):
        raise ValueError(f"{path}: PAN {pan.shape} is not {ratio} times MS {ms.shape[1:]}")
    return Scene(name=path.stem, ms=ms, pan=pan, ratio=ratio)


@dataclass(frozen=True)
class Simulation:
    """A reduced-resolution pair on the reference's grid: all float32, (H, W) or (C, H, W)."""

    reference: np.ndarray
    ms_up: np.ndarray
    pan: np.ndarray
    pan_low: np.ndarray
    statistics: Standardisation


def simulate(scene: Scene, ratio: int, config: DataConfig, rng: np.random.Generator) -> Simulation:
    """One variant of `scene` at reduced resolution."""
    reference = scene.ms[_band_subset(scene.ms.shape[0], rng)]
    pan = _pan_on_reference_grid(scene, config.shift, rng)
    gain = rng.uniform(*config.gain_range)
    phase = rng.uniform(0, ratio, size=2)
    axes = [
        _Axis.make(n, ratio, start, gain) for n, start in zip(reference.shape[1:], phase)
    ]
    degrade = [axis.degrade for axis in axes]
    raise_ = [axis.interpolate for axis in axes]
    ms_low = degrade[0] @ reference @ degrade[1].T
    nominal = [axis.degrade_nominal for axis in axes]
    pan_low = nominal[0] @ pan @ nominal[1].T
    return Simulation(
        reference=reference,
        ms_up=(raise_[0] @ ms_low @ raise_[1].T).astype(np.float32),
        pan=pan,
        pan_low=(raise_[0] @ pan_low @ raise_[1].T).astype(np.float32),
        statistics=scene_statistics(ms_low, pan_low),
    )


@dataclass(frozen=True)
class _Axis:
    """Matrices of one axis: to the coarse grid with the sensor's or the nominal MTF, and back."""

    degrade: np.ndarray
    degrade_nominal: np.ndarray
    interpolate: np.ndarray

    @classmethod
    def make(cls, n: int, ratio: int, start: float, gain: float) -> _Axis:
        count = n // ratio
        centres = start + ratio * np.arange(count) - 0.5
        back = (np.arange(n) - centres[0]) / ratio
        return cls(
            degrade=lowpass_matrix(n, centres, ratio, gain).astype(np.float32),
            degrade_nominal=lowpass_matrix(n, centres, ratio, NOMINAL_GAIN).astype(np.float32),
            interpolate=interpolation_matrix(count, back).astype(np.float32),
        )


def _band_subset(count: int, rng: np.random.Generator) -> np.ndarray:
    """All bands in half of the variants, else three or more of them, in random order."""
    order = rng.permutation(count)
    if rng.random() < 0.5 or count <= 3:
        return order
    return order[: rng.integers(3, count + 1)]


def _pan_on_reference_grid(
    scene: Scene, shift: float, rng: np.random.Generator
) -> np.ndarray:
    """PAN (h, w) on the MS grid, by bicubic resizing or by a Gaussian MTF with a random shift."""
    if rng.random() < 0.5:
        return reduce_pan(scene.pan, scene.ratio).astype(np.float32)
    gain = rng.uniform(0.15, 0.45)
    offsets = rng.uniform(-shift, shift, size=2)
    rows, columns = (
        lowpass_matrix(
            n * scene.ratio,
            (np.arange(n) + offset + 0.5) * scene.ratio - 0.5,
            scene.ratio,
            gain,
        ).astype(np.float32)
        for n, offset in zip(scene.ms.shape[1:], offsets)
    )
    return rows @ scene.pan @ columns.T


def scene_statistics(ms: np.ndarray, pan_low: np.ndarray) -> Standardisation:
    """Statistics of (C, h, w) and (h, w) on the coarse grid, as inference gathers them."""
    samples = np.concatenate([ms, pan_low[None]]).reshape(ms.shape[0] + 1, -1).astype(np.float64)
    design = np.concatenate([samples[:-1], np.ones((1, samples.shape[1]))])
    intensity = np.linalg.lstsq(design.T, samples[-1], rcond=None)[0]
    return Standardisation.from_moments(samples.mean(axis=1), np.cov(samples), intensity)


class PatchSampler:
    """Endless random batches; its only state is a generator, so a run can be resumed exactly."""

    def __init__(
        self, folder: Path, ratio: int, config: DataConfig, seed: int, joint_bands: int = 1
    ) -> None:
        self.config = config
        self.rng = np.random.default_rng(seed)
        if joint_bands != 1:
            raise ValueError("only the band-shared design (bands: 1) can be sampled yet")
        scenes, weights = load_sources(folder, config.train)
        self.probability = np.array(weights) / np.sum(weights)
        variation = np.random.default_rng(seed + 1)
        crop = [_cropped(scene, ratio) for scene in scenes]
        self.variants = [
            [simulate(scene, ratio, config, variation) for _ in range(config.variants)]
            for scene in crop
        ]

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """pan (B, 4, p, p), lrms (B, 1, p, p), reference (B, 1, p, p), standardised float32."""
        samples = [self._sample() for _ in range(size)]
        pan, lrms, reference = (torch.from_numpy(np.stack(part)) for part in zip(*samples))
        return pan, lrms, reference

    def _sample(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = self.rng
        scene = self.variants[rng.choice(len(self.variants), p=self.probability)]
        simulation = scene[rng.integers(len(scene))]
        return augment(cut(simulation, self.config, rng), rng)


def cut(
    simulation: Simulation, config: DataConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A random patch of a random band: pan (4, p, p), lrms (1, p, p), reference (1, p, p)."""
    bands, height, width = simulation.reference.shape
    size = config.patch
    row, column = rng.integers(height - size + 1), rng.integers(width - size + 1)
    window = np.s_[..., row : row + size, column : column + size]
    band = int(rng.integers(bands))
    statistics = simulation.statistics
    shared = pan_features(
        simulation.pan[window], simulation.pan_low[window], simulation.ms_up[window], statistics
    )
    # A random gain and offset of the band: scenes differ in how far a patch lies from their mean.
    gain, offset = np.exp(rng.normal(0, config.jitter)), rng.normal(0, config.jitter)
    lrms, reference = (
        (standardise_band(image[window], statistics, band) * gain + offset).astype(np.float32)
        for image in (simulation.ms_up, simulation.reference)
    )
    pan = band_features(shared, statistics, band)
    pan[-1] *= gain  # the injected detail is in units of the band
    return pan, lrms, reference


def augment(
    sample: tuple[np.ndarray, np.ndarray, np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One of the eight symmetries of the square, the same for all three."""
    turns, flip = int(rng.integers(4)), rng.random() < 0.5
    result = []
    for image in sample:
        image = np.rot90(image, turns, axes=(1, 2))
        result.append(np.ascontiguousarray(image[..., ::-1] if flip else image))
    pan, lrms, reference = result
    return pan, lrms, reference


def load_sources(folder: Path, sources: tuple[Source, ...]) -> tuple[list[Scene], list[float]]:
    """Scenes and their drawing weights. Raises FileNotFoundError for a pattern without files."""
    scenes: list[Scene] = []
    weights: list[float] = []
    for source in sources:
        paths = sorted(folder.glob(source.pattern))
        if not paths:
            raise FileNotFoundError(f"no training scene matches {folder / source.pattern}")
        loaded = [load_scene(path) for path in paths]
        sizes = np.sqrt([scene.ms.size for scene in loaded])
        scenes += loaded
        weights += list(source.weight * sizes / sizes.sum())
    return scenes, weights


def _cropped(scene: Scene, ratio: int) -> Scene:
    ms = crop_to_multiple(scene.ms, ratio)
    height, width = (n * scene.ratio for n in ms.shape[1:])
    return Scene(scene.name, ms, scene.pan[:height, :width], scene.ratio)


