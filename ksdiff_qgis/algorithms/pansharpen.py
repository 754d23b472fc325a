"""``ksdiff:pansharpen``: one PAN/MS scene through the network."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
)

from ksdiff_engine.job import PansharpenJob

from ..engine_texts import in_language
from ..parameters import network, output, registration, scene
from ..translation import tr, translatable
from .base import Parameters
from .sharpening import SharpeningAlgorithm


class PansharpenAlgorithm(SharpeningAlgorithm):
    """Pansharpening of one scene with KSDiff."""

    NAME = "pansharpen"
    TITLE = translatable("Pansharpen (KSDiff)")
    SUMMARY = translatable(
        "Sharpens multispectral bands with a panchromatic band by kernel-space diffusion."
    )
    DESCRIPTION = translatable(
        "Fuses a panchromatic raster (PAN) with a multispectral one (MS) into a multispectral "
        "raster with the pixels of PAN, by the method KSDiff: a diffusion model estimates a prior "
        "of the scene, the prior shapes the kernels of a convolutional network, and one pass of "
        "that network sharpens the bands.\n\n"
        "The result covers the common area of PAN and MS in the CRS and grid of PAN, and keeps "
        "the data type, nodata and radiometry of MS. MS in another CRS is warped. The same inputs, "
        "weights and seed give the same result."
    )
    TAGS = (*SharpeningAlgorithm.TAGS, "super-resolution", "diffusion", "deep learning")
    NEEDS_NETWORK = True

    def declare_method(self) -> list[QgsProcessingParameterDefinition]:
        return network.parameters()

    def declare_outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            *super().declare_outputs(),
            QgsProcessingOutputString("WEIGHTS_USED", tr("Weights used")),
            QgsProcessingOutputString("DEVICE_USED", tr("Device used")),
        ]

    def job(
        self, values: Parameters, context: QgsProcessingContext, outputs: dict[str, str]
    ) -> PansharpenJob:
        return PansharpenJob(
            output=outputs[self.OUTPUT],
            **scene.read(self, values, context).fields(),
            **network.fields(self, values, context),
            **registration.fields(self, values, context),
            **output.fields(self, values, context),
        )

    def results(self, result: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        reason = in_language(result["weights_reason"])
        feedback.pushInfo(
            tr("Weights: {weights} ({reason})", weights=result["weights"], reason=reason)
        )
        feedback.pushInfo(tr("Device: {device}", device=result["device"]))
        return {
            **super().results(result, feedback),
            "WEIGHTS_USED": result["weights"],
            "DEVICE_USED": result["device"],
        }
