"""The denoiser: what it depends on, and its time embedding."""

from __future__ import annotations

import math

import pytest
import torch

from ksdiff_engine.model.denoiser import Denoiser, time_embedding


def test_time_embedding_is_sines_then_cosines():
    embedding = time_embedding(torch.tensor([0, 3, 7]), 8)
    assert embedding.shape == (3, 8)
    for row, t in zip(embedding, (0, 3, 7), strict=True):
        for i in range(4):
            angle = t / 10000 ** (i / 4)
            assert float(row[i]) == pytest.approx(math.sin(angle), abs=1e-6)
            assert float(row[4 + i]) == pytest.approx(math.cos(angle), abs=1e-6)


def test_time_steps_are_told_apart():
    embedding = time_embedding(torch.arange(8), 96)
    assert torch.pdist(embedding).min() > 0.5


@pytest.mark.parametrize(
    ("tokens", "channels", "width", "blocks"), [(16, 64, 96, 3), (1, 3, 10, 1)]
)
def test_estimate_has_the_prior_shape(tokens, channels, width, blocks):
    denoiser = Denoiser(tokens=tokens, channels=channels, width=width, blocks=blocks)
    z = torch.randn(2, tokens, channels)
    assert denoiser(z, torch.tensor([0, 7]), torch.randn_like(z)).shape == z.shape


def test_estimate_depends_on_every_input_and_on_no_other_sample():
    torch.manual_seed(0)
    denoiser = Denoiser(tokens=4, channels=8, width=12, blocks=2)
    z, t, c = torch.randn(2, 4, 8), torch.tensor([2, 5]), torch.randn(2, 4, 8)
    first = denoiser(z, t, c)
    for changed in (
        denoiser(z + torch.tensor([0.0, 1.0])[:, None, None], t, c),
        denoiser(z, torch.tensor([2, 6]), c),
        denoiser(z, t, c + torch.tensor([0.0, 1.0])[:, None, None]),
    ):
        torch.testing.assert_close(changed[0], first[0])
        assert (changed[1] - first[1]).abs().max() > 1e-4
