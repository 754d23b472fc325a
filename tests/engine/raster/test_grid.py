import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ksdiff_engine.raster.grid import Grid
from ksdiff_engine.raster.tiling import Window

STEPS = st.floats(0.01, 1000.0)
ORIGINS = st.floats(-1e7, 1e7)


@given(ORIGINS, ORIGINS, STEPS, STEPS, st.floats(-3.1, 3.1))
def test_map_and_pixels_are_inverse(x, y, dx, dy, angle):
    c, s = np.cos(angle), np.sin(angle)
    grid = Grid(40, 30, (x, dx * c, dy * s, y, dx * s, -dy * c))
    pixels = np.array([[0.0, 0.0], [12.5, 3.25], [40.0, 30.0]])
    again = grid.to_pixels(grid.to_map(pixels))
    assert np.abs(again - pixels).max() < 1e-6 + 1e-8 * max(abs(x), abs(y)) / min(dx, dy)
    assert np.allclose(grid.pixel_size, (dx, dy))


@given(ORIGINS, ORIGINS, STEPS, STEPS, st.integers(-50, 50), st.integers(-50, 50))
def test_cut_moves_the_origin_by_whole_pixels(x, y, dx, dy, column, row):
    grid = Grid(40, 30, (x, dx, 0.0, y, 0.0, -dy), "crs")
    cut = grid.cut(Window(column, row, 7, 5))
    assert (cut.width, cut.height, cut.crs) == (7, 5, "crs")
    assert cut.geotransform[1:3] == grid.geotransform[1:3]
    assert cut.geotransform[0] == x + column * dx
    assert cut.geotransform[3] == y - row * dy


def test_cut_without_a_geotransform_makes_none_up():
    assert not Grid(40, 30).cut(Window(3, 4, 5, 6)).has_geotransform


def test_extent_and_orientation():
    north_up = Grid(10, 20, (100.0, 2.0, 0.0, 50.0, 0.0, -1.0))
    south_up = Grid(10, 20, (100.0, 2.0, 0.0, 30.0, 0.0, 1.0))
    assert north_up.extent() == south_up.extent() == (100.0, 30.0, 120.0, 50.0)
    assert north_up.is_north_up
    assert not south_up.is_north_up
    assert north_up.describe_extent() == "x 100.000 to 120.000, y 30.000 to 50.000"


def test_offset_counts_pixels_of_the_other_grid():
    grid = Grid(10, 10, (0.0, 30.0, 0.0, 0.0, 0.0, -30.0))
    moved = Grid(10, 10, (15.0, 30.0, 0.0, 0.0, 0.0, -30.0))
    assert moved.offset_from(grid) == 0.5
