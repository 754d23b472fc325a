"""Convolutions of a frozen network: with a scene's kernel, and at the CPU's own speed.

Most of a small network's time goes to reading and writing its features. oneDNN can rectify, or add
another image, while a convolution's result is still in the cache.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BakedConv2d(nn.Module):
    """A plain convolution in the place of a modulated one: the prior is already in its kernel.

    Not one of torch's: those draw random kernels first, or start up half of torch for one without.
    """

    stride, dilation, groups = (1, 1), (1, 1), 1

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        """weight (C_out, C_in, k, k), bias (C_out,): copied."""
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
        self.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
        self.padding = (weight.shape[-1] // 2,) * 2

    def forward(self, x: Tensor, prior: Tensor | None = None) -> Tensor:
        """x (B, C_in, H, W) -> (B, C_out, H, W); `prior` is not used."""
        return F.conv2d(x, self.weight, self.bias, padding=self.padding)


class FusedConv2d(nn.Module):
    """A frozen convolution on the CPU, with a rectifier or an addition behind it.

    The result is that of the separate steps; in half precision it is rounded once instead of twice.
    """

    def __init__(self, layer: nn.Conv2d | BakedConv2d) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        pairs = (layer.padding, layer.stride, layer.dilation)
        padding, stride, dilation = ([int(number) for number in pair] for pair in pairs)
        self.settings = (padding, stride, dilation, layer.groups)

    def forward(self, x: Tensor, prior: Tensor | None = None) -> Tensor:
        """x (B, C_in, H, W) -> (B, C_out, H', W'); `prior` is in the kernel already."""
        return self._with_unary(x, "none")

    def rectified(self, x: Tensor) -> Tensor:
        """``relu(self(x))``."""
        return self._with_unary(x, "relu")

    def added_to(self, other: Tensor, x: Tensor) -> Tensor:
        """``other + self(x)``, `other` without its borders where the result has none."""
        other = middle(other, *self._size(x)).contiguous(memory_format=torch.channels_last)
        operation = torch.ops.mkldnn._convolution_pointwise.binary
        return operation(
            x, other, self.weight, self.bias, *self.settings, "add", 1.0, None, [], None
        )

    def _size(self, x: Tensor) -> list[int]:
        """Height and width of the result."""
        padding, stride, dilation, _ = self.settings
        axes = zip(x.shape[2:], self.weight.shape[2:], padding, stride, dilation)
        return [(n + 2 * pad - gap * (k - 1) - 1) // step + 1 for n, k, pad, step, gap in axes]

    def _with_unary(self, x: Tensor, name: str) -> Tensor:
        operation = torch.ops.mkldnn._convolution_pointwise
        return operation(x, self.weight, self.bias, *self.settings, name, [], "")


def rectified(layer: nn.Module, x: Tensor, *prior: Tensor | None) -> Tensor:
    """``relu(layer(x, *prior))``."""
    if isinstance(layer, FusedConv2d):
        return layer.rectified(x)
    return F.relu(layer(x, *prior))


def added(other: Tensor, layer: nn.Module, x: Tensor, *prior: Tensor | None) -> Tensor:
    """``other + layer(x, *prior)``, `other` without its borders where the result has none."""
    if isinstance(layer, FusedConv2d):
        return layer.added_to(other, x)
    result = layer(x, *prior)
    return middle(other, *result.shape[2:]) + result


def middle(x: Tensor, height: int, width: int) -> Tensor:
    """The middle (B, C, height, width) of an image, itself if it is no larger."""
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    if not top and not left:
        return x
    return x[:, :, top : top + height, left : left + width]


def can_fuse() -> bool:
    """Whether this build of torch has the operation, which is oneDNN's and private to torch."""
    return torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, "_convolution_pointwise"
    )


def fused(network: nn.Module) -> nn.Module:
    """A copy of a frozen network whose convolutions are fused with what follows them."""
    network = copy.deepcopy(network).requires_grad_(False)
    for name, layer in list(network.named_modules()):
        if type(layer) in (nn.Conv2d, BakedConv2d):  # others do more than convolve
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, FusedConv2d(layer))
    return network
