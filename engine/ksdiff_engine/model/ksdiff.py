"""KSDiff put together: encoders, latent diffusion, and the fusion network that it modulates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .backbones import BACKBONES, Backbone
from .backbones.unet import UNet
from .config import KSDiffConfig
from .denoiser import Denoiser
from .features import SHARED_FEATURES
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
        out_channels=config.bands_a_pass,
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


def band_by_band(pan: Tensor, *images: Tensor) -> tuple[Tensor, ...]:
    """Every band of a batch as a sample of its own, the bands of a patch one after the other.

    pan (B, 3 + C k, H, W) -> (B C, 3 + k, H, W); images (B, C, H, W) -> (B C, 1, H, W).
    """
    bands = images[0].shape[1]
    shared = pan[:, :SHARED_FEATURES].repeat_interleave(bands, dim=0)
    own = pan[:, SHARED_FEATURES:].unflatten(1, (bands, -1)).flatten(0, 1)
    apart = (image.flatten(0, 1)[:, None] for image in images)
    return (torch.cat([shared, own], dim=1), *apart)


class TargetEncoder(nn.Module):
    """PLFE1: the target prior z0 from PAN, LRMS and the reference; used in training only."""

    def __init__(self, config: KSDiffConfig) -> None:
        super().__init__()
        self.config = config
        bands = config.bands_a_pass
        branches = (config.pan_channels(bands), bands)
        self.plfe = build_encoder(config, branches=branches, guide=2 * bands)

    def forward(self, pan: Tensor, lrms: Tensor, reference: Tensor) -> Tensor:
        """pan (B, F, H, W), lrms and reference (B, C, H, W) -> z0 (B, N, C_z).

        Ours: the guide holds the reference and what it adds to LRMS, so that the small difference
        that matters need not be found between two large signals.
        """
        bands = lrms.shape[1]
        if self.config.pooled_prior:
            pan, lrms, reference = band_by_band(pan, lrms, reference)
        prior = self.plfe((pan, lrms), torch.cat([reference, reference - lrms], dim=1))
        return pooled(prior, bands) if self.config.pooled_prior else prior


def pooled(prior: Tensor, count: int) -> Tensor:
    """Priors of `count` bands of a patch, or windows of a scene, one after the other -> their mean.

    (S count, N, C_z) -> (S, N, C_z).
    """
    return prior.unflatten(0, (-1, count)).mean(dim=1)


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
        bands = config.bands_a_pass
        branches = (config.pan_channels(bands),)
        self.condition_encoder = build_encoder(config, branches=branches, guide=bands)
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
        if not self.config.pooled_prior:
            return self.condition_encoder((pan,), lrms)
        bands = lrms.shape[1]
        pan, lrms = band_by_band(pan, lrms)
        return pooled(self.condition_encoder((pan,), lrms), bands)

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
        if prior is not None and self.config.pooled_prior:
            prior = prior.repeat_interleave(lrms.shape[1], dim=0)
        return lrms + self.backbone(self.inputs(pan, lrms), prior).reshape(lrms.shape)

    def inputs(self, pan: Tensor, lrms: Tensor) -> Tensor:
        """What the fusion network sees of pan (B, F, H, W) and lrms (B, C, H, W).

        (B, C + F, H, W); with a pooled prior (B C, …), each band by itself.
        """
        if self.config.pooled_prior:
            pan, lrms = band_by_band(pan, lrms)
        return torch.cat([lrms, pan], dim=1)

    def forward(self, pan: Tensor, lrms: Tensor, seed: int = 0) -> Tensor:
        """Inference on a batch of patches, each with its own prior (METHOD, section 6)."""
        return self.fuse(pan, lrms, self.estimate_prior(pan, lrms, seed))
