"""One's own scenes become PanCollection files, split by acquisition, and training reads them."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
import yaml

from ksdiff_engine.resample import interp23, lowpass_matrix
from ksdiff_engine.wald import reduce_pair
from ksdiff_training.cli import main
from ksdiff_training.config import load_config
from ksdiff_training.data.pancollection import PanCollectionFile
from ksdiff_training.data.patches import PatchSimulations
from ksdiff_training.data.prepare import acquisitions, prepare, read_scene_list
from ksdiff_training.train import train

LIST = {
    "name": "own",
    "patch": 32,
    "test_patch": 64,
    "scenes": [{"pan": "*_PAN.tif", "ms": "*_MS.tif", "sensor": "geoeye-1"}],
}


@pytest.fixture
def scenes(tmp_path, scene_file, raster):
    """A factory: the folder of a list of scenes `days`, and the list's path; keywords change it."""

    def make(days, *, nodata=None, hole=None, size=(70, 100), **changes):
        folder = tmp_path / "scenes"
        for number, day in enumerate(days):
            path = scene_file(tmp_path / f"{day}.npz", ms=(4, *size), seed=10 + number)
            with np.load(path) as arrays:
                ms, pan = arrays["ms"], arrays["pan"]
            if hole is not None:
                ms[:, hole[0], hole[1]] = nodata
            raster(folder / f"{day}_PAN.tif", pan)
            raster(folder / f"{day}_MS.tif", ms, pixel=(4.0, 4.0), nodata=nodata)
        path = folder / "list.yaml"
        path.write_text(yaml.safe_dump({**LIST, **changes}))
        return path

    return make


def prepared(path, **options):
    output = path.parent.parent / "prepared"
    return prepare(read_scene_list(path), path.parent, output, **options)


def test_patches_are_those_of_walds_protocol(scenes):
    path = scenes(["a"], scenes=[{**LIST["scenes"][0], "split": "train"}])
    (file,) = prepared(path)
    with np.load(path.parent.parent / "a.npz") as arrays:
        ms, pan = arrays["ms"], arrays["pan"][0]
    pan_low, ms_low, reference = reduce_pair(pan, ms, 4, [0.23] * 4, "benchmark")
    # Where the toolbox samples, by the Gaussian that has exactly the sensor's gain.
    rows, columns = (lowpass_matrix(n, np.arange(2, n, 4), 4, 0.23) for n in (70, 100))
    exact = rows @ ms @ columns.T
    with PanCollectionFile(file) as content:
        assert len(content) == 2 * 3  # of 70 × 100 MS pixels
        assert (content.bands, content.ratio, content.size) == (4, 4, (32, 32))
        patch = content[4]  # of the second row the second
        np.testing.assert_array_equal(patch.gt, reference[:, 32:64, 32:64])
        np.testing.assert_allclose(patch.pan, pan_low[32:64, 32:64], rtol=1e-4)
        np.testing.assert_allclose(patch.ms, exact[:, 8:16, 8:16], rtol=1e-4)
        assert np.abs(patch.ms - ms_low[:, 8:16, 8:16]).max() < 0.05 * patch.ms.std()
        # At its ends interp23 takes the other end for a neighbour.
        whole = interp23(exact, 4)[:, 32:48, 32:64]
        np.testing.assert_allclose(patch.lms[:, :16], whole, atol=0.02 * patch.ms.std())


def test_files_say_what_they_are(scenes):
    path = scenes(["a"], scenes=[{**LIST["scenes"][0], "split": "train", "acquisition": "May"}])
    (file,) = prepared(path)
    with h5py.File(file) as content:
        attributes = dict(content.attrs)
        assert list(content) == ["acquisition", "gt", "lms", "ms", "pan"]
        assert content["gt"].chunks == (1, 4, 32, 32)
    assert (attributes["sensor"], attributes["ratio"], attributes["scale"]) == ("geoeye-1", 4, 2047)
    assert (attributes["convention"], attributes["split"]) == ("benchmark", "train")
    assert list(attributes["acquisitions"]) == ["May"]
    np.testing.assert_allclose(attributes["ms_gains"], 0.23)
    with PanCollectionFile(file) as content:
        assert (content.sensor.name, content.scale) == ("geoeye-1", 2047)


def test_patches_with_nodata_are_left_out(scenes):
    said = []
    split = {**LIST["scenes"][0], "split": "train"}
    hole = (slice(40, 42), slice(40, 41))
    (file,) = prepared(scenes(["a"], scenes=[split], nodata=0, hole=hole), say=said.append)
    with PanCollectionFile(file) as content:
        assert len(content) == 5
        assert min(content[index].gt.min() for index in range(5)) > 100
    assert said == ["train_own.h5: a_PAN, 5 patches, 1 skipped"]


