"""How far an output pixel sees: the promise that tiles agree where they overlap."""

from __future__ import annotations

import pytest
import torch

from ksdiff_engine.model.backbones.unet import UNet
from ksdiff_engine.model.config import KSDiffConfig


def seeing_unet(blocks):
    """All weights positive, so that no rectifier and no cancellation hides a dependence."""
    unet = UNet(
        in_channels=1, out_channels=1, channels=(2, 2, 2), blocks=blocks, prior_channels=None
    ).double()
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter.uniform_(0.1, 0.2)
    return unet


@pytest.mark.parametrize("blocks", [(1, 1), (2, 3), (0, 2)])
def test_no_pixel_sees_farther_than_the_radius(blocks):
    unet = seeing_unet(blocks)
    size, middle = 2 * (unet.radius + 12), unet.radius + 12
    middle -= middle % 4
    farthest = 0
    for phase in range(4):  # where in its 4 x 4 block the pixel lies
        x = torch.rand(1, 1, size - size % 4, size - size % 4, dtype=torch.float64)
        x.requires_grad_(True)
        pixel = middle + phase
        unet(x)[0, 0, pixel, pixel].backward()
        rows, columns = torch.nonzero(x.grad[0, 0], as_tuple=True)
        reach = torch.cat([rows - pixel, columns - pixel]).abs().max()
        farthest = max(farthest, int(reach))
    assert farthest <= unet.radius
    assert farthest > unet.radius - 4  # and the promise costs no needless halo


def test_the_default_network_sees_as_far_as_documented():
    config = KSDiffConfig()
    unet = UNet(in_channels=5, out_channels=1, channels=config.channels, blocks=config.blocks)
    assert unet.radius == 46
    assert unet.radius < 64  # the patch it is trained on


def test_moving_the_input_by_the_stride_moves_the_output(perturbed):
    unet = perturbed(
        UNet(in_channels=2, out_channels=1, channels=(3, 4, 5), blocks=(1, 1), prior_channels=None)
    ).double()
    x = torch.randn(1, 2, 96, 96, dtype=torch.float64)
    whole = unet(x)
    moved = unet(x[..., unet.stride :, unet.stride * 2 :])
    inner = slice(unet.radius + 2, -unet.radius - 2)
    expected = whole[..., unet.stride :, unet.stride * 2 :][..., inner, inner]
    assert expected.shape[-1] > 30
    torch.testing.assert_close(moved[..., inner, inner], expected)
