"""Pixel-space diffusion, the baseline that KSDiff's speed and quality are compared with.

As SSDiff (Zhong et al., NeurIPS 2024) and DDIF (Cao et al., Information Fusion 2024) do, it
generates the residual ``G - L`` pixel by pixel from noise, conditioned on LRMS and PAN, and
predicts x0. All else is KSDiff's own: the backbone, the band-shared design, the features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from ksdiff_engine.mirroring import mirror
from ksdiff_engine.model.backbones.blocks import ResidualBlock
from ksdiff_engine.model.config import KSDiffConfig
from ksdiff_engine.model.denoiser import time_embedding
from ksdiff_engine.model.features import (
    Standardisation,
    band_features,
    pan_features,
    standardise_band,
)
from ksdiff_engine.model.ksdiff import build_backbone
from ksdiff_engine.model.scheduler import DiffusionScheduler
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.scene import Scene, TileData

TIME_WIDTH = 64


class TimedConv2d(nn.Conv2d):
    """A convolution whose result is shifted, channel by channel, by the time step (as in DDPM)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.shift = nn.Linear(TIME_WIDTH, out_channels)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """x (B, C_in, H, W), time (B, TIME_WIDTH) -> (B, C_out, H, W)."""
        return super().forward(x) + self.shift(time)[:, :, None, None]


class PixelDiffusion(nn.Module):
    """``x_theta(x_t, t, P, L)``: estimates the residual, in units of its standard deviation.

    The backbone is KSDiff's without modulation, with the noisy residual as further input channels.
    The backbone hands its second argument, KSDiff's prior, to every convolution; here that is the
    time step, and the first convolution of each residual block takes it up.
    """

    residual_std: Tensor  # of G - L on standardised training patches

    def __init__(self, config: KSDiffConfig) -> None:
        super().__init__()
        self.config = config
        inputs = config.pan_features + config.bands
        self.backbone = build_backbone(replace(config, modulation="none", pan_features=inputs))
        for block in self.backbone.modules():
            if isinstance(block, ResidualBlock):
                plain = block.first
                block.first = TimedConv2d(
                    plain.in_channels, plain.out_channels, plain.kernel_size[0]
                )
        self.time = nn.Sequential(
            nn.Linear(TIME_WIDTH, TIME_WIDTH), nn.SiLU(), nn.Linear(TIME_WIDTH, TIME_WIDTH)
        )
        self.scheduler = DiffusionScheduler(
            steps=config.diffusion_steps,
            beta_start=config.beta_start,
            beta_end=config.beta_end,
            schedule=config.beta_schedule,
        )
        self.register_buffer("residual_std", torch.ones(()))

    def forward(self, noisy: Tensor, t: Tensor, pan: Tensor, lrms: Tensor) -> Tensor:
        """noisy, lrms (B, C, H, W), t (B,), pan (B, F, H, W) -> x0's estimate (B, C, H, W)."""
        time = self.time(time_embedding(t, TIME_WIDTH).to(noisy.dtype))
        return self.backbone(torch.cat([lrms, pan, noisy], dim=1), time)

    def sharpen(self, pan: Tensor, lrms: Tensor, noise: Tensor, steps: int) -> Tensor:
        """LRMS plus the residual that DDIM makes of `noise` in `steps`; noise is shaped as LRMS."""
        residual = self.scheduler.sample(lambda x, t: self(x, t, pan, lrms), noise, steps)
        return lrms + residual * self.residual_std


class PixelDiffusionMethod:
    """The baseline behind the engine's contract of a method; for whole scenes of a few megapixels.

    An output pixel depends on `steps` times the backbone's radius around it, so no halo makes tiles
    of a larger scene agree: it is for scenes that are one tile.
    """

    name = "pixel-diffusion"
    title = "Pixel-space diffusion"
    reference = "Zhong et al., NeurIPS 2024; Cao et al., Information Fusion 2024 (in their manner)"

    def __init__(self, network: PixelDiffusion, *, steps: int, seed: int = 0) -> None:
        self.network = network
        self.steps = steps
        self.seed = seed
        stride = network.backbone.stride
        self.halo = -(-network.backbone.radius // stride) * stride
        self._standardisation: Standardisation | None = None
        self._inside = Window(0, 0, 0, 0)  # known once prepared, as the statistics

    def prepare(
        self, scene: Scene, progress: Callable[[float, str], None] = lambda fraction, message: None
    ) -> None:
        """Gather the scene's statistics."""
        statistics = scene.statistics(progress)
        self._standardisation = Standardisation.from_moments(
            statistics.mean, statistics.covariance, statistics.intensity_weights, scene.ratio
        )
        self._inside = scene.pair.common

    @torch.inference_mode()
    def fuse(self, tile: TileData) -> np.ndarray:
        """The fused tile (C, H, W) float32, halo included; one band after the other."""
        scene = self._standardisation
        if scene is None:
            raise RuntimeError("prepare() must be called before fuse()")
        mirror(tile, self._inside)
        stride = self.network.backbone.stride
        height, width = tile.pan.shape
        padding = [(0, 0), (0, -height % stride), (0, -width % stride)]
        shared = pan_features(tile.pan, tile.pan_low, tile.ms_up, scene)
        generator = torch.Generator().manual_seed(self.seed)
        fused = np.empty_like(tile.ms_up)
        for band in range(len(fused)):
            features = (
                band_features(shared, tile.ms_up, scene, band, self.network.config.pan_features),
                standardise_band(tile.ms_up, scene, band),
            )
            pan, lrms = (
                torch.from_numpy(np.pad(image, padding, mode="edge"))[None] for image in features
            )
            noise = torch.randn(lrms.shape, generator=generator)
            sharp = self.network.sharpen(pan, lrms, noise, self.steps)
            image = sharp[0, 0, :height, :width].numpy()
            fused[band] = image * np.float32(scene.std[band]) + np.float32(scene.mean[band])
        return fused
