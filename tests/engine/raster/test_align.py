import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from osgeo import gdal, osr
from scipy.ndimage import binary_erosion

from ksdiff_engine.errors import InputError
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.grid import Grid
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window

X, Y = 500000.0, 4600000.0


def north_up(size, x=X, y=Y):
    return (x, size, 0.0, y, 0.0, -size)


def open_pair(make_raster, pan, ms):
    """Open PAN and MS from the keyword arguments of make_raster."""
    pan_path = make_raster("pan.tif", **pan)
    return RasterSource.open_pan(pan_path), RasterSource.open_ms([make_raster("ms.tif", **ms)])


def plain(height, width, bands=1):
    return np.ones((bands, height, width), dtype=np.uint16)


def stub(grid, name="image"):
    return SimpleNamespace(grid=grid, name=name, messages=(), georeference_note="")


def read_all(source):
    return source.read(Window(0, 0, source.grid.width, source.grid.height))


def test_images_that_match_are_taken_whole(make_raster):
    pan, ms = open_pair(
        make_raster,
        {"array": plain(40, 60), "geotransform": north_up(0.5)},
        {"array": plain(10, 15, 4), "geotransform": north_up(2.0)},
    )
    pair = align(pan, ms)
    assert pair.ms is ms
    assert pair.grid == pan.grid
    assert (pair.ratio_x, pair.ratio_y, pair.ratio) == (4.0, 4.0, 4.0)
    assert (pair.ms_x, pair.ms_y, pair.pan_column, pair.pan_row) == (0.0, 0.0, 0, 0)
    assert pair.messages == ()


def test_ms_on_the_pan_grid_has_ratio_one(make_raster):
    pan, ms = open_pair(
        make_raster,
        {"array": plain(20, 20), "geotransform": north_up(0.6)},
        {"array": plain(20, 20, 4), "geotransform": north_up(0.6)},
    )
    assert align(pan, ms).ratio == 1.0


def test_partial_overlap_is_cut_on_pan_pixels(make_raster):
    pan, ms = open_pair(
        make_raster,
        {"array": plain(40, 60), "geotransform": north_up(15.0)},
        {"array": plain(50, 50, 4), "geotransform": north_up(30.0, X + 100.0, Y - 70.0)},
    )
    pair = align(pan, ms)
    # MS begins 6.67 columns and 4.67 rows into PAN; centres inside begin at 7 and 5.
    assert (pair.pan_column, pair.pan_row) == (7, 5)
    assert (pair.grid.width, pair.grid.height) == (53, 35)
    assert pair.grid.geotransform == (X + 7 * 15.0, 15.0, 0.0, Y - 5 * 15.0, 0.0, -15.0)
    assert pair.ms_x == pytest.approx((7 * 15.0 - 100.0) / 30.0)
    assert pair.ms_y == pytest.approx((5 * 15.0 - 70.0) / 30.0)
    assert "53 × 35 of the 60 × 40" in pair.messages[0]


