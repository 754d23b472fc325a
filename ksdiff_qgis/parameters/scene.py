"""PAN and MS: the scene that every job but one starts from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBand,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ksdiff_engine.errors import InputError
from ksdiff_engine.sensors import without_other_files

from .. import sensors_choice
from .._compat import RASTER
from ..engine_texts import in_language
from ..rasters import RasterFile, check_bands, check_pair, check_pan_band, raster_file
from ..translation import tr
from . import choice, described

PAN = "PAN"
MS = "MS"
BANDS = "BANDS"
PAN_BAND = "PAN_BAND"
SENSOR = "SENSOR"


@dataclass(frozen=True)
class Scene:
    """A pair that was found to fit; ``bands`` and ``pan_band`` as in the jobs (none = all, 0)."""

    pan: RasterFile
    ms: tuple[RasterFile, ...]
    bands: tuple[int, ...]
    pan_band: int
    sensor: str

    @property
    def band_count(self) -> int:
        """The number of bands chosen; without a choice, of the files that the engine takes."""
        kept, _ = without_other_files([raster.path for raster in self.ms])
        taken = self.ms if self.bands else tuple(r for r in self.ms if r.path in kept)
        return chosen_bands(taken, self.bands)

    def fields(self) -> dict[str, Any]:
        """Return the fields of a job that name the scene."""
        return {
            "pan": self.pan.path,
            "ms": tuple(raster.path for raster in self.ms),
            "bands": self.bands,
            "pan_band": self.pan_band,
            "sensor": self.sensor,
        }


def parameters() -> list[QgsProcessingParameterDefinition]:
    """Return PAN, MS and what says how to read them."""
    return [
        described(
            QgsProcessingParameterRasterLayer(PAN, tr("Panchromatic raster (PAN)")),
            tr("The sharp raster, with a single band."),
        ),
        stack(
            MS,
            tr("Multispectral raster (MS), or one raster a band"),
            tr(
                "The raster with the colours. Several rasters are stacked in the order given. Of a "
                "Landsat product all files may be given; what is no multispectral band is left out."
            ),
        ),
        band_list(tr("Bands of MS")),
        described(
            QgsProcessingParameterBand(PAN_BAND, tr("Band of PAN"), None, PAN, optional=True),
            tr("Which band of PAN is panchromatic, where the raster has several."),
            advanced=True,
        ),
        sensor(),
    ]


def sensor() -> QgsProcessingParameterDefinition:
    """Return the parameter ``SENSOR``."""
    return described(
        choice(SENSOR, tr("Sensor"), sensors_choice.names()),
        tr(
            "Whose modulation transfer function (MTF) to use. auto looks at the metadata, "
            "names and wavelengths of the files; the log says what it found. default fits any "
            "sensor. Profiles of your own belong into the folder ksdiff/sensors of the QGIS "
            "profile."
        ),
        advanced=True,
    )


def stack(name: str, title: str, text: str) -> QgsProcessingParameterDefinition:
    """Return a parameter for one raster or several, stacked in their order."""
    return described(QgsProcessingParameterMultipleLayers(name, title, RASTER), text)


def band_list(title: str) -> QgsProcessingParameterDefinition:
    """Return the parameter ``BANDS``: which bands of a stack, in which order."""
    return described(
        QgsProcessingParameterString(BANDS, title, optional=True),
        tr(
            "Which bands, in this order: numbers separated by commas, counted from 1 through the "
            "stacked rasters, e.g. 4,3,2. Empty: all bands."
        ),
    )


def read(
    algorithm: QgsProcessingAlgorithm, values: dict[str, Any], context: QgsProcessingContext
) -> Scene:
    """Return the scene that the values name. Raises ``InputError`` where the pair does not fit."""
    pan = raster_file(algorithm.parameterAsRasterLayer(values, PAN, context), PAN)
    ms = read_stack(algorithm, values, MS, context)
    bands = read_bands(algorithm, values, context)
    pan_band = algorithm.parameterAsInt(values, PAN_BAND, context)
    check_pan_band(pan, pan_band)
    check_bands(ms, bands, MS)
    check_pair(pan, ms, context.transformContext())
    return Scene(pan, ms, bands, pan_band, read_sensor(algorithm, values, context))


def read_sensor(
    algorithm: QgsProcessingAlgorithm, values: dict[str, Any], context: QgsProcessingContext
) -> str:
    """Return what names the sensor in a job."""
    return sensors_choice.for_job(algorithm.parameterAsEnumString(values, SENSOR, context))


def tell_sensor(result: dict[str, Any], feedback: QgsProcessingFeedback) -> None:
    """Report which sensor the worker took, and why."""
    why = in_language(result["sensor_reason"])
    feedback.pushInfo(tr("Sensor: {sensor} ({why})", sensor=result["sensor"], why=why))


def read_stack(
    algorithm: QgsProcessingAlgorithm,
    values: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> tuple[RasterFile, ...]:
    """Return the files of a stack. Raises ``InputError`` unless all of them can be opened."""
    layers = algorithm.parameterAsLayerList(values, name, context)
    given = values.get(name)
    # QGIS leaves out what it cannot open, which would shift the numbers of the bands.
    if not layers or (isinstance(given, (list, tuple)) and len(layers) < len(given)):
        raise InputError(
            tr(
                "Of the {name} rasters, {count} can be opened: {given}.",
                name=name,
                count=len(layers),
                given=given,
            ),
            hint=tr("Check the names of the files."),
        )
    return tuple(raster_file(layer, name) for layer in layers)


def read_bands(
    algorithm: QgsProcessingAlgorithm, values: dict[str, Any], context: QgsProcessingContext
) -> tuple[int, ...]:
    """Return the chosen bands; a list of numbers, as JSON gives it, is good as well."""
    given = values.get(BANDS)
    if not isinstance(given, (list, tuple)):
        given = re.split(r"[\s,;]+", algorithm.parameterAsString(values, BANDS, context))
    texts = [str(band).strip() for band in given if str(band).strip()]
    if not all(text.isdecimal() for text in texts):
        raise InputError(
            tr("BANDS: {given!r} is not a list of band numbers.", given=",".join(texts)),
            hint=tr("E.g. 4,3,2."),
        )
    return tuple(map(int, texts))


def chosen_bands(stacked: tuple[RasterFile, ...], bands: tuple[int, ...]) -> int:
    """Return how many bands of a stack were chosen (none named = all)."""
    return len(bands) or sum(raster.bands for raster in stacked)
