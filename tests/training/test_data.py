"""Simulated samples: aligned, symmetric, and the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from ksdiff_engine.samples import band_sample
from ksdiff_engine.scene_statistics import intensity_weights
from ksdiff_training.config import DataConfig, Source
from ksdiff_training.data.pairs import PairFile, read_ms_only, read_pair
from ksdiff_training.data.sampler import PatchSampler, augment, cut_windows, load_sources
from ksdiff_training.data.simulation import scene_statistics, simulate, synthetic_pan
from ksdiff_training.validation import PATCHES_A_SCENE, Validator

CONFIG = DataConfig(
    train=(Source("train/vhr_*.npz", 0.7), Source("train/landsat_*.npz", 0.3)),
    validation=(Source("train/held_out.npz"),),
    patch=32,
    variants=2,
    shift=0.0,
)


def ramp_pair(ratio: int, n: int = 80) -> PairFile:
    """One plane over the ground in PAN and in three bands of MS, each at its pixel centres."""
    fine, coarse = ((np.arange(m) + 0.5) / m * n for m in (n * ratio, n))
    planes = [1000 + 5 * c[None, :] + 3 * c[:, None] for c in (fine, coarse)]
    pan, ms = (plane.astype(np.float32) for plane in planes)
    return PairFile("ramp", np.stack([ms] * 3), pan, ratio, "", None)


def textured_pair() -> PairFile:
    """Three bands of fine texture that PAN shows too."""
    rng = np.random.default_rng(3)
    fine = gaussian_filter(rng.normal(0, 300, (3, 320, 320)), (0, 5, 5)) * 30 + 1000
    ms = fine.reshape(3, 80, 4, 80, 4).mean(axis=(2, 4)).astype(np.float32)
    return PairFile("texture", ms, fine.mean(axis=0).astype(np.float32), 4, "", None)


def cut(*arguments, **options):
    """The first of a scene's windows."""
    return next(cut_windows(*arguments, **options))


