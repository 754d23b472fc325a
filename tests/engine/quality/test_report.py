"""The HTML report: structure, escaping, what is marked as best, pictures, and life without them."""

from __future__ import annotations

import base64
import builtins
import dataclasses
import io
import math
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from ksdiff_engine.errors import OutputError
from ksdiff_engine.quality import NoReferenceReport, ReferenceReport, figures
from ksdiff_engine.quality.glossary import MEASURES
from ksdiff_engine.quality.report import (
    Crop,
    ErrorMap,
    Report,
    SpectralProfile,
    Table,
    TableRow,
    most_different,
    render,
    write,
)

VOID = {"meta", "img", "br", "link", "input", "hr"}
NASTY = "Größe & <b>\"Länge\"</b> '1' \udcff\x07.tif"


class Page(HTMLParser):
    """A page taken apart; fails on elements that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.rows: list[list[tuple[str, str, str]]] = []  # (tag, class, text) of each cell
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append((tag, dict(attributes).get("class", ""), ""))

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if "td" in self._open or "th" in self._open:
            tag, style, text = self.rows[-1][-1]
            self.rows[-1][-1] = (tag, style, text + data)

    def column(self, number: int) -> list[str]:
        return [row[number][2] for row in self.rows]

    def best(self, number: int) -> list[int]:
        """Rows of the body, from 0, whose cell in a column is marked."""
        body = [row for row in self.rows if any(tag == "td" for tag, *_ in row)]
        return [i for i, row in enumerate(body) if row[number][1] == "best"]

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def report(*tables: Table, **fields) -> Report:
    standard = {"title": "Title", "summary": "Summary.", "facts": (("Scene", "A"),)}
    return Report(**{**standard, **fields}, tables=tables)


def table(measure: str, *values: float | None, **fields) -> Table:
    rows = tuple(TableRow(f"method {i}", {measure: value}) for i, value in enumerate(values))
    return Table("Table", (measure,), rows, **fields)


def full_report() -> Report:
    random = np.random.default_rng(0)
    image, other = random.uniform(100, 900, (2, 4, 40, 40))
    error = np.abs(other - image).mean(axis=0)
    error[:5] = np.nan
    names = ("blue", "green", "red", "nir")
    curves = tuple((name, i.mean((1, 2))) for name, i in (("Reference", image), (NASTY, other)))
    return report(
        table("sam", 1.0, 2.0),
        crops=(Crop(NASTY, (("PAN", image[:1]), ("Reference", image), (NASTY, other)), (2, 1, 0)),),
        profiles=(SpectralProfile(NASTY, names, (485.0, 560.0, 660.0, 825.0), curves, "$DN$"),),
        error_maps=(ErrorMap(NASTY, error, "DN"), ErrorMap("half", error / 2, "DN")),
        notes=(NASTY,),
    )


def test_every_figure_of_the_reports_is_explained():
    lists = {"ratio", "data_range", "valid_pixels", "block", "pan_gain", "r_shifts", "ms_gains"}
    texts = {"q2n_convention", "notes", "sensor", "convention"}
    names = {f.name for r in (ReferenceReport, NoReferenceReport) for f in dataclasses.fields(r)}
    measured = {n for n in names - lists - texts if not n.endswith("_bands")}
    assert measured == set(MEASURES)
    for key, info in MEASURES.items():
        assert info.key == key
        assert info.better == ("higher" if info.ideal > 0 else "lower")
        assert info.meaning.endswith(".")


def test_page_is_well_formed_and_accessible():
    page = Page(render(full_report()))
    assert page.named("html") == [{"lang": "en"}]
    assert page.named("img")
    assert all(image["alt"] for image in page.named("img"))
    assert all("scope" in header for header in page.named("th"))
    links = {a["href"] for a in page.named("a")}
    assert links == {f"#{section['id']}" for section in page.named("section")}
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    shared = {i for i in ids if ids.count(i) > 1}
    # matplotlib names markers and clips by their content; the same name is the same thing.
    assert all(re.fullmatch(r"[mpC][0-9a-f_]+", name) for name in shared)


def test_page_refers_to_nothing_outside():
    page = render(full_report())
    for tag, attributes in Page(page).elements:
        for name in ("src", "href", "xlink:href", "data", "action", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/png;base64,", "#")), (tag, value)
        assert tag not in ("script", "link", "iframe", "object", "base")
        assert not any(name.startswith("on") for name in attributes)
    assert "@import" not in page
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))
    assert "http" not in page.replace("http-equiv", "")


def test_texts_are_escaped_wherever_they_stand():
    rows = (TableRow(NASTY, {"sam": 1.0}, note=NASTY),)
    nasty = dataclasses.replace(
        full_report(),
        title=NASTY,
        summary=NASTY,
        facts=((NASTY, NASTY),),
        tables=(Table(NASTY, ("sam",), rows, caption=NASTY),),
    )
    page = render(nasty)
    page.encode("utf-8")
    assert "<b>&" not in page
    assert '<b>"' not in page
    assert "\x07" not in page
    shown = "Größe & <b>\"Länge\"</b> '1' ?\N{REPLACEMENT CHARACTER}.tif"
    parsed = Page(page)
    assert "".join(parsed.texts).count(shown) >= 10
    assert any(image["alt"].startswith(shown) for image in parsed.named("img"))


@pytest.mark.parametrize(
    ("measure", "values", "best"),
    [
        ("sam", (2.0, 1.0, 3.0), [1]),
        ("q2n", (0.8, 0.9, 0.7), [1]),
        ("q2n", (0.9, 0.90001, 0.7), [0, 1]),  # alike as printed
        ("q2n", (0.9, None, 0.8), [0]),
        ("q2n", (math.nan, 0.7, 0.8), [2]),
        ("psnr", (math.inf, 40.0), [0]),
        ("d_s", (-0.00001, 0.00001, 0.5), [0, 1]),
        ("q2n", (0.9, None), []),  # the best of one is no news
        ("q2n", (None, None), []),
    ],
)
def test_best_of_a_column(measure, values, best):
    assert Page(render(report(table(measure, *values)))).best(1) == best


def test_figures_have_the_digits_of_their_measure():
    row = TableRow("m", {"sam": 2.65432, "q2n": 0.912345, "psnr": 41.23456}, seconds=12.34)
    page = Page(render(report(Table("T", ("sam", "q2n", "psnr"), (row,)))))
    assert [cell[2] for cell in page.rows[1]] == ["m", "2.654", "0.9123", "41.23", "12.3"]


@pytest.mark.parametrize(
    ("values", "printed"),
    [
        ((33.004, 168.4), ["33.0", "168.4"]),
        ((0.012346, 0.0012), ["0.01235", "0.00120"]),
        ((12345.6, 3.2), ["12346", "3"]),
        ((0.0, 0.0), ["0.0000", "0.0000"]),
    ],
)
def test_errors_in_unknown_units_keep_four_digits_of_the_largest(values, printed):
    cells = Page(render(report(table("rmse", *values)))).column(1)[1:]
    assert [re.sub(r"[★\s]|\(best\)", "", cell) for cell in cells] == printed


def test_missing_figure_is_a_dash_with_its_reason():
    rows = (
        TableRow("first", {"sam": 1.0}),
        TableRow("second", {"sam": None}, note="One band has no angle."),
    )
    page = Page(render(report(Table("T", ("sam",), rows))))
    assert page.rows[2][0][2] == "second1"
    assert page.rows[2][1][2] == "– not available"
    assert " second: One band has no angle." in page.texts
    assert any("– not available" in text for text in page.texts)


def test_heading_and_glossary_say_which_way_is_better():
    page = Page(render(report(table("d_lambda_k", 0.1, 0.2))))
    assert "".join(page.column(1)[0].split()) == "Dλ,K↓(lowerisbetter)"
    assert MEASURES["d_lambda_k"].meaning in page.texts
    assert MEASURES["sam"].meaning not in page.texts
    assert "Time" not in "".join(page.texts)


def test_unknown_measure_is_refused():
    with pytest.raises(ValueError, match="unknown measures"):
        table("sma", 1.0)


def decoded(uri: str) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    data = base64.b64decode(uri.partition(",")[2], validate=True)
    return np.asarray(image.open(io.BytesIO(data)))


def test_crops_share_a_stretch_that_one_failed_image_does_not_spoil():
    pytest.importorskip("matplotlib")
    image = np.random.default_rng(1).uniform(100, 900, (4, 32, 32))
    pan = 10.0 * image[:1]
    images = [("PAN", pan), ("a", image), ("b", image), ("dark", image - 100), ("bad", image * 1e6)]
    pictures = figures.crop_pictures(images, (3, 1, 0))
    shown = {p.label: decoded(p.uri).astype(int) for p in pictures}
    low, high = np.percentile(image[3], [1, 99])
    # Two alike and one 100 lower: the median stretch lies with the two.
    expected = np.clip((image[3] - low) / (high - low), 0, 1) * 255
    scale = shown["a"].shape[0] // 32
    assert np.abs(shown["a"][::scale, ::scale, 0] - expected).max() < 60
    np.testing.assert_array_equal(shown["a"], shown["b"])
    assert shown["dark"].mean() < shown["a"].mean() - 15
    assert shown["bad"].min() == 255
    assert 90 < shown["PAN"].mean() < 165
    assert (shown["PAN"][..., 0] == shown["PAN"][..., 2]).all()


def test_pixels_are_enlarged_whole_and_missing_ones_grey():
    pytest.importorskip("matplotlib")
    image = np.arange(96.0 * 96).reshape(1, 96, 96).repeat(3, axis=0)
    image[:, :3] = np.nan
    (picture,) = figures.crop_pictures([("a", image)], (0, 1, 2))
    pixels = decoded(picture.uri)
    assert pixels.shape == (384, 384, 3) == (picture.height, picture.width, 3)
    assert len(np.unique(pixels[:12].reshape(-1, 3), axis=0)) == 1
    np.testing.assert_array_equal(pixels[::4], pixels[3::4])


def test_error_maps_share_colours_and_keep_holes():
    pytest.importorskip("matplotlib")
    error = np.random.default_rng(2).uniform(0, 10, (50, 60))
    hole = error.copy()
    hole[:10] = np.nan
    (first, second, third), scale = figures.map_pictures(
        [("a", error), ("b", hole), ("c", error / 10)]
    )
    assert scale.low == 0.0
    assert 9 < scale.high < 10
    a, b, c = (decoded(p.uri) for p in (first, second, third))
    np.testing.assert_array_equal(a[60:], b[60:])
    assert len(np.unique(b[:60].reshape(-1, 3), axis=0)) == 1
    assert c.max() < a.max()


def test_signed_maps_are_symmetric_about_zero():
    pytest.importorskip("matplotlib")
    _, scale = figures.map_pictures([("a", np.linspace(-1, 5, 100).reshape(10, 10))])
    assert scale.low == -scale.high


def test_maps_without_a_valid_pixel_are_shown():
    page = render(report(error_maps=(ErrorMap("empty", np.full((5, 5), np.nan), "DN"),)))
    assert "no valid pixel" in page


def test_large_maps_are_averaged_down():
    pytest.importorskip("matplotlib")
    error = np.zeros((1700, 1000))
    error[:2] = np.nan
    error[3:6, 3:6] = 9.0
    (picture,), scale = figures.map_pictures([("a", error)])
    assert (picture.height, picture.width) == (567, 334)
    assert scale.high == 9.0  # the largest, where the percentile is zero
    many, _ = figures.map_pictures([(str(i), error) for i in range(12)])
    assert sum(p.height * p.width for p in many) < 2_500_000


def test_maps_of_different_units_have_their_own_scales():
    error = np.linspace(0, 1, 100).reshape(10, 10)
    page = Page(render(report(error_maps=(ErrorMap("a", error, "DN"), ErrorMap("b", error, "°")))))
    bars = [i for i in page.named("img") if i["alt"] == "Colour scale of the error maps"]
    assert len(bars) == 2


def test_spectra_are_drawn_by_wavelength_in_the_colours_of_the_page():
    pytest.importorskip("matplotlib")
    curves = [("Reference", np.array([3.0, 1.0])), ("a", np.array([4.0, 1.0]))]
    values, differences = figures.spectrum_plots(["red", "$blue$"], [660, 485], curves, "DN")
    for plot in (values, differences):
        assert plot.svg.startswith("<svg viewBox=")
        assert "currentColor" in plot.svg
        assert plot.svg.index("$blue$") < plot.svg.index("red")
        assert "http" not in plot.svg
    assert differences.label == "Difference from Reference, DN"
    assert len(figures.spectrum_plots(["red", "blue"], None, curves[:1])) == 1
    again = figures.spectrum_plots(["red", "$blue$"], [660, 485], curves, "DN")
    assert again == [values, differences]


def test_many_curves_differ_in_colour_or_marker():
    styles = {figures.curve_style(i) for i in range(35)}
    assert len(styles) == 35


def test_drawing_leaves_matplotlib_as_it_was():
    pytest.importorskip("matplotlib")
    code = (
        "import sys, matplotlib, numpy as np\n"
        "matplotlib.rcParams['lines.linewidth'] = 7\n"
        "before = dict(matplotlib.rcParams)\n"
        "from ksdiff_engine.quality import figures\n"
        "figures.spectrum_plots(['a', 'b'], None, [('x', np.ones(2))])\n"
        "assert dict(matplotlib.rcParams) == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_without_matplotlib_the_tables_remain(monkeypatch):
    def refuse(name, *arguments, **keywords):
        if name.partition(".")[0] in ("matplotlib", "PIL"):
            raise ImportError(name)
        return original(name, *arguments, **keywords)

    original = builtins.__import__
    with_pictures = full_report()
    monkeypatch.setattr(builtins, "__import__", refuse)
    page = Page(render(with_pictures))
    assert page.named("img") == []
    assert page.best(1) == [0]
    assert any("need matplotlib" in text for text in page.texts)
    assert "matplotlib" not in render(report(table("sam", 1.0, 2.0)))


def test_file_is_complete_or_absent(tmp_path, monkeypatch):
    target = tmp_path / "größe & co.html"
    write(report(table("sam", 1.0)), str(target))
    assert target.read_text("utf-8") == render(report(table("sam", 1.0)))
    assert [path.name for path in tmp_path.iterdir()] == [target.name]

    def full(source, destination):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OutputError, match="No space left"):
        write(report(table("sam", 2.0)), str(target))
    assert "1.000" in target.read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(OutputError, match="nowhere"):
        write(report(), str(tmp_path / "nowhere" / "report.html"))


def scene_with_differences(*places: tuple[int, int, float]) -> list[np.ndarray]:
    image = np.random.default_rng(3).uniform(0, 100, (3, 120, 150))
    other = image.copy()
    for row, column, difference in places:
        other[:, row : row + 20, column : column + 20] += difference
    return [image, other]


def test_windows_where_images_differ_most_come_in_order():
    images = scene_with_differences((10, 20, 30.0), (70, 100, 60.0))
    first, second, *rest = most_different(images, 20, 5)
    assert first == (70, 100)
    assert second == (10, 20)
    assert rest == []


def test_windows_do_not_overlap():
    images = scene_with_differences((40, 40, 30.0), (50, 60, 60.0))
    images.append(images[0] + np.random.default_rng(4).normal(0, 1, images[0].shape))
    corners = most_different(images, 32, 6)
    assert len(corners) == 6
    for i, (row, column) in enumerate(corners):
        assert 0 <= row <= 120 - 32
        assert 0 <= column <= 150 - 32
        for other_row, other_column in corners[:i]:
            assert abs(row - other_row) >= 32 or abs(column - other_column) >= 32


def test_invalid_pixels_and_bad_single_ones_attract_nothing():
    images = scene_with_differences((10, 20, 30.0), (70, 100, 60.0))
    images[1][:, 5, 140] = 1e9
    valid = np.ones((120, 150), bool)
    valid[65:95, 95:125] = False
    assert most_different(images, 20, 1, valid) == [(10, 20)]
    images[1][:, 65:95, 95:125] = np.nan
    assert most_different(images, 20, 1) == [(10, 20)]


def test_places_of_equal_images_and_of_small_ones():
    images = scene_with_differences((40, 40, 30.0))
    assert most_different([images[0], images[0]], 20, 3) == []
    assert most_different(images, 20, 3, np.zeros((120, 150), bool)) == []
    assert most_different(images, 400, 3) == [(0, 0)]
    row, column = most_different([image[:, 40:50] for image in images], 20, 1)[0]
    assert (row, column) == (0, 40)
