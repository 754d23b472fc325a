"""Scenes mirrored at their edges: numpy's own padding, whatever tile is taken."""

from __future__ import annotations

import numpy as np
import pytest

from ksdiff_engine.mirroring import mirror
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window, tiles
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensors import DEFAULT

IMAGES = ("pan", "pan_low", "ms_up")


def open_scene(pan, ms):
    return Scene(align(RasterSource.open_pan(pan), RasterSource.open_ms([ms])), DEFAULT)


@pytest.mark.parametrize("halo", [8, 20, 100])  # the scene has 32 x 48 pixels
@pytest.mark.parametrize("edge", [7, 16, 64])
def test_every_tile_is_a_part_of_the_mirrored_scene(pair_files, halo, edge):
    scene = open_scene(*pair_files(size=(8, 12), bands=2))
    everything = Window(0, 0, scene.width, scene.height)
    assert scene.pair.common == everything
    whole = scene.tile(everything)
    for window in tiles(scene.width, scene.height, edge):
        seen, valid = scene.tile(window, halo), scene.tile(window, halo).valid
        assert mirror(seen, scene.pair.common) is seen
        rows = slice(window.row, window.row + window.height + 2 * halo)
        columns = slice(window.column, window.column + window.width + 2 * halo)
        for name in IMAGES:
            image = getattr(whole, name)
            margins = [(0, 0)] * (image.ndim - 2) + [(halo, halo)] * 2
            expected = np.pad(image, margins, mode="symmetric")[..., rows, columns]
            np.testing.assert_allclose(getattr(seen, name), expected, rtol=1e-5)
        np.testing.assert_array_equal(seen.valid, valid)  # nothing was seen there


def test_a_tile_inside_is_left_alone(pair_files):
    scene = open_scene(*pair_files(size=(12, 12), bands=1))
    window = Window(16, 16, 16, 16)
    seen = mirror(scene.tile(window, 8), scene.pair.common)
    for name in IMAGES:
        np.testing.assert_array_equal(getattr(seen, name), getattr(scene.tile(window, 8), name))


def test_twice_is_once(pair_files):
    scene = open_scene(*pair_files(size=(4, 6), bands=2))
    once, twice = (scene.tile(Window(0, 0, 24, 16), 40) for _ in range(2))
    for _ in range(2):
        mirror(twice, scene.pair.common)
    np.testing.assert_array_equal(twice.ms_up, mirror(once, scene.pair.common).ms_up)


def test_a_part_of_a_scene_is_seen_amid_the_rest(pair_files):
    """What was cut off is known ground: only the rasters' own edges are mirrored."""
    whole = open_scene(*pair_files(size=(12, 12), bands=1)).pair
    part = Scene(whole.cut(Window(0, 12, 24, 20)), DEFAULT)
    assert part.pair.common == Window(0, -12, 48, 48)
    tile = part.tile(Window(0, 0, 24, 20), 12)
    seen = mirror(part.tile(Window(0, 0, 24, 20), 12), part.pair.common)
    np.testing.assert_array_equal(seen.pan[:, 12:], tile.pan[:, 12:])  # above, below and right
    np.testing.assert_array_equal(seen.pan[:, :12], tile.pan[:, 23:11:-1])
