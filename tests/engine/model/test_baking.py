"""Baked kernels: one window is exact, many windows are the averaged statistics."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ksdiff_engine.model.backbones import BACKBONES
from ksdiff_engine.model.backbones.lagnet import FrozenLAGConv2d
from ksdiff_engine.model.baking import BakedConv2d, bake
from ksdiff_engine.model.config import MODULATIONS
from ksdiff_engine.model.kernel_generator import ModulatedConv2d
from ksdiff_engine.model.ksdiff import KSDiff


@pytest.fixture
def unet(network):
    return network.backbone


@pytest.fixture(params=BACKBONES)
def backbone(request, tiny, perturbed):
    torch.manual_seed(0)
    return perturbed(KSDiff(tiny(backbone=request.param))).eval().backbone


def shared_convolution(layer, x, prior):
    """The layer with one kernel for all samples, from the means of its pooled statistics."""
    generator = layer.generator
    modes = generator.normalise(generator.attention(x)).mean(dim=0)
    core = generator.core(prior).shape  # (B, r1, r2, r3, r4)
    pooled = prior.mean(dim=(0, 1))
    hidden = F.gelu(generator.core.hidden(pooled))
    g = generator.core.core(hidden).reshape(core[1:])
    u1, u2, u3, u4 = (
        head(modes[m]).reshape(n, r)
        for m, (head, n, r) in enumerate(
            zip(generator.factors.heads, layer.weight.shape, core[1:], strict=True)
        )
    )
    product = generator.gain * torch.einsum("ijkl,oi,cj,hk,wl->ochw", g, u1, u2, u3, u4)
    modulation = 1 + 2 * torch.tanh(product / 2)
    return F.conv2d(x, layer.weight * modulation, layer.bias, padding=1)


def shared_unet(unet, x, prior):
    """The U-Net written out, each modulated layer with :func:`shared_convolution`."""

    def residual(block, t):
        inner = F.relu(shared_convolution(block.first, t, prior))
        return t + shared_convolution(block.second, inner, prior)

    full = F.relu(unet.enter(x))
    half = F.relu(unet.down_half(full))
    for block in unet.encode:
        half = residual(block, half)
    quarter = F.relu(unet.down_quarter(half))
    for block in unet.middle:
        quarter = residual(block, quarter)
    half = half + unet.up_half(quarter)
    for block in unet.decode:
        half = residual(block, half)
    full = F.relu(full + unet.up_full(half))
    return unet.leave(F.relu(shared_convolution(unet.refine, full, prior)))


@torch.no_grad()
def test_one_window_gives_its_own_modulated_network(backbone):
    x, prior = torch.randn(1, 5, 32, 32), torch.randn(1, 4, 8)
    expected = backbone(x, prior)
    assert (expected - backbone(x)).abs().max() > 0.01  # the modulation is not nothing
    torch.testing.assert_close(bake(backbone, x, prior)(x), expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_many_windows_give_the_averaged_statistics_layer_by_layer(unet):
    windows, prior = torch.randn(3, 5, 32, 32), torch.randn(3, 4, 8)
    expected = shared_unet(unet, windows, prior)
    baked = bake(unet, windows, prior)
    torch.testing.assert_close(baked(windows), expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_order_of_windows_does_not_matter(backbone):
    windows, prior = torch.randn(4, 5, 16, 16), torch.randn(4, 4, 8)
    order = torch.tensor([2, 0, 3, 1])
    x = torch.randn(1, 5, 24, 24)
    torch.testing.assert_close(
        bake(backbone, windows, prior)(x),
        bake(backbone, windows[order], prior[order])(x),
        rtol=1e-5,
        atol=1e-5,
    )


@torch.no_grad()
@pytest.mark.parametrize("modulation", MODULATIONS)
def test_the_harmonic_bias_is_that_of_the_mean_over_windows(tiny, perturbed, modulation):
    network = perturbed(KSDiff(tiny(backbone="lagnet", modulation=modulation)))
    windows, prior = torch.randn(3, 5, 16, 16), torch.randn(3, 4, 8)
    windows += torch.tensor([1.0, -2.0, 0.5])[:, None, None, None]
    prior = prior if modulation == "ksdiff" else None
    layer, baked = network.backbone.enter, bake(network.backbone, windows, prior).enter
    mean = torch.stack([window.mean(dim=(1, 2)) for window in windows]).mean(dim=0)
    torch.testing.assert_close(baked.bias, layer.harmonic(mean[None]))


def test_what_remains_is_a_plain_network(backbone):
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    modulated = sum(isinstance(m, ModulatedConv2d) for m in backbone.modules())
    baked = bake(backbone, torch.randn(2, 5, 16, 16), torch.randn(2, 4, 8))
    assert not any(isinstance(m, ModulatedConv2d) for m in baked.modules())
    kinds = (BakedConv2d, FrozenLAGConv2d)
    assert sum(isinstance(m, kinds) for m in baked.modules()) == modulated > 0
    assert not any("generator" in name for name in baked.state_dict())
    after = backbone.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert not any(module._forward_hooks for module in backbone.modules())


def test_baking_is_deterministic_and_draws_no_random_number(backbone):
    windows, prior, x = torch.randn(2, 5, 16, 16), torch.randn(2, 4, 8), torch.randn(1, 5, 16, 16)
    state = torch.get_rng_state()
    first = bake(backbone, windows, prior)(x)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(bake(backbone, windows, prior)(x), first)


@torch.no_grad()
@pytest.mark.parametrize("name", BACKBONES)
def test_a_plain_network_is_baked_unchanged(tiny, perturbed, name):
    network = perturbed(KSDiff(tiny(backbone=name, modulation="none")))
    x = torch.randn(1, 5, 16, 16)
    torch.testing.assert_close(bake(network.backbone, x, None)(x), network.backbone(x))
