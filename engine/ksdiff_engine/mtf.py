"""The sensor's modulation transfer function (MTF), modelled as a Gaussian.

A sensor's MTF is known by one figure a band: its gain at the Nyquist frequency of the
multispectral (MS) grid, ``GNyq``. Everything here turns that figure into a low-pass filter.

Two constructions stand side by side:

* the *benchmark* one (:func:`mtf_kernel`, :func:`mtf_filter`) reproduces the filter of the
  DLPan-Toolbox (``Tools/genMTF.m``) to its last detail, for figures comparable with papers;
* the *georeferenced* one (:func:`gaussian_sigma`) is the plain Gaussian with exactly that gain,
  which can be sampled at any position and any fractional ratio, for scenes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.signal import oaconvolve

KERNEL_SIZE = 41


def gaussian_sigma(gain: float, ratio: float) -> float:
    """Standard deviation, in PAN pixels, of the Gaussian whose MTF is `gain` at MS Nyquist.

    From ``exp(-2 (pi sigma f)^2) = gain`` at ``f = 1 / (2 ratio)`` cycles per PAN pixel.
    Raises ValueError unless ``0 < gain < 1`` and ``ratio >= 1``.
    """
    _check(gain, ratio)
    return float(ratio * np.sqrt(-2.0 * np.log(gain)) / np.pi)


@lru_cache(maxsize=64)
def mtf_kernel(gain: float, ratio: float, size: int = KERNEL_SIZE) -> np.ndarray:
    """The toolbox's MTF filter, (size, size) float64.

    Source: DLPan-Toolbox ``genMTF.m``: a Gaussian sampled in frequency bins, of peak 1, turned into
    a filter by MATLAB's ``fwind1`` with ``kaiser(size)`` (beta = 0.5) interpolated radially. As
    there, the kernel is not renormalised: for QuickBird's blue band (gain .34, ratio 4) it sums to
    .998869. The array is read-only, as the cache hands out the same one to every caller.
    Raises ValueError as :func:`gaussian_sigma` does.
    """
    _check(gain, ratio)
    half = (size - 1) / 2
    sigma_bins = np.sqrt((half / ratio) ** 2 / (-2.0 * np.log(gain)))
    offsets = np.arange(size) - half
    response = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * sigma_bins**2))
    impulse = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(response))).real
    radius = np.hypot(offsets[:, None], offsets[None, :]) / half
    window = np.interp(radius, offsets / half, np.kaiser(size, 0.5))
    kernel = impulse * np.where(radius <= 1.0, window, 0.0)
    kernel.setflags(write=False)
    return kernel


def mtf_filter(
    image: np.ndarray, ratio: float, gains: Sequence[float], size: int = KERNEL_SIZE
) -> np.ndarray:
    """Blur each band of `image` with its own MTF filter (benchmark construction).

    `image` is (C, H, W) and `gains` has C entries; returns (C, H, W) float64. Borders are
    replicated, as by ``imfilter(..., 'replicate')`` in the toolbox. Raises ValueError when the
    counts differ.
    """
    if image.ndim != 3 or len(gains) != image.shape[0]:
        raise ValueError(f"mtf_filter: {len(gains)} gains for an image of shape {image.shape}")
    half = size // 2
    padded = np.pad(image.astype(np.float64), ((0, 0), (half, half), (half, half)), mode="edge")
    return np.stack(
        [
            oaconvolve(band, mtf_kernel(float(gain), float(ratio), size), mode="valid")
            for band, gain in zip(padded, gains)
        ]
    )


def _check(gain: float, ratio: float) -> None:
    if not 0.0 < gain < 1.0:
        raise ValueError(f"MTF gain at Nyquist must lie between 0 and 1, not {gain}")
    if ratio < 1.0:
        raise ValueError(f"ratio of PAN to MS resolution must be at least 1, not {ratio}")
