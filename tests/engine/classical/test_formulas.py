"""Each method against its formula, written out on whole arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import lsq_linear
from scipy.signal import convolve2d

from ksdiff_engine.classical import METHODS
from ksdiff_engine.classical.base import guarded_gain, guarded_inverse
from ksdiff_engine.classical.brovey import Brovey
from ksdiff_engine.classical.sfim import box_kernel
from ksdiff_engine.errors import InputError
from ksdiff_engine.sensors import get_profile

GUARDED = np.nan  # here the formula's denominator is so small that the method leaves it


def samples(scene):
    """MS (C, N) and PAN (N,) at MS resolution."""
    return scene.ms.reshape(len(scene.ms), -1), scene.pan_reduced.ravel()


def exp(scene):
    return scene.ms_up


def brovey(scene):
    return scene.ms_up * scene.pan / scene.ms_up.mean(axis=0)


def bt_h(scene):
    ms, pan = samples(scene)
    weights = np.linalg.lstsq(ms.T, pan, rcond=None)[0]
    haze = ms.min(axis=1)[:, None, None]
    intensity = np.einsum("k,kij->ij", weights, scene.ms_up - haze)
    intensity_low = weights @ (ms - haze[:, :, 0])
    matched = (scene.pan - pan.mean()) * intensity_low.std() / pan.std() + intensity_low.mean()
    fused = np.clip(scene.ms_up - haze, 0, None) * matched / intensity + haze
    return np.where(intensity > 0.1 * intensity_low.mean(), fused, GUARDED)


def gihs(scene):
    ms, _ = samples(scene)
    low = ms.mean(axis=0)
    matched = (scene.pan - scene.pan.mean()) * low.std() / scene.pan.std() + low.mean()
    return scene.ms_up + matched - scene.ms_up.mean(axis=0)


def gs(scene):
    ms, _ = samples(scene)
    low = ms.mean(axis=0)
    matched = (scene.pan - scene.pan.mean()) * low.std() / scene.pan.std() + low.mean()
    gains = np.array([np.cov(band, low)[0, 1] for band in ms]) / low.var(ddof=1)
    return scene.ms_up + gains[:, None, None] * (matched - scene.ms_up.mean(axis=0))


def gsa(scene):
    ms, pan = samples(scene)
    mean = ms.mean(axis=1)
    weights = np.linalg.lstsq((ms - mean[:, None]).T, pan - pan.mean(), rcond=None)[0]
    low = weights @ ms
    gains = np.array([np.cov(band, low)[0, 1] for band in ms]) / low.var(ddof=1)
    intensity = np.einsum("k,kij->ij", weights, scene.ms_up - mean[:, None, None])
    return scene.ms_up + gains[:, None, None] * (scene.pan - pan.mean() - intensity)


def sfim(scene):
    assert scene.ratio == 4
    box = np.outer([0.5, 1, 1, 1, 0.5], [0.5, 1, 1, 1, 0.5]) / 16
    smooth = convolve2d(np.pad(scene.pan, 2, mode="edge"), box, mode="valid")
    return scene.ms_up * scene.pan / smooth


def awlp(scene):
    ms, pan = samples(scene)
    low = np.pad(scene.pan, 6, mode="edge")
    for holes in (1, 2):
        taps = np.zeros(4 * holes + 1)
        taps[::holes] = np.array([1, 4, 6, 4, 1]) / 16
        low = convolve2d(low, np.outer(taps, taps), mode="valid")
    gains = ms.std(axis=1) / pan.std()
    proportion = scene.ms_up / scene.ms_up.mean(axis=0)
    return scene.ms_up + proportion * gains[:, None, None] * (scene.pan - low)


def mtf_glp(scene):
    ms, pan = samples(scene)
    gains = (ms.std(axis=1) / pan.std())[:, None, None]
    return scene.ms_up + gains * (scene.pan - scene.pan_low)


def mtf_glp_hpm(scene):
    ms, pan = samples(scene)
    gains = (ms.std(axis=1) / pan.std())[:, None, None]
    mean = ms.mean(axis=1)[:, None, None]
    high = (scene.pan - pan.mean()) * gains + mean
    low = (scene.pan_low - pan.mean()) * gains + mean
    return np.where(low > 0.1 * mean, scene.ms_up * high / low, GUARDED)


def mtf_glp_hpm_r(scene):
    ms, pan = samples(scene)
    gains = np.array([np.polyfit(pan, band, 1)[0] for band in ms])
    shift = (ms.mean(axis=1) / gains - pan.mean())[:, None, None]
    fused = scene.ms_up * (scene.pan + shift) / (scene.pan_low + shift)
    estimate = gains[:, None, None] * (scene.pan_low + shift)
    return np.where(estimate > 0.1 * ms.mean(axis=1)[:, None, None], fused, GUARDED)


def mtf_glp_fs(scene):
    pan = scene.pan.ravel()
    with_low = np.cov(scene.pan_low.ravel(), pan)[0, 1]
    gains = np.array([np.cov(band.ravel(), pan)[0, 1] for band in scene.ms_up]) / with_low
    return scene.ms_up + gains[:, None, None] * (scene.pan - scene.pan_low)


def gaussian_blur(image, sigma):
    radius = int(np.ceil(4 * sigma))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    taps /= taps.sum()
    rows = np.stack(
        [np.convolve(row, taps, mode="valid") for row in np.pad(image, radius, mode="edge")]
    )
    return np.stack([np.convolve(column, taps, mode="valid") for column in rows.T]).T


def bdsd_pc(scene):
    sigma_ms = scene.ratio**2 * np.sqrt(-2 * np.log(0.3)) / np.pi
    sigma_pan = scene.ratio * np.sqrt(-2 * np.log(0.15)) / np.pi
    step = slice(scene.ratio // 2, None, scene.ratio)
    low = np.stack([gaussian_blur(band, sigma_ms)[step, step].ravel() for band in scene.ms_up])
    pan = gaussian_blur(scene.pan, sigma_pan)[step, step].ravel()
    design = np.vstack([pan, low]).T
    bounds = ([0, *[-np.inf] * len(low)], [np.inf, *[0] * len(low)])
    fused = []
    for band, band_low in zip(scene.ms_up, low, strict=True):
        solution = lsq_linear(design, band[step, step].ravel() - band_low, bounds, tol=1e-14).x
        mixed = np.einsum("k,kij->ij", solution[1:], scene.ms_up)
        fused.append(band + solution[0] * scene.pan + mixed)
    return np.stack(fused)


FORMULAS = {
    "exp": exp,
    "brovey": brovey,
    "bt-h": bt_h,
    "gihs": gihs,
    "gs": gs,
    "gsa": gsa,
    "sfim": sfim,
    "awlp": awlp,
    "mtf-glp": mtf_glp,
    "mtf-glp-hpm": mtf_glp_hpm,
    "mtf-glp-hpm-r": mtf_glp_hpm_r,
    "mtf-glp-fs": mtf_glp_fs,
    "bdsd-pc": bdsd_pc,
}


def test_every_method_has_a_formula():
    assert set(FORMULAS) == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_method_is_its_formula(name, make_scene):
    scene = make_scene(bands=4, size=40, ratio=4)
    expected = FORMULAS[name](scene)
    tested = ~np.isnan(expected)
    assert tested.mean() > 0.9
    fused = scene.fuse(METHODS[name]())
    np.testing.assert_allclose(fused[tested], expected[tested], rtol=2e-5, atol=5e-3)


def test_guard_is_exact_above_the_floor_continuous_and_bounded():
    low = np.linspace(-1, 1, 2001, dtype=np.float32)
    weight = guarded_inverse(low, 0.1)
    np.testing.assert_allclose(weight[low > 0.101], 1 / low[low > 0.101], rtol=1e-6)
    assert (weight[low <= 0] == 0).all()
    assert weight.max() == pytest.approx(10, rel=1e-3)
    assert np.abs(np.diff(weight)).max() < 0.11


def test_a_gain_on_a_constant_image_is_zero():
    gains = guarded_gain(np.array([1e-9, 2.0]), np.array([1e-10, 4.0]), mean=400.0)
    np.testing.assert_array_equal(gains, [0.0, 0.5])


def test_bdsd_bounds_bind_and_detail_is_injected(make_scene):
    scene = make_scene(size=40)
    method = METHODS["bdsd-pc"]()
    method.prepare(scene, lambda fraction, message: None)
    assert (method._pan_coefficients >= 0).all()
    assert method._pan_coefficients.max() > 0.1
    assert (method._ms_coefficients <= 0).all()


def test_bt_h_haze_follows_band_names_in_any_order(make_scene):
    quickbird = get_profile("quickbird")
    assert [band.name for band in quickbird.ms_bands] == ["blue", "green", "red", "nir"]
    reordered = replace(quickbird, ms_bands=quickbird.ms_bands[::-1])
    for profile, shares in (
        (quickbird, (0.95, 0.45, 0.4, 0.05)),
        (reordered, (0.05, 0.4, 0.45, 0.95)),
    ):
        scene = make_scene(profile=profile)
        percentiles = [np.percentile(band, 1) for band in scene.ms]
        method = METHODS["bt-h"]()
        method.prepare(scene, lambda fraction, message: None)
        np.testing.assert_allclose(
            method._haze[:, 0, 0], np.multiply(shares, percentiles), rtol=1e-6
        )


def test_brovey_weights(make_scene):
    scene = make_scene(bands=3)
    weights = [0.2, 0.5, 0.1]
    expected = scene.ms_up * scene.pan / np.einsum("k,kij->ij", weights, scene.ms_up)
    np.testing.assert_allclose(scene.fuse(Brovey(weights)), expected, rtol=1e-5)
    with pytest.raises(InputError, match="2 weights for 3 bands"):
        scene.fuse(Brovey([0.5, 0.5]))


@pytest.mark.parametrize("width", [1.0, 2.0, 2.5, 3.0, 4.0, 5.99])
def test_box_kernel_has_the_variance_of_its_width(width):
    kernel = box_kernel(width)
    offsets = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1)
    assert kernel @ offsets == pytest.approx(0)
    assert (kernel > 0).all()
    assert kernel.max() == pytest.approx(1 / width)
