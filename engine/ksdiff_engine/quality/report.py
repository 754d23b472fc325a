"""A comparison of methods as one HTML file that needs neither network nor script.

A caller fills the dataclasses, :func:`write` makes the file. Every text is escaped. Pictures need
matplotlib; without it the report has its tables and says so.
"""

from __future__ import annotations

import html
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import OutputError
from . import figures
from .figures import most_different
from .glossary import HIGHER, LOWER, MEASURES, MeasureInfo
from .stylesheet import STYLE

__all__ = [
    "Crop",
    "ErrorMap",
    "Report",
    "SpectralProfile",
    "Table",
    "TableRow",
    "most_different",
    "render",
    "write",
]

_ARROWS = {LOWER: "↓", HIGHER: "↑"}
_NO_MATPLOTLIB = (
    "The pictures of this report are missing: they need matplotlib, which this Python installation "
    "lacks. The tables are complete."
)


@dataclass(frozen=True)
class TableRow:
    """One method: figures by key of ``MEASURES``, None where undefined (say why in `note`).

    seconds: what the method took; not shown where no row has it.
    """

    label: str
    figures: dict[str, float | None]
    seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Methods against measures, keys of ``MEASURES`` in the order of the columns.

    Raises ValueError for an unknown measure.
    """

    title: str
    measures: tuple[str, ...]
    rows: tuple[TableRow, ...]
    caption: str = ""

    def __post_init__(self) -> None:
        unknown = [key for key in self.measures if key not in MEASURES]
        if unknown:
            raise ValueError(f"unknown measures {unknown}; known are {', '.join(MEASURES)}")


@dataclass(frozen=True)
class Crop:
    """One place in all images: (label, (C, H, W)), C = 1 for a panchromatic image.

    rgb: 0-based bands shown as red, green and blue. Images of as many bands share one stretch; the
    panchromatic one, whose label begins with PAN, has its own.
    """

    title: str
    images: tuple[tuple[str, np.ndarray], ...]
    rgb: tuple[int, int, int]


@dataclass(frozen=True)
class SpectralProfile:
    """Curves of one value a band, (C,); the others are compared with the first.

    bands: names. wavelengths: nm, or None where unknown. unit: of the values.
    """

    title: str
    bands: tuple[str, ...]
    wavelengths: tuple[float, ...] | None
    curves: tuple[tuple[str, np.ndarray], ...]
    unit: str = ""


@dataclass(frozen=True)
class ErrorMap:
    """Errors (H, W) of one method in `unit`, NaN where invalid; maps of one unit share colours."""

    label: str
    values: np.ndarray
    unit: str


@dataclass(frozen=True)
class Report:
    """All that the page shows. summary: plain text, paragraphs apart by empty lines.

    facts: (name, value) of what was compared, on which scene, with which versions and settings.
    """

    title: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    crops: tuple[Crop, ...] = ()
    profiles: tuple[SpectralProfile, ...] = ()
    error_maps: tuple[ErrorMap, ...] = ()
    notes: tuple[str, ...] = ()


def write(report: Report, path: str) -> None:
    """Write the report as `path`, complete or not at all; raises OutputError."""
    from ..raster.staging import Staging  # which needs GDAL; render does not

    page = render(report).encode("utf-8")
    staging = Staging(os.path.realpath(path))
    try:
        with open(staging.path(), "wb") as file:
            file.write(page)
        staging.publish()
    except OSError as error:
        raise OutputError(
            f"The report {path} ({len(page) / 1e6:.1f} MB) cannot be written: {error.strerror}.",
            hint="Free some space, or choose another folder.",
        ) from error
    finally:
        staging.discard()


def render(report: Report) -> str:
    """The report as one HTML document."""
    notes = report.notes
    try:
        pictures = [
            ("crops", "Crops", _crops(report.crops)),
            ("spectra", "Spectral profiles", _profiles(report.profiles)),
            ("errors", "Error maps", _error_maps(report.error_maps)),
        ]
    except ImportError:
        pictures = []
        notes = (_NO_MATPLOTLIB, *notes)
    sections = [
        ("facts", "What was compared", _facts(report.facts)),
        ("tables", "Quality", "".join(_table(table) for table in report.tables)),
        *pictures,
        ("measures", "What the measures mean", _glossary(report.tables)),
        ("notes", "Notes", _list(notes)),
    ]
    return _page(report, [section for section in sections if section[2]])


def _page(report: Report, sections: Sequence[tuple[str, str, str]]) -> str:
    links = "".join(f'<a href="#{key}">{title}</a> ' for key, title, _ in sections)
    body = "\n".join(
        f'<section id="{key}" aria-labelledby="{key}-title">'
        f'<h2 id="{key}-title">{title}</h2>\n{content}</section>'
        for key, title, content in sections
    )
    # The policy makes sure of it: a browser fetches nothing and runs nothing.
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{_text(report.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header><div>
<h1>{_text(report.title)}</h1>
{_paragraphs(report.summary)}
<nav aria-label="Sections">{links}</nav>
</div></header>
<main>
{body}
</main>
<footer>Written by KSDiff for QGIS. The file holds all its pictures and needs no network.</footer>
</body>
</html>
"""


