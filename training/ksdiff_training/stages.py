"""The two stages of METHOD, section 5, and that of the pixel-space baseline, over one loop."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ksdiff_engine.model.ksdiff import KSDiff, TargetEncoder, pooled

from .compute import Compute
from .config import ExperimentConfig
from .data.sampler import PatchSampler
from .loop import Batch, Losses, Noise, Stage
from .pixel_diffusion import PixelDiffusion

STATISTICS_BATCHES = 64
EPSILON = 1e-8  # a flat patch's error is zero, whose root has no derivative


def build_modules(experiment: ExperimentConfig) -> nn.ModuleDict:
    """The fusion network with its diffusion, and PLFE1 beside it when there is a prior.

    For the pixel-space baseline, its network alone.
    """
    torch.manual_seed(experiment.seed)
    if experiment.kind == "pixel_diffusion":
        return nn.ModuleDict({"diffusion": PixelDiffusion(experiment.model)})
    modules = nn.ModuleDict({"ksdiff": KSDiff(experiment.model)})
    if experiment.model.modulation == "ksdiff":
        modules["target"] = TargetEncoder(experiment.model)
    return modules


def stage1(
    experiment: ExperimentConfig,
    modules: nn.ModuleDict,
    sampler: PatchSampler,
    folder: Path,
    compute: Compute | None = None,
) -> Stage:
    """Pre-training: ``|G - H1|_1`` with z = PLFE1(P, L, G); for a plain network, without z.

    PLFE2 and the denoiser get no gradient here and stay as they were initialised.
    """
    ksdiff, margin = modules["ksdiff"], experiment.data.margin

    def losses(batch: Batch, noise: Noise) -> Losses:
        patch = without_margin(batch, margin)
        prior = known_prior(modules, patch, experiment.prior, experiment.data.windows)
        fused = fuse_patch(ksdiff, batch, prior, margin)
        return {"loss": image_loss(experiment.loss, patch[2], fused)}

    return Stage(
        "stage1",
        experiment=experiment,
        config=experiment.stage1,
        modules=modules,
        trained=list(modules),
        losses=losses,
        sampler=sampler,
        folder=folder / "stage1",
        compute=compute,
    )


def without_margin(batch: Batch, margin: int) -> Batch:
    """The patches themselves, of which the loss is and which a prior is taken from."""
    pan, lrms, reference = (F.pad(part, [-margin] * 4) for part in batch)
    return pan, lrms, reference


def fuse_patch(ksdiff: KSDiff, batch: Batch, prior: Tensor | None, margin: int) -> Tensor:
    """The fused patches (B, C, p, p) of a batch whose images have a margin around them."""
    pan, lrms, _ = batch
    return F.pad(ksdiff.fuse(pan, lrms, prior), [-margin] * 4)


def image_loss(kind: str, reference: Tensor, fused: Tensor) -> Tensor:
    """The mean error of patches (B, C, p, p), as the experiment's `loss` says."""
    error = reference - fused
    if kind == "l1":
        return error.abs().mean()
    square = error.square()
    if kind == "l2":
        return square.mean()
    return (square.mean(dim=(1, 2, 3)) + EPSILON).sqrt().mean()


def known_prior(
    modules: nn.ModuleDict, batch: Batch, source: str, windows: int = 1
) -> Tensor | None:
    """z of each scene as PLFE1 gives it; `source` ``inputs`` shows it LRMS, not the reference."""
    if "target" not in modules:
        return None
    pan, lrms, reference = batch
    prior = modules["target"](pan, lrms, reference if source == "target" else lrms)
    return pooled(prior, windows)


