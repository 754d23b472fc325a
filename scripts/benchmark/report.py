"""docs/benchmarks.md from the measurements."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from . import figures
from .results import Bar, Results, Row, bars, curve, linear_fit

MAIN_SIZE = 64.0  # megapixels, at which all is compared
PLOTTED = ["ksdiff", "draft", "plain-backbone", "gsa", "exp", "gdal", "otb-rcs"]
IN_MEMORY = ("bare-network", "diffusion-step")

INTRODUCTION = """# Benchmarks

Written by `make bench` from `benchmarks.json`; do not edit. Everything is measured on the same
scenes: speed on one real pair repeated in mirrored copies (four bands, ratio 4, UInt16), quality on
the test scenes. Each command is a process of its own, run as a user would with its defaults, and
writes a GeoTIFF in tiles with DEFLATE and a predictor. Rounds are interleaved: in each, every
command runs once, one after the other, so that a slower hour hits all alike. Figures are medians
of rounds, ratios the medians of the ratios within one round. Inputs lie in the page cache."""

MEMORY_NOTE = """Wall and CPU seconds and the peak of resident memory, of the process and all it
starts. `bare-network` and `diffusion-step` are not whole jobs: their wall time is one pass over as
many pixels as the scene has, taken from tiles that are in memory as tensors."""

# How the other programs were run, as it stands in the page.
PEERS = Path(__file__).with_name("peers.md")


def write_report(results: Results, docs: Path) -> Path:
    """Write docs/benchmarks.md and its pictures; returns the page's path."""
    sizes = results.sizes()
    size = MAIN_SIZE if MAIN_SIZE in sizes or not sizes else sizes[-1]
    parts = [INTRODUCTION, *_machines(results)]
    if sizes:
        parts += [*_bars(results, size), *_costs(results, size), *_growth(results, docs)]
        parts += _course(results, docs)
    if results.quality:
        parts += _quality(results, size, docs)
    parts += [PEERS.read_text(encoding="utf-8").strip(), *_failures(results)]
    page = docs / "benchmarks.md"
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _machines(results: Results) -> list[str]:
    names = sorted({key for session in results.sessions.values() for key in session})
    started = sorted(results.sessions)
    rows = [
        [name.replace("_", " "), *(str(results.sessions[s].get(name, "")) for s in started)]
        for name in names
    ]
    return ["## The machine", table(["run", *started], rows)]


def _bars(results: Results, size: float) -> list[str]:
    rows = [_bar_row(bar) for bar in bars(results, size)]
    text = f"Ratios at {size:g} megapixels of PAN, each within one run."
    return ["## Bars", text, table(["bar", "set", "reached", "met", "how"], rows)]


def _bar_row(bar: Bar) -> list[str]:
    met = {True: "yes", False: "**no**", None: ""}[bar.met]
    value = "not measured" if bar.value is None else f"{bar.value:.4g}"
    return [bar.label, bar.limit, value, met, bar.detail]


def _costs(results: Results, size: float) -> list[str]:
    methods = dict.fromkeys(r["method"] for r in results.timing if r["megapixels"] == size)
    rows = []
    for method in methods:
        wall = results.median(method, size, "wall")
        if wall is None:
            continue
        job = method not in IN_MEMORY
        ratio = results.ratio(method, "otb-rcs", size)
        cells = [
            _number(results.median(method, size, key), d) for key, d in (("cpu", 1), ("memory", 0))
        ]
        measured = [
            r
            for r in results.timing
            if r["method"] == method and r["megapixels"] == size and "error" not in r
        ]
        processors = dict.fromkeys(results.sessions[r["session"]]["processor"] for r in measured)
        cells = [f"{wall:.1f}", *(cells if job else ["", ""])]
        cells += [f"{ratio[0]:.2f}" if ratio and job else "", str(len(measured))]
        rows.append([method, *cells, ", ".join(processors)])
    header = ["method", "wall, s", "CPU, s", "peak memory, MB", "wall / OTB RCS", "rounds"]
    header.append("processor")
    return [f"## Time and memory at {size:g} megapixels", MEMORY_NOTE, table(header, rows)]


