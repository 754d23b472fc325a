"""The network as a whole: starting point, randomness, gradients, settings."""

from __future__ import annotations

import json

import pytest
import torch

from ksdiff_engine.model.backbones.unet import UNet
from ksdiff_engine.model.config import KSDiffConfig
from ksdiff_engine.model.ksdiff import KSDiff, TargetEncoder


def shared_weights(modulated: KSDiff, plain: KSDiff) -> None:
    """Give the plain network the modulated one's base kernels."""
    own = modulated.state_dict()
    plain.load_state_dict({name: own[name] for name in plain.state_dict()})


def test_modulated_network_starts_as_the_plain_one(tiny, perturbed, inputs):
    """The core is zero at first; what differs is where the convolution adds its bias."""
    torch.manual_seed(0)
    modulated, plain = KSDiff(tiny()), KSDiff(tiny(modulation="none"))
    perturbed(modulated.backbone.leave)  # which starts at zero too
    shared_weights(modulated, plain)
    pan, lrms = inputs
    prior = torch.randn(3, 4, 8)
    fused = modulated.fuse(pan, lrms, prior)
    assert (fused - lrms).abs().max() > 0.01
    torch.testing.assert_close(fused, plain.fuse(pan, lrms, None), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(modulated(pan, lrms), plain(pan, lrms), rtol=1e-6, atol=1e-6)


def test_unet_without_generators_ignores_a_prior(perturbed):
    unet = perturbed(
        UNet(in_channels=5, out_channels=1, channels=(4, 4, 4), blocks=(1, 1), prior_channels=None)
    )
    x = torch.randn(2, 5, 16, 16)
    assert torch.equal(unet(x, torch.randn(2, 4, 8)), unet(x))


def test_untrained_network_is_the_interpolation(tiny, inputs):
    pan, lrms = inputs
    assert torch.equal(KSDiff(tiny())(pan, lrms), lrms)


def test_the_prior_matters_once_the_core_has_grown(network, inputs):
    pan, lrms = inputs
    first, second = (network.fuse(pan, lrms, torch.randn(3, 4, 8)) for _ in range(2))
    assert (first - second).abs().max() > 1e-3


def test_samples_of_a_batch_do_not_see_each_other(network, inputs):
    pan, lrms = inputs
    prior = torch.randn(3, 4, 8)
    together = network.fuse(pan, lrms, prior)
    for b in range(3):
        alone = network.fuse(pan[b : b + 1], lrms[b : b + 1], prior[b : b + 1])
        torch.testing.assert_close(together[b : b + 1], alone, rtol=1e-4, atol=1e-5)


def test_same_seed_same_result_to_the_last_bit(network, inputs):
    torch.manual_seed(1)
    first = network(*inputs, seed=5)
    torch.manual_seed(2)  # the seed counts, not torch's own generator
    assert torch.equal(network(*inputs, seed=5), first)
    assert (network(*inputs, seed=6) - first).abs().max() > 1e-5


def test_noise_of_a_seed_is_standard_normal(network):
    noise = network.draw_noise(2000, seed=3)
    assert noise.shape == (2000, 4, 8)
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(noise.std()) == pytest.approx(1, abs=0.02)


def test_standardisation_is_undone(network):
    network.prior_mean.copy_(torch.arange(8.0))
    network.prior_std.copy_(torch.linspace(0.5, 3, 8))
    prior = torch.randn(2, 4, 8)
    torch.testing.assert_close(network.destandardise(network.standardise(prior)), prior)
    ideal = torch.randn(10000, 8) * network.prior_std + network.prior_mean
    assert network.standardise(ideal).std(dim=0).sub(1).abs().max() < 0.05


@pytest.mark.parametrize("ablation", [{}, {"generator": "mlp"}, {"encoder": "concat"}])
def test_gradient_of_the_image_reaches_every_part(tiny, perturbed, inputs, ablation):
    """Through fusion, kernels, the whole reverse chain and the encoder."""
    network = perturbed(KSDiff(tiny(**ablation)))
    pan, lrms = inputs
    prior = network.sample_prior(network.condition(pan, lrms), network.draw_noise(3, 0), steps=4)
    network.fuse(pan, lrms, prior).square().mean().backward()
    without = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().max() > 0
    ]
    assert without == []


