"""The help of every algorithm: text, figure, and the page in the documentation."""

from __future__ import annotations

import re

import pytest

from tests.qgis.conftest import create

NAMES = (
    *("pansharpen", "classicalpansharpen", "pansharpenfolder", "degrade", "comparemethods"),
    *("assesswithoutreference", "assessagainstreference", "adaptweights", "setupengine"),
)
LARGEST = 30_000  # bytes of a figure; the package holds them all
BACKGROUNDS = ("#f0f0f0", "#323232")  # of QGIS's default theme, and of "Night Mapping"
TELLING = 3.0  # contrast that graphics need (WCAG 2, criterion 1.4.11)


def test_these_are_all_algorithms(provider):
    from ksdiff_qgis.algorithms import ALGORITHMS

    assert {algorithm.NAME for algorithm in ALGORITHMS} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help_is_plain_text_outside_the_desktop(provider, name):
    algorithm = create(name)
    assert algorithm.DESCRIPTION in algorithm.shortHelpString()
    assert not re.search("<[a-z/]", algorithm.shortHelpString())


@pytest.mark.parametrize("name", NAMES)
def test_help_in_the_desktop_has_every_parameter_and_a_figure(provider, name, monkeypatch):
    from qgis.core import QgsApplication
    from qgis.PyQt.QtCore import QUrl
    from qgis.PyQt.QtGui import QImage

    monkeypatch.setattr(QgsApplication, "platform", lambda: "desktop")
    algorithm = create(name)
    text = algorithm.shortHelpString()
    assert "<h3>" in text
    for parameter in algorithm.parameterDefinitions():
        assert len(parameter.help()) > 10
        assert parameter.help() in text
    (source,) = re.findall('<img src="([^"]+)">', text)
    figure = QImage(QUrl(source).toLocalFile())
    assert 300 < figure.width() < 400
    assert figure.sizeInBytes() > 0


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_small(provider, name):
    from ksdiff_qgis.algorithms.described import figure_of

    assert figure_of(name).stat().st_size < LARGEST


@pytest.mark.parametrize("name", NAMES)
def test_help_points_to_a_page_that_is_up_to_date(provider, name):
    from scripts import algorithm_pages

    address = create(name).helpUrl()
    assert address.startswith("https://github.com/")
    assert address.endswith(f"/docs/algorithms/{name}.md")
    page = algorithm_pages.FOLDER_OF_PAGES / f"{name}.md"
    assert page.read_text(encoding="utf-8") == algorithm_pages.page(create(name)), "make docs"


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("name", NAMES)
def test_icons_can_be_told_from_light_and_dark_themes(provider, name, background):
    from qgis.PyQt.QtGui import QColor

    icon = create(name).icon().pixmap(64, 64).toImage()
    edges = [QColor(icon.pixel(column, row)) for row, column in outermost(icon)]
    assert len(edges) > 40
    told = [contrast(edge, QColor(background)) >= TELLING for edge in edges]
    assert sum(told) > 0.8 * len(told)


def outermost(icon) -> list[tuple[int, int]]:
    """Return the row and column of the first and the last opaque pixel in every row."""
    found = []
    for row in range(icon.height()):
        opaque = [c for c in range(icon.width()) if icon.pixelColor(c, row).alpha() == 255]
        found += [(row, opaque[0]), (row, opaque[-1])] if opaque else []
    return found


def contrast(one, other) -> float:
    """Return the contrast of two colours after WCAG 2, 1 to 21."""
    lower, higher = sorted((luminance(one), luminance(other)))
    return (higher + 0.05) / (lower + 0.05)


def luminance(colour) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
