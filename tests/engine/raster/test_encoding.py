import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksdiff_engine.raster.encoding import PixelEncoder


def encode(data_type, values, nodata=None, valid=True):
    image = np.array(values, dtype=np.float64).reshape(1, 1, -1)
    shown = np.broadcast_to(np.array(valid), (1, image.shape[2])).copy()
    pixels, shown = PixelEncoder(data_type, nodata).encode(image, shown)
    return pixels[0, 0], shown[0]


@pytest.mark.parametrize(
    ("data_type", "lowest", "highest"),
    [
        ("Byte", 0, 255),
        ("Int16", -32768, 32767),
        ("UInt16", 0, 65535),
        ("Int32", -(2**31), 2**31 - 1),
        ("UInt32", 0, 2**32 - 1),
    ],
)
def test_numbers_clip_to_the_range_exactly(data_type, lowest, highest):
    pixels, _ = encode(data_type, [lowest - 1000.0, lowest, highest, highest + 1000.0, 1e30])
    assert pixels.tolist() == [lowest, lowest, highest, highest, highest]


@pytest.mark.parametrize(("data_type", "limit"), [("Int64", 2**63), ("UInt64", 2**64)])
def test_numbers_beyond_64_bits_stay_at_the_top(data_type, limit):
    pixels, _ = encode(data_type, [1e30])
    assert limit - 2048 <= int(pixels[0]) < limit


def test_halves_round_to_even():
    assert encode("UInt16", [0.5, 1.5, 2.4999, 2.5, 3.5])[0].tolist() == [0, 2, 2, 2, 4]


def test_what_is_not_finite_is_never_a_number():
    pixels, valid = encode("UInt16", [np.nan, np.inf, -np.inf, 7.0], nodata=9)
    assert pixels.tolist() == [9, 9, 9, 7]
    assert valid.tolist() == [False, False, False, True]


def test_one_bad_band_makes_the_pixel_invalid_in_all():
    image = np.array([[[np.nan, 1.0]], [[5.0, 2.0]]])
    pixels, valid = PixelEncoder("Int16", -1).encode(image, np.ones((1, 2), dtype=bool))
    assert pixels.tolist() == [[[-1, 1]], [[-1, 2]]]
    assert valid.tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("data_type", "nodata", "moved"),
    [("UInt16", 0, 1), ("UInt16", 65535, 65534), ("Int16", -32768, -32767), ("Byte", 128, 129)],
)
def test_a_valid_value_equal_to_nodata_moves_by_one(data_type, nodata, moved):
    pixels, _ = encode(data_type, [nodata, nodata], nodata, valid=[True, False])
    assert pixels.tolist() == [moved, nodata]


@given(st.sampled_from([0.0, -9999.0, 1.5, 1e-5, -3.4e38, 3.4e38]), st.floats(-2e-7, 2e-7))
def test_a_valid_float_stays_visibly_off_nodata(nodata, relative):
    pixels, _ = encode("Float32", [nodata * (1 + relative)], nodata)
    stored = PixelEncoder("Float32", nodata).nodata
    assert np.isfinite(pixels[0])
    # GDAL's own criterion for float nodata.
    epsilon = float(np.finfo(np.float32).eps)
    assert abs(float(pixels[0]) - stored) > 2 * epsilon * abs(float(pixels[0]) + stored)
    assert pixels[0] == pytest.approx(nodata, rel=4e-6, abs=1e-37)


@pytest.mark.parametrize(
    ("data_type", "wanted", "stored"),
    [
        ("UInt16", -9999.0, None),
        ("UInt16", 0.5, None),
        ("UInt16", float("nan"), None),
        ("UInt16", None, None),
        ("UInt16", 65535.0, 65535.0),
        ("Float64", -1e300, -1e300),
    ],
)
def test_nodata_is_stored_only_where_the_type_holds_it(data_type, wanted, stored):
    assert PixelEncoder(data_type, wanted).nodata == stored


@pytest.mark.parametrize("wanted", [None, -1e300, float("nan")])
def test_floats_fall_back_to_nan(wanted):
    pixels, _ = encode("Float32", [1.0, 2.0], wanted, valid=[True, False])
    assert pixels[0] == 1.0
    assert np.isnan(pixels[1])


def test_without_nodata_whole_numbers_keep_their_zeros():
    pixels, valid = encode("Byte", [0.0, 0.0], None, valid=[True, False])
    assert pixels.tolist() == [0, 0]
    assert valid.tolist() == [True, False]


def test_the_callers_arrays_are_left_alone():
    image, valid = np.full((1, 2, 2), np.nan), np.ones((2, 2), dtype=bool)
    PixelEncoder("Byte", 0).encode(image, valid)
    assert np.isnan(image).all()
    assert valid.all()
