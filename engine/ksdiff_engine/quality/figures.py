"""Pictures of a report: crops, error maps, spectra; and where to look for differences.

Pictures are drawn with matplotlib, which is imported only when one is drawn, without pyplot and
without any change that outlives a call. Functions that draw raise ImportError where it is missing.
"""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .blocks import enough_valid, sliding_sum

LOWER_PERCENTILE, UPPER_PERCENTILE = 1.0, 99.0  # of the values that a crop's stretch spans
ERROR_PERCENTILE = 99.0  # of the errors that the colours of the maps span
LARGEST_SIDE = 800  # pixels of an embedded picture
_SMALLEST_SIDE = 384  # smaller pictures are enlarged, so that viewers do not blur their pixels
_PIXELS_OF_ALL_MAPS = 2_500_000  # bounds a report's size when it compares many methods
_NO_DATA = (128, 133, 141)  # grey: a colour of no colour map used here
_LEVELS = 255  # of the maps' palette; one more stands for no data
# Legible on white and on black, and told apart by people who confuse red and green.
_COLOURS = ("#e08214", "#2f8fd0", "#0a9a74", "#d65db1", "#d1495b", "#8f7ee7", "#7a8b99")
_MARKERS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼"}
_INK = "#010203"  # replaced by the page's text colour after drawing


@dataclass(frozen=True)
class Picture:
    """A PNG as data URI, with its size in pixels."""

    label: str
    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Plot:
    """A line plot as SVG markup that takes the page's colours; label says what it shows."""

    label: str
    svg: str


@dataclass(frozen=True)
class Scale:
    """The colours of error maps: a bar from `low` to `high`, as Picture; values beyond are cut."""

    bar: Picture
    low: float
    high: float


def most_different(
    images: Sequence[np.ndarray], size: int, count: int, valid: np.ndarray | None = None
) -> list[tuple[int, int]]:
    """Upper left corners (row, column) of the windows where images differ most, best first.

    images: (C, H, W) each, on one grid. size: edge of the square windows in pixels; in a smaller
    image they are cut at its edges. valid: (H, W), True = valid; a window counts when half of it
    is. At most `count` windows, which do not overlap; fewer where no room is left or nothing
    differs. The difference is the standard deviation over images, relative to the spread of each
    band; the topmost thousandth is cut, so that single bad pixels do not decide.
    """
    if size < 1 or count < 0:
        raise ValueError(f"size must be positive and count not negative, not {size} and {count}")
    height, width = images[0].shape[1:]
    usable = _all_finite(images) if valid is None else valid & _all_finite(images)
    if not usable.any():
        return []
    difference = np.where(usable, _spread(images, usable), 0.0)
    difference = np.minimum(difference, np.quantile(difference[usable], 0.999))
    padding = [(0, max(0, size - height)), (0, max(0, size - width))]
    score = sliding_sum(np.pad(difference, padding), size)
    seen = sliding_sum(np.pad(usable, padding).astype(np.int64), size)
    score[~enough_valid(seen, min(size, height) * min(size, width))] = 0.0
    corners: list[tuple[int, int]] = []
    while len(corners) < count and score.max() > 0.0:
        row, column = (int(i) for i in np.unravel_index(score.argmax(), score.shape))
        corners.append((row, column))
        rows = slice(max(0, row - size + 1), row + size)
        score[rows, max(0, column - size + 1) : column + size] = 0.0
    return corners


def _all_finite(images: Sequence[np.ndarray]) -> np.ndarray:
    return np.logical_and.reduce([np.isfinite(image).all(axis=0) for image in images])


def _spread(images: Sequence[np.ndarray], usable: np.ndarray) -> np.ndarray:
    """Standard deviation over images, in units of the band's own, averaged over bands: (H, W)."""
    total = np.zeros(usable.shape)
    for band in range(images[0].shape[0]):
        # Deviations from the first image are small, so their squares may be summed without loss.
        first = np.where(usable, images[0][band], 0.0)
        sums, squares = np.zeros(usable.shape), np.zeros(usable.shape)
        for image in images[1:]:
            deviation = np.where(usable, image[band], 0.0) - first
            sums += deviation
            squares += deviation * deviation
        variance = squares / len(images) - (sums / len(images)) ** 2
        total += np.sqrt(np.maximum(variance, 0.0)) / (first[usable].std() or 1.0)
    return total / images[0].shape[0]


