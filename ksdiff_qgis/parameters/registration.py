"""What to do about a shift between PAN and MS."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingParameterDefinition,
)

from ksdiff_engine.job import REGISTER as CHOICES

from ..engine_texts import in_language
from ..translation import tr
from . import choice, described

REGISTER = "REGISTER"


def parameters() -> list[QgsProcessingParameterDefinition]:
    """Return the parameter ``REGISTER``."""
    return [
        described(
            choice(REGISTER, tr("Shift between PAN and MS"), CHOICES),
            tr(
                "How far the ground in PAN lies off the same ground in MS is measured. follow "
                "resamples PAN by that, to where MS lies; correct moves MS instead, to where PAN "
                "lies, without resampling; both to a fraction of a pixel, where the measurement "
                "can be trusted. report only says it. off measures nothing."
            ),
            advanced=True,
        )
    ]


def outputs() -> list[QgsProcessingOutputDefinition]:
    """Return the outputs; the shift has no value where it could not be measured."""
    return [
        QgsProcessingOutputNumber("SHIFT_X", tr("PAN lies right of MS by (PAN pixels)")),
        QgsProcessingOutputNumber("SHIFT_Y", tr("PAN lies below MS by (PAN pixels)")),
        QgsProcessingOutputNumber("SHIFT_CONFIDENCE", tr("Confidence in the shift (0 to 1)")),
    ]


def fields(
    algorithm: QgsProcessingAlgorithm, values: dict[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """Return the field of a job that says what to do about a shift."""
    return {"register": algorithm.parameterAsEnumString(values, REGISTER, context)}


def results(result: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
    """Return the values of :func:`outputs` from the worker's result, and report them."""
    finding = in_language(result["registration"])
    feedback.pushInfo(tr("Registration: {registration}", registration=finding))
    return {
        "SHIFT_X": result["shift_x"],
        "SHIFT_Y": result["shift_y"],
        "SHIFT_CONFIDENCE": result["shift_confidence"],
    }
