"""Wald's protocol: sizes, and where the coarse pixels lie in either convention."""

from __future__ import annotations

import numpy as np
import pytest

from ksdiff_engine.mtf import mtf_filter, mtf_kernel
from ksdiff_engine.wald import crop_to_multiple, reduce_ms, reduce_pair, reduce_pan


def ramp(height: int, width: int, pixel: float) -> np.ndarray:
    """A plane over the ground, sampled at the centres of pixels of that size."""
    y, x = ((np.arange(n) + 0.5) * pixel for n in (height, width))
    return 1000 + 3 * x[None, :] + 2 * y[:, None]


@pytest.mark.parametrize("ratio", [2, 3, 4])
def test_georeferenced_convention_leaves_a_ramp_on_its_ground(ratio):
    """PAN, reduced PAN, MS and reduced MS are the same plane at their own pixel centres."""
    n = 20 * ratio
    pan = ramp(n * ratio, n * ratio, 1.0)
    ms = ramp(n, n, ratio)[None]
    pan_low, ms_low, reference = reduce_pair(pan, ms, ratio, [0.3])
    np.testing.assert_array_equal(reference, ms)
    inner = np.s_[6:-6, 6:-6]  # borders are replicated or mirrored, which bends a ramp
    np.testing.assert_allclose(ms_low[0][inner], ramp(20, 20, ratio**2)[inner], rtol=1e-6)
    np.testing.assert_allclose(pan_low[inner], ramp(n, n, ratio)[inner], rtol=1e-9)


@pytest.mark.parametrize("ratio", [2, 4])
def test_benchmark_convention_takes_pixel_half_the_ratio(ratio):
    image = ramp(30 * ratio, 30 * ratio, 1.0)[None]
    reduced = reduce_ms(image, ratio, [0.3], "benchmark")[0]
    inner = np.s_[11:-11, 11:-11]
    expected = image[0, ratio // 2 :: ratio, ratio // 2 :: ratio] * mtf_kernel(0.3, ratio).sum()
    np.testing.assert_allclose(reduced[inner], expected[inner], rtol=1e-9)


def test_benchmark_convention_is_filter_and_decimation():
    image = np.random.default_rng(0).normal(size=(2, 40, 48))
    expected = mtf_filter(image, 4, (0.3, 0.2))[:, 2::4, 2::4]
    np.testing.assert_array_equal(reduce_ms(image, 4, (0.3, 0.2), "benchmark"), expected)


def test_bands_have_their_own_gain():
    """A wave at Nyquist of the coarse grid keeps each band's gain of its amplitude."""
    columns = np.arange(160)
    wave = np.cos(2 * np.pi * (columns - 1.5) / 8)  # crests on the coarse pixel centres
    image = np.broadcast_to(wave, (2, 80, 160))
    reduced = reduce_ms(image, 4, (0.36, 0.22))[:, 10, 8:-8]
    np.testing.assert_allclose(np.abs(reduced[0]), 0.36, atol=1e-3)
    np.testing.assert_allclose(np.abs(reduced[1]), 0.22, atol=1e-3)


@pytest.mark.parametrize("convention", ["georeferenced", "benchmark"])
def test_sizes_that_do_not_divide_are_cropped(convention):
    rng = np.random.default_rng(1)
    pan, ms = rng.normal(size=(42 * 4, 39 * 4)), rng.normal(size=(3, 42, 39))
    pan_low, ms_low, reference = reduce_pair(pan, ms, 4, [0.3] * 3, convention)
    assert (pan_low.shape, ms_low.shape, reference.shape) == ((40, 36), (3, 10, 9), (3, 40, 36))
    np.testing.assert_array_equal(reference, ms[:, :40, :36])
    np.testing.assert_array_equal(pan_low, reduce_pan(pan[:160, :144], 4))


def test_crop_to_multiple_keeps_the_origin():
    image = np.arange(35).reshape(5, 7)
    np.testing.assert_array_equal(crop_to_multiple(image, 3), image[:3, :6])


def test_mistakes_are_named():
    pan, ms = np.zeros((40, 40)), np.zeros((2, 10, 10))
    with pytest.raises(ValueError, match=r"PAN \(40, 40\) is not 2 times MS \(10, 10\)"):
        reduce_pair(pan, ms, 2, [0.3, 0.3])
    with pytest.raises(ValueError, match="convention must be one of"):
        reduce_pair(pan, ms, 4, [0.3, 0.3], "matlab")
    with pytest.raises(ValueError, match="1 gains for an image"):
        reduce_pair(pan, ms, 4, [0.3])
