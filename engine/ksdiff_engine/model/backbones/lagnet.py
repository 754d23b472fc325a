"""LAGNet: kernels that adapt to each pixel, and a bias that knows the whole image.

Jin et al., *LAGConv: Local-Context Adaptive Convolution Kernels with Global Harmonic Bias for
Pansharpening*, AAAI 2022; layout of the authors' public code. The sum with the interpolated MS is
:meth:`KSDiff.fuse`'s.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from ..kernel_generator import ModulatedConv2d, Ranks, convolve_per_sample
from .blocks import ResidualBlock, start_at_zero


class LocalScales(nn.Sequential):
    """The k x k factors between 0 and 1 by which a pixel scales its kernel, for all channels alike.

    (B, C_in, H, W) -> (B, k * k, H, W), kernel rows first.
    """

    def __init__(self, in_channels: int, kernel_size: int) -> None:
        taps = kernel_size**2
        super().__init__(
            nn.Conv2d(in_channels, taps, kernel_size, padding=kernel_size // 2),
            nn.ReLU(),
            nn.Conv2d(taps, taps, 1),
            nn.ReLU(),
            nn.Conv2d(taps, taps, 1),
            nn.Sigmoid(),
        )


def locally_adaptive_convolution(x: Tensor, scales: Tensor, weight: Tensor) -> Tensor:
    """'Same' convolution whose kernel every pixel scales by factors of its own.

    ``y[o] = sum over c, i, j of weight[o, c, i, j] * scales[i, j] * x[c] shifted by (i, j)``.

    x (B, C_in, H, W), scales (B, k * k, H, W), weight (B, C_out, C_in, k, k), one a sample, or
    (1, C_out, C_in, k, k). Returns (B, C_out, H, W). Tap by tap, since the unfolded image of the
    textbook takes k * k times the memory of x.
    """
    height, width = x.shape[2:]
    size = weight.shape[-1]
    padded = F.pad(x, [size // 2] * 4)
    result = x.new_zeros(())
    for tap in range(size**2):
        row, column = divmod(tap, size)
        shifted = padded[:, :, row : row + height, column : column + width]
        scaled = shifted * scales[:, tap : tap + 1]
        kernel = weight[..., row : row + 1, column : column + 1]
        if len(kernel) == 1:
            result = result + F.conv2d(scaled, kernel[0])
        else:
            result = result + convolve_per_sample(scaled, kernel, None)
    return result


class HarmonicBias(nn.Module):
    """The global harmonic bias: a perceptron of the image's means, (B, C_in) -> (B, C_out)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(in_channels, out_channels)
        self.leave = nn.Linear(out_channels, out_channels)

    def forward(self, means: Tensor) -> Tensor:
        return self.leave(F.relu(self.hidden(means)))


class FrozenLAGConv2d(nn.Module):
    """A LAGConv whose base kernel and bias no longer depend on prior and image; see baking."""

    def __init__(self, weight: Tensor, scales: LocalScales, bias: Tensor) -> None:
        """weight (1, C_out, C_in, k, k), bias (1, C_out)."""
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.scales = scales
        self.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor, prior: Tensor | None = None) -> Tensor:
        """x (B, C_in, H, W) -> (B, C_out, H, W); `prior` is not used."""
        adapted = locally_adaptive_convolution(x, self.scales(x), self.weight)
        return adapted + self.bias[:, :, None, None]


class LAGConv2d(ModulatedConv2d):
    """LAGConv in the place of a convolution; a prior modulates the base kernel."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        prior_channels: int | None,
        ranks: Ranks = (4, 4, 2, 2),
        pooling: str = "attention",
        generator: str = "tucker",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            prior_channels=prior_channels,
            ranks=ranks,
            pooling=pooling,
            generator=generator,
        )
        self.register_parameter("bias", None)  # the harmonic bias takes its place
        self.scales = LocalScales(in_channels, kernel_size)
        self.harmonic = HarmonicBias(in_channels, out_channels)

    def forward(self, x: Tensor, prior: Tensor | None = None) -> Tensor:
        """x (S W, C_in, H, W), the windows of each scene one after the other.

        prior (S, N, C_z), or None for the published layer.
        """
        weight = self.weight[None]
        if self.generator is not None and prior is not None:
            modulation = self.generator(x, prior)
            weight = weight * modulation.repeat_interleave(len(x) // len(prior), dim=0)
        adapted = locally_adaptive_convolution(x, self.scales(x), weight)
        return adapted + self.harmonic(x.mean(dim=(2, 3)))[:, :, None, None]

    def freeze(self, weight: Tensor, x: Tensor) -> FrozenLAGConv2d:
        """The layer with base kernel `weight` and the one bias that the windows x agree on (ours).

        x (B, C_in, H, W): the mean over positions becomes the mean over the windows as well.
        """
        bias = self.harmonic(x.mean(dim=(0, 2, 3))[None])
        return FrozenLAGConv2d(weight[None].clone(), self.scales, bias)


class LAGNet(nn.Module):
    """A LAGConv, five residual blocks of 32 channels, a LAGConv; all are modulated.

    It takes all input channels. With PAN as the only PAN feature that is the published network. The
    last layer starts at zero (ours).
    """

    stride = 1

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int,
        width: int = 32,
        blocks: int = 5,
        prior_channels: int | None = 64,
        ranks: Ranks = (4, 4, 2, 2),
        pooling: str = "attention",
        generator: str = "tucker",
    ) -> None:
        super().__init__()
        adaptive = partial(
            LAGConv2d,
            prior_channels=prior_channels,
            ranks=ranks,
            pooling=pooling,
            generator=generator,
        )
        self.enter = adaptive(in_channels, width)
        self.blocks = nn.ModuleList(ResidualBlock(width, adaptive) for _ in range(blocks))
        self.leave = adaptive(width, out_channels)
        start_at_zero(self.leave)
        start_at_zero(self.leave.harmonic.leave)
        self.radius = 2 + 2 * blocks  # once the harmonic bias is frozen

    def forward(self, x: Tensor, prior: Tensor | None = None) -> Tensor:
        """x (B, C_in, H, W), prior (B, N, C_z) or None -> details (B, C_out, H, W)."""
        features = F.relu(self.enter(x, prior))
        for block in self.blocks:
            features = block(features, prior)
        return self.leave(features, prior)