@pytest.mark.parametrize("stem", [2, 4])
def test_sizes_other_than_the_training_patch(tiny, perturbed, stem):
    network = perturbed(KSDiff(tiny(stem=stem)))
    pan, lrms = torch.randn(1, 4, 44, 36), torch.randn(1, 1, 44, 36)
    assert network(pan, lrms).shape == lrms.shape


def test_the_mlp_needs_ten_times_the_parameters_of_the_tucker_form():
    """As the paper reports of its own."""
    sizes = {
        kind: sum(
            parameter.numel()
            for name, parameter in KSDiff(KSDiffConfig(generator=kind)).named_parameters()
            if ".generator." in name
        )
        for kind in ("tucker", "mlp")
    }
    assert 9 < sizes["mlp"] / sizes["tucker"] < 12


@pytest.fixture
def joint_inputs():
    """pan (2, 3 + 3, 32, 32), one own feature a band, and lrms and reference (2, 3, 32, 32)."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 12, 32, 32, generator=generator).split([6, 3, 3], dim=1)


@torch.no_grad()
def test_a_joint_network_sees_every_band_in_every_band(tiny, perturbed, joint_inputs):
    network = perturbed(KSDiff(tiny(bands=3))).eval()
    pan, lrms, _ = joint_inputs
    result = network(pan, lrms)
    assert result.shape == (2, 3, 32, 32)
    changed = lrms.clone()
    changed[:, 1] += 1.0
    assert (network(pan, changed) - result).abs().amax(dim=(0, 2, 3)).min() > 1e-3


@torch.no_grad()
def test_a_pooled_prior_is_the_mean_of_the_bands_own(tiny, perturbed, joint_inputs):
    torch.manual_seed(0)
    config = tiny(bands=3, pooled_prior=True)
    network, target = perturbed(KSDiff(config)).eval(), perturbed(TargetEncoder(config))
    alone, target_alone = KSDiff(tiny()).eval(), TargetEncoder(tiny())
    alone.load_state_dict(network.state_dict())  # the very same parameters
    target_alone.load_state_dict(target.state_dict())
    pan, lrms, reference = joint_inputs
    bands = [(pan[:, [0, 1, 2, 3 + i]], lrms[:, [i]], reference[:, [i]]) for i in range(3)]
    condition = torch.stack([alone.condition(*band[:2]) for band in bands]).mean(dim=0)
    torch.testing.assert_close(network.condition(pan, lrms), condition)
    z0 = torch.stack([target_alone(*band) for band in bands]).mean(dim=0)
    torch.testing.assert_close(target(pan, lrms, reference), z0)
    expected = torch.cat([alone.fuse(*band[:2], z0) for band in bands], dim=1)
    torch.testing.assert_close(network.fuse(pan, lrms, z0), expected, rtol=1e-4, atol=1e-5)
    assert network(pan[:, :5], lrms[:, :2]).shape == (2, 2, 32, 32)  # any number of bands


def test_settings_survive_json():
    config = KSDiffConfig(channels=(8, 16, 24), ranks=(3, 3, 1, 1), beta_schedule="scaled_linear")
    assert KSDiffConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"colour": 1, "aroma": 2}, "unknown architecture settings: aroma, colour"),
        ({"modulation": "film"}, "modulation must be one of"),
        ({"generator": "film"}, "generator must be one of"),
        ({"encoder": "vit"}, "encoder must be one of"),
        ({"bands": 0}, "bands 0"),
        ({"stem": 0}, "stem 0"),
        ({"sampling_steps": 9}, "between 1 and 8"),
        ({"sampling_steps": 0}, "between 1 and 8"),
    ],
)
def test_impossible_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        KSDiffConfig.from_dict(settings)


def test_unknown_backbones_are_named():
    with pytest.raises(ValueError, match="'resnet'"):
        KSDiff(KSDiffConfig(backbone="resnet"))
