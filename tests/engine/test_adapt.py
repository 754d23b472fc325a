"""Adapting weights to a scene: what is read and held out, what is learnt, and what is kept."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import torch

from ksdiff_engine import cli
from ksdiff_engine.adaptation import blocks, tuning
from ksdiff_engine.adaptation.blocks import GAP, MOST_BLOCKS, PATCH, ReducedScene, read_blocks
from ksdiff_engine.errors import Cancelled, InputError, OutputError
from ksdiff_engine.job import AdaptJob, PansharpenJob, job_from_dict
from ksdiff_engine.model.config import KSDiffConfig
from ksdiff_engine.model.ksdiff import KSDiff
from ksdiff_engine.model.storage import load_network, save_network
from ksdiff_engine.pipeline import Report, run_job
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.runners.adapt import NOTABLE_LOSS
from ksdiff_engine.runners.sample import WholeTile, reduced_scene
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensors import DEFAULT
from ksdiff_engine.weights import catalogue, read_card, select
from tests.engine.conftest import CARD

SIZE = (150, 160)  # MS pixels: four blocks


def open_scene(pan, ms):
    return Scene(align(RasterSource.open_pan(pan), RasterSource.open_ms([ms])), DEFAULT)


def quiet(fraction, message):
    pass


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """An untrained network, which interpolates."""
    torch.manual_seed(0)
    shape = {"channels": (4, 8, 8), "blocks": (1, 1), "tokens": 4, "prior_channels": 8}
    encoder = {"encoder_channels": 4, "encoder_levels": 2, "denoiser_width": 12}
    network = KSDiff(KSDiffConfig(**shape, **encoder))
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    save_network(network.eval(), {**CARD, "name": "untrained", "ratio": [2, 6]}, path)
    return str(path)


@pytest.fixture
def short(monkeypatch):
    """Few and small steps of training."""
    monkeypatch.setattr(tuning, "JUDGE_EVERY", 8)
    monkeypatch.setattr(tuning, "BATCH", 2)
    monkeypatch.setattr(tuning, "WARM_UP", 1)
    monkeypatch.setattr(tuning, "AVERAGE", 0.5)
    monkeypatch.setattr(tuning, "LEARNING_RATE", 3e-3)


@pytest.fixture
def job_for(pair_files, weights, tmp_path):
    folder = tmp_path / "result"
    folder.mkdir()

    def job_for(**fields):
        pan, ms = fields.pop("files", None) or pair_files(size=SIZE, bands=2)
        output = str(folder / "mine.safetensors")
        return AdaptJob(
            **{"pan": pan, "ms": (ms,), "output": output, "weights": weights, "steps": 16, **fields}
        )

    job_for.folder = folder
    return job_for


# What is read.


def test_the_reduced_scene_is_that_of_the_job_degrade(pair_files):
    scene = open_scene(*pair_files(size=(40, 44), ms_hole=(slice(3, 9), slice(20, 31))))
    lazy = ReducedScene(scene)
    with reduced_scene(scene, Report(quiet, lambda: False, print)) as reduced:
        expected = WholeTile.of(reduced.scene).tile
        assert (lazy.width, lazy.height) == (reduced.scene.width, reduced.scene.height)
        tile = lazy.tile(Window(0, 0, lazy.width, lazy.height))
        reference, valid = lazy.reference(tile.window)
        np.testing.assert_array_equal(valid, reduced.valid)
        np.testing.assert_array_equal(tile.valid, expected.valid)
        np.testing.assert_array_equal(reference, reduced.reference)
    assert 0 < (~tile.valid).sum() < tile.valid.size
    for name in ("pan", "pan_low", "ms_up"):  # files round to whole numbers
        np.testing.assert_allclose(getattr(tile, name), getattr(expected, name), atol=1.5)


def test_reduced_grids_lie_on_each_other_as_those_of_the_scene_do(tmp_path, geotiff):
    """Bands whose corner lies half a PAN pixel left of PAN's, as Landsat's do."""
    rows, columns = np.mgrid[0:160, 0:160] + 0.5
    geotiff(tmp_path / "pan.tif", (rows + columns)[None], data_type="Float32")
    rows, columns = 2 * (np.mgrid[0:80, 0:80] + 0.5) - 0.5
    image = np.stack([rows, columns])
    origin = (500000.0 - 0.5, 4800000.0 + 0.5)
    geotiff(tmp_path / "ms.tif", image, pixel=2.0, origin=origin, data_type="Float32")
    scene = open_scene(str(tmp_path / "pan.tif"), str(tmp_path / "ms.tif"))
    reduced = ReducedScene(scene)

    def phase(x, ratio):
        return (x * ratio) % 1.0

    assert phase(reduced.pair.ms_x, 2.0) == pytest.approx(phase(scene.pair.ms_x, 2.0)) == 0.5
    # Values are places, so what is interpolated must lie where the reference lies.
    window = Window(24, 24, 20, 20)
    tile = reduced.tile(window)
    reference, _ = reduced.reference(window)
    np.testing.assert_allclose(tile.ms_up, reference, atol=0.02)
    np.testing.assert_allclose(tile.pan, reference.sum(axis=0), atol=0.02)


@pytest.mark.parametrize(
    "size", [(144, 144), (288, 72), (256, 256), (398, 398), (7500, 7500), (90, 20000)]
)
def test_blocks_keep_apart_and_are_few(size):
    places = blocks.lay_out(*size)
    assert blocks.FEWEST_BLOCKS <= len(places) <= MOST_BLOCKS
    count = np.zeros(size[::-1], dtype=np.uint8)
    for candidates in places:
        middle = candidates[0]
        assert min(middle.width, middle.height) >= PATCH
        assert max(middle.width, middle.height) <= blocks.BLOCK
        for window in candidates:
            assert window.clipped(*size) == window
        around = middle.expanded(GAP // 2).clipped(*size)
        count[around.row : around.row + around.height, around.column :][:, : around.width] += 1
    assert count.max() == 1


def test_scenes_that_are_too_small_are_refused_with_sizes_and_remedy(pair_files):
    scene = ReducedScene(open_scene(*pair_files(size=(100, 132))))
    with pytest.raises(InputError, match=r"132 × 100 MS pixels.*at least 144 × 144") as error:
        read_blocks(scene, 0, quiet)
    assert error.value.hint


def test_what_is_invalid_is_neither_learnt_from_nor_judged(pair_files):
    hole = (slice(0, 118), slice(80, 212))
    scene = ReducedScene(open_scene(*pair_files(size=(230, 300), ms_hole=hole)))
    found = read_blocks(scene, 0, quiet)
    assert len(found.training) + len(found.held_out) < len(blocks.lay_out(300, 230)) == 6
    for block in (*found.training, *found.held_out):
        window = block.tile.window
        rows = np.arange(window.row, window.row + window.height)[:, None]
        columns = np.arange(window.column, window.column + window.width)
        inside = (rows < 118) & (columns >= 80) & (columns < 212)
        assert not block.valid[inside].any()
        assert block.valid.mean() >= 0.5
        assert block.reference[:, block.valid].min() >= 200  # nodata is 0
        assert block.tile.ms_up[:, block.valid].min() >= 200
    patches = tuning.patches(scene, found.training, 4, np.random.default_rng(0))
    for _ in range(20):
        *images, valid = next(patches)
        assert [len(image) for image in images] == [4, 1, 1]
        assert all(np.isfinite(image).all() for image in images)
        assert valid.shape == (1, PATCH, PATCH)
        assert valid.mean() >= blocks.MOSTLY_VALID


def test_a_scene_with_too_little_that_is_valid_is_refused(pair_files):
    hole = (slice(0, 150), slice(0, 90))
    scene = ReducedScene(open_scene(*pair_files(size=SIZE, ms_hole=hole)))
    with pytest.raises(InputError, match="2 of 4 parts"):
        read_blocks(scene, 0, quiet)


def test_a_large_scene_is_not_read_whole(pair_files, monkeypatch):
    monkeypatch.setattr(blocks, "MOST_BLOCKS", 4)
    scene = open_scene(*pair_files(size=(700, 900), ratio=2, bands=1))
    monkeypatch.setattr(blocks, "BLOCK", PATCH)
    read = {"pan": 0, "ms": 0}
    original = RasterSource.read

    def counting(source, window):
        read["pan" if source is scene.pair.pan else "ms"] += window.width * window.height
        return original(source, window)

    monkeypatch.setattr(RasterSource, "read", counting)
    found = read_blocks(ReducedScene(scene), 0, quiet)
    assert len(found.training) + len(found.held_out) == 4
    assert 0 < read["pan"] < 0.5 * 1400 * 1800
    assert 0 < read["ms"] < 0.5 * 700 * 900


# What is learnt and kept.


def test_a_scene_that_can_be_learnt_gives_weights_that_are_used_at_once(job_for, short):
    job = job_for()
    told = []
    result = run_job(job, lambda fraction, message: told.append((fraction, message)))
    assert result["helped"]
    assert result["ergas_after"] < 0.99 * result["ergas_before"]
    assert result["l1_after"] <= result["l1_before"]
    assert (result["output"], result["weights"]) == (job.output, "mine")
    assert result["judgements"][0]["ergas"] == result["ergas_before"]
    assert min(j["ergas"] for j in result["judgements"]) == result["ergas_after"]
    assert (result["blocks"], result["blocks_held_out"]) == (3, 1)
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    assert any("ERGAS of the held-out part" in message for _, message in told)
    json.dumps(result, allow_nan=False)

    assert 0 < result["hqnr_before"] < 1
    assert 0 < result["hqnr_after"] < 1
    fell = result["hqnr_after"] < result["hqnr_before"] - NOTABLE_LOSS
    assert any("HQNR fell" in message for message in result["messages"]) == fell

    card = read_card(job.output)
    assert card["name"] == "mine"
    assert card["ratio"] == [4, 4]
    assert card["adapted"]["derived_from"] == "untrained"
    assert card["adapted"]["files"] == ["pan.tif", "ms.tif"]
    figures = {row["method"]: row["ERGAS"] for row in card["metrics"]}
    assert figures["mine"] == pytest.approx(result["ergas_after"], abs=1e-4)
    assert figures["untrained"] == pytest.approx(result["ergas_before"], abs=1e-4)
    assert "untrained" in card["limits"]

    # Weights of one scene are not chosen for another, but taken by name.
    entries = catalogue([job_for.folder, os.path.dirname(job.weights)])
    assert [entry.name for entry in entries] == ["mine", "untrained"]
    assert select(entries, bands=4, ratio=4)[0].name == "untrained"
    fused = str(job_for.folder / "fused.tif")
    folders = {"weights_folders": (str(job_for.folder),), "device": "cpu"}
    used = run_job(PansharpenJob(pan=job.pan, ms=job.ms, output=fused, weights="mine", **folders))
    assert used["weights"] == "mine"
    assert os.path.isfile(fused)


def test_the_held_out_part_is_judged_by_the_weights_in_the_file(job_for, short, weights):
    job = job_for()
    result = run_job(job)
    scene = ReducedScene(open_scene(job.pan, job.ms[0]))
    held_out = read_blocks(scene, job.seed, quiet).held_out
    judge = tuning.Judge(scene, held_out, torch.device("cpu"), job.seed)
    for path, when in ((weights, "before"), (job.output, "after")):
        figures = judge(load_network(path)[0])
        assert figures.ergas == pytest.approx(result[f"ergas_{when}"], rel=1e-5)
        assert figures.l1 == pytest.approx(result[f"l1_{when}"], rel=1e-5)


def test_the_same_seed_gives_the_same_weights(job_for, short):
    first, same, other = (run_job(job_for(seed=seed, steps=4))["judgements"] for seed in (0, 0, 1))
    assert first == same
    assert first[-1] != other[-1]


def test_the_kernels_can_learn_alone(job_for, weights):
    job = job_for()
    scene = ReducedScene(open_scene(job.pan, job.ms[0]))
    found = read_blocks(scene, 0, quiet)
    network, _ = load_network(weights)
    learner = tuning.Learner(network, scene, found.training, torch.device("cpu"), 0, "kernels")
    learner.step()
    learner.step()  # the generators' last layers start at zero
    trained = learner.averaged().state_dict()
    changed = {k for k, v in network.state_dict().items() if not torch.equal(v, trained[k])}
    assert any(".generator." in name for name in changed)
    assert "backbone.leave.weight" in changed
    assert "backbone.enter.weight" not in changed


def test_where_it_does_not_help_it_says_so_and_writes_nothing(job_for, short, monkeypatch, capsys):
    monkeypatch.setattr(tuning, "LEARNING_RATE", 0.0)
    monkeypatch.setattr(tuning, "PATIENCE", 2)
    job = job_for(steps=100)
    arguments = ["adapt", "--pan", job.pan, "--ms", *job.ms, "--output", job.output]
    code = cli.main([*arguments, "--weights", job.weights, "--steps", "100", "--json"])
    assert code == cli.DID_NOT_HELP
    result = json.loads(capsys.readouterr().out)
    assert not result["helped"]
    assert result["output"] is None
    assert "did not help" in result["verdict"]
    assert (result["weights"], result["weights_file"]) == ("untrained", job.weights)
    assert result["steps"] == 2 * 8  # it did not try for ever
    assert os.listdir(job_for.folder) == []


def test_the_time_is_a_limit(job_for, short):
    result = run_job(job_for(minutes=1e-6, steps=1000))
    assert result["steps"] == 0
    assert not result["helped"]


def test_a_cancelled_run_leaves_nothing(job_for, short):
    messages = []
    with pytest.raises(Cancelled):
        run_job(
            job_for(),
            lambda fraction, message: messages.append(message),
            lambda: bool(messages) and messages[-1].startswith("Step 3"),
        )
    assert os.listdir(job_for.folder) == []


def test_the_worker_runs_it(job_for, ask_worker):
    job = job_for(steps=1)
    result = ask_worker(job)
    assert result["steps"] == 1
    assert os.path.exists(job.output) == result["helped"]


# What is refused.


def test_the_job_survives_json(job_for):
    job = job_for(bands=(1, 3), minutes=2.5, register="correct")
    assert job_from_dict(json.loads(json.dumps(job.to_dict()))) == job
    assert job.outputs == (job.output,)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"output": "mine.tif"}, "safetensors"),
        ({"output": ".safetensors"}, "not named"),
        ({"steps": 0}, "steps"),
        ({"minutes": 0.0}, "minutes"),
        ({"output": "mine.safetensors", "weights": "mine.safetensors"}, "replace"),
    ],
)
def test_jobs_that_cannot_work_are_refused(job_for, fields, word):
    with pytest.raises(InputError, match=word):
        job_for(**fields)


def test_weights_are_never_replaced_by_their_own_offspring(job_for, weights, tmp_path):
    folder = {"weights": "untrained", "weights_folders": (os.path.dirname(weights),)}
    with pytest.raises(OutputError, match="very weights"):
        run_job(job_for(output=weights, **folder))


def test_a_folder_that_is_not_there_is_known_before_the_work(job_for, tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        run_job(job_for(output=str(tmp_path / "nowhere" / "mine.safetensors")))
