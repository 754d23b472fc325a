"""What the algorithms that sharpen a scene share, whatever their method."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
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

from ksdiff_engine.job import ClassicalJob, PansharpenJob

from .. import result_layer
from ..parameters import described, output, registration, scene
from ..translation import tr, translatable
from .base import KSDiffAlgorithm


class SharpeningAlgorithm(KSDiffAlgorithm):
    """A scene, a method's own parameters, a sharpened raster; a subclass adds the method."""

    OUTPUT = "OUTPUT"

    GROUP = translatable("Pansharpening")
    TAGS = (
        *("pansharpening", "pan-sharpening", "fusion", "sharpen", "panchromatic", "multispectral"),
        *("resolution", "satellite"),
    )

    def declare_method(self) -> list[QgsProcessingParameterDefinition]:
        """Return the method's own parameters."""
        raise NotImplementedError

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *scene.parameters(),
            *self.declare_method(),
            *registration.parameters(),
            *output.parameters(),
            described(
                QgsProcessingParameterRasterDestination(self.OUTPUT, tr("Pansharpened raster")),
                tr("The sharpened bands: a GeoTIFF, or another format by its extension."),
            ),
        ]

    def declare_outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputNumber("WIDTH", tr("Width in pixels")),
            QgsProcessingOutputNumber("HEIGHT", tr("Height in pixels")),
            QgsProcessingOutputNumber("BAND_COUNT", tr("Number of bands")),
            QgsProcessingOutputNumber("RATIO", tr("PAN pixels per MS pixel")),
            QgsProcessingOutputNumber("VALID_FRACTION", tr("Fraction of valid pixels (0 to 1)")),
            QgsProcessingOutputNumber("SECONDS", tr("Duration in seconds")),
            *registration.outputs(),
        ]

    def results(self, result: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        scene.tell_sensor(result, feedback)
        return {
            "WIDTH": result["width"],
            "HEIGHT": result["height"],
            "BAND_COUNT": result["bands"],
            "RATIO": result["ratio"],
            "VALID_FRACTION": result["valid_fraction"],
            "SECONDS": result["seconds"],
            **registration.results(result, feedback),
        }

    def layer_names(self, job: PansharpenJob | ClassicalJob) -> dict[str, str]:
        return {self.OUTPUT: tr("{name} pansharpened", name=common_stem(job.ms))}

    def present_layer(
        self,
        details: QgsProcessingContext.LayerDetails,
        job: PansharpenJob | ClassicalJob,
        result: dict[str, Any],
    ) -> None:
        origin = result_layer.origin_of(job, result, self.displayName())
        result_layer.present(details, origin, self.id(), self.OUTPUT)


def common_stem(paths: Sequence[str]) -> str:
    """Return the name of a file without extension; of several, the words that they begin with."""
    stems = [Path(path).stem for path in paths]
    words = zip(*(re.split(r"[\W_]", stem) for stem in stems))
    common = [same[0] for same in takewhile(lambda same: len(set(same)) == 1, words)]
    return stems[0][: len("_".join(common))] or stems[0]
