"""``ksdiff:comparemethods``: which method is best for the scene at hand."""

from __future__ import annotations

from typing import Any, ClassVar

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterNumber,
)

from ksdiff_engine.job import COMPARED_METHODS, KSDIFF, LARGEST_SAMPLE, CompareJob, Job

from .._compat import DOUBLE
from ..parameters import described, network, registration, scene
from ..translation import tr, translatable
from .assessment import AssessmentAlgorithm
from .base import Parameters


class CompareMethodsAlgorithm(AssessmentAlgorithm):
    """Several methods on one scene, at reduced and at full resolution, ranked."""

    METHODS = "METHODS"
    MEGAPIXELS = "MEGAPIXELS"
    BEST_REDUCED = "BEST_REDUCED"
    BEST_FULL = "BEST_FULL"

    NAME = "comparemethods"
    TITLE = translatable("Compare methods")
    SUMMARY = translatable("Sharpens a sample of the scene by several methods, and ranks them.")
    DESCRIPTION = translatable(
        "Says which method suits a scene. At reduced resolution, by Wald's protocol, PAN and MS "
        "are degraded by their ratio and each result is compared with the original MS; the "
        "methods are ranked by ERGAS. At full resolution, where there is no reference, they are "
        "ranked by HQNR.\n\n"
        "Large scenes are represented by a sample. No raster is written: sharpen the scene with "
        "the method that is best, of which the name is an output. KSDiff needs PyTorch; without "
        "it, it is left out with a warning."
    )
    TAGS = (
        *AssessmentAlgorithm.TAGS,
        *("benchmark", "ranking", "hqnr", "ergas", "sam", "wald", "pansharpening"),
    )
    FIGURES: ClassVar[dict[str, str]] = {
        "best_ergas": translatable("ERGAS of the best method at reduced resolution (0 is best)"),
        "best_hqnr": translatable("HQNR of the best method at full resolution (1 is best)"),
        "ksdiff_ergas": translatable("ERGAS of KSDiff at reduced resolution (0 is best)"),
        "ksdiff_hqnr": translatable("HQNR of KSDiff at full resolution (1 is best)"),
    }

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        methods = QgsProcessingParameterEnum(
            self.METHODS,
            tr("Methods"),
            list(COMPARED_METHODS),
            allowMultiple=True,
            defaultValue=list(COMPARED_METHODS),
            usesStaticStrings=True,
        )
        sample = QgsProcessingParameterNumber(
            self.MEGAPIXELS,
            tr("Size of the sample in millions of PAN pixels"),
            type=DOUBLE,
            defaultValue=CompareJob.megapixels,
            minValue=0.01,
            maxValue=LARGEST_SAMPLE,
        )
        return [
            *scene.parameters(),
            described(
                methods,
                tr(
                    "Those of ksdiff:classicalpansharpen, and ksdiff, the network. exp, which only "
                    "interpolates, is what all others should beat."
                ),
            ),
            described(sample, tr("A smaller scene is used whole."), advanced=True),
            *network.parameters(advanced=True),
            *registration.parameters(),
            *self.report_parameters(),
        ]

    def declare_outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputString(self.BEST_REDUCED, tr("Best method at reduced resolution")),
            QgsProcessingOutputString(self.BEST_FULL, tr("Best method at full resolution")),
            *super().declare_outputs(),
            *registration.outputs(),
        ]

    def assessment(
        self, values: Parameters, context: QgsProcessingContext, outputs: dict[str, str]
    ) -> CompareJob:
        return CompareJob(
            methods=tuple(self.parameterAsEnumStrings(values, self.METHODS, context)),
            megapixels=self.parameterAsDouble(values, self.MEGAPIXELS, context),
            html=outputs[self.OUTPUT_HTML],
            **scene.read(self, values, context).fields(),
            **network.fields(self, values, context),
            **registration.fields(self, values, context),
        )

    def needs_network(self, job: Job) -> bool:
        return job.methods == (KSDIFF,)

    def figures(self, result: dict[str, Any]) -> dict[str, float | None]:
        figures = result["figures"]
        return {
            "best_ergas": figures[result["ranking_reduced"][0]]["ergas"],
            "best_hqnr": figures[result["ranking_full"][0]]["hqnr"],
            "ksdiff_ergas": figures.get(KSDIFF, {}).get("ergas"),
            "ksdiff_hqnr": figures.get(KSDIFF, {}).get("hqnr"),
        }

    def results(self, result: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        best = {self.BEST_REDUCED: ranked(result, "ranking_reduced", "ergas", feedback)}
        best[self.BEST_FULL] = ranked(result, "ranking_full", "hqnr", feedback)
        shift = registration.results(result, feedback)
        return {**best, **super().results(result, feedback), **shift}


def ranked(
    result: dict[str, Any], ranking: str, key: str, feedback: QgsProcessingFeedback
) -> str | None:
    """Report a ranking and return its first method, or None where no method has the figure."""
    values = {method: result["figures"][method][key] for method in result[ranking]}
    measured = [method for method, value in values.items() if value is not None]
    texts = [f"{method} {values[method]:.4f}" for method in measured]
    failed = [method for method in values if method not in measured]
    feedback.pushInfo(f"{key.upper()}: {', '.join(texts) or tr('undefined')}")
    if failed:
        feedback.pushWarning(
            tr(
                "Without {figure}: {methods}; the report says why.",
                figure=key.upper(),
                methods=", ".join(failed),
            )
        )
    return measured[0] if measured else None
