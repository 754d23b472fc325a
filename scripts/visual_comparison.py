"""Draw the pictures of docs/gallery.md into docs/images/gallery: methods beside each other.

    scripts/visual_comparison.py DATA [--output FOLDER] [--scenes NAME ...]

DATA is the folder of test scenes in the project's npz layout. Every scene has a picture at reduced
resolution, with its reference and the errors; one that did not come reduced has another at full
resolution. Windows are those of highest PAN variance, results unrounded and of the whole scene,
and a pixel of an image is one of the picture; small images are enlarged by whole factors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ksdiff_engine._resources import resources_folder
from ksdiff_engine.classical import METHODS
from ksdiff_engine.fusion import KSDiffMethod
from ksdiff_engine.quality import ergas, sam
from ksdiff_engine.quality.blocks import sliding_sum
from ksdiff_engine.sensors import detect_sensor
from ksdiff_engine.weights import CatalogueEntry, catalogue, find, select
from ksdiff_training.comparison import compare
from ksdiff_training.data.pairs import PairFile, read_pair
from ksdiff_training.evaluate import fuse_whole
from ksdiff_training.scenes import EvaluationScene, ReducedScene, reduced_scene

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "images" / "gallery"
CLASSICAL = [name for name in METHODS if name != "exp"]
EDGE = 160  # of a window, and of the place a panel takes, pixels
COLUMNS = 4
TITLE, GAP, BAR, DPI = 30, 6, 52, 100  # pixels above a panel, between panels, beside the errors
# Two fifths smaller than JPEG, but with colours of half the resolution: where one looks for fringes
# of colour, at full resolution, JPEG keeps them.
WEBP = {"quality": 80, "method": 6}
JPEG = {"quality": 82, "subsampling": 0, "optimize": True}
ERROR_PERCENTILE = 99.5
ERROR_COLOURS = "inferno"
# Red, green and blue among the bands, from 0. Files do not tell; in their spectra haze makes blue
# the brightest band of what is dark.
RED_FIRST, BLUE_FIRST, WORLDVIEW = (0, 1, 2), (2, 1, 0), (4, 2, 1)
BANDS = {
    "cpe_Vegetation": RED_FIRST,
    "l8_pansharpen_r": RED_FIRST,
    **{f"landsat7_P092R086_{number}": RED_FIRST for number in range(19, 25)},
    "pnn_GE1": BLUE_FIRST,
    "reduced_gf2_a": BLUE_FIRST,
    "reduced_pleiades": BLUE_FIRST,
    "zpnn_WV3": WORLDVIEW,
}


@dataclass(frozen=True)
class Panel:
    """A picture in 0 .. 1, (H, W) or (H, W, 3), and the two lines above it."""

    title: str
    note: str
    image: np.ndarray
    is_error: bool = False


@dataclass(frozen=True)
class Result:
    """What a method made of a scene, (C, H, W), and figures of the whole of it."""

    label: str
    image: np.ndarray
    figures: Mapping[str, float]

    @property
    def note(self) -> str:
        """The figures as text."""
        return "  ".join(f"{name} {value:.3f}" for name, value in self.figures.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the pictures of all scenes that `BANDS` knows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of test scenes (npz)")
    parser.add_argument("--output", type=Path, default=TARGET)
    parser.add_argument("--scenes", nargs="+", default=sorted(BANDS), choices=sorted(BANDS))
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.scenes:
        path = options.data / f"{name}.npz"
        pair = read_pair(path, np.float64)
        save(at_reduced_resolution(pair), options.output / f"{name}_reduced.webp", WEBP)
        if pair.reference is None:
            save(at_full_resolution(path, pair), options.output / f"{name}_full.jpg", JPEG)
    return 0


def at_reduced_resolution(pair: PairFile) -> Figure:
    """PAN, EXP, the best classical method by ERGAS, the reference; KSDiff's results; errors."""
    scene = reduced_scene(pair, "georeferenced")
    exp, *classical = (assessed(scene, name, METHODS[name]()) for name in ("exp", *CLASSICAL))
    best = min(classical, key=lambda result: result.figures["ERGAS"])
    universal, automatic = (
        assessed(scene, f"KSDiff {entry.name}", KSDiffMethod.from_file(entry.path))
        for entry in weights_for(scene)
    )
    view = View.of(pair, scene, scene.reference)
    compared = (best, automatic)
    maps = [view.cut(relative_error(r.image, scene.reference)[None])[0] for r in compared]
    highest = float(np.percentile(maps, ERROR_PERCENTILE))
    errors = [
        Panel("error of", result.label, error / highest, is_error=True)
        for result, error in zip(compared, maps, strict=True)
    ]
    truth = Panel("reference", "", view.colour(scene.reference))
    first = [view.pan, view.panel(exp), view.panel(best), truth]
    return drawn([*first, view.panel(universal), view.panel(automatic), *errors], highest)