@given(
    st.integers(2, 80),
    st.integers(2, 80),
    st.floats(1.0, 8.0),
    st.floats(1.0, 8.0),
    st.floats(-60.0, 60.0),
    st.floats(-60.0, 60.0),
    st.floats(-3.1, 3.1),
)
def test_the_grid_is_the_pan_pixels_whose_centres_lie_on_ms(w, h, rx, ry, dx, dy, angle):
    c, s = math.cos(angle), math.sin(angle)
    pan = Grid(50, 40, (X, c, s, Y, s, -c))
    x, y = pan.to_map([[dx, dy]])[0]
    ms = Grid(w, h, (x, c * rx, s * ry, y, s * rx, -c * ry))
    columns, rows = np.meshgrid(np.arange(50) + 0.5, np.arange(40) + 0.5)
    positions = ms.to_pixels(pan.to_map(np.column_stack([columns.ravel(), rows.ravel()])))
    edge = np.minimum(positions, [w, h] - positions)
    assume(np.abs(edge).min() > 1e-3)
    on_ms = (edge > 0).all(axis=1).reshape(40, 50)
    try:
        pair = align(stub(pan), stub(ms))
    except InputError:
        wide, high = on_ms.any(axis=0).sum(), on_ms.any(axis=1).sum()
        assert wide < 2 * rx or high < 2 * ry
        return
    expected = np.zeros((40, 50), dtype=bool)
    expected[
        pair.pan_row : pair.pan_row + pair.grid.height,
        pair.pan_column : pair.pan_column + pair.grid.width,
    ] = True
    assert (on_ms == expected).all()
    # The formula of the contract places the last pixel of the result on MS.
    last = np.array([[pair.grid.width - 0.5, pair.grid.height - 0.5]])
    in_ms = ms.to_pixels(pair.grid.to_map(last))[0]
    assert pair.ms_x + last[0, 0] / pair.ratio_x == pytest.approx(in_ms[0], abs=1e-4)
    assert pair.ms_y + last[0, 1] / pair.ratio_y == pytest.approx(in_ms[1], abs=1e-4)


@pytest.mark.parametrize("flip", ["south-up", "east-left", "both"])
def test_a_flipped_ms_comes_back_upright_with_its_values(make_raster, flip):
    values = np.random.default_rng(0).integers(1, 4000, (2, 12, 10)).astype(np.uint16)
    rows = slice(None, None, -1) if flip in ("south-up", "both") else slice(None)
    columns = slice(None, None, -1) if flip in ("east-left", "both") else slice(None)
    geotransform = [X, 30.0, 0.0, Y, 0.0, -30.0]
    if flip in ("south-up", "both"):
        geotransform[3:] = [Y - 12 * 30.0, 0.0, 30.0]
    if flip in ("east-left", "both"):
        geotransform[:2] = [X + 10 * 30.0, -30.0]
    pan, ms = open_pair(
        make_raster,
        {"array": plain(24, 20), "geotransform": north_up(15.0)},
        {"array": values[:, rows, columns], "geotransform": tuple(geotransform)},
    )
    pair = align(pan, ms)
    assert pair.ms.grid.is_north_up
    assert pair.grid == pan.grid
    assert (pair.ratio_x, pair.ratio_y) == (2.0, 2.0)
    image, valid = pair.ms.read(
        Window(round(pair.ms_x), round(pair.ms_y), 10, 12)  # the lattice is MS's own
    )
    assert valid.all()
    assert np.abs(image - values).max() < 1e-3
    assert "not parallel" in pair.messages[0]
    assert pair.ms.data_type == "UInt16"


def field(x, y):
    """A smooth image in UTM coordinates around (X, Y)."""
    return 1000.0 + 300.0 * np.sin((x - X) / 900.0) + 200.0 * np.cos((y - Y) / 700.0)


def centres(grid):
    columns, rows = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
    return grid.to_map(np.column_stack([columns.ravel(), rows.ravel()]))


def sampled(grid, to_utm=lambda points: points):
    x, y = to_utm(centres(grid)).T
    return field(x, y).reshape(1, grid.height, grid.width).astype(np.float32)


def assert_warped_field(pair):
    image, valid = read_all(pair.ms)
    expected = sampled(pair.ms.grid)
    assert valid.mean() > 0.5
    inner = binary_erosion(valid, iterations=2)  # the outermost half pixel is extrapolated
    assert np.abs(image - expected)[:, inner].max() < 0.2
    assert (image[:, ~valid] == 0).all()


def test_a_rotated_ms_is_warped_at_its_own_resolution(make_raster):
    c, s = 30.0 * math.cos(0.3), 30.0 * math.sin(0.3)
    grid = Grid(70, 60, (X - 300.0, c, s, Y + 600.0, s, -c))
    pan, ms = open_pair(
        make_raster,
        {"array": plain(60, 60), "geotransform": north_up(15.0)},
        {"array": sampled(grid), "geotransform": grid.geotransform},
    )
    pair = align(pan, ms)
    assert pair.ms.grid.pixel_size == pytest.approx((30.0, 30.0))
    assert_warped_field(pair)


