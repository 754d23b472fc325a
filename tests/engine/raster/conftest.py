"""Small rasters made on the spot."""

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr

TYPES = {
    "uint8": gdal.GDT_Byte,
    "uint16": gdal.GDT_UInt16,
    "int16": gdal.GDT_Int16,
    "uint32": gdal.GDT_UInt32,
    "int32": gdal.GDT_Int32,
    "float32": gdal.GDT_Float32,
    "float64": gdal.GDT_Float64,
    "complex64": gdal.GDT_CFloat32,
}


@pytest.fixture
def make_raster(tmp_path):
    """make_raster(name, array (C, h, w), ...) -> path of a GeoTIFF."""

    def make(
        name,
        array,
        geotransform=(500000.0, 30.0, 0.0, 4600000.0, 0.0, -30.0),
        epsg=32630,
        nodata=None,
        mask=None,
        colors=(),
        descriptions=(),
        scale=None,
        offset=None,
        options=(),
    ):
        path = str(name) if str(name).startswith("/vsi") else str(tmp_path / name)
        array = np.asarray(array)
        if array.ndim == 2:
            array = array[None]
        bands, height, width = array.shape
        driver = gdal.GetDriverByName("GTiff")
        kind = TYPES[array.dtype.name]
        dataset = driver.Create(path, width, height, bands, kind, options=list(options))
        if geotransform is not None:
            dataset.SetGeoTransform(geotransform)
        if epsg is not None:
            reference = osr.SpatialReference()
            reference.SetFromUserInput(epsg if isinstance(epsg, str) else f"EPSG:{epsg}")
            dataset.SetSpatialRef(reference)
        for index in range(bands):
            band = dataset.GetRasterBand(index + 1)
            if nodata is not None:
                band.SetNoDataValue(nodata)
            if scale is not None:
                band.SetScale(scale)
                band.SetOffset(offset)
            if index < len(colors):
                band.SetColorInterpretation(colors[index])
            if index < len(descriptions):
                band.SetDescription(descriptions[index])
        dataset.WriteRaster(0, 0, width, height, np.ascontiguousarray(array).tobytes())
        if mask is not None:
            gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES")
            dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
            gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", None)
            hidden = np.where(mask, 255, 0).astype(np.uint8)
            dataset.GetRasterBand(1).GetMaskBand().WriteRaster(
                0, 0, width, height, hidden.tobytes()
            )
        return path

    return make


@pytest.fixture
def scenes():
    """The folder of real scenes beside the repository."""
    folder = Path(__file__).parents[4] / "shared" / "data" / "scenes"
    if not folder.is_dir():
        pytest.skip(f"real scenes are not there: {folder}")
    return folder


@pytest.fixture(params=["returning", "raising"])
def gdal_mode(request):
    """Run a test with and without GDAL's exceptions, as the host process may have chosen."""
    before = gdal.GetUseExceptions()
    (gdal.UseExceptions if request.param == "raising" else gdal.DontUseExceptions)()
    yield request.param
    (gdal.UseExceptions if before else gdal.DontUseExceptions)()
