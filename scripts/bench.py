"""KSDiff beside every classical method and every other program that is installed.

Measures wall time, CPU time, peak memory and quality on the same scenes, and writes
docs/benchmarks.json, docs/benchmarks.md and its plots:

    scripts/bench.py DATA [--megapixels 4 16 64 256] [--rounds 3] [--methods ksdiff,gsa,…]

DATA holds train/ and test/ in the project's npz layout. What is measured anew replaces what an
earlier run measured of the same method, size and scene; all else stays, so the work can be shared
out over several runs. Ratios are only taken within one run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark import candidates, machine
from benchmark.candidates import NETWORK, Candidate
from benchmark.measuring import ROOT, CommandFailed, measure
from benchmark.quality import against_reference, refitted, without_reference
from benchmark.report import MAIN_SIZE, write_report
from benchmark.results import Results, Row, bars
from benchmark.scenes import PairFiles, QualityScene, write_mosaic, write_quality_scene
from osgeo import gdal

from ksdiff_engine import weights

BANDS = 4  # of the scene that is timed
# At other sizes than the main one only these are timed, unless methods are named.
CURVES = ("ksdiff", "plain-backbone", "bare-network", "exp", "gsa", "gdal", "otb-rcs", "draft")
QUICK = ("ksdiff", "bare-network", "gsa", "gdal", "otb-rcs")


def main() -> None:
    """Measure what the options ask for, then write the report."""
    options = parse_options()
    gdal.UseExceptions()
    store = options.output / "benchmarks.json"
    results = Results.load(store)
    if not options.report_only:
        session = time.strftime("%Y-%m-%d %H:%M:%S")
        results.sessions[session] = machine.describe()
        if results.sessions[session]["load_at_start"] > machine.QUIET:
            print("warning: the machine is busy with other things; the times will not be true")
        with tempfile.TemporaryDirectory(prefix="ksdiff-bench-") as scratch:
            folder = Path(scratch)
            chosen = choose(options, folder)
            run = Run(results, store, session, folder)
            if "timing" in options.parts:
                for megapixels in options.megapixels:
                    run.time_scene(options, chosen, megapixels)
            if "quality" in options.parts:
                run.rate_scenes(options, chosen)
    print(write_report(results, options.output))
    sizes = results.sizes()
    for bar in bars(results, MAIN_SIZE if MAIN_SIZE in sizes else sizes[-1]) if sizes else []:
        value = "not measured" if bar.value is None else f"{bar.value:.4g}"
        print(f"{bar.label}: {value} (set: {bar.limit})")


def parse_options() -> argparse.Namespace:
    """The command line, with what --quick means filled in."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with train/ and test/")
    parser.add_argument(
        "--pair", default="train/pnn_IK.npz", help="in DATA: what the mosaic repeats"
    )
    parser.add_argument("--scenes", default="test/*.npz", help="in DATA: where quality is measured")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[4.0, 16.0, 64.0, 256.0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", default="", help="names, by commas (default: all installed)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument(
        "--diffusion", nargs=2, metavar=("CONFIG", "RUN"), help="a trained baseline"
    )
    parser.add_argument(
        "--quick", action="store_true", help="one small round, two scenes, dist/bench"
    )
    parser.add_argument("--report-only", action="store_true", help="from what is in the JSON file")
    parser.add_argument("--output", type=Path, help="folder to write to (default: docs)")
    options = parser.parse_args()
    if options.quick:
        options.megapixels, options.rounds = [1.0], 1
        options.methods = options.methods or ",".join(QUICK)
    options.output = options.output or ROOT / ("dist/bench" if options.quick else "docs")
    return options


PARTS = ("timing", "quality")


def choose(options: argparse.Namespace, folder: Path) -> list[Candidate]:
    """The candidates that are asked for and installed; says which are not.

    Raises SystemExit for a name that there is not.
    """
    entries = weights.catalogue(weights.weights_folders())
    fitting = weights.select(entries, bands=BANDS, ratio=4)[0]
    plain = str(folder / "plain-backbone.safetensors")
    extra = {Path(e.path).stem: e.path for e in entries if Path(e.path).stem.startswith("draft")}
    extra |= dict(pair.split("=", 1) for pair in options.weights)
    known = [*candidates.networks(extra, plain), *candidates.limits()]
    if options.diffusion:
        known += candidates.diffusion(*(os.path.abspath(path) for path in options.diffusion))
    known += [*candidates.classical(), *candidates.peers()]
    names = [name for name in options.methods.split(",") if name] or [c.name for c in known]
    unknown = sorted(set(names) - {c.name for c in known})
    if unknown:
        raise SystemExit(
            f"no method {', '.join(unknown)}; there are {', '.join(c.name for c in known)}"
        )
    chosen = [c for c in known if c.name in names]
    absent = [c.name for c in chosen if not c.installed]
    if absent:
        print(f"not installed, left out (make bench-peers): {', '.join(absent)}")
    if "plain-backbone" in names:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, NETWORK, "plain", "--weights", fitting.path, "--output", plain]
        subprocess.run(command, env=environment, check=True)
    return [c for c in chosen if c.installed]


