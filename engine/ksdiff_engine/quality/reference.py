"""Measures against a reference (Wald's protocol: reduced resolution).

Each measure is a function ``f(reference, fused, ..., valid=None)`` of two (C, H, W) images and an
optional (H, W) mask (True = valid), and an accumulator for rasters of any size (see
``blocks.py``); the function runs the accumulator, so both give one figure.
:func:`assess_against_reference` returns them all. Raises :class:`~ksdiff_engine.errors.InputError`
when shapes differ, a valid pixel is not finite, or the measure is undefined for the data; never
returns NaN.

Unless said otherwise the conventions are those of the DLPan-Toolbox (folder ``Quality_Indices``),
by which the field's tables are made. Its demos first cut the border (``dim_cut = 21``, in numpy
terms ``image[:, 20:-21, 20:-21]``); other scripts do not, so cut before calling if you compare
with such a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.ndimage import convolve1d

from ..errors import InputError
from .blocks import (
    TILE,
    Measure,
    Reader,
    Tile,
    accumulate,
    accumulate_arrays,
    array_reader,
    block_moments,
    check_same_grid,
    defined,
    enough_valid,
    sliding_sum,
    universal_quality,
)

BLOCK = 32
Q2N_CONVENTIONS = ("benchmark", "unrounded")
# Below this the step of 1 that Q2n's benchmark convention rounds to hides the image itself.
_LEAST_DIGITAL_NUMBER = 10.0
_SSIM_WINDOW = 11
_SSIM_SIGMA = 1.5
_SSIM_K1, _SSIM_K2 = 0.01, 0.03


def sam(reference: np.ndarray, fused: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Spectral angle mapper, degrees, 0 (best) to 180.

    Mean over pixels of ``arccos(<r, f> / (|r| |f|))``; pixels where either spectrum is zero have
    no angle and are left out. Source: Yuhas et al. (1992); DLPan-Toolbox ``SAM.m``. The angle is
    computed as ``2 atan2(|u - v|, |u + v|)`` of the unit spectra, which is exact for small angles
    too (arccos loses half of the digits there). Raises InputError for one band, where no angle
    exists.
    """
    return _in_memory(SpectralAngle(), reference, fused, valid)


def ergas(
    reference: np.ndarray, fused: np.ndarray, ratio: float, valid: np.ndarray | None = None
) -> float:
    """ERGAS (erreur relative globale adimensionnelle de synthese), 0 (best) upwards.

    ``100 / ratio * sqrt(mean_b(MSE_b / mu_b^2))``, mu of the reference, ratio = PAN pixels per MS
    pixel.
    Source: Wald (2000); DLPan-Toolbox ``ERGAS.m``. Raises InputError when a band's mean is 0.
    """
    return _in_memory(PixelErrors(), reference, fused, valid).ergas(ratio)


