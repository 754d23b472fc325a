"""Tucker product, attention pooling and modulated convolution against plain loops."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from ksdiff_engine.model.backbones.lagnet import LAGConv2d
from ksdiff_engine.model.kernel_generator import (
    CoreTensorGenerator,
    FactorGenerator,
    MLPKernelGenerator,
    ModulatedConv2d,
    StructureAwareAttention,
    TuckerKernelGenerator,
    convolve_per_sample,
    tucker_product,
)


def test_tucker_product_is_the_sum_over_the_core():
    torch.manual_seed(0)
    ranks, sizes = (2, 3, 2, 1), (3, 2, 2, 3)
    core = torch.randn(2, *ranks, dtype=torch.float64)
    factors = [torch.randn(2, n, r, dtype=torch.float64) for n, r in zip(sizes, ranks, strict=True)]
    result = tucker_product(core, tuple(factors))
    assert result.shape == (2, *sizes)
    for b, *index in itertools.product(range(2), *map(range, sizes)):
        expected = sum(
            float(core[b][rank])
            * math.prod(float(factors[m][b, index[m], rank[m]]) for m in range(4))
            for rank in itertools.product(*map(range, ranks))
        )
        assert float(result[b][tuple(index)]) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_core_is_an_mlp_of_the_mean_token(perturbed):
    generator = perturbed(CoreTensorGenerator(prior_channels=6, ranks=(4, 3, 2, 1), width=5))
    prior = torch.randn(2, 9, 6)
    pooled = sum(prior[:, n] for n in range(9)) / 9
    expected = generator.core(F.gelu(generator.hidden(pooled))).reshape(2, 4, 3, 2, 1)
    torch.testing.assert_close(generator(prior), expected)
    permuted = generator(prior[:, torch.randperm(9)])
    torch.testing.assert_close(generator(prior), permuted)


@pytest.mark.parametrize("size", [(8, 8), (10, 7)])
def test_attention_is_a_softmax_over_places_for_each_mode(size):
    attention = StructureAwareAttention(channels=3, width=5)
    features = torch.randn(2, 3, *size)
    result = attention(features)
    assert result.shape == (2, 4, 5)
    for b in range(2):
        tokens = []
        for top, left in itertools.product(range(0, size[0], 4), range(0, size[1], 4)):
            block = features[b, :, top : top + 4, left : left + 4]  # cut short at the far borders
            tokens.append(F.gelu(attention.trunk(block.mean(dim=(1, 2)))))
        for mode in range(4):
            scores = torch.stack([token @ attention.queries[mode] for token in tokens])
            weights = torch.exp(scores / math.sqrt(5))
            weights = weights / weights.sum()
            expected = sum(w * token for w, token in zip(weights, tokens, strict=True))
            torch.testing.assert_close(result[b, mode], expected)


def test_mean_pooling_is_the_ablation_and_others_are_refused():
    attention = StructureAwareAttention(channels=3, width=5, pooling="mean")
    result = attention(torch.randn(2, 3, 8, 8))
    assert result.shape == (2, 4, 5)
    torch.testing.assert_close(result[:, 0], result[:, 3])
    with pytest.raises(ValueError, match="'max'"):
        StructureAwareAttention(channels=3, width=5, pooling="max")


def test_factors_have_the_shapes_of_the_modes():
    generator = FactorGenerator(shape=(6, 5, 3, 3), ranks=(4, 3, 2, 1), width=7)
    factors = generator(torch.randn(2, 4, 7))
    assert [tuple(u.shape) for u in factors] == [(2, 6, 4), (2, 5, 3), (2, 3, 2), (2, 3, 1)]


def test_each_factor_comes_from_its_own_mode():
    generator = FactorGenerator(shape=(6, 5, 3, 3), ranks=(4, 3, 2, 1), width=7)
    modes = torch.randn(1, 4, 7)
    before = generator(modes)
    modes[:, 2] += 1.0
    after = generator(modes)
    changed = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert changed == [False, False, True, False]


def test_modulation_is_one_at_the_start_and_a_bounded_product_later(perturbed):
    torch.manual_seed(0)
    generator = TuckerKernelGenerator(shape=(6, 5, 3, 3), prior_channels=8)
    features, prior = torch.randn(2, 5, 12, 12), torch.randn(2, 4, 8)
    assert torch.equal(generator(features, prior), torch.ones(2, 6, 5, 3, 3))
    perturbed(generator)
    core = generator.core(prior)
    u1, u2, u3, u4 = generator.factors(generator.normalise(generator.attention(features)))
    product = torch.einsum("bijkl,boi,bcj,bhk,bwl->bochw", core, u1, u2, u3, u4)
    product = product / 8  # sqrt(4 * 4 * 2 * 2)
    torch.testing.assert_close(generator(features, prior), 1 + 2 * torch.tanh(product / 2))
    assert (generator(features, prior) - 1).abs().max() > 0.01


def test_the_windows_of_a_scene_average_their_pooled_statistics(perturbed):
    generator = perturbed(TuckerKernelGenerator(shape=(6, 5, 3, 3), prior_channels=8))
    features, prior = torch.randn(3, 5, 12, 12), torch.randn(1, 4, 8)
    attended = [generator.normalise(generator.attention(f[None])[0]) for f in features]
    modes = torch.stack(attended).mean(dim=0)
    core = generator.core(prior)
    product = generator.gain * tucker_product(core, generator.factors(modes[None]))
    expected = 1 + 2 * torch.tanh(product / 2)
    result = generator(features, prior)
    assert result.shape == (1, 6, 5, 3, 3)
    torch.testing.assert_close(result, expected)


def test_modulation_stays_bounded_whatever_the_contrast(perturbed):
    generator = perturbed(TuckerKernelGenerator(shape=(6, 5, 3, 3), prior_channels=8))
    features, prior = 1e4 * torch.randn(2, 5, 12, 12), 1e4 * torch.randn(2, 4, 8)
    modulation = generator(features, prior)
    assert modulation.min() >= -1
    assert modulation.max() <= 3


def test_the_mlp_gives_every_entry_of_the_kernel_itself(perturbed):
    torch.manual_seed(0)
    generator = MLPKernelGenerator(shape=(6, 5, 3, 3), prior_channels=8)
    features, prior = torch.randn(2, 5, 12, 12), torch.randn(2, 4, 8)
    assert torch.equal(generator(features, prior), torch.ones(2, 6, 5, 3, 3))
    perturbed(generator)
    modes = generator.normalise(generator.attention(features))
    hidden = generator.enter(torch.cat([prior.mean(dim=1), *modes.unbind(dim=1)], dim=1))
    entries = generator.leave(F.gelu(hidden)).reshape(2, 6, 5, 3, 3)
    torch.testing.assert_close(generator(features, prior), 1 + 2 * torch.tanh(entries / 2))
    assert (generator(features, prior) - 1).abs().max() > 0.01
    assert generator(features, prior[:1]).shape == (1, 6, 5, 3, 3)


@pytest.mark.parametrize("layer_type", [ModulatedConv2d, LAGConv2d])
def test_scenes_of_several_windows_are_convolved_with_a_kernel_each(perturbed, layer_type):
    layer = perturbed(layer_type(5, 6, prior_channels=8))
    windows, priors = torch.randn(6, 5, 12, 12), torch.randn(2, 4, 8)
    expected = torch.cat([layer(windows[:3], priors[:1]), layer(windows[3:], priors[1:])])
    torch.testing.assert_close(layer(windows, priors), expected)
    alone = torch.cat([layer(w[None], priors[i // 3][None]) for i, w in enumerate(windows)])
    assert not torch.allclose(alone, expected)  # their statistics differ


def test_unknown_generators_are_named():
    with pytest.raises(ValueError, match="'film'"):
        ModulatedConv2d(5, 6, prior_channels=8, generator="film")


@pytest.mark.parametrize("size", [(7, 9), (1, 1)])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_batch_convolution_is_each_sample_with_its_kernel(size, kernel):
    x = torch.randn(3, 4, *size, dtype=torch.float64)
    weight = torch.randn(3, 6, 4, kernel, kernel, dtype=torch.float64)
    bias = torch.randn(6, dtype=torch.float64)
    result = convolve_per_sample(x, weight, bias)
    for b in range(3):
        expected = F.conv2d(x[b : b + 1], weight[b], bias, padding=kernel // 2)[0]
        torch.testing.assert_close(result[b], expected)


def test_modulated_convolution_multiplies_its_base_kernel(perturbed):
    layer = perturbed(ModulatedConv2d(5, 6, prior_channels=8))
    x, prior = torch.randn(3, 5, 12, 12), torch.randn(3, 4, 8)
    modulation = layer.generator(x, prior)
    for b in range(3):
        kernel = layer.weight * modulation[b]
        expected = F.conv2d(x[b : b + 1], kernel, layer.bias, padding=1)[0]
        torch.testing.assert_close(layer(x, prior)[b], expected)
    torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight, layer.bias, padding=1))


def test_a_layer_without_prior_has_no_generator():
    layer = ModulatedConv2d(5, 6, prior_channels=None)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    x = torch.randn(2, 5, 8, 8)
    assert torch.equal(layer(x, torch.randn(2, 4, 8)), layer(x))
