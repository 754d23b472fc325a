"""``ksdiff:degrade``: Wald's protocol on one scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterDestination,
)

from ksdiff_engine.job import DegradeJob

from ..parameters import described, output, registration, scene
from ..translation import tr, translatable
from .base import KSDiffAlgorithm, Parameters


class DegradeAlgorithm(KSDiffAlgorithm):
    """Reduction of a pair by its own ratio, so that the MS becomes the reference."""

    OUTPUT_PAN = "OUTPUT_PAN"
    OUTPUT_MS = "OUTPUT_MS"
    OUTPUT_REFERENCE = "OUTPUT_REFERENCE"

    NAME = "degrade"
    TITLE = translatable("Degrade (Wald's protocol)")
    SUMMARY = translatable(
        "Reduces PAN and MS by their ratio, so that the original MS becomes the reference."
    )
    DESCRIPTION = translatable(
        "Reduces a panchromatic raster (PAN) and a multispectral one (MS) by the ratio of their "
        "pixel sizes, after Wald's protocol: the reduced PAN has the pixels of the original MS. "
        "Sharpen the reduced pair by any method, of any plugin, and compare the result with the "
        "original MS (ksdiff:assessagainstreference).\n\n"
        "Each band is blurred by its own modulation transfer function, that of the sensor, before "
        "it is sampled."
    )
    GROUP = translatable("Quality")
    ICON = "quality.svg"
    TAGS = ("wald", "degrade", "reduced resolution", "downsample", "mtf", "pansharpening")

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        reference = QgsProcessingParameterRasterDestination(
            self.OUTPUT_REFERENCE, tr("Reference"), optional=True, createByDefault=False
        )
        return [
            *scene.parameters(),
            *registration.parameters(),
            output.creation_options(),
            described(
                QgsProcessingParameterRasterDestination(self.OUTPUT_PAN, tr("Reduced PAN")),
                tr("PAN with the pixels of MS."),
            ),
            described(
                QgsProcessingParameterRasterDestination(self.OUTPUT_MS, tr("Reduced MS")),
                tr("MS with pixels larger by the ratio."),
            ),
            described(reference, tr("The original MS, cut to the area of the reduced PAN.")),
        ]

    def declare_outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputNumber("WIDTH", tr("Width of the reduced PAN in pixels")),
            QgsProcessingOutputNumber("HEIGHT", tr("Height of the reduced PAN in pixels")),
            QgsProcessingOutputNumber("MS_WIDTH", tr("Width of the reduced MS in pixels")),
            QgsProcessingOutputNumber("MS_HEIGHT", tr("Height of the reduced MS in pixels")),
            QgsProcessingOutputNumber("BAND_COUNT", tr("Number of bands of MS")),
            QgsProcessingOutputNumber("RATIO", tr("Ratio by which both were reduced")),
            QgsProcessingOutputNumber("VALID_FRACTION", tr("Fraction of valid MS pixels (0 to 1)")),
            *registration.outputs(),
        ]

    def job(
        self, values: Parameters, context: QgsProcessingContext, outputs: dict[str, str]
    ) -> DegradeJob:
        return DegradeJob(
            output_pan=outputs[self.OUTPUT_PAN],
            output_ms=outputs[self.OUTPUT_MS],
            output_reference=outputs[self.OUTPUT_REFERENCE],
            creation_options=output.read_creation_options(self, values, context),
            **scene.read(self, values, context).fields(),
            **registration.fields(self, values, context),
        )

    def results(self, result: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        scene.tell_sensor(result, feedback)
        return {
            "WIDTH": result["width"],
            "HEIGHT": result["height"],
            "MS_WIDTH": result["ms_width"],
            "MS_HEIGHT": result["ms_height"],
            "BAND_COUNT": result["bands"],
            "RATIO": result["ratio"],
            "VALID_FRACTION": result["valid_fraction"],
            **registration.results(result, feedback),
        }

    def layer_names(self, job: DegradeJob) -> dict[str, str]:
        return {
            self.OUTPUT_PAN: tr("{name} reduced", name=Path(job.pan).stem),
            self.OUTPUT_MS: tr("{name} reduced", name=Path(job.ms[0]).stem),
            self.OUTPUT_REFERENCE: tr("{name} reference", name=Path(job.ms[0]).stem),
        }
