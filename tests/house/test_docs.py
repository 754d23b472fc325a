"""The guide: every page in its navigation, every link to a file that exists, small pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LARGEST = 150_000  # bytes of a picture of the tutorial and of the gallery
ALL = 1_200_000  # bytes of all pictures of one of them


def pages_in(navigation: Any) -> Iterator[str]:
    """Yield the pages of a part of mkdocs' navigation."""
    if isinstance(navigation, str):
        yield navigation
    else:
        for part in navigation.values() if isinstance(navigation, dict) else navigation:
            yield from pages_in(part)


def test_every_page_is_in_the_navigation_once() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(pages_in(navigation)) == sorted(p.relative_to(DOCS).as_posix() for p in PAGES)


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("folder", ["tutorial", "gallery"])
def test_pictures_are_used_and_small(folder: str) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    pictures = sorted((DOCS / "images" / folder).iterdir())
    assert len(pictures) > 5
    for picture in pictures:
        assert f"images/{folder}/{picture.name}" in pages
        assert picture.stat().st_size <= LARGEST
    assert sum(picture.stat().st_size for picture in pictures) <= ALL
