"""Measures against a reference: independent implementations, closed forms, and properties."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sewar
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d
from torchmetrics.functional import image as torchmetrics_image

from ksdiff_engine.errors import InputError
from ksdiff_engine.quality import (
    assess_against_reference,
    assess_rasters_against_reference,
    cc,
    ergas,
    psnr,
    q2n,
    rmse,
    sam,
    scc,
    ssim,
    uiqi,
)
from ksdiff_engine.quality.blocks import array_reader
from ksdiff_engine.quality.reference import cayley_dickson_signs

from . import oracles
from .conftest import scene

MEASURES = {
    "sam": sam,
    "ergas": lambda r, f, valid=None: ergas(r, f, 4, valid),
    "rmse": rmse,
    "cc": cc,
    "psnr": lambda r, f, valid=None: psnr(r, f, 2047, valid),
    "uiqi": lambda r, f, valid=None: uiqi(r, f, valid=valid),
    "q2n": lambda r, f, valid=None: q2n(r, f, valid=valid),
    "scc": scc,
    "ssim": lambda r, f, valid=None: ssim(r, f, 2047, valid),
}
IDEAL = {"sam": 0, "ergas": 0, "rmse": 0, "cc": 1, "psnr": np.inf}


def as_batch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image)[None]


# --- independent implementations ---------------------------------------------------------------


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 6, 8, 12])
def test_q2n_is_the_hypercomplex_index_computed_pixel_by_pixel(bands):
    reference, fused = scene(bands, 70, 101, seed=bands)
    assert q2n(reference, fused) == pytest.approx(oracles.q2n(reference, fused), abs=1e-12)


def test_q2n_of_one_constant_and_one_empty_band(pair):
    reference, fused = (image.copy() for image in pair)
    reference[1], fused[1] = 300, 300
    reference[2, :32], fused[2, :32] = 0, 5
    assert q2n(reference, fused) == pytest.approx(oracles.q2n(reference, fused), abs=1e-9)


def test_uiqi_is_the_mean_over_every_window():
    reference, fused = scene(2, 40, 45)
    expected = np.mean([oracles.uiqi(r, f) for r, f in zip(reference, fused, strict=True)])
    assert uiqi(reference, fused) == pytest.approx(expected, abs=1e-12)


def test_agreement_with_sewar(pair):
    # In sewar the angle is in radians and ERGAS takes 1 / ratio; its uqi takes means for sums.
    reference, fused = (np.moveaxis(image, 0, -1) for image in pair)
    assert rmse(*pair) == pytest.approx(sewar.rmse(reference, fused))
    assert psnr(*pair, 2047) == pytest.approx(sewar.psnr(reference, fused, MAX=2047))
    assert sam(*pair) == pytest.approx(np.degrees(sewar.sam(reference, fused)), rel=1e-6)
    assert ergas(*pair, 4) == pytest.approx(sewar.ergas(reference, fused, r=1 / 4))


@pytest.mark.parametrize("ratio", [2, 4])
def test_ergas_agrees_with_torchmetrics(pair, ratio):
    reference, fused = map(as_batch, pair)
    expected = torchmetrics_image.error_relative_global_dimensionless_synthesis(
        fused, reference, ratio=ratio
    )
    assert ergas(*pair, ratio) == pytest.approx(float(expected), rel=1e-9)


def test_psnr_agrees_with_torchmetrics(pair):
    reference, fused = map(as_batch, pair)
    expected = torchmetrics_image.peak_signal_noise_ratio(fused, reference, data_range=2047.0)
    assert psnr(*pair, 2047) == pytest.approx(float(expected), rel=1e-6)


def test_ssim_agrees_with_torchmetrics(pair):
    reference, fused = map(as_batch, pair)
    _, ssim_map = torchmetrics_image.structural_similarity_index_measure(
        fused, reference, data_range=2047.0, return_full_image=True
    )
    # Its own figure counts windows over reflected borders too.
    inside = ssim_map[..., 5:-5, 5:-5].mean()
    assert ssim(*pair, 2047) == pytest.approx(float(inside), abs=1e-9)


def test_sam_agrees_with_torchmetrics_in_degrees(pair):
    reference, fused = map(as_batch, pair)
    radians = torchmetrics_image.spectral_angle_mapper(fused, reference)
    assert sam(*pair) == pytest.approx(np.degrees(float(radians)), rel=1e-6)


def test_rmse_and_cc_agree_with_numpy(pair):
    reference, fused = pair
    assert rmse(*pair) == pytest.approx(np.sqrt(((reference - fused) ** 2).mean()))
    bands = [np.corrcoef(r.ravel(), f.ravel())[0, 1] for r, f in zip(reference, fused, strict=True)]
    assert cc(*pair) == pytest.approx(np.mean(bands), abs=1e-12)


def test_scc_is_the_cosine_of_zero_padded_sobel_magnitudes(pair):
    kernel = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]])
    magnitudes = []
    for image in pair:
        cropped = image[:, 1:-1, 1:-1]
        gradients = [[convolve2d(b, k, "same") for k in (kernel, kernel.T)] for b in cropped]
        magnitudes.append(np.hypot(*np.moveaxis(np.array(gradients), 1, 0)).ravel())
    cosine = magnitudes[0] @ magnitudes[1] / np.prod([np.linalg.norm(m) for m in magnitudes])
    assert scc(*pair) == pytest.approx(cosine, abs=1e-12)


# --- closed forms ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MEASURES)
def test_identical_images_have_the_ideal_value(name, pair):
    reference = pair[0]
    assert MEASURES[name](reference, reference) == pytest.approx(IDEAL.get(name, 1), abs=1e-12)


@pytest.mark.parametrize("degrees", [1e-7, 0.5, 30, 90, 170])
def test_sam_of_rotated_spectra_is_the_rotation(degrees):
    angle = np.radians(degrees)
    random = np.random.default_rng(1)
    phase, length = random.uniform(0, np.pi, (20, 20)), random.uniform(1, 2000, (20, 20))
    reference = length * np.stack([np.cos(phase), np.sin(phase)])
    fused = 3 * length * np.stack([np.cos(phase + angle), np.sin(phase + angle)])
    assert sam(reference, fused) == pytest.approx(degrees, rel=1e-6)


def test_sam_leaves_out_zero_spectra():
    reference, fused = np.ones((3, 4, 4)), np.ones((3, 4, 4))
    fused[0] = 2
    alone = sam(reference, fused)
    reference[:, 0, 0] = 0
    fused[:, 1, 1] = 0
    assert sam(reference, fused) == pytest.approx(alone)


@pytest.mark.parametrize("gain", [0.5, 1.25])
def test_known_gain(pair, gain):
    reference = pair[0]
    fused = gain * reference
    mean_square = (reference**2).mean(axis=(1, 2)) / reference.mean(axis=(1, 2)) ** 2
    assert ergas(reference, fused, 4) == pytest.approx(
        25 * abs(1 - gain) * np.sqrt(mean_square.mean())
    )
    # Both the luminance and the contrast term of Q are 2 g / (1 + g^2).
    assert uiqi(reference, fused) == pytest.approx((2 * gain / (1 + gain**2)) ** 2)
    assert sam(reference, fused) == pytest.approx(0, abs=1e-6)
    assert scc(reference, fused) == pytest.approx(1)
    assert cc(reference, fused) == pytest.approx(1)


def test_psnr_of_a_known_error():
    reference = np.zeros((2, 40, 40))
    assert psnr(reference, reference + 10, 1000) == pytest.approx(40)


def test_known_offset_in_q2n_of_one_band():
    # For one band Q2n is |Q| of the images scaled to mean 1 and deviation 1 of the reference.
    reference = scene(1, 32, 32)[0]
    deviation = reference.std(ddof=1)
    shift = np.rint(2 * deviation)
    mean = shift / deviation + 1
    assert q2n(reference, reference + shift) == pytest.approx(2 * mean / (1 + mean**2))


def test_units_multiply_as_cayley_and_dickson_say():
    signs = cayley_dickson_signs(8)
    for first, second in np.ndindex(8, 8):
        product = oracles.hypercomplex_product(np.eye(8)[first], np.eye(8)[second])
        assert product[first ^ second] == signs[first, second]


def test_constant_windows_follow_the_toolbox():
    reference, fused = np.full((1, 40, 40), 100.0), np.full((1, 40, 40), 50.0)
    assert uiqi(reference, fused) == pytest.approx(2 * 100 * 50 / (100**2 + 50**2))
    assert uiqi(0 * reference, 0 * fused) == 1.0
    assert uiqi(0.1 * reference, 0.1 * reference) == 1.0  # not whole numbers


def test_low_contrast_on_a_high_level_does_not_cancel():
    random = np.random.default_rng(2)
    detail, noise = random.normal(size=(2, 1, 64, 64))
    low = uiqi(1000 + detail, 1000 + detail + noise)
    high = uiqi(1e6 + detail, 1e6 + detail + noise)
    assert high == pytest.approx(low, rel=1e-3)


# --- properties --------------------------------------------------------------------------------

scenes = st.builds(
    scene,
    bands=st.integers(2, 5),
    height=st.integers(33, 70),
    width=st.integers(33, 70),
    seed=st.integers(0, 2**31),
)
few = settings(max_examples=15, deadline=None)


@few
@given(scenes)
def test_figures_are_finite_and_within_their_range(images):
    report = assess_against_reference(*images, 4, data_range=2047)
    assert not report.notes
    assert 0 <= report.sam <= 180
    for name in ("ergas", "rmse", "psnr"):
        assert 0 <= getattr(report, name) < np.inf
    for name in ("q2n", "scc"):
        assert 0 <= getattr(report, name) <= 1
    for name in ("q", "ssim", "cc"):
        assert -1 <= getattr(report, name) <= 1


@few
@given(scenes)
def test_symmetric_measures(images):
    first, second = images
    for measure in (sam, rmse, cc, uiqi, scc, MEASURES["psnr"], MEASURES["ssim"]):
        assert measure(first, second) == pytest.approx(measure(second, first), abs=1e-9)


@few
@given(scenes, st.sampled_from([0.25, 4.0, 1000.0]))
def test_measures_without_unit_ignore_a_common_scale(images, scale):
    first, second = images
    for measure in (sam, cc, uiqi, scc, MEASURES["ergas"]):
        assert measure(scale * first, scale * second) == pytest.approx(measure(first, second))
    plain, scaled = (q2n(s * first, s * second, convention="unrounded") for s in (1.0, scale))
    assert scaled == pytest.approx(plain)


@few
@given(scenes, st.integers(0, 2**31))
def test_what_lies_under_the_mask_does_not_matter(images, seed):
    reference, fused = images
    random = np.random.default_rng(seed)
    valid = random.random(reference.shape[1:]) > 0.05
    valid[:, :20] = True
    garbage = [image.copy() for image in images]
    garbage[0][:, ~valid] = np.nan
    garbage[1][:, ~valid] = -9999
    clean = assess_against_reference(reference, fused, 4, valid, 2047)
    assert assess_against_reference(*garbage, 4, valid, 2047) == clean


@few
@given(scenes, st.booleans(), st.sampled_from([32, 64]))
def test_tiles_do_not_change_the_figures(images, masked, tile):
    height, width = images[0].shape[1:]
    valid = None
    if masked:
        valid = np.ones((height, width), bool)
        valid[5:40, 9:25] = False
    whole = assess_against_reference(*images, 4, valid, 2047).as_dict()
    tiled = assess_rasters_against_reference(
        array_reader(images, valid), height, width, 4, 2047, tile=tile
    ).as_dict()
    for name, value in whole.items():
        assert tiled[name] == (value if value is None else pytest.approx(value, abs=1e-9)), name


def test_a_mask_equals_a_crop():
    reference, fused = scene(3, 64, 96)
    valid = np.ones((64, 96), bool)
    valid[:, 64:] = False
    cropped = reference[:, :, :64], fused[:, :, :64]
    for name in ("sam", "ergas", "rmse", "cc", "psnr", "q2n", "ssim"):
        masked = MEASURES[name](reference, fused, valid=valid)
        assert masked == pytest.approx(MEASURES[name](*cropped), abs=1e-12), name


def test_uiqi_of_a_partly_valid_window_uses_its_valid_pixels():
    reference, fused = scene(1, 32, 32)
    valid = np.random.default_rng(3).random((32, 32)) < 0.7
    expected = oracles.universal_quality(reference[0][valid], fused[0][valid])
    assert uiqi(reference, fused, valid=valid) == pytest.approx(expected, abs=1e-12)


# --- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MEASURES)
def test_shapes_must_agree(name, pair):
    reference, fused = pair
    with pytest.raises(InputError, match="cannot be compared"):
        MEASURES[name](reference, fused[:, :, 1:])
    with pytest.raises(InputError, match="cannot be compared"):
        MEASURES[name](reference[0], fused[0])
    with pytest.raises(InputError, match="mask"):
        MEASURES[name](reference, fused, valid=np.ones((3, 3), bool))


def test_a_reader_must_return_what_was_asked_for(pair):
    reference, fused = pair
    for images in ((reference, fused[:1]), (reference, fused[:, :50])):
        with pytest.raises((InputError, ValueError)):
            assess_rasters_against_reference(array_reader(images, None), 70, 101, 4)


@pytest.mark.parametrize("name", MEASURES)
def test_nothing_valid_is_an_error(name, pair):
    with pytest.raises(InputError):
        MEASURES[name](*pair, valid=np.zeros(pair[0].shape[1:], bool))


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_valid_pixel_that_is_not_finite_is_an_error(name, value, pair):
    reference, fused = pair
    fused = fused.copy()
    fused[1, 3, 4] = value
    with pytest.raises(InputError, match="NaN or infinity at 1 pixel"):
        MEASURES[name](reference, fused)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("sam", np.ones((1, 40, 40))),
        ("sam", np.zeros((3, 40, 40))),
        ("ergas", np.zeros((3, 40, 40))),
        ("cc", np.full((3, 40, 40), 0.1)),
        ("uiqi", np.ones((3, 31, 40))),
        ("ssim", np.ones((3, 10, 40))),
        ("scc", np.zeros((3, 40, 40))),
        ("q2n", np.linspace(0, 1, 3 * 40 * 40).reshape(3, 40, 40)),
    ],
)
def test_undefined_is_an_error_not_nan(name, reference):
    with pytest.raises(InputError):
        MEASURES[name](reference, reference)


def test_a_range_must_be_positive(pair):
    for measure in (psnr, ssim):
        with pytest.raises(InputError, match="range"):
            measure(*pair, 0)


def test_negative_values_are_zero_to_the_benchmark_q2n_only(pair):
    reference, fused = pair
    clipped = np.clip(reference - 400, 0, None)
    assert q2n(reference - 400, fused) == q2n(clipped, fused)
    assert q2n(reference - 400, fused, convention="unrounded") != q2n(clipped, fused)


def test_report_names_what_is_undefined(pair):
    report = assess_against_reference(pair[0][:1], pair[1][:1], 4)
    assert report.sam is None
    assert report.psnr is None
    assert report.ssim is None
    assert any(note.startswith("SAM:") for note in report.notes)
    assert report.q2n == pytest.approx(report.q, abs=0.05)


def test_report_equals_the_functions_and_is_plain_data(pair):
    report = assess_against_reference(*pair, 4, data_range=2047)
    for name in ("sam", "ergas", "q2n", "scc", "psnr", "ssim", "rmse", "cc"):
        assert getattr(report, name) == MEASURES[name](*pair), name
    assert report.q == uiqi(*pair)
    for name in ("q", "ssim", "cc"):
        assert np.mean(getattr(report, f"{name}_bands")) == pytest.approx(getattr(report, name))
    assert len(report.psnr_bands) == len(report.rmse_bands) == 4
    assert json.loads(json.dumps(report.as_dict()))["sam"] == report.sam
