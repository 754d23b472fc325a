"""KSDiff's kernels for a whole scene, for cells of it, and for cells that are not blended.

Prints the Markdown tables of docs/scopes.md: quality at both resolutions, seconds, seams, and how
far results with other tiles lie off:

    scripts/bench_scopes.py DATA [--scenes 'test/*.npz'] [--float32] [--workers 2] [--threads 1]

DATA holds the scenes in the project's npz layout. Everything runs as a user's jobs would, on
Float32 rasters.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from benchmark.quality import against_reference, without_reference
from benchmark.scenes import PairFiles, QualityScene, write_quality_scene
from benchmark.seams import Seams, seams
from osgeo import gdal

from ksdiff_engine import fusion
from ksdiff_engine.job import ClassicalJob, PansharpenJob
from ksdiff_engine.pipeline import run_job

TILES = (64, 256, 1000)  # PAN pixels, beside the engine's own choice
SMALL = 128  # PAN pixels: cells and tiles of which even small scenes have several
PERIOD = 4  # lines that are alike: of the MS pixels (ratio 2 or 4) and the U-Net's strides (4)
QUALITY = ("ergas", "sam", "q2n", "hqnr")
LOWER_IS_BETTER = ("ergas", "sam")

Row = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """A way to share out kernels, in PAN pixels.

    cell, blend: of tile scope; a transition of one pixel is a hard edge. border: of what a seam
    would show. tile: of the job whose result is searched for seams. offered: a choice that users
    have, so that it is also run with other tiles.
    """

    name: str
    scope: str
    border: int
    cell: int = fusion.CELL
    blend: int = fusion.CELL_BLEND
    tile: int = 0
    offered: bool = False


VARIANTS = (
    Variant("scene", "scene", border=SMALL, tile=SMALL, offered=True),
    Variant("tile", "tile", border=fusion.CELL, offered=True),
    Variant(f"tile, cells of {SMALL}", "tile", border=SMALL, cell=SMALL),
    Variant(f"tiles of {SMALL} apart", "tile", border=SMALL, cell=SMALL, blend=1),
)


def main() -> None:
    """Measure every scene in every variant, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--scenes", default="test/*.npz", help="in DATA: where to measure")
    parser.add_argument("--weights", default="auto", help="name or file (default: what fits)")
    parser.add_argument("--float32", action="store_true", help="instead of the fastest precision")
    parser.add_argument("--workers", type=int, default=0, help="also compare with N processes")
    parser.add_argument("--threads", type=int, default=0, help="default: all")
    options = parser.parse_args()
    gdal.UseExceptions()
    paths = sorted(options.data.glob(options.scenes))
    if not paths:
        raise SystemExit(f"no scene matches {options.data / options.scenes}")
    rows = []
    print(heading(COLUMNS))
    with tempfile.TemporaryDirectory(prefix="ksdiff-bench-") as scratch, precision(options.float32):
        for path in paths:
            folder = Path(scratch) / path.stem
            scene = write_quality_scene(path, folder)
            baked_once = None
            for variant in VARIANTS:
                with cells(variant):
                    row, fused = rate(Fusion(variant, options, folder), scene, baked_once)
                baked_once = fused if baked_once is None else baked_once
                rows.append(row)
                print(line(COLUMNS, rows[-1]), flush=True)
    summary = summarised(rows)
    for columns in (MEANS, WORST):
        print("\n" + heading(columns))
        print("\n".join(line(columns, row) for row in summary))


@contextmanager
def precision(exact: bool) -> Iterator[None]:
    """Compute in float32 if `exact`, as most processors do, so that tiles are cut as asked."""
    with ExitStack() as stack:
        if exact:
            single = patch.object(fusion, "fastest_precision", lambda device: torch.float32)
            stack.enter_context(single)
        yield


@contextmanager
def cells(variant: Variant) -> Iterator[None]:
    """The engine with a variant's cells; users cannot choose them."""
    with patch.multiple(fusion, CELL=variant.cell, CELL_BLEND=variant.blend):
        yield


class Fusion:
    """A variant as jobs that write into a folder."""

    def __init__(self, variant: Variant, options: argparse.Namespace, folder: Path) -> None:
        self.variant = variant
        self.workers = options.workers
        self._weights, self._threads = options.weights, options.threads
        self._folder = folder

    def __call__(self, pair: PairFiles, tile: int = 0, workers: int = 0) -> tuple[str, float]:
        """Path of the result, and the seconds that it took."""
        output = str(self._folder / f"tile{tile}.tif")
        job = PansharpenJob(
            **{"pan": pair.pan, "ms": (pair.ms,), "output": output, "sensor": pair.sensor},
            weights=self._weights,
            device="cpu",
            prior_scope=self.variant.scope,
            tile=tile,
            threads=self._threads,
            register="off",
            workers=workers,
        )
        return output, run_job(job)["seconds"]


def rate(
    fuse: Fusion, scene: QualityScene, baked_once: np.ndarray | None
) -> tuple[Row, np.ndarray]:
    """All figures of one variant on one scene, and its full-resolution result (C, H, W).

    baked_once: the first variant's result; less of it, the landscape does not hide seams.
    """
    variant = fuse.variant
    row: Row = {"scene": scene.name, "variant": variant.name}
    reduced, _ = fuse(scene.reduced)
    row |= against_reference(reduced, scene.reference, scene.full.ratio)
    output, seconds = fuse(scene.full)
    row |= {"seconds": seconds, "hqnr": without_reference(output, scene.full)["hqnr"]}
    fused = read(output)
    tiled = read(fuse(scene.full, variant.tile)[0]) if variant.tile else fused
    row["seams"] = seams(tiled - interpolated(scene.full, output), variant.border, PERIOD)
    row["steps"] = None if baked_once is None else seams(fused - baked_once, variant.border, PERIOD)
    if variant.offered:
        others = [tiled, *(read(fuse(scene.full, tile)[0]) for tile in TILES)]
        if fuse.workers:
            others.append(read(fuse(scene.full, SMALL, fuse.workers)[0]))
        row["whole"] = max(float(np.abs(np.rint(o) - np.rint(fused)).max()) for o in others)
        largest = max(float(np.abs(other - fused).max()) for other in others)
        row["relative"] = largest / float(np.abs(fused).mean())
    return row, fused


def interpolated(pair: PairFiles, beside: str) -> np.ndarray:
    """The MS on the PAN grid, (C, H, W)."""
    output = str(Path(beside).with_name("exp.tif"))
    run_job(ClassicalJob(pair.pan, (pair.ms,), output, "exp", sensor=pair.sensor, register="off"))
    return read(output)


def read(path: str) -> np.ndarray:
    """(C, H, W) float64."""
    return gdal.Open(path).ReadAsArray().astype(np.float64)


# --- tables ---

Columns = dict[str, Callable[[Row], str]]


def summarised(rows: Sequence[Row]) -> list[Row]:
    """One row a variant: means over all scenes, and the worst cases."""
    first = {row["scene"]: row for row in rows if row["variant"] == VARIANTS[0].name}
    result = []
    for variant in VARIANTS:
        own = [row for row in rows if row["variant"] == variant.name]
        row: Row = {"variant": variant.name}
        for key in (*QUALITY, "seconds"):
            row[key] = float(np.mean([r[key] for r in own]))
        for key in QUALITY:
            gains = [r[key] - first[r["scene"]][key] for r in own]
            row[f"{key} lost"] = max(gains) if key in LOWER_IS_BETTER else min(gains)
        for key in ("seams", "steps"):
            row[key] = [seam for r in own if r[key] for seam in r[key]]
        row["whole"] = max((r["whole"] for r in own if "whole" in r), default=None)
        row["relative"] = max((r["relative"] for r in own if "relative" in r), default=None)
        result.append(row)
    return result


def number(key: str, form: str) -> Callable[[Row], str]:
    """A cell with a figure, or a dash where there is none."""
    return lambda row: "–" if row.get(key) is None else format(row[key], form)


def _of_scene(found: tuple[Seams, Seams] | None) -> str:
    """Ratio of either axis, bold where it is more than chance."""
    if found is None:
        return "–"
    return ", ".join(f"**{s.ratio:.2f}**" if s.seen else f"{s.ratio:.2f}" for s in found)


def _mean(key: str) -> Callable[[Row], str]:
    """The mean ratio over scenes and axes, and on how many it is more than chance."""

    def cell(row: Row) -> str:
        found = row[key]
        if not found:
            return "–"
        seen = sum(seam.seen for seam in found)
        return f"{np.mean([seam.ratio for seam in found]):.2f} ({seen} of {len(found)})"

    return cell


def _worst(key: str) -> Callable[[Row], str]:
    """The largest ratio, and what chance allows there."""

    def cell(row: Row) -> str:
        worst = max(row[key], key=lambda seam: seam.ratio, default=None)
        return f"{worst.ratio:.2f} ({worst.chance:.2f})" if worst else "–"

    return cell


TILING: Columns = {
    "other tiles, DN": number("whole", ".0f"),
    "relative": number("relative", ".1e"),
}
COLUMNS: Columns = {
    "scene": lambda row: row["scene"],
    "kernels": lambda row: row["variant"],
    "ERGAS": number("ergas", ".3f"),
    "SAM": number("sam", ".3f"),
    "Q2n": number("q2n", ".4f"),
    "HQNR": number("hqnr", ".4f"),
    "s": number("seconds", ".1f"),
    "seams": lambda row: _of_scene(row["seams"]),
    "less scene": lambda row: _of_scene(row["steps"]),
    **TILING,
}
MEANS: Columns = {
    **{name: COLUMNS[name] for name in ("kernels", "ERGAS", "SAM", "Q2n", "HQNR", "s")},
    "seams": _mean("seams"),
    "less scene": _mean("steps"),
    **TILING,
}
WORST: Columns = {
    "kernels": COLUMNS["kernels"],
    "ERGAS": number("ergas lost", "+.3f"),
    "SAM": number("sam lost", "+.3f"),
    "Q2n": number("q2n lost", "+.4f"),
    "HQNR": number("hqnr lost", "+.4f"),
    "seams": _worst("seams"),
    "less scene": _worst("steps"),
}


def heading(columns: Columns) -> str:
    """Head and rule of a Markdown table."""
    return f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|"


def line(columns: Columns, row: Row) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cell(row) for cell in columns.values())} |"


if __name__ == "__main__":
    main()
