"""Figures of weights beside interpolation and classical methods, on test scenes.

At reduced resolution against the reference; without one, at full resolution.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ksdiff_engine.classical import METHODS
from ksdiff_engine.fusion import KSDiffMethod
from ksdiff_engine.model.storage import load_network
from ksdiff_engine.quality import assess_without_reference, ergas, q2n, sam, scc, uiqi
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.sensors import gains_for
from ksdiff_engine.weights import read_card

from .data.rasters import Product
from .joint import JointMethod
from .pixel_diffusion import PixelDiffusion, PixelDiffusionMethod
from .scenes import (
    EvaluationScene,
    ReducedScene,
    load_reduced_scene,
    load_scenes,
    registered_scene,
)

MEASURES = ("SAM", "ERGAS", "Q", "Q2n", "SCC")
FULL_MEASURES = ("D_lambda", "D_s", "HQNR")  # at full resolution; D_lambda is Khan's
_LOWEST_IS_BEST = ("SAM", "ERGAS", "D_lambda", "D_s")
DEFAULT_METHODS = ("exp", "gsa", "mtf-glp-fs", "bdsd-pc")

Row = dict[str, Any]


def evaluate(
    weights: Sequence[Path],
    places: Sequence[Path | Product],
    *,
    methods: Sequence[str] = DEFAULT_METHODS,
    convention: str = "georeferenced",
    register: bool = False,
    seed: int = 0,
) -> list[Row]:
    """One row a scene and method; weights run on scenes of the ratio and bands on their card.

    places: files of test scenes, or georeferenced products. register: whether PAN is first
    resampled to where MS lies, for all methods, as in jobs. Figures are of the unrounded result,
    over the whole image; which they are depends on whether the scene has a reference. Raises
    ValueError for an unknown method, WeightsError for weights that cannot be used.
    """
    unknown = sorted(set(methods) - set(METHODS))
    if unknown:
        raise ValueError(f"unknown methods {', '.join(unknown)}; there are {', '.join(METHODS)}")
    rows: list[Row] = []
    for place in places:
        for found in load_scenes(place, convention):
            scene = registered_scene(found) if register else found
            rows += [_row(scene, name, METHODS[name]()) for name in methods]
            for file in weights:
                card = read_card(file)
                fits = card["bands"] == "any" or len(card["bands"]) == len(scene.ms)
                if fits and card["ratio"][0] <= scene.ratio <= card["ratio"][1]:
                    rows.append(_row(scene, card["name"], _method(file, seed)))
    return rows


def _method(file: Path, seed: int) -> KSDiffMethod | JointMethod:
    """As the engine runs the weights, or, several bands at once, this package.

    In float32, so that figures do not depend on what a processor computes half precision in.
    """
    network, _ = load_network(file)
    if network.config.bands > 1:
        return JointMethod(network, seed=seed)
    return KSDiffMethod(network, seed=seed, precision=torch.float32)


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


def _row(scene: EvaluationScene, name: str, method: Any) -> Row:
    fused = fuse_whole(scene, method)
    reduced = isinstance(scene, ReducedScene)
    figures = measure(scene, fused) if reduced else measure_without_reference(scene, fused)
    return {"scene": scene.name, "ratio": scene.ratio, "method": name, **figures}


def fuse_whole(scene: EvaluationScene, method: Any) -> np.ndarray:
    """The method's result on a small scene in one tile, (C, H, W)."""
    with scene.open() as opened:
        method.prepare(opened)
        tile = opened.tile(Window(0, 0, opened.width, opened.height), method.halo)
        fused = method.fuse(tile)
        halo, height, width = method.halo, opened.height, opened.width
        return fused[:, halo : halo + height, halo : halo + width]


