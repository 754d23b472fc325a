"""The measure of seams sees steps at borders and nothing else, and the tables of the scopes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts.benchmark.scenes import write_quality_scene, write_raster
from scripts.benchmark.seams import seams

SCRIPTS = Path(__file__).parents[2] / "scripts"


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
    assert seams(noise(300, 300), 160, 4) is None  # its second cell is joined to the first
    assert seams(np.zeros((2, 256, 256)), 64, 4) is None
    with pytest.raises(ValueError, match="cannot be told"):
        seams(noise(), 4, 4)


def test_the_tables_tell_a_hard_edge_from_none(tmp_path, monkeypatch):
    """Results made up: smooth in all variants but the last, whose cells differ in level."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import bench_scopes

    rng = np.random.default_rng(0)
    ms = rng.uniform(200, 1800, (3, 256, 256))
    pan = ms.mean(0, keepdims=True).repeat(2, 1).repeat(2, 2) + rng.normal(0, 50, (1, 512, 512))
    np.savez(tmp_path / "made_up.npz", ms=ms, pan=np.rint(pan), ratio=2, sensor="GeoEye-1")
    scene = write_quality_scene(tmp_path / "made_up.npz", tmp_path)

    class MadeUp(bench_scopes.Fusion):
        def __call__(self, pair, tile=0, workers=0):
            image = np.rint(bench_scopes.read(pair.pan)[None]) * np.ones((3, 1, 1)) + (tile == 64)
            if self.variant.blend == 1:
                image += 100.0 * (np.arange(image.shape[2]) // self.variant.border % 2)
            if self.variant.cell < 512:
                image += rng.normal(size=image.shape)
            path = str(tmp_path / "fused.tif")
            write_raster(path, image.astype(np.float32), 1.0)
            return path, 2.0

    options = type(
        "Options",
        (),
        {"workers": 0, "tiles": "64", "reduced": False, "weights": "auto", "threads": 1},
    )
    rows, first = [], None
    for variant in bench_scopes.VARIANTS:
        row, results = bench_scopes.rate(MadeUp(variant, options, tmp_path), scene, first)
        first = first or results
        rows.append(row)
    once, tile, cells, apart = bench_scopes.summarised(rows)
    assert (once["whole"], once["steps"], tile["seams"], cells["whole"]) == (1.0, [], [], None)
    assert 0 < once["relative"] < 0.01
    assert apart["steps"][0].ratio > 50
    assert apart["steps"][0].seen
    assert cells["steps"][0].ratio == pytest.approx(1, abs=0.1)
    assert apart["ergas lost"] == apart["ergas"] - once["ergas"]
    assert cells["apart"] > 0
    assert once["apart"] is None
    fuses = [MadeUp(variant, options, tmp_path) for variant in bench_scopes.VARIANTS[:2]]
    times = bench_scopes.in_turns("made up", fuses, scene.full, rounds=3)
    assert (times["wall"], times["tile wall"], times["cells"]) == (1.0, 2.0, 1)
    assert times["scene cpu"] > 0
    assert bench_scopes.line(bench_scopes.TIMES, times).startswith(
        "| made up | 0.8 | 1 | 2.00 | 2.00 | 1.00 |"
    )
    for columns in (bench_scopes.MEANS, bench_scopes.WORST):
        head, rule = bench_scopes.heading(columns).splitlines()
        text = bench_scopes.line(columns, apart)
        assert head.count("|") == rule.count("|") == text.count("|")
    assert "| – |" in bench_scopes.line(bench_scopes.COLUMNS, rows[1])
