"""From a tile's arrays to the network's inputs (METHOD, section 9; ours).

Everything is standardised with statistics of the whole scene, so digital numbers, radiance and
reflectance look alike to the network and its output is undone exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PAN_FEATURES = (4, 6)  # how many a network may ask for
SHARED_FEATURES = 3  # the first of them, which belong to no single band
LARGEST_MODULATION = 2.0  # of the injected detail, where a band is far brighter than PAN says


@dataclass(frozen=True)
class Standardisation:
    """Scene statistics in the form that the features need; C bands.

    mean, std (C,) of MS; pan_mean, pan_std of PAN at MS resolution; correlation (C,) of each band
    with it; intensity (C + 1,): least-squares weights, constant last, that predict PAN from MS;
    ratio: PAN pixels per MS pixel.
    """

    mean: np.ndarray
    std: np.ndarray
    pan_mean: float
    pan_std: float
    correlation: np.ndarray
    intensity: np.ndarray
    ratio: float

    @classmethod
    def from_moments(
        cls, mean: np.ndarray, covariance: np.ndarray, intensity: np.ndarray, ratio: float
    ) -> Standardisation:
        """mean (C + 1,) and covariance (C + 1, C + 1) of MS bands, then PAN at MS resolution.

        A constant band gets the unit 1, so that nothing is divided by zero.
        """
        deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        floor = 1e-6 * np.maximum(np.abs(mean), 1e-30)
        safe = np.where(deviation > floor, deviation, 1.0)
        correlation = covariance[:-1, -1] / (safe[:-1] * safe[-1])
        return cls(
            mean=mean[:-1],
            std=safe[:-1],
            pan_mean=float(mean[-1]),
            pan_std=float(safe[-1]),
            correlation=np.clip(correlation, -1.0, 1.0),
            intensity=np.asarray(intensity, dtype=np.float64),
            ratio=float(ratio),
        )


def pan_features(
    pan: np.ndarray, pan_low: np.ndarray, ms_up: np.ndarray, scene: Standardisation
) -> np.ndarray:
    """What depends on PAN but on no single band, (3, H, W) float32.

    pan and pan_low (H, W), ms_up (C, H, W). Channels: PAN; PAN minus its low-pass version; PAN
    minus the intensity fitted to it from all bands (what the bands cannot explain).
    """
    return shared_features(pan, pan_low, fitted_pan(ms_up, scene), scene)


def fitted_pan(ms_up: np.ndarray, scene: Standardisation) -> np.ndarray:
    """The intensity fitted to PAN from all bands (C, H, W), (H, W) float32."""
    fitted = np.tensordot(scene.intensity[:-1].astype(np.float32), ms_up, axes=1)
    fitted += np.float32(scene.intensity[-1])
    return fitted


def shared_features(
    pan: np.ndarray,
    pan_low: np.ndarray,
    fitted: np.ndarray,
    scene: Standardisation,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """:func:`pan_features` from what :func:`fitted_pan` gave; to `out` where that is given."""
    channels = np.empty((SHARED_FEATURES, *pan.shape), dtype=np.float32) if out is None else out
    np.subtract(pan, np.float32(scene.pan_mean), out=channels[0])
    np.subtract(pan, pan_low, out=channels[1])
    np.subtract(pan, fitted, out=channels[2])
    channels /= np.float32(scene.pan_std)
    return channels


def band_features(
    shared: np.ndarray,
    ms_up: np.ndarray,
    scene: Standardisation,
    band: int,
    count: int,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The `count` PAN features of one band, (count, H, W) float32; ms_up (C, H, W).

    To `shared` (3, H, W) from :func:`pan_features` comes the detail that a regression of the band
    on PAN would inject (as in MTF-GLP). A network of six features also sees that detail modulated
    by the band itself (as in MTF-GLP-HPM-R), and the ratio, as ``log2(ratio) - 2``, everywhere.
    They are written to `out` where one is given, of which `shared` may be the first three.
    """
    features = np.empty((count, *shared.shape[1:]), dtype=np.float32) if out is None else out
    if not np.may_share_memory(features, shared):
        features[:SHARED_FEATURES] = shared
    injected = np.multiply(shared[1], np.float32(scene.correlation[band]), out=features[3])
    if count == 6:
        _brightness(shared, ms_up[band], scene, band, out=features[4])
        features[4] *= injected
        features[5] = np.log2(scene.ratio) - 2
    return features


def _brightness(
    shared: np.ndarray, image: np.ndarray, scene: Standardisation, band: int, out: np.ndarray
) -> None:
    """The band over what PAN's low-pass version predicts of it; 1 where nothing can be divided.

    In place, as every pass over a tile's memory counts.
    """
    predicted = np.subtract(shared[0], shared[1])
    predicted *= np.float32(scene.correlation[band] * scene.std[band])
    predicted += np.float32(scene.mean[band])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        np.divide(image, predicted, out=out)
    np.clip(out, 0.0, LARGEST_MODULATION, out=out)
    out[~(predicted > np.float32(1e-3 * scene.std[band]))] = 1.0


def standardise_band(
    ms_up: np.ndarray, scene: Standardisation, band: int, out: np.ndarray | None = None
) -> np.ndarray:
    """Band `band` of (C, H, W) in units of its own standard deviation, (1, H, W) float32.

    It is written to `out` where that is given.
    """
    scaled = np.empty((1, *ms_up.shape[1:]), np.float32) if out is None else out
    np.subtract(ms_up[band], np.float32(scene.mean[band]), out=scaled[0])
    scaled /= np.float32(scene.std[band])
    return scaled
