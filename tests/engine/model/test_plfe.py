"""The pyramid encoder: attention and gate written out, shapes at both ratios."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ksdiff_engine.model.ksdiff import TargetEncoder
from ksdiff_engine.model.plfe import (
    ENCODERS,
    ConcatenationEncoder,
    FusionGate,
    LinearCrossAttention,
    PyramidLatentFusionEncoder,
)


def test_attention_is_a_softmax_over_channels_of_each_head():
    torch.manual_seed(0)
    attention = LinearCrossAttention(6, heads=2)
    with torch.no_grad():
        attention.temperature.copy_(torch.tensor([0.7, 3.0])[:, None, None])
    x, y = torch.randn(2, 6, 5, 4), torch.randn(2, 6, 5, 4)
    query, key_value = attention.query(x).flatten(2), attention.key_value(y).flatten(2)
    gathered = torch.empty(2, 6, 20)
    for b in range(2):
        for channel in range(6):
            head = channel // 3
            keys = range(3 * head, 3 * head + 3)
            q = query[b, channel] / query[b, channel].norm()
            scores = torch.stack([q @ (key_value[b, k] / key_value[b, k].norm()) for k in keys])
            weights = torch.exp(attention.temperature[head, 0, 0] * scores)
            weights = weights / weights.sum()
            gathered[b, channel] = sum(
                w * key_value[b, 6 + k] for w, k in zip(weights, keys, strict=True)
            )
    expected = attention.project(gathered.reshape(2, 6, 5, 4))
    torch.testing.assert_close(attention(x, y), expected)


def test_attention_refuses_heads_that_do_not_divide():
    with pytest.raises(ValueError, match="5 channels do not divide into 2 heads"):
        LinearCrossAttention(5, heads=2)


def test_gate_mixes_branch_and_guide_as_in_the_paper():
    torch.manual_seed(0)
    fusion = FusionGate(4)
    x, y = torch.randn(2, 4, 6, 5), torch.randn(2, 4, 6, 5)
    projected = fusion.project(y)
    logits = fusion.gate(torch.cat([x, projected], dim=1))
    gate = 1 / (1 + torch.exp(-logits))
    assert gate.shape == x.shape  # one weight per channel and position
    expected = gate * x + (1 - gate) * projected + fusion.attention(x, y)
    torch.testing.assert_close(fusion(x, y), expected)


@pytest.mark.parametrize("ratio", [2, 4])
@pytest.mark.parametrize("ms_size", [(16, 16), (13, 11), (9, 16)])
@pytest.mark.parametrize("tokens", [1, 4, 16])
@pytest.mark.parametrize("kind", ENCODERS)
def test_prior_has_its_shape_at_every_window_size(kind, ratio, ms_size, tokens):
    encoder = ENCODERS[kind](
        branches=(4, 1), guide=2, stem=ratio, channels=4, tokens=tokens, prior_channels=6
    )
    height, width = (ratio * n for n in ms_size)
    images = (torch.randn(2, 4, height, width), torch.randn(2, 1, height, width))
    assert encoder(images, torch.randn(2, 2, height, width)).shape == (2, tokens, 6)


def test_tokens_are_places_row_by_row():
    """Without attention, which is global, a local change stays in its token."""
    torch.manual_seed(0)
    encoder = PyramidLatentFusionEncoder(
        branches=(1,), guide=1, stem=2, channels=4, levels=1, tokens=4, prior_channels=6
    )
    torch.nn.init.zeros_(encoder.gates[0][0].attention.project.weight)
    image = torch.randn(1, 1, 32, 32)
    changed = image.clone()
    changed[..., 22:26, 6:10] += 1.0  # lower left: the third of four
    difference = (encoder((changed,), image) - encoder((image,), image)).abs().amax(dim=(0, 2))
    assert (difference > 0).tolist() == [False, False, True, False]


@torch.no_grad()
def test_without_plfe_every_image_reaches_the_prior_through_plain_convolutions():
    torch.manual_seed(0)
    encoder = ConcatenationEncoder(branches=(2, 1), guide=1, stem=2, channels=4, tokens=4)
    kinds = {type(module) for module in encoder.modules() if not list(module.children())}
    assert kinds == {nn.PixelUnshuffle, nn.Conv2d, nn.GELU, nn.Linear}
    images = [torch.randn(1, n, 32, 32) for n in (2, 1, 1)]
    first = encoder(tuple(images[:2]), images[2])
    for i in range(3):
        changed = [image + (j == i) for j, image in enumerate(images)]
        assert (encoder(tuple(changed[:2]), changed[2]) - first).abs().max() > 1e-5


@pytest.mark.parametrize("kind", ENCODERS)
def test_tokens_must_form_a_square(kind):
    with pytest.raises(ValueError, match="8 is not a square"):
        ENCODERS[kind](branches=(1,), guide=1, stem=2, tokens=8)


def test_target_encoder_sees_the_reference(tiny, inputs):
    torch.manual_seed(0)
    encoder = TargetEncoder(tiny())
    pan, lrms = inputs
    first = encoder(pan, lrms, lrms)
    assert first.shape == (3, 4, 8)
    assert (encoder(pan, lrms, lrms + 0.1 * pan[:, :1]) - first).abs().max() > 1e-4
