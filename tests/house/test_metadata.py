"""metadata.txt is the one place of the version, and holds what the plugin repository demands."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

import pytest

import ksdiff_engine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def metadata() -> configparser.SectionProxy:
    parser = configparser.ConfigParser()  # with interpolation, as the plugin repository reads it
    parser.read(ROOT / "metadata.txt", encoding="utf-8")
    return parser["general"]


@pytest.mark.parametrize("distribution", ["engine", "training"])
def test_distributions_state_the_same_version(
    metadata: configparser.SectionProxy, distribution: str
) -> None:
    project = tomllib.loads((ROOT / distribution / "pyproject.toml").read_text())["project"]
    assert project["version"] == metadata["version"]
    assert project["license"] == metadata["license"] == "GPL-2.0-or-later"


def test_engine_states_the_same_version(metadata: configparser.SectionProxy) -> None:
    assert ksdiff_engine.__version__ == metadata["version"]


def test_changelog_knows_the_version(metadata: configparser.SectionProxy) -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert metadata["version"] in headings


@pytest.mark.parametrize(
    "field",
    [
        "name",
        "description",
        "version",
        "qgisMinimumVersion",
        "author",
        "email",
        "about",
        "tracker",
        "repository",
        "homepage",
    ],
)
def test_required_fields(metadata: configparser.SectionProxy, field: str) -> None:
    assert metadata[field].strip()


def test_rules_of_the_plugin_repository(metadata: configparser.SectionProxy) -> None:
    assert "/" not in metadata["author"]
    assert metadata.getboolean("hasProcessingProvider")
    assert metadata["qgisMaximumVersion"] == "4.99"
    assert "supportsQt6" not in metadata
    assert (ROOT / metadata["icon"]).is_file()
    assert "PyTorch" in metadata["about"]
    assert "MB" in metadata["about"]


def test_licence_is_the_one_stated() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "Version 2, June 1991" in text
