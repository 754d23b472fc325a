"""From a finished run to the one safetensors file that the engine loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from ksdiff_engine.card_text import sensor_bands
from ksdiff_engine.model.ksdiff import KSDiff
from ksdiff_engine.model.storage import load_network, save_network
from ksdiff_engine.sensors import detect_sensor
from ksdiff_engine.weights import CARD_FORMAT, read_card

from .config import ExperimentConfig, experiment_from_dict
from .evaluate import evaluate, means
from .provenance import read_provenance
from .stages import build_modules

NORMALISATION = "scene mean and standard deviation of each band; PAN by its own at MS resolution"
CARD_KEYS = ("title", "description", "ratio", "sensors", "sources", "limits")


def export(
    experiment: ExperimentConfig,
    run: Path,
    card_file: Path,
    output: Path,
    test_scenes: Sequence[Path] = (),
    checkpoint: str = "best",
) -> Path:
    """Write `output / <name>.safetensors` from the last stage of `run`; returns its path.

    `checkpoint` is ``best``, the averaged weights with the smallest error on the held-out scenes,
    or ``final``, those of the last step.
    `card_file` is YAML with what a person has to say: title, description, ratio, sensors, sources
    (with licences) and limits. Figures on `test_scenes` are measured here and put on the card.
    Raises ValueError when the card lacks something or the run is of another architecture,
    FileNotFoundError when the run is unfinished.
    """
    texts = _read_card(card_file)
    network, step = trained_network(experiment, run, checkpoint)
    card = build_card(experiment, run, texts)
    card["training"].update(checkpoint=checkpoint, checkpoint_step=step)
    path = output / f"{experiment.name}.safetensors"
    save_network(network, card, path)
    if test_scenes:
        remeasure(path, test_scenes)
    return path


def remeasure(path: Path, test_scenes: Sequence[Path]) -> None:
    """Put the figures that weights have on test scenes now on their card; all else stays.

    Raises WeightsError for a file that is no weights.
    """
    network, card = load_network(path)
    save_network(network, {**card, "metrics": _metrics(path, test_scenes)}, path)


def _read_card(path: Path) -> dict[str, Any]:
    try:
        texts = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(texts, dict) or set(texts) != set(CARD_KEYS):
        raise ValueError(f"{path} must have exactly the keys {', '.join(CARD_KEYS)}")
    return texts


def trained_network(experiment: ExperimentConfig, run: Path, checkpoint: str) -> tuple[KSDiff, int]:
    """The network of a finished run, and the step of its last stage that it is from.

    Raises as :func:`export` does.
    """
    if experiment.kind != "ksdiff":
        raise ValueError(f"{experiment.name!r} is of kind {experiment.kind}, which is not exported")
    modules, step = trained_modules(experiment, run, checkpoint)
    return modules["ksdiff"], step


def trained_modules(
    experiment: ExperimentConfig, run: Path, checkpoint: str
) -> tuple[nn.ModuleDict, int]:
    """All that a finished run trained, whatever its kind; otherwise as :func:`trained_network`."""
    folder = run / experiment.stages[-1]
    if not (folder / "final.pt").exists():
        raise FileNotFoundError(f"{folder}/final.pt does not exist: the run has not finished")
    path = folder / f"{checkpoint}.pt"
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: export the checkpoint final")
    state = read_state(path)
    modules = build_modules(experiment)
    try:
        modules.load_state_dict(state["modules"])
    except RuntimeError as error:
        raise ValueError(f"{path} is of another architecture than {experiment.name!r}") from error
    return modules, state["steps"]


def read_state(path: Path) -> dict[str, Any]:
    """`best.pt` or `final.pt` of a stage: ``modules``, ``steps``, ``seconds``, ``experiment``."""
    return torch.load(path, map_location="cpu", weights_only=True)


def build_card(experiment: ExperimentConfig, run: Path, texts: dict[str, Any]) -> dict[str, Any]:
    """The card without figures; `texts` has the keys of ``CARD_KEYS``."""
    model = experiment.model
    return {
        "format": CARD_FORMAT,
        "name": experiment.name,
        "title": texts["title"],
        "description": texts["description"],
        "bands": "any"
        if model.bands_a_pass == 1
        else [f"band {n + 1}" for n in range(model.bands)],
        "ratio": texts["ratio"],
        "normalisation": NORMALISATION,
        "sensors": texts["sensors"],
        "wavelengths": {
            name: bands
            for name in texts["sensors"]
            if (bands := sensor_bands(detect_sensor([name])))
        },
        "training": {
            "data": texts["sources"],
            **_history(experiment, run),
            "patch": experiment.data.patch,
            "seed": experiment.seed,
            **read_provenance(run),
        },
        "metrics": [],
        "limits": texts["limits"],
    }


def _history(experiment: ExperimentConfig, run: Path) -> dict[str, dict[str, int]]:
    """Steps, seconds and batch of every finished stage by the stage's name.

    The stages of the run that this one started from count too, as ``<its name>/<stage>``; where
    that run is known by its exported weights alone, as their card tells.
    """
    stages = {path.parent.name: read_state(path) for path in sorted(run.glob("stage*/final.pt"))}
    own = {
        "steps": {name: state["steps"] for name, state in stages.items()},
        "seconds": {name: round(state["seconds"]) for name, state in stages.items()},
        "batch": {name: state["experiment"][name]["batch"] for name, state in stages.items()},
    }
    if experiment.start is None:
        return own
    before = run.parent / experiment.start
    if any(before.glob("stage*/final.pt")):
        earlier = _history(load_settings(before), before)
    else:
        earlier = dict(read_card(exported_weights(before))["training"])
        if isinstance(earlier.get("batch"), int):  # as older cards have it
            earlier["batch"] = dict.fromkeys(earlier["steps"], earlier["batch"])

    def told_apart(name: str) -> str:
        return name if "/" in name else f"{experiment.start}/{name}"

    return {
        kind: {told_apart(n): value for n, value in earlier.get(kind, {}).items()} | figures
        for kind, figures in own.items()
    }


def exported_weights(run: Path) -> Path:
    """Where weights that were exported from a run lie, beside its folder."""
    return run.with_name(f"{run.name}.safetensors")


def load_settings(run: Path) -> ExperimentConfig:
    """The experiment that a run belongs to, from its last finished stage."""
    path = sorted(run.glob("stage*/final.pt"))[-1]
    return experiment_from_dict(read_state(path)["experiment"])


def _metrics(weights: Path, scenes: Sequence[Path]) -> list[dict[str, Any]]:
    """Reduced-resolution figures, four digits, of the weights and of interpolation."""
    rows = evaluate([weights], scenes, methods=("exp",))
    ratios = {row["ratio"] for row in rows if row["method"] != "exp"}
    chosen = [row for row in [*rows, *means(rows)] if row["ratio"] in ratios]
    return [
        {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
        for row in chosen
    ]
