"""From layers, and files, to the descriptions that are paired."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsMapLayer,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)

from ksdiff_engine.errors import EngineError

from .pairing import Raster
from .rasters import RasterFile, raster_file

_COMMON_CRS = "EPSG:4326"
# Formats in which scenes are delivered; a VRT beside its tiles would be a second copy of them.
_EXTENSIONS = (".tif", ".tiff", ".jp2", ".ntf", ".img")


def raster_layers(project: QgsProject) -> list[QgsRasterLayer]:
    """Return the raster layers of the project, in the order of the layer tree."""
    nodes = project.layerTreeRoot().findLayers()
    return [node.layer() for node in nodes if isinstance(node.layer(), QgsRasterLayer)]


def files_below(folder: str) -> list[str]:
    """Return the raster files in a folder and in those below, hidden ones left out, sorted."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            os.path.join(parent, name)
            for name in names
            if name.lower().endswith(_EXTENSIONS) and not name.startswith(".")
        ]
    return sorted(found)


def describe(
    layers: Iterable[QgsMapLayer], transforms: QgsCoordinateTransformContext
) -> list[Raster]:
    """Return the descriptions of those layers that are raster files."""
    described = []
    for layer in layers:
        try:
            file = raster_file(layer, "")
            extent = _common_extent(file, transforms)
        except (EngineError, QgsCsException):
            continue
        described.append(_description(layer.id(), file, extent))
    return described


def _description(key: str, file: RasterFile, extent: QgsRectangle) -> Raster:
    return Raster(
        key=key,
        names=(file.name, Path(file.path).stem),
        bands=file.bands,
        pixel=math.sqrt(extent.width() * extent.height() / (file.width * file.height)),
        extent=(extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()),
        located=file.crs.isValid(),
    )


def _common_extent(file: RasterFile, transforms: QgsCoordinateTransformContext) -> QgsRectangle:
    """Return the extent in degrees; without a CRS as it is, without any reference as one square.

    Images without georeferences are taken to cover the same ground, as the engine takes them.
    """
    if file.crs.isValid():
        common = QgsCoordinateReferenceSystem(_COMMON_CRS)
        transform = QgsCoordinateTransform(file.crs, common, transforms)
        return transform.transformBoundingBox(file.extent)
    if (file.extent.width(), file.extent.height()) == (file.width, file.height):
        return QgsRectangle(0.0, 0.0, 1.0, 1.0)
    return file.extent
