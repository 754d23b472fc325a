"""Reduced-resolution figures of weights beside interpolation and classical methods."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ksdiff_engine.classical import METHODS
from ksdiff_engine.fusion import KSDiffMethod
from ksdiff_engine.quality.reference import ergas, q2n, sam, uiqi
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.weights import read_card

from .pixel_diffusion import PixelDiffusion, PixelDiffusionMethod
from .scenes import ReducedScene, load_reduced_scene

MEASURES = ("SAM", "ERGAS", "Q", "Q2n")
DEFAULT_METHODS = ("exp", "gsa", "mtf-glp-fs", "bdsd-pc")

Row = dict[str, Any]


def evaluate(
    weights: Sequence[Path],
    paths: Sequence[Path],
    *,
    methods: Sequence[str] = DEFAULT_METHODS,
    convention: str = "georeferenced",
    seed: int = 0,
) -> list[Row]:
    """One row a scene and method; weights run on the scenes whose ratio their card names.

    Figures are of the unrounded result against the reference, over the whole image. Raises
    ValueError for an unknown method, WeightsError for weights that cannot be used.
    """
    unknown = sorted(set(methods) - set(METHODS))
    if unknown:
        raise ValueError(f"unknown methods {', '.join(unknown)}; there are {', '.join(METHODS)}")
    rows: list[Row] = []
    for path in paths:
        scene = load_reduced_scene(path, convention)
        rows += [_row(scene, name, METHODS[name]()) for name in methods]
        for file in weights:
            card = read_card(file)
            if card["ratio"][0] <= scene.ratio <= card["ratio"][1]:
                method = KSDiffMethod.from_file(file, seed=seed)
                rows.append(_row(scene, card["name"], method))
    return rows


def evaluate_diffusion(
    network: PixelDiffusion,
    paths: Sequence[Path],
    steps: Sequence[int],
    ratios: Collection[int],
    seed: int = 0,
) -> list[Row]:
    """One row a number of DDIM steps and scene of one of the ratios; each scene as one tile."""
    rows: list[Row] = []
    for path in paths:
        scene = load_reduced_scene(path)
        if scene.ratio in ratios:
            for count in steps:
                method = PixelDiffusionMethod(network, steps=count, seed=seed)
                rows.append(_row(scene, f"pixel-diffusion-{count}", method))
    return rows


def _row(scene: ReducedScene, name: str, method: Any) -> Row:
    figures = measure(scene, fuse_whole(scene, method))
    return {"scene": scene.name, "ratio": scene.ratio, "method": name, **figures}


def fuse_whole(scene: ReducedScene, method: Any) -> np.ndarray:
    """The method's result on a small scene in one tile, (C, H, W)."""
    with scene.open() as opened:
        method.prepare(opened)
        tile = opened.tile(Window(0, 0, opened.width, opened.height), method.halo)
        fused = method.fuse(tile)
        halo, height, width = method.halo, opened.height, opened.width
        return fused[:, halo : halo + height, halo : halo + width]


def measure(scene: ReducedScene, fused: np.ndarray) -> dict[str, float]:
    """SAM (degrees), ERGAS, Q and Q2n; digital numbers for Q2n, which rounds to integers."""
    height, width = fused.shape[1:]
    reference = scene.reference[:, :height, :width]
    # Q2n works on whole numbers: reflectance is brought to a range where rounding does not matter.
    scale = 1.0 if np.abs(reference).max() > 50 else 10000.0
    return {
        "SAM": sam(reference, fused),
        "ERGAS": ergas(reference, fused, scene.ratio),
        "Q": uiqi(reference, fused),
        "Q2n": q2n(reference * scale, fused * scale),
    }


def means(rows: Sequence[Row]) -> list[Row]:
    """The mean over scenes, a row each ratio and method that ran on all scenes of that ratio."""
    result = []
    for ratio in sorted({row["ratio"] for row in rows}):
        group = [row for row in rows if row["ratio"] == ratio]
        scenes = len({row["scene"] for row in group})
        for method in dict.fromkeys(row["method"] for row in group):
            chosen = [row for row in group if row["method"] == method]
            if len(chosen) == scenes:
                figures = {m: float(np.mean([row[m] for row in chosen])) for m in MEASURES}
                result.append(
                    {"scene": f"mean of {scenes}", "ratio": ratio, "method": method, **figures}
                )
    return result


def markdown_table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; the best figure of each scene is bold."""
    lines = [
        "| scene | ratio | method | SAM | ERGAS | Q | Q2n |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        peers = [r for r in rows if (r["scene"], r["ratio"]) == (row["scene"], row["ratio"])]
        cells = [_cell(row, name, peers) for name in MEASURES]
        lines.append(f"| {row['scene']} | {row['ratio']} | {row['method']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Row, name: str, peers: Sequence[Row]) -> str:
    """The figure of the measure `name`, bold when no peer's is better."""
    best = min if name in ("SAM", "ERGAS") else max
    return best_marked(row[name], [p[name] for p in peers], best, 4 if name.startswith("Q") else 3)


def best_marked(
    value: float | None,
    peers: Sequence[float | None],
    best: Callable[[Iterable[float]], float],
    digits: int,
) -> str:
    """A figure as text, bold when it is the `best` (min or max) of its peers; a dash for None."""
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    return f"**{text}**" if value == best(p for p in peers if p is not None) else text


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as a JSON list."""
    path.write_text(json.dumps(list(rows), indent=1) + "\n", encoding="utf-8")
