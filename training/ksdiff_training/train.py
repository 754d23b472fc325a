"""Run an experiment: stage 1, the prior's statistics, stage 2."""

from __future__ import annotations

from pathlib import Path

import torch

from .config import ExperimentConfig
from .data import PatchSampler
from .provenance import record_provenance
from .stages import build_modules, measure_prior, stage1, stage2
from .validation import Validator


def train(experiment: ExperimentConfig, data: Path, run: Path) -> Path:
    """Train on the scenes in `data`, in the folder `run`, resuming what is there.

    Returns the path of the last stage's `final.pt`. Raises ValueError when `run` belongs to other
    settings, FileNotFoundError when scenes are missing, FloatingPointError when the loss diverges.
    """
    record_provenance(run)
    ratio = experiment.model.ratio
    validator = Validator(data, ratio, experiment.data)
    modules = build_modules(experiment)
    first = run / "stage1" / "final.pt"
    if first.exists():
        modules.load_state_dict(torch.load(first, weights_only=True)["modules"])
    else:
        sampler = PatchSampler(data, ratio, experiment.data, experiment.seed)
        stage = stage1(experiment, modules, sampler, run)
        modules.load_state_dict(stage.run(validator.with_target_prior).state_dict())
    if experiment.model.modulation == "none":
        return first
    statistics = PatchSampler(data, ratio, experiment.data, experiment.seed + 100)
    measure_prior(modules, statistics, experiment.stage1.batch)
    # Fresh generators: stage 2 starts alike whether stage 1 ran just now or long ago.
    torch.manual_seed(experiment.seed + 2)
    sampler = PatchSampler(data, ratio, experiment.data, experiment.seed + 2)
    stage2(experiment, modules, sampler, run).run(validator.with_estimated_prior)
    return run / "stage2" / "final.pt"
