"""Measures without a reference: literal implementations, ideal values, masks, tiles, bad input."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate

from ksdiff_engine.errors import InputError
from ksdiff_engine.mtf import mtf_filter, mtf_kernel
from ksdiff_engine.quality import (
    assess_against_reference,
    assess_rasters_without_reference,
    assess_without_reference,
)
from ksdiff_engine.quality.blocks import array_reader
from ksdiff_engine.quality.no_reference import align_to_pan, local_correlation
from ksdiff_engine.resample import decimate, imresize_bicubic, interp23

from . import oracles
from .conftest import scene

RATIO = 4
GAINS = (0.34, 0.32, 0.30, 0.22)
FIGURES = ("d_lambda_k", "d_s", "hqnr", "d_lambda", "qnr", "d_rho", "r_sam", "r_ergas", "r_q2n")
DATA = Path(__file__).parents[4] / "shared" / "data"


@dataclasses.dataclass
class Product:
    pan: np.ndarray
    ms: np.ndarray
    fused: np.ndarray

    def assess(self, valid=None, **options):
        return assess_without_reference(
            self.pan, self.ms, self.fused, RATIO, GAINS, 0.15, "quickbird", valid, **options
        )


@pytest.fixture(scope="module")
def product() -> Product:
    """PAN and MS made from a truth of 128 x 192 pixels, and its imperfect estimate."""
    truth, estimate = scene(4, 128, 192, seed=7)
    ms = np.rint(decimate(mtf_filter(truth, RATIO, GAINS), RATIO))
    return Product(pan=np.rint(truth.mean(axis=0)), ms=ms, fused=estimate)


@pytest.fixture(scope="module")
def on_pan_grid(product) -> tuple[np.ndarray, ...]:
    """What the raster function reads: pan, pan_low, ms_up, fused."""
    low = imresize_bicubic(product.pan[None], 1 / RATIO)
    return product.pan, interp23(low, RATIO)[0], interp23(product.ms, RATIO), product.fused


def filtered(image: np.ndarray) -> np.ndarray:
    kernels = [mtf_kernel(gain, RATIO) for gain in GAINS]
    return np.stack([correlate(b, k, mode="nearest") for b, k in zip(image, kernels, strict=True)])


# --- literal implementations -------------------------------------------------------------------


def test_benchmark_figures_are_the_toolboxes(product, on_pan_grid):
    pan, pan_low, ms_up, fused = on_pan_grid
    d_lambda_k = 1 - oracles.q2n(ms_up, filtered(fused))
    d_s = np.mean(
        [
            abs(oracles.mean_quality(f, pan, 32) - oracles.mean_quality(m, pan_low, 32))
            for f, m in zip(fused, ms_up, strict=True)
        ]
    )
    d_lambda = np.mean(
        [
            abs(
                oracles.mean_quality(fused[i], fused[j], 32)
                - oracles.mean_quality(ms_up[i], ms_up[j], 32)
            )
            for i, j in itertools.combinations(range(4), 2)
        ]
    )
    report = product.assess()
    assert report.d_lambda_k == pytest.approx(d_lambda_k, abs=1e-9)
    assert report.d_s == pytest.approx(d_s, abs=1e-9)
    assert report.d_lambda == pytest.approx(d_lambda, abs=1e-9)
    assert report.hqnr == pytest.approx((1 - d_lambda_k) * (1 - d_s), abs=1e-9)
    assert report.qnr == pytest.approx((1 - d_lambda) * (1 - d_s), abs=1e-9)


@pytest.mark.parametrize("pan_gain", [None, 0.15])
def test_published_figures_are_taken_on_the_ms_grid(product, pan_gain):
    pan, ms, fused = product.pan, product.ms, product.fused
    d_lambda_k = 1 - oracles.q2n(ms, filtered(fused)[:, 2::4, 2::4])
    pan_ms = imresize_bicubic(pan[None], 1 / RATIO)[0]
    if pan_gain:
        pan_ms = correlate(pan, mtf_kernel(pan_gain, RATIO), mode="nearest")[2::4, 2::4]
    d_s = np.mean(
        [
            abs(oracles.mean_quality(f, pan, 32) - oracles.mean_quality(m, pan_ms, 8))
            for f, m in zip(fused, ms, strict=True)
        ]
    )
    report = assess_without_reference(
        pan, ms, fused, RATIO, GAINS, pan_gain, "quickbird", convention="published"
    )
    assert report.d_lambda_k == pytest.approx(d_lambda_k, abs=1e-9)
    assert report.d_s == pytest.approx(d_s, abs=1e-9)
    assert report.convention == "published"
    assert report.pan_gain == pan_gain


def test_local_correlation_is_that_of_every_window():
    first, second = scene(2, 17, 14)[0]
    for half_width in (1, 2, 3):
        expected = oracles.local_correlation(first, second, half_width)
        field = local_correlation(first[None], second[None], half_width)[0]
        np.testing.assert_allclose(field, expected, atol=1e-9)


def test_d_rho_is_its_mean_distance_from_one(product):
    correlations = [oracles.local_correlation(b, product.pan, 2) for b in product.fused[:1]]
    one_band = dataclasses.replace(product, ms=product.ms[:1], fused=product.fused[:1])
    report = assess_without_reference(
        one_band.pan, one_band.ms, one_band.fused, RATIO, GAINS[:1], None, "quickbird"
    )
    assert report.d_rho == pytest.approx(1 - np.mean(correlations), abs=1e-9)


# --- ideal and known values --------------------------------------------------------------------


def test_a_product_that_is_the_interpolated_ms_keeps_alparones_spectral_quality(product):
    kept = dataclasses.replace(product, fused=interp23(product.ms, RATIO))
    assert kept.assess().d_lambda == pytest.approx(0, abs=1e-12)


def test_no_distortion_when_both_scales_look_alike(on_pan_grid):
    pan, _, _, fused = on_pan_grid
    read = array_reader((pan, pan, fused, fused), None)
    report = assess_rasters_without_reference(read, *pan.shape, RATIO, GAINS, "quickbird")
    assert report.d_s == pytest.approx(0, abs=1e-12)
    assert report.qnr == pytest.approx(1, abs=1e-12)


def test_a_product_proportional_to_pan_has_no_local_distance(product):
    grey = np.stack([gain * product.pan for gain in (0.5, 1, 2, 3)])
    report = dataclasses.replace(product, fused=grey).assess()
    assert report.d_rho == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("shift", [(2, 2), (1, 3)])
def test_the_truth_is_consistent_wherever_the_ms_was_sampled(shift):
    truth = scene(4, 256, 256, seed=3)[0]
    kernel_sums = np.array([mtf_kernel(gain, RATIO).sum() for gain in GAINS])
    blurred = mtf_filter(truth, RATIO, GAINS) / kernel_sums[:, None, None]
    ms = blurred[:, shift[0] :: RATIO, shift[1] :: RATIO]
    report = Product(truth.mean(axis=0), ms, truth).assess()
    assert report.r_shifts == (shift,) * 4
    assert report.r_sam == pytest.approx(0, abs=1e-6)
    assert report.r_ergas == pytest.approx(0, abs=1e-9)
    assert report.r_q2n == pytest.approx(1, abs=1e-9)


def test_bands_are_aligned_one_by_one():
    pan = scene(1, 256, 256, seed=4)[0][0]
    blurred = mtf_filter(pan[None], RATIO, [0.3])[0]
    expected = ((0, 1), (2, 2), (3, 0))
    ms = np.stack([blurred[row::RATIO, column::RATIO] for row, column in expected])
    assert align_to_pan(pan, ms, RATIO, 0.3) == expected


def test_the_assumed_gains_change_hqnr_and_are_reported(product):
    sharp = product.assess()
    other = assess_without_reference(
        product.pan, product.ms, product.fused, RATIO, (0.26, 0.28, 0.29, 0.28), 0.17, "ikonos"
    )
    assert (sharp.sensor, sharp.ms_gains) == ("quickbird", GAINS)
    assert (other.sensor, other.ms_gains) == ("ikonos", (0.26, 0.28, 0.29, 0.28))
    assert other.hqnr != sharp.hqnr


def test_report_is_plain_data(product):
    report = product.assess()
    assert report.notes == ()
    restored = json.loads(json.dumps(report.as_dict()))
    assert all(np.isfinite(restored[name]) for name in FIGURES)
    assert restored["sensor"] == "quickbird"


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    bands=st.integers(2, 5),
    scale=st.sampled_from([0.001, 1.0, 20.0]),
    convention=st.sampled_from(["benchmark", "published"]),
)
def test_figures_keep_their_range_and_ignore_a_common_scale(seed, bands, scale, convention):
    truth, fused = scene(bands, 96, 96, seed=seed)
    gains = [0.3] * bands
    ms = decimate(mtf_filter(truth, RATIO, gains), RATIO)
    pan = truth.mean(axis=0)
    plain, scaled = (
        assess_without_reference(
            factor * pan,
            factor * ms,
            factor * fused,
            RATIO,
            gains,
            0.15,
            "default",
            convention=convention,
            q2n_convention="unrounded",
        )
        for factor in (1.0, scale)
    )
    for name in FIGURES:
        value = getattr(plain, name)
        assert 0 <= value <= (1 if name in ("d_lambda_k", "hqnr", "qnr", "r_q2n") else 180)
        assert getattr(scaled, name) == pytest.approx(value, abs=1e-6), name


# --- masks and tiles ---------------------------------------------------------------------------


@pytest.fixture
def valid(product) -> np.ndarray:
    mask = np.ones(product.pan.shape, bool)
    mask[30:55, 60:90] = False
    mask[100:, :7] = False
    mask[3, 3] = False
    return mask


@pytest.mark.parametrize("convention", ["benchmark", "published"])
def test_what_lies_under_the_mask_does_not_matter(product, valid, convention):
    clean = product.assess(valid, convention=convention)
    pan, ms, fused = product.pan.copy(), product.ms.copy(), product.fused.copy()
    ms_valid = valid.reshape(32, 4, 48, 4).all(axis=(1, 3))
    pan[~valid] = 1e9
    fused[:, ~valid] = np.nan
    ms[:, ~ms_valid] = -9999
    assert Product(pan, ms, fused).assess(valid, convention=convention) == clean
    assert all(getattr(clean, name) is not None for name in FIGURES)


@pytest.mark.parametrize("masked", [False, True])
def test_tiles_do_not_change_the_figures(product, on_pan_grid, valid, masked):
    mask = valid if masked else None
    whole, tiled = (
        assess_rasters_without_reference(
            array_reader(on_pan_grid, mask), 128, 192, RATIO, GAINS, "quickbird", tile=tile
        )
        for tile in (1024, 32)
    )
    for name in FIGURES[:6]:
        assert getattr(tiled, name) == pytest.approx(getattr(whole, name), abs=1e-9), name
    assert tiled.valid_pixels == whole.valid_pixels


def test_sizes_need_not_be_multiples_of_the_block(product):
    cut = Product(product.pan[:100, :180], product.ms[:, :25, :45], product.fused[:, :100, :180])
    report = cut.assess()
    assert all(0 <= getattr(report, name) <= 1 for name in ("hqnr", "qnr", "r_q2n"))


# --- bad input ---------------------------------------------------------------------------------


def test_shapes_must_fit_the_ratio(product):
    with pytest.raises(InputError, match="do not fit together"):
        dataclasses.replace(product, pan=product.pan[1:]).assess()
    with pytest.raises(InputError, match="do not fit together"):
        dataclasses.replace(product, ms=product.ms[:3]).assess()
    with pytest.raises(InputError, match="mask"):
        product.assess(np.ones((2, 2), bool))


def test_one_gain_for_each_band(product):
    with pytest.raises(InputError, match="3 MTF gains were given for 4 bands"):
        assess_without_reference(
            product.pan, product.ms, product.fused, RATIO, GAINS[:3], None, "quickbird"
        )


def test_nothing_valid_is_an_error(product):
    with pytest.raises(InputError):
        product.assess(np.zeros(product.pan.shape, bool))


@pytest.mark.parametrize("name", ["pan", "ms", "fused"])
@pytest.mark.parametrize("convention", ["benchmark", "published"])
def test_a_valid_pixel_that_is_not_finite_is_an_error(product, name, convention):
    broken = getattr(product, name).copy()
    broken[..., 5, 5] = np.nan
    with pytest.raises(InputError, match="NaN or infinity"):
        dataclasses.replace(product, **{name: broken}).assess(convention=convention)


def test_ratios_the_conventions_do_not_know(product):
    pan, fused = product.pan[:96, :144], product.fused[:, :96, :144]
    arguments = pan, product.ms[:, :32, :48], fused, 3, GAINS, None, "quickbird"
    with pytest.raises(InputError, match="powers of two"):
        assess_without_reference(*arguments)
    with pytest.raises(InputError, match="multiple of the ratio"):
        assess_without_reference(*arguments, convention="published")
    report = assess_without_reference(*arguments, convention="published", block=24)
    assert report.hqnr is not None


def test_one_band_has_no_spectral_distortion_of_alparone(product):
    report = assess_without_reference(
        product.pan, product.ms[:1], product.fused[:1], RATIO, GAINS[:1], None, "quickbird"
    )
    assert report.d_lambda is None
    assert report.qnr is None
    assert report.r_sam is None
    assert report.hqnr is not None
    assert {note.split(":")[0] for note in report.notes} == {"D_lambda", "R-SAM"}


@pytest.mark.parametrize("convention", ["benchmark", "published"])
def test_constant_images_give_defined_figures(product, convention):
    flat = Product(*(np.full_like(image, 200.0) for image in dataclasses.astuple(product)))
    report = flat.assess(convention=convention)
    figures = {name: getattr(report, name) for name in FIGURES}
    # The toolbox's MTF filter, which does not sum to 1, darkens PAN at the MS resolution a little.
    assert figures["d_s"] == pytest.approx(0, abs=1e-5)
    assert all(value is None or np.isfinite(value) for value in figures.values())


# --- real images -------------------------------------------------------------------------------


def test_a_real_geoeye_scene_lies_where_such_scenes_lie():
    path = DATA / "test" / "pnn_GE1.npz"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    with np.load(path) as file:
        ms, pan = file["ms"][:, :160, :160].astype(float), file["pan"][0, :640, :640].astype(float)
    interpolated = interp23(ms, 4)
    detail = pan - interp23(imresize_bicubic(pan[None], 1 / 4), 4)
    blurred, sharp = (
        assess_without_reference(pan, ms, fused, 4, [0.23] * 4, 0.16, "geoeye-1")
        for fused in (interpolated, interpolated + detail)
    )
    assert 0.7 < blurred.hqnr < 0.95
    assert sharp.d_rho < 0.2 < blurred.d_rho
    assert sharp.r_q2n > 0.95
    against = assess_against_reference(ms, ms, 4)
    assert against.q2n == 1.0
