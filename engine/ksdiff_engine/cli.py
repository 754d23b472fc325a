"""The engine's jobs for a shell: ``python -m ksdiff_engine COMMAND``.

Each command is a function that adds its parser and sets ``run`` to what it does; ``COMMANDS`` lists
them. Results go to stdout, progress, warnings and errors to stderr. Exit codes: 0 done, 1 failed,
2 wrong usage, 3 no gain (``adapt``), 130 cancelled.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import ksdiff_engine
from ksdiff_engine import weights
from ksdiff_engine.card_text import card_text
from ksdiff_engine.device import limit_threads
from ksdiff_engine.errors import Cancelled, EngineError
from ksdiff_engine.job import (
    ADAPTED_PARTS,
    CLASSICAL_METHODS,
    COMPARED_METHODS,
    DEVICES,
    OUTPUT_TYPES,
    PRIOR_SCOPES,
    REGISTER,
    AdaptJob,
    AssessAgainstReferenceJob,
    AssessWithoutReferenceJob,
    ClassicalJob,
    CompareJob,
    DegradeJob,
    Job,
    PansharpenJob,
)
from ksdiff_engine.sensors import AUTO, load_profiles

CANCELLED = 130
DID_NOT_HELP = 3
_METHODS_HELP = ", ".join(CLASSICAL_METHODS)

Subparsers = Any  # argparse keeps its class private
Options = argparse._ActionsContainer  # a parser, or a group of options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    try:
        options = make_parser().parse_args(arguments)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return options.run(options)
    except (KeyboardInterrupt, Cancelled):
        print("Cancelled.", file=sys.stderr)
        return CANCELLED
    except EngineError as error:
        print("Error:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    except BrokenPipeError:  # `… | head` has read enough
        sys.stderr.close()
        return 1


def make_parser() -> argparse.ArgumentParser:
    """Return the parser with all commands."""
    parser = argparse.ArgumentParser(
        prog="ksdiff_engine", description="Pansharpening by kernel-space diffusion."
    )
    version = f"ksdiff_engine {ksdiff_engine.__version__}"
    parser.add_argument("--version", action="version", version=version)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(subparsers)
    return parser


def add_pansharpen(subparsers: Subparsers) -> None:
    """``pansharpen``: fuse PAN and MS with KSDiff."""
    parser = subparsers.add_parser("pansharpen", help="fuse PAN and MS with KSDiff")
    add_raster_options(parser)
    add_network_options(parser)
    add_cluster_options(parser)
    parser.set_defaults(run=run_pansharpen)


def run_pansharpen(options: argparse.Namespace) -> int:
    """Run a ``PansharpenJob`` made of the options."""
    job = PansharpenJob(
        **raster_fields(options),
        **network_fields(options),
        workers=options.workers,
        scheduler=options.scheduler,
    )
    return run_and_print(job, options.json)


def add_classical(subparsers: Subparsers) -> None:
    """``classical METHOD``: fuse PAN and MS without a network."""
    parser = subparsers.add_parser("classical", help="fuse PAN and MS with a classical method")
    parser.add_argument("method", choices=CLASSICAL_METHODS, metavar="METHOD", help=_METHODS_HELP)
    add_raster_options(parser)
    parser.set_defaults(run=run_classical)


def run_classical(options: argparse.Namespace) -> int:
    """Run a ``ClassicalJob`` made of the options."""
    job = ClassicalJob(**raster_fields(options), method=options.method)
    return run_and_print(job, options.json)


def add_batch(subparsers: Subparsers) -> None:
    """``batch LIST.csv``: fuse the scenes of a list, past failures."""
    parser = subparsers.add_parser(
        "batch",
        help="fuse the scenes of a list",
        description="Fuse the scenes of a CSV file, one a row; the header names the fields: pan, "
        "ms, output, and where they are not the default method, bands, weights and others. A row "
        "that fails stops no other.",
    )
    parser.add_argument("list", metavar="LIST.csv", help="several values in a cell: a;b")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="pass over rows that are finished and unchanged; keep and take over finished tiles",
    )
    parser.add_argument(
        "--record", default="", metavar="FILE", help="of what was done (default: LIST.csv.record)"
    )
    add_running_options(parser)
    add_cluster_options(parser)
    parser.set_defaults(run=run_batch)


def run_batch(options: argparse.Namespace) -> int:
    """Run the rows of a list, and end with what became of them; 1 if any did not succeed."""
    limit_threads(options.threads)
    from ksdiff_engine import batch

    rows = batch.read_list(options.list, threads=options.threads, resume=options.resume)
    display = ProgressLine() if sys.stderr.isatty() else None
    ended: list[batch.Outcome] = []
    where = {"workers": options.workers, "scheduler": options.scheduler}
    record = batch.Record(options.record or f"{options.list}.record", resume=options.resume)
    with (
        record,
        contextlib.closing(batch.outcomes(rows, record, **where, progress=display)) as outcomes,
    ):
        try:
            for outcome in outcomes:
                ended.append(outcome)
                for text in filter(None, (outcome.error, *outcome.warnings)):
                    (display.warn if display else _print_warning)(f"line {outcome.line}: {text}")
        finally:  # an interrupted run says as well how far it came
            if display is not None:
                display.clear()
            print(batch.json_text(ended) if options.json else batch.table_text(ended, len(rows)))
    return int(any(outcome.state == batch.FAILED for outcome in ended))


def add_degrade(subparsers: Subparsers) -> None:
    """``degrade``: reduce a pair by its ratio, so that the MS becomes the reference."""
    parser = subparsers.add_parser("degrade", help="reduce PAN and MS by their ratio (Wald)")
    add_pair_options(parser)
    add_running_options(parser)
    parser.add_argument("--output-pan", required=True, metavar="FILE", help="reduced PAN to write")
    parser.add_argument("--output-ms", required=True, metavar="FILE", help="reduced MS to write")
    parser.add_argument(
        "--output-reference", default="", metavar="FILE", help="also the MS cut to the reduced PAN"
    )
    add_creation_options(parser)
    add_register_option(parser)
    parser.set_defaults(run=run_degrade)


def run_degrade(options: argparse.Namespace) -> int:
    """Run a ``DegradeJob`` made of the options."""
    job = DegradeJob(
        **pair_fields(options),
        output_pan=options.output_pan,
        output_ms=options.output_ms,
        output_reference=options.output_reference,
        register=options.register,
        creation_options=tuple(options.co),
    )
    return run_and_print(job, options.json)


def add_assess(subparsers: Subparsers) -> None:
    """``assess``: figures of a fused image, with a reference (``--reference``) or without."""
    parser = subparsers.add_parser("assess", help="measure a fused image")
    parser.add_argument("--fused", required=True, help="fused raster")
    truth = parser.add_argument_group("against a reference")
    truth.add_argument("--reference", nargs="+", action="extend", default=[], metavar="FILE")
    truth.add_argument("--ratio", type=float, default=0.0, help="PAN pixels per MS pixel")
    truth.add_argument("--peak", type=float, default=0.0, help="0: the reference's largest value")
    truth.add_argument("--error-map", default="", metavar="FILE", help="errors of each pixel")
    add_creation_options(truth)
    add_pair_options(parser.add_argument_group("without a reference"), required=False)
    add_report_option(parser)
    add_running_options(parser)
    parser.set_defaults(run=run_assess, usage_error=parser.error)


def run_assess(options: argparse.Namespace) -> int:
    """Run the job of one of the two kinds that the options stand for."""
    if bool(options.reference) == bool(options.pan or options.ms):
        options.usage_error("give either --reference, or --pan and --ms")
    if options.reference:
        return run_and_print(_job_against_reference(options), options.json)
    if not (options.pan and options.ms):
        options.usage_error("without a reference, both --pan and --ms are needed")
    job = AssessWithoutReferenceJob(**pair_fields(options), fused=options.fused, html=options.html)
    return run_and_print(job, options.json)


def _job_against_reference(options: argparse.Namespace) -> AssessAgainstReferenceJob:
    return AssessAgainstReferenceJob(
        reference=tuple(options.reference),
        fused=options.fused,
        ratio=options.ratio,
        peak=options.peak,
        bands=tuple(options.bands),
        error_map=options.error_map,
        html=options.html,
        creation_options=tuple(options.co),
        threads=options.threads,
    )


def add_compare(subparsers: Subparsers) -> None:
    """``compare``: several methods on one pair, at reduced and at full resolution."""
    parser = subparsers.add_parser("compare", help="run and rank methods on PAN and MS")
    add_pair_options(parser)
    parser.add_argument(
        "--methods",
        nargs="+",
        default=[],
        choices=COMPARED_METHODS,
        metavar="METHOD",
        help=f"default: all of {', '.join(COMPARED_METHODS)}",
    )
    parser.add_argument(
        "--megapixels",
        type=float,
        default=CompareJob.megapixels,
        help="size of the sample, in millions of PAN pixels (default: %(default)s)",
    )
    add_network_options(parser)
    add_register_option(parser)
    add_report_option(parser)
    add_running_options(parser)
    parser.set_defaults(run=run_compare)


def run_compare(options: argparse.Namespace) -> int:
    """Run a ``CompareJob`` made of the options."""
    job = CompareJob(
        **pair_fields(options),
        **network_fields(options),
        methods=tuple(options.methods),
        megapixels=options.megapixels,
        register=options.register,
        html=options.html,
    )
    return run_and_print(job, options.json)


def add_adapt(subparsers: Subparsers) -> argparse.ArgumentParser:
    """``adapt``: fine-tune weights on a scene; the training package offers the same command."""
    parser = subparsers.add_parser(
        "adapt",
        help="fine-tune weights on a scene",
        description="Fine-tune weights on a scene at reduced resolution. A part of the scene is "
        "held out and decides whether it helped; if it did not, no file is written and the exit "
        f"code is {DID_NOT_HELP}.",
    )
    add_pair_options(parser)
    parser.add_argument("--output", required=True, help="weights to write, e.g. mine.safetensors")
    add_weights_options(parser)
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: 0)")
    parser.add_argument(
        "--steps", type=int, default=AdaptJob.steps, help="the most (default: %(default)s)"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=AdaptJob.minutes,
        help="the longest training time (default: %(default)s)",
    )
    parser.add_argument(
        "--parts",
        default=ADAPTED_PARTS[0],
        choices=ADAPTED_PARTS,
        help="what learns: all weights, or what makes the kernels and the last layer",
    )
    add_register_option(parser)
    add_running_options(parser)
    parser.set_defaults(run=run_adapt)
    return parser


def run_adapt(options: argparse.Namespace) -> int:
    """Run an ``AdaptJob`` made of the options."""
    job = AdaptJob(
        **pair_fields(options),
        **weights_fields(options),
        output=options.output,
        seed=options.seed,
        steps=options.steps,
        minutes=options.minutes,
        parts=options.parts,
        register=options.register,
    )
    result = run_and_show(job, options.json)
    return 0 if result["helped"] else DID_NOT_HELP


def add_pair_options(parser: Options, *, required: bool = True) -> None:
    """Options of every command that reads a pair."""
    parser.add_argument("--pan", required=required, help="panchromatic raster")
    parser.add_argument("--pan-band", type=int, default=0, metavar="N", help="if PAN has several")
    parser.add_argument(
        "--ms",
        required=required,
        nargs="+",
        action="extend",
        default=None if required else [],
        help="multispectral raster(s), stacked",
    )
    parser.add_argument(
        "--bands", type=int, nargs="+", default=[], metavar="N", help="MS bands, from 1"
    )
    parser.add_argument(
        "--sensor", default=AUTO, metavar="NAME", help=f"auto, {', '.join(load_profiles())}"
    )


def pair_fields(options: argparse.Namespace) -> dict[str, Any]:
    """The job's fields that :func:`add_pair_options` asks for."""
    return {
        "pan": options.pan,
        "pan_band": options.pan_band,
        "ms": tuple(options.ms),
        "bands": tuple(options.bands),
        "sensor": options.sensor,
        "threads": options.threads,
    }


