"""Parameters and multiply-adds against counts by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ksdiff_training.cli import main
from ksdiff_training.config import load_config
from ksdiff_training.describe import describe
from ksdiff_training.stages import build_modules


@pytest.fixture
def experiment(experiment_file):
    return load_config(experiment_file())


def with_model(experiment, **changes):
    return replace(experiment, model=replace(experiment.model, **changes))


def test_a_plain_network_is_its_convolutions(experiment):
    """DiCNN: 5 -> 64 -> 64 -> 1, all 3 x 3 at every pixel."""
    figures = describe(with_model(experiment, backbone="dicnn", modulation="none"))
    kernels = 9 * (5 * 64 + 64 * 64 + 64 * 1)
    assert figures["backbone"] == figures["all"] == kernels + 64 + 64 + 1
    assert figures["plain_operations"] == kernels
    assert figures["baked_operations"] == figures["patch_operations"] == kernels
    assert figures["generators"] == figures["condition_encoder"] == figures["denoiser"] == 0


@pytest.mark.parametrize("backbone", ["unet", "dicnn", "fusionnet", "lagnet"])
def test_parts_make_the_whole_and_baked_kernels_cost_nothing(experiment, backbone):
    modulated = with_model(experiment, backbone=backbone)
    figures = describe(modulated)
    parts = ("backbone", "generators", "condition_encoder", "denoiser")
    assert sum(figures[part] for part in parts) == figures["all"]
    modules = build_modules(modulated)
    whole = sum(p.numel() for p in modules.parameters())
    assert figures["all"] + figures["target_encoder"] == whole
    plain = describe(with_model(modulated, modulation="none"))
    assert figures["backbone"] == plain["all"]
    assert figures["plain_operations"] == plain["plain_operations"]
    # LAGConv's harmonic bias is baked too: that saves a few products of its perceptron.
    assert figures["baked_operations"] == pytest.approx(figures["plain_operations"], rel=5e-3)
    assert figures["patch_operations"] > 1.005 * figures["baked_operations"]


def test_describing_changes_no_random_numbers_of_a_run(experiment):
    first = build_modules(experiment).state_dict()
    describe(experiment)
    second = build_modules(experiment).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_experiments_are_described_on_the_command_line(experiment_file, capsys):
    assert main(["describe", str(experiment_file())]) == 0
    head, _, row = capsys.readouterr().out.strip().splitlines()
    assert head.startswith("| experiment | backbone | generators |")
    assert row.startswith("| tiny |")
    assert head.count("|") == row.count("|")
    path = experiment_file(kind="pixel_diffusion", model={"modulation": "none"})
    assert main(["describe", str(path)]) == 1
    assert "is of kind pixel_diffusion" in capsys.readouterr().err
