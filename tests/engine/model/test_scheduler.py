"""Noising and sampling against diffusers' DDIM scheduler."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from ksdiff_engine.model.scheduler import DiffusionScheduler

diffusers = pytest.importorskip("diffusers")

SETTINGS = [
    {"steps": 8, "beta_start": 0.1, "beta_end": 0.99, "schedule": "linear"},
    {"steps": 8, "beta_start": 0.1, "beta_end": 0.99, "schedule": "scaled_linear"},
    {"steps": 100, "beta_start": 1e-3, "beta_end": 0.1, "schedule": "linear"},
]


def published(settings):
    return diffusers.DDIMScheduler(
        num_train_timesteps=settings["steps"],
        beta_start=settings["beta_start"],
        beta_end=settings["beta_end"],
        beta_schedule=settings["schedule"],
        prediction_type="sample",
        clip_sample=False,
        timestep_spacing="trailing",
        set_alpha_to_one=True,
    )


def predict(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Any function of noisy sample and time step."""
    return torch.tanh(x) * (0.3 + 0.05 * t.reshape(-1, 1, 1))


@pytest.mark.parametrize("settings", SETTINGS)
def test_noising_agrees(settings):
    x0, noise = torch.randn(2, 5, 4, 3)
    t = torch.randint(settings["steps"], (5,))
    ours = DiffusionScheduler(**settings).add_noise(x0, noise, t)
    torch.testing.assert_close(ours, published(settings).add_noise(x0, noise, t))


@pytest.mark.parametrize("settings", SETTINGS)
def test_time_steps_agree_and_start_at_the_noisiest(settings):
    ours, theirs = DiffusionScheduler(**settings), published(settings)
    for count in (1, 2, 3, 4, 5, 7, 8):
        theirs.set_timesteps(count)
        assert ours.timesteps(count) == theirs.timesteps.tolist()
        assert ours.timesteps(count)[0] == settings["steps"] - 1


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_whole_chain_agrees(settings, count):
    """Where the step count divides T; elsewhere diffusers steps to times it then does not visit."""
    torch.manual_seed(0)
    noise = torch.randn(5, 4, 3)
    theirs = published(settings)
    theirs.set_timesteps(count)
    expected = noise
    for t in theirs.timesteps:
        x0 = predict(expected, t.expand(5))
        expected = theirs.step(x0, int(t), expected).prev_sample
    ours = DiffusionScheduler(**settings).sample(predict, noise, count)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_steps_that_do_not_divide_meet_each_other():
    """A perfect prediction is kept exactly, whatever times the chain visits."""
    scheduler = DiffusionScheduler(steps=8)
    x0, noise = torch.randn(2, 5, 4, 3)
    for count in range(1, 9):
        times = scheduler.timesteps(count)
        x = scheduler.add_noise(x0, noise, torch.full((5,), times[0]))
        for t, previous in pairwise(times):
            x = scheduler.step(x0, x, t, previous)
            expected = scheduler.add_noise(x0, noise, torch.full((5,), previous))
            torch.testing.assert_close(x, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(scheduler.step(x0, x, times[-1], -1), x0)


def test_gradient_passes_through_the_chain():
    scale = torch.tensor(0.5, requires_grad=True)
    noise = torch.randn(2, 4, 3, requires_grad=True)
    sampled = DiffusionScheduler(steps=8).sample(lambda x, t: scale * torch.tanh(x), noise, 4)
    sampled.square().sum().backward()
    assert float(scale.grad.abs()) > 0
    assert float(noise.grad.abs().max()) > 0


def test_settings_are_checked():
    with pytest.raises(ValueError, match="'cosine'"):
        DiffusionScheduler(schedule="cosine")
    for count in (0, 9):
        with pytest.raises(ValueError, match=f"between 1 and 8, not {count}"):
            DiffusionScheduler(steps=8).timesteps(count)


def test_the_table_is_not_part_of_the_weights():
    assert not DiffusionScheduler().state_dict()
