"""Commands of the training package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ksdiff_engine.cli import add_adapt, add_register_option, add_weights
from ksdiff_engine.errors import EngineError
from ksdiff_engine.sensors import AUTO

from .comparison import compare, comparison_table
from .config import load_config
from .data.pancollection import SUFFIXES
from .data.prepare import prepare, read_scene_list
from .data.rasters import Product, find_products
from .describe import describe, description_table
from .evaluate import (
    DEFAULT_METHODS,
    evaluate,
    evaluate_diffusion,
    markdown_table,
    means,
    write_json,
)
from .experiments import Budget, experiments_table, find_experiments, run_experiments
from .export import export, remeasure, trained_modules
from .scenes import PHASES
from .train import STAGES, train

COMPARED = ("exp", "brovey", "gsa", "mtf-glp-fs", "mtf-glp-hpm-r", "bdsd-pc", "ksdiff")

DEVICES = ("auto", "cpu", "cuda")


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 1 with one line that says what is wrong; ``adapt`` has its own as well."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.torch_threads)
    try:
        return options.run_command(options) or 0
    except (EngineError, ValueError, OSError, FloatingPointError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ksdiff_training", description=__doc__)
    # The engine's commands have a --threads of their own, which must not undo this one.
    parser.add_argument(
        "--threads", type=int, default=torch.get_num_threads(), dest="torch_threads"
    )
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("train", help="run an experiment, resuming what its folder holds")
    command.add_argument("config", type=Path)
    command.add_argument("--data", type=Path, required=True, help="folder with train/ and test/")
    command.add_argument("--run", type=Path, required=True, help="folder for checkpoints and logs")
    command.add_argument("--stage", choices=("both", *STAGES), default="both", help="run it alone")
    command.add_argument("--device", choices=DEVICES, default="auto")
    command.add_argument(
        "--workers",
        type=int,
        help="processes that draw batches (default: 0, a thread; 3 for a GPU)",
    )
    command.set_defaults(run_command=_train)

    command = commands.add_parser("experiments", help="a table of experiments over seeds")
    command.add_argument("configs", type=Path, nargs="+", help="YAML files, or folders of them")
    command.add_argument("--data", type=Path, required=True, help="folder with train/ and test/")
    command.add_argument("--runs", type=Path, required=True, help="folder for the runs' folders")
    command.add_argument("--seeds", default="0,1,2")
    budget = command.add_mutually_exclusive_group()
    budget.add_argument("--steps", type=int, help="optimisation steps a run (default: the files')")
    budget.add_argument("--seconds", type=float, help="training time a run instead")
    command.add_argument("--stage", choices=("both", "stage1"), default="both")
    command.add_argument("--device", choices=DEVICES, default="auto")
    command.add_argument("--json", type=Path, help="also write the results here")
    command.set_defaults(run_command=_experiments)

    add_adapt(commands)

    _add_export(commands)

    command = commands.add_parser("describe", help="parameters and multiply-adds, in thousands")
    command.add_argument("configs", type=Path, nargs="+", help="YAML files, or folders of them")
    command.set_defaults(run_command=_describe)

    command = commands.add_parser("prepare", help="one's own scenes in PanCollection's layout")
    command.add_argument("list", type=Path, help="YAML file that names the scenes")
    command.add_argument("--data", type=Path, help="folder of the scenes (default: the list's)")
    command.add_argument("--output", type=Path, required=True, help="new folder for the files")
    command.set_defaults(run_command=_prepare)

    _add_measures(commands)
    add_weights(commands)
    # What the engine's commands set is called `run`.
    parser.set_defaults(run_command=lambda options: options.run(options))
    return parser


def _add_export(commands: Any) -> None:
    """From runs to weights files, and those' figures."""
    command = commands.add_parser("export", help="write a finished run as one safetensors file")
    command.add_argument("config", type=Path)
    command.add_argument("--run", type=Path, required=True)
    command.add_argument("--card", type=Path, required=True, help="YAML with the card's texts")
    command.add_argument("--output", type=Path, default=Path("resources/weights"))
    command.add_argument("--test", type=Path, help="folder of test scenes, for the card's figures")
    command.add_argument(
        "--checkpoint",
        choices=("best", "final"),
        default="best",
        help="the weights with the smallest held-out error (default), or the last ones",
    )
    command.set_defaults(run_command=_export)

    command = commands.add_parser("remeasure", help="write today's figures on cards of weights")
    command.add_argument("weights", type=Path, nargs="+", help="safetensors files")
    command.add_argument("--test", type=Path, required=True, help="folder of test scenes")
    command.set_defaults(run_command=_remeasure)


