"""The measure of seams sees steps at borders, and nothing where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.benchmark.seams import seams


def noise(height=256, width=320, bands=3):
    scale = np.array([1.0, 10.0, 100.0])[:bands, None, None]
    return np.random.default_rng(0).normal(size=(bands, height, width)) * scale


def test_no_seam_gives_one():
    for found in seams(noise(), 64, 4):
        assert found.ratio == pytest.approx(1, abs=0.05)
        assert found.chance == pytest.approx(1, abs=0.1)


def test_steps_at_borders_are_seen_where_they_are():
    """Columns of tiles that differ in level: vertical borders show, horizontal ones do not."""
    image = noise()
    level = np.arange(320) // 64 % 2 * 6.0
    columns, rows = seams(image + level * image.std(axis=(1, 2), keepdims=True), 64, 4)
    assert columns.ratio > 3
    assert columns.seen
    assert columns.chance < 1.2
    assert rows.ratio == pytest.approx(1, abs=0.05)
    turned, _ = seams((image + level).swapaxes(1, 2), 64, 4)
    assert turned.ratio == pytest.approx(1, abs=0.05)


def test_steps_beside_the_borders_are_not_blamed_on_them():
    image = noise() + (np.arange(320) + 20) // 64 % 2 * 600.0
    columns, _ = seams(image, 64, 4)
    assert columns.ratio < 1
    assert not columns.seen


def test_the_pattern_of_ms_pixels_is_not_a_seam():
    """A level for each MS pixel: every fourth line has a step, borders are among them."""
    blocks = np.random.default_rng(1).normal(size=(2, 64, 80)).repeat(4, 1).repeat(4, 2)
    image = blocks + 0.1 * noise(bands=1)
    for found in seams(image, 64, 4):
        assert found.ratio == pytest.approx(1, abs=0.15)
    assert seams(image, 64, 1)[0].ratio > 3


def test_a_scene_within_one_cell_has_no_borders():
    assert seams(noise(), 256, 4) is None
    with pytest.raises(ValueError, match="cannot be told"):
        seams(noise(), 4, 4)
