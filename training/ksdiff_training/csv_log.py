"""CSV files that grow by a row at a time and whose first column is the step."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add a row, with a header when the file is new; else only what its header names.

    So a run goes on whose log was begun by a version that told less.
    """
    header = _header(path)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=header or list(row), extrasaction="ignore")
        if not header:
            writer.writeheader()
        writer.writerow(row)


def _header(path: Path) -> list[str]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def read_rows(path: Path) -> list[dict[str, str]]:
    """All rows; none when there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def drop_rows_after(path: Path, step: int) -> None:
    """Keep the rows up to `step`: a run that resumes there makes the later ones again."""
    rows = read_rows(path)
    kept = [row for row in rows if int(row["step"]) <= step]
    if len(kept) == len(rows):
        return
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    for row in kept:
        append_row(temporary, row)
    if kept:
        os.replace(temporary, path)
    else:
        path.unlink()
