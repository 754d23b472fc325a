"""What the networks of experiments consist of and cost: parameters and multiply-adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ksdiff_engine.model.baking import bake
from ksdiff_engine.model.kernel_generator import KernelGenerator

from .config import ExperimentConfig
from .stages import build_modules

Description = dict[str, Any]
COLUMNS = {
    "experiment": "name",
    "backbone": "backbone",
    "generators": "generators",
    "PLFE2": "condition_encoder",
    "denoiser": "denoiser",
    "all": "all",
    "PLFE1 (training)": "target_encoder",
    "plain": "plain_operations",
    "baked": "baked_operations",
    "a patch": "patch_operations",
}


@torch.no_grad()
def describe(experiment: ExperimentConfig) -> Description:
    """Parameters of each part, and multiply-adds per PAN pixel and band of a pass.

    plain: the backbone without modulation. baked: with the kernels of a scene in it, which is what
    a scene's pixels cost. patch: one patch of training for itself, prior, kernels and fusion.
    Biases, rectifiers and other element-wise operations are not counted. Raises ValueError for a
    pixel-space baseline, whose cost is its backbone's times the number of sampling steps.
    """
    if experiment.kind != "ksdiff":
        raise ValueError(f"{experiment.name!r} is of kind {experiment.kind}, not ksdiff")
    modules = build_modules(experiment).eval()
    network, config = modules["ksdiff"], experiment.model
    size = experiment.data.patch
    pan, lrms = (
        torch.zeros(1, channels, size, size)
        for channels in (config.pan_channels(config.bands), config.bands)
    )
    inputs = network.inputs(pan, lrms)
    prior = None
    if config.modulation == "ksdiff":
        prior = torch.zeros(1, config.tokens, config.prior_channels)
    baked = bake(network.backbone, inputs, prior)
    passes: dict[str, Callable[[], Tensor]] = {
        "plain": lambda: network.backbone(inputs),
        "baked": lambda: baked(inputs),
        "patch": lambda: network(pan, lrms),
    }
    outputs = size**2 * config.bands
    return {
        "name": experiment.name,
        **_parameters(modules),
        **{f"{name}_operations": multiply_adds(run) / outputs for name, run in passes.items()},
    }


def _parameters(modules: nn.ModuleDict) -> dict[str, int]:
    network = modules["ksdiff"]
    generators = sum(
        count(module) for module in network.modules() if isinstance(module, KernelGenerator)
    )
    parts = {
        name: count(getattr(network, name, None)) for name in ("condition_encoder", "denoiser")
    }
    return {
        "backbone": count(network.backbone) - generators,
        "generators": generators,
        **parts,
        "all": count(network),
        "target_encoder": count(dict(modules).get("target")),
    }


def count(module: nn.Module | None) -> int:
    """Parameters of a module, none of None."""
    return 0 if module is None else sum(parameter.numel() for parameter in module.parameters())


def multiply_adds(run: Callable[[], Tensor]) -> int:
    """Multiply-adds of the convolutions and matrix products in `run()`, as torch counts them."""
    counter = FlopCounterMode(display=False)
    with counter:
        run()
    return counter.get_total_flops() // 2


def description_table(descriptions: Sequence[Description]) -> str:
    """Markdown: parameters in thousands, multiply-adds in thousands per PAN pixel and band."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for description in descriptions:
        values = [description[key] for key in COLUMNS.values()]
        cells = [value if isinstance(value, str) else f"{value / 1e3:.1f}" for value in values]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
