"""Interpolation and decimation against the toolbox's conventions and explicit loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ksdiff_engine.resample import (
    KERNEL_RADIUS,
    TAPS_23,
    decimate,
    imresize_bicubic,
    interp23,
    interpolation_matrix,
    lowpass_matrix,
    lowpass_radius,
    separable,
)


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(500, 100, (2, 32, 40))


@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_interp23_keeps_the_samples_where_decimate_takes_them(image, ratio):
    up = interp23(image, ratio)
    assert up.shape == (2, 32 * ratio, 40 * ratio)
    np.testing.assert_allclose(decimate(up, ratio), image, rtol=1e-12)


def test_interp23_at_ratio_4_has_the_toolbox_phase(image):
    np.testing.assert_allclose(interp23(image, 4)[:, 2::4, 2::4], image, rtol=1e-12)


def test_interp23_by_two_is_zero_insertion_and_a_wrapped_filter(image):
    """One row, one doubling, written out."""
    row = image[0, 0]
    spread = np.zeros(80)
    spread[1::2] = row
    expected = [sum(TAPS_23[k] * spread[(i + k - 11) % 80] for k in range(23)) for i in range(80)]
    constant_rows = np.repeat(row[None, None], 32, axis=1)
    np.testing.assert_allclose(interp23(constant_rows, 2)[0, 7], expected, rtol=1e-6)


@pytest.mark.parametrize("ratio", [0, 1, 3, 6])
def test_interp23_refuses_other_ratios(image, ratio):
    with pytest.raises(ValueError, match="power of two"):
        interp23(image, ratio)


@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_interpolation_matrix_is_interp23_at_its_own_positions(image, ratio):
    """interp23's pixel i lies at MS position (i - ratio // 2) / ratio."""
    rows, columns = (
        interpolation_matrix(n, (np.arange(n * ratio) - ratio // 2) / ratio)
        for n in image.shape[1:]
    )
    inner = np.s_[:, 12 * ratio : -12 * ratio, 12 * ratio : -12 * ratio]  # interp23 wraps around
    ours = (rows @ image @ columns.T)[inner]
    assert ours.shape[1] == 8 * ratio
    np.testing.assert_allclose(ours, interp23(image, ratio)[inner], rtol=1e-7)


@given(
    st.integers(1, 60),
    st.lists(st.floats(-40, 100), min_size=1, max_size=20),
    st.floats(1, 8),
    st.floats(0.1, 0.6),
)
def test_rows_sum_to_one_and_reach_no_farther_than_promised(n, positions, ratio, gain):
    positions = np.array(positions)
    reaches = {
        KERNEL_RADIUS: interpolation_matrix(n, positions),
        lowpass_radius(ratio, gain): lowpass_matrix(n, positions, ratio, gain),
    }
    for radius, matrix in reaches.items():
        assert matrix.shape == (positions.size, n)
        np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-12)
        for row, position in zip(matrix, positions, strict=True):
            used = np.flatnonzero(row)
            nearest = np.clip(position, 0, n - 1)  # beyond the ends the border pixel is repeated
            assert np.abs(used - nearest).max() <= radius + 1


def test_interpolation_goes_through_the_samples_and_keeps_a_ramp():
    at_samples = interpolation_matrix(30, np.arange(30))
    np.testing.assert_allclose(at_samples, np.eye(30), atol=1e-12)
    positions = np.array([14.0, 14.1, 14.37, 14.5, 15.9])
    ramp = interpolation_matrix(40, positions) @ np.arange(40.0)
    np.testing.assert_allclose(ramp, positions, atol=2e-3)


@pytest.mark.parametrize(("ratio", "gain"), [(2, 0.3), (4, 0.34), (3.7, 0.22), (4, 0.15)])
def test_lowpass_has_the_gain_at_nyquist(ratio, gain):
    n = 400
    wave = np.cos(np.pi * np.arange(n) / ratio)
    blurred = lowpass_matrix(n, np.arange(n), ratio, gain) @ wave
    inner = slice(60, -60)
    np.testing.assert_allclose(blurred[inner], gain * wave[inner], atol=4e-4)


def test_lowpass_samples_at_the_positions():
    positions = np.array([30.0, 31.5, 40.25])
    ramp = lowpass_matrix(80, positions, 4, 0.3) @ np.arange(80.0)
    np.testing.assert_allclose(ramp, positions, atol=5e-3)


def matlab_imresize(row: np.ndarray, scale: float) -> np.ndarray:
    """MATLAB's imresize of one row, antialiased bicubic, pixel by pixel."""

    def keys(t: float) -> float:
        t = abs(t)
        if t <= 1:
            return (1.5 * t - 2.5) * t * t + 1
        return ((-0.5 * t + 2.5) * t - 4) * t + 2 if t < 2 else 0.0

    shrink, n = min(scale, 1.0), len(row)
    result = []
    for i in range(int(np.ceil(n * scale))):
        centre = (i + 0.5) / scale - 0.5
        total = weight_sum = 0.0
        for j in range(int(centre - 2 / shrink) - 2, int(centre + 2 / shrink) + 3):
            weight = keys((centre - j) * shrink)
            mirrored = j
            while not 0 <= mirrored < n:
                mirrored = -1 - mirrored if mirrored < 0 else 2 * n - 1 - mirrored
            total += weight * row[mirrored]
            weight_sum += weight
        result.append(total / weight_sum)
    return np.array(result)


@pytest.mark.parametrize("scale", [0.25, 0.5, 1 / 3, 2.0, 1.0])
def test_imresize_agrees_with_a_loop(image, scale):
    rows = np.array([matlab_imresize(row, scale) for row in image[0]])
    expected = np.array([matlab_imresize(column, scale) for column in rows.T]).T
    np.testing.assert_allclose(imresize_bicubic(image[:1], scale)[0], expected, rtol=1e-10)


@pytest.mark.parametrize("factor", [2, 4])
def test_imresize_agrees_with_pillow_away_from_borders(image, factor):
    size = (40 // factor, 32 // factor)
    pillow = Image.fromarray(image[0].astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    inner = np.s_[2:-2, 2:-2]
    ours = imresize_bicubic(image[:1], 1 / factor)[0]
    np.testing.assert_allclose(ours[inner], np.asarray(pillow)[inner], rtol=1e-5)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_separable_filters_are_the_products_of_the_matrices(size):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 40, 50))
    rows = interpolation_matrix(40, np.linspace(-3, 44, size))
    columns = lowpass_matrix(50, np.linspace(0, 49, size), 4.0, 0.3)
    expected = rows @ image @ columns.T
    np.testing.assert_allclose(separable(rows, image, columns), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(separable(rows, image[0], columns), expected[0], rtol=0, atol=1e-12)
