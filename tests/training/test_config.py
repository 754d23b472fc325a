"""Experiments are read whole or refused by the name of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from ksdiff_training.config import load_config
from ksdiff_training.export import CARD_KEYS
from ksdiff_training.stages import build_modules

TRAINING = Path(__file__).parents[2] / "training"
CONFIGS = sorted((TRAINING / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_experiments_of_the_project_can_be_built(path):
    experiment = load_config(path)
    assert experiment.name == path.stem
    with torch.device("meta"):
        modules = build_modules(experiment)
    expected = {"ksdiff", "target"} if experiment.model.modulation == "ksdiff" else {"ksdiff"}
    if experiment.kind == "pixel_diffusion":
        expected = {"diffusion"}
    assert set(modules) == expected
    assert sum(source.weight for source in experiment.data.train) == pytest.approx(1)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_no_scene_of_the_project_trains_and_validates(path):
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no scenes in {folder}")
    config = load_config(path).data
    used = [set(folder.glob(source.pattern)) for source in config.train]
    assert all(used)
    held_out = {path for source in config.validation for path in folder.glob(source.pattern)}
    assert held_out
    assert not held_out & set().union(*used)
    assert all(path.parent.name == "train" for path in set().union(*used))


@pytest.mark.parametrize("path", sorted((TRAINING / "cards").glob("*.yaml")), ids=lambda p: p.stem)
def test_cards_of_the_project_belong_to_an_experiment(path):
    texts = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(texts) == set(CARD_KEYS)
    experiment = load_config(TRAINING / "configs" / path.name)
    lowest, highest = texts["ratio"]
    assert {lowest, highest} == {min(experiment.data.ratios), max(experiment.data.ratios)}


def test_settings_are_read(experiment_file):
    experiment = load_config(experiment_file(chain="one_step", seed=7))
    assert experiment.model.channels == (4, 6, 8)
    assert experiment.data.train[1].weight == 0.3
    assert experiment.data.gain_range == (0.18, 0.45)
    assert (experiment.chain, experiment.seed, experiment.stage1.steps) == ("one_step", 7, 6)


STAGE = {"steps": 6}
DATA = {"train": [{"pattern": "a"}], "validation": ["b"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, "unknown keys in ExperimentConfig: colour"),
        ({"model": {"aroma": 1, "flavour": 2}}, "unknown architecture settings: aroma, flavour"),
        ({"stage1": {**STAGE, "momentum": 0.9}}, "unknown keys in StageConfig: momentum"),
        ({"stage2": {**STAGE, "lr": 1}}, "unknown keys in StageConfig: lr"),
        ({"data": {**DATA, "crop": 3}}, "unknown keys in DataConfig: crop"),
        (
            {"data": {**DATA, "train": [{"pattern": "a", "wieght": 1}]}},
            "unknown keys in Source: wieght",
        ),
        ({"stage2": None}, "the key 'stage2' is missing"),
        ({"data": {"validation": []}}, "the key 'train' is missing"),
        ({"name": None}, "name"),
        ({"chain": "half"}, "chain must be one of"),
        ({"data": {**DATA, "margin": 6}}, "margin must be a multiple of 4, not 6"),
        ({"data": {**DATA, "margin": -4}}, "margin must be a multiple of 4, not -4"),
        (
            {
                "kind": "pixel_diffusion",
                "model": {"modulation": "none"},
                "data": {**DATA, "margin": 8},
            },
            "margin must be 0",
        ),
        ({"loss": "huber"}, "loss must be one of"),
        (
            {"kind": "pixel_diffusion", "loss": "rmse", "model": {"modulation": "none"}},
            "pixel_diffusion is trained with l1, not 'rmse'",
        ),
        ({"data": {**DATA, "patch": 30}}, "patch 30 must divide"),
        (
            {"kind": "pixel_diffusion", "model": {"bands": 4, "modulation": "none"}},
            "pixel_diffusion is band-shared: bands is 1, not 4",
        ),
        ({"model": {"modulation": "film"}}, "modulation must be one of"),
        ({"data": {**DATA, "windows": 3}}, "batch 2 must divide by windows 3"),
        (
            {
                "data": {**DATA, "windows": 4},
                "stage1": STAGE,
                "stage2": STAGE,
                "model": {"bands": 4, "pooled_prior": True},
            },
            "windows must be 1",
        ),
    ],
)
def test_mistakes_are_named_with_the_file(experiment_file, changes, message):
    path = experiment_file(**changes)
    with pytest.raises(ValueError, match=message) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "name: [unclosed"])
def test_files_that_are_no_experiment_are_refused(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"a\.yaml"):
        load_config(tmp_path / "a.yaml")
