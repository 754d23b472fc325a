import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksdiff_engine.raster.tiling import Window, tiles

SIZES = st.integers(1, 70)


@given(SIZES, SIZES, SIZES)
def test_tiles_cover_every_pixel_once(width, height, tile):
    count = np.zeros((height, width), dtype=int)
    for window in tiles(width, height, tile):
        assert window == window.clipped(width, height)
        assert 0 < window.width <= tile
        assert 0 < window.height <= tile
        rows = slice(window.row, window.row + window.height)
        count[rows, window.column : window.column + window.width] += 1
    assert (count == 1).all()


def test_tiles_go_row_by_row_on_multiples_of_the_tile():
    windows = list(tiles(500, 300, 256))
    assert windows == [
        Window(0, 0, 256, 256),
        Window(256, 0, 244, 256),
        Window(0, 256, 256, 44),
        Window(256, 256, 244, 44),
    ]


@pytest.mark.parametrize("tile", [0, -1])
def test_a_tile_needs_a_pixel(tile):
    with pytest.raises(ValueError, match="at least 1"):
        list(tiles(4, 4, tile))


def test_expanded_may_leave_the_grid_and_clipped_returns():
    window = Window(0, 2, 4, 3).expanded(5)
    assert window == Window(-5, -3, 14, 13)
    assert window.clipped(6, 6) == Window(0, 0, 6, 6)


@given(*[st.integers(-30, 30)] * 2, *[st.integers(0, 40)] * 2, SIZES, SIZES)
def test_clipped_keeps_exactly_the_pixels_inside(column, row, w, h, width, height):
    inside = Window(column, row, w, h).clipped(width, height)
    expected = {
        (x, y)
        for x in range(column, column + w)
        for y in range(row, row + h)
        if 0 <= x < width and 0 <= y < height
    }
    found = {
        (x, y)
        for x in range(inside.column, inside.column + inside.width)
        for y in range(inside.row, inside.row + inside.height)
    }
    assert found == expected


def test_a_window_cannot_be_negative():
    with pytest.raises(ValueError, match="-1"):
        Window(0, 0, -1, 4)
