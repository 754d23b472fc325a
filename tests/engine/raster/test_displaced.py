"""A displaced raster: exact by whole pixels, sharp in between, the same in whatever windows."""

from __future__ import annotations

import numpy as np
import pytest

from ksdiff_engine.raster.displaced import LOBES, DisplacedSource, kernel
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window

from ..conftest import write_geotiff

SIZE = 96  # pixels
WAVE = 8  # pixels; PAN's detail, half of Nyquist's frequency


def waves(x, y):
    """A ground at columns x and rows y, (1, H, W)."""
    across = np.cos(2 * np.pi * np.asarray(x, float) / WAVE)
    down = np.sin(2 * np.pi * np.asarray(y, float) / (1.3 * WAVE))
    return 1000 + 200 * (down[:, None] + across[None])[None]


@pytest.fixture
def source(tmp_path):
    image = waves(np.arange(SIZE), np.arange(SIZE))
    image[0, 40:50, 60:70] = -1
    path = write_geotiff(tmp_path / "pan.tif", image, data_type="Float32", nodata=-1)
    with RasterSource.open_pan(str(path)) as opened:
        yield opened


@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.0, -5.0), (-40.0, 2.0)])
def test_whole_pixels_are_moved_exactly(source, shift):
    moved = DisplacedSource(source, *shift)
    window = Window(4, 5, 30, 20)
    place = window.shifted(*(int(n) for n in shift)).shifted(moved.area.column, moved.area.row)
    image, valid = moved.read(window)
    expected, known = source.read(place)
    np.testing.assert_array_equal(image, expected)
    np.testing.assert_array_equal(valid, known)


@pytest.mark.parametrize("shift", [(0.5, 0.0), (0.3, -0.45), (-1.2, 1.4)])
def test_fractions_show_the_ground_in_between(source, shift):
    x, y = shift
    moved = DisplacedSource(source, x, y)
    image, valid = moved.read(Window(0, 0, SIZE, SIZE))
    truth = waves(np.arange(SIZE) + x, np.arange(SIZE) + y)
    far = np.s_[:, LOBES + 2 : 30, LOBES + 2 : -LOBES - 2]
    assert np.abs(image - truth)[far].max() < 2.5  # of 400 from crest to trough
    assert valid[far[1:]].all()


def test_shifts_of_up_to_a_pixel_and_a_half_leave_the_size(source):
    for shift in ((1.49, -1.49), (0.6, 0.2), (-1.0, 1.0)):
        moved = DisplacedSource(source, *shift)
        assert moved.grid == source.grid
        _, valid = moved.read(Window(0, 0, SIZE, SIZE))
        assert np.count_nonzero(~valid) in (90, 100, 110)  # the hole, rounded to whole pixels
    moved = DisplacedSource(source, 3.2, -2.6)
    assert (moved.grid.width, moved.grid.height) == (SIZE - 2, SIZE - 2)
    assert (moved.area.column, moved.area.row) == (0, 2)
    assert moved.grid.origin == pytest.approx(source.grid.to_map([[0, 2]])[0])


def test_holes_move_along_and_do_not_show(source):
    image, valid = DisplacedSource(source, 0.4, 1.3).read(Window(0, 0, SIZE, SIZE))
    expected = np.ones((SIZE, SIZE), bool)
    expected[39:49, 60:70] = False
    np.testing.assert_array_equal(valid, expected)
    assert image[0, ~valid].tolist() == [0.0] * 100
    assert 550 < image[0, valid].min() <= image[0, valid].max() < 1450


@pytest.mark.parametrize("window", [Window(55, 30, 25, 31), Window(-7, 80, 40, 30)])
def test_a_pixel_is_the_same_in_all_windows(source, window):
    moved = DisplacedSource(source, 0.4, -0.7)
    margin = 50
    whole, known = moved.read(Window(-margin, -margin, SIZE + 2 * margin, SIZE + 2 * margin))
    image, valid = moved.read(window)
    rows = slice(window.row + margin, window.row + margin + window.height)
    columns = slice(window.column + margin, window.column + margin + window.width)
    np.testing.assert_array_equal(image, whole[:, rows, columns])
    np.testing.assert_array_equal(valid, known[rows, columns])


def test_another_thread_reads_the_same(source):
    moved, window = DisplacedSource(source, 0.4, -1.7), Window(50, 30, 20, 20)
    with moved.reopen() as own:
        assert own.grid == moved.grid
        image, valid = own.read(window)
    expected, known = moved.read(window)
    np.testing.assert_array_equal(image, expected)
    np.testing.assert_array_equal(valid, known)
    with pytest.raises(NotImplementedError):
        moved.warped(moved.grid)


@pytest.mark.parametrize("fraction", [-0.5, -0.1, 0.0, 0.37, 0.5])
def test_the_kernel_keeps_even_ground_and_its_place(fraction):
    weights = kernel(fraction)
    assert weights.sum() == pytest.approx(1.0)
    assert weights @ np.arange(-LOBES, LOBES + 1) == pytest.approx(fraction, abs=0.03)