def rmse(reference: np.ndarray, fused: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Root mean square error over all bands, in the unit of the images; 0 is best."""
    return float(np.sqrt(_in_memory(PixelErrors(), reference, fused, valid).mse.mean()))


def cc(reference: np.ndarray, fused: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Pearson's correlation coefficient of each band, averaged over bands; -1 to 1 (best).

    Raises InputError when a band of either image is constant.
    """
    return float(_in_memory(PixelErrors(), reference, fused, valid).correlation().mean())


def psnr(
    reference: np.ndarray, fused: np.ndarray, data_range: float, valid: np.ndarray | None = None
) -> float:
    """Peak signal to noise ratio, dB: ``10 log10(data_range^2 / MSE)``, MSE over all bands.

    `data_range` is the peak in the images' unit (PanCollection scales to a peak of 1; for digital
    numbers that is 2047 for 11 bits). Identical images give infinity.
    """
    errors = _in_memory(PixelErrors(), reference, fused, valid)
    return float(_decibel(errors.mse.mean(), data_range))


def uiqi(
    reference: np.ndarray, fused: np.ndarray, block: int = BLOCK, valid: np.ndarray | None = None
) -> float:
    """Q, the universal image quality index, averaged over bands; -1 to 1 (best).

    Mean of Q (Wang and Bovik 2002) over all block x block windows inside the image, sliding by one
    pixel. Source: DLPan-Toolbox ``Q.m`` and ``img_qi.m`` (block 32), with their values for constant
    windows, see :func:`~ksdiff_engine.quality.blocks.universal_quality`. With a mask, a window
    counts when half of its pixels are valid. Raises InputError when no window counts.
    """
    return float(_in_memory(SlidingQuality(block), reference, fused, valid, block).mean())


def q2n(
    reference: np.ndarray,
    fused: np.ndarray,
    block: int = BLOCK,
    valid: np.ndarray | None = None,
    *,
    convention: str = "benchmark",
) -> float:
    """Q2n, the hypercomplex quality index (Q4 for 4 bands, Q8 for 8); 0 to 1 (best).

    Per block, with z = spectra as hypercomplex numbers of 2^n >= C components, both images scaled
    so that the reference's bands have mean 1 and deviation 1,
    ``|cov(z1, z2*)| * 2 |m1| |m2| / (|m1|^2 + |m2|^2) * 2 / (v1 + v2)``; Q2n is the mean of these.
    Source: Garzelli and Nencini (2009); DLPan-Toolbox ``q2n.m`` and ``onions_quality.m``: blocks
    side by side, the last ones mirrored, missing bands zero, Cayley-Dickson products.

    convention: "benchmark" rounds both images to uint16 first, as the toolbox does (negative values
    become 0): give it digital numbers; it refuses small fractions. "unrounded" leaves values as
    they are, for reflectances and signed data.

    With a mask, a block counts when half of its pixels are valid. Raises InputError when none does.
    """
    return _in_memory(Hypercomplex(block, convention), reference, fused, valid, block)


def scc(reference: np.ndarray, fused: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Spatial correlation coefficient, 0 to 1 (best).

    ``sum(S_f S_r) / sqrt(sum S_f^2 sum S_r^2)`` over all bands and pixels, S = magnitude of the
    Sobel gradient after a crop of one pixel, beyond which the filter sees zeros: DLPan-Toolbox
    ``SCC.m``, which is a cosine, without means. The original index (Zhou et al. 1998) correlates
    Laplacians and gives other figures. With a mask, gradients whose 3 x 3 pixels are valid count.
    Raises InputError when no gradient is left in an image.
    """
    return _in_memory(SpatialCorrelation(), reference, fused, valid)


def ssim(
    reference: np.ndarray, fused: np.ndarray, data_range: float, valid: np.ndarray | None = None
) -> float:
    """Structural similarity, averaged over bands; -1 to 1 (best).

    Convention of Wang et al. (2004): Gaussian window 11 x 11, sigma 1.5, K = (0.01, 0.03), weighted
    (biased) variances, windows inside the image only, no downsampling (the toolbox's ``ssim.m``
    shrinks images above 384 pixels first). With a mask, windows that are wholly valid count.
    """
    return float(_in_memory(StructuralSimilarity(data_range), reference, fused, valid).mean())


def _in_memory(
    measure: Measure,
    reference: np.ndarray,
    fused: np.ndarray,
    valid: np.ndarray | None,
    block: int = BLOCK,
) -> Any:
    check_same_grid(reference, fused, valid)
    accumulate_arrays((reference, fused), valid, [measure], block=block)
    return measure.value()


class SpectralAngle:
    """Accumulator of :func:`sam`; value() in degrees."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._count = 0
        self._bands = 0

    def add(self, tile: Tile) -> None:
        (reference, fused), valid = tile.core()
        self._bands = reference.shape[0]
        angles = spectral_angles(reference, fused)
        counts = valid & np.isfinite(angles)
        self._sum += float(angles[counts].sum())
        self._count += int(counts.sum())

    def value(self) -> float:
        if self._bands < 2:
            raise InputError("The spectral angle needs at least two bands.")
        if not self._count:
            raise InputError("No valid pixel with a spectrum other than zero: no spectral angle.")
        return self._sum / self._count


def spectral_angles(reference: np.ndarray, fused: np.ndarray) -> np.ndarray:
    """Angle between the spectra of each pixel, (H, W) degrees; NaN where a spectrum is zero.

    reference, fused: (C, H, W) without NaN. Source and arithmetic: :func:`sam`, their mean.
    """
    norms = [np.sqrt(np.einsum("chw,chw->hw", i, i)) for i in (reference, fused)]
    defined = (norms[0] > 0.0) & (norms[1] > 0.0)
    u, v = (i[:, defined] / norm[defined] for i, norm in zip((reference, fused), norms))
    apart, together = np.linalg.norm(u - v, axis=0), np.linalg.norm(u + v, axis=0)
    angles = np.full(defined.shape, np.nan)
    angles[defined] = np.degrees(2.0 * np.arctan2(apart, together))
    return angles


def relative_errors(reference: np.ndarray, fused: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Error of each pixel over all bands, (H, W) percent: ``100 sqrt(mean_b((F_b-R_b)^2/mu_b^2))``.

    means: (C,) of the reference over the whole image, not 0. The square root of the mean square of
    these errors is ERGAS times the ratio (:func:`ergas`).
    """
    squares = ((fused - reference) / means[:, None, None]) ** 2
    return 100.0 * np.sqrt(squares.mean(axis=0))


class PixelErrors:
    """Accumulator of :func:`ergas`, :func:`rmse`, :func:`psnr` and :func:`cc`; value() is itself.

    mse: (C,) mean square errors. mean: (C,) means of the reference. count: valid pixels.
    """

    def __init__(self) -> None:
        self.count = 0
        self._squares = np.zeros(1)
        self._means = np.zeros((2, 1))  # (2, C): reference, fused
        self._moments = np.zeros((3, 1))  # (3, C): centred rr, ff, rf

    def add(self, tile: Tile) -> None:
        (reference, fused), valid = tile.core()
        check_same_grid(reference, fused, valid)
        pixels = np.stack([reference[:, valid], fused[:, valid]])
        new = pixels.shape[2]
        if not new:
            return
        self._squares = self._squares + ((pixels[1] - pixels[0]) ** 2).sum(axis=1)
        means = pixels.mean(axis=2)
        r, f = pixels - means[:, :, None]
        moments = np.stack([(r * r).sum(axis=1), (f * f).sum(axis=1), (r * f).sum(axis=1)])
        # Merging by Chan et al. (1983): sums of squares of raw values would cancel.
        shift = means - self._means
        weight = self.count * new / (self.count + new)
        between = np.stack([shift[0] ** 2, shift[1] ** 2, shift[0] * shift[1]])
        self._moments = self._moments + moments + weight * between
        self._means = self._means + shift * (new / (self.count + new))
        self.count += new

    def value(self) -> PixelErrors:
        if not self.count:
            raise InputError("No pixel is valid in both images.", hint="Check nodata and extent.")
        return self

    @property
    def mse(self) -> np.ndarray:
        return self._squares / self.count

    @property
    def mean(self) -> np.ndarray:
        return self._means[0]

    def ergas(self, ratio: float) -> float:
        if (self.mean == 0.0).any():
            raise InputError("ERGAS is undefined: the mean of a reference band is 0.")
        return float(100.0 / ratio * np.sqrt((self.mse / self.mean**2).mean()))

    def correlation(self) -> np.ndarray:
        """(C,) Pearson correlations."""
        spread_reference, spread_fused, product = self._moments
        spread = np.sqrt(np.stack([spread_reference, spread_fused]) / self.count)
        if (spread <= 1e-12 * np.abs(self._means)).any():
            raise InputError("The correlation is undefined: a band is constant.")
        # The clip removes rounding only.
        return np.clip(product / np.sqrt(spread_reference * spread_fused), -1.0, 1.0)


class SlidingQuality:
    """Accumulator of :func:`uiqi`; value() is (C,), one figure a band."""

    def __init__(self, block: int = BLOCK) -> None:
        self._block = block
        self._sum = np.zeros(1)
        self._count = 0

    def add(self, tile: Tile) -> None:
        (reference, fused), valid = tile.windows(self._block)
        if min(valid.shape) < self._block:
            return
        pixels = self._block**2
        weights = None if valid.all() else valid
        count: np.ndarray | float = float(pixels)
        counts = np.ones((valid.shape[0] - self._block + 1, valid.shape[1] - self._block + 1), bool)
        if weights is not None:
            count = sliding_sum(valid.astype(np.float64), self._block)
            counts = enough_valid(count, pixels)
            count = np.maximum(count, 1.0)
        self._sum = self._sum + np.array(
            [self._map(r, f, weights, count)[counts].sum() for r, f in zip(reference, fused)]
        )
        self._count += int(counts.sum())

    def _map(
        self,
        reference: np.ndarray,
        fused: np.ndarray,
        weights: np.ndarray | None,
        count: np.ndarray | float,
    ) -> np.ndarray:
        """Q of every window of one band (H, W)."""
        # Sums are taken about a whole number near the mean: it keeps the variance from cancelling,
        # and keeps whole numbers whole, so that constant windows are recognised exactly.
        origin = np.rint(reference.mean()), np.rint(fused.mean())
        x, y = reference - origin[0], fused - origin[1]
        if weights is not None:
            x, y = x * weights, y * weights
        sum_x, sum_y = sliding_sum(x, self._block), sliding_sum(y, self._block)
        sum_squares = sliding_sum(x * x + y * y, self._block)
        spread = count * sum_squares - (sum_x * sum_x + sum_y * sum_y)
        spread[spread <= 1e-14 * count * sum_squares] = 0.0  # rounding of constant fractions
        cross = count * sliding_sum(x * y, self._block) - sum_x * sum_y
        mean_x, mean_y = sum_x / count + origin[0], sum_y / count + origin[1]
        return universal_quality(cross, spread, mean_x * mean_y, mean_x**2 + mean_y**2)

    def value(self) -> np.ndarray:
        if not self._count:
            raise InputError(
                f"No window of {self._block} x {self._block} pixels is at least half valid.",
                hint="Use a larger extent, or a smaller block.",
            )
        return self._sum / self._count


class Hypercomplex:
    """Accumulator of :func:`q2n`."""

    def __init__(self, block: int = BLOCK, convention: str = "benchmark") -> None:
        if convention not in Q2N_CONVENTIONS:
            raise ValueError(f"Q2n's convention {convention!r} is none of {Q2N_CONVENTIONS}")
        self._block = block
        self._rounds = convention == "benchmark"
        self._sum = 0.0
        self._count = 0
        self._peak = 0.0
        self._fractions = False

    def add(self, tile: Tile) -> None:
        (reference, fused), valid = tile.blocks(self._block, mirror=True)
        if self._rounds:
            self._peak = max(self._peak, float(reference.max()))
            self._fractions = self._fractions or bool((reference != np.rint(reference)).any())
            reference, fused = _to_uint16(reference), _to_uint16(fused)
        moments = block_moments(np.concatenate([reference, fused], axis=1), valid)
        counts = enough_valid(moments.count, self._block**2)
        self._sum += float(_hypercomplex_quality(moments.mean, moments.covariance)[counts].sum())
        self._count += int(counts.sum())

    def value(self) -> float:
        if self._rounds and self._fractions and self._peak < _LEAST_DIGITAL_NUMBER:
            raise InputError(
                "Q2n's benchmark convention rounds to whole numbers, but the reference holds "
                f"fractions and never exceeds {self._peak:g}.",
                hint='Give digital numbers, or choose convention="unrounded".',
            )
        if not self._count:
            raise InputError(
                f"No block of {self._block} x {self._block} pixels is at least half valid.",
                hint="Use a larger extent, or a smaller block.",
            )
        return self._sum / self._count


def _to_uint16(image: np.ndarray) -> np.ndarray:
    """MATLAB's ``uint16``: saturates, and rounds halves up."""
    return np.floor(np.clip(image, 0.0, 65535.0) + 0.5)


def _hypercomplex_quality(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Modulus of Q2n of each block, (n,).

    mean (n, 2C), covariance (n, 2C, 2C): the bands of the reference, then those of the fused image.
    """
    bands = mean.shape[1] // 2
    components = 1 << (bands - 1).bit_length()
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    scale = _reference_scale(mean[:, :bands], variance[:, :bands])
    # Normalised, the reference has means 1; a missing band is 0 in both images and becomes 1 in
    # both.
    mean_fused = (mean[:, bands:] - mean[:, :bands]) / scale + 1.0
    square_reference = float(components)
    square_fused = (mean_fused**2).sum(axis=1) + (components - bands)
    bias = 2.0 * np.sqrt(square_reference * square_fused) / (square_reference + square_fused)
    spread = (variance / np.tile(scale, 2) ** 2).sum(axis=1)
    cross = covariance[:, :bands, bands:] / (scale[:, :, None] * scale[:, None, :])
    modulus = np.linalg.norm(_conjugate_product(cross, components), axis=1)
    flat = spread <= 0.0
    return bias * np.where(flat, 1.0, 2.0 * modulus / np.where(flat, 1.0, spread))


def _reference_scale(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """What a block's bands are divided by: the reference's deviation (``norm_blocco.m``).

    A constant band has none; the toolbox then takes eps, so that any difference ruins the block,
    but leaves a band of zeros as it is.
    """
    constant = np.where(mean == 0.0, 1.0, np.finfo(np.float64).eps)
    return np.where(variance > 0.0, np.sqrt(variance), constant)


def _conjugate_product(cross: np.ndarray, components: int) -> np.ndarray:
    """E[(z1 - m1)(z2 - m2)*] of hypercomplex numbers, (n, components).

    cross (n, C, C): covariances of the components of z1 with those of z2. The product being
    bilinear, it is a signed sum of them: e_i e_j = sign[i, j] e_(i xor j).
    """
    signs = cayley_dickson_signs(components)
    signs = signs * np.where(np.arange(components) == 0, 1.0, -1.0)  # z2 conjugated
    bands = cross.shape[1]
    product = np.zeros((cross.shape[0], components))
    second = np.arange(bands)
    for first in range(bands):
        product[:, first ^ second] += signs[first, :bands] * cross[:, first]
    return product


def cayley_dickson_signs(components: int) -> np.ndarray:
    """Signs s of the products of units, ``e_i e_j = s[i, j] e_(i xor j)``; `components` = 2^n.

    From ``(a, b)(c, d) = (ac - d* b, da + b c*)``, the doubling of the toolbox's ``onion_mult.m``
    up to signs of components, which no modulus sees.
    """
    signs = np.ones((1, 1))
    while signs.shape[0] < components:
        conjugate = np.where(np.arange(signs.shape[0]) == 0, 1.0, -1.0)
        signs = np.block([[signs, signs.T], [signs * conjugate, -signs.T * conjugate]])
    return signs


class SpatialCorrelation:
    """Accumulator of :func:`scc`."""

    def __init__(self) -> None:
        self._sums = np.zeros(3)  # rr, ff, rf

    def add(self, tile: Tile) -> None:
        rows = slice(max(tile.rows.start, 1), min(tile.rows.stop, tile.height - 1))
        columns = slice(max(tile.columns.start, 1), min(tile.columns.stop, tile.width - 1))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        images, valid = tile.region(
            slice(rows.start - 1, rows.stop + 1), slice(columns.start - 1, columns.stop + 1)
        )
        r, f = (sobel_magnitude(_frame_zeroed(i, rows, columns, tile)) for i in images)
        counts = sliding_sum(valid.astype(np.int64), 3) == 9
        r, f = r[:, counts], f[:, counts]
        self._sums += [(r * r).sum(), (f * f).sum(), (r * f).sum()]

    def value(self) -> float:
        reference, fused, product = self._sums
        if reference == 0.0 or fused == 0.0:
            raise InputError("The spatial correlation is undefined: an image has no gradient.")
        return float(product / np.sqrt(reference * fused))


def sobel_magnitude(image: np.ndarray) -> np.ndarray:
    """Magnitude of the Sobel gradient of (C, H, W) where it is inside: (C, H - 2, W - 2)."""
    smooth = image[:, :-2] + 2.0 * image[:, 1:-1] + image[:, 2:]
    across = smooth[:, :, 2:] - smooth[:, :, :-2]
    smooth = image[:, :, :-2] + 2.0 * image[:, :, 1:-1] + image[:, :, 2:]
    down = smooth[:, 2:] - smooth[:, :-2]
    return np.hypot(across, down)


def _frame_zeroed(image: np.ndarray, rows: slice, columns: slice, tile: Tile) -> np.ndarray:
    """The region one pixel around `rows` and `columns` with the whole image's outer pixels at 0."""
    image = image.copy()
    if rows.start == 1:
        image[:, 0] = 0.0
    if rows.stop == tile.height - 1:
        image[:, -1] = 0.0
    if columns.start == 1:
        image[:, :, 0] = 0.0
    if columns.stop == tile.width - 1:
        image[:, :, -1] = 0.0
    return image


class StructuralSimilarity:
    """Accumulator of :func:`ssim`; value() is (C,), one figure a band."""

    def __init__(self, data_range: float) -> None:
        _check_range(data_range)
        self._c1 = (_SSIM_K1 * data_range) ** 2
        self._c2 = (_SSIM_K2 * data_range) ** 2
        offsets = np.arange(_SSIM_WINDOW) - _SSIM_WINDOW // 2
        taps = np.exp(-(offsets**2) / (2.0 * _SSIM_SIGMA**2))
        self._taps = taps / taps.sum()
        self._sum = np.zeros(1)
        self._count = 0

    def add(self, tile: Tile) -> None:
        (reference, fused), valid = tile.windows(_SSIM_WINDOW)
        if min(valid.shape) < _SSIM_WINDOW:
            return
        counts = sliding_sum(valid.astype(np.int64), _SSIM_WINDOW) == _SSIM_WINDOW**2
        self._sum = self._sum + np.array(
            [self._map(r, f)[counts].sum() for r, f in zip(reference, fused)]
        )
        self._count += int(counts.sum())

    def _map(self, r: np.ndarray, f: np.ndarray) -> np.ndarray:
        """SSIM of every window of one band (H, W)."""
        origin = r.mean()  # variances about it do not cancel; the means get it back
        x, y = r - origin, f - origin
        mean_x, mean_y = self._blur(x), self._blur(y)
        variances = self._blur(x * x + y * y) - mean_x**2 - mean_y**2
        covariance = self._blur(x * y) - mean_x * mean_y
        mean_x, mean_y = mean_x + origin, mean_y + origin
        luminance = (2.0 * mean_x * mean_y + self._c1) / (mean_x**2 + mean_y**2 + self._c1)
        return luminance * (2.0 * covariance + self._c2) / (variances + self._c2)

    def _blur(self, image: np.ndarray) -> np.ndarray:
        half = _SSIM_WINDOW // 2
        blurred = convolve1d(convolve1d(image, self._taps, axis=0), self._taps, axis=1)
        return blurred[half:-half, half:-half]

    def value(self) -> np.ndarray:
        if not self._count:
            raise InputError(f"No window of {_SSIM_WINDOW} x {_SSIM_WINDOW} pixels is valid.")
        return self._sum / self._count


def _check_range(data_range: float) -> None:
    if not 0.0 < data_range < np.inf:
        raise InputError(f"The data range must be a positive number, not {data_range}.")


def _decibel(mse: np.ndarray | float, data_range: float) -> np.ndarray:
    _check_range(data_range)
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(data_range**2 / np.asarray(mse))


@dataclass(frozen=True)
class ReferenceReport:
    """All measures against a reference; units and sources stand with the functions of the same
    names.

    A measure that is undefined for the data is None, and `notes` says why. psnr and ssim are None
    without a data range. The tuples hold one figure a band.
    """

    ratio: float
    data_range: float | None
    q2n_convention: str
    valid_pixels: int
    sam: float | None
    ergas: float | None
    q2n: float | None
    q: float | None
    scc: float | None
    psnr: float | None
    ssim: float | None
    rmse: float | None
    cc: float | None
    q_bands: tuple[float, ...] | None
    psnr_bands: tuple[float, ...] | None
    ssim_bands: tuple[float, ...] | None
    rmse_bands: tuple[float, ...] | None
    cc_bands: tuple[float, ...] | None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain Python values; psnr of identical images is infinite."""
        return asdict(self)


def assess_against_reference(
    reference: np.ndarray,
    fused: np.ndarray,
    ratio: float,
    valid: np.ndarray | None = None,
    data_range: float | None = None,
    *,
    q2n_convention: str = "benchmark",
) -> ReferenceReport:
    """All measures of two (C, H, W) images; see :func:`assess_rasters_against_reference`."""
    check_same_grid(reference, fused, valid)
    return assess_rasters_against_reference(
        array_reader((reference, fused), valid),
        reference.shape[1],
        reference.shape[2],
        ratio,
        data_range,
        q2n_convention=q2n_convention,
    )


def assess_rasters_against_reference(
    read: Reader,
    height: int,
    width: int,
    ratio: float,
    data_range: float | None = None,
    *,
    q2n_convention: str = "benchmark",
    tile: int = TILE,
) -> ReferenceReport:
    """All measures of two images of any size, read once in tiles.

    read(rows, columns) returns ``((reference, fused), valid)`` of a part, with or without a mask,
    for slices within `height` and `width`. ratio: PAN pixels per MS pixel. data_range: the peak
    for PSNR and SSIM. Raises InputError when no pixel is valid, or a valid one is not finite.
    """
    pixels, angle = PixelErrors(), SpectralAngle()
    sliding, hypercomplex = SlidingQuality(), Hypercomplex(convention=q2n_convention)
    spatial = SpatialCorrelation()
    structural = [] if data_range is None else [StructuralSimilarity(data_range)]
    measures: list[Measure] = [pixels, angle, sliding, hypercomplex, spatial, *structural]
    accumulate(read, height, width, measures, block=BLOCK, tile=tile)
    pixels.value()
    notes: list[str] = []
    q_bands = defined("Q", sliding.value, notes)
    cc_bands = defined("CC", pixels.correlation, notes)
    ssim_bands = defined("SSIM", structural[0].value, notes) if structural else None
    decibel = None if data_range is None else _decibel(pixels.mse, data_range)
    return ReferenceReport(
        ratio=ratio,
        data_range=data_range,
        q2n_convention=q2n_convention,
        valid_pixels=pixels.count,
        sam=defined("SAM", angle.value, notes),
        ergas=defined("ERGAS", lambda: pixels.ergas(ratio), notes),
        q2n=defined("Q2n", hypercomplex.value, notes),
        q=_mean(q_bands),
        scc=defined("SCC", spatial.value, notes),
        psnr=None if data_range is None else float(_decibel(pixels.mse.mean(), data_range)),
        ssim=_mean(ssim_bands),
        rmse=float(np.sqrt(pixels.mse.mean())),
        cc=_mean(cc_bands),
        q_bands=_tuple(q_bands),
        psnr_bands=_tuple(decibel),
        ssim_bands=_tuple(ssim_bands),
        rmse_bands=_tuple(np.sqrt(pixels.mse)),
        cc_bands=_tuple(cc_bands),
        notes=tuple(notes),
    )


def _mean(bands: np.ndarray | None) -> float | None:
    return None if bands is None else float(bands.mean())


def _tuple(bands: Sequence[float] | np.ndarray | None) -> tuple[float, ...] | None:
    return None if bands is None else tuple(float(band) for band in bands)
