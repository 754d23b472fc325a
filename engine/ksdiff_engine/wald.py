"""Wald's protocol: make a reduced-resolution pair whose reference is the original MS image.

Source: L. Wald, T. Ranchin, M. Mangolini (1997). MS is blurred by the sensor's MTF and decimated by
the ratio; PAN is reduced by antialiased bicubic resizing (not by an MTF), as in the DLPan-Toolbox's
``resize_images.m``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .mtf import mtf_filter
from .resample import decimate, imresize_bicubic, lowpass_matrix

CONVENTIONS = ("georeferenced", "benchmark")


def reduce_ms(
    ms: np.ndarray, ratio: int, gains: Sequence[float], convention: str = "georeferenced"
) -> np.ndarray:
    """Degrade (C, H, W) by `ratio` with one MTF gain a band; (C, H // ratio, W // ratio) float64.

    `convention` says where a coarse pixel's centre lies: ``georeferenced`` in the middle of its
    block, ``benchmark`` at index ``ratio // 2`` of it, with the toolbox's filter. Raises ValueError
    for another convention, and when `gains` and bands differ in number.
    """
    if len(gains) != ms.shape[0]:
        raise ValueError(f"reduce_ms: {len(gains)} gains for an image of shape {ms.shape}")
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {CONVENTIONS}, not {convention!r}")
    ms = crop_to_multiple(ms, ratio)
    if convention == "benchmark":
        return decimate(mtf_filter(ms, ratio, gains), ratio)
    reduced = []
    for band, gain in zip(ms, gains):
        rows, columns = (_block_centre_matrix(n, ratio, gain) for n in band.shape)
        reduced.append(rows @ band @ columns.T)
    return np.stack(reduced)


def reduce_pan(pan: np.ndarray, ratio: int) -> np.ndarray:
    """Reduce (H, W) by `ratio` with antialiased bicubic resizing; float64."""
    return imresize_bicubic(crop_to_multiple(pan[None], ratio), 1.0 / ratio)[0]


def reduce_pair(
    pan: np.ndarray,
    ms: np.ndarray,
    ratio: int,
    gains: Sequence[float],
    convention: str = "georeferenced",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reduced PAN (h, w), reduced MS (C, h/r, w/r) and the reference (C, h, w), all float64.

    `pan` is (h*r, w*r) and `ms` (C, h, w), co-registered; both are cropped so that sizes divide.
    Raises ValueError when their sizes do not match the ratio.
    """
    if pan.shape != (ms.shape[1] * ratio, ms.shape[2] * ratio):
        raise ValueError(f"PAN {pan.shape} is not {ratio} times MS {ms.shape[1:]}")
    reference = crop_to_multiple(np.asarray(ms, dtype=np.float64), ratio)
    height, width = reference.shape[1:]
    pan_reduced = reduce_pan(pan[: height * ratio, : width * ratio], ratio)
    return pan_reduced, reduce_ms(reference, ratio, gains, convention), reference


def crop_to_multiple(image: np.ndarray, ratio: int) -> np.ndarray:
    """Cut (…, H, W) at the right and the bottom so that both sizes divide by `ratio`."""
    height, width = (n - n % ratio for n in image.shape[-2:])
    return image[..., :height, :width]


def _block_centre_matrix(n: int, ratio: int, gain: float) -> np.ndarray:
    centres = np.arange(n // ratio) * ratio + (ratio - 1) / 2
    return lowpass_matrix(n, centres, ratio, gain)
