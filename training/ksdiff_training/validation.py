"""Fixed patches of held-out acquisitions, to watch a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ksdiff_engine.model.ksdiff import pooled

from .config import DataConfig
from .data.pairs import PairFile
from .data.patches import PatchSimulations
from .data.sampler import cut_windows, load_sources
from .data.simulation import Simulation, simulate
from .loop import Batch
from .stages import fuse_patch, known_prior, without_margin

PATCHES_A_SCENE = 8
PATCHES_A_FILE = 64  # of PanCollection's layout, which holds many scenes


class Validator:
    """Mean absolute and root mean square error, in standard deviations of the band, on patches.

    The patches are drawn once, so figures of different runs and steps are comparable.
    """

    def __init__(self, folder: Path, config: DataConfig, features: int, bands: int = 1) -> None:
        """Patches of each scene at each ratio; `features` as in the network's config.

        bands: of a sample; scenes that have fewer take no part.
        """
        rng = np.random.default_rng(0)
        still = replace(config, jitter=0.0, shift=0.0, contrast=0.0)
        scenes, _ = load_sources(folder, config.validation, config.smallest_part, bands)
        samples = [
            sample
            for scene in scenes
            for simulation in _held_out(scene, still, rng, bands)
            for sample in cut_windows(simulation, still, features, rng, bands)
        ]
        if not samples:
            raise ValueError("the experiment names no scenes for validation")
        self.windows, self.margin = config.windows, config.margin
        self.batch = [torch.from_numpy(np.stack(part)) for part in zip(*samples, strict=True)]

    @torch.no_grad()
    def with_known_prior(self, modules: nn.ModuleDict, source: str) -> dict[str, float]:
        """Stage 1's own error: PLFE1 sees the reference, or LRMS alone when `source` is inputs."""
        batch = self._batch(modules)
        patch = without_margin(batch, self.margin)
        prior = known_prior(modules, patch, source, self.windows)
        return _figures(patch, fuse_patch(modules["ksdiff"], batch, prior, self.margin))

    @torch.no_grad()
    def with_estimated_prior(self, modules: nn.ModuleDict) -> dict[str, float]:
        """The error that inference will have: the prior comes from diffusion."""
        batch = self._batch(modules)
        patch = without_margin(batch, self.margin)
        prior = modules["ksdiff"].estimate_prior(*patch[:2], seed=0)
        prior = None if prior is None else pooled(prior, self.windows)
        return _figures(patch, fuse_patch(modules["ksdiff"], batch, prior, self.margin))

    @torch.no_grad()
    def with_pixel_diffusion(self, modules: nn.ModuleDict) -> dict[str, float]:
        """The baseline's error after as many steps of DDIM as its settings say."""
        batch = self._batch(modules)
        pan, lrms, _ = batch
        network = modules["diffusion"]
        noise = torch.randn(lrms.shape, generator=torch.Generator().manual_seed(0)).to(lrms)
        return _figures(batch, network.sharpen(pan, lrms, noise, network.config.sampling_steps))

    def _batch(self, modules: nn.ModuleDict) -> Batch:
        device = next(modules.parameters()).device
        pan, lrms, reference = (part.to(device) for part in self.batch)
        return pan, lrms, reference


def _held_out(
    scene: PairFile | PatchSimulations, config: DataConfig, rng: np.random.Generator, bands: int
) -> Iterator[Simulation]:
    """A scene at each ratio, as often as patches are to be cut from it; of a file some patches."""
    if isinstance(scene, PatchSimulations):
        yield from scene.spread(PATCHES_A_FILE)
        return
    ratios = sorted(set(config.ratios))
    for ratio in ratios:
        simulation = simulate(scene, ratio, config, rng, bands)
        yield from repeat(simulation, -(-PATCHES_A_SCENE // len(ratios)))


def _figures(batch: Batch, fused: torch.Tensor) -> dict[str, float]:
    _, lrms, reference = batch
    error = fused - reference
    interpolated = lrms - reference
    return {
        "l1": round(float(error.abs().mean()), 5),
        "rmse": round(float(error.square().mean().sqrt()), 5),
        "l1_interpolation": round(float(interpolated.abs().mean()), 5),
    }
