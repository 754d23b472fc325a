"""docs/complaints.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_tests_that_are_named_exist() -> None:
    text = (ROOT / "docs" / "complaints.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", text)
    assert len(named) > 40
    for file, name in named:
        source = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {name}\(", source, re.MULTILINE), f"{file}::{name}"
    sections = re.split(r"\n(?=\*\*)", text)[1:]
    for section in sections:
        told = re.search(r"`[\w/]+\.py::\w+`|is not answered", section)
        assert told, section.splitlines()[0]
