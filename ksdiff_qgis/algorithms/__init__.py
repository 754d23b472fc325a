"""The provider's algorithms, one file each."""

from __future__ import annotations

from .pansharpen import PansharpenAlgorithm

ALGORITHMS = (PansharpenAlgorithm,)