def _growth(results: Results, docs: Path) -> list[str]:
    if not figures.growth(results, PLOTTED, docs / "images" / "benchmark-growth.png"):
        return []
    parts = [
        "## Time and memory against pixels",
        "![Time and peak memory over megapixels](images/benchmark-growth.png)",
    ]
    rows = []
    for method in PLOTTED:
        sizes, seconds = curve(results, method, "wall")
        if len(sizes) < 3:
            continue
        fit = linear_fit(sizes, seconds)
        residuals = ", ".join(
            f"{r:+.2f} ({s:g})" for r, s in zip(fit.residuals, sizes, strict=True)
        )
        cells = [f"{fit.start:.2f}", f"{fit.slope:.3f}", f"{fit.r_squared:.5f}", residuals]
        rows.append([method, *cells])
    if rows:
        parts.append("Wall time as start + slope × megapixels, least squares over the medians:")
        header = ["method", "start, s", "slope, s", "R²", "residuals, s (at megapixels)"]
        parts.append(table(header, rows))
    return parts


def _course(results: Results, docs: Path) -> list[str]:
    if not figures.memory_of_jobs(results, "ksdiff", docs / "images" / "benchmark-memory.png"):
        return []
    picture = "![Resident memory over the time of a job](images/benchmark-memory.png)"
    return ["## Memory in the course of a job of KSDiff", picture]


COLUMNS = (
    ("ergas", "ERGAS", 3, min),
    ("sam", "SAM, °", 3, min),
    ("q2n", "Q2n", 4, max),
    ("hqnr", "HQNR", 4, max),
    ("d_lambda_k", "D_λ(K)", 4, min),
    ("d_s", "D_S", 4, min),
)
THREE = (("ergas_3", "ERGAS", 3, min), ("sam_3", "SAM, °", 3, min), ("q2n_3", "Q2n", 4, max))
DELIVERED = ("ergas_delivered", "ERGAS as delivered", 3, None)

QUALITY_NOTE = """ERGAS, SAM and Q2n by Wald's protocol against the scene's own MS; HQNR and its
parts at full resolution. Float32 scenes, so no figure hangs on rounding; Q2n rounds to whole
digital numbers by itself. Whole images, no border cut. A method has a figure when it ran on
all scenes."""


def _quality(results: Results, size: float, docs: Path) -> list[str]:
    parts = ["## Quality", QUALITY_NOTE]
    for ratio in sorted({row["ratio"] for row in results.quality}, reverse=True):
        scenes = sorted({row["scene"] for row in results.quality if row["ratio"] == ratio})
        three = {
            r["method"] for r in results.quality if r["ratio"] == ratio and r.get("bands") == 3
        }
        picture = f"benchmark-quality-x{ratio}.png"
        parts += [f"### Ratio {ratio}: means of {len(scenes)} scenes", ", ".join(scenes) + "."]
        if figures.quality_against_time(results, size, ratio, docs / "images" / picture):
            parts.append(f"![ERGAS over seconds at ratio {ratio}](images/{picture})")
        parts.append(_quality_table(results, ratio, (*COLUMNS, DELIVERED), without=three))
        if three:
            parts.append("On the first three bands, which is all that some programs take:")
            parts.append(_quality_table(results, ratio, (*THREE, DELIVERED)))
    return parts


def _quality_table(
    results: Results,
    ratio: int,
    columns: tuple[tuple[str, str, int, Any], ...],
    without: Collection[str] = (),
) -> str:
    """Means by method, the best figure of a column in bold."""
    means = results.means(ratio, [key for key, *_ in columns])
    means = {method: values for method, values in means.items() if method not in without}
    columns = tuple(c for c in columns if any(c[0] in values for values in means.values()))
    best = {
        key: choose(values[key] for values in means.values() if key in values)
        for key, _, _, choose in columns
        if choose
    }
    rows = []
    for method, values in means.items():
        cells = []
        for key, _, digits, _ in columns:
            text = _number(values.get(key), digits)
            cells.append(f"**{text}**" if values.get(key) == best.get(key, "") else text)
        rows.append([method, *cells])
    return table(["method", *(title for _, title, _, _ in columns)], rows)


def _failures(results: Results) -> list[str]:
    failed: dict[tuple[str, str], Row] = {}
    for row in (*results.timing, *results.quality):
        if "error" in row:
            where = row.get("scene") or f"{row['megapixels']:g} megapixels"
            failed[row["method"], where] = row
    if not failed:
        return []
    rows = [[m, where, row["error"].replace("|", "/")[:200]] for (m, where), row in failed.items()]
    return ["## What failed", table(["method", "where", "what it said"], rows)]


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
