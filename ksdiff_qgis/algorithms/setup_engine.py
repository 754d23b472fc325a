"""``ksdiff:setupengine``: the engine's environment without a window."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)

from ksdiff_engine.errors import EngineError
from ksdiff_engine.job import DEVICES

from .. import diagnostics, engine_setup, settings
from .._compat import FOLDER, HIDDEN_FROM_MODELS
from ..parameters import choice, described
from ..setup.check import in_words
from ..setup.environment import BUILDS, Request
from ..setup.gpu import find_gpus
from ..translation import tr, translatable
from .base import Parameters
from .described import DescribedAlgorithm

ACTIONS = ("test", "install", "use", "remove")  # the first, the default, changes nothing


class SetupEngineAlgorithm(DescribedAlgorithm):
    """Sets up, tests or removes the Python that runs the engine; never part of a model."""

    ACTION = "ACTION"
    BUILD = "BUILD"
    WHEELS = "WHEELS"
    INDEX = "INDEX"
    PYTHON = "PYTHON"
    DEVICE = "DEVICE"

    NAME = "setupengine"
    TITLE = translatable("Set up the engine")
    SUMMARY = translatable("Installs PyTorch for KSDiff beside QGIS, tests it, or removes it.")
    DESCRIPTION = translatable(
        "KSDiff's network needs PyTorch, which stays out of QGIS: in a virtual environment in "
        "the QGIS profile, or in a Python that is there already. install makes the "
        "environment, use takes the Python named in PYTHON, test tries the engine, remove "
        "deletes the environment.\n\nNothing is installed but by this. Cancelled or failed, "
        "an installation goes on where it stopped when it is started again."
    )
    GROUP = translatable("Engine")
    ICON = "engine.svg"
    TAGS = ("pytorch", "torch", "install", "environment", "gpu", "cuda")

    def flags(self) -> Any:
        return super().flags() | HIDDEN_FROM_MODELS

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            described(
                choice(self.ACTION, tr("Action"), ACTIONS),
                tr("One of test, install, use and remove."),
            ),
            described(
                choice(self.BUILD, tr("Build of PyTorch"), BUILDS),
                tr(
                    "For install: default (what the package index hands out: with CUDA on Linux, "
                    "for the processor elsewhere), cpu, or cuda (the one that fits NVIDIA's "
                    "driver). Other builds than the default need INDEX or WHEELS."
                ),
            ),
            described(
                QgsProcessingParameterFile(
                    self.WHEELS, tr("Folder of wheels"), behavior=FOLDER, optional=True
                ),
                tr(
                    "For install without a network: a folder with the wheels of torch, "
                    "safetensors and of what they need."
                ),
            ),
            described(
                QgsProcessingParameterString(self.INDEX, tr("Package index"), optional=True),
                tr(
                    "For install: the address of a package index for PyTorch. {build} in it stands "
                    "for cpu, cu128 and so on. Empty: that of the settings, else pip's own."
                ),
                advanced=True,
            ),
            described(
                QgsProcessingParameterFile(self.PYTHON, tr("Python"), optional=True),
                tr(
                    "For use: the executable of a Python with PyTorch, safetensors, numpy, scipy "
                    "and GDAL, e.g. of a conda environment."
                ),
            ),
            described(
                choice(self.DEVICE, tr("Device"), DEVICES),
                tr("For test: the device to compute on."),
            ),
        ]

    def declare_outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputString("TORCH", tr("Version of PyTorch")),
            QgsProcessingOutputString("DEVICE_USED", tr("Device used")),
        ]

    def checkParameterValues(
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> tuple[bool, str]:
        good, message = super().checkParameterValues(parameters, context)
        action = self.parameterAsEnumString(parameters, self.ACTION, context)
        if good and action == "use" and not self._file(parameters, self.PYTHON, context):
            return False, tr("ACTION=use needs PYTHON, the executable to use.")
        return good, message

    def processAlgorithm(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        action = self.parameterAsEnumString(parameters, self.ACTION, context)
        try:
            if action == "remove":
                engine_setup.remove()
                feedback.pushInfo(tr("The environment was removed."))
                return {"TORCH": "", "DEVICE_USED": ""}
            found = self._found(action, parameters, context, feedback)
        except EngineError as error:
            diagnostics.remember(error)
            raise QgsProcessingException(str(error)) from error
        feedback.pushInfo(in_words(found))
        return {"TORCH": found["versions"]["torch"], "DEVICE_USED": found["device"]["name"]}

    def _found(
        self,
        action: str,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        if action == "test":
            device = self.parameterAsEnumString(parameters, self.DEVICE, context)
            return engine_setup.check(device, feedback.isCanceled)
        if action == "use":
            return engine_setup.use(
                self._file(parameters, self.PYTHON, context), feedback.isCanceled
            )
        request = Request(
            build=self.parameterAsEnumString(parameters, self.BUILD, context),
            wheels=self._file(parameters, self.WHEELS, context),
            index=self.parameterAsString(parameters, self.INDEX, context) or settings.index(),
        )
        if engine_setup.overruled():
            feedback.pushWarning(engine_setup.overruled())
        return engine_setup.install(engine_setup.plan(request, find_gpus()), _Relay(feedback))

    def _file(self, parameters: Parameters, name: str, context: QgsProcessingContext) -> str:
        return self.parameterAsFile(parameters, name, context) if parameters.get(name) else ""


class _Relay:
    """An ``installer.Listener`` that tells a feedback."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._step = ""
        self.say = feedback.pushConsoleInfo
        self.is_cancelled = feedback.isCanceled

    def progress(self, fraction: float, title: str) -> None:
        self._feedback.setProgress(100 * fraction)
        step = title.partition(" (")[0]
        if step != self._step:
            self._step = step
            self._feedback.setProgressText(step)