def assessed(scene: ReducedScene, label: str, method: Any) -> Result:
    """The method's result with its ERGAS and its SAM in degrees."""
    fused = fuse_whole(scene, method)
    reference = scene.reference[:, : fused.shape[1], : fused.shape[2]]
    figures = {"ERGAS": ergas(reference, fused, scene.ratio), "SAM": sam(reference, fused)}
    return Result(label, fused, figures)


def at_full_resolution(path: Path, pair: PairFile) -> Figure:
    """PAN, EXP, the best classical method by HQNR, and KSDiff with the weights `auto` takes."""
    sensor = detect_sensor([pair.sensor])
    scene = EvaluationScene(pair.name, sensor, pair.ratio, "georeferenced", pair.pan, pair.ms)
    hqnr = {row["method"]: row["hqnr"] for row in compare([path], [*METHODS, KSDiffMethod.name])}
    best = max(CLASSICAL, key=lambda name: hqnr[name])
    chosen = weights_for(scene)[1]
    methods: dict[str, Any] = {
        "exp": METHODS["exp"](),
        best: METHODS[best](),
        f"KSDiff {chosen.name}": KSDiffMethod.from_file(chosen.path),
    }
    exp, classical, ours = (
        Result(label, fuse_whole(scene, method), {"HQNR": hqnr[method.name]})
        for label, method in methods.items()
    )
    view = View.of(pair, scene, exp.image)
    return drawn([view.pan, view.panel(exp), view.panel(classical), view.panel(ours)])


def weights_for(scene: EvaluationScene) -> tuple[CatalogueEntry, CatalogueEntry]:
    """The universal weights, and those that `auto` takes for the scene."""
    entries = catalogue([resources_folder() / "weights"])
    chosen, _ = select(entries, bands=len(scene.ms), ratio=scene.ratio, sensor=scene.sensor.name)
    return find("any", entries), chosen


