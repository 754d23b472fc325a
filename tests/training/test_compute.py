"""Mixed precision is for devices that gain from it."""

from __future__ import annotations

import pytest
import torch

from ksdiff_training import compute
from ksdiff_training.compute import Compute


class Noting(torch.nn.Linear):
    """Keeps the type in which it computed."""

    computed_in: torch.dtype

    def forward(self, x):
        result = super().forward(x)
        self.computed_in = result.dtype
        return result


@pytest.mark.parametrize(
    ("amp", "fastest", "expected"),
    [
        (True, torch.bfloat16, torch.bfloat16),
        (True, torch.float32, torch.float32),  # a processor that would imitate bfloat16
        (True, torch.float16, torch.float32),  # a GPU before Ampere
        (False, torch.bfloat16, torch.float32),
    ],
)
def test_bfloat16_only_where_it_is_fastest(monkeypatch, amp, fastest, expected):
    monkeypatch.setattr(compute, "fastest_precision", lambda device: fastest)
    layer = Noting(2, 2)
    module, _ = Compute("cpu", amp=amp).prepare(layer, torch.optim.SGD(layer.parameters(), lr=0.1))
    module(torch.ones(1, 2))
    assert layer.computed_in == expected
