"""MTF filters: the toolbox's figures, and the exact gain of the Gaussian."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import correlate

from ksdiff_engine.mtf import gaussian_sigma, mtf_filter, mtf_kernel

QUICKBIRD_BLUE = 0.34


def response(kernel: np.ndarray, frequency: float) -> float:
    """Magnitude of a 2-D filter's frequency response along one axis, cycles per pixel."""
    offsets = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    return abs(np.sum(kernel.sum(axis=0) * np.exp(-2j * np.pi * frequency * offsets)))


def test_kernel_has_the_toolbox_values():
    kernel = mtf_kernel(QUICKBIRD_BLUE, 4)
    assert kernel.shape == (41, 41)
    assert kernel[20, 20] == pytest.approx(0.0433089, abs=5e-8)
    assert kernel.sum() == pytest.approx(0.998869, abs=5e-7)
    assert response(kernel, 1 / 8) == pytest.approx(0.3220, abs=5e-5)  # the window costs some gain


def test_kernel_is_symmetric_and_ends_at_a_circle():
    kernel = mtf_kernel(0.3, 2)
    for other in (kernel.T, kernel[::-1], kernel[:, ::-1]):
        np.testing.assert_allclose(kernel, other, atol=1e-15)
    offsets = np.arange(41) - 20
    outside = np.hypot(offsets[:, None], offsets) > 20
    assert not kernel[outside].any()


def test_cached_kernel_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        mtf_kernel(0.3, 4)[0, 0] = 1.0


def test_filter_is_the_correlation_of_each_band_with_replicated_borders():
    image = np.random.default_rng(0).normal(500, 100, (2, 30, 47))
    gains = (0.34, 0.22)
    expected = [
        correlate(band, mtf_kernel(gain, 4), mode="nearest")
        for band, gain in zip(image, gains, strict=True)
    ]
    np.testing.assert_allclose(mtf_filter(image, 4, gains), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("image", "gains"), [(np.zeros((3, 8, 8)), (0.3, 0.3)), (np.zeros((8, 8)), (0.3,) * 8)]
)
def test_filter_refuses_another_number_of_gains(image, gains):
    with pytest.raises(ValueError, match="gains for an image of shape"):
        mtf_filter(image, 4, gains)


@given(st.floats(0.05, 0.9), st.floats(1.0, 12.0))
def test_gaussian_has_the_gain_at_ms_nyquist(gain, ratio):
    """Fourier transform of the continuous Gaussian, by quadrature."""
    sigma = gaussian_sigma(gain, ratio)
    x = np.linspace(-9 * sigma, 9 * sigma, 4001)
    density = np.exp(-0.5 * (x / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    transform = np.trapz(density * np.cos(2 * np.pi * x / (2 * ratio)), x)
    assert transform == pytest.approx(gain, rel=1e-6)


@pytest.mark.parametrize(("gain", "ratio"), [(0.0, 4), (1.0, 4), (-0.1, 4), (0.3, 0.5)])
def test_impossible_sensors_are_refused(gain, ratio):
    for function in (gaussian_sigma, mtf_kernel):
        with pytest.raises(ValueError, match="must"):
            function(gain, ratio)
