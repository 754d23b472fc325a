"""FusionNet: residual blocks on the difference between PAN and MS.

Deng et al., *Detail Injection-Based Deep Convolutional Neural Networks for Pansharpening*, IEEE
TGRS 2021; layout of the DLPan-Toolbox. The sum with the interpolated MS is :meth:`KSDiff.fuse`'s.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..kernel_generator import ModulatedConv2d, Ranks
from .blocks import ResidualBlock, start_at_zero


class FusionNet(nn.Module):
    """A convolution, four residual blocks of 32 channels, a convolution; all are modulated.

    In go PAN, repeated, minus the MS bands, and, ours, the PAN features beyond the first, which are
    details already. With PAN as the only PAN feature that is the published network. The last
    convolution starts at zero (ours).
    """

    stride = 1

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int,
        width: int = 32,
        blocks: int = 4,
        prior_channels: int | None = 64,
        ranks: Ranks = (4, 4, 2, 2),
        pooling: str = "attention",
        generator: str = "tucker",
    ) -> None:
        """`in_channels`: `out_channels` MS bands, then PAN, then other PAN features."""
        super().__init__()
        if in_channels <= out_channels:
            raise ValueError("FusionNet needs PAN: pan_features must be at least 1")
        modulated = partial(
            ModulatedConv2d,
            prior_channels=prior_channels,
            ranks=ranks,
            pooling=pooling,
            generator=generator,
        )
        self.bands = out_channels
        self.enter = modulated(in_channels - 1, width)
        self.blocks = nn.ModuleList(ResidualBlock(width, modulated) for _ in range(blocks))
        self.leave = modulated(width, out_channels)
        start_at_zero(self.leave)
        self.radius = 2 + 2 * blocks

    def forward(self, x: Tensor, prior: Tensor | None = None) -> Tensor:
        """x (B, C_in, H, W), prior (B, N, C_z) or None -> details (B, C_out, H, W)."""
        bands, pan, others = x.tensor_split([self.bands, self.bands + 1], dim=1)
        features = F.relu(self.enter(torch.cat([pan - bands, others], dim=1), prior))
        for block in self.blocks:
            features = block(features, prior)
        return self.leave(features, prior)
