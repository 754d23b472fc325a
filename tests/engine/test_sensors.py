"""Sensor profiles hold the published figures, and say so where there are none."""

from __future__ import annotations

import json

import pytest

from ksdiff_engine import sensors
from ksdiff_engine.errors import InputError
from ksdiff_engine.sensors import (
    DEFAULT,
    detect_sensor,
    gains_for,
    get_profile,
    load_profiles,
    natural_colour,
)

# DLPan-Toolbox genMTF.m and MTF_PAN.m; Sentinel-2: fr-pansh-eval-tool genMTF.m.
PUBLISHED = {
    "quickbird": ((0.34, 0.32, 0.30, 0.22), 0.15),
    "ikonos": ((0.26, 0.28, 0.29, 0.28), 0.17),
    "geoeye-1": ((0.23,) * 4, 0.16),
    "worldview-2": ((*(0.35,) * 7, 0.27), 0.11),
    "worldview-3": ((0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315), 0.14),
    "worldview-4": ((0.23,) * 4, 0.16),
    "sentinel-2-10m": ((0.275, 0.28, 0.25, 0.24), 0.15),
    "sentinel-2-20m": ((0.365, 0.33, 0.34, 0.32, 0.205, 0.235), 0.15),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_gains(name):
    profile = get_profile(name)
    ms_gains, pan_gain = PUBLISHED[name]
    assert profile.gains_published
    assert gains_for(profile, len(ms_gains)) == ms_gains
    assert profile.pan_gain == pan_gain


def test_no_other_gains_are_claimed():
    for name, profile in load_profiles().items():
        if name not in PUBLISHED:
            assert not profile.gains_published
            assert {band.gain for band in profile.ms_bands} <= {0.3}
            assert profile.pan_gain == 0.15
            assert "default" in profile.source.lower() or profile is DEFAULT


def test_profiles_are_plausible():
    profiles = load_profiles()
    assert next(iter(profiles)) == "default"
    assert len(profiles) >= 19
    for profile in list(profiles.values())[1:]:
        assert "Bands: " in profile.source
        assert all(400 < band.wavelength < 2500 for band in profile.ms_bands)
        assert len({band.name for band in profile.ms_bands}) == len(profile.ms_bands)
        assert profile.ratio in (None, 2, 4)


def test_other_band_counts_fall_back_to_the_default_gain():
    assert gains_for(get_profile("worldview-3"), 4) == (0.3,) * 4
    assert gains_for(DEFAULT, 3) == (0.3,) * 3


@pytest.mark.parametrize(
    ("name", "bands", "expected"),
    [
        ("landsat-8-9", 7, (4, 3, 2)),
        ("pleiades-neo", 6, (1, 2, 3)),
        ("landsat-8-9", 6, ()),
        ("sentinel-2-20m", 6, ()),
        ("default", 3, ()),
    ],
)
def test_natural_colour_is_told_or_not(name, bands, expected):
    assert natural_colour(get_profile(name), bands) == expected


def test_names_ignore_case_and_punctuation():
    assert get_profile("WorldView 3").name == "worldview-3"
    with pytest.raises(InputError, match="seasat"):
        get_profile("seasat")


@pytest.mark.parametrize(
    ("hint", "name"),
    [
        ("LC08_L1TP_195025_20130707_20170503_01_T1_B8.TIF", "landsat-8-9"),
        ("LC09_L1TP_200030", "landsat-8-9"),
        ("LE07_L1TP_092086", "landsat-7"),
        ("WV03", "worldview-3"),
        ("16OCT18_10400100237F2B00_P001_MUL.tif", "worldview-3"),
        ("quickbird_toulouse_ortho", "quickbird"),
        ("GF2_PMS1_E113.9_N22.5-MSS1.tiff", "gaofen-2"),
        ("IMG_PHR1A_MS_201202250025599.TIF", "pleiades"),
        ("IMG_SPOT6_P_201305", "spot-6-7"),
        ("DIM_PNEO3_202201010000000_MS-FS_ORT_1.XML", "pleiades-neo"),
        ("Pléiades Neo 4", "pleiades-neo"),
        ("PHR 1B", "pleiades"),
        ("LG02", "worldview-legion"),
        ("WorldView-Legion-3", "worldview-legion"),
        ("K3A_20190101051234_12345_00071234_L1G_M.tif", "kompsat-3"),
        ("KOMPSAT-3", "kompsat-3"),
        ("20200101_101010_ssc4d1_0001_analytic.tif", "skysat"),
        ("LANDSAT_9", "landsat-8-9"),
        ("T31TCJ_20200101T105441_B02_10m.jp2", "sentinel-2-10m"),
        ("T31TCJ_20200101T105441_B05_20m.jp2", "sentinel-2-20m"),
        ("ms.tif", "default"),
        ("policy_2020_wave", "default"),
    ],
)
def test_detection(hint, name):
    assert detect_sensor(["", hint]).name == name


def test_detection_takes_the_majority_and_refuses_a_tie():
    assert detect_sensor(["WV02", "QB02", "wv2_ms.tif"]).name == "worldview-2"
    assert detect_sensor(["WV02", "QB02"]) is DEFAULT


BAND = {"name": "green", "range": [500, 600]}


@pytest.mark.parametrize(
    "data",
    [
        {"name": "bad"},
        {"name": "bad", "bands": [{"name": "green"}]},
        {"name": "bad", "bands": [{"name": "green", "range": [600, 500]}]},
        {"name": "bad", "bands": [{"name": "green", "range": [0.5, 0.6]}]},
        {"name": "bad", "bands": [{**BAND, "gain": 30}]},
        {"name": "bad", "bands": [{**BAND, "gain": "0.3"}]},
        [],
    ],
)
def test_a_damaged_profile_is_named(tmp_path, data):
    (tmp_path / "bad.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"bad\.json"):
        sensors.load_profiles(tmp_path)
    with pytest.raises(InputError, match=r"bad\.json"):
        get_profile(str(tmp_path / "bad.json"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("LC08_L1TP_195025_20130707_20170503_01_T1_B10.TIF", "thermal"),
        ("/data/LC08_L1TP_195025_20130707_20170503_01_T1_b9.tif", "cirrus"),
        ("LC09_L1TP_195025_20130707_20170503_02_T1_B8", "panchromatic"),
        ("LC09_L1TP_195025_20130707_20170503_02_T1_QA_PIXEL", "quality"),
        ("LC81950252013188LGN01_BQA.TIF", "quality"),
        ("LE07_L1TP_195025_20000707_20170503_02_T1_B6_VCID_1.TIF", "thermal"),
        ("LE07_L1TP_195025_20000707_20170503_02_T1_B5.TIF", ""),
        ("LC08_L1TP_195025_20130707_20170503_01_T1_B1.TIF", ""),
        ("LC08_stack.tif", ""),
        ("scene_B10.tif", ""),
    ],
)
def test_files_of_a_product_that_are_no_band(name, content):
    found = sensors.other_file(name)
    assert content in found
    assert bool(found) == bool(content)


def test_resources_folder_can_be_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("KSDIFF_RESOURCES", str(tmp_path))
    assert list(load_profiles()) == ["default"]