def _text(text: str) -> str:
    """Escaped for content and attributes; what no file can hold or no eye can see is replaced."""
    encodable = text.encode("utf-8", "replace").decode("utf-8")  # names of files may not be UTF-8
    seen = "".join(c if c >= " " or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in encodable)
    return html.escape(seen)


def _paragraphs(text: str) -> str:
    return "\n".join(f"<p>{_text(part.strip())}</p>" for part in text.split("\n\n") if part.strip())


def _list(items: Sequence[str]) -> str:
    lines = "".join(f"<li>{_text(item)}</li>\n" for item in items)
    return f"<ul>\n{lines}</ul>\n" if lines else ""


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    lines = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>\n" for name, value in facts
    )
    return f'<dl class="facts">\n{lines}</dl>\n' if lines else ""


def _table(table: Table) -> str:
    columns = [
        _Column(MEASURES[key], [row.figures.get(key) for row in table.rows])
        for key in table.measures
    ]
    timed = any(row.seconds is not None for row in table.rows)
    head = "".join(column.head() for column in columns)
    if timed:
        head += '<th scope="col">Time <small>s</small></th>'
    title = _text(table.title)
    return (
        f"<h3>{title}</h3>\n"
        f'<div class="scroll" role="region" tabindex="0" aria-label="{title}">'
        f'<table>\n<caption class="hidden">{title}</caption>\n'
        f'<thead><tr><th scope="col">Method</th>{head}</tr></thead>\n'
        f"<tbody>\n{_rows(table.rows, columns, timed)}</tbody></table></div>\n"
        f"{_key(columns)}{_row_notes(table.rows)}{_paragraphs(table.caption)}"
    )


def _rows(rows: Sequence[TableRow], columns: Sequence[_Column], timed: bool) -> str:
    lines, notes = "", 0
    for index, row in enumerate(rows):
        cells = "".join(column.cell(index) for column in columns)
        if timed:
            cells += _plain_cell(_seconds(row.seconds))
        notes += bool(row.note)
        mark = f"<sup>{notes}</sup>" if row.note else ""
        lines += f'<tr><th scope="row">{_text(row.label)}{mark}</th>{cells}</tr>\n'
    return lines


def _row_notes(rows: Sequence[TableRow]) -> str:
    noted = [row for row in rows if row.note]
    return "".join(
        f'<p class="quiet"><sup>{number}</sup> {_text(row.label)}: {_text(row.note)}</p>\n'
        for number, row in enumerate(noted, start=1)
    )


class _Column:
    """One measure of all methods, as printed; the best are found by what is printed."""

    def __init__(self, info: MeasureInfo, values: Sequence[float | None]) -> None:
        self.info = info
        known = [value for value in values if value is not None and not math.isnan(value)]
        digits = info.digits if info.digits is not None else _digits(known)
        self.printed = [_number(value, digits) for value in values]
        self.best = ""
        if len(known) > 1:
            best = min(known) if info.better == LOWER else max(known)
            self.best = _number(best, digits)

    def head(self) -> str:
        info, arrow = self.info, _ARROWS[self.info.better]
        unit = _text(info.unit) or "&nbsp;"
        return (
            f'<th scope="col"><abbr title="{_text(info.name)}">{_symbol(info.title)}</abbr>'
            f'&nbsp;<span aria-hidden="true">{arrow}</span>'
            f'<span class="hidden"> ({info.better} is better)</span><small>{unit}</small></th>'
        )

    def cell(self, row: int) -> str:
        printed = self.printed[row]
        if not printed or printed != self.best:
            return _plain_cell(printed)
        return (
            '<td class="best"><span class="star" aria-hidden="true">★</span>&nbsp;'
            f'{printed}<span class="hidden"> (best)</span></td>'
        )


