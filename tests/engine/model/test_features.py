"""From digital numbers to the network's inputs."""

from __future__ import annotations

from dataclasses import replace

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
        samples.mean(axis=1), np.cov(samples, bias=True), intensity, 4.0
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
    features = band_features(pan_features(pan, pan_low, ms, statistics), ms, statistics, 1, 4)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected / unit, atol=1e-4)


def test_features_do_not_change_with_the_units(scene):
    """Digital numbers, or reflectance with a gain and an offset: the network sees the same."""
    ms, pan, pan_low, statistics = scene
    gain, offset = 2e-4, -0.1
    samples = np.concatenate([ms, pan_low[None]]).reshape(3, -1) * gain + offset
    intensity = np.array([0.3, 0.6, gain * 20 + offset * (1 - 0.9)])
    other = Standardisation.from_moments(
        samples.mean(axis=1), np.cov(samples, bias=True), intensity, 4.0
    )
    features = [
        band_features(pan_features(p, low, m, s), m, s, 0, 4)
        for p, low, m, s in (
            (pan, pan_low, ms, statistics),
            (*(image * gain + offset for image in (pan, pan_low, ms)), other),
        )
    ]
    np.testing.assert_allclose(features[0], features[1], atol=2e-3)


def test_constant_bands_are_not_divided_by_zero():
    statistics = Standardisation.from_moments(
        np.array([7.0, 0.0, 5.0]), np.zeros((3, 3)), np.array([0.0, 0.0, 5.0]), 2.0
    )
    flat = np.full((2, 4, 4), 7.0, dtype=np.float32)
    shared = pan_features(flat[0], flat[0], flat, statistics)
    for count in PAN_FEATURES:
        features = band_features(shared, flat, statistics, 0, count)
        assert np.isfinite(features).all()
    assert not standardise_band(flat, statistics, 0).any()


@pytest.mark.parametrize("count", PAN_FEATURES)
def test_there_are_as_many_features_as_asked_for(scene, count):
    ms, pan, pan_low, statistics = scene
    shared = pan_features(pan, pan_low, ms, statistics)
    features = band_features(shared, ms, statistics, 0, count)
    assert features.shape == (count, 30, 30)
    assert features.dtype == np.float32
    assert KSDiffConfig().pan_features in PAN_FEATURES


def test_the_fifth_feature_is_what_high_pass_modulation_injects(scene):
    """MTF-GLP-HPM-R: the band times equalised PAN over its low-pass version, less the band."""
    ms, pan, pan_low, statistics = scene
    slope = np.polyfit(pan_low.ravel(), ms[1].ravel(), 1)[0]
    centre = ms[1].mean() - slope * pan_low.mean()
    sharpened = ms[1] * (slope * pan + centre) / (slope * pan_low + centre)
    features = band_features(pan_features(pan, pan_low, ms, statistics), ms, statistics, 1, 6)
    np.testing.assert_allclose(features[4] * statistics.std[1], sharpened - ms[1], atol=0.05)


def test_the_sixth_feature_tells_the_ratio(scene):
    ms, pan, pan_low, statistics = scene
    shared = pan_features(pan, pan_low, ms, statistics)
    for ratio, expected in ((2.0, -1.0), (4.0, 0.0), (8.0, 1.0)):
        features = band_features(shared, ms, replace(statistics, ratio=ratio), 0, 6)
        assert (features[5] == expected).all()


def test_negative_predictions_do_not_modulate(scene):
    ms, pan, pan_low, statistics = scene
    below = replace(statistics, mean=statistics.mean - 5000)
    features = band_features(pan_features(pan, pan_low, ms, below), ms, below, 0, 6)
    np.testing.assert_array_equal(features[4], features[3])
