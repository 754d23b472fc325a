"""The card as people read it: every statement of it is there, in words."""

from __future__ import annotations

from ksdiff_engine.card_text import card_text, sensor_bands
from ksdiff_engine.sensors import DEFAULT, get_profile
from ksdiff_engine.weights import CatalogueEntry

CARD = {
    "format": 1,
    "name": "x4",
    "title": "Four bands",
    "description": "For tests.",
    "architecture": {"class": "KSDiff", "channels": [8, 16]},
    "bands": ["blue", "green", "red", "nir"],
    "ratio": [2, 4],
    "normalisation": "scene mean",
    "sensors": ["GeoEye-1", "Unheard-of"],
    "training": {
        "data": [{"files": "a and b", "source": "An agency", "licence": "CC BY 4.0"}],
        "steps": {"stage1": 4500, "stage2": 1500},
        "seconds": {"stage1": 1200, "stage2": 90},
        "seed": 3,
        "git_commit": "abc",
    },
    "metrics": [
        {"scene": "s", "ratio": 4, "method": "exp", "SAM": 2.5, "Q2n": 0.81},
        {"scene": "longer name", "ratio": 4, "method": "x4", "SAM": 1.25, "Q2n": 0.93},
    ],
    "limits": "Water was not seen.",
    "tensors_sha256": "0f" * 32,
}


def sections(card):
    """The text's paragraphs by their headings."""
    parts = card_text(CatalogueEntry("/w/x4.safetensors", card)).split("\n\n")
    assert parts[0] == "Four bands (x4)\nFor tests."
    return dict(part.split(":\n", 1) for part in parts[1:])


def test_all_of_the_card_is_told():
    told = sections(CARD)
    assert told["Made for"] == "4 bands, ratios 2 to 4\nin this order: blue, green, red, nir"
    assert told["Limits"] == "Water was not seen."
    assert told["Data and licences"] == "a and b, An agency; licence: CC BY 4.0"
    assert told["Training"].splitlines() == [
        "stage1: 4500 steps, 20 minutes",
        "stage2: 1500 steps, 2 minutes",
        "seed: 3, git commit: abc",
    ]
    assert told["Figures on test scenes"].splitlines() == [
        "scene        ratio  method  SAM     Q2n",
        "s            4      exp     2.5000  0.8100",
        "longer name  4      x4      1.2500  0.9300",
    ]
    assert told["Network"] == "class: KSDiff, channels: [8, 16]\ninputs: scene mean"
    assert told["File"] == f"/w/x4.safetensors\nSHA-256 of the tensors: {'0f' * 32}"


def test_sensors_come_with_their_wavelengths():
    bands = sensor_bands(get_profile("geoeye-1"))
    listed = ", ".join(f"{name} {low:g}–{high:g} nm" for name, low, high in bands)
    assert len(bands) == 4
    told = sections(CARD)["Sensors seen in training"]
    assert told == f"GeoEye-1: {listed}\nUnheard-of"
    own = {**CARD, "wavelengths": {"Unheard-of": [["violet", 400.0, 420.5]]}}
    told = sections(own)["Sensors seen in training"]
    assert told.endswith("\nUnheard-of: violet 400–420.5 nm")
    assert sensor_bands(DEFAULT) == []


def test_cards_that_say_little_are_shown_too():
    bare = {"bands": "any", "sensors": [], "metrics": {}, "limits": ["one", "two"], "training": {}}
    told = sections({**CARD, **bare, "adapted": {"derived_from": "x2"}})
    assert told["Made for"] == "any number of bands, ratios 2 to 4"
    assert told["Sensors seen in training"] == "nothing is said"
    assert told["Figures on test scenes"] == "nothing is said"
    assert told["Training"] == "nothing is said"
    assert told["Limits"] == "one\ntwo"
    assert told["Adapted to one scene"] == "derived from: x2"