def crop_pictures(
    images: Sequence[tuple[str, np.ndarray]], rgb: tuple[int, int, int]
) -> list[Picture]:
    """Pictures of (label, (C, H, W)) under one linear stretch for all images of one kind.

    rgb: 0-based bands of images with three bands or more; others show their first in grey. Images
    of as many bands share a stretch; a panchromatic one (label "PAN…") has its own.
    """
    groups: dict[tuple[bool, int], list[np.ndarray]] = {}
    shown = [(_kind(label, image), _displayed(image, rgb)) for label, image in images]
    for kind, image in shown:
        groups.setdefault(kind, []).append(image)
    limits = {kind: _stretch(group) for kind, group in groups.items()}
    return [
        _picture(label, _stretched(image, *limits[kind]))
        for (label, _), (kind, image) in zip(images, shown)
    ]


def _kind(label: str, image: np.ndarray) -> tuple[bool, int]:
    return label.upper().startswith("PAN"), image.shape[0]


def _displayed(image: np.ndarray, rgb: tuple[int, int, int]) -> np.ndarray:
    bands = list(rgb) if image.shape[0] > max(rgb) else [0]
    return _shrunk(np.asarray(image[bands], dtype=np.float64), LARGEST_SIDE)


def _stretch(images: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The values that become black and white, (bands, 1, 1) each.

    The medians over the images of what each would choose: a failed one does not spoil the others.
    """
    limits = np.array([[_percentiles(band) for band in image] for image in images])
    low, high = np.moveaxis(np.median(limits, axis=0), -1, 0)[:, :, None, None]
    return low, np.where(high > low, high, low + 1.0)


def _percentiles(band: np.ndarray) -> np.ndarray:
    finite = band[np.isfinite(band)]
    if not finite.size:
        return np.array([0.0, 1.0])
    return np.percentile(finite, [LOWER_PERCENTILE, UPPER_PERCENTILE])


def _stretched(image: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8; pixels without a value are grey."""
    finite = np.isfinite(image)
    scaled = np.clip((np.where(finite, image, 0.0) - low) / (high - low), 0.0, 1.0)
    pixels = np.rint(255.0 * scaled).astype(np.uint8)
    if pixels.shape[0] == 1:
        pixels = np.repeat(pixels, 3, axis=0)
    pixels = np.moveaxis(pixels, 0, -1).copy()
    pixels[~finite.all(axis=0)] = _NO_DATA
    return pixels


def map_pictures(maps: Sequence[tuple[str, np.ndarray]]) -> tuple[list[Picture], Scale]:
    """Pictures of (label, (H, W)) error maps of one unit, and the scale that they share.

    Errors above zero run from 0 to their 99th percentile; signed ones are symmetric about 0. NaN
    and infinities are grey. Maps above 800 pixels are averaged down, to less where there are many.
    """
    side = min(LARGEST_SIDE, math.isqrt(_PIXELS_OF_ALL_MAPS // len(maps)))
    small = [_shrunk(np.asarray(values, dtype=np.float64)[None], side)[0] for _, values in maps]
    finite = np.concatenate([values[np.isfinite(values)] for values in small])
    signed = bool(finite.size) and finite.min() < 0.0
    magnitude = np.abs(finite) if finite.size else np.zeros(1)
    # Of maps that are nearly all zero the percentile is zero too, and of perfect ones everything.
    high = float(np.percentile(magnitude, ERROR_PERCENTILE)) or float(magnitude.max()) or 1.0
    low = -high if signed else 0.0
    colours = _palette("RdBu_r" if signed else "inferno")
    pictures = [
        _picture(label, colours[_indices(values, low, high)])
        for (label, _), values in zip(maps, small)
    ]
    bar = colours[np.repeat(np.arange(_LEVELS)[None], 12, axis=0)]
    return pictures, Scale(_picture("colour scale", bar), low, high)


def _indices(values: np.ndarray, low: float, high: float) -> np.ndarray:
    finite = np.isfinite(values)
    scaled = np.clip((np.where(finite, values, low) - low) / (high - low), 0.0, 1.0)
    return np.where(finite, np.rint((_LEVELS - 1) * scaled), _LEVELS).astype(np.int64)


def _palette(name: str) -> np.ndarray:
    """(256, 3) uint8: the colour map, and the colour of no data at the end."""
    import matplotlib

    colours = matplotlib.colormaps[name](np.linspace(0.0, 1.0, _LEVELS))[:, :3]
    return np.vstack([np.rint(255.0 * colours), _NO_DATA]).astype(np.uint8)


def _shrunk(image: np.ndarray, side: int) -> np.ndarray:
    """(C, H, W) averaged in whole blocks until no edge exceeds `side`; blocks of NaN stay NaN."""
    _, height, width = image.shape
    factor = math.ceil(max(height, width) / side)
    if factor <= 1:
        return image
    padding = [(0, 0), (0, -height % factor), (0, -width % factor)]
    padded = np.pad(image, padding, constant_values=np.nan)
    rows, columns = padded.shape[1] // factor, padded.shape[2] // factor
    blocks = padded.reshape(image.shape[0], rows, factor, columns, factor)
    finite = np.isfinite(blocks)
    count = finite.sum(axis=(2, 4))
    total = np.where(finite, blocks, 0.0).sum(axis=(2, 4))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _picture(label: str, pixels: np.ndarray) -> Picture:
    """(H, W, 3) uint8 as PNG, small ones enlarged by whole factors."""
    from PIL import Image  # comes with matplotlib

    factor = max(1, round(_SMALLEST_SIDE / max(pixels.shape[:2])))
    pixels = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(label, uri, pixels.shape[1], pixels.shape[0])


def curve_style(index: int) -> tuple[str, str, str]:
    """Colour, matplotlib's marker and the marker as a sign, of a curve other than the first."""
    marker = list(_MARKERS)[index % len(_MARKERS)]
    return _COLOURS[index % len(_COLOURS)], marker, _MARKERS[marker]


def spectrum_plots(
    bands: Sequence[str],
    wavelengths: Sequence[float] | None,
    curves: Sequence[tuple[str, np.ndarray]],
    unit: str = "",
) -> list[Plot]:
    """The (label, (C,)) curves, and where there are several their differences from the first.

    wavelengths: nm, one a band; without them bands stand side by side in the given order.
    """
    positions = np.asarray(wavelengths if wavelengths else np.arange(len(bands)), dtype=float)
    order = np.argsort(positions, kind="stable")
    names = [bands[i] for i in order]
    values = [(label, np.asarray(curve, dtype=float)[order]) for label, curve in curves]
    suffix = f", {unit}" if unit else ""
    axis = (positions[order], names, wavelengths is not None)
    plots = [_line_plot(axis, values, f"Value{suffix}", first=True)]
    if len(values) > 1:
        standard, others = values[0], values[1:]
        differences = [(label, curve - standard[1]) for label, curve in others]
        title = f"Difference from {standard[0]}{suffix}"
        plots.append(_line_plot(axis, differences, title, first=False))
    return plots


def _line_plot(
    axis: tuple[np.ndarray, list[str], bool],
    curves: Sequence[tuple[str, np.ndarray]],
    title: str,
    *,
    first: bool,
) -> Plot:
    """One plot; `first`: the first curve is the standard and drawn in the text's colour."""
    from matplotlib import style
    from matplotlib.figure import Figure

    positions, names, spectral = axis
    with style.context(["default", _PLOT_STYLE]):
        figure = Figure(figsize=(5.4, 3.4), constrained_layout=True)
        axes = figure.add_subplot()
        for index, (_, values) in enumerate(curves):
            if first and index == 0:
                axes.plot(positions, values, color=_INK, linewidth=2.6, zorder=1)
                continue
            colour, marker, _ = curve_style(index - first)
            axes.plot(positions, values, color=colour, marker=marker, markersize=4.5)
        if not first:
            axes.axhline(0.0, color=_INK, linewidth=1.2, zorder=1)
        axes.set_title(_literal(title), loc="left", fontsize=10)
        _label_bands(axes, positions, names, spectral)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return Plot(title, _page_svg(buffer.getvalue()))


_PLOT_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ksdiff",  # the same report is the same file
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _INK,
    "grid.alpha": 0.14,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.5,
}


def _label_bands(axes: Any, positions: np.ndarray, names: list[str], spectral: bool) -> None:
    axes.set_xticks(positions)
    names = [_literal(name) for name in names]
    labels = [f"{name}\n{x:g}" for name, x in zip(names, positions)] if spectral else names
    axes.set_xticklabels(labels, fontsize=8, rotation=45 if len(names) > 6 else 0)
    if spectral:
        axes.set_xlabel("wavelength, nm", fontsize=8)


def _literal(text: str) -> str:
    """The text as matplotlib shows it unchanged: two $ would enclose a formula."""
    return text.replace("$", r"\$")


def _page_svg(svg: str) -> str:
    """matplotlib's SVG file as an element of a page: no prolog, no metadata, the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    box = re.search(r'viewBox="[^"]*"', svg)
    svg = re.sub(r"^<svg[^>]*>", f"<svg {box.group() if box else ''} aria-hidden='true'>", svg)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # figure_1, axes_1 …: the same in every plot
    return svg.replace(_INK, "currentColor").strip()
