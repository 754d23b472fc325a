"""Sensor profiles hold the published figures, and say so where there are none."""

from __future__ import annotations

import json

import pytest

from ksdiff_engine import sensors
from ksdiff_engine.errors import InputError
from ksdiff_engine.sensors import DEFAULT, detect_sensor, gains_for, get_profile, load_profiles

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
    assert len(profiles) >= 15
    for profile in list(profiles.values())[1:]:
        assert all(400 < band.wavelength < 2500 for band in profile.ms_bands)
        assert len({band.name for band in profile.ms_bands}) == len(profile.ms_bands)
        assert profile.ratio in (None, 2, 4)


def test_other_band_counts_fall_back_to_the_default_gain():
    assert gains_for(get_profile("worldview-3"), 4) == (0.3,) * 4
    assert gains_for(DEFAULT, 3) == (0.3,) * 3


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


def test_a_damaged_profile_is_named(tmp_path):
    (tmp_path / "bad.json").write_text(json.dumps({"name": "bad"}))
    with pytest.raises(InputError, match=r"bad\.json"):
        sensors.load_profiles(tmp_path)


def test_resources_folder_can_be_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("KSDIFF_RESOURCES", str(tmp_path))
    assert list(load_profiles()) == ["default"]