def utm_to(epsg):
    source, target = osr.SpatialReference(), osr.SpatialReference()
    source.ImportFromEPSG(32630)
    target.ImportFromEPSG(epsg)
    for reference in (source, target):
        reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return (
        osr.CoordinateTransformation(source, target),
        osr.CoordinateTransformation(target, source),
    )


@pytest.fixture
def geographic(make_raster):
    """PAN in UTM and MS in degrees: 0.0003 degrees are about 25 m × 33 m here."""
    forward, back = utm_to(4326)
    corner = forward.TransformPoint(X - 500.0, Y + 500.0)
    grid = Grid(120, 90, (corner[0], 0.0003, 0.0, corner[1], 0.0, -0.0003))

    def to_utm(points):
        return np.array(back.TransformPoints(points.tolist()))[:, :2]

    def make(change=lambda array: array, **words):
        array = change(sampled(grid, to_utm))
        return open_pair(
            make_raster,
            {"array": plain(100, 80), "geotransform": north_up(12.0)},
            {"array": array, "geotransform": grid.geotransform, "epsg": 4326, **words},
        )

    return make


def test_an_ms_in_another_crs_is_warped(geographic):
    pair = align(*geographic())
    assert pair.grid.geotransform == north_up(12.0)
    assert "EPSG:32630" in pair.ms.grid.crs or 'ID["EPSG",32630]' in pair.ms.grid.crs
    width, height = pair.ms.grid.pixel_size
    assert 24.5 < width < 25.5
    assert 33.0 < height < 33.6
    assert (pair.ratio_x, pair.ratio_y) == pytest.approx((width / 12.0, height / 12.0))
    assert "from EPSG:4326 (WGS 84) to EPSG:32630" in pair.messages[0]
    assert_warped_field(pair)


def test_nodata_and_masks_survive_the_warp(geographic):
    def hole(array):
        array[:, 30:40, 40:50] = -1.0
        return array

    pair = align(*geographic(hole, nodata=-1.0))
    assert_warped_field(pair)
    hidden = ~read_all(pair.ms)[1]
    assert 90 < hidden[15:60, 15:80].sum() < 170
    mask = np.ones((90, 120), dtype=bool)
    mask[30:40, 40:50] = False
    masked = align(*geographic(hole, mask=mask))
    assert_warped_field(masked)


def test_nodata_in_one_band_hides_the_warped_pixel(geographic):
    def hole(array):
        array = np.concatenate([array, array])
        array[1, 30:40, 40:50] = -1.0
        return array

    pair = align(*geographic(hole, nodata=-1.0))
    assert_warped_field(pair)
    assert 80 < (~read_all(pair.ms)[1])[15:60, 15:80].sum() < 170


def test_a_warped_source_can_be_reopened(geographic):
    pair = align(*geographic())
    with pair.ms.reopen() as again:
        assert again.grid == pair.ms.grid
        assert (read_all(again)[0] == read_all(pair.ms)[0]).all()


def test_band_files_and_a_choice_of_bands_are_warped(make_raster):
    south_up = (X, 30.0, 0.0, Y - 300.0, 0.0, 30.0)
    paths = [
        make_raster(f"B{k}.tif", np.full((10, 10), k, np.uint8), geotransform=south_up)
        for k in (1, 2, 3)
    ]
    pan = RasterSource.open_pan(make_raster("pan.tif", plain(20, 20), geotransform=north_up(15.0)))
    pair = align(pan, RasterSource.open_ms(paths, [3, 1]))
    image, valid = read_all(pair.ms)
    assert valid.all()
    assert np.allclose(image, np.array([3.0, 1.0])[:, None, None])


