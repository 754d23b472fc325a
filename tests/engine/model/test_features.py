"""From digital numbers to the network's inputs."""

from __future__ import annotations

import numpy as np
import pytest

from ksdiff_engine.model.config import KSDiffConfig
from ksdiff_engine.model.features import (
    PAN_FEATURES,
    Standardisation,
    band_features,
    pan_features,
    standardise_band,
)


@pytest.fixture
def scene():
    """ms (2, 30, 30), pan and its low-pass version (30, 30), and their statistics."""
    rng = np.random.default_rng(0)
    ms = rng.normal([[[400.0]], [[900.0]]], [[[50.0]], [[120.0]]], (2, 30, 30)).astype(np.float32)
    pan_low = (0.3 * ms[0] + 0.6 * ms[1] + 20 + rng.normal(0, 5, (30, 30))).astype(np.float32)
    pan = pan_low + rng.normal(0, 20, (30, 30)).astype(np.float32)
    samples = np.concatenate([ms, pan_low[None]]).reshape(3, -1).astype(np.float64)
    intensity = np.array([0.3, 0.6, 20.0])
    statistics = Standardisation.from_moments(
        samples.mean(axis=1), np.cov(samples, bias=True), intensity
    )
    return ms, pan, pan_low, statistics


def test_bands_get_mean_zero_and_deviation_one(scene):
    ms, _, _, statistics = scene
    for band in range(2):
        values = standardise_band(ms, statistics, band)
        assert values.shape == (1, 30, 30)
        assert values.dtype == np.float32
        assert float(values.mean()) == pytest.approx(0, abs=1e-4)
        assert float(values.std()) == pytest.approx(1, abs=1e-4)
        undone = values[0] * statistics.std[band] + statistics.mean[band]
        np.testing.assert_allclose(undone, ms[band], rtol=1e-5)


def test_pan_features_are_pan_its_detail_its_residual_and_the_injected_detail(scene):
    ms, pan, pan_low, statistics = scene
    unit = pan_low.astype(np.float64).std()
    fitted = 0.3 * ms[0] + 0.6 * ms[1] + 20
    correlation = np.corrcoef(ms[1].ravel(), pan_low.ravel())[0, 1]
    expected = np.stack(
        [pan - pan_low.mean(), pan - pan_low, pan - fitted, correlation * (pan - pan_low)]
    )
    features = band_features(pan_features(pan, pan_low, ms, statistics), statistics, 1)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected / unit, atol=1e-4)


def test_features_do_not_change_with_the_units(scene):
    """Digital numbers, or reflectance with a gain and an offset: the network sees the same."""
    ms, pan, pan_low, statistics = scene
    gain, offset = 2e-4, -0.1
    samples = np.concatenate([ms, pan_low[None]]).reshape(3, -1) * gain + offset
    intensity = np.array([0.3, 0.6, gain * 20 + offset * (1 - 0.9)])
    other = Standardisation.from_moments(
        samples.mean(axis=1), np.cov(samples, bias=True), intensity
    )
    features = [
        band_features(pan_features(p, low, m, s), s, 0)
        for p, low, m, s in (
            (pan, pan_low, ms, statistics),
            (*(image * gain + offset for image in (pan, pan_low, ms)), other),
        )
    ]
    np.testing.assert_allclose(features[0], features[1], atol=2e-3)


def test_constant_bands_are_not_divided_by_zero():
    statistics = Standardisation.from_moments(
        np.array([7.0, 0.0, 5.0]), np.zeros((3, 3)), np.array([0.0, 0.0, 5.0])
    )
    flat = np.full((2, 4, 4), 7.0, dtype=np.float32)
    shared = pan_features(flat[0], flat[0], flat, statistics)
    features = band_features(shared, statistics, 0)
    assert np.isfinite(features).all()
    assert not standardise_band(flat, statistics, 0).any()


def test_the_configuration_counts_the_features(scene):
    ms, pan, pan_low, statistics = scene
    features = band_features(pan_features(pan, pan_low, ms, statistics), statistics, 0)
    assert features.shape[0] == PAN_FEATURES == KSDiffConfig().pan_features