@dataclass(frozen=True)
class View:
    """The window of a scene that is shown, and the one stretch of all colour images in it."""

    pan: Panel
    corner: tuple[int, int]
    rgb: tuple[int, int, int]
    limits: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, pair: PairFile, scene: EvaluationScene, standard: np.ndarray) -> View:
        """The window of highest PAN variance; `standard` (C, H, W) sets the stretch."""
        rgb = BANDS[pair.name]
        height, width = standard.shape[1:]
        pan = scene.pan[None, :height, :width]
        corner = highest_variance(pan[0], EDGE)
        window = cut(pan, corner, EDGE)
        place = f"row {corner[0]}, column {corner[1]}"
        panel = Panel(f"PAN, {pair.sensor}", place, stretched(window, *limits(window))[0])
        return cls(panel, corner, rgb, limits(cut(standard[list(rgb)], corner, EDGE)))

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The window of an image (C, H, W) of the whole scene."""
        return cut(image, self.corner, EDGE)

    def colour(self, image: np.ndarray) -> np.ndarray:
        """The window in natural colour, (H, W, 3) in 0 .. 1."""
        return np.moveaxis(stretched(self.cut(image[list(self.rgb)]), *self.limits), 0, -1)

    def panel(self, result: Result) -> Panel:
        """The window of a result, with its figures."""
        return Panel(result.label, result.note, self.colour(result.image))


def highest_variance(image: np.ndarray, size: int) -> tuple[int, int]:
    """Upper left corner (row, column) of the square window of highest variance.

    image: (H, W). size: edge of the window, which is cut where the image is smaller.
    """
    edge = min(size, *image.shape)
    centred = image - image.mean()  # small values, so that squares may be subtracted
    mean = sliding_sum(centred, edge) / edge**2
    variance = sliding_sum(centred**2, edge) / edge**2 - mean**2
    row, column = np.unravel_index(variance.argmax(), variance.shape)
    return int(row), int(column)


def cut(image: np.ndarray, corner: tuple[int, int], size: int) -> np.ndarray:
    """The window of an image (C, H, W) from `corner`, smaller where the image ends."""
    row, column = corner
    return image[:, row : row + size, column : column + size]


def limits(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What becomes black and white, (C, 1, 1) each: the 1st and 99th percentile of each band."""
    low, high = np.percentile(image, (1, 99), axis=(1, 2))[:, :, None, None]
    return low, np.where(high > low, high, low + 1.0)


def stretched(image: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """An image (C, H, W) in 0 .. 1."""
    return np.clip((image - low) / (high - low), 0.0, 1.0)


def relative_error(fused: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Root mean square over bands of the error in per cent of a band's mean, (H, W), as in ERGAS.

    fused, reference: (C, H, W) of the whole scene; the reference may have more rows and columns.
    """
    height, width = fused.shape[1:]
    reference = reference[:, :height, :width]
    error = (fused - reference) / reference.mean(axis=(1, 2), keepdims=True)
    return 100.0 * np.sqrt(np.mean(error**2, axis=0))


def drawn(panels: Sequence[Panel], highest: float = 0.0) -> Figure:
    """Panels in rows of `COLUMNS`, pixel on pixel; errors with a bar from 0 to `highest` per cent.

    An error of 1 in a panel is `highest`.
    """
    rows = -(-len(panels) // COLUMNS)
    width = COLUMNS * (EDGE + GAP) + GAP + (BAR if highest else 0)
    height = rows * (EDGE + TITLE + GAP)
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    for number, panel in enumerate(panels):
        row, column = divmod(number, COLUMNS)
        image = enlarged(panel.image)
        left = GAP + column * (EDGE + GAP) + (EDGE - image.shape[1]) // 2
        bottom = height - TITLE - row * (EDGE + TITLE + GAP) - image.shape[0]
        colours = ERROR_COLOURS if panel.is_error else "gray"
        figure.figimage(image, left, bottom, cmap=colours, vmin=0, vmax=1, origin="upper")
        for line, text in ((17, panel.title), (6, panel.note)):
            place = (left + image.shape[1] / 2, bottom + image.shape[0] + line)
            figure.text(place[0] / width, place[1] / height, text, ha="center", fontsize=6.5)
    if highest:
        box = ((width - BAR + 2) / width, GAP / height, 9 / width, EDGE / height)
        scale = ScalarMappable(Normalize(0.0, highest), ERROR_COLOURS)
        bar = figure.colorbar(scale, cax=figure.add_axes(box))
        bar.ax.tick_params(labelsize=6, length=2, pad=2)
        bar.ax.set_title("%", fontsize=6.5, pad=3)
    return figure


def enlarged(image: np.ndarray) -> np.ndarray:
    """An image (H, W, …) whose pixels are repeated as often as a panel has room for."""
    factor = max(1, EDGE // max(image.shape[:2]))
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def save(figure: Figure, file: Path, options: Mapping[str, Any]) -> None:
    """Write a picture with Pillow's options, and say how large it is."""
    figure.savefig(file, pil_kwargs=dict(options))
    print(f"{file.name}: {file.stat().st_size / 1e3:.1f} kB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
