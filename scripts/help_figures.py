"""Draw the figures that the algorithms' help shows, into resources/help: ``make figures``.

All images are of the bundled sample scene, sharpened and measured by the engine itself.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from osgeo import gdal
from PIL import Image

from ksdiff_engine.job import (
    AssessAgainstReferenceJob,
    ClassicalJob,
    CompareJob,
    DegradeJob,
    PansharpenJob,
)
from ksdiff_engine.pipeline import run_job

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "resources" / "sample"
TARGET = ROOT / "resources" / "help"
PAIR: dict[str, Any] = {"pan": str(SAMPLE / "pan.tif"), "ms": (str(SAMPLE / "ms.tif"),)}
WIDTH, DPI = 380, 95  # pixels; what fits beside the parameters of a dialog
DETAIL = (132, 128, 84)  # first row and column and edge of what is shown, PAN pixels
GREEN, BLUE, RED, INK = "#2e7d6b", "#3a6ea5", "#c8553d", "#26323a"


def main() -> int:
    """Draw all figures."""
    gdal.UseExceptions()
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for draw in (
            *(pansharpen, classicalpansharpen, pansharpenfolder, degrade),
            *(assesswithoutreference, assessagainstreference, comparemethods, adaptweights),
            setupengine,
        ):
            file = TARGET / f"{draw.__name__}.png"
            save(draw(Path(folder)), file)
            print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1e3:.1f} kB")
    return 0


def pansharpen(folder: Path) -> Figure:
    """PAN + MS = the result."""
    output = str(folder / "ksdiff.tif")
    run_job(PansharpenJob(**PAIR, output=output))
    images = (detail(PAIR["pan"]), detail(PAIR["ms"][0]), detail(output))
    return row(images, ("PAN", "MS", "result"), ("+", "→"))


def classicalpansharpen(folder: Path) -> Figure:
    """MS, and what three kinds of method make of it."""
    images = [detail(PAIR["ms"][0])]
    for method in ("gsa", "mtf-glp-hpm", "bdsd-pc"):
        output = str(folder / f"{method}.tif")
        run_job(ClassicalJob(**PAIR, output=output, method=method))
        images.append(detail(output))
    return row(images, ("MS", "gsa", "mtf-glp-hpm", "bdsd-pc"), ("→", "", ""))


def degrade(folder: Path) -> Figure:
    """PAN and MS before and after, each pixel drawn as large as it is."""
    pan, ms = str(folder / "pan.tif"), str(folder / "ms.tif")
    run_job(DegradeJob(**PAIR, output_pan=pan, output_ms=ms))
    images = [detail(path) for path in (PAIR["pan"], pan, PAIR["ms"][0], ms)]
    return row(images, ("PAN", "reduced", "MS", "reduced"), ("→", "", "→"))


def assessagainstreference(folder: Path) -> Figure:
    """A reference, the sharpened raster, and where they differ."""
    pan, ms, reference = (str(folder / f"{name}_r.tif") for name in ("pan", "ms", "reference"))
    run_job(DegradeJob(**PAIR, output_pan=pan, output_ms=ms, output_reference=reference))
    fused, errors = str(folder / "fused_r.tif"), str(folder / "errors.tif")
    run_job(PansharpenJob(pan=pan, ms=(ms,), output=fused))
    run_job(AssessAgainstReferenceJob(reference=(reference,), fused=fused, error_map=errors))
    figure = row([detail(fused), detail(reference)], ("result", "reference", "error"), ("↔", "→"))
    figure.axes[2].imshow(cut(errors)[1], cmap="inferno", vmin=0, vmax=15)
    return figure


def comparemethods(folder: Path) -> Figure:
    """The ranking of some methods, as the report has it."""
    methods = ("exp", "brovey", "gsa", "mtf-glp-hpm-r", "ksdiff")
    result = run_job(CompareJob(**PAIR, methods=methods))
    ranking = result["ranking_reduced"][::-1]
    figure = Figure(figsize=(WIDTH / DPI, 1.45), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    values = [result["figures"][method]["ergas"] for method in ranking]
    colours = [GREEN if method == "ksdiff" else "#9fb3bd" for method in ranking]
    bars = axes.barh(ranking, values, color=colours)
    axes.bar_label(bars, [f"{value:.2f}" for value in values], padding=3, fontsize=8)
    axes.set_xlabel("ERGAS (0 is best)", fontsize=8)
    axes.tick_params(labelsize=8, length=0)
    axes.set_xticks([])
    axes.margins(x=0.12)
    axes.spines[:].set_visible(False)
    return figure


def assesswithoutreference(_folder: Path) -> Figure:
    """What is compared with what."""
    axes = canvas(1.25)
    box(axes, 5, 33, "MS", GREEN)
    box(axes, 41, 33, "result", INK)
    box(axes, 77, 33, "PAN", BLUE)
    link(axes, 23, 41, 42, "spectra\n$D_{λ,K}$")
    link(axes, 77, 59, 42, "detail\n$D_S$")
    axes.text(50, 12, "HQNR = (1 - $D_{λ,K}$) (1 - $D_S$)", ha="center", fontsize=9, color=INK)
    return axes.figure


def adaptweights(_folder: Path) -> Figure:
    """Parts of a scene that teach, parts that judge, and what becomes of the weights."""
    axes = canvas(1.3)
    for number in range(9):
        colour = BLUE if number in (1, 5) else GREEN
        box(axes, 3 + 9 * (number % 3), 66 - 23 * (number // 3), "", colour, width=8, high=21)
    axes.text(16, 91, "reduced scene", ha="center", fontsize=8, color=INK)
    link(axes, 31, 56, 76, "learn")
    link(axes, 31, 56, 30, "judge")
    axes.annotate("", (65, 42), (65, 62), arrowprops={"arrowstyle": "-|>", "color": RED})
    box(axes, 57, 64, "weights", GREEN, width=17, high=23)
    box(axes, 57, 17, "better?", BLUE, width=17, high=23)
    link(axes, 75, 84, 28, "yes")
    box(axes, 85, 17, "a file", INK, width=13, high=23)
    return axes.figure


def pansharpenfolder(_folder: Path) -> Figure:
    """Files become pairs, and pairs results."""
    axes = canvas(1.45)
    for height, name in ((60, "R1C1"), (18, "R1C2")):
        box(axes, 1, height, f"{name}_P", BLUE, width=25, high=17)
        box(axes, 1, height + 19, f"{name}_M", GREEN, width=25, high=17)
        box(axes, 58, height + 9, f"{name}_M_pansharpened", INK, width=41, high=19)
        link(axes, 27, 57, height + 18, "")
    axes.text(12, 5, "a folder", ha="center", fontsize=8, color=INK)
    axes.text(79, 5, "the folder of the results", ha="center", fontsize=8, color=INK)
    return axes.figure


def setupengine(_folder: Path) -> Figure:
    """Where PyTorch is, and where it is not."""
    axes = canvas(1.1)
    box(axes, 2, 28, "QGIS\nKSDiff's tools", GREEN, width=32, high=48)
    box(axes, 62, 28, "a Python of its own\nPyTorch, engine", BLUE, width=36, high=48)
    link(axes, 35, 61, 58, "job")
    link(axes, 61, 35, 42, "")
    axes.text(48, 22, "progress", ha="center", fontsize=8, color=INK)
    return axes.figure


def row(images: list[np.ndarray], titles: tuple[str, ...], signs: tuple[str, ...]) -> Figure:
    """Images beside each other, with titles above and signs between; missing ones stay empty."""
    count = len(titles)
    edge = WIDTH / DPI / (count + 0.14 * (count - 1))
    figure = Figure(figsize=(WIDTH / DPI, edge + 0.24), dpi=DPI)
    all_axes = figure.subplots(1, count)
    figure.subplots_adjust(0, 0, 1, edge / (edge + 0.24), wspace=0.14)
    for axes, title in zip(all_axes, titles, strict=True):
        axes.set_title(title, fontsize=8.5, pad=3, color=INK)
        axes.set_axis_off()
    for axes, image in zip(all_axes, images, strict=False):
        axes.imshow(image, cmap="gray", interpolation="nearest")
    for axes, sign in zip(all_axes, signs, strict=False):
        axes.text(1.07, 0.5, sign, transform=axes.transAxes, ha="center", va="center", fontsize=10)
    return figure


def canvas(height: float) -> Axes:
    """Empty axes of 100 × 100 units, so many inches high."""
    figure = Figure(figsize=(WIDTH / DPI, height), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 100), ylim=(0, 100))
    axes.set_axis_off()
    return axes


def box(
    axes: Axes, x: float, y: float, text: str, colour: str, *, width: float = 18, high: float = 30
) -> None:
    """A rounded box with white text; its lower left corner is at (x, y)."""
    style = "round,pad=0,rounding_size=1.5"
    axes.add_patch(FancyBboxPatch((x, y), width, high, boxstyle=style, fc=colour, ec="none"))
    axes.text(x + width / 2, y + high / 2, text, ha="center", va="center", color="w", fontsize=8)


def link(axes: Axes, start: float, end: float, height: float, text: str) -> None:
    """An arrow with a text above."""
    axes.annotate(
        "", (end, height), (start, height), arrowprops={"arrowstyle": "-|>", "color": RED}
    )
    axes.text((start + end) / 2, height + 5, text, ha="center", fontsize=8, color=INK)


def detail(path: str) -> np.ndarray:
    """The part of a raster that is shown, stretched: (H, W) or (H, W, 3) in 0..1."""
    image, whole = cut(path)[:3], gdal.Open(path).ReadAsArray()
    whole = whole[np.newaxis] if whole.ndim == 2 else whole[:3]
    low, high = np.percentile(whole, (1, 99), axis=(1, 2), keepdims=True)
    shown = ((image - low) / (high - low)).clip(0, 1)
    return shown[0] if len(shown) == 1 else np.moveaxis(shown, 0, -1)


def cut(path: str) -> np.ndarray:
    """The same ground of any raster of the scene, in its own pixels: (C, H, W) float."""
    dataset = gdal.Open(path)
    image = dataset.ReadAsArray().astype(float)
    image = image[np.newaxis] if image.ndim == 2 else image
    scale = gdal.Open(PAIR["pan"]).GetGeoTransform()[1] / dataset.GetGeoTransform()[1]
    first_row, first_column, edge = (round(value * scale) for value in DETAIL)
    return image[:, first_row : first_row + edge, first_column : first_column + edge]


def save(figure: Figure, file: Path) -> None:
    """Write a PNG of at most 128 colours: small enough for a plugin, good enough for help."""
    figure.savefig(file)
    with Image.open(file) as image:
        small = image.convert("RGB").quantize(128, method=Image.Quantize.MEDIANCUT)
    small.save(file, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
