"""The engine's `compare` job on every test scene, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ksdiff_engine.job import REGISTER, CompareJob
from ksdiff_engine.pipeline import run_job
from ksdiff_engine.sensors import detect_sensor

from .data.pairs import read_pair
from .evaluate import Row, best_marked
from .scenes import PHASES, in_memory

COLUMNS = {
    "ERGAS": ("ergas", min, 3),
    "SAM": ("sam", min, 3),
    "Q2n": ("q2n", max, 4),
    "HQNR": ("hqnr", max, 4),
    "D_lambda": ("d_lambda_k", min, 4),
    "D_s": ("d_s", min, 4),
    "s": ("seconds", min, 2),
}


def compare(
    paths: Sequence[Path],
    methods: Sequence[str],
    weights: str = "auto",
    register: str = REGISTER[0],
) -> list[Row]:
    """Rows of scene, sensor, method and figures, in the order of `methods`.

    ERGAS, SAM and Q2n are at reduced resolution against the scene's own MS; HQNR and its parts at
    the scene's resolution; seconds are of the fusion there. Files with a reference (``gt``) are
    reduced pairs already: their MS is the reference here, too.
    """
    rows: list[Row] = []
    for path in paths:
        pair = read_pair(path, np.float64)
        convention = "georeferenced" if pair.reference is None else "benchmark"
        offset = PHASES[convention](pair.ratio) - pair.ratio / 2
        with in_memory(pair.name, pair.pan, pair.ms, pair.ratio, offset) as (pan, ms):
            job = CompareJob(
                pan=pan,
                ms=(ms,),
                methods=tuple(methods),
                sensor=detect_sensor([pair.sensor]).name,
                weights=weights,
                register=register,
            )
            result = run_job(job)
        for method in (name for name in methods if name in result["figures"]):
            figures = {**result["figures"][method], "seconds": result["seconds_full"][method]}
            rows.append({"scene": pair.name, "sensor": pair.sensor, "method": method, **figures})
    return rows


def comparison_table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; the best figure of each scene is bold."""
    lines = [
        f"| scene | sensor | method | {' | '.join(COLUMNS)} |",
        "|---|---|---|" + "---|" * len(COLUMNS),
    ]
    for row in rows:
        peers = [other for other in rows if other["scene"] == row["scene"]]
        cells = [
            best_marked(row.get(key), [peer.get(key) for peer in peers], best, digits)
            for key, best, digits in COLUMNS.values()
        ]
        lines.append(
            f"| {row['scene']} | {row['sensor']} | {row['method']} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)
