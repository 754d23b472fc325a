"""Random batches of standardised patches, drawn from the variants of all scenes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ksdiff_engine.mirroring import mirrored
from ksdiff_engine.model.features import SHARED_FEATURES
from ksdiff_engine.resample import imresize_bicubic
from ksdiff_engine.samples import band_sample, symmetry
from ksdiff_engine.wald import crop_to_multiple, reduce_pan

from ..config import DataConfig, Source
from .pairs import PairFile, read_ms_only, read_pair
from .pancollection import SUFFIXES
from .patches import PatchSimulations
from .rasters import find_products, read_raster_pair
from .simulation import Simulation, simulate

Sample = tuple[np.ndarray, np.ndarray, np.ndarray]  # pan, lrms, reference


class PatchSampler:
    """Endless random batches, each drawn by a generator of its own.

    Batch 7 is the same whether others were drawn before it or not, here or in another process: so a
    run can be resumed exactly, and any number of processes may draw its batches.
    """

    def __init__(
        self,
        folder: Path,
        config: DataConfig,
        features: int,
        seed: int,
        pretrain: bool = False,
        bands: int = 1,
    ) -> None:
        """Simulate all variants of the pairs in `folder`; `features` as in the network's config.

        pretrain: whether the sources for pre-training take part as well.
        bands: of a sample; scenes that have fewer take no part.
        Raises FileNotFoundError for a pattern without files, ValueError or InputError for an
        unusable file.
        """
        self.config = config
        self.features = features
        self.bands = bands
        self.seed = seed
        sources = config.train + config.pretrain * pretrain
        scenes, weights = load_sources(folder, sources, config.smallest_part, bands)
        self.probability = np.array(weights) / np.sum(weights)
        variation = np.random.default_rng(seed + 1)
        self.variants = [_variants(scene, config, variation, bands) for scene in scenes]

    def batch(self, size: int, number: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """pan (B, F, p, p), lrms (B, C, p, p), reference (B, C, p, p), standardised float32.

        The windows of a scene lie one after the other; p is a patch with the margin around it.
        """
        rng = np.random.default_rng((self.seed, number))
        samples = [s for _ in range(size // self.config.windows) for s in self._samples(rng)]
        pan, lrms, reference = (
            torch.from_numpy(np.stack(part)) for part in zip(*samples, strict=True)
        )
        return pan, lrms, reference

    def _samples(self, rng: np.random.Generator) -> Iterator[Sample]:
        """The windows of one scene."""
        variants = self.variants[rng.choice(len(self.variants), p=self.probability)]
        simulation = variants[rng.integers(len(variants))]
        for sample in cut_windows(simulation, self.config, self.features, rng, self.bands):
            yield augment(sample, rng)


def _variants(
    scene: PairFile | PatchSimulations, config: DataConfig, rng: np.random.Generator, bands: int
) -> Sequence[Simulation]:
    """Simulations of a pair, for memory; patches at reduced resolution are what they are."""
    if isinstance(scene, PairFile):
        return [_variant(scene, config, rng, bands) for _ in range(config.variants)]
    if scene.ratio not in config.ratios:
        raise ValueError(
            f"{scene.file.path} has ratio {scene.ratio}, the experiment's are {config.ratios}"
        )
    return scene


def _variant(
    pair: PairFile, config: DataConfig, rng: np.random.Generator, bands: int
) -> Simulation:
    """A variant at one of the ratios, of a part of the scene in half of the cases."""
    ratio = int(rng.choice(config.ratios))
    if config.coarser and rng.random() < config.coarser:
        pair = _coarser(pair, config.smallest_part)
    return simulate(_part(pair, config, rng), ratio, config, rng, bands)


def _coarser(pair: PairFile, smallest: int) -> PairFile:
    """The pair at half its resolution, or as it is where too little would be left."""
    ms = crop_to_multiple(pair.ms, 2)
    height, width = ms.shape[1:]
    if min(height, width) < 2 * smallest:
        return pair
    pan = pair.pan[: height * pair.ratio, : width * pair.ratio]
    if pan.size:
        pan = reduce_pan(pan, 2).astype(pan.dtype)
    return replace(pair, ms=imresize_bicubic(ms, 0.5).astype(ms.dtype), pan=pan)


def _part(pair: PairFile, config: DataConfig, rng: np.random.Generator) -> PairFile:
    """The whole pair, or a part of random size: what users cut out has statistics of its own."""
    height, width = pair.ms.shape[1:]
    smallest = config.smallest_part
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


def cut_windows(
    simulation: Simulation,
    config: DataConfig,
    features: int,
    rng: np.random.Generator,
    bands: int = 1,
) -> Iterator[Sample]:
    """As many random patches as a scene has windows, of the same random bands, in their order.

    pan (F, p, p), the features that all bands share, then each band's own; lrms and reference
    (bands, p, p), all with a margin besides where the settings have one.
    """
    count, height, width = simulation.reference.shape
    size = config.patch
    if min(height, width) < size:
        raise ValueError(f"a scene of {height} x {width} MS pixels has no patch of {size} x {size}")
    chosen = [rng.integers(count)] if bands == 1 else np.sort(rng.permutation(count)[:bands])
    for _ in range(config.windows):
        row, column = rng.integers(height - size + 1), rng.integers(width - size + 1)
        rows = mirrored(row - config.margin, size + 2 * config.margin, height)
        columns = mirrored(column - config.margin, size + 2 * config.margin, width)
        window = (..., rows[:, None], columns)
        yield _patch(simulation, window, chosen, config, features, rng)


def _patch(
    simulation: Simulation,
    window: tuple[Any, ...],
    chosen: Iterable[int],
    config: DataConfig,
    features: int,
    rng: np.random.Generator,
) -> Sample:
    """The `chosen` bands of a window, with a random gain and offset each."""
    images = (simulation.pan, simulation.pan_low, simulation.ms_up, simulation.reference)
    samples = [
        band_sample(
            *(image[window] for image in images),
            simulation.statistics,
            int(band),
            features,
            # A random gain and offset: scenes differ in how far a patch lies from their mean.
            gain=np.exp(rng.normal(0, config.jitter)),
            offset=rng.normal(0, config.jitter),
            contrast=np.exp(rng.normal(0, config.contrast)) if config.contrast else 1.0,
        )
        for band in chosen
    ]
    pan, lrms, reference = zip(*samples, strict=True)
    own = (features_of_band[SHARED_FEATURES:] for features_of_band in pan)
    return (
        np.concatenate([pan[0][:SHARED_FEATURES], *own]),
        np.concatenate(lrms),
        np.concatenate(reference),
    )


def augment(sample: Sample, rng: np.random.Generator) -> Sample:
    """One of the eight symmetries of the square, the same for all three."""
    pan, lrms, reference = symmetry(sample, rng)
    return pan, lrms, reference


def load_sources(
    folder: Path, sources: Sequence[Source], smallest: int = 64, bands: int = 1
) -> tuple[list[PairFile | PatchSimulations], list[float]]:
    """Scenes that have at least `bands` bands, and their drawing weights.

    smallest: MS pixels that a part of a raster must measure.
    Raises FileNotFoundError for a pattern without files, ValueError when no scene has the bands.
    """
    scenes: list[PairFile | PatchSimulations] = []
    weights: list[float] = []
    for source in sources:
        loaded = [s for s in _load(folder, source, smallest) if s.bands >= bands]
        pixels = [s.ms.size if isinstance(s, PairFile) else s.pixels for s in loaded]
        sizes = np.sqrt(pixels)
        scenes += loaded
        weights += list(source.weight * sizes / sizes.sum())
    if sources and not scenes:
        raise ValueError(f"no scene in {folder} has {bands} bands")
    return scenes, weights


def _load(folder: Path, source: Source, smallest: int) -> Iterator[PairFile | PatchSimulations]:
    if source.pan:
        for product in find_products(folder, source.pan, source.ms, source.sensor):
            yield from read_raster_pair(product, smallest=smallest)
        return
    paths = sorted(folder.glob(source.pattern))
    if not paths:
        raise FileNotFoundError(f"no scene matches {folder / source.pattern}")
    for path in paths:
        if path.suffix in SUFFIXES:
            yield PatchSimulations(path)
        else:
            yield read_ms_only(path) if source.synthetic_pan else read_pair(path)