def test_an_alpha_band_chosen_as_image_survives_the_warp(make_raster):
    array = np.stack([np.full((10, 10), k, np.uint8) for k in (10, 20, 30, 0)])
    path = make_raster(
        "rgbn.tif",
        array,
        geotransform=(X, 30.0, 0.0, Y - 300.0, 0.0, 30.0),
        options=["PHOTOMETRIC=RGB", "ALPHA=YES"],
    )
    pan = RasterSource.open_pan(make_raster("pan.tif", plain(20, 20), geotransform=north_up(15.0)))
    image, valid = read_all(align(pan, RasterSource.open_ms([path], [1, 4])).ms)
    assert valid.all()
    assert image[:, 4, 4].tolist() == [10.0, 0.0]


def test_crs_of_another_name_with_equal_coordinates_needs_no_warp(make_raster):
    pan, ms = open_pair(
        make_raster,
        {"array": plain(40, 40), "geotransform": north_up(15.0), "epsg": 32630},
        {"array": plain(20, 20, 3), "geotransform": north_up(30.0), "epsg": 25830},
    )
    assert align(pan, ms).ms is ms


def test_a_world_wide_ms_is_cut_to_the_ground_of_pan(make_raster):
    pan, ms = open_pair(
        make_raster,
        {"array": plain(400, 400), "geotransform": north_up(500.0, 400000.0, 4700000.0)},
        {
            "array": np.ones((1440, 2880), dtype=np.uint8),
            "geotransform": (-180.0, 0.125, 0.0, 90.0, 0.0, -0.125),
            "epsg": 4326,
        },
    )
    pair = align(pan, ms)
    assert pair.ms.grid.width < 200
    assert pair.grid == pan.grid


def test_rotated_pan_is_kept_when_ms_shares_its_axes():
    c, s = math.cos(0.2), math.sin(0.2)
    pan = Grid(40, 40, (X, 0.5 * c, 0.5 * s, Y, 0.5 * s, -0.5 * c))
    ms = Grid(10, 10, (X, 2 * c, 2 * s, Y, 2 * s, -2 * c))
    pair = align(stub(pan), stub(ms))
    assert pair.grid == pan
    assert pair.ratio == pytest.approx(4.0)


def test_rotated_pan_beside_a_north_up_ms_is_refused(make_raster):
    pan, ms = open_pair(
        make_raster,
        {"array": plain(40, 40), "geotransform": (X, 14.0, 3.0, Y, 3.0, -14.0)},
        {"array": plain(40, 40, 3), "geotransform": north_up(30.0)},
    )
    with pytest.raises(InputError, match=r"pan\.tif is not north-up") as caught:
        align(pan, ms)
    assert "gdalwarp" in caught.value.hint


