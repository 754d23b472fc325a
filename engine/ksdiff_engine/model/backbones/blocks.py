"""What several fusion networks are built of."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from ..frozen import added, rectified
from ..kernel_generator import ModulatedConv2d


class ResidualBlock(nn.Module):
    """Two modulated convolutions around a rectifier, added to the input (He et al., 2016)."""

    def __init__(self, channels: int, convolution: Callable[[int, int], ModulatedConv2d]) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.second = convolution(channels, channels)

    def forward(self, x: Tensor, prior: Tensor | None = None) -> Tensor:
        """x (B, C, H, W), prior (B, N, C_z) or None -> (B, C, H, W)."""
        return added(x, self.second, rectified(self.first, x, prior), prior)


def start_at_zero(layer: nn.Conv2d | nn.Linear) -> None:
    """Zero kernel and bias: a network that ends so adds nothing to the interpolation at first."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
