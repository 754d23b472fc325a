"""Quality of what a command wrote, through the engine's own measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from osgeo import gdal

from ksdiff_engine.job import AssessAgainstReferenceJob, AssessWithoutReferenceJob
from ksdiff_engine.pipeline import run_job

from .scenes import PairFiles

AGAINST_REFERENCE = ("ergas", "sam", "q2n")
WITHOUT_REFERENCE = ("hqnr", "d_lambda_k", "d_s")
THREE_BANDS = (1, 2, 3)


def against_reference(fused: str, reference: str, ratio: int) -> dict[str, float | None]:
    """ERGAS, SAM and Q2n over all bands of `fused`, and over the first three (suffix ``_3``)."""
    count = gdal.Open(fused).RasterCount
    figures: dict[str, float | None] = {}
    for suffix, bands in (("", tuple(range(1, count + 1))), ("_3", THREE_BANDS)):
        part = fused if len(bands) == count else _bands_of(fused, bands)
        job = AssessAgainstReferenceJob((reference,), part, ratio=float(ratio), bands=bands)
        measured = run_job(job)["figures"]
        figures |= {f"{key}{suffix}": measured[key] for key in AGAINST_REFERENCE}
    return figures


def without_reference(fused: str, pair: PairFiles) -> dict[str, float | None]:
    """HQNR, D_lambda(K) and D_s."""
    bands = tuple(range(1, gdal.Open(fused).RasterCount + 1))
    job = AssessWithoutReferenceJob(pair.pan, (pair.ms,), fused, bands=bands, sensor=pair.sensor)
    measured = run_job(job)["figures"]
    return {key: measured[key] for key in WITHOUT_REFERENCE}


def refitted(fused: str, pair: PairFiles) -> str:
    """A version whose bands have the gain and offset with which their averages fit MS best.

    For programs that change the radiometry: without it every figure would only tell that they do.
    """
    source = gdal.Open(fused)
    image = source.ReadAsArray().astype(np.float64)
    nodata = source.GetRasterBand(1).GetNoDataValue()
    if nodata is not None:
        image[image == nodata] = np.nan
    ms = gdal.Open(pair.ms).ReadAsArray().astype(np.float64)[: len(image)]
    height, width = ms.shape[1:]
    blocks = image.reshape(len(image), height, pair.ratio, width, pair.ratio).mean(axis=(2, 4))
    for band, coarse, target in zip(image, blocks, ms, strict=True):
        known = np.isfinite(coarse)
        if known.any() and coarse[known].std() > 0:
            gain, offset = np.polyfit(coarse[known], target[known], 1)
            band *= gain
            band += offset
    path = str(Path(fused).with_suffix(".refitted.tif"))
    dataset = gdal.GetDriverByName("GTiff").Create(
        path, source.RasterXSize, source.RasterYSize, len(image), gdal.GDT_Float32
    )
    dataset.SetProjection(source.GetProjection())
    dataset.SetGeoTransform(source.GetGeoTransform())
    dataset.WriteArray(image.astype(np.float32))
    dataset.FlushCache()
    return path


def _bands_of(path: str, bands: tuple[int, ...]) -> str:
    """A virtual raster of some bands."""
    virtual = str(Path(path).with_suffix(".three.vrt"))
    gdal.Translate(virtual, path, format="VRT", bandList=list(bands)).FlushCache()
    return virtual
