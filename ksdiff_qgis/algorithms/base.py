"""What every KSDiff algorithm shares: it declares parameters, builds a job, the worker runs it."""

from __future__ import annotations

import os
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingUtils,
)
from qgis.PyQt.QtGui import QIcon

from ksdiff_engine.errors import EngineError
from ksdiff_engine.job import Job
from ksdiff_engine.leftovers import remove_leftovers

from .. import interpreter, worker_client
from .._compat import ADVANCED

Parameters = dict[str, Any]


class KSDiffAlgorithm(QgsProcessingAlgorithm):
    """An algorithm whose work is one job of the engine.

    A subclass sets the texts below and says in ``declare_parameters``, ``declare_outputs``, ``job``
    and ``results`` what goes in and out. Its result is the raster of the parameter ``OUTPUT``.
    """

    OUTPUT = "OUTPUT"

    NAME: str
    TITLE: str
    SUMMARY: str
    DESCRIPTION: str
    TAGS: tuple[str, ...]

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters, ``OUTPUT`` among them, each with its help."""
        raise NotImplementedError

    def declare_outputs(self) -> list[QgsProcessingOutputDefinition]:
        """Return the outputs beside ``OUTPUT``."""
        return []

    def job(self, values: Parameters, context: QgsProcessingContext, output: str) -> Job:
        """Return the job for the values; raise ``EngineError`` for what cannot work.

        Called before the run to check the values, and on the thread that owns the project's layers.
        """
        raise NotImplementedError

    def results(self, result: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Return the values of the declared outputs from the worker's result, and report it."""
        return {}

    def layer_name(self, job: Job) -> str:
        """Return the name of the result's layer in the project."""
        raise NotImplementedError

    # What QGIS asks for.

    def createInstance(self) -> KSDiffAlgorithm:
        return type(self)()

    def name(self) -> str:
        return self.NAME

    def displayName(self) -> str:
        return self.TITLE

    def shortDescription(self) -> str:
        return self.SUMMARY

    def tags(self) -> list[str]:
        return list(self.TAGS)

    def icon(self) -> QIcon:
        return self.provider().icon() if self.provider() else QIcon()

    def svgIconPath(self) -> str:
        return self.provider().svgIconPath() if self.provider() else ""

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        for parameter in self.declare_parameters():
            self.addParameter(parameter)
        for output in self.declare_outputs():
            self.addOutput(output)

    def shortHelpString(self) -> str:
        """Return the help: in the desktop HTML with that of the parameters, elsewhere plain text.

        qgis_process lists the help of the parameters itself.
        """
        if QgsApplication.platform() != "desktop":
            return f"{self.DESCRIPTION}\n\nChoices are given by name, e.g. DEVICE=cpu."
        helps = {p.name(): p.help() for p in self.parameterDefinitions()}
        description = self.DESCRIPTION.replace("\n\n", "<br><br>")
        return QgsProcessingUtils.formatHelpMapAsHtml({"ALG_DESC": description, **helps}, self)

    def canExecute(self) -> tuple[bool, str]:
        try:
            interpreter.find()
        except EngineError as error:
            return False, str(error)
        return True, ""

    def checkParameterValues(
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> tuple[bool, str]:
        good, message = super().checkParameterValues(parameters, context)
        if not good:
            return False, message
        # As a name: what evaluates the destination whole registers a layer with the project.
        output = self.parameterAsFileOutput(parameters, self.OUTPUT, context)
        destination = self.parameterDefinition(self.OUTPUT)
        good, message = self.provider().isSupportedOutputValue(output, destination, context)
        if not good:
            return False, message
        try:
            self.job(parameters, context, os.path.abspath(output))
        except EngineError as error:
            return False, str(error)
        return True, ""

    def prepareAlgorithm(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> bool:
        """Turn layers into paths, while the project may be touched."""
        self._output = self.parameterAsOutputLayer(parameters, self.OUTPUT, context)
        try:
            self._interpreter = interpreter.find()
            self._job = self.job(parameters, context, os.path.abspath(self._output))
        except EngineError as error:
            raise QgsProcessingException(str(error)) from error
        return True

    def processAlgorithm(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        try:
            result = worker_client.run_job(self._job, self._interpreter, feedback)
        except EngineError as error:
            remove_leftovers(os.path.abspath(self._output))
            raise QgsProcessingException(str(error)) from error
        self._name_layer(context)
        return {self.OUTPUT: self._output, **self.results(result, feedback)}

    def _name_layer(self, context: QgsProcessingContext) -> None:
        """Give the layer a telling name, unless the user or a model has named it."""
        if not context.willLoadLayerOnCompletion(self._output):
            return
        details = context.layerToLoadOnCompletionDetails(self._output)
        if details.name in ("", self.parameterDefinition(self.OUTPUT).description()):
            details.name = self.layer_name(self._job)


def described(
    parameter: QgsProcessingParameterDefinition, text: str, *, advanced: bool = False
) -> QgsProcessingParameterDefinition:
    """Return the parameter with its help: tooltip, help panel and ``qgis_process help`` in one.

    ``advanced`` moves it below "Advanced Parameters".
    """
    parameter.setHelp(text)
    if advanced:
        parameter.setFlags(parameter.flags() | ADVANCED)
    return parameter
