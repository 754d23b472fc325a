"""Training samples of the band-shared network, from images on the reference's grid.

What the training package and the adaptation to a scene have in common; numpy only.
"""

from __future__ import annotations

import numpy as np

from ksdiff_engine.model.features import (
    Standardisation,
    band_features,
    pan_features,
    standardise_band,
)


def band_sample(
    pan: np.ndarray,
    pan_low: np.ndarray,
    ms_up: np.ndarray,
    reference: np.ndarray,
    statistics: Standardisation,
    band: int,
    features: int,
    *,
    gain: float = 1.0,
    offset: float = 0.0,
    contrast: float = 1.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One band as the network sees it: PAN features (F, h, w), LRMS and reference (1, h, w).

    pan and pan_low (h, w), ms_up and reference (C, h, w), in the rasters' units; features: F, of
    the network's config. gain and offset change the standardised band: scenes differ in how far a
    part lies from their mean. contrast changes PAN and band alike, as in a scene with another one.
    """
    shared = pan_features(pan, pan_low, ms_up, statistics)
    lrms, target = (
        ((standardise_band(image, statistics, band) * gain + offset) * contrast).astype(np.float32)
        for image in (ms_up, reference)
    )
    detail = band_features(shared, ms_up, statistics, band, features)
    detail[3:5] *= gain  # the injected details are in units of the band
    detail[:5] *= contrast  # all but the ratio
    return detail, lrms, target


def symmetry(images: tuple[np.ndarray, ...], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Images (…, n, n) under one of the eight symmetries of the square, the same for all."""
    turns, flip = int(rng.integers(4)), rng.random() < 0.5
    turned = (np.rot90(image, turns, axes=(-2, -1)) for image in images)
    return tuple(np.ascontiguousarray(image[..., ::-1] if flip else image) for image in turned)
