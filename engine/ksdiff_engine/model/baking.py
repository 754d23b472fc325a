"""Kernel baking: one prior and one kernel a layer for a whole scene (METHOD, section 7; ours).

The prior and the factor matrices are means over windows, so a batch of windows from all over the
scene gives one modulated kernel a layer. What remains is a plain network: the pass over the pixels
costs what the backbone costs, and its result does not depend on how the scene is cut.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from .backbones.lagnet import LAGConv2d
from .frozen import BakedConv2d
from .kernel_generator import ModulatedConv2d


def bake_layer(layer: ModulatedConv2d, x: Tensor, prior: Tensor | None) -> nn.Module:
    """The one convolution that the windows in `x` (B, C_in, H, W) agree on for this layer."""
    weight = layer.weight.detach()
    if layer.generator is not None and prior is not None:
        weight = weight * layer.generator(x, prior.mean(dim=0, keepdim=True))[0]
    if isinstance(layer, LAGConv2d):
        return layer.freeze(weight, x)
    assert layer.bias is not None  # all but LAGConv2d have one  # nosec B101
    return BakedConv2d(weight, layer.bias)


@torch.no_grad()
def bake(backbone: nn.Module, windows: Tensor, prior: Tensor | None) -> nn.Module:
    """Freeze a modulated backbone into a plain one; `backbone` stays as it is.

    windows (B, C_in, H, W) are the network's inputs on B windows of the scene, prior (B, N, C_z)
    their priors. The windows travel through the layers with the kernels baked so far, so each layer
    sees the features that it will see in the pass over the pixels.
    """
    frozen = copy.deepcopy(backbone).eval()
    baked: dict[str, nn.Module] = {}

    def baking(name: str, layer: ModulatedConv2d) -> Callable[..., Tensor]:
        def forward(x: Tensor, *_: Tensor | None) -> Tensor:
            baked[name] = bake_layer(layer, x, prior)
            return baked[name](x)

        return forward

    for name, module in frozen.named_modules():
        if isinstance(module, ModulatedConv2d):
            module.forward = baking(name, module)  # type: ignore[method-assign]
    frozen(windows)
    for name, convolution in baked.items():
        parent, _, child = name.rpartition(".")
        setattr(frozen.get_submodule(parent), child, convolution)
    return frozen


def rebuild(backbone: nn.Module, blank: Tensor, state: Mapping[str, Tensor]) -> nn.Module:
    """The network that :func:`bake` made of `backbone` elsewhere, from its ``state_dict()``.

    blank (1, C_in, H, W): any input; it shows which layers there are.
    """
    frozen = bake(backbone, blank, None)
    frozen.load_state_dict(dict(state))
    return frozen
