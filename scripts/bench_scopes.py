"""KSDiff's kernels for a whole scene, for cells of it, and for cells that are not blended.

Prints the Markdown tables of docs/scopes.md: quality at both resolutions, seams, how far results
with other tiles lie off, and the time of both scopes in turns:

    scripts/bench_scopes.py DATA [--scenes 'test/*.npz'] [--weights any] [--threads 1]
        [--rounds 3] [--megapixels 4.2]                              # time
        [--reduced] [--float32] [--tiles 64,256] [--workers 2]       # results with other tiles

DATA holds the scenes in the project's npz layout. Everything runs as a user's jobs would, on
Float32 rasters.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from benchmark.quality import against_reference, without_reference
from benchmark.scenes import PairFiles, QualityScene, write_mosaic, write_quality_scene
from benchmark.seams import Seams, seams
from osgeo import gdal

from ksdiff_engine import fusion
from ksdiff_engine.job import ClassicalJob, PansharpenJob
from ksdiff_engine.pipeline import run_job
from ksdiff_training.data.pairs import read_pair

SMALL = 128  # PAN pixels: cells and tiles of which even small scenes have several
PERIOD = 4  # lines that are alike: of the MS pixels (ratio 2 or 4) and the U-Net's strides (4)
QUALITY = ("ergas", "sam", "q2n", "hqnr")
LOWER_IS_BETTER = ("ergas", "sam")

CPU = torch.device("cpu")

Row = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """A way to share out kernels, in PAN pixels.

    cell, blend: of tile scope; a transition of one pixel is a hard edge. border: of what a seam
    would show. tile: of the job whose result is searched for seams; half precision takes tiles of
    its own instead, so that borders lie there. offered: a choice that users
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
    options = parsed()
    gdal.UseExceptions()
    paths = sorted(options.data.glob(options.scenes))
    if not paths:
        raise SystemExit(f"no scene matches {options.data / options.scenes}")
    rows: list[Row] = []
    times: list[Row] = []
    large: list[Row] = []
    print(heading(COLUMNS))
    with tempfile.TemporaryDirectory(prefix="ksdiff-bench-") as scratch, precision(options.float32):
        for path in paths:
            folder = Path(scratch) / path.stem
            scene = write_quality_scene(path, folder)
            rows += rate_all(scene, options, folder)
            if options.rounds:
                fuses = offered(options, folder)
                times.append(in_turns(scene.name, fuses, scene.full, options.rounds))
        if options.megapixels:
            mosaic = write_mosaic(largest(paths), options.megapixels, bands=4, folder=Path(scratch))
            fuses = offered(options, Path(scratch))
            times.append(in_turns("mosaic", fuses, mosaic, options.rounds or 1))
            large = seams_only(fuses, mosaic)
    summary = summarised(rows)
    for columns, table in ((MEANS, summary), (WORST, summary), (TIMES, times), (LARGE, large)):
        if table:
            print("\n" + heading(columns))
            print("\n".join(line(columns, row) for row in table))


