"""What adapting weights gains on test scenes, as a table in Markdown:

    PYTHONPATH=engine:training python scripts/adapt_gain.py DATA --scenes NAME … --steps 100

DATA is a folder of scenes in the training package's npz layout. Each scene is adapted to by the job
``adapt``; then the job ``compare`` measures the old and the new weights on the whole scene, at
reduced and at full resolution.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ksdiff_engine.job import KSDIFF, AdaptJob, CompareJob
from ksdiff_engine.pipeline import run_job
from ksdiff_engine.sensors import detect_sensor
from ksdiff_training.data.pairs import read_pair
from ksdiff_training.scenes import in_memory

HEAD = (
    "| scene | sensor | held-out ERGAS | ERGAS | SAM | Q2n | HQNR | steps | verdict |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Gain:
    """A scene's results: of the job ``adapt``, and of ``compare`` with the old and new weights."""

    scene: str
    sensor: str
    adapted: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]

    def row(self) -> str:
        """The table's row; figures before → after."""
        held_out = _change(self.adapted["ergas_before"], self.adapted["ergas_after"], 3)
        cells = [
            _change(self.before[key], self.after[key], digits)
            for key, digits in (("ergas", 3), ("sam", 3), ("q2n", 4), ("hqnr", 4))
        ]
        steps = self.adapted["steps"]
        verdict = "kept" if self.adapted["helped"] else "not kept"
        columns = (self.scene, self.sensor, held_out, *cells, steps, verdict)
        return f"| {' | '.join(map(str, columns))} |"


def main() -> int:
    """Print a row a scene as it is finished."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--scenes", nargs="+", required=True)
    parser.add_argument("--steps", type=int, default=AdaptJob.steps)
    parser.add_argument("--parts", default=AdaptJob.parts)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print(HEAD, flush=True)
    for name in options.scenes:
        print(measure(options.data / f"{name}.npz", options).row(), flush=True)
    return 0


def measure(path: Path, options: argparse.Namespace) -> Gain:
    """Adapt to one scene and measure both weights on it."""
    pair = read_pair(path)
    with (
        in_memory(pair.name, pair.pan, pair.ms, pair.ratio) as (pan, ms),
        tempfile.TemporaryDirectory() as folder,
    ):
        files: dict[str, Any] = {
            "pan": pan,
            "ms": (ms,),
            "sensor": detect_sensor([pair.sensor]).name,
        }
        settings = {key: getattr(options, key) for key in ("steps", "parts", "seed", "threads")}
        job = AdaptJob(**files, **settings, output=f"{folder}/adapted.safetensors", minutes=1440.0)
        adapted = run_job(job, _tell)
        compared = {
            "methods": (KSDIFF,),
            "megapixels": 100.0,
            "seed": options.seed,
            "threads": options.threads,
        }
        before, after = (
            run_job(CompareJob(**files, **compared, weights=weights))["figures"][KSDIFF]
            for weights in (adapted["derived_from"], adapted["weights_file"])
        )
    return Gain(path.stem, pair.sensor, adapted, before, after)


def _tell(fraction: float, message: str) -> None:
    print(f"{100 * fraction:3.0f} % {message}", end="\r", file=sys.stderr, flush=True)


def _change(before: float | None, after: float | None, digits: int) -> str:
    shown = ("–" if value is None else f"{value:.{digits}f}" for value in (before, after))
    return " → ".join(shown)


if __name__ == "__main__":
    sys.exit(main())
