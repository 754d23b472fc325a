"""The bundled scene is a real, registered PAN and MS pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

SAMPLE = Path(__file__).resolve().parents[2] / "resources" / "sample"


@pytest.fixture(scope="module")
def pair() -> tuple[gdal.Dataset, gdal.Dataset]:
    gdal.UseExceptions()
    return gdal.Open(str(SAMPLE / "pan.tif")), gdal.Open(str(SAMPLE / "ms.tif"))


def test_is_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 1_000_000


def test_grids_belong_together(pair: tuple[gdal.Dataset, gdal.Dataset]) -> None:
    pan, ms = pair
    assert (pan.RasterXSize, pan.RasterYSize, pan.RasterCount) == (320, 320, 1)
    assert (ms.RasterXSize, ms.RasterYSize, ms.RasterCount) == (160, 160, 4)
    assert pan.GetSpatialRef().IsSame(ms.GetSpatialRef())
    assert ms.GetGeoTransform()[1] == 2 * pan.GetGeoTransform()[1]


def test_bands_say_what_they_are(pair: tuple[gdal.Dataset, gdal.Dataset]) -> None:
    for dataset in pair:
        for index in range(1, dataset.RasterCount + 1):
            band = dataset.GetRasterBand(index)
            assert "OLI" in band.GetDescription()
            assert band.GetNoDataValue() == 0
            assert band.GetScale() == 0.0001
            assert band.DataType == gdal.GDT_UInt16


def test_pan_and_ms_are_registered(pair: tuple[gdal.Dataset, gdal.Dataset]) -> None:
    """Of all whole-pixel shifts, the stated georeferencing correlates best."""
    pan, ms = (dataset.ReadAsArray().astype(float) for dataset in pair)
    visible = ms[:2, 2:-2, 2:-2].mean(axis=0)

    def correlation(column: int, row: int) -> float:
        # The georeferencing puts MS pixel (c, r) on the centre of PAN pixel (2c + 1, 2r + 1).
        top, left = 5 + row, 5 + column
        low = sum(
            (2 - abs(x))
            * (2 - abs(y))
            * pan[top + y : top + y + 312 : 2, left + x : left + x + 312 : 2]
            for x in (-1, 0, 1)
            for y in (-1, 0, 1)
        )
        return float(np.corrcoef(low.ravel(), visible.ravel())[0, 1])

    shifts = [(column, row) for column in (-1, 0, 1) for row in (-1, 0, 1)]
    assert max(shifts, key=lambda shift: correlation(*shift)) == (0, 0)
    assert correlation(0, 0) > 0.98