def parsed() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--scenes", default="test/*.npz", help="in DATA: where to measure")
    parser.add_argument("--weights", default="auto", help="name or file (default: what fits)")
    parser.add_argument("--float32", action="store_true", help="instead of the fastest precision")
    parser.add_argument("--reduced", action="store_true", help="no full resolution, no small cells")
    parser.add_argument("--tiles", default="", help="also compare with tiles of these edges")
    parser.add_argument("--workers", type=int, default=0, help="also compare with N processes")
    parser.add_argument("--threads", type=int, default=0, help="default: all")
    parser.add_argument("--rounds", type=int, default=0, help="time both scopes in turns, N times")
    parser.add_argument("--megapixels", type=float, help="time them on a mosaic of this size too")
    options = parser.parse_args()
    if options.float32 and options.workers:
        parser.error("--float32 does not reach the processes of --workers")
    return options


def largest(paths: Sequence[Path]) -> Path:
    """The scene with most PAN pixels.

    Copies of it in a mosaic are mirrored where they meet, which no seam can be told from if its
    edge is a multiple of a cell's.
    """
    return max(paths, key=lambda path: read_pair(path).pan.size)


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
        self.full = not options.reduced
        self.other_tiles = [int(edge) for edge in options.tiles.split(",") if edge]
        self._weights, self._threads = options.weights, options.threads
        self._folder = folder

    @property
    def border(self) -> int:
        """Pixels between the lines where a seam would show."""
        whole = self.variant.tile and fusion.fastest_precision(CPU) != torch.float32
        return min(fusion.BLOCK) if whole else self.variant.border

    def __call__(self, pair: PairFiles, tile: int = 0, workers: int = 0) -> tuple[str, float]:
        """Path of the result, and the seconds that it took."""
        output = str(self._folder / f"tile{tile}.tif")
        job = PansharpenJob(
            **{"pan": pair.pan, "ms": (pair.ms,), "output": output, "sensor": pair.sensor},
            weights=self._weights,
            device=CPU.type,
            prior_scope=self.variant.scope,
            tile=tile,
            threads=self._threads,
            register="off",
            workers=workers,
        )
        return output, run_job(job)["seconds"]


def offered(options: argparse.Namespace, folder: Path) -> list[Fusion]:
    """The scopes that users can choose, `scene` first."""
    return [Fusion(variant, options, folder) for variant in VARIANTS if variant.offered]


def rate_all(scene: QualityScene, options: argparse.Namespace, folder: Path) -> list[Row]:
    """All figures of every variant on one scene, printed as they come."""
    rows = []
    baked_once: Results | None = None
    for variant in VARIANTS:
        if options.reduced and not variant.offered:
            continue
        with cells(variant):
            row, results = rate(Fusion(variant, options, folder), scene, baked_once)
        baked_once = baked_once or results
        rows.append(row)
        print(line(COLUMNS, row), flush=True)
    return rows


@dataclass(frozen=True)
class Results:
    """(C, H, W) at reduced resolution, and at full where it was fused."""

    reduced: np.ndarray
    full: np.ndarray | None


def rate(fuse: Fusion, scene: QualityScene, first: Results | None) -> tuple[Row, Results]:
    """All figures of one variant on one scene, and its results.

    Cells and tiles that users do not have are fused at reduced resolution alone, where there is a
    reference and pixels are few; cells as users have them need full resolution to be several.
    first: of the first variant; less of it, the landscape does not hide seams.
    """
    variant = fuse.variant
    row: Row = {"scene": scene.name, "variant": variant.name}
    output, _ = fuse(scene.reduced)
    row |= against_reference(output, scene.reference, scene.full.ratio)
    reduced, full = read(output), None
    tiled = read(fuse(scene.reduced, variant.tile)[0]) if variant.tile else reduced
    if variant.offered:
        row |= other_tiles(fuse, scene.reduced, reduced, [tiled] if variant.tile else [])
        if fuse.full:
            output, _ = fuse(scene.full)
            row["hqnr"] = without_reference(output, scene.full)["hqnr"]
            full = read(output)
    if full is not None and variant.border == fusion.CELL:
        row |= seams_of(fuse, scene.full, full, full, first and first.full)
    else:
        row |= seams_of(fuse, scene.reduced, tiled, reduced, first and first.reduced)
    if first is not None:
        row["apart"] = float(np.abs(reduced - first.reduced).mean() / np.abs(first.reduced).mean())
    return row, Results(reduced, full)


def other_tiles(fuse: Fusion, pair: PairFiles, fused: np.ndarray, others: list[np.ndarray]) -> Row:
    """How far results with other tiles, and from several processes, lie off at most."""
    others += [read(fuse(pair, tile)[0]) for tile in fuse.other_tiles]
    if fuse.workers:
        others.append(read(fuse(pair, SMALL, fuse.workers)[0]))
    if not others:
        return {}
    farthest = max(float(np.abs(other - fused).max()) for other in others)
    return {
        "whole": max(float(np.abs(np.rint(o) - np.rint(fused)).max()) for o in others),
        "relative": farthest / float(np.abs(fused).mean()),
    }


def seams_of(
    fuse: Fusion,
    pair: PairFiles,
    tiled: np.ndarray,
    fused: np.ndarray,
    baked_once: np.ndarray | None,
) -> Row:
    """Seams of a result cut in the variant's tiles, and of its difference from scene scope."""
    residual = tiled - interpolated(pair, pair.pan)
    return {
        "seams": seams(residual, fuse.border, PERIOD),
        "steps": None if baked_once is None else seams(fused - baked_once, fuse.border, PERIOD),
    }


def seams_only(fuses: Sequence[Fusion], pair: PairFiles) -> list[Row]:
    """The seams of both scopes where there is no reference and many cells."""
    rows = []
    baked_once = None
    for fuse in fuses:
        fused = read(fuse(pair)[0])
        found = seams_of(fuse, pair, fused, fused, baked_once)
        rows.append({"variant": fuse.variant.name, **found})
        baked_once = fused if baked_once is None else baked_once
    return rows


def in_turns(name: str, fuses: Sequence[Fusion], pair: PairFiles, rounds: int) -> Row:
    """Wall and CPU seconds of both scopes by turns: what else the machine does slows both down.

    The ratios are medians over the rounds, each of two runs that follow one another.
    """
    spent = np.array([[timed(fuse, pair) for fuse in fuses] for _ in range(rounds)])
    raster = gdal.Open(pair.pan)
    across, down = (max(1, n // fusion.CELL) for n in (raster.RasterXSize, raster.RasterYSize))
    scene, tile = np.median(spent, axis=0)
    wall, cpu = np.median(spent[:, 1] / spent[:, 0], axis=0)
    return {
        "scene": name,
        "size": raster.RasterXSize * raster.RasterYSize * pair.bands / 1e6,
        "cells": across * down,
        **{"scene wall": scene[0], "tile wall": tile[0], "wall": wall},
        **{"scene cpu": scene[1], "tile cpu": tile[1], "cpu": cpu},
    }


def timed(fuse: Fusion, pair: PairFiles) -> tuple[float, float]:
    """Wall and CPU seconds of a job."""
    before = time.process_time()
    _, wall = fuse(pair)
    return wall, time.process_time() - before


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
        if not own:
            continue
        row: Row = {"variant": variant.name}
        for key in QUALITY:
            row[key] = float(np.mean([r[key] for r in own])) if key in own[0] else None
        for key in QUALITY:
            gains = [r[key] - first[r["scene"]][key] for r in own if key in r]
            worst = max if key in LOWER_IS_BETTER else min
            row[f"{key} lost"] = worst(gains, default=None)
        for key in ("seams", "steps"):
            row[key] = [seam for r in own if r[key] for seam in r[key]]
        apart = [r["apart"] for r in own if "apart" in r]
        row["apart"] = float(np.mean(apart)) if apart else None
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
    "from scene": number("apart", ".2%"),
    "seams": lambda row: _of_scene(row["seams"]),
    "less scene": lambda row: _of_scene(row["steps"]),
    **TILING,
}
MEANS: Columns = {
    **{name: COLUMNS[name] for name in ("kernels", "ERGAS", "SAM", "Q2n", "HQNR", "from scene")},
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
TIMES: Columns = {
    "scene": COLUMNS["scene"],
    "megapixels × bands": number("size", ".1f"),
    "cells": number("cells", "d"),
    "scene, s": number("scene wall", ".2f"),
    "tile, s": number("tile wall", ".2f"),
    "tile / scene": number("wall", ".2f"),
    "scene, CPU s": number("scene cpu", ".2f"),
    "tile, CPU s": number("tile cpu", ".2f"),
    "tile / scene, CPU": number("cpu", ".2f"),
}
LARGE: Columns = {name: COLUMNS[name] for name in ("kernels", "seams", "less scene")}


def heading(columns: Columns) -> str:
    """Head and rule of a Markdown table."""
    return f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|"


def line(columns: Columns, row: Row) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cell(row) for cell in columns.values())} |"


if __name__ == "__main__":
    main()
