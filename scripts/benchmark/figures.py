"""The plots of docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from .results import Results, curve

COLOURS = {
    "KSDiff": "#c1272d",
    "pixel diffusion": "#7b3294",
    "classical": "#1f78b4",
    "GDAL": "#33a02c",
    "OTB": "#ff7f00",
    "GRASS": "#6b4f2a",
    "SAGA": "#888888",
}


def quality_against_time(results: Results, megapixels: float, ratio: int, path: Path) -> bool:
    """ERGAS over seconds, a point a method that sharpens all bands; False when there is nothing."""
    families = {row["method"]: row["family"] for row in results.quality}
    points = [
        (seconds, figures["ergas"], method)
        for method, figures in results.means(ratio, ("ergas",)).items()
        if (seconds := results.median(method, megapixels, "wall")) is not None
    ]
    if not points:
        return False
    figure, axes = plt.subplots(figsize=(8, 5.5), layout="constrained")
    for seconds, ergas, method in points:
        axes.plot(seconds, ergas, "o", color=COLOURS[families[method]])
        axes.annotate(method, (seconds, ergas), xytext=(4, 3), textcoords="offset points", size=7)
    for family in dict.fromkeys(families[method] for _, _, method in points):
        axes.plot([], [], "o", color=COLOURS[family], label=family)
    axes.set(xscale="log", xlabel=f"seconds, {megapixels:g} megapixels of PAN, whole job")
    axes.set_ylabel(f"ERGAS at ratio {ratio}, mean over the scenes (0 is best)")
    axes.margins(x=0.15)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    _save(figure, path)
    return True


def memory_of_jobs(results: Results, method: str, path: Path) -> bool:
    """Resident memory in the course of a method's jobs, the last of a size; False without any."""
    jobs = {
        row["megapixels"]: row["curve"]
        for row in results.timing
        if row["method"] == method and row.get("curve")
    }
    if not jobs:
        return False
    figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
    for size, megabytes in sorted(jobs.items()):
        axes.plot(
            np.linspace(0, 100, len(megabytes)), megabytes, label=f"{size:g} megapixels", lw=1
        )
    axes.set(xlabel="% of the job's time", ylabel="resident memory, MB")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _save(figure, path)
    return True


def growth(results: Results, methods: list[str], path: Path) -> bool:
    """Time and peak memory over megapixels; False unless some method has two sizes."""
    chosen = [m for m in methods if len(curve(results, m, "wall")[0]) > 1]
    if not chosen:
        return False
    figure, panels = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for axes, key, unit in zip(
        panels, ("wall", "memory"), ("seconds", "peak memory, MB"), strict=True
    ):
        for method in chosen:
            axes.plot(*curve(results, method, key), "o-", label=method, markersize=4)
        axes.set(xscale="log", xlabel="megapixels of PAN", ylabel=unit)
        axes.set_xticks(results.sizes(), [f"{size:g}" for size in results.sizes()], minor=False)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    panels[0].set_yscale("log")
    panels[1].set_ylim(bottom=0)
    panels[0].legend(fontsize=8)
    _save(figure, path)
    return True


def _save(figure: plt.Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
