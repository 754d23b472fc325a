"""The modulated U-Net (METHOD, section 4), without any normalisation over positions.

Three resolutions: PAN, PAN/2, PAN/4. There is no batch or group normalisation, so a pixel depends
on nothing beyond :attr:`UNet.radius`, and tiles of a scene agree where they overlap.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from ..frozen import BakedConv2d, middle, rectified
from ..kernel_generator import ModulatedConv2d, Ranks
from .blocks import ResidualBlock, start_at_zero


class UNet(nn.Module):
    """Encoder and decoder with additive skips; the last layer starts at zero.

    stride: PAN pixels per pixel of the coarsest resolution; sizes must be multiples of it.
    radius: PAN pixels on either side that an output pixel can depend on, beyond the kernels.
    dropped: those of them that the result lacks on every side after :meth:`drop_borders`.
    """

    stride = 4

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int,
        channels: tuple[int, int, int] = (16, 32, 64),
        blocks: tuple[int, int] = (2, 3),
        prior_channels: int | None = 64,
        ranks: Ranks = (4, 4, 2, 2),
        pooling: str = "attention",
        generator: str = "tucker",
    ) -> None:
        """`channels` at PAN, PAN/2 and PAN/4; `blocks` at PAN/2 (each way) and at PAN/4."""
        super().__init__()
        full, half, quarter = channels
        modulated = partial(
            ModulatedConv2d,
            prior_channels=prior_channels,
            ranks=ranks,
            pooling=pooling,
            generator=generator,
        )
        self.enter = nn.Conv2d(in_channels, full, 3, padding=1)
        self.down_half = nn.Conv2d(full, half, 2, stride=2)
        self.encode = nn.ModuleList(ResidualBlock(half, modulated) for _ in range(blocks[0]))
        self.down_quarter = nn.Conv2d(half, quarter, 2, stride=2)
        self.middle = nn.ModuleList(ResidualBlock(quarter, modulated) for _ in range(blocks[1]))
        self.up_half = nn.Sequential(nn.Conv2d(quarter, 4 * half, 1), nn.PixelShuffle(2))
        self.decode = nn.ModuleList(ResidualBlock(half, modulated) for _ in range(blocks[0]))
        self.up_full = nn.Sequential(nn.Conv2d(half, 4 * full, 1), nn.PixelShuffle(2))
        self.refine = modulated(full, full)
        self.leave = nn.Conv2d(full, out_channels, 3, padding=1)
        start_at_zero(self.leave)
        # One pixel a 3x3 convolution at its own resolution, and up to three from the 4-pixel block.
        self.radius = 3 + 2 * 4 * blocks[0] + 4 * 2 * blocks[1] + 3
        self.dropped = 2 * 4 * blocks[0] + 4 * 2 * blocks[1] + 2

    def forward(self, x: Tensor, prior: Tensor | None = None) -> Tensor:
        """x (B, C_in, H, W), prior (B, N, C_z) or None -> (B, C_out, H, W).

        H and W must divide by :attr:`stride`.
        """
        full = rectified(self.enter, x)
        half = rectified(self.down_half, full)
        for block in self.encode:
            half = block(half, prior)
        quarter = rectified(self.down_quarter, half)
        for block in self.middle:
            quarter = block(quarter, prior)
        half = _joined(self.up_half(quarter), half)
        for block in self.decode:
            half = block(half, prior)
        full = F.relu(_joined(self.up_full(half), full), inplace=True)
        return self.leave(rectified(self.refine, full, prior))

    def drop_borders(self) -> None:
        """Let a frozen network compute no pixel whose neighbours it lacks.

        Its result then lacks :attr:`dropped` pixels on every side, fewer than :attr:`radius`.
        """
        layers = (self.encode, self.middle, self.decode, self.refine, self.leave)
        for layer in (layer for part in layers for layer in part.modules()):
            if isinstance(layer, (nn.Conv2d, BakedConv2d)):
                layer.padding = (0, 0)


def _joined(coarser: Tensor, skipped: Tensor) -> Tensor:
    """The sum, in the place of the first, which nothing else reads. Both are large."""
    return coarser.add_(middle(skipped, *coarser.shape[2:]))