class TestWithoutGeoreference:
    def test_sizes_give_the_ratio(self, make_raster):
        pan, ms = open_pair(
            make_raster,
            {"array": plain(64, 48), "geotransform": None, "epsg": None},
            {"array": plain(16, 12, 4), "geotransform": None, "epsg": None},
        )
        pair = align(pan, ms)
        assert (pair.ratio_x, pair.ratio_y, pair.ms_x, pair.ms_y) == (4.0, 4.0, 0.0, 0.0)
        assert not pair.grid.has_geotransform
        assert "ratio 4" in pair.messages[0]

    @pytest.mark.parametrize("ms_shape", [(16, 13), (15, 12), (128, 96)])
    def test_sizes_without_a_common_ratio(self, make_raster, ms_shape):
        pan, ms = open_pair(
            make_raster,
            {"array": plain(64, 48), "geotransform": None, "epsg": None},
            {"array": plain(*ms_shape, 4), "geotransform": None, "epsg": None},
        )
        with pytest.raises(InputError, match="48 × 64 pixels"):
            align(pan, ms)

    @pytest.mark.parametrize("bare", ["pan", "ms"])
    def test_one_side_only(self, make_raster, bare):
        kinds = {"pan": {"array": plain(40, 40)}, "ms": {"array": plain(20, 20, 3)}}
        kinds[bare].update(geotransform=None, epsg=None)
        with pytest.raises(InputError, match=rf"{bare}\.tif has no georeference, while"):
            align(*open_pair(make_raster, **kinds))

    def test_ground_control_points_are_named(self, make_raster, tmp_path):
        pan, _ = open_pair(make_raster, {"array": plain(40, 40)}, {"array": plain(20, 20)})
        path = str(tmp_path / "gcp.tif")
        points = [gdal.GCP(X, Y, 0, 0, 0), gdal.GCP(X + 1, Y, 0, 9, 0), gdal.GCP(X, Y - 1, 0, 0, 9)]
        bare = make_raster("bare.tif", plain(20, 20), geotransform=None, epsg=None)
        gdal.Translate(path, bare, GCPs=points, outputSRS="EPSG:32630").FlushCache()
        with pytest.raises(InputError, match="no georeference but ground control points"):
            align(pan, RasterSource.open_ms([path]))

    @pytest.mark.parametrize("bare", ["pan", "ms"])
    def test_a_crs_on_one_side_only(self, make_raster, bare):
        kinds = {
            "pan": {"array": plain(40, 40), "geotransform": north_up(15.0)},
            "ms": {"array": plain(20, 20, 3), "geotransform": north_up(30.0)},
        }
        kinds[bare]["epsg"] = None
        with pytest.raises(InputError, match=r"no coordinate reference system, .*EPSG:32630"):
            align(*open_pair(make_raster, **kinds))

    def test_no_crs_on_both_sides_trusts_the_coordinates(self, make_raster):
        pan, ms = open_pair(
            make_raster,
            {"array": plain(40, 40), "geotransform": north_up(15.0), "epsg": None},
            {"array": plain(20, 20, 3), "geotransform": north_up(30.0), "epsg": None},
        )
        pair = align(pan, ms)
        assert pair.ratio == 2.0
        assert "coordinate reference system" in pair.messages[0]


@pytest.mark.parametrize("epsg", [32630, 4326])
def test_no_overlap_names_both_places(make_raster, epsg):
    far = north_up(30.0, X + 9e5) if epsg == 32630 else (120.0, 0.001, 0.0, -30.0, 0.0, -0.001)
    pan, ms = open_pair(
        make_raster,
        {"array": plain(40, 40), "geotransform": north_up(15.0)},
        {"array": plain(20, 20, 3), "geotransform": far, "epsg": epsg},
    )
    with pytest.raises(InputError, match="do not overlap") as caught:
        align(pan, ms)
    for word in ("500000.0", "4600000.0", "EPSG:32630", f"EPSG:{epsg}"):
        assert word in caught.value.message


def test_an_overlap_below_two_ms_pixels(make_raster):
    pan, ms = open_pair(
        make_raster,
        {"array": plain(40, 40), "geotransform": north_up(15.0)},
        {"array": plain(20, 20, 3), "geotransform": north_up(30.0, X + 39 * 15.0)},
    )
    with pytest.raises(InputError, match="1 × 40 panchromatic pixels only"):
        align(pan, ms)


def test_exchanged_images_are_recognised(make_raster):
    pan, ms = open_pair(
        make_raster,
        {"array": plain(20, 20), "geotransform": north_up(30.0)},
        {"array": plain(40, 40, 3), "geotransform": north_up(15.0)},
    )
    with pytest.raises(InputError, match=r"30 × 30 against 15 × 15") as caught:
        align(pan, ms)
    assert "exchanged" in caught.value.hint


def test_crs_without_a_transformation(make_raster):
    pan, ms = open_pair(
        make_raster,
        {"array": plain(40, 40), "geotransform": north_up(15.0)},
        {
            "array": plain(20, 20, 3),
            "geotransform": north_up(30.0),
            "epsg": 'LOCAL_CS["building site",UNIT["metre",1]]',
        },
    )
    with pytest.raises(InputError, match=r"no transformation between building site of .*ms\.tif"):
        align(pan, ms)
