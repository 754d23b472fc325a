"""The pyramid latent fusion encoder (PLFE): images to a compact prior.

METHOD, section 2. PLFE1 sees PAN, LRMS and the reference and gives the target prior (training
only); PLFE2 sees PAN and LRMS and gives the condition of the diffusion model.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LinearCrossAttention(nn.Module):
    """Cross-attention over channels, of O(d^2) memory and linear in the number of pixels (paper).

    Queries come from the branch X, keys and values from the guide Y. Per head of d channels,
    ``A = softmax(tau * norm(Q) norm(K)^T)`` is (d, d) and the output is ``A V``; ours: queries and
    keys are L2-normalised over positions and the temperature tau is learned (Restormer, CVPR 2022).
    """

    def __init__(self, channels: int, heads: int = 2) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"{channels} channels do not divide into {heads} heads")
        self.heads = heads
        self.query = nn.Conv2d(channels, channels, 1)
        self.key_value = nn.Conv2d(channels, 2 * channels, 1)
        self.project = nn.Conv2d(channels, channels, 1)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """x, y (B, d, H, W) -> O (B, d, H, W)."""
        query = self._split(self.query(x))
        key, value = (self._split(t) for t in self.key_value(y).chunk(2, dim=1))
        query, key = F.normalize(query, dim=-1), F.normalize(key, dim=-1)
        attention = (query @ key.transpose(-2, -1) * self.temperature).softmax(dim=-1)
        return self.project((attention @ value).reshape(x.shape))

    def _split(self, t: Tensor) -> Tensor:
        """(B, d, H, W) -> (B, heads, d / heads, H * W)."""
        return t.reshape(t.shape[0], self.heads, t.shape[1] // self.heads, -1)


class FusionGate(nn.Module):
    """Dynamic fusion gate: ``F = gate * X + (1 - gate) * Proj(Y) + O`` (paper).

    ``gate = sigmoid(Conv[X, Proj(Y)])`` holds one weight per channel and position.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, channels, 1)
        self.gate = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.attention = LinearCrossAttention(channels)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Branch x and guide y, (B, d, H, W) each -> (B, d, H, W)."""
        projected = self.project(y)
        gate = torch.sigmoid(self.gate(torch.cat([x, projected], dim=1)))
        return gate * x + (1 - gate) * projected + self.attention(x, y)


class Branch(nn.Sequential):
    """Stem of one image: to a coarser grid by pixel unshuffling, then two convolutions."""

    def __init__(self, in_channels: int, channels: int, stem: int) -> None:
        super().__init__(
            nn.PixelUnshuffle(stem),
            nn.Conv2d(in_channels * stem**2, channels, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )


class PyramidLatentFusionEncoder(nn.Module):
    """M levels of gated cross-attention between branches and a guide, then a projection (paper).

    `branches` name the channel counts of the refined images, `guide` that of the guiding one. PLFE1
    is ``branches=(PAN, LRMS), guide=HRMS``. "The same design, halved" is, ours, ``branches=(PAN,),
    guide=LRMS``. The first level works on a grid `stem` times coarser than PAN, about that of MS;
    each next one halves the resolution. Ours: the prior's N tokens are a square grid of averages.
    """

    def __init__(
        self,
        *,
        branches: tuple[int, ...],
        guide: int,
        stem: int,
        channels: int = 32,
        levels: int = 3,
        tokens: int = 16,
        prior_channels: int = 64,
    ) -> None:
        super().__init__()
        self.side = token_side(tokens)
        self.branches = nn.ModuleList(Branch(n, channels, stem) for n in branches)
        self.guide = Branch(guide, channels, stem)
        streams = len(branches) + 1
        self.gates = nn.ModuleList(
            nn.ModuleList(FusionGate(channels) for _ in branches) for _ in range(levels)
        )
        self.downs = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(channels, channels, 2, stride=2) for _ in range(streams))
            for _ in range(levels - 1)
        )
        self.project = projection(len(branches) * channels, prior_channels)

    def forward(self, images: tuple[Tensor, ...], guide: Tensor) -> Tensor:
        """images (B, C_i, H, W), guide (B, C_g, H, W) -> prior (B, N, C_z)."""
        streams = [branch(image) for branch, image in zip(self.branches, images)]
        y = self.guide(guide)
        downs = cast("list[nn.ModuleList]", self.downs)
        for level, gates in enumerate(cast("list[nn.ModuleList]", self.gates)):
            streams = [gate(x, y) for gate, x in zip(gates, streams)]
            if level < len(downs):
                *streams, y = (F.gelu(down(t)) for down, t in zip(downs[level], [*streams, y]))
        return self.project(tokens_of(torch.cat(streams, dim=1), self.side))


class ConcatenationEncoder(nn.Module):
    """The paper's network without PLFE: images stacked, plain convolutions in place of the gates.

    Ours: as deep as :class:`PyramidLatentFusionEncoder`, which it takes the place of with the same
    arguments, and as wide as all its streams together; the tokens are the same.
    """

    def __init__(
        self,
        *,
        branches: tuple[int, ...],
        guide: int,
        stem: int,
        channels: int = 32,
        levels: int = 3,
        tokens: int = 16,
        prior_channels: int = 64,
    ) -> None:
        super().__init__()
        self.side = token_side(tokens)
        width = channels * (len(branches) + 1)
        self.enter = Branch(sum(branches) + guide, width, stem)
        self.levels = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(levels))
        self.downs = nn.ModuleList(nn.Conv2d(width, width, 2, stride=2) for _ in range(levels - 1))
        self.project = projection(width, prior_channels)

    def forward(self, images: tuple[Tensor, ...], guide: Tensor) -> Tensor:
        """images (B, C_i, H, W), guide (B, C_g, H, W) -> prior (B, N, C_z)."""
        x = self.enter(torch.cat([*images, guide], dim=1))
        for level, convolution in enumerate(self.levels):
            x = F.gelu(convolution(x))
            if level < len(self.downs):
                x = F.gelu(self.downs[level](x))
        return self.project(tokens_of(x, self.side))


def token_side(tokens: int) -> int:
    """Tokens along one side of the square grid that they form. Raises ValueError for no square."""
    side = round(tokens**0.5)
    if side**2 != tokens:
        raise ValueError(f"the prior's tokens form a square grid; {tokens} is not a square")
    return side


def tokens_of(x: Tensor, side: int) -> Tensor:
    """(B, C, H, W) -> (B, side * side, C): averages over a grid of places, row by row."""
    return F.adaptive_avg_pool2d(x, side).flatten(2).transpose(1, 2)


def projection(channels: int, prior_channels: int) -> nn.Sequential:
    """The encoders' end: every token to C_z numbers."""
    return nn.Sequential(
        nn.Linear(channels, prior_channels),
        nn.GELU(),
        nn.Linear(prior_channels, prior_channels),
    )


ENCODERS = {"plfe": PyramidLatentFusionEncoder, "concat": ConcatenationEncoder}
