"""Strips of an image: the network's own result, in any number of them, whatever is kept between."""

from __future__ import annotations

import pytest
import torch

from ksdiff_engine.model import streaming
from ksdiff_engine.model.backbones.unet import UNet
from ksdiff_engine.model.frozen import can_fuse, fused
from ksdiff_engine.model.streaming import strips

WIDTH = 120


def network(blocks: tuple[int, int] = (2, 3)) -> UNet:
    torch.manual_seed(0)
    settings = {"in_channels": 3, "out_channels": 1, "prior_channels": None}
    net = UNet(channels=(4, 6, 8), blocks=blocks, **settings).requires_grad_(False).eval()
    torch.nn.init.normal_(net.leave.weight, std=0.1)
    net.drop_borders()
    return net


def image(height: int) -> torch.Tensor:
    return torch.randn(1, 3, height, WIDTH, generator=torch.Generator().manual_seed(1))


def in_strips(net: UNet, x: torch.Tensor, rows: int) -> list[torch.Tensor]:
    def of(start: int, stop: int) -> torch.Tensor:
        return x[:, :, start:stop].contiguous(memory_format=torch.channels_last)

    return list(strips(net, of, x.shape[2], rows))


@pytest.mark.parametrize("blocks", [(2, 3), (1, 2), (1, 1), (3, 1)])
@pytest.mark.parametrize("rows", [4, 32, 100, 1000])
def test_strips_are_the_networks_own_rows(blocks, rows):
    net, x = network(blocks), image(300)
    found = in_strips(net, x, rows)
    assert sum(strip.shape[2] for strip in found) == 300 - 2 * net.dropped
    assert len(found) == 1 or max(strip.shape[2] for strip in found) <= rows
    torch.testing.assert_close(torch.cat(found, dim=2), net(x), rtol=0, atol=1e-6)


@pytest.mark.skipif(not can_fuse(), reason="this torch has no fused convolutions")
def test_fused_convolutions_stream_as_plain_ones():
    net, x = network(), image(300)
    result = torch.cat(in_strips(fused(net), x, 64), dim=2)
    torch.testing.assert_close(result, net(x), rtol=0, atol=1e-5)


def test_the_smallest_image_gives_one_strip():
    net = network()
    (only,) = in_strips(net, image(2 * net.dropped + 4), 64)
    assert only.shape == (1, 1, 4, WIDTH - 2 * net.dropped)


def test_nothing_is_computed_twice_but_the_overlaps(monkeypatch):
    """Rows that a block's second convolution sees, summed over the strips, are those of one."""
    net, x, seen = network(), image(300), []
    net.middle[1].second.register_forward_pre_hook(
        lambda layer, args: seen.append(args[0].shape[2])
    )
    net(x)
    (whole,) = seen
    seen.clear()
    count = len(in_strips(net, x, 64))
    overlap = streaming.OVERLAP // 2  # the block's first convolution has used up the other half
    assert sum(seen) == whole + (count - 1) * overlap


def test_a_row_comes_out_as_soon_as_it_can():
    """The first strip holds rows of the result although the image goes on far below."""
    net, x = network(), image(2 * (network().dropped + 32))
    first = in_strips(net, x, 32)[0]
    changed = x.clone()
    changed[:, :, 2 * net.dropped + 5 :] = 0  # the first layer sees one row beyond the strip
    assert first.shape[2] == 4
    torch.testing.assert_close(in_strips(net, changed, 32)[0], first, rtol=0, atol=0)