def measure(scene: ReducedScene, fused: np.ndarray) -> dict[str, float]:
    """SAM (degrees), ERGAS, Q, Q2n and SCC; digital numbers for Q2n, which rounds to integers."""
    height, width = fused.shape[1:]
    reference = scene.reference[:, :height, :width]
    scale = _to_whole_numbers(reference)
    return {
        "SAM": sam(reference, fused),
        "ERGAS": ergas(reference, fused, scene.ratio),
        "Q": uiqi(reference, fused),
        "Q2n": q2n(reference * scale, fused * scale),
        "SCC": scc(reference, fused),
    }


def measure_without_reference(scene: EvaluationScene, fused: np.ndarray) -> dict[str, float]:
    """D_lambda (Khan's), D_s and HQNR as the toolbox computes them, with the sensor's MTF gains.

    The result (C, H', W') may lack rows and columns at the far ends; so much is cut from the scene,
    to whole blocks of MS pixels.
    """
    ratio = scene.ratio
    height, width = (n // ratio for n in fused.shape[1:])
    ms = scene.ms[:, :height, :width]
    rows, columns = height * ratio, width * ratio
    scale = _to_whole_numbers(ms)
    report = assess_without_reference(
        scene.pan[:rows, :columns] * scale,
        ms * scale,
        fused[:, :rows, :columns] * scale,
        ratio,
        gains_for(scene.sensor, len(ms)),
        None,
        scene.sensor.name,
    )
    figures = {"D_lambda": report.d_lambda_k, "D_s": report.d_s, "HQNR": report.hqnr}
    undefined = [key for key, value in figures.items() if value is None]
    if undefined:
        raise ValueError(f"{scene.name}: {', '.join(undefined)} undefined: {report.notes}")
    return {key: float(value) for key, value in figures.items() if value is not None}


def _to_whole_numbers(image: np.ndarray) -> float:
    """What brings reflectance to a range where Q2n's rounding to whole numbers does not matter."""
    return 1.0 if np.abs(image).max() > 50 else 10000.0


def means(rows: Sequence[Row]) -> list[Row]:
    """The mean over scenes, a row each ratio and method that ran on all scenes of that ratio.

    Scenes at reduced and at full resolution have means of their own.
    """
    result = []
    kinds = {(row["ratio"], measures_of(row)) for row in rows}
    for ratio, measures in sorted(kinds):
        group = [row for row in rows if (row["ratio"], measures_of(row)) == (ratio, measures)]
        scenes = len({row["scene"] for row in group})
        for method in dict.fromkeys(row["method"] for row in group):
            chosen = [row for row in group if row["method"] == method]
            if len(chosen) == scenes:
                figures = {m: float(np.mean([row[m] for row in chosen])) for m in measures}
                result.append(
                    {"scene": f"mean of {scenes}", "ratio": ratio, "method": method, **figures}
                )
    return result


def measures_of(row: Row) -> tuple[str, ...]:
    """Which figures a row has, in the order of the tables."""
    return tuple(name for name in (*MEASURES, *FULL_MEASURES) if name in row)


def markdown_table(rows: Sequence[Row]) -> str:
    """Rows as Markdown, a table for each kind of figures; the best of each scene is bold."""
    kinds = dict.fromkeys(measures_of(row) for row in rows)
    return "\n\n".join(_table([r for r in rows if measures_of(r) == kind], kind) for kind in kinds)


def _table(rows: Sequence[Row], measures: tuple[str, ...]) -> str:
    heads = ("scene", "ratio", "method", *measures)
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        peers = [r for r in rows if (r["scene"], r["ratio"]) == (row["scene"], row["ratio"])]
        cells = [_cell(row, name, peers) for name in measures]
        lines.append(f"| {row['scene']} | {row['ratio']} | {row['method']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Row, name: str, peers: Sequence[Row]) -> str:
    """The figure of the measure `name`, bold when no peer's is better."""
    best = min if name in _LOWEST_IS_BEST else max
    return best_marked(row[name], [peer[name] for peer in peers], best, digits_of(name))


def digits_of(name: str) -> int:
    """Decimals with which tables print a measure."""
    return 3 if name in ("SAM", "ERGAS") else 4


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