def add_raster_options(parser: argparse.ArgumentParser) -> None:
    """Options of every command that fuses a pair into a raster."""
    add_pair_options(parser)
    add_running_options(parser)
    parser.add_argument("--output", required=True, help="raster to write, e.g. fused.tif")
    parser.add_argument("--output-type", default="input", choices=OUTPUT_TYPES)
    add_creation_options(parser)
    parser.add_argument("--pyramids", action="store_true", help="add overviews, for viewers")
    parser.add_argument("--tile", type=int, default=0, metavar="PIXELS", help="0: chosen")
    add_register_option(parser)
    parser.add_argument(
        "--resume",
        action="store_true",
        help="keep finished tiles beside the output, and go on from those of an interrupted run",
    )


def raster_fields(options: argparse.Namespace) -> dict[str, Any]:
    """The job's fields that :func:`add_raster_options` asks for."""
    return {
        **pair_fields(options),
        "output": options.output,
        "output_type": options.output_type,
        "creation_options": tuple(options.co),
        "pyramids": options.pyramids,
        "tile": options.tile,
        "register": options.register,
        "resume": options.resume,
    }


def add_register_option(parser: Options) -> None:
    """``--register``, for every command that fuses or reduces a pair."""
    parser.add_argument(
        "--register",
        default=REGISTER[0],
        choices=REGISTER,
        help="the shift between PAN and MS (default: %(default)s)",
    )


