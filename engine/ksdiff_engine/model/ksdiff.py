"""KSDiff put together: encoders, latent diffusion, and the fusion network that it modulates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .backbones import BACKBONES, Backbone
from .backbones.unet import UNet
from .config import KSDiffConfig
from .denoiser import Denoiser
from .plfe import ENCODERS
from .scheduler import DiffusionScheduler


def build_backbone(config: KSDiffConfig) -> Backbone:
    """The fusion network, with or without kernel generators."""
    kind = BACKBONES[config.backbone]
    # The published networks have the widths and depths that were published.
    shape: dict[str, Any] = {}
    if kind is UNet:
        shape = {"channels": config.channels, "blocks": config.blocks}
    return kind(
        in_channels=config.in_channels,
        out_channels=config.bands,
        prior_channels=config.prior_channels if config.modulation == "ksdiff" else None,
        ranks=config.ranks,
        pooling=config.pooling,
        generator=config.generator,
        **shape,
    )


def build_encoder(config: KSDiffConfig, *, branches: tuple[int, ...], guide: int) -> nn.Module:
    """An encoder of `branches` images that `guide` channels guide; see :mod:`.plfe`."""
    return ENCODERS[config.encoder](
        branches=branches,
        guide=guide,
        stem=config.stem,
        channels=config.encoder_channels,
        levels=config.encoder_levels,
        tokens=config.tokens,
        prior_channels=config.prior_channels,
    )


class TargetEncoder(nn.Module):
    """PLFE1: the target prior z0 from PAN, LRMS and the reference; used in training only."""

    def __init__(self, config: KSDiffConfig) -> None:
        super().__init__()
        branches = (config.pan_features, config.bands)
        self.plfe = build_encoder(config, branches=branches, guide=2 * config.bands)

    def forward(self, pan: Tensor, lrms: Tensor, reference: Tensor) -> Tensor:
        """pan (B, F, H, W), lrms and reference (B, C, H, W) -> z0 (B, N, C_z).

        Ours: the guide holds the reference and what it adds to LRMS, so that the small difference
        that matters need not be found between two large signals.
        """
        return self.plfe((pan, lrms), torch.cat([reference, reference - lrms], dim=1))


class KSDiff(nn.Module):
    """What inference needs; :class:`TargetEncoder`, for training only, stands apart.

    With ``modulation="none"`` there is the backbone alone.
    """

    prior_mean: Tensor
    prior_std: Tensor

    def __init__(self, config: KSDiffConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = build_backbone(config)
        if config.modulation == "none":
            return
        branches = (config.pan_features,)
        self.condition_encoder = build_encoder(config, branches=branches, guide=config.bands)
        self.denoiser = Denoiser(
            tokens=config.tokens,
            channels=config.prior_channels,
            width=config.denoiser_width,
            blocks=config.denoiser_blocks,
        )
        self.scheduler = DiffusionScheduler(
            steps=config.diffusion_steps,
            beta_start=config.beta_start,
            beta_end=config.beta_end,
            schedule=config.beta_schedule,
        )
        # Statistics of the target prior: diffusion runs on standardised priors (ours).
        self.register_buffer("prior_mean", torch.zeros(config.prior_channels))
        self.register_buffer("prior_std", torch.ones(config.prior_channels))

    def standardise(self, prior: Tensor) -> Tensor:
        """Prior as PLFE1 gives it -> unit variance, for the noise schedule."""
        return (prior - self.prior_mean) / self.prior_std

    def destandardise(self, prior: Tensor) -> Tensor:
        """Inverse of :meth:`standardise`."""
        return prior * self.prior_std + self.prior_mean

    def condition(self, pan: Tensor, lrms: Tensor) -> Tensor:
        """PLFE2: c (B, N, C_z) from pan (B, F, H, W) and lrms (B, C, H, W)."""
        return self.condition_encoder((pan,), lrms)

    def sample_prior(self, condition: Tensor, noise: Tensor, steps: int | None = None) -> Tensor:
        """DDIM from `noise` (B, N, C_z) to the prior's estimate, destandardised.

        Gradients pass through the whole chain.
        """
        count = self.config.sampling_steps if steps is None else steps
        standardised = self.scheduler.sample(
            lambda z_t, t: self.denoiser(z_t, t, condition), noise, count
        )
        return self.destandardise(standardised)

    def draw_noise(self, count: int, seed: int) -> Tensor:
        """z_T (count, N, C_z), drawn on the CPU so that every device starts from the same noise."""
        generator = torch.Generator().manual_seed(seed)
        shape = (count, self.config.tokens, self.config.prior_channels)
        return torch.randn(shape, generator=generator)

    def estimate_prior(self, pan: Tensor, lrms: Tensor, seed: int) -> Tensor | None:
        """Prior (B, N, C_z) by diffusion from the inputs alone; None for a plain network."""
        if self.config.modulation == "none":
            return None
        noise = self.draw_noise(pan.shape[0], seed).to(pan)
        return self.sample_prior(self.condition(pan, lrms), noise)

    def fuse(self, pan: Tensor, lrms: Tensor, prior: Tensor | None) -> Tensor:
        """``H = L + net(P, L)``: pan (B, F, H, W), lrms (B, C, H, W) -> (B, C, H, W) (paper)."""
        return lrms + self.backbone(torch.cat([lrms, pan], dim=1), prior)

    def forward(self, pan: Tensor, lrms: Tensor, seed: int = 0) -> Tensor:
        """Inference on a batch of patches, each with its own prior (METHOD, section 6)."""
        return self.fuse(pan, lrms, self.estimate_prior(pan, lrms, seed))
