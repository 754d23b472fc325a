"""Which layers belong together: names, geometry, several scenes."""

from __future__ import annotations

import pytest

from ksdiff_qgis.pairing import Pair, Raster, pair_up
from ksdiff_qgis.roles import Role, band_order, content_beside_bands, kinship, role, scene_name

LANDSAT = "LC08_L1TP_200030_20200706"


def raster(key, pixel, bands=1, *, name="", east=0.0, size=9600.0, located=True):
    """A square raster whose key is its name unless another is given."""
    return Raster(
        key=key,
        names=(name or key, name or key),
        bands=bands,
        pixel=pixel,
        extent=(east, 0.0, east + size, size),
        located=located,
    )


def landsat(scene=LANDSAT, east=0.0):
    bands = [raster(f"{scene}_B{number}", 30.0, east=east) for number in (10, 2, 4, 3)]
    return [*bands, raster(f"{scene}_B8", 15.0, east=east), raster(f"{scene}_QA_PIXEL", 30.0)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scene_PAN", Role.PAN),
        ("pan", Role.PAN),
        ("Panchromatic (OLI 8)", Role.PAN),
        (f"{LANDSAT}_B8", Role.PAN),
        ("LE07_Band 8", Role.PAN),
        ("12JUL05-P2AS-0527_01_P001", Role.PAN),
        ("IMG_PHR1A_P_201201_SEN", Role.PAN),
        ("GF2_PMS1_E1_L1A0001-PAN1", Role.PAN),
        ("scene_MS", Role.MS),
        ("12JUL05-M2AS-0527_01_P001", Role.MS),
        ("IMG_PHR1A_MS_201201_SEN", Role.MS),
        ("GF2_PMS1_E1_L1A0001-MSS1", Role.MS),
        (f"{LANDSAT}_B4", Role.BAND),
        ("T31TCJ_20200101T105441_B08_10m", Role.BAND),
        ("T31TCJ_20200101T105441_B8A_20m", Role.BAND),
        ("near infrared band 5", Role.BAND),
        ("red", Role.BAND),
        ("ms pansharpened", Role.RESULT),
        ("scene_pan-sharpened", Role.RESULT),
        ("Panama", None),
        ("Japan", None),
        ("dem", None),
        (f"{LANDSAT}_QA_PIXEL", None),
    ],
)
def test_role_by_name(name, expected):
    assert role(name) is expected


def test_the_first_telling_name_decides():
    assert role("my image", "scene_PAN") is Role.PAN
    assert role("colour MS", "scene_PAN") is Role.MS


def test_names_of_a_scene():
    assert scene_name(f"{LANDSAT}_B4") == scene_name(f"{LANDSAT}_B8") == LANDSAT.lower()
    assert kinship("a_2020_PAN", "a_2020_MS") == 1.0
    assert kinship("a_2020_PAN", "a_2021_MS") == 0.5
    assert kinship("pan", "ms") == 0.0


def test_band_files_are_sorted_by_number_or_wavelength():
    numbered = ["x_B10", "x_B2", "x_B4", "x_B3"]
    assert sorted(numbered, key=band_order) == ["x_B2", "x_B3", "x_B4", "x_B10"]
    coloured = ["nir", "red", "blue", "green"]
    assert sorted(coloured, key=band_order) == ["blue", "green", "red", "nir"]


def test_the_two_selected_are_told_apart_whatever_their_order_and_names():
    sharp, coarse = raster("a", 15.0), raster("b", 30.0, 4)
    assert pair_up([sharp, coarse]) == pair_up([coarse, sharp]) == (Pair("a", ("b",)),)


def test_two_single_bands_are_told_apart_by_their_pixels():
    assert pair_up([raster("a", 30.0), raster("b", 15.0)]) == (Pair("b", ("a",)),)


def test_ms_may_lie_on_the_grid_of_pan():
    assert pair_up([raster("a", 15.0), raster("b", 15.0, 4)]) == (Pair("a", ("b",)),)


@pytest.mark.parametrize(
    "selected",
    [
        [],
        [raster("pan", 15.0)],
        [raster("pan", 30.0), raster("ms", 15.0, 4)],
        [raster("pan", 15.0), raster("ms", 30.0, 4, east=9600.0)],
        [raster("pan", 15.0), raster("ms", 30.0, 4, located=False)],
        [raster("pan", 15.0), raster("ms", 900.0, 4)],
        [raster("pan", 15.0, 3), raster("ms", 30.0, 4)],
        [raster("B2", 10.0), raster("B3", 10.0), raster("B8", 10.0)],
        [raster("pan", 15.0), raster("ms pansharpened", 15.0, 4)],
    ],
    ids=[
        *("nothing", "alone", "PAN coarser", "apart", "CRS on one side", "too coarse"),
        *("PAN with bands", "bands of one grid", "a result"),
    ],
)
def test_what_is_no_pair(selected):
    assert pair_up(selected) == ()


def test_two_scenes_on_the_same_ground_are_told_apart_by_name():
    layers = [
        *(raster("2020_MS", 8.0, 4), raster("2021_MS", 8.0, 4)),
        *(raster("2021_PAN", 2.0), raster("2020_PAN", 2.0)),
    ]
    assert pair_up(layers) == (Pair("2020_PAN", ("2020_MS",)), Pair("2021_PAN", ("2021_MS",)))