def _plain_cell(printed: str) -> str:
    if printed:
        return f"<td>{printed}</td>"
    return '<td class="missing">–<span class="hidden"> not available</span></td>'


def _key(columns: Sequence[_Column]) -> str:
    """How to read the table."""
    signs = ["↓ lower is better, ↑ higher is better"]
    if any(column.best for column in columns):
        signs.insert(0, "★ best of the column, as printed")
    if any(not printed for column in columns for printed in column.printed):
        signs.append("– not available")
    return f'<p class="quiet">{"; ".join(signs)}.</p>\n'


def _digits(values: Sequence[float], significant: int = 4) -> int:
    """Decimals that give the largest value so many significant digits, the same for all."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest == 0.0:
        return significant
    return max(0, significant - 1 - math.floor(math.log10(largest)))


def _number(value: float | None, digits: int) -> str:
    """Empty for None and NaN."""
    if value is None or math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    printed = f"{value:.{digits}f}"
    if float(printed) == 0.0:
        printed = printed.lstrip("-")
    return printed.replace("-", "−")


def _seconds(seconds: float | None) -> str:
    """Three digits, and not below hundredths."""
    return "" if seconds is None else _number(seconds, min(2, _digits([seconds], significant=3)))


def _symbol(title: str) -> str:
    """The title with what follows an underscore as subscript."""
    base, _, index = title.partition("_")
    return f"{_text(base)}<sub>{_text(index)}</sub>" if index else _text(base)


def _glossary(tables: Sequence[Table]) -> str:
    used = {key for table in tables for key in table.measures}
    lines = "".join(
        f'<div class="keep"><dt>{_symbol(info.title)} <span>{_text(info.name)} · '
        f"{_ARROWS[info.better]} {info.better} is better, {_ideal(info)}</span></dt>"
        f"<dd>{_text(info.meaning)}</dd></div>\n"
        for key, info in MEASURES.items()
        if key in used
    )
    return f'<dl class="terms">\n{lines}</dl>\n' if lines else ""


def _ideal(info: MeasureInfo) -> str:
    if math.isinf(info.ideal):
        return "unlimited for identical images"
    return f"{info.ideal:g} is perfect"


def _crops(crops: Sequence[Crop]) -> str:
    if not crops:
        return ""
    intro = (
        '<p class="quiet">All pictures of one place share one linear stretch, from the '
        f"{figures.LOWER_PERCENTILE:g}st to the {figures.UPPER_PERCENTILE:g}th percentile of a "
        "typical one, so brightness and colour can be compared; the panchromatic image has its "
        "own. Pixels are enlarged without smoothing.</p>\n"
    )
    return intro + "".join(_crop(crop) for crop in crops)


def _crop(crop: Crop) -> str:
    numbers = ", ".join(str(band + 1) for band in crop.rgb)
    pictures = figures.crop_pictures(crop.images, crop.rgb)
    panels = "".join(_figure(picture, f"{picture.label}: {crop.title}", "") for picture in pictures)
    return (
        f'<h3>{_text(crop.title)}</h3>\n<p class="quiet">Bands {numbers} as red, green, blue.</p>\n'
        f'<div class="panels {_columns(len(pictures), 5)}">\n{panels}</div>\n'
    )


def _columns(count: int, most: int) -> str:
    """The style of a grid whose rows are as even as they can be, with `most` columns at most."""
    rows = max(1, math.ceil(count / most))
    return f"of{max(1, math.ceil(count / rows))}"


def _figure(picture: figures.Picture, alternative: str, more: str) -> str:
    detail = f"<br>{_text(more)}" if more else ""
    return (
        f'<figure><img src="{picture.uri}" width="{picture.width}" height="{picture.height}" '
        f'alt="{_text(alternative)}">'
        f"<figcaption><b>{_text(picture.label)}</b>{detail}</figcaption></figure>\n"
    )


def _profiles(profiles: Sequence[SpectralProfile]) -> str:
    return "".join(_profile(profile) for profile in profiles)


def _profile(profile: SpectralProfile) -> str:
    plots = figures.spectrum_plots(profile.bands, profile.wavelengths, profile.curves, profile.unit)
    panels = "".join(
        f'<figure role="img" aria-label="{_text(f"{plot.label}: {profile.title}")}; the values '
        f'stand in the table below">{plot.svg}</figure>\n'
        for plot in plots
    )
    return (
        f"<h3>{_text(profile.title)}</h3>\n{_legend(profile.curves)}"
        f'<div class="panels wide">\n{panels}</div>\n{_profile_values(profile)}'
    )


def _legend(curves: Sequence[tuple[str, np.ndarray]]) -> str:
    entries = "".join(_legend_entry(i, label) for i, (label, _) in enumerate(curves))
    return f'<ul class="legend">{entries}</ul>\n'


def _legend_entry(index: int, label: str) -> str:
    if index == 0:
        return f'<li><span aria-hidden="true">━━</span> {_text(label)}</li>'
    colour, _, sign = figures.curve_style(index - 1)
    sign = f'<span aria-hidden="true" style="color:{colour}">─{sign}─</span>'
    return f"<li>{sign} {_text(label)}</li>"


def _profile_values(profile: SpectralProfile) -> str:
    values = [float(value) for _, curve in profile.curves for value in curve]
    digits = _digits(values)
    head = "".join(f'<th scope="col">{_text(band)}</th>' for band in profile.bands)
    body = "".join(
        f'<tr><th scope="row">{_text(label)}</th>'
        + "".join(_plain_cell(_number(float(value), digits)) for value in curve)
        + "</tr>\n"
        for label, curve in profile.curves
    )
    unit = f", {_text(profile.unit)}" if profile.unit else ""
    return (
        "<details><summary>The values</summary>"
        f'<div class="scroll" role="region" tabindex="0" aria-label="Values of the plot">'
        f'<table><caption class="hidden">{_text(profile.title)}{unit}</caption>'
        f'<thead><tr><th scope="col">Image</th>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table></div></details>\n"
    )


def _error_maps(maps: Sequence[ErrorMap]) -> str:
    units = dict.fromkeys(error_map.unit for error_map in maps)
    return "".join(_maps_of_unit([m for m in maps if m.unit == unit], unit) for unit in units)


def _maps_of_unit(maps: Sequence[ErrorMap], unit: str) -> str:
    pictures, scale = figures.map_pictures([(m.label, m.values) for m in maps])
    columns = _columns(len(maps), 3)
    digits = _digits([scale.high], significant=3)
    panels = ""
    for error_map, picture in zip(maps, pictures):
        described = _described(error_map, digits)
        panels += _figure(picture, f"Error map of {error_map.label}; {described}", described)
    return f'{_scale(scale, unit, digits)}<div class="panels large {columns}">\n{panels}</div>\n'


def _described(error_map: ErrorMap, digits: int) -> str:
    values = error_map.values[np.isfinite(error_map.values)]
    if not values.size:
        return "no valid pixel"
    magnitude = np.abs(values)
    mean, high = float(magnitude.mean()), float(np.percentile(magnitude, 95))
    return (
        f"mean {_number(mean, digits)}, 95 % of the pixels below {_number(high, digits)} "
        f"{error_map.unit}"
    ).strip()


def _scale(scale: figures.Scale, unit: str, digits: int) -> str:
    low = "0" if scale.low == 0.0 else f"≤ {_number(scale.low, digits)}"
    middle = _number((scale.low + scale.high) / 2.0, digits)
    shown = f" {_text(unit)}" if unit else ""
    return (
        '<div class="scale keep">'
        f'<img src="{scale.bar.uri}" alt="Colour scale of the error maps">'
        f'<table role="presentation"><tr><td>{low}{shown}</td><td>{middle}</td>'
        f"<td>≥ {_number(scale.high, digits)}{shown}</td></tr></table></div>\n"
        '<p class="quiet">All maps share the scale, which ends at the '
        f"{figures.ERROR_PERCENTILE:g}th percentile of their values together. "
        '<span class="swatch" aria-hidden="true"></span> Grey is no data.</p>\n'
    )
