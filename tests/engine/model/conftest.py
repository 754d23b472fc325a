"""A network small enough for a test, with weights that make its modulation matter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from ksdiff_engine.model.config import KSDiffConfig
from ksdiff_engine.model.ksdiff import KSDiff

TINY = {
    "channels": (4, 6, 8),
    "blocks": (1, 1),
    "tokens": 4,
    "prior_channels": 8,
    "encoder_channels": 4,
    "encoder_levels": 2,
    "denoiser_width": 12,
    "denoiser_blocks": 2,
}


def perturb(module: nn.Module, seed: int = 0, size: float = 0.07) -> nn.Module:
    """Add noise to all parameters: cores and last layers start at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += size * torch.randn(parameter.shape, generator=generator)
    return module


@pytest.fixture
def tiny() -> Callable[..., KSDiffConfig]:
    """A factory of tiny configurations; keywords change single settings."""
    return lambda **settings: KSDiffConfig(**{**TINY, **settings})


@pytest.fixture
def perturbed() -> Callable[..., nn.Module]:
    """:func:`perturb`."""
    return perturb


@pytest.fixture
def network(tiny) -> KSDiff:
    """A perturbed tiny network in evaluation mode."""
    torch.manual_seed(0)
    return perturb(KSDiff(tiny())).eval()


@pytest.fixture
def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    """pan (3, 4, 32, 32) and lrms (3, 1, 32, 32)."""
    generator = torch.Generator().manual_seed(1)
    shape = (3, 5, 32, 32)
    return torch.randn(shape, generator=generator).split([4, 1], dim=1)
