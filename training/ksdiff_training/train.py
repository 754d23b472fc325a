"""Run an experiment: stage 1, the prior's statistics, stage 2."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ksdiff_engine.model.storage import load_network

from .compute import Compute
from .config import ExperimentConfig
from .data.sampler import PatchSampler
from .export import exported_weights, read_state
from .provenance import record_provenance
from .stages import (
    build_modules,
    diffusion_stage,
    measure_prior,
    measure_residual,
    stage1,
    stage2,
)
from .validation import Validator

STAGES = ("stage1", "stage2")


def train(
    experiment: ExperimentConfig,
    data: Path,
    run: Path,
    *,
    stages: tuple[str, ...] = STAGES,
    device: str = "cpu",
    workers: int | None = None,
) -> Path:
    """Train on the scenes in `data`, in the folder `run`, resuming what is there.

    `stages`: which of the experiment's stages to run; stage 2 begins where the run's stage 1 ended.
    `workers`: processes that draw batches (:class:`.compute.Compute`); they change nothing else.
    Under ``torchrun`` all its processes call this alike. Returns the path of the last stage's
    `final.pt`. Raises ValueError when `run` belongs to other settings or the experiment has no such
    stage, FileNotFoundError when scenes or stage 1 are missing, FloatingPointError when the loss
    diverges.
    """
    stages = tuple(stage for stage in experiment.stages if stage in stages)
    if not stages:
        raise ValueError(f"the experiment {experiment.name!r} has only {experiment.stages}")
    compute = Compute(device, amp=experiment.amp, workers=workers)
    if compute.is_first:
        record_provenance(run, compute.device)
    model = experiment.model
    validator = Validator(data, experiment.data, model.pan_features, model.bands)
    if "stage1" in stages:
        _stage1(experiment, data, run, validator, compute)
    if "stage2" in stages:
        _stage2(experiment, data, run, validator, compute)
    return run / stages[-1] / "final.pt"


def _stage1(
    experiment: ExperimentConfig, data: Path, run: Path, validator: Validator, compute: Compute
) -> None:
    if (run / "stage1" / "final.pt").exists():
        return
    modules = build_modules(experiment)
    if experiment.start is not None:
        begin_with(modules, run.parent / experiment.start)
    seed = experiment.seed
    sampler = _sampler(experiment, data, seed, pretrain=True)
    if experiment.kind == "pixel_diffusion":
        statistics = _sampler(experiment, data, seed + 100)
        measure_residual(modules, statistics, experiment.stage1.batch)
        stage = diffusion_stage(experiment, modules, sampler, run, compute)
        stage.run(validator.with_pixel_diffusion)
        return
    validate = partial(validator.with_known_prior, source=experiment.prior)
    stage1(experiment, modules, sampler, run, compute).run(validate)


def _stage2(
    experiment: ExperimentConfig, data: Path, run: Path, validator: Validator, compute: Compute
) -> None:
    first = run / "stage1" / "final.pt"
    if not first.exists():
        raise FileNotFoundError(f"{first} does not exist: stage 2 begins where stage 1 ended")
    modules = build_modules(experiment)
    modules.load_state_dict(read_state(first)["modules"])
    modules.to(compute.device)
    sampler = _sampler(experiment, data, experiment.seed + 2)
    measure_prior(modules, sampler, experiment.stage2.batch)
    # Fresh generators: stage 2 starts alike whether stage 1 ran just now or long ago.
    torch.manual_seed(experiment.seed + 2)
    stage2(experiment, modules, sampler, run, compute).run(validator.with_estimated_prior)


def _sampler(
    experiment: ExperimentConfig, data: Path, seed: int, pretrain: bool = False
) -> PatchSampler:
    model = experiment.model
    return PatchSampler(
        data, experiment.data, model.pan_features, seed, pretrain=pretrain, bands=model.bands
    )


def begin_with(modules: nn.ModuleDict, place: Path) -> None:
    """Take over the weights of a finished run, as far as they have the same names.

    place: the run's folder, or where it would lie: weights that were exported from it may lie there
    instead, ``<its name>.safetensors``. Of layers that are wider there, the first channels. Raises
    FileNotFoundError for an unfinished run, ValueError when the common part does not fit.
    """
    path, state = _starting_state(place)
    known = modules.state_dict()
    common = {
        name: tensor[tuple(slice(size) for size in known[name].shape)]
        for name, tensor in state.items()
        if name in known and tensor.ndim == known[name].ndim
    }
    try:
        modules.load_state_dict({**known, **common})
    except RuntimeError as error:
        raise ValueError(f"{path} is of another architecture: {error}") from error


def _starting_state(place: Path) -> tuple[Path, dict[str, Tensor]]:
    """The file to start from, and its tensors under the names that they have in training."""
    finished = sorted(place.glob("stage*/final.pt"))
    if finished:
        return finished[-1], read_state(finished[-1])["modules"]
    exported = exported_weights(place)
    if not exported.exists():
        raise FileNotFoundError(
            f"{place} holds no finished stage to start from, and there is no {exported}"
        )
    network, _ = load_network(exported)
    return exported, {f"ksdiff.{name}": tensor for name, tensor in network.state_dict().items()}
