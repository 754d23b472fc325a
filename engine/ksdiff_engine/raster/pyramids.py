"""Pyramids: overviews of a finished raster, so that viewers show it quickly at small scales."""

from __future__ import annotations

from collections.abc import Callable

from osgeo import gdal

from .gdal_guard import gdal_failures, gdal_option

SMALLEST = 256  # pixels; the overview that fits into a square of this edge is the last


def overview_factors(width: int, height: int) -> list[int]:
    """Return the factors of reduction, 2, 4, 8 …; none for a raster that is small itself.

    width, height: of the raster, in pixels.
    """
    factors, factor = [], 1
    while -(-max(width, height) // factor) > SMALLEST:
        factor *= 2
        factors.append(factor)
    return factors


def build_pyramids(path: str, progress: Callable[[float], None], *, block: int) -> list[str]:
    """Give a raster overviews, each pixel the mean of the valid ones below it.

    A GeoTIFF takes them inside, compressed as its image is; beside another format they make a file
    ``.ovr`` (DEFLATE), unless the format has lower resolutions of its own, as JPEG 2000.

    progress: hears fractions of 0..1; what it raises ends the work and comes out of here.
    block: edge of an overview's tiles in pixels. Returns GDAL's failures.
    """
    raised: list[BaseException] = []
    dataset = None

    def report(fraction: float, _message: str, _data: object) -> int:
        try:
            progress(fraction)
        except BaseException as error:  # GDAL would print it and go on to fail in its own words
            raised.append(error)
        return not raised

    with gdal_failures() as failures, gdal_option("GDAL_TIFF_OVR_BLOCKSIZE", str(block)):
        inside = gdal.IdentifyDriver(path).ShortName == "GTiff"
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | (gdal.OF_UPDATE if inside else 0))
        factors = overview_factors(dataset.RasterXSize, dataset.RasterYSize)
        if factors and not dataset.GetRasterBand(1).GetOverviewCount():
            with gdal_option("COMPRESS_OVERVIEW", None if inside else "DEFLATE"):
                dataset.BuildOverviews("AVERAGE", factors, callback=report)
    with gdal_failures() as failures_of_closing:
        dataset = None
    if raised:
        raise raised[0]
    return failures + failures_of_closing
