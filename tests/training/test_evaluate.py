"""Figures of generated scenes, tables of them, and the commands' errors."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

from ksdiff_engine.classical import METHODS
from ksdiff_engine.quality.reference import ergas, sam
from ksdiff_engine.resample import interp23
from ksdiff_engine.sensors import DEFAULT
from ksdiff_engine.weights import read_card
from ksdiff_training.cli import main
from ksdiff_training.evaluate import MEASURES, evaluate, fuse_whole, markdown_table, means
from ksdiff_training.scenes import PHASES, ReducedScene, load_reduced_scene, registered_scene

TEXTS = {
    "title": "t",
    "description": "d",
    "ratio": [4, 4],
    "sensors": [],
    "sources": [],
    "limits": "l",
}


def scenes(data):
    return sorted((data / "test").glob("*.npz"))


@pytest.mark.parametrize("convention", PHASES)
def test_methods_have_a_row_for_each_scene(data, convention):
    rows = evaluate([], scenes(data), methods=("exp", "gsa"), convention=convention)
    assert [(row["scene"], row["method"]) for row in rows] == [
        (scene, method) for scene in "ab" for method in ("exp", "gsa")
    ]
    exp, gsa = rows[:2]
    assert gsa["ERGAS"] < exp["ERGAS"]
    assert gsa["Q2n"] > exp["Q2n"]


@pytest.mark.parametrize("size", [(32, 40), (33, 35)])
def test_benchmark_convention_is_the_toolbox_interpolation(tmp_path, scene_file, size):
    """EXP through rasters, alignment and scene is interp23 where that does not wrap around."""
    path = scene_file(tmp_path / "a.npz", ms=(3, *(4 * n for n in size)), ratio=4)
    scene = load_reduced_scene(path, "benchmark")
    fused = fuse_whole(scene, METHODS["exp"]())
    assert fused.shape == scene.reference.shape
    expected = interp23(scene.ms, 4)
    inner = np.s_[:, 48:-48, 48:-48]
    np.testing.assert_allclose(fused[inner], expected[inner], rtol=1e-4)


@pytest.mark.parametrize("convention", PHASES)
def test_reduced_scenes_keep_a_ramp_in_place(tmp_path, convention):
    """PAN, interpolated MS and reference agree inside, so no convention is shifted."""
    y, x = (np.arange(4 * 64) + 0.5, np.arange(4 * 72) + 0.5)
    pan = 1000 + 2 * x[None, :] + 3 * y[:, None]
    ms = pan.reshape(64, 4, 72, 4).mean(axis=(1, 3))
    np.savez(tmp_path / "ramp.npz", ms=ms[None], pan=pan[None], ratio=4, sensor="")
    scene = load_reduced_scene(tmp_path / "ramp.npz", convention)
    fused = fuse_whole(scene, METHODS["exp"]())
    inner = np.s_[:, 28:-28, 28:-28]
    gain = 1.0
    if convention == "benchmark":  # whose filter does not sum to 1
        gain = float(np.median(scene.ms / scene.reference[:, 2::4, 2::4]))
        assert gain == pytest.approx(1, abs=0.01)
    difference = fused[inner] / gain - scene.reference[inner]
    assert np.abs(difference).max() < 0.5  # a pixel is 8 or 12
    assert np.abs(scene.pan - scene.reference[0])[28:-28, 28:-28].max() < 1e-6


def test_files_with_a_reference_are_taken_as_they_are(tmp_path):
    rng = np.random.default_rng(0)
    truth = rng.normal(500, 50, (4, 64, 64))
    arrays = {"gt": truth, "ms": truth[:, 2::4, 2::4], "pan": truth.mean(axis=0, keepdims=True)}
    np.savez(tmp_path / "reduced.npz", **arrays, ratio=4, sensor="nobody's")
    scene = load_reduced_scene(tmp_path / "reduced.npz", "georeferenced")
    assert scene.convention == "benchmark"
    assert scene.sensor is DEFAULT
    np.testing.assert_array_equal(scene.reference, truth)
    assert evaluate([], [tmp_path / "reduced.npz"], methods=("exp",))[0]["ERGAS"] > 0


def shifted_scene(x, y):
    """A rough ground, 256 x 288; PAN shows it x pixels right of and y below where MS does."""
    rng = np.random.default_rng(0)
    shape = (2, 256, 288)
    fy, fx = np.fft.fftfreq(shape[1])[:, None], np.fft.fftfreq(shape[2])[None]
    fall = 1.0 / np.maximum(np.hypot(fy, fx), 0.02) ** 1.5
    ground = np.fft.ifft2(np.fft.fft2(rng.normal(size=shape)) * fall).real
    ground = 1000 + 150 * ground / ground.std()
    spectrum = np.fft.fft2(ground.mean(axis=0)) * np.exp(-2j * np.pi * (fx * x + fy * y))
    ms = ground.reshape(2, 64, 4, 72, 4).mean((2, 4))
    pan = np.fft.ifft2(spectrum).real
    return ReducedScene("shifted", DEFAULT, 4, "georeferenced", pan, ms, ground)


def test_registered_scenes_have_pan_where_ms_lies():
    scene, true = shifted_scene(0.6, -1.2), shifted_scene(0.0, 0.0)
    after = registered_scene(scene)
    inner = np.s_[12:-12, 12:-12]
    assert after.ms is scene.ms
    assert np.abs(after.pan - true.pan)[inner].max() < 0.1 * np.abs(scene.pan - true.pan).max()
    assert registered_scene(true) is true
    with pytest.raises(ValueError, match="shifted is too far off"):
        registered_scene(shifted_scene(5.0, 0.0))


def test_figures_are_of_the_whole_image(data):
    (row, *_) = evaluate([], scenes(data), methods=("exp",))
    scene = load_reduced_scene(scenes(data)[0])
    fused = fuse_whole(scene, METHODS["exp"]())
    assert row["SAM"] == pytest.approx(sam(scene.reference, fused))
    assert row["ERGAS"] == pytest.approx(ergas(scene.reference, fused, 4))


def test_means_and_table():
    figures = {"SAM": 2.0, "ERGAS": 3.0, "Q": 0.5, "Q2n": 0.6, "SCC": 0.7}
    rows = [
        {"scene": "a", "ratio": 4, "method": "x", **figures},
        {"scene": "a", "ratio": 4, "method": "y", **{m: 2 * v for m, v in figures.items()}},
        {"scene": "b", "ratio": 4, "method": "x", **{m: 3 * v for m, v in figures.items()}},
        {"scene": "c", "ratio": 2, "method": "y", **figures},
    ]
    averaged = means(rows)
    assert [(r["scene"], r["ratio"], r["method"]) for r in averaged] == [
        ("mean of 1", 2, "y"),
        ("mean of 2", 4, "x"),  # y did not run on b
    ]
    assert averaged[1]["SAM"] == pytest.approx(4)
    table = markdown_table(rows).splitlines()
    assert table[0] == f"| scene | ratio | method | {' | '.join(MEASURES)} |"
    assert table[2] == "| a | 4 | x | **2.000** | **3.000** | 0.5000 | 0.6000 | 0.7000 |"
    assert table[3] == "| a | 4 | y | 4.000 | 6.000 | **1.0000** | **1.2000** | **1.4000** |"
    assert len({line.count("|") for line in table}) == 1


def test_commands_train_export_and_evaluate(tmp_path, data, experiment_file, capsys):
    config, run, card = experiment_file(), tmp_path / "run", tmp_path / "card.yaml"
    card.write_text(yaml.safe_dump(TEXTS))
    assert (
        main(["--threads", "1", "train", str(config), "--data", str(data), "--run", str(run)]) == 0
    )
    output = tmp_path / "weights"
    options = ["--run", str(run), "--card", str(card), "--output", str(output)]
    assert main(["export", str(config), *options]) == 0
    weights = output / "tiny.safetensors"
    assert str(weights) in capsys.readouterr().out
    bare = read_card(weights)
    assert main(["remeasure", str(weights), "--test", str(data / "test")]) == 0
    measured = read_card(weights)
    assert {row["scene"] for row in measured.pop("metrics")} == {"a", "b", "mean of 2"}
    assert bare.pop("metrics") == []
    assert measured == bare
    capsys.readouterr()
    options = ["--weights", str(weights), "--data", str(data / "test"), "--methods", "exp"]
    assert main(["evaluate", *options, "--json", str(tmp_path / "rows.json"), "--means-only"]) == 0
    printed = capsys.readouterr().out
    assert "| mean of 2 | 4 | tiny |" in printed
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert {row["method"] for row in rows} == {"exp", "tiny"}
    assert all(np.isfinite(row[measure]) for row in rows for measure in MEASURES)


def commands_that_fail(tmp_path, data, config):
    """Arguments, and what the one line must name."""
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"\x80\x04 pickled")
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: [\nunclosed: {")
    test, run = str(data / "test"), str(tmp_path / "run")
    train = ["train", str(config), "--run", run, "--data"]
    return [
        (["evaluate", "--data", str(tmp_path)], "no test scene"),
        (["evaluate", "--data", test, "--methods", "exp,magic"], "magic"),
        (["evaluate", "--data", test, "--weights", str(damaged)], "damaged.safetensors"),
        (["evaluate", "--data", test, "--weights", str(tmp_path / "none")], "none"),
        ([*train, str(tmp_path / "nowhere")], "no scene matches"),
        (["train", str(broken), "--run", run, "--data", str(data)], "broken.yaml"),
        (["train", str(tmp_path / "no.yaml"), "--run", run, "--data", str(data)], "no.yaml"),
        (["export", str(config), "--run", run, "--card", str(tmp_path / "no.yaml")], "no.yaml"),
        (["export", str(config), "--run", run, "--card", str(broken)], "broken.yaml"),
    ]


def test_errors_are_one_line_and_exit_code_1(tmp_path, data, experiment_file, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where export would make its folder
    for arguments, named in commands_that_fail(tmp_path, data, experiment_file()):
        assert main(arguments) == 1, arguments
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert error.count("\n") == 1, error
        assert named in error
