"""The two stages of METHOD, section 5, over one loop."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ksdiff_engine.model.ksdiff import KSDiff, TargetEncoder

from .compute import Compute
from .config import ExperimentConfig
from .data import PatchSampler
from .loop import Batch, Losses, Stage

STATISTICS_BATCHES = 64


def build_modules(experiment: ExperimentConfig) -> nn.ModuleDict:
    """The fusion network with its diffusion, and PLFE1 beside it when there is a prior."""
    torch.manual_seed(experiment.seed)
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
    ksdiff = modules["ksdiff"]

    def losses(batch: Batch) -> Losses:
        pan, lrms, reference = batch
        prior = known_prior(modules, batch, experiment.prior)
        return {"loss": (reference - ksdiff.fuse(pan, lrms, prior)).abs().mean()}

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


def known_prior(modules: nn.ModuleDict, batch: Batch, source: str) -> Tensor | None:
    """z as PLFE1 gives it; `source` ``inputs`` shows it LRMS in place of the reference."""
    if "target" not in modules:
        return None
    pan, lrms, reference = batch
    return modules["target"](pan, lrms, reference if source == "target" else lrms)


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
    compute = compute or Compute(amp=experiment.amp)
    ksdiff, target = modules["ksdiff"], modules["target"]
    target.requires_grad_(False)
    joint, full_chain = experiment.training == "joint", experiment.chain == "full"
    if not joint:
        ksdiff.backbone.requires_grad_(False)

    def losses(batch: Batch) -> Losses:
        pan, lrms, reference = batch
        with torch.no_grad():
            z0 = ksdiff.standardise(target(pan, lrms, reference))
        condition = ksdiff.condition(pan, lrms)
        t = compute.randint(ksdiff.config.diffusion_steps, z0.shape[0])
        noisy = ksdiff.scheduler.add_noise(z0, compute.randn_like(z0), t)
        estimate = ksdiff.denoiser(noisy, t, condition)
        prior_loss = (z0 - estimate).abs().mean()
        if not joint:
            return {"loss": prior_loss}
        if full_chain:
            prior = ksdiff.sample_prior(condition, compute.randn_like(z0))
        else:
            prior = ksdiff.destandardise(estimate)
        image_loss = (reference - ksdiff.fuse(pan, lrms, prior)).abs().mean()
        loss = prior_loss + experiment.image_weight * image_loss
        return {"loss": loss, "image": image_loss, "prior": prior_loss}

    return Stage(
        "stage2",
        experiment=experiment,
        config=experiment.stage2,
        modules=modules,
        trained=["ksdiff"] if joint else ["ksdiff.condition_encoder", "ksdiff.denoiser"],
        losses=losses,
        sampler=sampler,
        folder=folder / "stage2",
        compute=compute,
    )


@torch.no_grad()
def measure_prior(modules: nn.ModuleDict, sampler: PatchSampler, batch: int) -> None:
    """Set the prior's mean and standard deviation from the trained PLFE1 (ours)."""
    device = modules["ksdiff"].prior_mean.device
    priors = torch.cat(
        [
            modules["target"](*(part.to(device) for part in sampler.batch(batch))).flatten(0, 1)
            for _ in range(STATISTICS_BATCHES)
        ]
    )
    modules["ksdiff"].prior_mean.copy_(priors.mean(dim=0))
    modules["ksdiff"].prior_std.copy_(priors.std(dim=0).clamp_min(1e-4))
