"""Interpolation and decimation on array axes.

*Benchmark convention* (toolboxes): decimation keeps pixel ``ratio // 2`` of each block and
:func:`interp23` puts it back there, half a PAN pixel off the georeferenced pixel centre.

*Georeferenced convention* (scenes): :func:`interpolation_matrix` and :func:`lowpass_matrix` sample
at arbitrary, fractional positions, so origins may be shifted and ratios need not be whole numbers.
Both are separable: :func:`separable` applies them as ``Wy @ image @ Wx.T``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from scipy.ndimage import convolve1d

from .mtf import gaussian_sigma

# Half of the symmetric 23-tap half-band filter of Aiazzi et al. (2002), as in the DLPan-Toolbox's
# interp23tap.m; the other half mirrors it, and the factor 2 restores the mean after zero insertion.
_TAPS_HALF = 2.0 * np.array(
    [
        0.5,
        0.305334091185,
        0.0,
        -0.072698593239,
        0.0,
        0.021809577942,
        0.0,
        -0.005192756653,
        0.0,
        0.000807762146,
        0.0,
        -0.000060081482,
    ]
)
TAPS_23 = np.concatenate([_TAPS_HALF[:0:-1], _TAPS_HALF])

KERNEL_RADIUS = 11  # MS pixels on either side that an interpolated value can depend on
_ROWS_AT_ONCE = 32  # of a matrix, when it is applied
_TABLE_STAGES = 6  # the continuous kernel is tabulated at steps of 2**-6 MS pixels


def interp23(image: np.ndarray, ratio: int) -> np.ndarray:
    """EXP: interpolate (C, h, w) by a power of two with the 23-tap filter (benchmark convention).

    Source: DLPan-Toolbox ``interp23tap.m``. Zeros are inserted so that samples fall on odd indices
    (0-based) in the first doubling and on even ones afterwards; borders wrap around. Hence
    ``interp23(x, r)[:, r // 2 :: r, r // 2 :: r] == x``. Returns (C, h*ratio, w*ratio) float64.
    Raises ValueError when `ratio` is not a power of two (the toolbox's loop is wrong from 8 on;
    this one doubles log2(ratio) times).
    """
    stages = int(ratio).bit_length() - 1
    if ratio < 2 or 2**stages != ratio:
        raise ValueError(f"interp23 needs a ratio that is a power of two, not {ratio}")
    result = np.asarray(image, dtype=np.float64)
    for stage in range(stages):
        first = 1 if stage == 0 else 0
        bands, height, width = result.shape
        spread = np.zeros((bands, 2 * height, 2 * width))
        spread[:, first::2, first::2] = result
        result = convolve1d(spread, TAPS_23, axis=1, mode="wrap")
        result = convolve1d(result, TAPS_23, axis=2, mode="wrap")
    return result


def decimate(image: np.ndarray, ratio: int) -> np.ndarray:
    """Every `ratio`-th pixel of (C, H, W) from index ``ratio // 2`` (benchmark convention)."""
    return image[:, ratio // 2 :: ratio, ratio // 2 :: ratio]


def imresize_bicubic(image: np.ndarray, scale: float) -> np.ndarray:
    """Antialiased bicubic resizing of (C, H, W), as MATLAB's ``imresize``; float64.

    Source: Keys (1981) with a = -0.5; for ``scale < 1`` the kernel is stretched by ``1 / scale``.
    Pixel areas are aligned (both conventions use it for PAN). Output size is
    ``ceil(scale * size)``; borders are mirrored.
    """
    rows = _imresize_matrix(image.shape[1], scale)
    columns = _imresize_matrix(image.shape[2], scale)
    return rows @ np.asarray(image, dtype=np.float64) @ columns.T


@lru_cache(maxsize=64)
def _imresize_matrix(n_in: int, scale: float) -> np.ndarray:
    n_out = int(np.ceil(n_in * scale - 1e-9))
    stretch = max(1.0, 1.0 / scale)
    centres = (np.arange(n_out) + 0.5) / scale - 0.5
    taps = np.floor(centres - 2 * stretch)[:, None] + np.arange(int(np.ceil(4 * stretch)) + 2)
    weights = _cubic((centres[:, None] - taps) / stretch)
    mirrored = np.mod(taps.astype(int), 2 * n_in)
    mirrored = np.where(mirrored < n_in, mirrored, 2 * n_in - 1 - mirrored)
    return _scatter(mirrored, weights, n_in)


def _cubic(t: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel, a = -0.5."""
    t = np.abs(t)
    near = 1.5 * t**3 - 2.5 * t**2 + 1.0
    far = -0.5 * t**3 + 2.5 * t**2 - 4.0 * t + 2.0
    return np.where(t <= 1, near, np.where(t <= 2, far, 0.0))


def interpolation_matrix(n_in: int, positions: np.ndarray) -> np.ndarray:
    """Matrix (len(positions), n_in), float64, that interpolates an axis at fractional `positions`.

    Georeferenced convention: `positions` are in units of input pixels, 0 = centre of the first one.
    The kernel is the continuous limit of the 23-tap filter, so that at dyadic phases (whole
    power-of-two ratios) the weights are those of :func:`interp23` moved to true pixel centres.
    Beyond the ends the border pixel is repeated. Rows sum to 1.
    """
    positions = np.asarray(positions, dtype=np.float64)
    taps = np.floor(positions)[:, None] + np.arange(-KERNEL_RADIUS, KERNEL_RADIUS + 2)
    weights = _kernel23(positions[:, None] - taps)
    return _scatter(np.clip(taps, 0, n_in - 1).astype(int), weights, n_in)


def lowpass_matrix(
    n_in: int, positions: np.ndarray, ratio: float, gain: float, truncate: float = 4.0
) -> np.ndarray:
    """Matrix (len(positions), n_in), float64, that blurs by the MTF and samples at `positions`.

    Georeferenced convention: `positions` are MS pixel centres in units of PAN pixels (0 = centre of
    the first one); `ratio` and `gain` give the Gaussian of :func:`.mtf.gaussian_sigma`. The kernel
    ends at `truncate` standard deviations; beyond the ends the border pixel is repeated. Rows sum
    to 1. Raises ValueError as :func:`.mtf.gaussian_sigma` does.
    """
    positions = np.asarray(positions, dtype=np.float64)
    sigma = gaussian_sigma(gain, ratio)
    radius = lowpass_radius(ratio, gain, truncate)
    taps = np.floor(positions)[:, None] + np.arange(-radius, radius + 2)
    distance = np.abs(positions[:, None] - taps)
    weights = np.where(distance <= radius, np.exp(-0.5 * (distance / sigma) ** 2), 0.0)
    return _scatter(np.clip(taps, 0, n_in - 1).astype(int), weights, n_in)


def separable(rows: np.ndarray, image: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """``rows @ image @ columns.T`` of matrices whose entries lie near a diagonal, as those here do.

    rows (H', H), columns (W', W), image (..., H, W); all of one type. Some rows of a matrix at a
    time, only what they have in common that is not zero is multiplied: a quarter of the time.
    Where there are more rows afterwards they come last, since results lie in memory by rows.
    """
    if len(rows) > rows.shape[1]:
        return _along_rows(rows, _along_columns(image, columns))
    return _along_columns(_along_rows(rows, image), columns)


def _along_rows(rows: np.ndarray, image: np.ndarray) -> np.ndarray:
    result = np.empty((*image.shape[:-2], len(rows), image.shape[-1]), image.dtype)
    for place, span in _bands(rows):
        np.matmul(rows[place, span], image[..., span, :], out=result[..., place, :])
    return result


def _along_columns(image: np.ndarray, columns: np.ndarray) -> np.ndarray:
    result = np.empty((*image.shape[:-1], len(columns)), image.dtype)
    for place, span in _bands(columns):
        np.matmul(image[..., span], columns[place, span].T, out=result[..., place])
    return result


def _bands(matrix: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Some rows of a matrix, and the columns that are not zero in all of them."""
    for start in range(0, len(matrix), _ROWS_AT_ONCE):
        place = slice(start, start + _ROWS_AT_ONCE)
        used = np.flatnonzero(matrix[place].any(axis=0))
        yield place, slice(used[0], used[-1] + 1)


def lowpass_radius(ratio: float, gain: float, truncate: float = 4.0) -> int:
    """PAN pixels on either side that a sample of :func:`lowpass_matrix` can depend on."""
    return int(np.ceil(truncate * gaussian_sigma(gain, ratio)))


def bicubic_matrix(n_in: int, positions: np.ndarray, ratio: float) -> np.ndarray:
    """Matrix (len(positions), n_in), float64, that reduces an axis by antialiased bicubic resizing.

    Georeferenced convention: `positions` are centres of the coarser pixels in units of input pixels
    (0 = centre of the first one); `ratio` is at least 1 and stretches Keys' kernel, as in
    :func:`imresize_bicubic`, to which it is equal inside the image for whole ratios. A kernel
    stretched by a fraction shifts the image by up to a hundredth of a pixel, from place to place;
    the weights are corrected so that they reproduce ramps. Beyond the ends the border pixel is
    repeated. Rows sum to 1.
    """
    positions = np.asarray(positions, dtype=np.float64)
    radius = bicubic_radius(ratio)
    taps = np.floor(positions)[:, None] + np.arange(-radius, radius + 2)
    distance = taps - positions[:, None]
    weights = _cubic(distance / ratio)
    slope = np.abs(weights) * distance  # Keys' kernel has no second moment to correct with
    first, second = (weights * distance).sum(1), (slope * distance).sum(1)
    weights = weights - slope * (first / second)[:, None]
    return _scatter(np.clip(taps, 0, n_in - 1).astype(int), weights, n_in)


def bicubic_radius(ratio: float) -> int:
    """Input pixels on either side that a sample of :func:`bicubic_matrix` can depend on."""
    return int(np.ceil(2 * ratio))


@lru_cache(maxsize=1)
def _kernel23_table() -> np.ndarray:
    """The 23-tap cascade's response to one sample, at steps of ``2 ** -_TABLE_STAGES``."""
    response = np.zeros(2 * KERNEL_RADIUS + 3)
    response[KERNEL_RADIUS + 1] = 1.0
    for _ in range(_TABLE_STAGES):
        spread = np.zeros(2 * response.size - 1)
        spread[::2] = response
        response = np.convolve(spread, TAPS_23, mode="same")
    return response


def _kernel23(t: np.ndarray) -> np.ndarray:
    """Weight of a sample at distance `t` (input pixels): the table, interpolated linearly."""
    table = _kernel23_table()
    steps = 2**_TABLE_STAGES
    return np.interp(t * steps, np.arange(table.size) - (table.size - 1) // 2, table, 0.0, 0.0)


def _scatter(taps: np.ndarray, weights: np.ndarray, n_in: int) -> np.ndarray:
    """Dense rows from tap indices and weights, normalised to sum 1."""
    matrix = np.zeros((taps.shape[0], n_in))
    rows = np.broadcast_to(np.arange(taps.shape[0])[:, None], taps.shape)
    np.add.at(matrix, (rows, taps), weights)
    return matrix / matrix.sum(axis=1, keepdims=True)
