"""``ksdiff:adaptweights``: weights fine-tuned on the scene at hand."""

from __future__ import annotations

import os
import re
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputBoolean,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ksdiff_engine.errors import InputError
from ksdiff_engine.job import LARGEST_MINUTES, LARGEST_STEPS, WEIGHTS_SUFFIX, AdaptJob

from .. import weights_choice
from .._compat import DOUBLE, INTEGER
from ..engine_texts import in_language
from ..parameters import described, network, registration, scene
from ..translation import tr, translatable
from .base import KSDiffAlgorithm, Parameters
from .sharpening import SharpeningAlgorithm, common_stem


class AdaptWeightsAlgorithm(KSDiffAlgorithm):
    """A few minutes of training on one scene, kept if a held-out part of it gains."""

    NAME_OF_WEIGHTS = "NAME"
    MINUTES = "MINUTES"
    STEPS = "STEPS"
    OUTPUT = "OUTPUT"

    NAME = "adaptweights"
    TITLE = translatable("Adapt weights to a scene")
    SUMMARY = translatable(
        "Trains KSDiff's weights for some minutes on your own scene, and keeps them if they are "
        "better."
    )
    DESCRIPTION = translatable(
        "Fine-tunes weights on one scene. PAN and MS are reduced by their ratio (Wald's protocol), "
        "so that the original MS is what the network should have found; parts spread over the "
        "scene are learnt from, others are held out. Only if the held-out parts gain are the new "
        "weights written; otherwise the log says so and the old ones stay.\n\n"
        "Sensors that the weights have never seen gain most. The new weights are in the list of "
        "weights at once; auto never takes them, as they are for this scene and others of its "
        "acquisition. Large scenes take no longer: a sample is read. The smallest scene has "
        "144 × 144 MS pixels."
    )
    GROUP = SharpeningAlgorithm.GROUP
    TAGS = (
        *("fine-tuning", "training", "weights", "adapt", "transfer learning", "deep learning"),
        *("pansharpening", "wald"),
    )
    NEEDS_NETWORK = True

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        name = QgsProcessingParameterString(
            self.NAME_OF_WEIGHTS, tr("Name of the new weights"), optional=True
        )
        minutes = QgsProcessingParameterNumber(
            self.MINUTES,
            tr("Longest training in minutes"),
            type=DOUBLE,
            defaultValue=AdaptJob.minutes,
            minValue=0.1,
            maxValue=LARGEST_MINUTES,
        )
        steps = QgsProcessingParameterNumber(
            self.STEPS,
            tr("Most training steps"),
            type=INTEGER,
            defaultValue=AdaptJob.steps,
            minValue=1,
            maxValue=LARGEST_STEPS,
        )
        output = QgsProcessingParameterFileDestination(
            self.OUTPUT,
            tr("Weights file"),
            tr("Weights (*.safetensors)"),
            optional=True,
            createByDefault=False,
        )
        return [
            *scene.parameters(),
            *network.weights_parameters(),
            described(
                name,
                tr(
                    "Under which they are listed. Empty: that of MS, with _adapted. What has this "
                    "name in the folder of weights is replaced."
                ),
            ),
            described(
                minutes,
                tr("The training ends earlier where the held-out parts gain no more."),
            ),
            described(
                steps,
                tr(
                    "A training that ends by its steps, not by the time, gives the same weights on "
                    "every run."
                ),
                advanced=True,
            ),
            network.seed(tr("Of the parts that are held out, the training's order and its noise.")),
            *registration.parameters(),
            described(
                output,
                tr(
                    "Where to write them instead of the folder ksdiff/weights of the QGIS profile; "
                    "the file's name is then that of the weights."
                ),
                advanced=True,
            ),
        ]

    def declare_outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputBoolean("HELPED", tr("Whether the new weights are better")),
            QgsProcessingOutputFile("BETTER_WEIGHTS", tr("The better weights, new or old")),
            QgsProcessingOutputString("WEIGHTS_USED", tr("Their name")),
            QgsProcessingOutputNumber("ERGAS_BEFORE", tr("ERGAS of the held-out part before")),
            QgsProcessingOutputNumber("ERGAS_AFTER", tr("ERGAS of the held-out part after")),
            QgsProcessingOutputNumber(
                "HQNR_BEFORE", tr("HQNR of a part at full resolution before")
            ),
            QgsProcessingOutputNumber("HQNR_AFTER", tr("HQNR of a part at full resolution after")),
            QgsProcessingOutputNumber("STEPS_DONE", tr("Training steps")),
            QgsProcessingOutputNumber("SECONDS", tr("Duration in seconds")),
            QgsProcessingOutputString("DEVICE_USED", tr("Device used")),
            *registration.outputs(),
        ]

    def prepareAlgorithm(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> bool:
        if not self.parameterAsFileOutput(parameters, self.OUTPUT, context):
            os.makedirs(weights_choice.profile_folder(), exist_ok=True)
        return super().prepareAlgorithm(parameters, context, feedback)

    def job(
        self, values: Parameters, context: QgsProcessingContext, outputs: dict[str, str]
    ) -> AdaptJob:
        read = scene.read(self, values, context).fields()
        return AdaptJob(
            output=outputs[self.OUTPUT] or self._in_profile(values, read["ms"], context),
            steps=self.parameterAsInt(values, self.STEPS, context),
            minutes=self.parameterAsDouble(values, self.MINUTES, context),
            **read,
            **network.weights_fields(self, values, context),
            seed=self.parameterAsInt(values, network.SEED, context),
            **registration.fields(self, values, context),
        )

    def _in_profile(
        self, values: Parameters, ms: tuple[str, ...], context: QgsProcessingContext
    ) -> str:
        """Return the file in the profile's folder that the name stands for."""
        name = self.parameterAsString(values, self.NAME_OF_WEIGHTS, context).strip()
        name = name or f"{common_stem(ms)}_adapted"
        if not re.fullmatch(r"[\w][\w .+-]*", name):
            raise InputError(
                tr("NAME: {name!r} cannot be the name of a file.", name=name),
                hint=tr("Use letters, digits, spaces and - _ . +"),
            )
        if name in weights_choice.built_in_names():
            raise InputError(
                tr("NAME: {name} is the name of weights that come with the plugin.", name=name),
                hint=tr("Choose another name."),
            )
        return os.path.join(weights_choice.profile_folder(), name + WEIGHTS_SUFFIX)

    def results(self, result: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        scene.tell_sensor(result, feedback)
        reason = in_language(result["weights_reason"])
        begun = result["derived_from"]
        feedback.pushInfo(tr("Weights: {weights} ({reason})", weights=begun, reason=reason))
        feedback.pushInfo(tr("Device: {device}", device=result["device"]))
        shift = registration.results(result, feedback)
        tell = feedback.pushInfo if result["helped"] else feedback.pushWarning
        tell(in_language(result["verdict"]))
        if result["helped"]:
            feedback.pushInfo(tr("The new weights: {file}", file=result["output"]))
        return {
            self.OUTPUT: result["output"],
            "HELPED": result["helped"],
            "BETTER_WEIGHTS": result["weights_file"],
            "WEIGHTS_USED": result["weights"],
            "ERGAS_BEFORE": result["ergas_before"],
            "ERGAS_AFTER": result["ergas_after"],
            "HQNR_BEFORE": result["hqnr_before"],
            "HQNR_AFTER": result["hqnr_after"],
            "STEPS_DONE": result["steps"],
            "SECONDS": result["seconds"],
            "DEVICE_USED": result["device"],
            **shift,
        }