def test_two_neighbouring_scenes_are_told_apart_by_their_ground():
    layers = [
        *(raster("p1", 2.0), raster("p2", 2.0, east=9000.0)),
        *(raster("m2", 8.0, 4, east=9000.0), raster("m1", 8.0, 4)),
    ]
    assert pair_up(layers) == (Pair("p1", ("m1",)), Pair("p2", ("m2",)))


def test_one_pan_serves_several_ms():
    layers = [raster("pan", 0.3), raster("vnir", 1.2, 8), raster("swir_ms", 3.6, 8)]
    assert pair_up(layers) == (Pair("pan", ("vnir",)), Pair("pan", ("swir_ms",)))


def test_several_pans_lie_over_one_ms():
    tiles = [raster("pan1", 0.5, size=5000.0), raster("pan2", 0.5, size=4600.0, east=5000.0)]
    layers = [*tiles, raster("ms", 2.0, 4)]
    assert pair_up(layers) == (Pair("pan1", ("ms",)), Pair("pan2", ("ms",)))


def test_band_files_are_stacked_by_scene():
    other = "LC08_L1TP_201030_20200713"
    selected = [*landsat(), *landsat(other, east=9000.0)]
    assert pair_up(selected) == tuple(
        Pair(f"{scene}_B8", tuple(f"{scene}_B{number}" for number in (2, 3, 4)))
        for scene in (LANDSAT, other)
    )


def whole_product():
    """All files of a Landsat 8 product, as a file dialog lists them."""
    endings = sorted([*(f"B{n}" for n in range(1, 12)), "QA_PIXEL", "QA_RADSAT", "SAA", "VZA"])
    return [raster(f"{LANDSAT}_{end}", 15.0 if end == "B8" else 30.0) for end in endings]


def test_of_a_whole_product_the_multispectral_bands_are_taken():
    """Cirrus and thermal bands, flags and angles stay out, whatever else the project holds."""
    expected = Pair(f"{LANDSAT}_B8", tuple(f"{LANDSAT}_B{number}" for number in range(1, 8)))
    assert pair_up(whole_product()) == (expected,)
    assert pair_up(whole_product(), [raster("other_PAN", 15.0)]) == (expected,)
    pan = [layer for layer in whole_product() if layer.key.endswith("B8")]
    others = [layer for layer in whole_product() if layer.key != pan[0].key]
    assert pair_up(pan, others) == (expected,)


def test_a_selected_thermal_band_is_wanted():
    pan_and_thermal = [x for x in whole_product() if x.key.endswith(("B8", "B10"))]
    assert pair_up(pan_and_thermal) == (Pair(f"{LANDSAT}_B8", (f"{LANDSAT}_B10",)),)


def test_what_a_product_delivers_beside_its_bands():
    assert content_beside_bands("Band 10", f"{LANDSAT}_B10").startswith("thermal")
    assert content_beside_bands(f"{LANDSAT}_B8") == content_beside_bands(f"{LANDSAT}_B4") == ""


def test_a_bystander_is_left_out():
    project = [raster("pan", 15.0), raster("ms", 30.0, 4), raster("dem", 25.0)]
    assert pair_up(project) == (Pair("pan", ("ms",)),)


@pytest.mark.parametrize("chosen", ["2020_PAN", "2020_MS"])
def test_one_selected_finds_its_partner_in_the_project(chosen):
    project = [
        *(raster("2021_PAN", 2.0), raster("2020_PAN", 2.0), raster("dem", 25.0)),
        *(raster("2021_MS", 8.0, 4), raster("2020_MS", 8.0, 4), raster("basemap", 900.0, 3)),
        raster("2020_MS pansharpened", 2.0, 4),
    ]
    selected = [layer for layer in project if layer.key == chosen]
    others = [layer for layer in project if layer.key != chosen]
    assert pair_up(selected, others) == (Pair("2020_PAN", ("2020_MS",)),)


def test_a_pan_finds_its_band_files_and_nothing_else():
    project = landsat()
    pan = [layer for layer in project if layer.key.endswith("B8")]
    others = [layer for layer in project if layer not in pan]
    expected = tuple(f"{LANDSAT}_B{number}" for number in (2, 3, 4))
    assert pair_up(pan, others) == (Pair(f"{LANDSAT}_B8", expected),)


def test_selected_bands_are_stacked_and_the_others_stay_out():
    project = landsat()
    red_and_green = [layer for layer in project if layer.key.endswith(("B3", "B4"))]
    others = [layer for layer in project if layer not in red_and_green]
    expected = (f"{LANDSAT}_B3", f"{LANDSAT}_B4")
    assert pair_up(red_and_green, others) == (Pair(f"{LANDSAT}_B8", expected),)


def test_every_selected_ms_finds_its_own_partner():
    project = [
        *(raster("2020_MS", 8.0, 4), raster("2021_MS", 8.0, 4)),
        *(raster("2021_PAN", 2.0), raster("2020_PAN", 2.0)),
    ]
    expected = (Pair("2020_PAN", ("2020_MS",)), Pair("2021_PAN", ("2021_MS",)))
    assert pair_up(project[:2], project[2:]) == expected


def test_a_single_band_in_the_project_is_no_ms_unless_its_name_says_so():
    pan, dem, red = raster("pan", 15.0), raster("dem", 30.0), raster("red", 30.0)
    assert pair_up([pan], [dem]) == ()
    assert pair_up([pan], [dem, red]) == (Pair("pan", ("red",)),)


def test_rasters_without_crs_are_paired_with_each_other():
    bare = raster("ms", 30.0, 4, located=False)
    assert pair_up([raster("pan", 15.0, located=False), bare]) == (Pair("pan", ("ms",)),)
