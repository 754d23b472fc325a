"""Weights, device and prior: how the network of KSDiff is run."""

from __future__ import annotations

import os
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
)

from ksdiff_engine.errors import InputError
from ksdiff_engine.job import DEVICES, PRIOR_SCOPES
from ksdiff_engine.sensors import AUTO
from ksdiff_engine.weights import SUFFIX, read_card

from .. import weights_choice
from .._compat import INTEGER
from ..translation import tr
from . import choice, described

WEIGHTS = "WEIGHTS"
DEVICE = "DEVICE"
WEIGHTS_FILE = "WEIGHTS_FILE"
PRIOR_SCOPE = "PRIOR_SCOPE"
SEED = "SEED"

_LARGEST_INTEGER = 2**31 - 1  # of a Processing parameter


def parameters(*, advanced: bool = False) -> list[QgsProcessingParameterDefinition]:
    """Return the network's parameters; ``advanced`` hides those as well that are shown first."""
    return [
        *weights_parameters(advanced=advanced),
        described(
            choice(PRIOR_SCOPE, tr("Scope of the prior"), PRIOR_SCOPES),
            tr(
                "scene estimates one prior for the whole scene, so that the tiling leaves no "
                "trace; tile estimates one for every 512 pixels and blends them."
            ),
            advanced=True,
        ),
        seed(tr("Of the noise from which the diffusion model starts.")),
    ]


def weights_parameters(*, advanced: bool = False) -> list[QgsProcessingParameterDefinition]:
    """Return the parameters that say which weights to take, and where to compute."""
    file = QgsProcessingParameterFile(
        WEIGHTS_FILE, tr("Weights file"), extension=SUFFIX.lstrip("."), optional=True
    )
    return [
        described(
            choice(WEIGHTS, tr("Weights"), (AUTO, *weights_choice.names())),
            tr(
                "The trained network. auto chooses by the number of bands, the ratio of the pixel "
                "sizes and the sensor, and reports its choice."
            ),
            advanced=advanced,
        ),
        described(
            choice(DEVICE, tr("Device"), DEVICES),
            tr("auto uses an NVIDIA GPU where one works, else the processor."),
            advanced=advanced,
        ),
        described(
            file,
            tr("A safetensors file of weights, instead of those in the list of weights."),
            advanced=True,
        ),
    ]


def seed(text: str) -> QgsProcessingParameterDefinition:
    """Return the parameter ``SEED``; the text says of what."""
    number = QgsProcessingParameterNumber(
        SEED, tr("Seed"), type=INTEGER, defaultValue=0, minValue=0, maxValue=_LARGEST_INTEGER
    )
    return described(number, text, advanced=True)


def fields(
    algorithm: QgsProcessingAlgorithm, values: dict[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """Return the fields of a job that say how to run the network. Raises ``EngineError``."""
    return {
        **weights_fields(algorithm, values, context),
        "prior_scope": algorithm.parameterAsEnumString(values, PRIOR_SCOPE, context),
        "seed": algorithm.parameterAsInt(values, SEED, context),
    }


def weights_fields(
    algorithm: QgsProcessingAlgorithm, values: dict[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """Return the fields of :func:`weights_parameters`. Raises ``EngineError``."""
    return {
        "weights": _weights(algorithm, values, context),
        "weights_folders": weights_choice.folders(),
        "device": algorithm.parameterAsEnumString(values, DEVICE, context),
    }


def _weights(
    algorithm: QgsProcessingAlgorithm, values: dict[str, Any], context: QgsProcessingContext
) -> str:
    name = algorithm.parameterAsEnumString(values, WEIGHTS, context)
    path = algorithm.parameterAsFile(values, WEIGHTS_FILE, context)
    if not path:
        return name
    if name != AUTO:
        raise InputError(
            tr("Both WEIGHTS ({name}) and WEIGHTS_FILE ({path}) are given.", name=name, path=path),
            hint=tr("Leave WEIGHTS at auto to use the file."),
        )
    read_card(path)
    return os.path.abspath(path)