def add_report_option(parser: Options) -> None:
    """``--html``, for every command that measures."""
    parser.add_argument("--html", default="", metavar="FILE", help="report to write")


def add_creation_options(parser: Options) -> None:
    """``--co``, for every command that writes rasters."""
    parser.add_argument(
        "--co", action="append", default=[], metavar="KEY=VALUE", help="creation option"
    )


def add_running_options(parser: argparse.ArgumentParser) -> None:
    """Options of every command that runs a job."""
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: all)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Options of every command that runs KSDiff."""
    add_weights_options(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the prior's noise (default: 0)")
    parser.add_argument("--prior-scope", default="scene", choices=PRIOR_SCOPES)


def add_weights_options(parser: argparse.ArgumentParser) -> None:
    """Options of every command that takes weights to a device."""
    parser.add_argument("--weights", default="auto", metavar="NAME|FILE", help="default: auto")
    parser.add_argument(
        "--weights-folder", action="append", default=[], metavar="FOLDER", help="search here too"
    )
    parser.add_argument("--device", default="auto", choices=DEVICES)


def add_cluster_options(parser: Options) -> None:
    """Options of every command that can run on a cluster."""
    where = parser.add_argument_group("work on several processes or machines (Dask distributed)")
    where.add_argument("--workers", type=int, default=0, metavar="N", help="on this machine")
    where.add_argument(
        "--scheduler", default="", metavar="ADDRESS", help="of a cluster that runs already"
    )


def network_fields(options: argparse.Namespace) -> dict[str, Any]:
    """The job's fields that :func:`add_network_options` asks for."""
    return {
        **weights_fields(options),
        "seed": options.seed,
        "prior_scope": options.prior_scope,
    }


