"""The gain of the detail: what interpolation lost of the MS, over what the detail gives back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ksdiff_engine.consistency import LIMITS, DetailGauge
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.resample import lowpass_matrix
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensors import DEFAULT, DEFAULT_MS_GAIN

RATIO, SIZE = 4, 48  # MS pixels a side


@pytest.fixture
def truth():
    """Two bands on the PAN grid, which the sensor of `scene` sees exactly."""
    noise = np.random.default_rng(0).normal(0, 1, (2, SIZE * RATIO, SIZE * RATIO))
    return 1000 + 2000 * gaussian_filter(noise, (0, 2, 2))


@pytest.fixture
def scene(tmp_path, geotiff, truth):
    centres = (np.arange(SIZE) + 0.5) * RATIO - 0.5
    lowpass = lowpass_matrix(SIZE * RATIO, centres, RATIO, DEFAULT_MS_GAIN)
    images = {"pan": truth.mean(axis=0, keepdims=True), "ms": lowpass @ truth @ lowpass.T}
    for name, pixel in (("pan", 1.0), ("ms", float(RATIO))):
        geotiff(tmp_path / f"{name}.tif", images[name], pixel=pixel, data_type="Float32")
    paths = (str(tmp_path / f"{name}.tif") for name in ("pan", "ms"))
    return Scene(align(RasterSource.open_pan(next(paths)), RasterSource.open_ms([*paths])), DEFAULT)


def gains_of(scene, detail_of, valid=True):
    """Gains of the whole scene, from the detail that `detail_of` makes of the interpolated MS."""
    window = Window(0, 0, scene.width, scene.height)
    tile = scene.tile(window)
    gauge = DetailGauge(scene)
    gauge.add(window, tile.ms_up, detail_of(tile.ms_up), np.broadcast_to(valid, tile.pan.shape))
    return gauge.gains()


def test_detail_that_is_too_weak_or_too_strong_is_brought_to_its_strength(scene, truth):
    strength = np.array([0.8, 1.25])[:, None, None]
    gains = gains_of(scene, lambda ms_up: strength * (truth - ms_up))
    # In a scene of this size the bands draw on their common mean a little.
    own = (SIZE - 4) ** 2 / ((SIZE - 4) ** 2 + 256)
    expected = own / strength[:, 0, 0] + (1 - own) * np.mean(1 / strength)
    np.testing.assert_allclose(gains, expected, rtol=2e-3)


def test_detail_that_the_ms_does_not_know_of_counts_for_nothing(scene, truth):
    noise = np.random.default_rng(1).normal(0, 5, truth.shape)
    np.testing.assert_allclose(gains_of(scene, lambda up: truth - up + noise), 1, atol=0.02)


def test_gains_are_limited(scene, truth):
    assert gains_of(scene, lambda up: 0.5 * (truth - up)).tolist() == [LIMITS[1]] * 2
    assert gains_of(scene, lambda up: up - truth).tolist() == [LIMITS[0]] * 2


def test_invalid_pixels_are_left_out(scene, truth):
    valid = np.ones(truth.shape[1:], bool)
    valid[:, 80:] = False

    def wrong_where_invalid(ms_up):
        return np.where(valid, 0.8 * (truth - ms_up), 1e5)

    gains = gains_of(scene, wrong_where_invalid, valid)
    np.testing.assert_allclose(gains, 1.25, rtol=2e-3)
    assert gains_of(scene, wrong_where_invalid, False).tolist() == [1, 1]


def test_without_detail_or_pixels_the_gain_is_one(scene):
    assert gains_of(scene, np.zeros_like).tolist() == [1, 1]
    gauge = DetailGauge(scene)
    window = Window(0, 0, 6, 6)  # smaller than the filter
    tile = scene.tile(window)
    gauge.add(window, tile.ms_up, tile.ms_up, tile.valid)
    assert gauge.gains().tolist() == [1, 1]


@pytest.mark.parametrize("window", [Window(0, 0, 192, 192), Window(37, 50, 61, 45)])
def test_degrading_the_truth_gives_the_ms(scene, truth, window):
    part = truth[
        :, window.row : window.row + window.height, window.column : window.column + window.width
    ]
    inside, low = scene.degrade(part, window)
    ms, valid = scene.ms(inside)
    assert low.shape == ms.shape
    assert min(low.shape[1:]) >= window.height // RATIO - 5
    assert valid.all()
    np.testing.assert_allclose(low, ms, atol=0.05)
