"""Cut the bundled sample scene out of a Landsat 8 pair (public domain, USGS).

Usage: python scripts/make_sample.py FOLDER, where FOLDER holds pan.tif (1 band, 15 m) and ms.tif
(red, green, blue, near infrared, 30 m) as top-of-atmosphere reflectance.

The georeferencing of that pair is one PAN pixel off: correlating PAN with the red and green bands
over six parts of the scene puts the centre of MS pixel (column, row) on the centre of PAN pixel
(2 column + 1, 2 row) to a hundredth of a pixel, as USGS lays its Landsat grids. The sample states
what the pixels show, on whole 15 m and 30 m pixels.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from osgeo import gdal

TARGET = Path(__file__).resolve().parents[1] / "resources" / "sample"
MS_COLUMN, MS_ROW, MS_SIZE = 160, 90, 160  # Pamplona's old town, the river Arga, industry, fields
PAN_COLUMN, PAN_ROW, PAN_SIZE = 2 * MS_COLUMN, 2 * MS_ROW - 1, 2 * MS_SIZE
PAN_PIXEL = 15.0  # metres
SCALE = 0.0001  # reflectance per count
NODATA = 0
BANDS = {
    "Red (OLI 4)": gdal.GCI_RedBand,
    "Green (OLI 3)": gdal.GCI_GreenBand,
    "Blue (OLI 2)": gdal.GCI_BlueBand,
    "Near infrared (OLI 5)": gdal.GCI_Undefined,
}
OPTIONS = ["COMPRESS=DEFLATE", "PREDICTOR=2", "TILED=YES", "BLOCKXSIZE=160", "BLOCKYSIZE=160"]


def main() -> None:
    """Write resources/sample/pan.tif and ms.tif."""
    gdal.UseExceptions()
    folder = Path(sys.argv[1])
    pan = gdal.Open(str(folder / "pan.tif"))
    ms = gdal.Open(str(folder / "ms.tif"))

    west, _, _, north, _, _ = pan.GetGeoTransform()
    west = round(west + PAN_COLUMN * PAN_PIXEL)
    north = round(north - PAN_ROW * PAN_PIXEL)
    # MS pixel 0 of the crop is centred on PAN pixel 1, hence half a PAN pixel between the corners.
    corner_shift = PAN_PIXEL / 2

    write(
        TARGET / "pan.tif",
        pan.ReadAsArray(PAN_COLUMN, PAN_ROW, PAN_SIZE, PAN_SIZE)[np.newaxis],
        (west, PAN_PIXEL, 0, north, 0, -PAN_PIXEL),
        pan.GetProjection(),
        {"Panchromatic (OLI 8)": gdal.GCI_GrayIndex},
    )
    write(
        TARGET / "ms.tif",
        ms.ReadAsArray(MS_COLUMN, MS_ROW, MS_SIZE, MS_SIZE),
        (west + corner_shift, 2 * PAN_PIXEL, 0, north - corner_shift, 0, -2 * PAN_PIXEL),
        ms.GetProjection(),
        BANDS,
    )


def write(
    path: Path,
    reflectance: np.ndarray,
    geotransform: tuple[float, ...],
    projection: str,
    bands: dict[str, int],
) -> None:
    """Write (C, H, W) reflectance as UInt16 counts with scale and nodata."""
    counts = np.round(reflectance / SCALE).clip(NODATA + 1, 65535).astype(np.uint16)
    options = [*OPTIONS, "PHOTOMETRIC=MINISBLACK"]
    dataset = gdal.GetDriverByName("GTiff").Create(
        str(path), counts.shape[2], counts.shape[1], len(counts), gdal.GDT_UInt16, options
    )
    dataset.SetGeoTransform(geotransform)
    dataset.SetProjection(projection)
    for index, (description, color) in enumerate(bands.items()):
        band = dataset.GetRasterBand(index + 1)
        band.WriteArray(counts[index])
        band.SetDescription(description)
        band.SetColorInterpretation(color)
        band.SetNoDataValue(NODATA)
        band.SetScale(SCALE)
        band.SetOffset(0)


if __name__ == "__main__":
    main()
