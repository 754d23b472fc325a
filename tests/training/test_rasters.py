"""Georeferenced pairs: whatever their grids, PAN and MS come out on one ground, without nodata."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ksdiff_engine.errors import InputError
from ksdiff_engine.raster.tiling import Window
from ksdiff_training.data.rasters import (
    Product,
    find_products,
    open_raster_pair,
    read_raster_pair,
)


def plane(height, width, *, pixel=(1.0, 1.0), corner=(0.0, 0.0)):
    """A ramp over the ground, 100 + 2 a metre to the right + 3 a metre down, at pixel centres."""
    x = corner[0] + (np.arange(width) + 0.5) * pixel[0]
    y = corner[1] + (np.arange(height) + 0.5) * pixel[1]
    return 100 + 2 * x[None, :] + 3 * y[:, None]


@pytest.fixture
def pair_of_planes(tmp_path, raster):
    """A factory of products of two ramps; `pan`, `ms`: pixels and corners; `hole`: MS window."""

    def make(*, pan, ms, pan_size, ms_size, nodata=None, hole=None):
        high, low = plane(*pan_size, **pan), np.stack([plane(*ms_size, **ms)] * 3)
        if hole is not None:
            rows, columns = (
                slice(hole.row, hole.row + hole.height),
                slice(hole.column, hole.column + hole.width),
            )
            low[:, rows, columns] = nodata
        return Product(
            raster(tmp_path / "pan.tif", high[None], **pan),
            (raster(tmp_path / "ms.tif", low, **ms, nodata=nodata),),
        )

    return make


@pytest.mark.parametrize(
    ("pan", "pan_size"),
    [
        ({"pixel": (1.0, 1.0), "corner": (0.0, 0.0)}, (320, 400)),
        ({"pixel": (1.0, 1.0), "corner": (-3.0, 5.0)}, (320, 400)),
        ({"pixel": (1.0, 1.0), "corner": (0.37, -0.61)}, (320, 400)),
        ({"pixel": (1.003, 0.998), "corner": (0.5, 0.5)}, (318, 398)),
    ],
    ids=["same corner", "whole shift", "fractional shift", "other pixel size"],
)
def test_pan_comes_onto_whole_pixels_of_ms(pan, pan_size, pair_of_planes):
    ms = {"pixel": (4.0, 4.0), "corner": (0.0, 0.0)}
    product = pair_of_planes(pan=pan, ms=ms, pan_size=pan_size, ms_size=(80, 100))
    (pair,) = read_raster_pair(product)
    assert pair.ratio == 4
    assert pair.pan.shape == (pair.ms.shape[1] * 4, pair.ms.shape[2] * 4)
    blocks = pair.pan.reshape(pair.ms.shape[1], 4, pair.ms.shape[2], 4).mean(axis=(1, 3))
    # The ramp rises by 2 and 3 a metre: 0.02 is a hundredth of a PAN pixel.
    inner = np.s_[4:-4, 4:-4]
    np.testing.assert_allclose(blocks[inner], pair.ms[0][inner], atol=0.02)


def test_pan_that_fits_is_read_as_it_is(tmp_path, raster):
    rng = np.random.default_rng(0)
    high, low = rng.random((1, 320, 320)), rng.random((2, 80, 80))
    product = Product(
        raster(tmp_path / "pan.tif", high),
        (raster(tmp_path / "ms.tif", low, pixel=(4.0, 4.0)),),
    )
    (pair,) = read_raster_pair(product)
    np.testing.assert_array_equal(pair.pan, high[0].astype(np.float32))
    np.testing.assert_array_equal(pair.ms, low.astype(np.float32))


def test_no_part_has_nodata(pair_of_planes):
    ms, pan = {"pixel": (2.0, 2.0)}, {"pixel": (1.0, 1.0)}
    hole = Window(40, 30, 5, 5)
    product = pair_of_planes(
        pan=pan, ms=ms, pan_size=(400, 400), ms_size=(200, 200), nodata=-9, hole=hole
    )
    parts = read_raster_pair(product, smallest=32)
    assert len(parts) > 3
    assert all(part.ms.min() > 0 and min(part.ms.shape[1:]) >= 32 for part in parts)
    corners = {tuple(int(n) for n in part.name.split("_")[1:]) for part in parts}
    assert len(corners) == len(parts)
    with pytest.raises(ValueError, match="no 180 × 180 MS pixels without nodata"):
        read_raster_pair(product, smallest=180)


def test_large_scenes_come_in_blocks_and_no_more_than_wanted(pair_of_planes):
    ms, pan = {"pixel": (2.0, 2.0)}, {"pixel": (1.0, 1.0)}
    product = pair_of_planes(pan=pan, ms=ms, pan_size=(1040, 1200), ms_size=(520, 600))
    assert len(read_raster_pair(product)) == 4
    assert len(read_raster_pair(product, most=3)) == 3


def test_several_files_are_stacked_and_patterns_find_them(tmp_path, raster):
    for day in ("0401", "0612"):
        raster(tmp_path / f"{day}_PAN.tif", plane(160, 160)[None])
        for band in (2, 3):
            image = band * plane(80, 80, pixel=(2.0, 2.0))[None]
            raster(tmp_path / f"{day}_B{band}.tif", image, pixel=(2.0, 2.0))
    products = find_products(tmp_path, "*_PAN.tif", ["*_B3.tif", "*_B2.tif"])
    assert [product.name for product in products] == ["0401_PAN", "0612_PAN"]
    (pair,) = read_raster_pair(products[1])
    np.testing.assert_allclose(pair.ms[0] / pair.ms[1], 1.5, rtol=1e-6)
    with pytest.raises(FileNotFoundError, match=r"0401_PAN\.tif has no .*0401_B4\.tif"):
        find_products(tmp_path, "*_PAN.tif", ["*_B4.tif"])
    with pytest.raises(FileNotFoundError, match=r"no panchromatic image matches .*\*_P\.tif"):
        find_products(tmp_path, "*_P.tif", ["*_B2.tif"])
    with pytest.raises(ValueError, match="more asterisks"):
        find_products(tmp_path, "*_PAN.tif", ["*/*_B2.tif"])


def test_ratios_between_whole_numbers_are_refused(pair_of_planes):
    product = pair_of_planes(
        pan={"pixel": (1.0, 1.0)},
        ms={"pixel": (2.5, 2.5)},
        pan_size=(250, 250),
        ms_size=(100, 100),
    )
    with pytest.raises(InputError, match=r"2\.500 × 2\.500"), open_raster_pair(product):
        pass


def test_the_sensor_gives_the_gains(pair_of_planes):
    ms, pan = {"pixel": (4.0, 4.0)}, {"pixel": (1.0, 1.0)}
    product = pair_of_planes(pan=pan, ms=ms, pan_size=(320, 320), ms_size=(80, 80))
    with open_raster_pair(product) as grid:
        assert grid.gains == (0.3, 0.3, 0.3)
    with open_raster_pair(replace(product, sensor="geoeye-1")) as grid:
        assert grid.profile.name == "geoeye-1"
