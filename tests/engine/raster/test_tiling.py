import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksdiff_engine.raster.tiling import Window, even_tiles, tiles

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


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 9), st.integers(1, 9))
def test_even_tiles_cover_every_pixel_once_and_differ_by_two_blocks_at_most(
    width, height, columns, rows
):
    block = 8
    count = np.zeros((height, width), dtype=int)
    windows = list(even_tiles(width, height, (columns * block, rows * block), block))
    for window in windows:
        assert 0 < window.width <= columns * block
        assert 0 < window.height <= rows * block
        assert window.column % block == window.row % block == 0
        count[
            window.row : window.row + window.height,
            window.column : window.column + window.width,
        ] += 1
    assert (count == 1).all()
    for sizes in ({w.width for w in windows}, {w.height for w in windows}):
        assert max(sizes) - min(sizes) < 2 * block


def test_wide_tiles_leave_no_narrow_column():
    """Of 64 megapixels the last of six had 320 pixels, and was done in a fifth of the time."""
    windows = list(even_tiles(8000, 8000, (1536, 1024)))
    assert {w.width for w in windows} == {1280, 1344, 1536}
    assert len(windows) == 6 * 8


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
