"""Random batches of standardised patches, drawn from the variants of all scenes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ksdiff_engine.samples import band_sample, symmetry

from ..config import DataConfig, Source
from .pairs import PairFile, read_ms_only, read_pair
from .simulation import Simulation, simulate


class PatchSampler:
    """Endless random batches; its only state is a generator, so a run can be resumed exactly."""

    def __init__(
        self, folder: Path, config: DataConfig, features: int, seed: int, pretrain: bool = False
    ) -> None:
        """Simulate all variants of the pairs in `folder`; `features` as in the network's config.

        pretrain: whether the sources for pre-training take part as well.
        Raises FileNotFoundError for a pattern without files, ValueError for an unusable file.
        """
        self.config = config
        self.features = features
        self.rng = np.random.default_rng(seed)
        pairs, weights = load_sources(folder, config.train + config.pretrain * pretrain)
        self.probability = np.array(weights) / np.sum(weights)
        variation = np.random.default_rng(seed + 1)
        self.variants = [
            [_variant(pair, config, variation) for _ in range(config.variants)] for pair in pairs
        ]

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """pan (B, F, p, p), lrms (B, 1, p, p), reference (B, 1, p, p), standardised float32."""
        samples = [self._sample() for _ in range(size)]
        pan, lrms, reference = (
            torch.from_numpy(np.stack(part)) for part in zip(*samples, strict=True)
        )
        return pan, lrms, reference

    def _sample(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = self.rng
        variants = self.variants[rng.choice(len(self.variants), p=self.probability)]
        simulation = variants[rng.integers(len(variants))]
        return augment(cut(simulation, self.config, self.features, rng), rng)


def _variant(pair: PairFile, config: DataConfig, rng: np.random.Generator) -> Simulation:
    """A variant at one of the ratios, of a part of the scene in half of the cases."""
    ratio = int(rng.choice(config.ratios))
    return simulate(_part(pair, config, rng), ratio, config, rng)


def _part(pair: PairFile, config: DataConfig, rng: np.random.Generator) -> PairFile:
    """The whole pair, or a part of random size: what users cut out has statistics of its own."""
    height, width = pair.ms.shape[1:]
    # With a margin, so that a patch is left whatever the ratio cuts off.
    smallest = config.patch + max(config.ratios)
    if not config.parts or rng.random() < 0.5 or smallest >= min(height, width):
        return pair
    size = round(np.exp(rng.uniform(np.log(smallest), np.log(min(height, width)))))
    row, column = (int(rng.integers(n - size + 1)) for n in (height, width))
    pan_rows, pan_columns = (slice(n * pair.ratio, (n + size) * pair.ratio) for n in (row, column))
    return replace(
        pair,
        ms=pair.ms[:, row : row + size, column : column + size],
        pan=pair.pan[pan_rows, pan_columns],
    )


def cut(
    simulation: Simulation, config: DataConfig, features: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A random patch of a random band: pan (F, p, p), lrms (1, p, p), reference (1, p, p)."""
    bands, height, width = simulation.reference.shape
    size = config.patch
    if min(height, width) < size:
        raise ValueError(f"a scene of {height} x {width} MS pixels has no patch of {size} x {size}")
    row, column = rng.integers(height - size + 1), rng.integers(width - size + 1)
    window = np.s_[..., row : row + size, column : column + size]
    band = int(rng.integers(bands))
    # A random gain and offset of the band: scenes differ in how far a patch lies from their mean.
    gain, offset = np.exp(rng.normal(0, config.jitter)), rng.normal(0, config.jitter)
    images = (simulation.pan, simulation.pan_low, simulation.ms_up, simulation.reference)
    return band_sample(
        *(image[window] for image in images),
        simulation.statistics,
        band,
        features,
        gain=gain,
        offset=offset,
    )


def augment(
    sample: tuple[np.ndarray, np.ndarray, np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One of the eight symmetries of the square, the same for all three."""
    pan, lrms, reference = symmetry(sample, rng)
    return pan, lrms, reference


def load_sources(folder: Path, sources: tuple[Source, ...]) -> tuple[list[PairFile], list[float]]:
    """Pairs and their drawing weights. Raises FileNotFoundError for a pattern without files."""
    pairs: list[PairFile] = []
    weights: list[float] = []
    for source in sources:
        paths = sorted(folder.glob(source.pattern))
        if not paths:
            raise FileNotFoundError(f"no training scene matches {folder / source.pattern}")
        read = read_ms_only if source.synthetic_pan else read_pair
        loaded = [read(path) for path in paths]
        sizes = np.sqrt([pair.ms.size for pair in loaded])
        pairs += loaded
        weights += list(source.weight * sizes / sizes.sum())
    return pairs, weights
