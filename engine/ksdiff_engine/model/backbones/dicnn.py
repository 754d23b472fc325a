"""DiCNN1: details learned from PAN and MS together by three convolutions.

He et al., *Pansharpening via Detail Injection Based Convolutional Neural Networks*, IEEE JSTARS
2019; layout of the DLPan-Toolbox. The sum with the interpolated MS is :meth:`KSDiff.fuse`'s.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from ..kernel_generator import ModulatedConv2d, Ranks
from .blocks import start_at_zero


class DiCNN(nn.Module):
    """Three 3 x 3 convolutions with rectifiers between; all modulated, the last starts at zero.

    It takes all input channels. With PAN as the only PAN feature that is the published network.
    """

    stride = 1
    radius = 3  # PAN pixels that an output pixel can depend on, on either side

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int,
        width: int = 64,
        prior_channels: int | None = 64,
        ranks: Ranks = (4, 4, 2, 2),
        pooling: str = "attention",
        generator: str = "tucker",
    ) -> None:
        super().__init__()
        modulated = partial(
            ModulatedConv2d,
            prior_channels=prior_channels,
            ranks=ranks,
            pooling=pooling,
            generator=generator,
        )
        self.enter = modulated(in_channels, width)
        self.middle = modulated(width, width)
        self.leave = modulated(width, out_channels)
        start_at_zero(self.leave)

    def forward(self, x: Tensor, prior: Tensor | None = None) -> Tensor:
        """x (B, C_in, H, W), prior (B, N, C_z) or None -> details (B, C_out, H, W)."""
        features = F.relu(self.enter(x, prior))
        features = F.relu(self.middle(features, prior))
        return self.leave(features, prior)
