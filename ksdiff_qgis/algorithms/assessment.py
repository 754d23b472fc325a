"""What the algorithms that measure share: figures as numbers, as JSON and as a page."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, ClassVar

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFileDestination,
)

from ksdiff_engine.errors import OutputError
from ksdiff_engine.job import Job, check_optional_outputs

from ..parameters import described, scene
from ..translation import tr, translatable
from .base import KSDiffAlgorithm, Parameters


class AssessmentAlgorithm(KSDiffAlgorithm):
    """An algorithm whose result is figures.

    FIGURES: what each figure of the worker's result is called. Its output has the key in capitals;
    a figure that is undefined, which the log explains, is NULL there.
    """

    OUTPUT_JSON = "OUTPUT_JSON"
    OUTPUT_HTML = "OUTPUT_HTML"

    GROUP = translatable("Quality")
    ICON = "quality.svg"
    TAGS: tuple[str, ...] = ("quality", "assessment", "metrics", "index", "accuracy", "report")
    FIGURES: ClassVar[dict[str, str]]

    def report_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the destinations of the figures."""
        figures = QgsProcessingParameterFileDestination(
            self.OUTPUT_JSON, tr("Figures (JSON)"), tr("JSON files (*.json)"), optional=True
        )
        page = QgsProcessingParameterFileDestination(
            self.OUTPUT_HTML, tr("Report (HTML)"), tr("HTML files (*.html)"), optional=True
        )
        return [
            described(
                figures, tr("All figures, with what was compared and how, for other programs.")
            ),
            described(
                page, tr("The figures explained, with pictures; one page, complete in itself.")
            ),
        ]

    def assessment(
        self, values: Parameters, context: QgsProcessingContext, outputs: dict[str, str]
    ) -> Job:
        """Return the job, as :meth:`job` does; the JSON is not its business."""
        raise NotImplementedError

    def job(
        self, values: Parameters, context: QgsProcessingContext, outputs: dict[str, str]
    ) -> Job:
        job = self.assessment(values, context, outputs)
        if outputs[self.OUTPUT_JSON]:
            check_optional_outputs(inputs_of(job), (*job.outputs, outputs[self.OUTPUT_JSON]))
        return job

    def declare_outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputNumber(key.upper(), tr(title)) for key, title in self.FIGURES.items()
        ]

    def figures(self, result: dict[str, Any]) -> dict[str, float | None]:
        """Return the figures of ``FIGURES`` from the worker's result."""
        return result["figures"]

    def results(self, result: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        figures = self.figures(result)
        if "sensor" in result:
            scene.tell_sensor(result, feedback)
        for key, title in self.FIGURES.items():
            value = figures[key]
            feedback.pushInfo(
                f"{tr(title)}: {tr('undefined') if value is None else f'{value:.6g}'}"
            )
        for note in result["notes"]:
            if note not in result["messages"]:  # those were warnings during the run
                feedback.pushInfo(note)
        return {key.upper(): figures[key] for key in self.FIGURES}

    def write(self, result: dict[str, Any], outputs: dict[str, str]) -> None:
        if outputs[self.OUTPUT_JSON]:
            write_json(result, outputs[self.OUTPUT_JSON])


def inputs_of(job: Job) -> tuple[str, ...]:
    """Return the paths that a job reads."""
    read = [getattr(job, field, ()) for field in ("pan", "ms", "reference", "fused")]
    return tuple(path for given in read for path in ((given,) if isinstance(given, str) else given))


def write_json(data: dict[str, Any], path: str) -> None:
    """Write a JSON file whole or not at all. Raises ``OutputError``."""
    folder, name = os.path.split(path)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{name[:100]}.", dir=folder) as staging:
            unfinished = os.path.join(staging, name)
            with open(unfinished, "w", encoding="utf-8") as file:
                json.dump(data, file, indent=2, ensure_ascii=False, allow_nan=False)
                file.write("\n")
            os.replace(unfinished, path)
    except OSError as error:
        raise OutputError(
            tr("{path} cannot be written: {reason}.", path=path, reason=error.strerror or error),
            hint=tr("Check the folder's permissions and the space left."),
        ) from error
