"""The x0-predicting denoiser of the latent diffusion (METHOD, section 3).

The paper gives no layout for it. Ours: MLP-mixer blocks over the prior's few tokens, the time step
entering every block as a scale and a shift.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def time_embedding(t: Tensor, width: int) -> Tensor:
    """Sinusoidal embedding of time steps (B,) -> (B, width); Vaswani et al. (2017)."""
    half = width // 2
    frequencies = torch.exp(
        -math.log(10000.0) * torch.arange(half, device=t.device, dtype=torch.float32) / half
    )
    angles = t.float()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class MixerBlock(nn.Module):
    """Token mixing, then channel mixing, modulated by the time embedding."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.norm_tokens = nn.LayerNorm(width)
        self.mix_tokens = nn.Linear(tokens, tokens)
        self.norm_channels = nn.LayerNorm(width)
        self.time = nn.Linear(width, 2 * width)
        self.expand = nn.Linear(width, 2 * width)
        self.reduce = nn.Linear(2 * width, width)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        x = x + self.mix_tokens(self.norm_tokens(x).transpose(1, 2)).transpose(1, 2)
        scale, shift = self.time(time)[:, None].chunk(2, dim=-1)
        y = self.norm_channels(x) * (1 + scale) + shift
        return x + self.reduce(F.gelu(self.expand(y)))


class Denoiser(nn.Module):
    """``z_theta(z_t, t, c)``: predicts the clean, standardised prior."""

    def __init__(self, *, tokens: int, channels: int, width: int = 96, blocks: int = 3) -> None:
        super().__init__()
        self.width = width
        self.enter = nn.Linear(2 * channels, width)
        self.time = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(MixerBlock(tokens, width) for _ in range(blocks))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, channels))

    def forward(self, z_t: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """z_t, condition (B, N, C_z), t (B,) -> z0 estimate (B, N, C_z)."""
        time = self.time(time_embedding(t, self.width))
        x = self.enter(torch.cat([z_t, condition], dim=-1))
        for block in self.blocks:
            x = block(x, time)
        return self.leave(x)
