"""How a raster is written: tiles, data type, creation options."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ksdiff_engine.job import OUTPUT_TYPES

from .._compat import CREATION_OPTIONS_WIDGET, INTEGER
from ..translation import tr
from . import choice, described

TILE = "TILE"
OUTPUT_TYPE = "OUTPUT_TYPE"
CREATION_OPTIONS = "CREATION_OPTIONS"
PYRAMIDS = "PYRAMIDS"

_LARGEST_TILE = 65536


def parameters() -> list[QgsProcessingParameterDefinition]:
    """Return the parameters of a sharpened raster."""
    tile = QgsProcessingParameterNumber(
        TILE, tr("Tile size"), type=INTEGER, defaultValue=0, minValue=0, maxValue=_LARGEST_TILE
    )
    return [
        described(
            tile,
            tr(
                "Edge of a tile in PAN pixels, at least 64; smaller tiles need less memory. In "
                "half precision (GPUs, newest processors) KSDiff keeps to its own size. "
                "0 chooses one."
            ),
            advanced=True,
        ),
        described(
            choice(OUTPUT_TYPE, tr("Output data type"), OUTPUT_TYPES),
            tr("input keeps the data type of MS. Values outside a type's range are clipped."),
            advanced=True,
        ),
        creation_options(),
        described(
            QgsProcessingParameterBoolean(PYRAMIDS, tr("Build pyramids"), defaultValue=False),
            tr(
                "Adds overviews, so that a large result is drawn quickly at small scales. The file "
                "grows by about a third."
            ),
            advanced=True,
        ),
    ]


def creation_options() -> QgsProcessingParameterDefinition:
    """Return the parameter ``CREATION_OPTIONS``, which every raster output has."""
    options = QgsProcessingParameterString(
        CREATION_OPTIONS, tr("Additional creation options"), optional=True
    )
    options.setMetadata({"widget_wrapper": CREATION_OPTIONS_WIDGET})
    return described(
        options,
        tr("Of GDAL's driver for the format, separated by |, e.g. COMPRESS=ZSTD|TILED=YES."),
        advanced=True,
    )


def fields(
    algorithm: QgsProcessingAlgorithm, values: dict[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """Return the fields of a job that say how to write a sharpened raster."""
    return {
        "tile": algorithm.parameterAsInt(values, TILE, context),
        "output_type": algorithm.parameterAsEnumString(values, OUTPUT_TYPE, context),
        "creation_options": read_creation_options(algorithm, values, context),
        "pyramids": algorithm.parameterAsBoolean(values, PYRAMIDS, context),
    }


def read_creation_options(
    algorithm: QgsProcessingAlgorithm, values: dict[str, Any], context: QgsProcessingContext
) -> tuple[str, ...]:
    """Return the creation options, each KEY=VALUE as the job checks."""
    options = algorithm.parameterAsString(values, CREATION_OPTIONS, context)
    return tuple(option for option in options.split("|") if option)
