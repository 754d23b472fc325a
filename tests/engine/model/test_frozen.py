"""Frozen convolutions fused with what follows them: the same numbers, in one pass over memory."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ksdiff_engine.model import frozen
from ksdiff_engine.model.backbones.unet import UNet
from ksdiff_engine.model.baking import bake
from ksdiff_engine.model.frozen import (
    BakedConv2d,
    FusedConv2d,
    OneChannelConv2d,
    added,
    can_fuse,
    fused,
    rectified,
)
from tests.engine.hardware import BFLOAT16

needs_onednn = pytest.mark.skipif(not can_fuse(), reason="this torch has no oneDNN")


def layers() -> list[nn.Conv2d]:
    torch.manual_seed(0)
    return [
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Conv2d(3, 8, 2, stride=2),
        nn.Conv2d(3, 8, 1),
        nn.Conv2d(3, 6, 3, padding=2, dilation=2, groups=3),
    ]


@needs_onednn
@pytest.mark.parametrize("number", range(4))
@torch.no_grad()
def test_each_step_is_that_of_the_separate_layers(number):
    layer = layers()[number]
    one_pass = FusedConv2d(layer)
    x = torch.randn(2, 3, 12, 16)
    plain = layer(x)
    other = torch.randn_like(plain)
    close = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(one_pass(x), plain, **close)
    torch.testing.assert_close(rectified(one_pass, x), F.relu(plain), **close)
    torch.testing.assert_close(added(other, one_pass, x), other + plain, **close)
    torch.testing.assert_close(rectified(layer, x), F.relu(plain), rtol=0, atol=0)
    torch.testing.assert_close(added(other, layer, x), other + plain, rtol=0, atol=0)


@needs_onednn
@pytest.mark.parametrize("kernel", [1, 3, (3, 5)])
@pytest.mark.parametrize("width", [6, 12, 19, 26])
@torch.no_grad()
def test_a_single_channel_is_the_same_in_groups_of_columns(kernel, width):
    torch.manual_seed(2)
    layer = nn.Conv2d(5, 1, kernel)
    grouped = fused(nn.Sequential(layer))[0]
    assert isinstance(grouped, OneChannelConv2d)
    x = torch.randn(2, 5, 7, width).contiguous(memory_format=torch.channels_last)
    plain = layer(x)
    close = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(grouped(x), plain, **close)
    torch.testing.assert_close(rectified(grouped, x), F.relu(plain), **close)
    torch.testing.assert_close(added(plain, grouped, x), 2 * plain, **close)


@needs_onednn
@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 1, 3, padding=1),
        nn.Conv2d(4, 1, 3, stride=2),
        nn.Conv2d(4, 2, 3),
        nn.Conv2d(4, 1, 3).to(torch.bfloat16),
    ],
)
def test_other_convolutions_are_not_grouped(layer):
    assert type(fused(nn.Sequential(layer))[0]) is FusedConv2d


@needs_onednn
@pytest.mark.parametrize("precision", [torch.float32, BFLOAT16])
@torch.no_grad()
def test_a_frozen_network_is_the_same_function(precision):
    torch.manual_seed(1)
    net = UNet(in_channels=3, out_channels=1, channels=(8, 12, 16), blocks=(1, 1), prior_channels=8)
    nn.init.normal_(net.leave.weight, std=0.1)
    x = torch.randn(2, 3, 64, 64)
    plain = bake(net, x, torch.randn(2, 4, 8)).to(precision)
    one_pass = fused(plain)
    kinds = [type(m) for m in one_pass.modules()]
    assert FusedConv2d in kinds
    assert not {BakedConv2d, nn.Conv2d} & set(kinds)
    assert any(isinstance(m, BakedConv2d) for m in plain.modules())  # the original stays
    x = x.to(precision).contiguous(memory_format=torch.channels_last)
    expected, result = plain(x).float(), one_pass(x).float()
    error = (result - expected).square().mean().sqrt() / expected.std()
    assert error < (1e-5 if precision == torch.float32 else 0.01)


def test_layers_that_do_more_than_convolve_stay():
    class Timed(nn.Conv2d):
        pass

    assert isinstance(fused(nn.Sequential(Timed(1, 1, 1)))[0], Timed)


def test_a_torch_without_the_operation_is_noticed(monkeypatch):
    monkeypatch.setattr(frozen.torch.backends.mkldnn, "is_available", lambda: False)
    assert not can_fuse()
