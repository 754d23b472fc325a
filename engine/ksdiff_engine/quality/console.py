"""Reports as plain text, for a terminal; standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .glossary import LOWER, MEASURES, MeasureInfo

_ARROWS = {LOWER: "↓"}  # all others: higher is better


def report_text(result: dict[str, Any]) -> str:
    """The facts, tables and notes of a job's result (the keys of a report's JSON object)."""
    parts = [result["title"], _pairs(list(result["facts"].items()))]
    parts += [table_text(table) for table in result["tables"]]
    parts += [f"Note: {note}" for note in result["notes"]]
    return "\n\n".join(parts)


def table_text(table: dict[str, Any]) -> str:
    """A table, (methods × measures), in columns; the measures of a single row below each other."""
    measures = [MEASURES[key] for key in table["measures"]]
    heads = [f"{_unit(info)} {_ARROWS.get(info.better, '↑')}" for info in measures]
    rows = table["rows"]
    columns = [[_number(row["figures"][info.key], info) for row in rows] for info in measures]
    if any(row["seconds"] is not None for row in rows):
        heads.append("time (s)")
        columns.append(["–" if row["seconds"] is None else f"{row['seconds']:.1f}" for row in rows])
    labels = [row["label"] for row in rows]
    if len(rows) == 1:
        body = _pairs([(head, column[0]) for head, column in zip(heads, columns)])
    else:
        body = columns_text(["", *heads], [labels, *columns])
    notes = [f"{row['label']}: {row['note']}" for row in rows if row["note"]]
    words = [line for line in (table["caption"], *notes) if line]
    return "\n".join([table["title"], body, *words])


def _unit(info: MeasureInfo) -> str:
    return f"{info.title} ({info.unit})" if info.unit else info.title


def _number(value: float | None, info: MeasureInfo) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if info.digits is None else f"{value:.{info.digits}f}"


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    width = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in pairs)


def columns_text(heads: Sequence[str], columns: Sequence[Sequence[str]]) -> str:
    """The first column left-aligned, all others right-aligned."""
    widths = [max(map(len, (head, *column))) for head, column in zip(heads, columns)]
    lines = []
    for cells in (heads, *zip(*columns)):
        first = f"{cells[0]:<{widths[0]}}"
        others = [f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:])]
        lines.append("  " + "  ".join([first, *others]).rstrip())
    return "\n".join(lines)