def test_no_acquisition_is_in_two_files(scenes):
    days = [f"day{number}" for number in range(12)]
    path = scenes(days, size=(64, 64))
    files = prepared(path)
    assert [file.name for file in files] == [
        "train_own.h5",
        "valid_own.h5",
        "test_own_multiExm1.h5",
    ]
    names = []
    for file in files:
        with h5py.File(file) as content:
            names.append({str(name) for name in content.attrs["acquisitions"]})
            assert set(content["acquisition"][:]) == set(range(len(names[-1])))
    assert [len(group) for group in names] == [10, 1, 1]
    assert set.union(*names) == {f"{day}_PAN" for day in days}
    with PanCollectionFile(files[2]) as content:
        assert content.size == (64, 64)
    listed = read_scene_list(path)
    groups = acquisitions(listed, path.parent)
    assert groups == acquisitions(listed, path.parent)  # the same draw


def test_too_few_acquisitions_are_refused_unless_their_splits_are_named(scenes, tmp_path):
    path = scenes(["a", "b"], size=(64, 64))
    with pytest.raises(ValueError, match=r"2 acquisitions \(a_PAN, b_PAN\) are too few"):
        prepared(path)
    assert not (tmp_path / "prepared").exists()
    named = [
        {"pan": f"{day}_PAN.tif", "ms": f"{day}_MS.tif", "sensor": "geoeye-1", "split": split}
        for day, split in (("a", "train"), ("b", "valid"))
    ]
    files = prepared(scenes(["a", "b"], size=(64, 64), scenes=named))
    assert [file.name for file in files] == ["train_own.h5", "valid_own.h5"]


ENTRY = {"pan": "a_PAN.tif", "ms": "a_MS.tif"}
KNOWN = {**ENTRY, "sensor": "geoeye-1", "split": "train"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, r"list\.yaml: unknown keys in SceneList: colour"),
        ({"scenes": [{**KNOWN, "pam": 1}]}, "unknown keys in SceneEntry: pam"),
        ({"scenes": []}, "names no scenes"),
        ({"scenes": [{**KNOWN, "split": "exam"}]}, "split must be one of .* not exam"),
        ({"convention": "mine"}, "convention must be one of"),
        ({"scenes": [KNOWN, {**ENTRY, "acquisition": "x"}]}, "either all scenes name their split"),
        (
            {"scenes": [{**KNOWN, "acquisition": "x"}, {**ENTRY, "acquisition": "x"}]},
            "x is in two splits",
        ),
        ({"scenes": [{**ENTRY, "split": "train"}]}, "nor its bits: name it"),
        ({"scenes": [KNOWN], "patch": 128}, "no 128 × 128 MS pixels without nodata"),
        ({"scenes": [KNOWN], "patch": 30}, "30 does not divide by the ratio 4"),
    ],
)
def test_mistakes_are_named_and_leave_nothing_behind(scenes, tmp_path, changes, message):
    path = scenes(["a"], size=(64, 64), **changes)
    with pytest.raises(ValueError, match=message):
        prepared(path)
    assert not [entry for entry in tmp_path.iterdir() if "prepared" in entry.name]


def test_nothing_is_written_over(scenes, tmp_path):
    path = scenes(["a"], scenes=[KNOWN])
    (tmp_path / "prepared").mkdir()
    (file,) = prepared(path)
    before = file.read_bytes()
    with pytest.raises(FileExistsError, match="is not empty"):
        prepared(path)
    assert file.read_bytes() == before


def test_what_prepare_writes_is_trained_on_and_evaluated(scenes, tmp_path, experiment_file, capsys):
    path = scenes(["a", "b", "c"], size=(64, 64))
    output = tmp_path / "prepared"
    assert main(["--threads", "1", "prepare", str(path), "--output", str(output)]) == 0
    printed = capsys.readouterr().out
    assert "4 patches, 0 skipped" in printed
    assert str(output / "train_own.h5") in printed
    simulations = PatchSimulations(output / "train_own.h5")
    simulation = simulations[0]
    assert np.corrcoef(simulation.pan_low.ravel(), simulation.pan.ravel())[0, 1] > 0.8
    data = {
        "train": [{"pattern": "train_own.h5"}],
        "validation": ["valid_own.h5"],
        "patch": 32,
    }
    experiment = load_config(experiment_file(data=data))
    final = train(experiment, output, tmp_path / "run", stages=("stage1",))
    state = torch.load(final, weights_only=True)
    assert state["steps"] == 6
    test = ["--data", str(output / "test_own_multiExm1.h5"), "--methods", "exp"]
    assert main(["evaluate", *test]) == 0
    assert "| mean of 1 | 4 | exp |" in capsys.readouterr().out
