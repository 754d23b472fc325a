"""PanCollection's layout: patches read one at a time, standardised and measured as scenes are."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from ksdiff_engine.classical import METHODS
from ksdiff_engine.quality import assess_without_reference, scc
from ksdiff_engine.sensors import gains_for, get_profile
from ksdiff_training.config import DataConfig, Source
from ksdiff_training.data.pancollection import PanCollectionFile
from ksdiff_training.data.patches import PatchSimulations
from ksdiff_training.data.sampler import PatchSampler, load_sources
from ksdiff_training.evaluate import FULL_MEASURES, evaluate, fuse_whole, markdown_table, means
from ksdiff_training.scenes import load_scenes
from ksdiff_training.validation import Validator

CONFIG = DataConfig(
    train=(Source("train_wv3.h5", 0.6), Source("train/vhr_*.npz", 0.4)),
    validation=(Source("valid_wv3.h5"),),
    patch=32,
    variants=2,
)


def test_a_patch_has_its_images_in_digital_numbers(tmp_path, patch_file):
    path = patch_file(tmp_path / "train_wv3.h5", bands=8)
    with PanCollectionFile(path) as file, h5py.File(path) as content:
        assert (len(file), file.bands, file.ratio, file.size) == (6, 8, 4, (64, 64))
        assert file.has_reference
        patch = file[3]
        assert (patch.pan.shape, patch.ms.shape) == ((64, 64), (8, 16, 16))
        for key in ("ms", "lms", "gt"):
            np.testing.assert_array_equal(getattr(patch, key), content[key][3].astype(np.float32))
        scaled = patch.scaled(file.scale)
        np.testing.assert_allclose(scaled.gt * 2047, patch.gt, rtol=1e-6)
        assert scaled.gt.max() < 1


@pytest.mark.parametrize(
    ("name", "attributes", "sensor", "scale"),
    [
        ("train_wv3.h5", {}, "worldview-3", 2047),
        ("valid_qb.h5", {}, "quickbird", 2047),
        ("test_gf2_multiExm1.h5", {}, "gaofen-2", 1023),
        ("test_wv2_OrigScale_multiExm1.h5", {}, "worldview-2", 2047),
        ("mine.h5", {}, "default", 2047),
        ("mine.h5", {"sensor": "pleiades", "scale": 1000.0}, "pleiades", 1000),
    ],
)
def test_the_name_tells_sensor_and_scale_where_the_file_is_silent(
    tmp_path, patch_file, name, attributes, sensor, scale
):
    with PanCollectionFile(patch_file(tmp_path / name, count=1, **attributes)) as file:
        assert (file.sensor.name, file.scale) == (sensor, scale)
        assert file.convention == "benchmark"


def test_no_more_than_a_patch_is_read_at_a_time(tmp_path, patch_file, monkeypatch):
    path = patch_file(tmp_path / "train_wv3.h5", count=300, size=32)
    read, original = [], h5py.Dataset.__getitem__

    def counted(dataset, index, **options):
        read.append((dataset.name, index))
        return original(dataset, index, **options)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", counted)
    simulations = PatchSimulations(path)
    assert len(simulations) == 300
    simulations[7]
    assert all(isinstance(index, (int, np.integer)) for _, index in read)
    assert read[-4:] == [(f"/{key}", 7) for key in ("pan", "ms", "lms", "gt")]


def without(path, key):
    with h5py.File(path, "r+") as file:
        del file[key]


def shortened(path):
    with h5py.File(path, "r+") as file:
        pan = file["pan"][:, :, :60]
        del file["pan"]
        file["pan"] = pan


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: without(path, "lms"), "lacks lms and holds gt, ms, pan"),
        (shortened, "shapes do not belong together"),
        (lambda path: path.write_bytes(b"no HDF5"), "is not an HDF5 file"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path, patch_file, damage, message):
    path = patch_file(tmp_path / "train_wv3.h5", count=1)
    damage(path)
    with pytest.raises(ValueError, match=message) as caught:
        PanCollectionFile(path)
    assert str(path) in str(caught.value)


def test_a_full_resolution_file_is_no_training_data(tmp_path, patch_file):
    path = patch_file(tmp_path / "test_wv3_OrigScale_multiExm1.h5", count=1, reference=False)
    with pytest.raises(ValueError, match="has no 'gt' to learn from"):
        PatchSimulations(path)
    with pytest.raises(FileNotFoundError, match=r"none\.h5 does not exist"):
        PanCollectionFile(tmp_path / "none.h5")


def test_all_images_of_a_patch_show_the_same_ground(tmp_path, patch_file):
    """PAN is the mean of the bands, so its low-pass version is the mean of the interpolated MS."""
    simulation = PatchSimulations(patch_file(tmp_path / "train_xy.h5", size=128))[2]
    inner = np.s_[40:-40, 40:-40]
    mean = simulation.ms_up.mean(axis=0)
    assert np.std(mean[inner]) > 0.02
    # The toolbox's filter and the Gaussian differ a little; half a pixel's shift would give 0.02.
    assert np.abs(simulation.pan_low - mean)[inner].max() < 0.003


def test_standardisation_is_that_of_the_acquisition_where_the_file_tells_it(tmp_path, patch_file):
    path = patch_file(tmp_path / "train_wv3.h5", count=8)
    with h5py.File(path, "r+") as file:
        for key in ("gt", "ms", "lms", "pan"):
            images = file[key][:]
            images[4:] *= 0.1
            file[key][...] = images
        ms = file["ms"][:] / 2047
    whole = PatchSimulations(path)
    expected = ms.transpose(1, 0, 2, 3).reshape(4, -1)
    np.testing.assert_allclose(whole[0].statistics.mean, expected.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(whole[0].statistics.std, expected.std(axis=1), rtol=1e-3)
    assert whole[0].statistics is whole[7].statistics
    whole.file.close()
    with h5py.File(path, "r+") as file:
        file["acquisition"] = np.repeat([0, 1], 4)
    parted = PatchSimulations(path)
    first, last = parted[0].statistics.mean, parted[7].statistics.mean
    np.testing.assert_allclose(first, ms[:4].mean(axis=(0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(last, ms[4:].mean(axis=(0, 2, 3)), rtol=1e-5)


def test_samples_are_drawn_from_files_and_scenes_alike(data, patch_file):
    patch_file(data / "train_wv3.h5")
    patch_file(data / "valid_wv3.h5", seed=90)
    scenes, weights = load_sources(data, CONFIG.train)
    assert isinstance(scenes[0], PatchSimulations)
    np.testing.assert_allclose(weights, [0.6, 0.4])
    first, second = (PatchSampler(data, CONFIG, 4, seed=0) for _ in range(2))
    for number in range(3):
        pan, lrms, reference = batch = first.batch(6, number)
        assert (pan.shape, lrms.shape) == ((6, 4, 32, 32), (6, 1, 32, 32))
        assert all(torch.isfinite(part).all() for part in batch)
        assert (lrms - reference).abs().mean() < 1
        for a, b in zip(batch, second.batch(6, number), strict=True):
            assert torch.equal(a, b)
    assert len(Validator(data, CONFIG, 4).batch[0]) == 6  # one of every patch
    with pytest.raises(ValueError, match=r"train_wv3\.h5 has ratio 4, the experiment's are \(2,\)"):
        PatchSampler(data, replace(CONFIG, ratios=(2,)), 4, seed=0)


def test_reduced_test_files_give_the_papers_columns(tmp_path, patch_file):
    path = patch_file(tmp_path / "test_wv3_multiExm1.h5", count=2, bands=8, size=128)
    rows = evaluate([], [path], methods=("exp", "gsa"))
    assert [row["scene"] for row in rows[::2]] == [f"test_wv3_multiExm1_0{n}" for n in range(2)]
    scene = next(load_scenes(path))
    assert (scene.convention, scene.sensor.name) == ("benchmark", "worldview-3")
    with h5py.File(path) as file:
        exp = fuse_whole(scene, METHODS["exp"]())
        inner = np.s_[:, 48:-48, 48:-48]
        np.testing.assert_allclose(exp[inner], file["lms"][0][inner], atol=0.5)
        assert rows[0]["SCC"] == pytest.approx(scc(file["gt"][0], exp))
    assert 0.8 < rows[0]["Q2n"] < 1
    table = markdown_table([*rows, *means(rows)])
    assert table.startswith("| scene | ratio | method | SAM | ERGAS | Q | Q2n | SCC |")
    assert "| mean of 2 | 4 | gsa |" in table


def test_test_files_without_reference_give_figures_at_full_resolution(tmp_path, patch_file):
    name = "test_gf2_OrigScale_multiExm1.h5"
    path = patch_file(tmp_path / name, count=2, size=128, reference=False)
    reduced = patch_file(tmp_path / "test_gf2_multiExm1.h5", count=1, size=128)
    rows = evaluate([], [path, reduced], methods=("exp", "gsa"))
    scene = next(load_scenes(path))
    sensor = get_profile("gaofen-2")
    fused = fuse_whole(scene, METHODS["gsa"]())
    report = assess_without_reference(
        scene.pan, scene.ms, fused, 4, gains_for(sensor, 4), None, "gaofen-2"
    )
    assert [rows[1][key] for key in FULL_MEASURES] == pytest.approx(
        [report.d_lambda_k, report.d_s, report.hqnr]
    )
    tables = markdown_table([*rows, *means(rows)]).split("\n\n")
    assert tables[0].startswith("| scene | ratio | method | D_lambda | D_s | HQNR |")
    assert "| mean of 2 | 4 | gsa |" in tables[0]
    assert "| mean of 1 | 4 | gsa |" in tables[1]
