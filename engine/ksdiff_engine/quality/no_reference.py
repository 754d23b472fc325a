"""Measures without a reference (full resolution): how well a product keeps what was given.

:func:`assess_without_reference` takes arrays that fit in memory and follows the toolboxes,
alignment of the bands and all; :func:`assess_rasters_without_reference` takes rasters of any size,
whose interpolated images the caller reads tile by tile. The figures depend on the MTF gains that
were assumed (published tables disagree on them for one and the same images), so a report carries
the sensor's name and its gains.

Two conventions:

* "benchmark": DLPan-Toolbox, folder ``Quality_Indices`` (``HQNR.m``, ``QNR.m``), by which tables
are
  made. All is compared on the PAN grid, with the interpolated MS (EXP) in the place of the MS.
* "published": the definitions of Khan et al. (2009) and Alparone et al. (2008), which degrade the
  product and PAN to the MS grid; blocks are `ratio` times smaller there.

Raises :class:`~ksdiff_engine.errors.InputError` as the measures with a reference do; never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import InputError
from ..filling import fill_nearest
from ..mtf import KERNEL_SIZE, mtf_filter, mtf_kernel
from ..resample import decimate, imresize_bicubic, interp23
from .blocks import (
    TILE,
    Reader,
    Tile,
    accumulate,
    accumulate_arrays,
    array_reader,
    block_moments,
    check_mask,
    check_same_grid,
    defined,
    enough_valid,
    sliding_sum,
    universal_quality,
)
from .reference import BLOCK, Hypercomplex, assess_against_reference

CONVENTIONS = ("benchmark", "published")
# The images on the PAN grid in the order in which a reader returns them.
PAN, PAN_LOW, MS_UP, FUSED = range(4)
_FILTER_REACH = KERNEL_SIZE // 2
# A filter at a valid pixel sees pixels up to this far off, in its corners; these must be filled.
_FILL_RADIUS = math.ceil(math.sqrt(2.0) * _FILTER_REACH)
_TINY = 1e-20  # of local_cross_correlation.m: the correlation of flat windows is 0


@dataclass(frozen=True)
class NoReferenceReport:
    """All measures without a reference, and what they were computed with.

    sensor: name of the profile whose gains were used. ms_gains: one a band, in the order of the MS;
    pan_gain: None where PAN was reduced bicubically. block: edge of the blocks, PAN pixels.
    d_lambda_k, d_s, hqnr: Khan's spectral distortion, Alparone's spatial one, and
    ``(1 - d_lambda_k) (1 - d_s)``. d_lambda, qnr: Alparone's spectral distortion and
    ``(1 - d_lambda) (1 - d_s)``. d_rho: 1 - local correlation with PAN. r_sam (degrees), r_ergas,
    r_q2n: the product degraded to the MS grid against the MS; r_shifts: the (row, column) inside
    each block of ratio x ratio PAN pixels at which a band was sampled for that. The best is 0 for
    distortions, r_sam and r_ergas, and 1 for hqnr, qnr and r_q2n.
    None stands where a figure was not computed or is undefined, of which `notes` says why.
    """

    sensor: str
    convention: str
    ratio: float
    block: int
    ms_gains: tuple[float, ...]
    pan_gain: float | None
    valid_pixels: int
    d_lambda_k: float | None
    d_s: float | None
    hqnr: float | None
    d_lambda: float | None
    qnr: float | None
    d_rho: float | None
    r_sam: float | None = None
    r_ergas: float | None = None
    r_q2n: float | None = None
    r_shifts: tuple[tuple[int, int], ...] | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain Python values."""
        return asdict(self)


