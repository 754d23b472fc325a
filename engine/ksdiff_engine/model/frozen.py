"""Convolutions of a frozen network: with a scene's kernel, and at the CPU's own speed.

Most of a small network's time goes to reading and writing its features. oneDNN can rectify, or add
another image, while a convolution's result is still in the cache.
"""

from __future__ import annotations

import copy
from typing import cast

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


class OneChannelConv2d(FusedConv2d):
    """A convolution without borders to a single channel: neighbouring columns are its channels.

    oneDNN computes as many output channels at once as a vector holds, of which one channel would
    leave all but one idle. A kernel that is wider by the other columns gives them together; what
    they add to each other's sums is zero. In float32 it takes half the time, to the same bits.
    """

    COLUMNS = 8  # together: a vector of AVX2

    def __init__(self, layer: nn.Conv2d | BakedConv2d) -> None:
        super().__init__(layer)
        _, channels, height, self._width = layer.weight.shape
        shape = (self.COLUMNS, channels, height, self._width + self.COLUMNS - 1)
        wide = layer.weight.new_zeros(shape)
        for column in range(self.COLUMNS):
            wide[column, ..., column : column + self._width] = layer.weight[0]
        self._wide = wide
        self._biases = cast(Tensor, layer.bias).expand(self.COLUMNS).contiguous()

    @staticmethod
    def suits(layer: nn.Conv2d | BakedConv2d) -> bool:
        """Whether it is such a convolution, in float32: others' units were not measured."""
        padding, stride = layer.padding, layer.stride
        plain = padding == (0, 0) and stride == layer.dilation == (1, 1) and layer.groups == 1
        return plain and len(layer.weight) == 1 and layer.weight.dtype == torch.float32

    def _with_unary(self, x: Tensor, name: str) -> Tensor:
        columns = x.shape[3] - self._width + 1
        if columns < self.COLUMNS:
            return super()._with_unary(x, name)
        parts = [self._together(x, name)]
        rest = columns % self.COLUMNS
        if rest:
            last = self._together(x[..., 1 - self._width - self.COLUMNS :], name)
            parts.append(last[..., -rest:])
        return torch.cat(parts, dim=3)

    def _together(self, x: Tensor, name: str) -> Tensor:
        """All columns that come out in full groups, (B, 1, H', W')."""
        padding, _, dilation, groups = self.settings
        stride = [1, self.COLUMNS]
        operation = torch.ops.mkldnn._convolution_pointwise
        grouped = operation(
            x, self._wide, self._biases, padding, stride, dilation, groups, name, [], ""
        )
        return grouped.permute(0, 2, 3, 1).flatten(start_dim=2)[:, None]


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
            kind = OneChannelConv2d if OneChannelConv2d.suits(layer) else FusedConv2d
            setattr(network.get_submodule(parent), child, kind(layer))
    return network
