"""``ksdiff:pansharpen``: one PAN/MS scene through the network."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBand,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ksdiff_engine.errors import InputError
from ksdiff_engine.job import (
    DEVICES,
    OUTPUT_TYPES,
    PRIOR_SCOPES,
    PansharpenJob,
)
from ksdiff_engine.sensors import AUTO, load_profiles
from ksdiff_engine.weights import SUFFIX, read_card

from .. import weights_choice
from .._compat import CREATION_OPTIONS_WIDGET, INTEGER, RASTER
from ..rasters import RasterFile, check_bands, check_pair, check_pan_band, raster_file
from .base import KSDiffAlgorithm, Parameters, described

_LARGEST_INTEGER = 2**31 - 1  # of a Processing parameter
_LARGEST_TILE = 65536


class PansharpenAlgorithm(KSDiffAlgorithm):
    """Pansharpening of one scene with KSDiff."""

    PAN = "PAN"
    MS = "MS"
    BANDS = "BANDS"
    WEIGHTS = "WEIGHTS"
    WEIGHTS_FILE = "WEIGHTS_FILE"
    DEVICE = "DEVICE"
    PRIOR_SCOPE = "PRIOR_SCOPE"
    SENSOR = "SENSOR"
    PAN_BAND = "PAN_BAND"
    SEED = "SEED"
    TILE = "TILE"
    OUTPUT_TYPE = "OUTPUT_TYPE"
    CREATION_OPTIONS = "CREATION_OPTIONS"

    NAME = "pansharpen"
    TITLE = "Pansharpen (KSDiff)"
    SUMMARY = "Sharpens multispectral bands with a panchromatic band by kernel-space diffusion."
    DESCRIPTION = (
        "Fuses a panchromatic raster (PAN) with a multispectral one (MS) into a multispectral "
        "raster with the pixels of PAN, by the method KSDiff: a diffusion model estimates a prior "
        "of the scene, the prior shapes the kernels of a convolutional network, and one pass of "
        "that network sharpens the bands.\n\n"
        "The result covers the common area of PAN and MS in the CRS and grid of PAN, and keeps "
        "the data type, nodata and radiometry of MS. MS in another CRS is warped. The same inputs, "
        "weights and seed give the same result."
    )
    TAGS = (
        *("pansharpening", "pan-sharpening", "fusion", "sharpen", "panchromatic", "multispectral"),
        *("resolution", "super-resolution", "diffusion", "deep learning", "satellite"),
    )

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *self._scene_parameters(),
            *self._method_parameters(),
            *self._output_parameters(),
        ]

    def _scene_parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            described(
                QgsProcessingParameterRasterLayer(self.PAN, "Panchromatic raster (PAN)"),
                "The sharp raster, with a single band.",
            ),
            described(
                QgsProcessingParameterMultipleLayers(
                    self.MS, "Multispectral raster (MS), or one raster a band", RASTER
                ),
                "The raster to sharpen. Several rasters are stacked in the order given.",
            ),
            described(
                QgsProcessingParameterString(self.BANDS, "Bands of MS to sharpen", optional=True),
                "Numbers separated by commas, counted from 1 through the stacked MS, in the order "
                "wanted in the result, e.g. 4,3,2. Empty: all bands.",
            ),
            described(
                QgsProcessingParameterBand(
                    self.PAN_BAND, "Band of PAN", None, self.PAN, optional=True
                ),
                "Which band of PAN is panchromatic, where the raster has several.",
                advanced=True,
            ),
            described(
                _choice(self.SENSOR, "Sensor", (AUTO, *load_profiles())),
                "Whose modulation transfer function (MTF) to use. auto looks at the names and "
                "tags of the files; default fits any sensor.",
                advanced=True,
            ),
        ]

    def _method_parameters(self) -> list[QgsProcessingParameterDefinition]:
        file = QgsProcessingParameterFile(
            self.WEIGHTS_FILE, "Weights file", extension=SUFFIX.lstrip("."), optional=True
        )
        return [
            described(
                _choice(self.WEIGHTS, "Weights", (AUTO, *weights_choice.names())),
                "The trained network. auto chooses by the number of bands, the ratio of the pixel "
                "sizes and the sensor, and reports its choice.",
            ),
            described(
                _choice(self.DEVICE, "Device", DEVICES),
                "auto uses an NVIDIA GPU where one works, else the processor.",
            ),
            described(
                file,
                "A safetensors file of weights, instead of those in the list of weights.",
                advanced=True,
            ),
            described(
                _choice(self.PRIOR_SCOPE, "Scope of the prior", PRIOR_SCOPES),
                "scene estimates one prior for the whole scene, so that the tiling leaves no "
                "trace; tile estimates one for every tile.",
                advanced=True,
            ),
            described(
                _integer(self.SEED, "Seed", _LARGEST_INTEGER),
                "Of the noise from which the diffusion model starts.",
                advanced=True,
            ),
            described(
                _integer(self.TILE, "Tile size", _LARGEST_TILE),
                "Edge of a tile in PAN pixels, at least 64; smaller tiles need less memory. "
                "0 chooses one.",
                advanced=True,
            ),
        ]

    def _output_parameters(self) -> list[QgsProcessingParameterDefinition]:
        options = QgsProcessingParameterString(
            self.CREATION_OPTIONS, "Additional creation options", optional=True
        )
        options.setMetadata({"widget_wrapper": CREATION_OPTIONS_WIDGET})
        return [
            described(
                _choice(self.OUTPUT_TYPE, "Output data type", OUTPUT_TYPES),
                "input keeps the data type of MS. Values outside a type's range are clipped.",
                advanced=True,
            ),
            described(
                options,
                "Of GDAL's driver for the format, separated by |, e.g. COMPRESS=ZSTD|TILED=YES.",
                advanced=True,
            ),
            described(
                QgsProcessingParameterRasterDestination(self.OUTPUT, "Pansharpened raster"),
                "The sharpened bands: a GeoTIFF, or another format by its extension.",
            ),
        ]

    def declare_outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputNumber("WIDTH", "Width in pixels"),
            QgsProcessingOutputNumber("HEIGHT", "Height in pixels"),
            QgsProcessingOutputNumber("BAND_COUNT", "Number of bands"),
            QgsProcessingOutputNumber("RATIO", "PAN pixels per MS pixel"),
            QgsProcessingOutputNumber("VALID_FRACTION", "Fraction of valid pixels (0 to 1)"),
            QgsProcessingOutputNumber("SECONDS", "Duration in seconds"),
            QgsProcessingOutputString("WEIGHTS_USED", "Weights used"),
            QgsProcessingOutputString("DEVICE_USED", "Device used"),
        ]

    def job(self, values: Parameters, context: QgsProcessingContext, output: str) -> PansharpenJob:
        pan = raster_file(self.parameterAsRasterLayer(values, self.PAN, context), "PAN")
        ms = self._ms_files(values, context)
        bands = self._bands(values, context)
        pan_band = self.parameterAsInt(values, self.PAN_BAND, context)
        check_pan_band(pan, pan_band)
        check_bands(ms, bands)
        check_pair(pan, ms, context.transformContext())
        options = self.parameterAsString(values, self.CREATION_OPTIONS, context)
        return PansharpenJob(
            pan=pan.path,
            ms=tuple(raster.path for raster in ms),
            output=output,
            bands=bands,
            weights=self._weights(values, context),
            weights_folders=weights_choice.folders(),
            device=self.parameterAsEnumString(values, self.DEVICE, context),
            prior_scope=self.parameterAsEnumString(values, self.PRIOR_SCOPE, context),
            seed=self.parameterAsInt(values, self.SEED, context),
            tile=self.parameterAsInt(values, self.TILE, context),
            output_type=self.parameterAsEnumString(values, self.OUTPUT_TYPE, context),
            creation_options=tuple(option for option in options.split("|") if option),
            sensor=self.parameterAsEnumString(values, self.SENSOR, context),
            pan_band=pan_band,
        )

    def results(self, result: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        feedback.pushInfo(f"Weights: {result['weights']} ({result['weights_reason']})")
        feedback.pushInfo(f"Device: {result['device']}")
        return {
            "WIDTH": result["width"],
            "HEIGHT": result["height"],
            "BAND_COUNT": result["bands"],
            "RATIO": result["ratio"],
            "VALID_FRACTION": result["valid_fraction"],
            "SECONDS": result["seconds"],
            "WEIGHTS_USED": result["weights"],
            "DEVICE_USED": result["device"],
        }

    def layer_name(self, job: PansharpenJob) -> str:
        return f"{Path(job.ms[0]).stem} pansharpened"

    def _ms_files(self, values: Parameters, context: QgsProcessingContext) -> list[RasterFile]:
        layers = self.parameterAsLayerList(values, self.MS, context)
        given = values.get(self.MS)
        # QGIS leaves out what it cannot open, which would shift the numbers of the bands.
        if not layers or (isinstance(given, (list, tuple)) and len(layers) < len(given)):
            raise InputError(
                f"Of the MS rasters, {len(layers)} can be opened: {given}.",
                hint="Check the names of the files.",
            )
        return [raster_file(layer, "MS") for layer in layers]

    def _bands(self, values: Parameters, context: QgsProcessingContext) -> tuple[int, ...]:
        """Return the chosen bands; a list of numbers, as JSON gives it, is good as well."""
        given = values.get(self.BANDS)
        if not isinstance(given, (list, tuple)):
            given = re.split(r"[\s,;]+", self.parameterAsString(values, self.BANDS, context))
        texts = [str(band).strip() for band in given if str(band).strip()]
        if not all(text.isdecimal() for text in texts):
            raise InputError(
                f"BANDS: {','.join(texts)!r} is not a list of band numbers.", hint="E.g. 4,3,2."
            )
        return tuple(map(int, texts))

    def _weights(self, values: Parameters, context: QgsProcessingContext) -> str:
        name = self.parameterAsEnumString(values, self.WEIGHTS, context)
        path = self.parameterAsFile(values, self.WEIGHTS_FILE, context)
        if not path:
            return name
        if name != AUTO:
            raise InputError(
                f"Both WEIGHTS ({name}) and WEIGHTS_FILE ({path}) are given.",
                hint="Leave WEIGHTS at auto to use the file.",
            )
        read_card(path)
        return os.path.abspath(path)


def _choice(name: str, title: str, options: tuple[str, ...]) -> QgsProcessingParameterEnum:
    """Return an enumeration whose values are the words themselves; the first is the default."""
    return QgsProcessingParameterEnum(
        name, title, list(options), defaultValue=options[0], usesStaticStrings=True
    )


def _integer(name: str, title: str, largest: int) -> QgsProcessingParameterNumber:
    return QgsProcessingParameterNumber(
        name, title, type=INTEGER, defaultValue=0, minValue=0, maxValue=largest
    )