def assess_without_reference(
    pan: np.ndarray,
    ms: np.ndarray,
    fused: np.ndarray,
    ratio: int,
    ms_gains: Sequence[float],
    pan_gain: float | None,
    sensor: str,
    valid: np.ndarray | None = None,
    *,
    convention: str = "benchmark",
    q2n_convention: str = "benchmark",
    block: int = BLOCK,
) -> NoReferenceReport:
    """All measures of a product in memory.

    pan (H, W), ms (C, H / ratio, W / ratio), fused (C, H, W); valid (H, W), True = PAN and MS
    valid.
    ms_gains, pan_gain: MTF gains at the MS Nyquist frequency, of `sensor`. The benchmark reduces
    PAN bicubically and does not use pan_gain; neither does "published" where it is None. The
    benchmark needs a ratio that is a power of two, and tables were made with block 32.
    q2n_convention: see :func:`~ksdiff_engine.quality.q2n`.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {CONVENTIONS}, not {convention!r}")
    inputs = _Inputs(pan, ms, fused, ratio, tuple(float(gain) for gain in ms_gains), valid)
    if convention == "published":
        report = _assess_published(inputs, pan_gain, sensor, q2n_convention, block)
    else:
        report = assess_rasters_without_reference(
            array_reader((pan, inputs.pan_low, inputs.ms_up, fused), valid),
            pan.shape[0],
            pan.shape[1],
            ratio,
            inputs.ms_gains,
            sensor,
            q2n_convention=q2n_convention,
            block=block,
        )
    return _with_consistency(report, inputs, q2n_convention)


def assess_rasters_without_reference(
    read: Reader,
    height: int,
    width: int,
    ratio: float,
    ms_gains: Sequence[float],
    sensor: str,
    *,
    q2n_convention: str = "benchmark",
    block: int = BLOCK,
    tile: int = TILE,
) -> NoReferenceReport:
    """The measures on the PAN grid (benchmark convention) of rasters of any size, read in tiles.

    read(rows, columns) returns ``((pan, pan_low, ms_up, fused), valid)`` of a part of the PAN grid:
    PAN (h, w); PAN degraded to MS resolution and interpolated back (h, w); the MS interpolated
    (C, h, w); the product (C, h, w). For the toolbox's figures the interpolation is ``interp23``; a
    georeferenced scene brings its own. The figures at MS resolution (r_sam, r_ergas, r_q2n) are
    None: degrade the product to the MS grid and give it to ``assess_rasters_against_reference``.
    """
    high, low = BlockQualities(PAN, FUSED, block), BlockQualities(PAN_LOW, MS_UP, block)
    khan = MtfFiltered(Hypercomplex(block, q2n_convention), ratio, ms_gains)
    rho = LocalCorrelation(ratio, PAN, FUSED)
    halo = max(block + khan.reach, rho.reach)
    accumulate(read, height, width, [high, low, khan, rho], block=block, halo=halo, tile=tile)
    return NoReferenceReport(
        sensor=sensor,
        convention="benchmark",
        ratio=ratio,
        block=block,
        ms_gains=tuple(ms_gains),
        pan_gain=None,
        **_figures(high, low, khan.measure, rho),
    )


def _assess_published(
    inputs: _Inputs, pan_gain: float | None, sensor: str, q2n_convention: str, block: int
) -> NoReferenceReport:
    ratio, ms = inputs.ratio, inputs.ms
    if block % ratio:
        raise InputError(f"The block of {block} pixels is not a multiple of the ratio {ratio}.")
    high, rho = BlockQualities(0, 1, block), LocalCorrelation(ratio, 0, 1)
    images: tuple[np.ndarray, ...] = (inputs.pan, inputs.fused)
    accumulate_arrays(images, inputs.valid, [high, rho], block=block, halo=rho.reach)
    low, khan = BlockQualities(0, 1, block // ratio), Hypercomplex(block, q2n_convention)
    images = (inputs.pan_at_ms(pan_gain), ms)
    accumulate_arrays(images, inputs.ms_valid, [low], block=block)
    images = (ms, decimate(inputs.fused_filtered, ratio))
    accumulate_arrays(images, inputs.ms_valid, [khan], block=block)
    return NoReferenceReport(
        sensor=sensor,
        convention="published",
        ratio=ratio,
        block=block,
        ms_gains=inputs.ms_gains,
        pan_gain=pan_gain,
        **_figures(high, low, khan, rho),
    )


def _figures(
    high: BlockQualities, low: BlockQualities, khan: Hypercomplex, rho: LocalCorrelation
) -> dict[str, Any]:
    """The part of a report that does not depend on how the images came about."""
    if not high.valid_pixels:
        raise InputError("No pixel is valid in all images.", hint="Check nodata and extent.")
    notes: list[str] = []
    d_s = defined("D_s", lambda: spatial_distortion(high, low), notes)
    d_lambda = defined("D_lambda", lambda: spectral_distortion(high, low), notes)
    d_lambda_k = defined("D_lambda_K", lambda: 1.0 - khan.value(), notes)
    return {
        "valid_pixels": high.valid_pixels,
        "d_lambda_k": d_lambda_k,
        "d_s": d_s,
        "hqnr": _quality(d_lambda_k, d_s),
        "d_lambda": d_lambda,
        "qnr": _quality(d_lambda, d_s),
        "d_rho": defined("D_rho", rho.value, notes),
        "notes": tuple(notes),
    }


def _quality(spectral: float | None, spatial: float | None) -> float | None:
    """HQNR or QNR, with the exponents 1 of the toolbox."""
    return None if spectral is None or spatial is None else (1.0 - spectral) * (1.0 - spatial)


def spatial_distortion(high: BlockQualities, low: BlockQualities) -> float:
    """D_s, 0 (best) to 2: ``mean_b |Q(F_b, P) - Q(M_b, P_low)|``.

    Source: Alparone et al. (2008) with exponent q = 1; DLPan-Toolbox ``D_s.m``, where P_low is PAN
    reduced bicubically and interpolated by ``interp23``, and M the interpolated MS.
    """
    return float(np.abs(high.value()[-1, :-1] - low.value()[-1, :-1]).mean())


def spectral_distortion(high: BlockQualities, low: BlockQualities) -> float:
    """Alparone's D_lambda, 0 (best) to 2: ``mean_(i<j) |Q(F_i, F_j) - Q(M_i, M_j)|``.

    Source: Alparone et al. (2008) with exponent p = 1; DLPan-Toolbox ``D_lambda.m``. Raises
    InputError for one band.
    """
    difference = np.abs(high.value() - low.value())[:-1, :-1]
    pairs = np.triu_indices(difference.shape[0], 1)
    if not pairs[0].size:
        raise InputError("Alparone's spectral distortion needs at least two bands.")
    return float(difference[pairs].mean())


class BlockQualities:
    """Q between all bands of an image, and PAN, on side-by-side blocks, averaged over blocks.

    pan, image: the positions of the two among a tile's images. value() is (C + 1, C + 1), PAN last.
    A block at the edge counts, like any other, when half of it lies in the image and is valid; the
    toolbox demands sizes that are multiples of the block.
    """

    def __init__(self, pan: int, image: int, block: int) -> None:
        self._pan, self._image, self._block = pan, image, block
        self._sum = np.zeros((1, 1))
        self._count = 0
        self.valid_pixels = 0

    def add(self, tile: Tile) -> None:
        images, valid = tile.blocks(self._block, mirror=False)
        pixels = np.concatenate([images[self._image], images[self._pan]], axis=1)
        moments = block_moments(pixels, valid)
        counts = enough_valid(moments.count, self._block**2)
        mean, covariance = moments.mean[counts], moments.covariance[counts]
        variance = np.diagonal(covariance, axis1=1, axis2=2)
        squares = mean**2
        quality = universal_quality(
            covariance,
            variance[:, :, None] + variance[:, None, :],
            mean[:, :, None] * mean[:, None, :],
            squares[:, :, None] + squares[:, None, :],
        )
        self._sum = self._sum + quality.sum(axis=0)
        self._count += int(counts.sum())
        self.valid_pixels += int(valid.sum())

    def value(self) -> np.ndarray:
        if not self._count:
            raise InputError(
                f"No block of {self._block} x {self._block} pixels is at least half valid.",
                hint="Use a larger extent, or a smaller block.",
            )
        return self._sum / self._count


class MtfFiltered:
    """Feeds a measure with (ms_up, MTF-filtered product): Khan's D_lambda of the toolbox.

    ``D_lambda_K = 1 - Q2n(EXP, MTF(F))`` on the PAN grid, without decimation, as ``D_lambda_K.m``
    has it; Khan et al. (2009) filter, decimate and compare with the MS. reach: PAN pixels around
    what the measure reads that the filter depends on.
    """

    reach = _FILTER_REACH + _FILL_RADIUS

    def __init__(self, measure: Hypercomplex, ratio: float, gains: Sequence[float]) -> None:
        self.measure = measure
        self._ratio, self._gains = ratio, tuple(gains)

    def add(self, tile: Tile) -> None:
        ms_up, fused = tile.images[MS_UP], tile.images[FUSED]
        check_same_grid(ms_up, fused, tile.valid)
        _check_gains(self._gains, fused.shape[0])
        filtered = mtf_filter(_filled(fused, tile.valid), self._ratio, self._gains)
        self.measure.add(replace(tile, images=(ms_up, np.where(tile.valid, filtered, 0.0))))

    def value(self) -> float:
        return self.measure.value()


class LocalCorrelation:
    """D_rho, 0 (best) to 2: mean over bands and pixels of 1 - local correlation with PAN.

    Windows of 2w x 2w pixels, w = ceil(ratio / 2). Source: Scarpa and Ciotola (2022), their
    fr-pansh-eval-tool ``D_rho.m``. A pixel counts when all that its correlation depends on inside
    the image is valid.
    """

    def __init__(self, ratio: float, pan: int, image: int) -> None:
        self._half_width = math.ceil(ratio / 2)
        self._pan, self._image = pan, image
        self._sum = 0.0
        self._count = 0
        self.reach = 2 * self._half_width

    def add(self, tile: Tile) -> None:
        pan, image = tile.images[self._pan], tile.images[self._image]
        correlation = local_correlation(image, pan, self._half_width)
        counts = _wholly_valid(tile.valid, self._half_width)
        core = (
            slice(tile.rows.start - tile.top, tile.rows.stop - tile.top),
            slice(tile.columns.start - tile.left, tile.columns.stop - tile.left),
        )
        distances = 1.0 - np.clip(correlation[(slice(None), *core)][:, counts[core]], -1.0, 1.0)
        self._sum += float(distances.sum())
        self._count += distances.size

    def value(self) -> float:
        if not self._count:
            raise InputError("No pixel has a valid neighbourhood for a local correlation.")
        return self._sum / self._count


def local_correlation(first: np.ndarray, second: np.ndarray, half_width: int) -> np.ndarray:
    """Correlation around each pixel of (C, H, W) and (1 or C, H, W) images, (C, H, W).

    Over windows of 2w x 2w, from w - 1 pixels before to w after, of the deviations of each pixel
    from its own window's mean; zeros beyond the image. Source: fr-pansh-eval-tool
    ``local_cross_correlation.m``. Where an image is flat the correlation is 0.
    """
    area = (2 * half_width) ** 2
    first = first - _window_sum(first, half_width) / area
    second = second - _window_sum(second, half_width) / area
    squares = _window_sum(first * first, half_width), _window_sum(second * second, half_width)
    spread = np.sqrt(np.maximum(squares[0], _TINY) * np.maximum(squares[1], _TINY)) + _TINY
    return _window_sum(first * second, half_width) / spread


def _window_sum(image: np.ndarray, half_width: int) -> np.ndarray:
    edge = (half_width - 1, half_width)
    padding = [(0, 0)] * (image.ndim - 2) + [edge, edge]
    return sliding_sum(np.pad(image, padding), 2 * half_width)


def _wholly_valid(valid: np.ndarray, half_width: int) -> np.ndarray:
    """Pixels whose windows, and the windows of the pixels in these, hold no invalid pixel."""
    if valid.all():
        return valid
    invalid = (~valid).astype(np.int64)
    return _window_sum(_window_sum(invalid, half_width), half_width) == 0


def align_to_pan(
    pan: np.ndarray, ms: np.ndarray, ratio: int, gain: float, ms_valid: np.ndarray | None = None
) -> tuple[tuple[int, int], ...]:
    """The (row, column) in each ratio x ratio block of PAN pixels that each MS band lies on.

    Where the local correlation (half-width ratio // 2) of the band with PAN, blurred by the MTF of
    gain `gain` and decimated from there, is highest on average. pan (H, W), ms (C, h, w). Source:
    Scarpa and Ciotola (2022), fr-pansh-eval-tool ``generate_MTF_variables.m``, with the first
    band's gain.
    """
    blurred = mtf_filter(pan[None], ratio, [gain])
    counts = np.ones(ms.shape[1:], bool) if ms_valid is None else ms_valid
    half_width = max(ratio // 2, 1)
    counts = _wholly_valid(counts, half_width)
    if not counts.any():
        raise InputError("No MS pixel has a valid neighbourhood to align the bands with PAN.")
    means = np.empty((ms.shape[0], ratio, ratio))
    for row, column in np.ndindex(ratio, ratio):
        shifted = blurred[:, row::ratio, column::ratio]
        means[:, row, column] = local_correlation(ms, shifted, half_width)[:, counts].mean(axis=1)
    best = means.reshape(ms.shape[0], -1).argmax(axis=1)
    return tuple((int(index) // ratio, int(index) % ratio) for index in best)


def _with_consistency(
    report: NoReferenceReport, inputs: _Inputs, q2n_convention: str
) -> NoReferenceReport:
    """Add R-SAM, R-ERGAS and R-Q2n: the product degraded to the MS grid against the MS.

    Each band is blurred by its MTF filter, normalised to sum 1, and decimated where the MS band
    lies on PAN. Source: Scarpa and Ciotola (2022), the "reprojected" indices.
    """
    ratio = inputs.ratio
    try:
        shifts = align_to_pan(
            inputs.filled(inputs.pan[None])[0],
            inputs.ms_filled,
            ratio,
            inputs.ms_gains[0],
            inputs.ms_valid,
        )
    except InputError as error:
        return replace(report, notes=(*report.notes, f"R-SAM, R-ERGAS, R-Q2n: {error}"))
    degraded = np.stack(
        [
            band[row::ratio, column::ratio] / mtf_kernel(gain, float(ratio)).sum()
            for band, gain, (row, column) in zip(inputs.fused_filtered, inputs.ms_gains, shifts)
        ]
    )
    figures = assess_against_reference(
        inputs.ms, degraded, ratio, inputs.ms_valid, q2n_convention=q2n_convention
    )
    undefined = tuple(
        f"R-{note}" for note in figures.notes if note.startswith(("SAM", "ERGAS", "Q2n"))
    )
    return replace(
        report,
        r_sam=figures.sam,
        r_ergas=figures.ergas,
        r_q2n=figures.q2n,
        r_shifts=shifts,
        notes=report.notes + undefined,
    )


@dataclass(frozen=True)
class _Inputs:
    """The images of an assessment in memory, checked, and what is derived from them once."""

    pan: np.ndarray
    ms: np.ndarray
    fused: np.ndarray
    ratio: int
    ms_gains: tuple[float, ...]
    valid: np.ndarray | None

    def __post_init__(self) -> None:
        if self.ratio != int(self.ratio) or self.ratio < 2:
            raise InputError(
                f"The ratio {self.ratio} is not a whole number of at least 2.",
                hint="Use assess_rasters_without_reference with images on the PAN grid.",
            )
        bands, height, width = self.ms.shape if self.ms.ndim == 3 else (0, 0, 0)
        expected = (bands, height * self.ratio, width * self.ratio)
        if self.fused.shape != expected or self.pan.shape != expected[1:] or not self.fused.size:
            raise InputError(
                f"PAN {self.pan.shape}, MS {self.ms.shape} and product {self.fused.shape} do not "
                f"fit together at ratio {self.ratio}.",
                hint="PAN is (H, W), the product (bands, H, W) and the MS `ratio` times smaller.",
            )
        check_mask(self.valid, expected[1:])
        _check_gains(self.ms_gains, bands)
        for image, valid in ((self.pan[None], self.valid), (self.ms, self.ms_valid)):
            if not np.isfinite(image if valid is None else image[:, valid]).all():
                raise InputError(
                    "PAN or MS holds NaN or infinity at valid pixels.",
                    hint="Mark these pixels as nodata, or repair the image.",
                )

    @cached_property
    def ms_valid(self) -> np.ndarray | None:
        """(h, w), True where all PAN pixels of an MS pixel are valid."""
        if self.valid is None:
            return None
        height, width = self.ms.shape[1:]
        return self.valid.reshape(height, self.ratio, width, self.ratio).all(axis=(1, 3))

    def filled(self, image: np.ndarray) -> np.ndarray:
        """An image on the PAN grid with its invalid pixels filled, so that filters stay clean."""
        return _filled(image, self.valid)

    @cached_property
    def ms_filled(self) -> np.ndarray:
        return _filled(self.ms, self.ms_valid)

    @cached_property
    def ms_up(self) -> np.ndarray:
        """EXP, (C, H, W)."""
        return self._interpolated(self.ms_filled)

    @cached_property
    def pan_low(self) -> np.ndarray:
        """PAN degraded to MS resolution and interpolated back, (H, W)."""
        return self._interpolated(self.pan_at_ms(None)[None])[0]

    @cached_property
    def fused_filtered(self) -> np.ndarray:
        """The product blurred by the MTF of its bands, (C, H, W)."""
        return mtf_filter(self.filled(self.fused), self.ratio, self.ms_gains)

    def pan_at_ms(self, gain: float | None) -> np.ndarray:
        """PAN on the MS grid, (h, w): MTF filter and decimation, or bicubic without a gain."""
        pan = self.filled(self.pan[None])
        if gain is None:
            return imresize_bicubic(pan, 1.0 / self.ratio)[0]
        return decimate(mtf_filter(pan, self.ratio, [gain]), self.ratio)[0]

    def _interpolated(self, image: np.ndarray) -> np.ndarray:
        if self.ratio & (self.ratio - 1):
            raise InputError(
                f"The benchmark convention interpolates by powers of two, not by {self.ratio}.",
                hint='Choose convention="published".',
            )
        return interp23(image, self.ratio)


def _filled(image: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """Invalid pixels get the values of their nearest valid ones within a filter's reach, else 0."""
    image = np.asarray(image, np.float64)
    if valid is None:
        return image
    image = np.where(valid, image, 0.0)
    return fill_nearest(image, valid, _FILL_RADIUS, np.zeros(image.shape[0]))


def _check_gains(gains: Sequence[float], bands: int) -> None:
    if len(gains) != bands:
        raise InputError(
            f"{len(gains)} MTF gains were given for {bands} bands.",
            hint="Choose a sensor with these bands, or the default one.",
        )
