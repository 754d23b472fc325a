"""The published fusion networks: their layout, what they see, and LAGConv by its definition."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ksdiff_engine.model.backbones import BACKBONES
from ksdiff_engine.model.backbones.fusionnet import FusionNet
from ksdiff_engine.model.backbones.lagnet import LAGConv2d, locally_adaptive_convolution
from ksdiff_engine.model.baking import bake
from ksdiff_engine.model.ksdiff import KSDiff

PUBLISHED = sorted(set(BACKBONES) - {"unet"})


@pytest.fixture(params=PUBLISHED)
def modulated(request, tiny, perturbed):
    """A perturbed network with a published backbone."""
    torch.manual_seed(0)
    return perturbed(KSDiff(tiny(backbone=request.param))).eval()


# Eight bands and PAN. DiCNN: 9 -> 64 -> 64 -> 8. FusionNet: 8 -> 32, 8 x (32 -> 32), 32 -> 8.
# LAGNet, 9 -> 32, 10 x (32 -> 32), 32 -> 8: base kernels, then scales (3 x 3 to 9, and 9 -> 9
# twice), then harmonic biases.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("dicnn", 9 * (9 * 64 + 64 * 64 + 64 * 8) + 64 + 64 + 8),
        ("fusionnet", 9 * (8 * 32 + 8 * 32 * 32 + 32 * 8) + 9 * 32 + 8),
        (
            "lagnet",
            9 * (9 * 32 + 10 * 32 * 32 + 32 * 8)
            + 81 * (9 + 11 * 32) + 12 * (9 + 2 * (81 + 9))
            + (9 * 32 + 10 * 32 * 32 + 32 * 8) + (11 * 32 * 32 + 8 * 8) + 2 * (11 * 32 + 8),
        ),
    ],
)  # fmt: skip
def test_joint_networks_have_the_published_layout(name, parameters):
    network = BACKBONES[name](in_channels=9, out_channels=8, prior_channels=None)
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_every_convolution_of_a_published_network_is_modulated(modulated):
    x, prior = torch.randn(2, 5, 16, 16), torch.randn(2, 4, 8)
    modulated.backbone(x, prior).square().mean().backward()
    cores = [name for name, _ in modulated.backbone.named_parameters() if "core.core.w" in name]
    assert len(cores) == {"dicnn": 3, "fusionnet": 10, "lagnet": 12}[modulated.config.backbone]
    grown = dict(modulated.backbone.named_parameters())
    assert all(grown[name].grad.abs().max() > 0 for name in cores)


@torch.no_grad()
def test_modulation_starts_at_the_plain_network(tiny, perturbed, modulated):
    fresh = KSDiff(tiny(backbone=modulated.config.backbone)).backbone
    x, prior = torch.randn(2, 5, 16, 16), torch.randn(2, 4, 8)
    assert torch.equal(fresh(x, prior), torch.zeros(2, 1, 16, 16))  # the interpolation
    fresh.leave.weight.uniform_(-0.1, 0.1)
    assert fresh(x).abs().max() > 0.01
    torch.testing.assert_close(fresh(x, prior), fresh(x), rtol=1e-5, atol=1e-5)
    assert (modulated.backbone(x, prior) - modulated.backbone(x)).abs().max() > 1e-3


@torch.no_grad()
def test_samples_of_a_batch_do_not_see_each_other(modulated):
    x, prior = torch.randn(3, 5, 16, 16), torch.randn(3, 4, 8)
    together = modulated.backbone(x, prior)
    for b in range(3):
        alone = modulated.backbone(x[b : b + 1], prior[b : b + 1])
        torch.testing.assert_close(together[b : b + 1], alone, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_fusionnet_sees_bands_only_as_what_pan_has_beyond_them(perturbed):
    network = perturbed(FusionNet(in_channels=5, out_channels=4, prior_channels=None)).double()
    bands, pan = torch.randn(1, 4, 12, 12).double(), torch.randn(1, 1, 12, 12).double()
    result = network(torch.cat([bands, pan], dim=1))
    other = torch.randn(1, 1, 12, 12).double()
    torch.testing.assert_close(network(torch.cat([bands + other, pan + other], dim=1)), result)
    assert (network(torch.cat([bands, pan + other], dim=1)) - result).abs().max() > 1e-3


@torch.no_grad()
def test_fusionnet_also_takes_the_details_that_other_pan_features_are(perturbed):
    network = perturbed(FusionNet(in_channels=5, out_channels=1, prior_channels=None))
    x = torch.randn(1, 5, 12, 12)
    for channel in range(5):
        changed = x.clone()
        changed[:, channel] += 1.0
        assert (network(changed) - network(x)).abs().max() > 1e-3
    with pytest.raises(ValueError, match="needs PAN"):
        FusionNet(in_channels=4, out_channels=4)


@torch.no_grad()
def test_a_baked_pixel_sees_as_far_as_the_radius(modulated):
    """Baked LAGNet too, whose bias would otherwise see everything."""
    plain = bake(modulated.backbone, torch.randn(2, 5, 32, 32), torch.randn(2, 4, 8)).double()
    radius = modulated.backbone.radius
    size, middle = 2 * radius + 9, radius + 4
    x = torch.rand(1, 5, size, size).double()
    for parameter in plain.parameters():  # so that no rectifier hides a dependence
        parameter.abs_().mul_(0.5)
    with torch.enable_grad():
        x.requires_grad_(True)
        plain(x)[0, 0, middle, middle].backward()
    rows, columns = torch.nonzero(x.grad[0].abs().sum(dim=0), as_tuple=True)
    assert torch.cat([rows - middle, columns - middle]).abs().max() == radius


def lagconv(x, weight, scales, bias):
    """LAGConv of one image, pixel by pixel: each scales the kernel, then sums over its window."""
    padded = F.pad(x, (1, 1, 1, 1))
    result = torch.empty(len(weight), *x.shape[1:], dtype=x.dtype)
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            kernel = weight * scales[:, i, j].reshape(3, 3)
            window = padded[:, i : i + 3, j : j + 3]
            result[:, i, j] = (kernel * window).sum(dim=(1, 2, 3)) + bias
    return result


@torch.no_grad()
@pytest.mark.parametrize("with_prior", [False, True])
def test_lagconv_is_its_definition(perturbed, with_prior):
    torch.manual_seed(0)
    layer = perturbed(LAGConv2d(4, 5, prior_channels=8)).double()
    x, prior = torch.randn(2, 4, 7, 6).double(), torch.randn(2, 3, 8).double()
    assert layer.bias is None
    first, second, third = (layer.scales[i] for i in (0, 2, 4))
    scales = torch.sigmoid(third(F.relu(second(F.relu(first(x))))))
    assert 0 < scales.min() < scales.max() < 1
    result = layer(x, prior if with_prior else None)
    for b in range(2):
        weight = layer.weight * layer.generator(x, prior)[b] if with_prior else layer.weight
        means = x[b].mean(dim=(1, 2))
        bias = layer.harmonic.leave(F.relu(layer.harmonic.hidden(means)))
        torch.testing.assert_close(result[b], lagconv(x[b], weight, scales[b], bias))


@pytest.mark.parametrize("size", [1, 3, 5])
def test_local_scales_of_one_leave_a_convolution(size):
    x, weight = torch.randn(2, 4, 9, 8).double(), torch.randn(1, 5, 4, size, size).double()
    scales = torch.ones(2, size**2, 9, 8).double()
    expected = F.conv2d(x, weight[0], padding=size // 2)
    torch.testing.assert_close(locally_adaptive_convolution(x, scales, weight), expected)