def weights_fields(options: argparse.Namespace) -> dict[str, Any]:
    """The job's fields that :func:`add_weights_options` asks for."""
    return {
        "weights": options.weights,
        "weights_folders": tuple(options.weights_folder),
        "device": options.device,
    }


def run_and_print(job: Job, as_json: bool) -> int:
    """Run a job with progress on a terminal, print its result, and return the exit code."""
    run_and_show(job, as_json)
    return 0


def run_and_show(job: Job, as_json: bool) -> dict[str, Any]:
    """Run a job with progress on a terminal, and return its result after printing it."""
    limit_threads(getattr(job, "threads", 0))
    from ksdiff_engine.pipeline import run_job

    display = ProgressLine() if sys.stderr.isatty() else None
    try:
        result = run_job(job, display, warn=_print_warning if display is None else display.warn)
    finally:
        if display is not None:
            display.clear()
    if as_json:
        print(json.dumps(result, allow_nan=False))
    else:
        _print_result(result)
    return result


class ProgressLine:
    """One line on a terminal that is overwritten as the job proceeds."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._last = ""

    def __call__(self, fraction: float, message: str) -> None:
        seconds = time.monotonic() - self._started
        line = f"{100 * fraction:3.0f} %  {seconds:5.0f} s  {message}"[:79]
        if line != self._last:
            print(f"\r{line:<{len(self._last)}}", end="", file=sys.stderr, flush=True)
            self._last = line

    def warn(self, message: str) -> None:
        self.clear()
        _print_warning(message)

    def clear(self) -> None:
        print("\r" + " " * len(self._last) + "\r", end="", file=sys.stderr, flush=True)
        self._last = ""


def add_weights(subparsers: Subparsers) -> None:
    """``weights list`` and ``weights show``: which networks there are, and their cards.

    The training package offers the same command.
    """
    parser = subparsers.add_parser("weights", help="list and show weights")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="name, bands, ratio and title of each file")
    showing = actions.add_parser("show", help="the card of one file")
    showing.add_argument("weights", metavar="NAME|FILE")
    for action, run in ((listing, run_weights_list), (showing, run_weights_show)):
        action.add_argument("--folder", action="append", default=[], help="search here too")
        action.add_argument("--json", action="store_true", help="print JSON")
        action.set_defaults(run=run)


def run_weights_list(options: argparse.Namespace) -> int:
    """Print the catalogue; damaged files are named on stderr."""
    entries = _catalogue(options.folder)
    if options.json:
        print(json.dumps([{"path": entry.path, **entry.card} for entry in entries]))
        return 0
    for entry in entries:
        print(f"{entry.name}: {entry.title} ({entry.fits}), {entry.path}")
    if not entries:
        print("No weights were found.", file=sys.stderr)
    return 0


def run_weights_show(options: argparse.Namespace) -> int:
    """Print one card with the file's path and SHA-256, after checking the tensors' hash."""
    entry = weights.find(options.weights, _catalogue(options.folder))
    weights.check_tensors(entry.path, entry.card)
    digest = weights.sha256(entry.path)
    if options.json:
        print(json.dumps({"path": entry.path, "sha256": digest, **entry.card}))
        return 0
    print(card_text(entry))
    print(f"SHA-256 of the file: {digest}")
    return 0


def _catalogue(folders: Sequence[str]) -> tuple[weights.CatalogueEntry, ...]:
    return weights.catalogue(
        weights.weights_folders(folders), lambda error: _print_warning(str(error))
    )


def _print_warning(message: str) -> None:
    print(f"Warning: {message}", file=sys.stderr)


def _print_result(result: dict[str, Any]) -> None:
    if "tables" in result:
        from ksdiff_engine.quality.console import report_text

        print(report_text(result))
        return
    for key, value in result.items():
        if key != "messages":
            print(f"{key}: {value}")


# A further command is one more function here.
COMMANDS: tuple[Callable[[Subparsers], object], ...] = (
    add_pansharpen,
    add_classical,
    add_batch,
    add_degrade,
    add_assess,
    add_compare,
    add_adapt,
    add_weights,
)