def _add_measures(commands: Any) -> None:
    """The commands that measure what was trained."""
    command = commands.add_parser("evaluate", help="figures on test scenes")
    command.add_argument("--weights", type=Path, action="append", default=[])
    command.add_argument(
        "--data", type=Path, required=True, help="folder of test scenes, or one file (npz, h5)"
    )
    command.add_argument("--pan", default="", help="rasters in the folder instead: PAN's pattern")
    command.add_argument("--ms", nargs="+", default=[], help="MS's patterns, * as in PAN's")
    command.add_argument("--sensor", default=AUTO, help="of the rasters (default: %(default)s)")
    command.add_argument("--methods", default=",".join(DEFAULT_METHODS))
    command.add_argument("--convention", choices=sorted(PHASES), default="georeferenced")
    command.add_argument(
        "--registered",
        action="store_true",
        help="resample PAN to where MS lies first, as jobs do (default: files as they are)",
    )
    command.add_argument("--means-only", action="store_true")
    command.add_argument("--json", type=Path, help="also write the rows here")
    command.set_defaults(run_command=_evaluate)

    command = commands.add_parser(
        "evaluate-diffusion", help="figures of the pixel-space baseline at reduced resolution"
    )
    command.add_argument("config", type=Path)
    command.add_argument("--run", type=Path, required=True)
    command.add_argument("--data", type=Path, required=True, help="folder of test scenes (npz)")
    command.add_argument("--steps", type=int, nargs="+", default=[25], help="of DDIM")
    command.add_argument("--checkpoint", choices=("best", "final"), default="best")
    command.add_argument("--json", type=Path, help="also write the rows here")
    command.set_defaults(run_command=_evaluate_diffusion)

    command = commands.add_parser("compare", help="the engine's comparison on every test scene")
    command.add_argument("--data", type=Path, required=True, help="folder of test scenes (npz)")
    command.add_argument("--methods", default=",".join(COMPARED))
    command.add_argument("--weights", default="auto")
    add_register_option(command)
    command.set_defaults(run_command=_compare)


def _experiments(options: argparse.Namespace) -> None:
    stages = STAGES if options.stage == "both" else (options.stage,)
    results = run_experiments(
        find_experiments(options.configs),
        [int(seed) for seed in _names(options.seeds)],
        Budget(options.steps, options.seconds, stages),
        data=options.data,
        scenes=_scenes(options.data / "test"),
        runs=options.runs,
        device=options.device,
    )
    print(experiments_table(results))
    if options.json:
        write_json(results, options.json)


def _describe(options: argparse.Namespace) -> None:
    print(description_table([describe(found) for found in find_experiments(options.configs)]))


def _export(options: argparse.Namespace) -> None:
    options.output.mkdir(parents=True, exist_ok=True)
    scenes = sorted(options.test.glob("*.npz")) if options.test else []
    experiment = load_config(options.config)
    print(export(experiment, options.run, options.card, options.output, scenes, options.checkpoint))


def _remeasure(options: argparse.Namespace) -> None:
    for path in options.weights:
        remeasure(path, _scenes(options.test))
        print(path)


def _prepare(options: argparse.Namespace) -> None:
    folder = options.data or options.list.parent
    for path in prepare(read_scene_list(options.list), folder, options.output, print):
        print(path)


def _evaluate(options: argparse.Namespace) -> None:
    methods = _names(options.methods)
    if bool(options.pan) != bool(options.ms):
        raise ValueError("give both --pan and --ms, or neither")
    places: Sequence[Path | Product] = (
        find_products(options.data, options.pan, options.ms, options.sensor)
        if options.pan
        else _scenes(options.data, (".npz", *SUFFIXES))
    )
    rows = evaluate(
        options.weights,
        places,
        methods=methods,
        convention=options.convention,
        register=options.registered,
    )
    print(markdown_table(means(rows) if options.means_only else [*rows, *means(rows)]))
    if options.json:
        write_json(rows, options.json)


def _evaluate_diffusion(options: argparse.Namespace) -> None:
    experiment = load_config(options.config)
    if experiment.kind != "pixel_diffusion":
        raise ValueError(f"{options.config} is an experiment of kind {experiment.kind}")
    modules, _ = trained_modules(experiment, options.run, options.checkpoint)
    ratios = experiment.data.ratios
    rows = evaluate_diffusion(modules["diffusion"], _scenes(options.data), options.steps, ratios)
    print(markdown_table([*rows, *means(rows)]))
    if options.json:
        write_json(rows, options.json)


def _compare(options: argparse.Namespace) -> None:
    methods = _names(options.methods)
    rows = compare(_scenes(options.data), methods, options.weights, options.register)
    print(comparison_table(rows))


def _scenes(place: Path, suffixes: tuple[str, ...] = (".npz",)) -> list[Path]:
    """The test scenes of a folder, or the one file that `place` is."""
    if place.is_file():
        return [place]
    scenes = sorted(path for path in place.glob("*") if path.suffix in suffixes)
    if not scenes:
        raise FileNotFoundError(f"no test scene (*{', *'.join(suffixes)}) in {place}")
    return scenes


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _train(options: argparse.Namespace) -> None:
    stages = STAGES if options.stage == "both" else (options.stage,)
    experiment = load_config(options.config)
    final = train(
        experiment,
        options.data,
        options.run,
        stages=stages,
        device=options.device,
        workers=options.workers,
    )
    print(f"weights before export: {final}")
