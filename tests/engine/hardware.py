"""What only some processors can: tests that need it are left out elsewhere, and say so."""

from __future__ import annotations

import pytest
import torch

from ksdiff_engine.model.frozen import FusedConv2d, can_fuse, rectified


@torch.no_grad()
def _convolves_in_bfloat16() -> bool:
    """Ask oneDNN by doing it: it refuses on processors without AVX-512 or AVX-NE-CONVERT."""
    layer = torch.nn.Conv2d(1, 1, 1).to(torch.bfloat16)
    try:
        rectified(FusedConv2d(layer) if can_fuse() else layer, layer.weight)
    except RuntimeError:
        return False
    return True


needs_bfloat16 = pytest.mark.skipif(
    not _convolves_in_bfloat16(), reason="this processor has no convolution in bfloat16"
)
BFLOAT16 = pytest.param(torch.bfloat16, marks=needs_bfloat16)