class Run:
    """One run of the benchmark: its session, its scratch folder, and where its rows go."""

    def __init__(self, results: Results, store: Path, session: str, folder: Path) -> None:
        self.results = results
        self.store = store
        self.session = session
        self.folder = folder

    def time_scene(
        self, options: argparse.Namespace, chosen: list[Candidate], megapixels: float
    ) -> None:
        """Every candidate once in every round, on a mosaic of that size."""
        everything = (
            bool(options.methods) or megapixels == MAIN_SIZE or options.megapixels == [megapixels]
        )
        timed = [c for c in chosen if c.timing and (everything or c.name.startswith(CURVES))]
        pair = in_a_process(
            write_mosaic, options.data / options.pair, megapixels, BANDS, self.folder
        )
        for number in range(options.rounds):
            for candidate in timed:
                row = {"method": candidate.name, "megapixels": megapixels, "round": number}
                output = self._fresh() / "fused.tif"
                try:
                    command = candidate.command(pair, str(output))
                    cost = measure(command, output.parent, self_timed=candidate.self_timed)
                    course = {"curve": cost.curve} if candidate.name == "ksdiff" else {}
                    row |= {key: round(getattr(cost, key), 3) for key in ("wall", "cpu", "memory")}
                    row |= course
                except CommandFailed as error:
                    row["error"] = str(error)
                self._keep("timing", row, ("method", "megapixels"))

    def rate_scenes(self, options: argparse.Namespace, chosen: list[Candidate]) -> None:
        """Every candidate on every test scene, at both resolutions."""
        paths = sorted(options.data.glob(options.scenes))
        if not paths:
            raise SystemExit(f"no test scene matches {options.data / options.scenes}")
        for path in paths[: 2 if options.quick else None]:
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                scene = write_quality_scene(path, Path(folder))
                for candidate in (c for c in chosen if c.quality):
                    row = {"method": candidate.name, "family": candidate.family}
                    row |= {
                        "scene": scene.name,
                        "ratio": scene.full.ratio,
                        "bands": candidate.bands,
                    }
                    try:
                        row |= self._rate(candidate, scene)
                    except CommandFailed as error:
                        row["error"] = str(error)
                    self._keep("quality", row, ("method", "scene"))

    def _rate(self, candidate: Candidate, scene: QualityScene) -> Row:
        """The figures of one candidate on one scene; raises CommandFailed."""
        figures: dict[str, Any] = {}
        for resolution in candidate.quality:
            pair: PairFiles = getattr(scene, resolution)
            fused = self._fresh() / "fused.tif"
            cost = measure(candidate.command(pair, str(fused)), fused.parent)
            figures[f"seconds_{resolution}"] = cost.wall
            result = refitted(str(fused), pair) if candidate.refit else str(fused)
            if resolution == "full":
                figures |= without_reference(result, pair)
                continue
            figures |= against_reference(result, scene.reference, pair.ratio)
            if candidate.refit:
                delivered = against_reference(str(fused), scene.reference, pair.ratio)
                figures["ergas_delivered"] = delivered["ergas"]
        return {k: None if v is None else round(v, 5) for k, v in figures.items()}

    def _fresh(self) -> Path:
        """An empty folder for a command; that of the command before is removed."""
        if hasattr(self, "_last"):
            self._last.cleanup()
        self._last = tempfile.TemporaryDirectory(prefix="run-", dir=self.folder)
        return Path(self._last.name)

    def _keep(self, part: str, row: Row, keys: tuple[str, ...]) -> None:
        row["session"] = self.session
        self.results.add(part, row, keys)
        self.results.save(self.store)
        where = row.get("scene") or f"{row['megapixels']:g} megapixels, round {row['round'] + 1}"
        figures = {
            key: row[key] for key in ("wall", "memory", "ergas", "hqnr", "error") if key in row
        }
        print(f"{row['method']}, {where}: {figures}", flush=True)


def in_a_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call in a process of its own, whose memory is gone afterwards."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


if __name__ == "__main__":
    main()
