"""Experiments over seeds: trained at one budget, evaluated on test scenes, told in one table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ksdiff_engine.model.storage import save_network

from .config import ExperimentConfig, load_config
from .csv_log import read_rows
from .evaluate import MEASURES, digits_of, evaluate, means
from .export import build_card, read_state, trained_network
from .loop import BEST_BY
from .train import STAGES, train

RESULT = "result.json"
WEIGHTS = "weights.safetensors"
# What stage 1 does not depend on: experiments that differ in these alone share it.
NOT_OF_STAGE_1 = ("name", "stage2", "training", "chain", "image_weight")

Result = dict[str, Any]


@dataclass(frozen=True)
class Budget:
    """Training of one run: optimisation steps (None: as many as its file says), or seconds.

    It is shared by the stages in proportion to the steps in the file. An experiment that has no
    second stage spends all of it in its first, so that runs of one budget are comparable.
    stages: which to run; ``("stage1",)`` compares the first stages, on the held-out scenes alone.
    """

    steps: int | None = None
    seconds: float | None = None
    stages: tuple[str, ...] = STAGES

    def __post_init__(self) -> None:
        if self.steps is not None and self.seconds is not None:
            raise ValueError("a budget is in steps or in seconds, not in both")

    def apply(self, experiment: ExperimentConfig) -> ExperimentConfig:
        """The experiment with its stages cut or stretched to the budget."""
        first, second = experiment.stage1, experiment.stage2
        if "stage2" not in self.stages:
            total, share = first.steps, 1.0
        else:
            total = first.steps + second.steps
            share = first.steps / total if "stage2" in experiment.stages else 1.0
        steps = self.steps or total
        if self.seconds is not None:
            return replace(
                experiment,
                stage1=replace(first, seconds=share * self.seconds),
                stage2=replace(second, seconds=(1 - share) * self.seconds),
            )
        in_first = round(share * steps)
        return replace(
            experiment,
            stage1=replace(first, steps=in_first),
            stage2=replace(second, steps=steps - in_first),
        )

    def label(self, experiment: ExperimentConfig) -> str:
        """The budget of an experiment it was applied to, for folders and tables."""
        stage = "-stage1" if "stage2" not in self.stages else ""
        if self.seconds is not None:
            return f"{self.seconds:g}s{stage}"
        return f"{experiment.stage1.steps + stage2_steps(experiment, self)}steps{stage}"


def stage2_steps(experiment: ExperimentConfig, budget: Budget) -> int:
    """Steps that the experiment makes in stage 2 under a budget."""
    return experiment.stage2.steps if "stage2" in stages_of(experiment, budget) else 0


def stages_of(experiment: ExperimentConfig, budget: Budget) -> tuple[str, ...]:
    """The stages that are run."""
    return tuple(stage for stage in experiment.stages if stage in budget.stages)


def find_experiments(paths: Iterable[Path]) -> list[ExperimentConfig]:
    """The experiments of YAML files and of folders of them.

    Raises FileNotFoundError for a folder without any, ValueError for two of one name.
    """
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not found:
            raise FileNotFoundError(f"no experiment (*.yaml) in {path}")
        files += found
    experiments = [load_config(file) for file in files]
    names = [experiment.name for experiment in experiments]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"several experiments are called {', '.join(twice)}")
    return experiments


def run_experiments(
    experiments: Sequence[ExperimentConfig],
    seeds: Sequence[int],
    budget: Budget,
    *,
    data: Path,
    scenes: Sequence[Path],
    runs: Path,
    device: str = "cpu",
) -> list[Result]:
    """Train and evaluate what has no result in `runs` yet; one result a run.

    A run that diverges is a result too. Raises ValueError when a run in `runs` is of other settings
    or was evaluated on other scenes, and what :func:`.train.train` raises besides.
    """
    results, first_stages = [], {}
    for seed in seeds:
        for unlimited in experiments:
            experiment = budget.apply(replace(unlimited, seed=seed))
            run = runs / f"{experiment.name}-{budget.label(experiment)}-seed{seed}"
            result = _read_result(run, experiment, scenes)
            if result is None:
                _share_first_stage(first_stages.get(_first_stage(experiment)), run)
                result = _result(experiment, run, budget, data, scenes, device)
            if "failure" not in result:
                first_stages.setdefault(_first_stage(experiment), run)
            results.append(result)
    return results


def _read_result(run: Path, experiment: ExperimentConfig, scenes: Sequence[Path]) -> Result | None:
    path = run / RESULT
    if not path.exists():
        return None
    result = json.loads(path.read_text(encoding="utf-8"))
    if result["experiment"] != _plain(experiment) or result["scenes"] != [p.stem for p in scenes]:
        raise ValueError(f"{path} is of other settings or scenes; choose another folder of runs")
    return result


def _result(
    experiment: ExperimentConfig,
    run: Path,
    budget: Budget,
    data: Path,
    scenes: Sequence[Path],
    device: str,
) -> Result:
    result = {
        "name": experiment.name,
        "seed": experiment.seed,
        "experiment": _plain(experiment),
        "scenes": [path.stem for path in scenes],
    }
    try:
        train(experiment, data, run, stages=budget.stages, device=device)
    except FloatingPointError as error:
        result["failure"] = str(error)
    else:
        result.update(_figures(experiment, run, budget, scenes))
    (run / RESULT).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _figures(
    experiment: ExperimentConfig, run: Path, budget: Budget, scenes: Sequence[Path]
) -> Result:
    """Figures of the best weights, and what all stages cost together."""
    stages = stages_of(experiment, budget)
    finals = [read_state(run / stage / "final.pt") for stage in stages]
    held_out = read_rows(run / stages[-1] / "validation.csv")
    rows: list[dict[str, Any]] = []
    # PLFE1 stays behind: a network whose prior comes from it cannot run without the reference.
    complete = stages == experiment.stages and experiment.prior == "target"
    if complete:
        network, _ = trained_network(experiment, run, "best")
        save_network(network, build_card(experiment, run, _texts(experiment)), run / WEIGHTS)
        rows = evaluate([run / WEIGHTS], scenes, methods=())
    return {
        "rows": rows,
        "held_out": min(float(row[BEST_BY]) for row in held_out),
        "steps": sum(final["steps"] for final in finals),
        "seconds": sum(final["seconds"] for final in finals),
    }


def _texts(experiment: ExperimentConfig) -> dict[str, Any]:
    """A card's texts for weights that are only measured."""
    return {
        "title": f"Experiment {experiment.name}",
        "description": "Trained for a table of experiments.",
        "ratio": [min(experiment.data.ratios), max(experiment.data.ratios)],
        "sensors": [],
        "sources": [{"files": source.files} for source in experiment.data.train],
        "limits": "Not for use.",
    }


