"""The kernel generator: a prior and a feature map become modulated convolution kernels.

METHOD, section 1 (paper: low-rank core tensor generator, unified factor generator, structure-aware
multi-head attention, Tucker product). Ours: modulations are ``1 + Tucker(...)`` with a core that
starts at zero, so that training starts at the plain network exactly; the trunk's attention pools
the feature map with one learned query per mode of the kernel.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Ranks = tuple[int, int, int, int]
KernelShape = tuple[int, int, int, int]  # C_out, C_in, k, k
GENERATORS = ("tucker", "mlp")
MODES = 4  # output channels, input channels, kernel rows, kernel columns


def tucker_product(core: Tensor, factors: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """``core x1 U1 x2 U2 x3 U3 x4 U4`` for a batch.

    core (B, r1, r2, r3, r4); factors U_m (B, n_m, r_m). Returns (B, n1, n2, n3, n4).
    Source: Tucker (1966); paper, kernel generator.
    """
    u1, u2, u3, u4 = factors
    spatial = torch.einsum("bijkl,bhk,bwl->bijhw", core, u3, u4)
    channels = torch.einsum("bijhw,bxj->bixhw", spatial, u2)
    return torch.einsum("bixhw,boi->boxhw", channels, u1)


class CoreTensorGenerator(nn.Module):
    """LCTG: the prior's tokens, mean-pooled, pass an MLP to the core tensor (paper).

    Ours: the last layer starts at zero, so the initial core is zero.
    """

    def __init__(self, *, prior_channels: int, ranks: Ranks, width: int = 64) -> None:
        super().__init__()
        self.ranks = ranks
        self.hidden = nn.Linear(prior_channels, width)
        self.core = nn.Linear(width, math.prod(ranks))
        nn.init.zeros_(self.core.weight)
        nn.init.zeros_(self.core.bias)

    def forward(self, prior: Tensor) -> Tensor:
        """prior (B, N, C_z) -> core (B, r1, r2, r3, r4)."""
        pooled = prior.mean(dim=1)
        return self.core(F.gelu(self.hidden(pooled))).unflatten(1, self.ranks)


class StructureAwareAttention(nn.Module):
    """Shared trunk of the factor generator: one attention head per mode of the kernel (paper).

    Ours: the keys come from the average-pooled feature map, the queries are learned, one a mode;
    ``pooling="mean"`` replaces attention by the mean (ablation).
    """

    def __init__(self, *, channels: int, width: int, pooling: str = "attention") -> None:
        super().__init__()
        if pooling not in ("attention", "mean"):
            raise ValueError(f"pooling must be 'attention' or 'mean', not {pooling!r}")
        self.pooling = pooling
        self.trunk = nn.Linear(channels, width)
        self.queries = nn.Parameter(torch.randn(MODES, width) / math.sqrt(width))

    def forward(self, features: Tensor) -> Tensor:
        """features (B, C, H, W) -> one vector a mode, (B, 4, width)."""
        pooled = F.avg_pool2d(features, kernel_size=4, ceil_mode=True)
        tokens = F.gelu(self.trunk(pooled.flatten(2).transpose(1, 2)))
        if self.pooling == "mean":
            return tokens.mean(dim=1, keepdim=True).expand(-1, MODES, -1)
        scores = tokens @ self.queries.T / math.sqrt(tokens.shape[-1])
        return scores.softmax(dim=1).transpose(1, 2) @ tokens


class FactorGenerator(nn.Module):
    """UFG: four heads on the attended features give the factor matrices (paper)."""

    def __init__(self, *, shape: KernelShape, ranks: Ranks, width: int = 32) -> None:
        super().__init__()
        self.shape = shape
        self.ranks = ranks
        heads = [nn.Linear(width, n * r) for n, r in zip(shape, ranks)]
        for head in heads:
            # Factors of unit variance that differ between entries: with a zero core they carry no
            # signal yet, but the core's first gradient is their product.
            nn.init.normal_(head.bias)
        self.heads = nn.ModuleList(heads)

    def forward(self, modes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """modes (B, 4, width) -> four factor matrices.

        U1 (B, C_out, r1), U2 (B, C_in, r2), U3 (B, k, r3), U4 (B, k, r4).
        """
        u1, u2, u3, u4 = (
            head(modes[:, m]).unflatten(1, (n, r))
            for m, (head, n, r) in enumerate(zip(self.heads, self.shape, self.ranks))
        )
        return u1, u2, u3, u4


class KernelGenerator(nn.Module, ABC):
    """Prior and features to a multiplicative modulation of one base kernel.

    Ours: the attended features are layer-normalised and the modulation is bounded, since products
    of unbounded factors grow with the fourth power of a scene's contrast, layer upon layer.
    """

    bound = 2.0  # kernels are multiplied by something between -1 and 3

    def __init__(self, *, channels: int, width: int, pooling: str) -> None:
        super().__init__()
        self.attention = StructureAwareAttention(channels=channels, width=width, pooling=pooling)
        self.normalise = nn.LayerNorm(width)

    def forward(self, features: Tensor, prior: Tensor) -> Tensor:
        """features (S W, C_in, H, W), prior (S, N, C_z) -> modulation (S, C_out, C_in, k, k).

        The W windows of each of S scenes lie one after the other. Their pooled statistics are
        averaged, as a scene has one kernel (ours; in the paper each patch has its own, W = 1).
        """
        modes = self.normalise(self.attention(features))
        modes = modes.unflatten(0, (len(prior), -1)).mean(dim=1)
        return 1.0 + self.bound * torch.tanh(self.product(prior, modes) / self.bound)

    @abstractmethod
    def product(self, prior: Tensor, modes: Tensor) -> Tensor:
        """prior (B, N, C_z), modes (B, 4, width) -> the unbounded W - 1, (B, C_out, C_in, k, k)."""


class TuckerKernelGenerator(KernelGenerator):
    """A core tensor from the prior and factor matrices from the features (paper)."""

    def __init__(
        self,
        *,
        shape: KernelShape,
        prior_channels: int,
        ranks: Ranks = (4, 4, 2, 2),
        width: int = 32,
        pooling: str = "attention",
    ) -> None:
        """`shape`: the base kernel's (C_out, C_in, k, k); `ranks`: the paper's best (table 6)."""
        super().__init__(channels=shape[1], width=width, pooling=pooling)
        self.core = CoreTensorGenerator(prior_channels=prior_channels, ranks=ranks)
        self.factors = FactorGenerator(shape=shape, ranks=ranks, width=width)
        # Keeps the product of unit-variance factors and a core of order one at order one.
        self.gain = 1.0 / math.sqrt(math.prod(ranks))

    def product(self, prior: Tensor, modes: Tensor) -> Tensor:
        return self.gain * tucker_product(self.core(prior), self.factors(modes))


class MLPKernelGenerator(KernelGenerator):
    """Every entry of the kernel from one MLP of prior and features (the paper's ablation).

    Ours: the hidden layer is as narrow as makes the U-Net's generators ten times as large as the
    Tucker ones, which is what the paper reports; the last layer starts at zero, as the core does.
    """

    hidden = 10

    def __init__(
        self,
        *,
        shape: KernelShape,
        prior_channels: int,
        width: int = 32,
        pooling: str = "attention",
    ) -> None:
        """`shape`: the base kernel's (C_out, C_in, k, k)."""
        super().__init__(channels=shape[1], width=width, pooling=pooling)
        self.shape = shape
        self.enter = nn.Linear(prior_channels + MODES * width, self.hidden)
        self.leave = nn.Linear(self.hidden, math.prod(shape))
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def product(self, prior: Tensor, modes: Tensor) -> Tensor:
        hidden = self.enter(torch.cat([prior.mean(dim=1), modes.flatten(1)], dim=1))
        return self.leave(F.gelu(hidden)).unflatten(1, self.shape)


def build_generator(
    kind: str, *, shape: KernelShape, prior_channels: int, ranks: Ranks, pooling: str
) -> KernelGenerator:
    """The generator called `kind`, one of ``GENERATORS``; `ranks` are of ``tucker`` alone."""
    if kind == "tucker":
        return TuckerKernelGenerator(
            shape=shape, prior_channels=prior_channels, ranks=ranks, pooling=pooling
        )
    if kind == "mlp":
        return MLPKernelGenerator(shape=shape, prior_channels=prior_channels, pooling=pooling)
    raise ValueError(f"generator must be one of {GENERATORS}, not {kind!r}")


class ModulatedConv2d(nn.Conv2d):
    """A convolution whose kernel W0 becomes ``W0 * modulation`` when a prior is given (paper)."""

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
        """`prior_channels` None leaves the convolution plain (the paper's baseline network)."""
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.generator = None
        if prior_channels is not None:
            self.generator = build_generator(
                generator,
                shape=(out_channels, in_channels, kernel_size, kernel_size),
                prior_channels=prior_channels,
                ranks=ranks,
                pooling=pooling,
            )

    def forward(self, x: Tensor, prior: Tensor | None = None) -> Tensor:
        """x (S W, C_in, H, W), the windows of each scene one after the other.

        prior (S, N, C_z), or None for the plain convolution.
        """
        if self.generator is None or prior is None:
            return super().forward(x)
        weight = self.weight * self.generator(x, prior)
        if len(prior) == len(x):
            return convolve_per_sample(x, weight, self.bias)
        scenes = x.unflatten(0, (len(prior), -1))
        pairs = zip(scenes, weight)
        return torch.cat([F.conv2d(s, w, self.bias, padding=self.padding) for s, w in pairs])


def convolve_per_sample(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """'Same' convolution of each sample with its own kernel, as one grouped convolution.

    x (B, C_in, H, W), weight (B, C_out, C_in, k, k), bias (C_out,) shared by all samples.
    Returns (B, C_out, H, W).
    """
    batch, c_out, c_in, k, _ = weight.shape
    grouped = x.reshape(1, batch * c_in, *x.shape[2:])
    result = F.conv2d(
        grouped, weight.reshape(batch * c_out, c_in, k, k), padding=k // 2, groups=batch
    )
    result = result.reshape(batch, c_out, *x.shape[2:])
    return result if bias is None else result + bias[:, None, None]
