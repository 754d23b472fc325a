"""Run an experiment: stage 1, the prior's statistics, stage 2."""

from __future__ import annotations

from pathlib import Path

import torch

from .config import ExperimentConfig
from .data import PatchSampler
from .stages import build_modules, measure_prior, stage1, stage2
from .validation import Validator


def train(experiment: ExperimentConfig, data: Path, run: Path) -> Path:
    """Train in `run` (resuming what is there) on the scenes in `data`; returns the last `final.pt`."""
    ratio = experiment.model.ratio
    sampler = PatchSampler(data, ratio, experiment.data, experiment.seed)
    validator = Validator(data, ratio, experiment.data)
    modules = build_modules(experiment)
    first = run / "stage1" / "final.pt"
    if first.exists():
        modules.load_state_dict(torch.load(first, weights_only=True)["modules"])
    else:
        stage = stage1(experiment, modules, sampler, run)
        modules.load_state_dict(stage.run(validator.with_target_prior).state_dict())
    if experiment.model.modulation == "none":
        return first
    statistics = PatchSampler(data, ratio, experiment.data, experiment.seed + 100)
    measure_prior(modules, statistics, experiment.stage1.batch)
    # A fresh generator: stage 2 starts from the same state whether stage 1 ran just now or long ago.
    torch.manual_seed(experiment.seed + 2)
    sampler = PatchSampler(data, ratio, experiment.data, experiment.seed + 2)
    stage2(experiment, modules, sampler, run).run(validator.with_estimated_prior)
    return run / "stage2" / "final.pt"
