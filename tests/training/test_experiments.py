"""Every experiment of the project trains, and lists of them become tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from ksdiff_training import stages
from ksdiff_training.cli import main
from ksdiff_training.config import load_config
from ksdiff_training.experiments import (
    Budget,
    experiments_table,
    find_experiments,
    run_experiments,
    stage2_steps,
)
from ksdiff_training.loop import Stage
from ksdiff_training.train import train

TRAINING = Path(__file__).parents[2] / "training"
FILES = sorted(
    path for room in ("configs", "experiments") for path in TRAINING.glob(f"{room}/**/*.yaml")
)
PRIOR = TRAINING / "experiments" / "prior"
# What differs from one of its experiments in nothing but data settings.
VARIATIONS = {"windows": "ksdiff", "augmentation": "backbone"}
TABLES = sorted(
    path
    for path in (TRAINING / "experiments").iterdir()
    if path.is_dir() and path != PRIOR and path.name not in VARIATIONS
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_experiments_of_the_project_train(path, tmp_path, data, experiment_file, monkeypatch):
    monkeypatch.setattr(stages, "STATISTICS_BATCHES", 1)
    scenes = load_config(experiment_file()).data

    def shortened(path):
        experiment = load_config(path)
        ours = experiment.data
        batch = 2 * ours.windows
        return replace(
            experiment,
            data=replace(
                scenes,
                variants=1,
                windows=ours.windows,
                coarser=ours.coarser,
                contrast=ours.contrast,
            ),
            stage1=replace(experiment.stage1, steps=2, batch=batch),
            stage2=replace(experiment.stage2, steps=2, batch=batch),
        )

    def trained(path):
        experiment = shortened(path)
        if experiment.start is not None:
            trained(next(file for file in FILES if file.stem == experiment.start))
        return train(experiment, data, tmp_path / experiment.name)

    final = torch.load(trained(path), weights_only=True)
    assert final["steps"] == 2
    assert all(torch.isfinite(tensor).all() for tensor in final["modules"].values())


@pytest.mark.parametrize("folder", TABLES, ids=lambda folder: folder.name)
def test_a_table_compares_like_with_like(folder):
    experiments = find_experiments([folder])
    assert len(experiments) > 2
    for experiment in experiments:
        assert experiment.data == experiments[0].data
        assert passes(experiment, "stage1") == passes(experiments[0], "stage1")
        assert passes(experiment, "stage2") == passes(experiments[0], "stage2")


@pytest.mark.parametrize(("folder", "original"), VARIATIONS.items())
def test_variations_differ_in_their_data_settings_alone(folder, original):
    experiments = find_experiments([PRIOR.parent / folder])
    expected = load_config(PRIOR / f"{original}.yaml")
    for experiment in experiments:
        assert experiment.data != expected.data
        assert replace(experiment, name=expected.name, data=expected.data) == expected
        assert experiment.data.train == expected.data.train


def test_the_prior_is_compared_at_equal_steps_and_at_equal_time():
    names = ("ksdiff", "backbone", "backbone_equal_time")
    experiments = [load_config(PRIOR / f"{name}.yaml") for name in names]
    ksdiff = experiments[0]
    for experiment in experiments[1:]:
        assert (experiment.data, experiment.start) == (ksdiff.data, ksdiff.start)
        assert replace(experiment.stage1, steps=0) == replace(ksdiff.stage1, steps=0)
        shape = replace(experiment.model, modulation=ksdiff.model.modulation)
        assert (experiment.model.modulation, shape) == ("none", ksdiff.model)
    applied = [Budget().apply(experiment) for experiment in experiments]
    steps = [each.stage1.steps + stage2_steps(each, Budget()) for each in applied]
    assert steps == [1600, 1600, 6400]  # a step of KSDiff takes four times as long


def passes(experiment, stage):
    """The stage with what a step passes through the fusion network in the place of the batch."""
    stage, model = getattr(experiment, stage), experiment.model
    return replace(stage, batch=stage.batch * (model.bands if model.pooled_prior else 1))


# --- files that extend others ---


def test_a_file_extends_another(tmp_path, experiment_file):
    base = experiment_file()
    changes = {"extends": base.name, "name": "b", "model": {"tokens": 2}, "stage1": {"steps": 9}}
    (tmp_path / "b.yaml").write_text(yaml.safe_dump(changes))
    (tmp_path / "c.yaml").write_text("extends: b.yaml\nname: c\nmodel: {ranks: [1, 1, 1, 1]}\n")
    first, third = load_config(base), load_config(tmp_path / "c.yaml")
    assert third.name == "c"
    assert third.model == replace(first.model, tokens=2, ranks=(1, 1, 1, 1))
    assert third.stage1 == replace(first.stage1, steps=9)
    assert third.data == first.data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: experiment.yaml\ncolour: 1", "unknown keys in ExperimentConfig: colour"),
        ("extends: a.yaml", "a.yaml extends a.yaml"),
        ("extends: experiment.yaml\nmodel: {aroma: 1}", "aroma"),
    ],
)
def test_mistakes_in_extensions_are_named(tmp_path, experiment_file, text, message):
    experiment_file()
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_config(tmp_path / "a.yaml")


# --- budgets ---


def test_budgets_are_shared_by_the_stages(experiment_file):
    stage = {"warmup": 2}
    both = load_config(
        experiment_file(stage1={**stage, "steps": 30}, stage2={**stage, "steps": 10})
    )
    alone = replace(both, prior="inputs")

    def steps(budget, experiment):
        limited = budget.apply(experiment)
        return limited.stage1.steps, limited.stage2.steps

    assert steps(Budget(), both) == (30, 10)
    assert steps(Budget(), alone) == (40, 0)
    assert steps(Budget(steps=100), both) == (75, 25)
    assert steps(Budget(steps=100), alone) == (100, 0)
    assert steps(Budget(stages=("stage1",)), both) == (30, 0)
    assert steps(Budget(stages=("stage1",)), alone) == (30, 0)
    timed = Budget(seconds=60).apply(both)
    assert (timed.stage1.seconds, timed.stage2.seconds) == (45, 15)
    assert Budget(seconds=60).apply(alone).stage1.seconds == 60
    with pytest.raises(ValueError, match="not in both"):
        Budget(steps=1, seconds=1)


# --- runs and tables ---


@pytest.fixture
def experiments(tmp_path, experiment_file):
    """Joint and separate training, and the plain network."""
    joint = load_config(experiment_file(name="joint"))
    plain = replace(joint, name="plain", model=replace(joint.model, modulation="none"))
    return [joint, replace(joint, name="separate", training="separate"), plain]


def run(experiments, data, runs, budget=None, seeds=(0, 1)):
    scenes = sorted((data / "test").glob("*.npz"))
    return run_experiments(
        experiments, seeds, budget or Budget(), data=data, scenes=scenes, runs=runs
    )


def test_experiments_are_run_once_and_tabulated(tmp_path, data, experiments, monkeypatch):
    steps = []
    step = Stage._step
    monkeypatch.setattr(Stage, "_step", lambda stage: (steps.append(stage.name), step(stage))[1])
    results = run(experiments, data, tmp_path / "runs")
    # The separate training takes over the joint one's first stage.
    assert steps.count("stage1") == 2 * (6 + 12)
    assert steps.count("stage2") == 2 * (6 + 6)
    assert [(r["name"], r["seed"], r["steps"]) for r in results] == [
        (name, seed, 12) for seed in (0, 1) for name in ("joint", "separate", "plain")
    ]
    assert run(experiments, data, tmp_path / "runs") == results
    assert len(steps) == 60
    table = experiments_table(results).splitlines()
    assert len(table) == 5
    assert len({line.count("|") for line in table}) == 1
    cells = [cell.strip() for cell in table[2].split("|")]
    assert cells[1:4] == ["joint", "2", "4"]
    assert "±" in cells[4]
    assert cells[-3] == "12"


def test_designs_are_compared_on_the_scenes_that_all_can_fuse(tmp_path, data, experiments):
    shared = replace(experiments[2], name="shared")
    joint = replace(shared, name="joint", model=replace(shared.model, bands=4))
    pooled = replace(joint, name="pooled", model=replace(joint.model, pooled_prior=True))
    results = run([shared, joint, pooled], data, tmp_path / "runs", seeds=[0])
    scenes = [[row["scene"] for row in result["rows"]] for result in results]
    assert scenes == [["a", "b"], ["a"], ["a", "b"]]  # scene b has three bands
    for result, line in zip(results, experiments_table(results).splitlines()[2:], strict=True):
        assert f"| {result['rows'][0]['ERGAS']:.3f} |" in line


def test_results_of_other_scenes_are_refused(tmp_path, data, experiments):
    run(experiments[2:], data, tmp_path / "runs", seeds=[0])
    (data / "test" / "a.npz").unlink()
    with pytest.raises(ValueError, match="of other settings or scenes"):
        run(experiments[2:], data, tmp_path / "runs", seeds=[0])


def test_a_run_that_diverges_is_a_result(tmp_path, data, experiments, monkeypatch):
    monkeypatch.setattr(Stage, "_step", lambda stage: diverge())
    results = run(experiments[2:], data, tmp_path / "runs", seeds=[0])
    assert results[0]["failure"] == "no number"
    assert "| plain | 1, 1 diverged | – | – |" in experiments_table(results)


def diverge():
    raise FloatingPointError("no number")


def test_first_stages_are_compared_on_held_out_scenes(tmp_path, data, experiments, capsys):
    config = tmp_path / "experiment.yaml"
    options = ["--data", str(data), "--runs", str(tmp_path / "runs"), "--seeds", "3"]
    options += ["--steps", "4", "--stage", "stage1", "--json", str(tmp_path / "results.json")]
    assert main(["--threads", "1", "experiments", str(config), *options]) == 0
    assert "| joint | 1 | – | – | – | – | – |" in capsys.readouterr().out
    (result,) = json.loads((tmp_path / "results.json").read_text())
    assert (result["steps"], result["seed"]) == (4, 3)
    assert 0 < result["held_out"] < 1
    assert not list((tmp_path / "runs").glob("*/stage2"))


def test_two_experiments_of_one_name_are_refused(tmp_path, experiment_file):
    path = experiment_file()
    with pytest.raises(ValueError, match="are called tiny"):
        find_experiments([path, path])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no experiment"):
        find_experiments([tmp_path / "empty"])