def _plain(experiment: ExperimentConfig) -> dict[str, Any]:
    """The settings as JSON gives them back."""
    return json.loads(json.dumps(experiment.to_dict()))


def _first_stage(experiment: ExperimentConfig) -> str:
    """What decides on stage 1, as a key."""
    settings = {k: v for k, v in experiment.to_dict().items() if k not in NOT_OF_STAGE_1}
    return json.dumps(settings, sort_keys=True)


def _share_first_stage(source: Path | None, run: Path) -> None:
    """Take over the stage 1 of a finished run of the same settings, its cost included."""
    if source is not None and not (run / "stage1").exists():
        shutil.copytree(source / "stage1", run / "stage1")


def experiments_table(results: Sequence[Result]) -> str:
    """Markdown: a row each experiment and ratio, the mean over the seeds and its spread.

    The mean is over the scenes that every experiment of that ratio could be run on. The spread is
    the sample standard deviation over the seeds of the mean over the scenes.
    """
    common = _common_scenes(results)
    heads = ["experiment", "seeds", "ratio", *MEASURES, "held-out RMSE", "steps", "seconds"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name in dict.fromkeys(result["name"] for result in results):
        runs = [result for result in results if result["name"] == name]
        finished = [run for run in runs if "failure" not in run]
        seeds = f"{len(runs)}"
        if len(finished) < len(runs):
            seeds += f", {len(runs) - len(finished)} diverged"
        averaged = [
            row
            for run in finished
            for row in means([r for r in run["rows"] if r["scene"] in common[r["ratio"]]])
        ]
        for ratio in sorted({row["ratio"] for row in averaged}) or [None]:
            rows = [row for row in averaged if row["ratio"] == ratio]
            cells = [_spread([r[m] for r in rows if m in r], digits_of(m)) for m in MEASURES]
            cells.append(_spread([run["held_out"] for run in finished], 4))
            cells += [_spread([run[key] for run in finished], 0) for key in ("steps", "seconds")]
            lines.append(f"| {name} | {seeds} | {ratio or '–'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _common_scenes(results: Sequence[Result]) -> dict[int, set[str]]:
    """By ratio, the scenes of all runs that have any of that ratio."""
    common: dict[int, set[str]] = {}
    for result in results:
        for ratio in {row["ratio"] for row in result.get("rows", ())}:
            scenes = {row["scene"] for row in result["rows"] if row["ratio"] == ratio}
            common[ratio] = common.get(ratio, scenes) & scenes
    return common


def _spread(values: Sequence[float], digits: int) -> str:
    """``mean ± spread``; the mean alone for one value or equal ones, a dash for none."""
    if not values:
        return "–"
    mean = f"{np.mean(values):.{digits}f}"
    if len(set(values)) == 1:
        return mean
    return f"{mean} ± {np.std(values, ddof=1):.{digits}f}"
