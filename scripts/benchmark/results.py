"""What was measured: rows in a JSON file, medians and ratios from them."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]


@dataclass
class Results:
    """sessions: a run's machine and versions by its start. Rows name their session.

    timing: method, megapixels, round, wall, cpu (seconds), memory (megabytes), of KSDiff
        its curve (:class:`.measuring.Cost`), or error.
    quality: method, family, scene, ratio, seconds, figures by name, or error.
    """

    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    timing: list[Row] = field(default_factory=list)
    quality: list[Row] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> Results:
        """What an earlier run left, or nothing."""
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else cls()

    def save(self, path: Path) -> None:
        """Write the file, a row a line; sessions that no row names any more are dropped."""
        used = {row["session"] for row in (*self.timing, *self.quality)}
        self.sessions = {key: value for key, value in self.sessions.items() if key in used}
        parts = []
        for name, value in asdict(self).items():
            rows = [json.dumps(row) for row in value] if isinstance(value, list) else []
            text = "[\n" + ",\n".join(rows) + "\n]" if rows else json.dumps(value, indent=1)
            parts.append(f"{json.dumps(name)}: {text}")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")
        os.replace(temporary, path)

    def add(self, part: str, row: Row, keys: Iterable[str]) -> None:
        """Add a row to `part`; rows of other sessions that agree with it in `keys` give way."""
        keys = tuple(keys)

        def outdated(other: Row) -> bool:
            same = all(other[key] == row[key] for key in keys)
            return same and other["session"] != row["session"]

        rows = getattr(self, part)
        rows[:] = [other for other in rows if not outdated(other)]
        rows.append(row)

    def sizes(self) -> list[float]:
        """Megapixels that were timed, ascending."""
        return sorted({row["megapixels"] for row in self.timing if "error" not in row})

    def median(self, method: str, megapixels: float, key: str) -> float | None:
        """The median over rounds of ``wall``, ``cpu`` or ``memory``."""
        values = [row[key] for row in self._timed(method, megapixels)]
        return statistics.median(values) if values else None

    def ratio(
        self, method: str, other: str, megapixels: float, key: str = "wall"
    ) -> tuple[float, int] | None:
        """The median over rounds of method / other within one round, and the number of rounds.

        A round's commands run one after the other, so what slows the machine slows both.
        """
        theirs = {(r["session"], r["round"]): r[key] for r in self._timed(other, megapixels)}
        ratios = [
            row[key] / theirs[row["session"], row["round"]]
            for row in self._timed(method, megapixels)
            if (row["session"], row["round"]) in theirs
        ]
        return (statistics.median(ratios), len(ratios)) if ratios else None

    def _timed(self, method: str, megapixels: float) -> list[Row]:
        return [
            row
            for row in self.timing
            if row["method"] == method and row["megapixels"] == megapixels and "error" not in row
        ]

    def means(self, ratio: int, keys: Iterable[str]) -> dict[str, dict[str, float]]:
        """The mean over the scenes of a ratio, by method and key; a key that some scene lacks is
        left out, and a method that has none is too.
        """
        rows = [row for row in self.quality if row["ratio"] == ratio]
        scenes = {row["scene"] for row in rows}
        found: dict[str, dict[str, float]] = {}
        for method in dict.fromkeys(row["method"] for row in rows):
            own = [row for row in rows if row["method"] == method]
            for key in keys:
                values = [row[key] for row in own if row.get(key) is not None]
                if len(values) == len(scenes):
                    found.setdefault(method, {})[key] = statistics.fmean(values)
        return found


@dataclass(frozen=True)
class LinearFit:
    """seconds = start + slope * megapixels; residuals in seconds, in the order of the sizes."""

    start: float
    slope: float
    r_squared: float
    residuals: tuple[float, ...]


def linear_fit(sizes: list[float], seconds: list[float]) -> LinearFit:
    """Least squares through three or more sizes."""
    x, y = np.array(sizes), np.array(seconds)
    slope, start = np.polyfit(x, y, 1)
    residuals = y - (start + slope * x)
    r_squared = 1.0 - float((residuals**2).sum() / ((y - y.mean()) ** 2).sum())
    return LinearFit(float(start), float(slope), r_squared, tuple(residuals.tolist()))


@dataclass(frozen=True)
class Bar:
    """A figure that the project has set itself, and what was reached (None: not measured)."""

    label: str
    limit: str
    value: float | None
    met: bool | None
    detail: str = ""


def bars(results: Results, megapixels: float) -> list[Bar]:
    """Every bar of speed and memory, at the size that is given."""

    def at_most(label: str, method: str, other: str, limit: float) -> Bar:
        found = results.ratio(method, other, megapixels)
        if found is None:
            return Bar(label, f"≤ {limit:g}", None, None)
        return Bar(label, f"≤ {limit:g}", found[0], found[0] <= limit, f"rounds: {found[1]}")

    step = results.ratio("diffusion-step", "ksdiff", megapixels)
    thousand = step and 1000 * step[0]
    drafts = sorted({r["method"] for r in results.timing if r["method"].startswith("draft")})
    draft = drafts[0] if drafts else "draft"
    return [
        at_most("whole job / bare network", "ksdiff", "bare-network", 1.25),
        at_most("KSDiff / its plain backbone", "ksdiff", "plain-backbone", 1.05),
        Bar(
            "pixel-space diffusion, T = 1000 / KSDiff",
            "≥ 500",
            thousand,
            None if thousand is None else thousand >= 500,
            "one step measured, times 1000",
        ),
        Bar(
            "pixel-space diffusion, 25 steps of DDIM / KSDiff",
            "stated",
            step and 25 * step[0],
            None,
            "one step measured, times 25",
        ),
        at_most("KSDiff / OTB RCS", "ksdiff", "otb-rcs", 8),
        at_most("draft weights / OTB RCS", draft, "otb-rcs", 2),
        *_memory_bars(results, megapixels),
        *_linear_bar(results),
    ]


def curve(results: Results, method: str, key: str) -> tuple[list[float], list[float]]:
    """Sizes and medians of a method."""
    points = [(size, results.median(method, size, key)) for size in results.sizes()]
    kept = [(size, value) for size, value in points if value is not None]
    return [size for size, _ in kept], [value for _, value in kept]


def _memory_bars(results: Results, megapixels: float) -> list[Bar]:
    sizes, peaks = curve(results, "ksdiff", "memory")
    if not sizes:
        return []
    largest = max(peaks) / 1000
    found = [Bar("peak memory of KSDiff, GB", "≤ 1.5", largest, largest <= 1.5, "of all sizes")]
    large = {size: peak for size, peak in zip(sizes, peaks, strict=True) if size >= 16}
    if len(large) > 1 and megapixels in large:
        spread = (max(large.values()) - min(large.values())) / max(large.values())
        detail = "(largest − smallest) / largest, from 16 megapixels up"
        found.append(Bar("spread of the peak memory", "≤ 0.10", spread, spread <= 0.1, detail))
        off = max(abs(peak / large[megapixels] - 1) for peak in large.values())
        detail = f"largest difference from that at {megapixels:g} megapixels"
        found.append(Bar("peak memory against the main size", "stated", off, None, detail))
    return found


def _linear_bar(results: Results) -> list[Bar]:
    sizes, seconds = curve(results, "ksdiff", "wall")
    if len(sizes) < 3:
        return []
    fit = linear_fit(sizes, seconds)
    return [Bar("R² of a line through time against pixels", "stated", fit.r_squared, None)]
