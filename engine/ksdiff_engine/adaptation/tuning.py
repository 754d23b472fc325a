"""The training itself: stage 2's image loss on patches of the scene, judged on held-out blocks.

METHOD, section 5, with what a user's scene allows: the prior is estimated by diffusion from PAN and
MS, the loss ``|G - H|_1`` passes through the whole reverse chain. PLFE1, which sees the reference,
is not part of a weights file, so there is no loss of the prior itself.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ksdiff_engine.adaptation.blocks import MOSTLY_VALID, PATCH, Block, Blocks, ReducedScene
from ksdiff_engine.errors import InputError
from ksdiff_engine.fusion import KSDiffMethod
from ksdiff_engine.model.features import Standardisation
from ksdiff_engine.model.ksdiff import KSDiff
from ksdiff_engine.pipeline import fuse_tile
from ksdiff_engine.pixel_pass import fastest_precision
from ksdiff_engine.quality.reference import ergas
from ksdiff_engine.samples import band_sample, symmetry

BATCH = 16
LEARNING_RATE = 2e-4
WARM_UP = 20  # steps
CLIP = 1.0  # norm of the gradient
AVERAGE = 0.98  # of the weights, exponentially: about the last 50 steps
JUDGE_EVERY = 50  # steps
PATIENCE = 4  # judgements without improvement that end the training
TRIES = 20  # to find a patch that is mostly valid

# Parts of the names of the parameters that learn where only ``kernels`` are to.
_KERNELS = ("condition_encoder.", "denoiser.", ".generator.", "backbone.leave.")

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Figures:
    """On the held-out blocks as one image: ERGAS, and the mean absolute error in standard
    deviations of the bands.
    """

    ergas: float
    l1: float


@dataclass(frozen=True)
class Judgement:
    """The figures after so many steps."""

    step: int
    figures: Figures


@dataclass(frozen=True)
class Tuned:
    """What came of it: the network with the best figures, and the way there.

    judgements: the first is that of the network as it was given.
    """

    network: KSDiff
    judgements: tuple[Judgement, ...]
    steps: int
    seconds: float

    @property
    def before(self) -> Figures:
        return self.judgements[0].figures

    @property
    def best(self) -> Judgement:
        return min(self.judgements, key=lambda judgement: judgement.figures.ergas)


def tune(
    network: KSDiff,
    scene: ReducedScene,
    blocks: Blocks,
    *,
    device: torch.device,
    seed: int,
    steps: int,
    seconds: float,
    parts: str,
    progress: Progress,
) -> Tuned:
    """Train a copy of `network` on the training blocks until the held-out ones gain no more.

    steps, seconds: the most; seconds may cut a run short, which makes it depend on the machine.
    parts: as in :class:`.job.AdaptJob`. progress may raise to cancel.
    """
    started = time.monotonic()
    judge = Judge(scene, blocks.held_out, device, seed)
    learner = Learner(network, scene, blocks.training, device, seed, parts)
    progress(0.0, "Measuring the weights as they are")
    judgements = [Judgement(0, judge(network))]
    best = network

    def used() -> float:
        """Share of the budget, 1 or more at its end."""
        return max(learner.steps / steps, (time.monotonic() - started) / seconds)

    while used() < 1.0 and _may_gain(judgements):
        for _ in range(JUDGE_EVERY):
            learner.step()
            progress(min(used(), 1.0), _told(learner.steps, judgements))
            if used() >= 1.0:
                break
        averaged = learner.averaged()
        figures = judge(averaged)
        if figures.ergas < min(judgement.figures.ergas for judgement in judgements):
            best = averaged
        judgements.append(Judgement(learner.steps, figures))
    return Tuned(best, tuple(judgements), learner.steps, time.monotonic() - started)


def _may_gain(judgements: Sequence[Judgement]) -> bool:
    """Whether one of the last ``PATIENCE`` judgements is the best."""
    scores = [judgement.figures.ergas for judgement in judgements]
    return len(scores) - 1 - scores.index(min(scores)) < PATIENCE


def _told(step: int, judgements: Sequence[Judgement]) -> str:
    first, last = judgements[0].figures.ergas, judgements[-1].figures.ergas
    return f"Step {step}: ERGAS of the held-out part {last:.4f}, before {first:.4f}"


class Judge:
    """Fuses the held-out blocks as inference does, kernels baked from windows of the scene."""

    def __init__(
        self, scene: ReducedScene, blocks: Sequence[Block], device: torch.device, seed: int
    ) -> None:
        self._scene, self._blocks, self._device, self._seed = scene, blocks, device, seed
        self._reference = _side_by_side([block.reference[:, block.valid] for block in blocks])

    def __call__(self, network: KSDiff) -> Figures:
        method = KSDiffMethod(copy.deepcopy(network), device=self._device, seed=self._seed)
        method.prepare(self._scene)
        fused = []
        for block in self._blocks:
            tile = self._scene.tile(block.tile.window, method.halo)
            image, _ = fuse_tile(method, tile, block.tile.window)
            fused.append(image[:, block.valid])
        result = _side_by_side(fused)
        deviation = self._reference.std(axis=(1, 2), dtype=np.float64)
        errors = np.abs(result - self._reference).mean(axis=(1, 2), dtype=np.float64)
        return Figures(
            ergas=ergas(self._reference, result, self._scene.ratio),
            l1=float((errors / np.where(deviation > 0, deviation, 1.0)).mean()),
        )


def _side_by_side(parts: Sequence[np.ndarray]) -> np.ndarray:
    """(C, N) pixels of several blocks as one image (C, 1, N)."""
    return np.concatenate(parts, axis=1)[:, None]


class Learner:
    """A copy of a network, its optimiser and the average of its weights."""

    def __init__(
        self,
        network: KSDiff,
        scene: ReducedScene,
        blocks: Sequence[Block],
        device: torch.device,
        seed: int,
        parts: str,
    ) -> None:
        self.steps = 0
        self._network = copy.deepcopy(network).to(device).requires_grad_(False)
        self._device = device
        # As in training; float16 would need its gradients scaled.
        self._mixed = fastest_precision(device) == torch.bfloat16
        self._parameters = [
            parameter.requires_grad_()
            for name, parameter in self._network.named_parameters()
            if parts == "all" or any(part in name for part in _KERNELS)
        ]
        self._optimizer = torch.optim.AdamW(self._parameters, lr=LEARNING_RATE, weight_decay=0.0)
        self._average = torch.optim.swa_utils.AveragedModel(
            self._network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE)
        )
        self._patches = patches(
            scene, blocks, network.config.pan_features, np.random.default_rng(seed)
        )
        # Drawn on the CPU, so that every device sees the same noise.
        self._noise = torch.Generator().manual_seed(seed)

    def step(self) -> None:
        """One batch. Raises InputError when the loss is not finite."""
        rate = LEARNING_RATE * min(1.0, (self.steps + 1) / WARM_UP)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        samples = [next(self._patches) for _ in range(BATCH)]
        batch = [torch.from_numpy(np.stack(part)).to(self._device) for part in zip(*samples)]
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._mixed):
            loss = self._loss(*batch)
        if not math.isfinite(loss.item()):
            raise InputError(
                f"The training diverged at step {self.steps}.",
                hint="Check the scene for values that are no measurements (unmarked nodata).",
            )
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, CLIP)
        self._optimizer.step()
        self._average.update_parameters(self._network)
        self.steps += 1

    def averaged(self) -> KSDiff:
        """A copy of the network with averaged weights."""
        average = cast(KSDiff, self._average.module)
        return copy.deepcopy(average).cpu().eval().requires_grad_(False)

    def _loss(self, pan: Tensor, lrms: Tensor, reference: Tensor, valid: Tensor) -> Tensor:
        network, prior = self._network, None
        if network.config.modulation != "none":
            condition = network.condition(pan, lrms)
            noise = torch.randn(condition.shape, generator=self._noise).to(condition)
            prior = network.sample_prior(condition, noise)
        errors = (reference - network.fuse(pan, lrms, prior)).abs() * valid
        return errors.sum() / valid.sum()


def patches(
    scene: ReducedScene, blocks: Sequence[Block], features: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, ...]]:
    """Endless random patches of random bands, under the symmetries of the square.

    Each is PAN features (F, p, p), LRMS, reference and validity (1, p, p), all float32.
    """
    moments = scene.statistics()
    statistics = Standardisation.from_moments(
        moments.mean, moments.covariance, moments.intensity_weights, scene.ratio
    )
    while True:
        block = blocks[rng.integers(len(blocks))]
        rows, columns = _mostly_valid(block.valid, rng)
        tile, band = block.tile, int(rng.integers(scene.bands))
        sample = band_sample(
            tile.pan[rows, columns],
            tile.pan_low[rows, columns],
            tile.ms_up[:, rows, columns],
            block.reference[:, rows, columns],
            statistics,
            band,
            features,
        )
        valid = block.valid[rows, columns][None].astype(np.float32)
        yield symmetry((*sample, valid), rng)


def _mostly_valid(valid: np.ndarray, rng: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns of a random patch; of some tries, the first that is valid enough or the most
    valid.
    """
    height, width = valid.shape
    tried: list[tuple[float, tuple[slice, slice]]] = []
    for _ in range(TRIES):
        row = int(rng.integers(height - PATCH + 1))
        column = int(rng.integers(width - PATCH + 1))
        place = (slice(row, row + PATCH), slice(column, column + PATCH))
        tried.append((float(valid[place].mean()), place))
        if tried[-1][0] >= MOSTLY_VALID:
            return place
    return max(tried, key=lambda found: found[0])[1]