def stage2(
    experiment: ExperimentConfig,
    modules: nn.ModuleDict,
    sampler: PatchSampler,
    folder: Path,
    compute: Compute | None = None,
) -> Stage:
    """Diffusion training, PLFE1 frozen.

    Joint: ``|z0 - z_theta(z_t, t, c)|_1 + lambda |G - H2|_1``. Separate: the first term alone, for
    PLFE2 and the denoiser alone.
    """
    ksdiff, target = modules["ksdiff"], modules["target"]
    target.requires_grad_(False)
    joint, full_chain = experiment.training == "joint", experiment.chain == "full"
    margin = experiment.data.margin
    if not joint:
        ksdiff.backbone.requires_grad_(False)

    def noise() -> Noise:
        count, config = experiment.stage2.batch, experiment.model
        prior = (count, config.tokens, config.prior_channels)
        t = torch.randint(config.diffusion_steps, (count,))
        return t, torch.randn(prior), *([torch.randn(prior)] * (joint and full_chain))

    def losses(batch: Batch, noise: Noise) -> Losses:
        pan, lrms, reference = without_margin(batch, margin)
        t, noise_of_z0, *start = noise
        with torch.no_grad():
            z0 = ksdiff.standardise(target(pan, lrms, reference))
        condition = ksdiff.condition(pan, lrms)
        noisy = ksdiff.scheduler.add_noise(z0, noise_of_z0, t)
        estimate = ksdiff.denoiser(noisy, t, condition)
        prior_loss = (z0 - estimate).abs().mean()
        if not joint:
            return {"loss": prior_loss}
        if full_chain:
            prior = ksdiff.sample_prior(condition, *start)
        else:
            prior = ksdiff.destandardise(estimate)
        prior = pooled(prior, experiment.data.windows)
        fused = fuse_patch(ksdiff, batch, prior, margin)
        image = image_loss(experiment.loss, reference, fused)
        loss = prior_loss + experiment.image_weight * image
        return {"loss": loss, "image": image, "prior": prior_loss}

    return Stage(
        "stage2",
        experiment=experiment,
        config=experiment.stage2,
        modules=modules,
        trained=["ksdiff"] if joint else ["ksdiff.condition_encoder", "ksdiff.denoiser"],
        losses=losses,
        noise=noise,
        sampler=sampler,
        folder=folder / "stage2",
        compute=compute,
    )


@torch.no_grad()
def measure_prior(modules: nn.ModuleDict, sampler: PatchSampler, batch: int) -> None:
    """Set the prior's mean and standard deviation from the trained PLFE1 (ours)."""
    device, margin = modules["ksdiff"].prior_mean.device, sampler.config.margin
    batches = (without_margin(sampler.batch(batch, n), margin) for n in range(STATISTICS_BATCHES))
    priors = torch.cat(
        [modules["target"](*(part.to(device) for part in patch)).flatten(0, 1) for patch in batches]
    )
    modules["ksdiff"].prior_mean.copy_(priors.mean(dim=0))
    modules["ksdiff"].prior_std.copy_(priors.std(dim=0).clamp_min(1e-4))


def diffusion_stage(
    experiment: ExperimentConfig,
    modules: nn.ModuleDict,
    sampler: PatchSampler,
    folder: Path,
    compute: Compute | None = None,
) -> Stage:
    """The baseline's one stage: ``|x0 - x_theta(x_t, t, P, L)|_1``, a random time step a patch."""
    network = modules["diffusion"]

    def noise() -> Noise:
        count, edge = experiment.stage1.batch, experiment.data.patch
        t = torch.randint(network.scheduler.steps, (count,))
        return t, torch.randn(count, network.config.bands, edge, edge)

    def losses(batch: Batch, noise: Noise) -> Losses:
        pan, lrms, reference = batch
        t, noise_of_residual = noise
        residual = (reference - lrms) / network.residual_std
        noisy = network.scheduler.add_noise(residual, noise_of_residual, t)
        return {"loss": (residual - network(noisy, t, pan, lrms)).abs().mean()}

    return Stage(
        "stage1",
        experiment=experiment,
        config=experiment.stage1,
        modules=modules,
        trained=list(modules),
        losses=losses,
        noise=noise,
        sampler=sampler,
        folder=folder / "stage1",
        compute=compute,
    )


@torch.no_grad()
def measure_residual(modules: nn.ModuleDict, sampler: PatchSampler, batch: int) -> None:
    """Set the standard deviation of what the baseline diffuses, as :func:`measure_prior` does."""
    batches = [sampler.batch(batch, number) for number in range(STATISTICS_BATCHES)]
    residual = torch.cat([reference - lrms for _, lrms, reference in batches])
    modules["diffusion"].residual_std.copy_(residual.std().clamp_min(1e-4))
