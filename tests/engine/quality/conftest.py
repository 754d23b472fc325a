"""A reference scene and a plausible fused image of it, in digital numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter


def scene(bands: int, height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A textured 11-bit image (C, H, W) and a blurred, noisy copy."""
    random = np.random.default_rng(seed)
    common = gaussian_filter(random.normal(size=(height, width)), 2.0)
    own = gaussian_filter(random.normal(size=(bands, height, width)), (0, 1.0, 1.0))
    image = 500.0 + 800.0 * common + 150.0 * own + 40.0 * np.arange(bands)[:, None, None]
    fused = gaussian_filter(image, (0, 0.8, 0.8)) + random.normal(0, 8.0, image.shape)
    return np.rint(np.clip(image, 1, 2047)), np.clip(fused, 1, 2047)


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    return scene(4, 70, 101)
