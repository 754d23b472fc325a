"""What the algorithms share whose work is a job: parameters become a job, the worker runs it."""

from __future__ import annotations

import os
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterDestination,
)

from ksdiff_engine.errors import EngineError
from ksdiff_engine.job import Job
from ksdiff_engine.leftovers import remove_leftovers

from .. import diagnostics, interpreter, settings, worker_client
from ..parameters import check_folder
from ..translation import tr
from .described import DescribedAlgorithm

Parameters = dict[str, Any]


class KSDiffAlgorithm(DescribedAlgorithm):
    """An algorithm whose work is one job of the engine.

    A subclass says in ``job`` and ``results`` how parameters become a job, and its result outputs.
    Its parameters that are destinations are its files.
    """

    NEEDS_NETWORK = False  # whether it cannot work at all without torch

    def job(
        self, values: Parameters, context: QgsProcessingContext, outputs: dict[str, str]
    ) -> Job:
        """Return the job for the values; raise ``EngineError`` for what cannot work.

        outputs: the path of every destination by its name, empty for one that is not wanted.
        Called before the run to check the values, and on the thread that owns the project's layers.
        """
        raise NotImplementedError

    def needs_network(self, job: Job) -> bool:
        """Whether the job runs the network, and so needs torch."""
        return self.NEEDS_NETWORK

    def results(self, result: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Return the values of the declared outputs from the worker's result, and report it."""
        raise NotImplementedError

    def write(self, result: dict[str, Any], outputs: dict[str, str]) -> None:
        """Write the files that the worker does not write. Raises ``EngineError``."""

    def layer_names(self, job: Job) -> dict[str, str]:
        """Return the names, in the project, of the layers of raster destinations."""
        return {}

    def present_layer(
        self, details: QgsProcessingContext.LayerDetails, job: Job, result: dict[str, Any]
    ) -> None:
        """Have a layer of ``layer_names`` presented once it is loaded; ``result``: the worker's."""

    # What QGIS asks for.

    def canExecute(self) -> tuple[bool, str]:
        try:
            interpreter.find(network=self.NEEDS_NETWORK)
        except EngineError as error:
            return False, str(error)
        return True, ""

    def checkParameterValues(
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> tuple[bool, str]:
        good, message = super().checkParameterValues(parameters, context)
        if not good:
            return False, message
        # As names: what evaluates a destination whole registers a layer with the project.
        outputs = {
            destination.name(): self.parameterAsFileOutput(parameters, destination.name(), context)
            for destination in self._destinations()
        }
        for name, output in outputs.items():
            destination = self.parameterDefinition(name)
            good, message = self.provider().isSupportedOutputValue(output, destination, context)
            if output and not good:
                return False, message
        try:
            for name, path in _absolute(outputs).items():
                check_folder(path, name)
            self.job(parameters, context, _absolute(outputs))
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
        self._outputs = {
            destination.name(): self._output(destination, parameters, context)
            for destination in self._destinations()
        }
        registered = context.layersToLoadOnCompletion()
        self._to_load = {o: registered[o] for o in self._outputs.values() if o in registered}
        try:
            job = self.job(parameters, context, _absolute(self._outputs))
            self._job, chosen = settings.applied(job)
            self._interpreter = interpreter.find(network=self.needs_network(self._job))
        except EngineError as error:
            raise QgsProcessingException(str(error)) from error
        if chosen:
            feedback.pushInfo(
                tr("From the settings of KSDiff: {chosen}.", chosen=", ".join(chosen))
            )
        return True

    def processAlgorithm(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        try:
            result = run_job(self._job, self._interpreter, feedback)
            self.write(result, _absolute(self._outputs))
        except EngineError as error:
            diagnostics.remember(error)
            raise QgsProcessingException(str(error)) from error
        self._present_layers(context, result)
        files = {name: output for name, output in self._outputs.items() if output}
        return {**files, **self.results(result, feedback)}

    def _destinations(self) -> list[QgsProcessingParameterDefinition]:
        return [p for p in self.parameterDefinitions() if p.isDestination()]

    def _output(
        self,
        destination: QgsProcessingParameterDefinition,
        parameters: Parameters,
        context: QgsProcessingContext,
    ) -> str:
        """Return the file for a destination, and register its layer where it is a raster."""
        if isinstance(destination, QgsProcessingParameterRasterDestination):
            return self.parameterAsOutputLayer(parameters, destination.name(), context)
        return self.parameterAsFileOutput(parameters, destination.name(), context)

    def _present_layers(self, context: QgsProcessingContext, result: dict[str, Any]) -> None:
        """Have the layers loaded under telling names, unless the user or a model named them."""
        # A run in a thread has a context of its own, whose layers replace those that were
        # registered while the run was prepared.
        for output, layer_details in self._to_load.items():
            context.addLayerToLoadOnCompletion(output, layer_details)
        for name, layer_name in self.layer_names(self._job).items():
            if not context.willLoadLayerOnCompletion(self._outputs[name]):
                continue
            details = context.layerToLoadOnCompletionDetails(self._outputs[name])
            if details.name in ("", self.parameterDefinition(name).description()):
                details.name = layer_name
            self.present_layer(details, self._job, result)


def run_job(
    job: Job, python: interpreter.Interpreter, feedback: QgsProcessingFeedback
) -> dict[str, Any]:
    """Run a job and return the worker's result. Raises ``EngineError``; nothing is left then."""
    try:
        return worker_client.run_job(job, python, feedback)
    except EngineError:
        for output in job.outputs:
            remove_leftovers(output)
        raise


def _absolute(outputs: dict[str, str]) -> dict[str, str]:
    return {name: os.path.abspath(path) if path else "" for name, path in outputs.items()}
