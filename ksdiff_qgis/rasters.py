"""From Processing's raster layers to the files that the engine opens, and what must fit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsMapLayer,
    QgsRasterLayer,
    QgsRectangle,
)

from ksdiff_engine.errors import InputError

from ._compat import ALPHA
from .translation import tr

# Pixel sizes of one grid differ by rounding; beyond this, PAN is really coarser than MS.
_RATIO_TOLERANCE = 0.99


@dataclass(frozen=True)
class RasterFile:
    """A raster layer as plain data, free of the layer and its thread.

    name: the layer's. path: what GDAL opens. width, height: pixels. bands: without alpha.
    """

    name: str
    path: str
    crs: QgsCoordinateReferenceSystem
    extent: QgsRectangle
    width: int
    height: int
    bands: int


def raster_file(layer: QgsMapLayer | None, role: str) -> RasterFile:
    """Return the file behind a layer; ``role`` ("PAN", "MS") is for messages.

    Raises ``InputError`` for a layer that is no raster, cannot be read, or is not read by GDAL
    (WMS, PostGIS raster, …).
    """
    if layer is None:
        raise InputError(
            tr("The {role} raster cannot be opened.", role=role),
            hint=tr("Check the layer, or the file's name."),
        )
    if not isinstance(layer, QgsRasterLayer) or not layer.isValid():
        raise InputError(
            tr("{role}: {name!r} is not a readable raster.", role=role, name=layer.name()),
            hint=tr("Choose a raster file."),
        )
    if layer.providerType() != "gdal":
        raise InputError(
            tr(
                "{role}: {name!r} comes from the provider {provider!r}, not from a raster file.",
                role=role,
                name=layer.name(),
                provider=layer.providerType(),
            ),
            hint=tr("Export the layer to GeoTIFF and use that."),
        )
    provider = layer.dataProvider()
    numbers = range(1, layer.bandCount() + 1)
    alpha = sum(provider.colorInterpretation(number) == ALPHA for number in numbers)
    return RasterFile(
        name=layer.name(),
        path=_gdal_path(layer.source()),
        crs=layer.crs(),
        extent=layer.extent(),
        width=layer.width(),
        height=layer.height(),
        bands=layer.bandCount() - alpha,
    )


def check_pan_band(pan: RasterFile, band: int) -> None:
    """Check that PAN has one band, or that one of its bands was named (0 = none was)."""
    if band == 0 and pan.bands != 1:
        raise InputError(
            tr(
                "PAN: {name!r} has {bands} bands; a panchromatic raster has one.",
                name=pan.name,
                bands=pan.bands,
            ),
            hint=tr("Name its band in PAN_BAND, or choose another raster."),
        )
    if band > pan.bands:
        raise InputError(
            tr(
                "PAN: band {band} was asked for; {name!r} has {bands}.",
                band=band,
                name=pan.name,
                bands=pan.bands,
            )
        )


def check_bands(rasters: Sequence[RasterFile], bands: Sequence[int], role: str) -> None:
    """Check that the rasters, stacked, have the bands (counted from 1; empty = all)."""
    available = sum(raster.bands for raster in rasters)
    outside = [band for band in bands if not 1 <= band <= available]
    if outside:
        raise InputError(
            tr(
                "Band {band} was asked for; the {role} has the bands 1 to {available}.",
                band=outside[0],
                role=role,
                available=available,
            ),
            hint=tr(
                "Bands are counted from 1, through the {role} files in their order.", role=role
            ),
        )


def check_pair(
    pan: RasterFile, ms: Sequence[RasterFile], transforms: QgsCoordinateTransformContext
) -> None:
    """Check that each MS file has PAN's kind of CRS, overlaps it, and is not finer."""
    for raster in ms:
        extent = _overlapping(pan, "PAN", raster, "MS", transforms)
        ratio = (extent.width() / raster.width) / (pan.extent.width() / pan.width)
        if ratio < _RATIO_TOLERANCE:
            raise InputError(
                tr(
                    "PAN {pan!r} has coarser pixels than MS {ms!r} "
                    "({ratio:.2f} MS pixels per PAN pixel).",
                    pan=pan.name,
                    ms=raster.name,
                    ratio=1 / ratio,
                ),
                hint=tr("PAN and MS may have been swapped."),
            )


def check_fused(
    fused: RasterFile,
    bands: int,
    partner: RasterFile,
    role: str,
    transforms: QgsCoordinateTransformContext,
) -> None:
    """Check that a sharpened raster has as many bands as its source, and overlaps its partner.

    partner, role: the raster on whose pixels it lies, PAN or the reference.
    """
    if fused.bands != bands:
        raise InputError(
            tr(
                "FUSED {name!r} has {count} bands; {wanted} bands are to be compared with it.",
                name=fused.name,
                count=fused.bands,
                wanted=bands,
            ),
            hint=tr("Name the bands that were sharpened in BANDS."),
        )
    _overlapping(partner, role, fused, "FUSED", transforms)


def _overlapping(
    one: RasterFile,
    role: str,
    other: RasterFile,
    other_role: str,
    transforms: QgsCoordinateTransformContext,
) -> QgsRectangle:
    """Return the extent of ``other`` in the CRS of ``one``; refuse what does not overlap."""
    _check_crs(one, other)
    extent = _extent_in(other, one.crs, transforms)
    if not extent.intersects(one.extent):
        raise InputError(
            tr(
                "{role} {name!r} and {other_role} {other!r} do not overlap.",
                role=role,
                name=one.name,
                other_role=other_role,
                other=other.name,
            ),
            hint=tr("Check that both show the same scene, and that both CRSs are right."),
        )
    return extent


def _check_crs(pan: RasterFile, ms: RasterFile) -> None:
    if pan.crs.isValid() == ms.crs.isValid():
        return
    without = ms if pan.crs.isValid() else pan
    raise InputError(
        tr("{name!r} has no CRS, while its partner has one.", name=without.name),
        hint=tr("Assign the projection to the file (gdal:assignprojection), then run again."),
    )


def _extent_in(
    raster: RasterFile,
    crs: QgsCoordinateReferenceSystem,
    transforms: QgsCoordinateTransformContext,
) -> QgsRectangle:
    if not crs.isValid() or raster.crs == crs:
        return raster.extent
    try:
        transform = QgsCoordinateTransform(raster.crs, crs, transforms)
        return transform.transformBoundingBox(raster.extent)
    except QgsCsException as error:
        raise InputError(
            tr(
                "The extent of {name!r} cannot be transformed from {source} to {target}: {error}.",
                name=raster.name,
                source=raster.crs.authid(),
                target=crs.authid(),
                error=error,
            ),
            hint=tr("Check that the CRS of both rasters is right."),
        ) from error


def _gdal_path(source: str) -> str:
    """Return what GDAL opens: without QGIS's ``|option:…``, absolute where it is a file."""
    path = source.partition("|")[0]
    return os.path.abspath(path) if os.path.exists(path) else path