@pytest.mark.parametrize("own_ratio", [2, 4])
@pytest.mark.parametrize("ratio", [2, 4])
def test_all_images_of_a_simulation_show_the_same_ground(own_ratio, ratio):
    """A ramp comes out unmoved, whatever the phase, the MTF and the way PAN is reduced."""
    pair = ramp_pair(own_ratio)
    inner = np.s_[..., 14 * ratio // 2 : -14 * ratio // 2, 14 * ratio // 2 : -14 * ratio // 2]
    for seed in range(6):
        simulation = simulate(pair, ratio, CONFIG, np.random.default_rng(seed))
        reference = simulation.reference[inner]
        assert reference.size
        # The ramp rises by 5 a pixel: 0.15 is 0.03 pixels.
        np.testing.assert_allclose(simulation.ms_up[inner], reference, atol=0.15)
        np.testing.assert_allclose(simulation.pan[inner], reference[0], atol=0.15)
        np.testing.assert_allclose(simulation.pan_low[inner], reference[0], atol=0.15)


def test_shift_moves_pan_alone_and_stays_within_its_limit():
    config = replace(CONFIG, shift=0.5)
    inner = np.s_[30:-30, 30:-30]
    offsets = []
    for seed in range(20):
        simulation = simulate(ramp_pair(4), 4, config, np.random.default_rng(seed))
        offsets.append(float((simulation.pan - simulation.reference[0])[inner].mean()))
        np.testing.assert_allclose(
            simulation.ms_up[0][inner], simulation.reference[0][inner], atol=0.15
        )
    moved = np.abs(offsets) > 0.1
    assert 4 <= moved.sum() <= 16  # half of the variants
    assert np.abs(offsets).max() <= 0.5 * (5 + 3) + 0.1


def test_bands_are_drawn_without_repetition():
    rng = np.random.default_rng(0)
    ms = np.arange(1, 7)[:, None, None] * np.ones((6, 40, 40), np.float32)
    pair = PairFile("flat", ms, np.ones((80, 80), np.float32), 2, "", None)
    drawn = [simulate(pair, 2, CONFIG, rng).reference[:, 0, 0] for _ in range(40)]
    assert all(len(set(bands)) == len(bands) >= 3 for bands in drawn)
    assert {len(bands) for bands in drawn} == {3, 4, 5, 6}
    assert any(list(bands) != sorted(bands) for bands in drawn)


def test_statistics_are_those_of_inference():
    rng = np.random.default_rng(0)
    ms, pan = rng.normal(500, 80, (3, 40, 40)), rng.normal(400, 60, (40, 40))
    ours = scene_statistics(ms, pan, 4)
    values = np.concatenate([ms, pan[None]]).reshape(4, -1)
    covariance = np.cov(values, bias=True)
    np.testing.assert_allclose(ours.mean, values[:3].mean(axis=1))
    np.testing.assert_allclose(ours.std, values[:3].std(axis=1), rtol=1e-3)
    expected = intensity_weights(values.mean(axis=1), covariance)
    np.testing.assert_allclose(ours.intensity, expected, rtol=1e-6)


def test_cut_takes_one_place_of_all_images():
    """Without jitter, reference and LRMS of a ramp agree; PAN follows them."""
    still = replace(CONFIG, jitter=0.0)
    rng = np.random.default_rng(0)
    simulation = simulate(ramp_pair(4), 4, still, rng)
    for _ in range(20):
        pan, lrms, reference = cut(simulation, still, 4, rng)
        assert (pan.shape, lrms.shape, reference.shape) == ((4, 32, 32), (1, 32, 32), (1, 32, 32))
        assert pan.dtype == lrms.dtype == reference.dtype == np.float32
        middle = np.s_[0, 12:-12, 12:-12]
        np.testing.assert_allclose(lrms[middle], reference[middle], atol=0.02)
        np.testing.assert_allclose(pan[middle], reference[middle], atol=0.05)


def test_windows_are_of_one_band_and_of_several_places():
    levels = np.array([0, 1e4, 2e4], np.float32)[:, None, None]
    pair = textured_pair()
    config = replace(CONFIG, jitter=0.0, windows=4)
    simulation = simulate(pair, 4, config, np.random.default_rng(0))
    statistics = simulation.statistics
    raised = replace(
        simulation,
        reference=simulation.reference + levels[: len(simulation.reference)],
        statistics=replace(statistics, mean=statistics.mean * 0, std=statistics.std * 0 + 1),
    )
    chosen = set()
    for seed in range(12):
        windows = list(cut_windows(raised, config, 4, np.random.default_rng(seed)))
        assert len(windows) == 4
        bands = {round(float(reference.mean() - 1000) / 1e4) for _, _, reference in windows}
        assert len(bands) == 1
        assert len({reference.tobytes() for _, _, reference in windows}) == 4
        chosen |= bands
    assert len(chosen) > 1


@pytest.mark.parametrize("margin", [8, 40])  # the scene has 80 x 80 pixels, a patch 32
def test_a_margin_is_what_lies_around_a_patch_mirrored_where_the_scene_ends(margin):
    simulation = simulate(textured_pair(), 4, CONFIG, np.random.default_rng(0))
    config = replace(CONFIG, jitter=0.0)
    padded = np.pad(simulation.pan, margin, mode="symmetric")
    for seed in range(6):
        bare, wide = (
            cut(simulation, replace(config, margin=m), 4, np.random.default_rng(seed))
            for m in (0, margin)
        )
        for patch, image in zip(bare, wide, strict=True):
            np.testing.assert_array_equal(image[:, margin:-margin, margin:-margin], patch)
        scaled, statistics = wide[0][0], simulation.statistics
        pan = scaled * np.float32(statistics.pan_std) + np.float32(statistics.pan_mean)
        edge = len(pan)
        places = np.lib.stride_tricks.sliding_window_view(padded, (edge, edge))
        assert np.abs(places - pan).max(axis=(2, 3)).min() < 1e-2


def test_batches_hold_the_windows_of_a_scene_one_after_the_other(tmp_path, data):
    config = replace(CONFIG, windows=3, ratios=(2, 3, 5), variants=12)
    pan, _, _ = PatchSampler(data, config, 6, 0).batch(24)
    ratios = pan[:, 5, 0, 0].reshape(8, 3)
    assert (ratios == ratios[:, :1]).all()
    assert len(ratios[:, 0].unique()) > 1


def test_jitter_keeps_reference_and_lrms_together():
    simulation = simulate(ramp_pair(4), 4, CONFIG, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    middle = np.s_[0, 12:-12, 12:-12]
    means = []
    for _ in range(30):
        _, lrms, reference = cut(simulation, replace(CONFIG, jitter=0.5), 4, rng)
        np.testing.assert_allclose(lrms[middle], reference[middle], atol=0.05)
        means.append(float(lrms.mean()))
    assert np.std(means) > 0.3


def test_contrast_changes_pan_and_band_alike():
    simulation = simulate(ramp_pair(4), 4, CONFIG, np.random.default_rng(0))
    plain, contrasted = (
        cut(simulation, replace(CONFIG, jitter=0.0, contrast=c), 6, np.random.default_rng(1))
        for c in (0.0, 1e-9)
    )
    for a, b in zip(plain, contrasted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    factors = []
    for seed in range(20):
        config = replace(CONFIG, jitter=0.0, contrast=0.3)
        one, other = (
            cut(simulation, replace(config, contrast=c), 6, np.random.default_rng(seed))
            for c in (1e-9, 0.3)
        )
        factor = float(other[1].std() / one[1].std())
        for a, b in zip(one[1:], other[1:], strict=True):
            np.testing.assert_allclose(b, a * factor, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(other[0][:5], one[0][:5] * factor, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(other[0][5], one[0][5])  # the ratio stays
        factors.append(np.log(factor))
    assert 0.15 < np.std(factors) < 0.45


@pytest.mark.parametrize("gains", [(3.0, 3.0, 3.0), (0.5, 2.0, 7.0)], ids=["all", "per band"])
def test_gains_of_scenes_and_bands_are_undone_by_standardisation(gains):
    """Therefore they are no augmentation: every scene is seen at every gain."""
    pair = textured_pair()
    bright = replace(
        pair,
        ms=pair.ms * np.array(gains, np.float32)[:, None, None],
        pan=pair.pan * np.float32(2.0),
    )
    samples = [
        cut(simulate(p, 4, CONFIG, np.random.default_rng(5)), CONFIG, 6, np.random.default_rng(6))
        for p in (pair, bright)
    ]
    for plain, other in zip(*samples, strict=True):
        np.testing.assert_allclose(other, plain, atol=2e-3)


def test_the_mtf_gain_varies_within_its_range():
    """What is blurred more keeps less of the finest detail."""
    pair = textured_pair()

    def detail(gain_range, seed):
        config = replace(CONFIG, gain_range=gain_range)
        simulation = simulate(pair, 4, config, np.random.default_rng(seed))
        bands = np.sort(simulation.ms_up.std(axis=(1, 2)) / simulation.reference.std(axis=(1, 2)))
        return float(bands.mean())

    lowest, highest = (np.array([detail((g, g), seed) for seed in range(8)]) for g in (0.05, 0.6))
    assert (lowest < highest).all()
    varied = np.array([detail((0.05, 0.6), seed) for seed in range(8)])
    assert (varied >= lowest - 1e-6).all()
    assert (varied <= highest + 1e-6).all()
    assert np.std((varied - lowest) / (highest - lowest)) > 0.1


def test_scenes_smaller_than_the_patch_are_named():
    simulation = simulate(ramp_pair(4, n=24), 4, CONFIG, np.random.default_rng(0))
    with pytest.raises(ValueError, match="24 x 24 MS pixels has no patch of 32 x 32"):
        cut(simulation, CONFIG, 4, np.random.default_rng(0))


def test_augmentation_takes_all_eight_symmetries_evenly_and_alike():
    rng = np.random.default_rng(0)
    square = np.arange(9.0).reshape(1, 3, 3)
    sample = (np.concatenate([square, square + 100]), square, 2 * square)
    symmetries = {}
    for _ in range(800):
        pan, lrms, reference = augment(sample, rng)
        np.testing.assert_array_equal(pan[:1], lrms)
        np.testing.assert_array_equal(pan[1:], lrms + 100)
        np.testing.assert_array_equal(reference, 2 * lrms)
        key = tuple(lrms.ravel())
        symmetries[key] = symmetries.get(key, 0) + 1
    expected = {
        tuple(np.rot90(face, k).ravel()) for face in (square[0], square[0].T) for k in range(4)
    }
    assert set(symmetries) == expected
    assert min(symmetries.values()) > 60  # 100 each, on average


def test_a_batch_is_known_by_its_number(data):
    first, second = (PatchSampler(data, CONFIG, 4, seed=3) for _ in range(2))
    batches = [first.batch(4, number) for number in range(3)]
    for number in (2, 0, 1):  # whatever was drawn before
        for a, b in zip(batches[number], second.batch(4, number), strict=True):
            assert torch.equal(a, b)
    assert not torch.equal(batches[0][0], batches[1][0])
    other = PatchSampler(data, CONFIG, 4, seed=4)
    assert not torch.equal(first.batch(4)[0], other.batch(4)[0])


@pytest.mark.parametrize("ratio", [2, 4])
def test_batches_have_their_shapes_at_any_ratio(data, ratio):
    pan, lrms, reference = PatchSampler(data, replace(CONFIG, ratios=(ratio,)), 4, seed=0).batch(5)
    assert (pan.shape, lrms.shape, reference.shape) == ((5, 4, 32, 32), (5, 1, 32, 32), lrms.shape)
    assert all(t.dtype == torch.float32 and torch.isfinite(t).all() for t in (pan, lrms, reference))
    assert (lrms - reference).abs().mean() < 1  # the same ground, standardised


def test_sources_share_their_weight_by_size(data, scene_file):
    scene_file(data / "train" / "vhr_2.npz", ms=(4, 96, 104), seed=9)  # four times the area
    pairs, weights = load_sources(data, CONFIG.train)
    assert [pair.name for pair in pairs] == ["vhr_1", "vhr_2", "landsat_1"]
    np.testing.assert_allclose(weights, [0.7 / 3, 1.4 / 3, 0.3])


def test_patterns_without_files_are_named(data):
    config = replace(CONFIG, train=(Source("train/ikonos_*.npz"),))
    with pytest.raises(FileNotFoundError, match="ikonos"):
        PatchSampler(data, config, 4, seed=0)
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz"):
        Validator(data, replace(CONFIG, validation=(Source("nothing.npz"),)), 4)


def test_validation_patches_are_fixed(data):
    first, second = (Validator(data, CONFIG, 4).batch for _ in range(2))
    assert first[0].shape == (PATCHES_A_SCENE, 4, 32, 32)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_pair_files_are_read_with_their_type(data):
    pair = read_pair(data / "train" / "vhr_1.npz", np.float64)
    assert (pair.name, pair.ratio, pair.sensor) == ("vhr_1", 4, "generated")
    assert (pair.ms.shape, pair.pan.shape) == ((4, 48, 52), (192, 208))
    assert pair.ms.dtype == pair.pan.dtype == np.float64
    assert pair.reference is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ratio": 2}, r"PAN \(192, 208\) is not 2 times MS \(48, 52\)"),
        ({"pan": None}, "pan"),
    ],
)
def test_pair_files_that_do_not_fit_are_named(data, change, message):
    path = data / "train" / "vhr_1.npz"
    with np.load(path) as arrays:
        content = {**arrays, **change}
    np.savez(path, **{key: value for key, value in content.items() if value is not None})
    with pytest.raises(ValueError, match=message) as caught:
        read_pair(path)
    assert str(path) in str(caught.value)


def test_damaged_pair_files_are_named(data):
    path = data / "train" / "vhr_1.npz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"vhr_1\.npz is not a pair"):
        read_pair(path)


def test_variants_take_one_of_the_ratios_each(data):
    config = replace(CONFIG, ratios=(2, 3, 5), variants=12)
    sampler = PatchSampler(data, config, 6, seed=0)
    drawn = {s.statistics.ratio for variants in sampler.variants for s in variants}
    assert drawn == {2.0, 3.0, 5.0}
    pan, _, _ = sampler.batch(32)
    told = {round(2 ** (float(level) + 2)) for level in pan[:, 5].mean(dim=(1, 2))}
    assert told == {2, 3, 5}


def test_parts_of_scenes_have_statistics_of_their_own(data):
    config = replace(CONFIG, parts=True, variants=30)
    (variants, _) = PatchSampler(data, config, 4, seed=0).variants
    sizes = [simulation.pan.shape for simulation in variants]
    whole = [size for size in sizes if size == (48, 52)]
    assert 8 < len(whole) < 22
    assert all(min(size) >= 32 and max(size) < 52 for size in sizes if size not in whole)
    levels = {round(float(s.statistics.pan_mean)) for s in variants if s.pan.shape not in whole}
    assert len(levels) > 5


def test_a_synthetic_pan_is_a_bent_mixture_of_the_bands_as_they_lie(data):
    source = Source("train/vhr_*.npz", synthetic_pan=True)
    ((pair,), _) = load_sources(data, (source,))
    assert pair.pan.size == 0
    first, second = (simulate(pair, 4, CONFIG, np.random.default_rng(seed)) for seed in (0, 1))
    for simulation in (first, second):
        bands = simulation.reference.reshape(len(simulation.reference), -1).astype(np.float64)
        pan = simulation.pan.ravel().astype(np.float64)
        weights, residual, _, _ = np.linalg.lstsq(bands.T, pan, rcond=None)
        assert np.sqrt(residual[0] / pan.size) < 0.1 * pan.std()
        assert weights.sum() == pytest.approx(1, abs=0.2)
    assert np.corrcoef(first.pan.ravel(), second.pan.ravel())[0, 1] < 1


def test_a_synthetic_pan_rises_with_a_single_band_but_not_in_a_straight_line():
    band = np.linspace(100, 900, 6400, dtype=np.float32).reshape(1, 80, 80)
    bends = []
    for seed in range(12):
        pan = synthetic_pan(band, np.random.default_rng(seed)).ravel()
        steps = pan.reshape(16, -1).mean(axis=1)
        assert (np.diff(steps) > 0).all()
        bends.append(steps[8] - (steps[0] + steps[-1]) / 2)
    assert np.std(bends) > 10
    assert np.abs(bends).max() < 120
    flat = synthetic_pan(np.full((3, 8, 8), 5.0, np.float32), np.random.default_rng(0))
    np.testing.assert_allclose(flat, 5)


def test_sources_for_pretraining_take_part_only_then(data):
    config = replace(CONFIG, pretrain=(Source("train/held_out.npz", synthetic_pan=True),))
    assert len(PatchSampler(data, config, 4, seed=0).variants) == 2
    assert len(PatchSampler(data, config, 4, seed=0, pretrain=True).variants) == 3


def test_files_without_ms_are_refused_by_name(tmp_path):
    np.savez(tmp_path / "empty.npz", gt=np.zeros((1, 4, 4)))
    with pytest.raises(ValueError, match=r"empty\.npz holds no multispectral image"):
        read_ms_only(tmp_path / "empty.npz")


# --- several bands at once ---


def test_bands_of_a_joint_sample_keep_their_order(data):
    sampler = PatchSampler(data, CONFIG, 4, seed=0, bands=4)
    pan, lrms, reference = sampler.batch(3)
    assert pan.shape == (3, 3 + 4, 32, 32)
    assert lrms.shape == reference.shape == (3, 4, 32, 32)
    pairs, _ = load_sources(data, CONFIG.train, 4)
    for pair, variants in zip(pairs, sampler.variants, strict=True):
        positions = [
            [
                int(np.abs(pair.ms[:, :40, :48] - band[:40, :48]).sum(axis=(1, 2)).argmin())
                for band in v.reference
            ]
            for v in variants
        ]
        assert all(len(p) >= 4 and p == sorted(p) for p in positions)


def test_a_joint_sample_is_the_samples_of_its_bands():
    simulation = simulate(ramp_pair(4), 4, CONFIG, np.random.default_rng(0), bands=3)
    still = replace(CONFIG, jitter=0.0, patch=80)
    joint = cut(simulation, still, 6, np.random.default_rng(1), bands=3)
    alone = [
        band_sample(
            simulation.pan,
            simulation.pan_low,
            simulation.ms_up,
            simulation.reference,
            simulation.statistics,
            band,
            6,
        )
        for band in range(3)
    ]
    assert joint[0].shape == (3 + 3 * 3, 80, 80)
    for band, (pan, lrms, reference) in enumerate(alone):
        own = joint[0][3 + 3 * band : 6 + 3 * band]
        np.testing.assert_array_equal(np.concatenate([joint[0][:3], own]), pan)
        np.testing.assert_array_equal(joint[1][[band]], lrms)
        np.testing.assert_array_equal(joint[2][[band]], reference)


def test_scenes_of_fewer_bands_take_no_part(data):
    assert len(PatchSampler(data, CONFIG, 4, seed=0, bands=4).variants) == 2
    assert len(PatchSampler(data, CONFIG, 4, seed=0, bands=5).variants) == 1  # Landsat has six
    with pytest.raises(ValueError, match="has 7 bands"):
        PatchSampler(data, CONFIG, 4, seed=0, bands=7)
    assert Validator(data, CONFIG, 4, bands=6).batch[1].shape == (PATCHES_A_SCENE, 6, 32, 32)
    with pytest.raises(ValueError, match="has 7 bands"):
        Validator(data, CONFIG, 4, bands=7)
