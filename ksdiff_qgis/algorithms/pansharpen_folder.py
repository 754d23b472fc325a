"""``ksdiff:pansharpenfolder``: every PAN/MS pair among the files of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateTransformContext,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingMultiStepFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsRasterLayer,
)

from ksdiff_engine.errors import EngineError, InputError, OutputError
from ksdiff_engine.job import CLASSICAL_METHODS, KSDIFF, ClassicalJob, PansharpenJob

from .. import diagnostics, interpreter, settings
from .._compat import FOLDER
from ..candidates import describe, files_below
from ..pairing import Raster, pair_up
from ..parameters import choice, described, network, output, registration, scene
from ..translation import tr, translatable
from .base import Parameters, run_job
from .described import DescribedAlgorithm
from .sharpening import SharpeningAlgorithm

# What would fail for every other pair as well.
_HOPELESS = ("environment", "cancelled")


@dataclass(frozen=True)
class _Files:
    """The files of one pair; several MS are one file a band."""

    pan: str
    ms: tuple[str, ...]


class PansharpenFolderAlgorithm(DescribedAlgorithm):
    """Pairs are found as in the layers panel, and sharpened one after the other."""

    INPUT = "INPUT"
    METHOD = "METHOD"
    SKIP_EXISTING = "SKIP_EXISTING"
    OUTPUT = "OUTPUT"
    OUTPUT_LAYERS = "OUTPUT_LAYERS"

    NAME = "pansharpenfolder"
    TITLE = translatable("Pansharpen a folder")
    SUMMARY = translatable("Finds the pairs of PAN and MS in a folder, and sharpens them all.")
    DESCRIPTION = translatable(
        "Looks for raster files in a folder and in the folders below, tells which panchromatic "
        "(PAN) and which multispectral (MS) files belong together, by bands, pixel sizes, place "
        "and names, as the action of the layers panel does, and sharpens each pair. The band files "
        "of a scene are stacked.\n\n"
        "A pair that fails is reported, and the others go on. Results that are there already are "
        "left alone, so that an interrupted run can be repeated."
    )
    GROUP = SharpeningAlgorithm.GROUP
    TAGS = (*SharpeningAlgorithm.TAGS, "batch", "tiles", "mosaic", "delivery")

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            described(
                QgsProcessingParameterFile(self.INPUT, tr("Folder"), behavior=FOLDER),
                tr("The folder with the PAN and MS files."),
            ),
            described(
                choice(self.METHOD, tr("Method"), (KSDIFF, *CLASSICAL_METHODS)),
                tr("ksdiff is the network, the others are those of ksdiff:classicalpansharpen."),
            ),
            scene.band_list(tr("Bands of MS")),
            scene.sensor(),
            *network.parameters(advanced=True),
            *registration.parameters(),
            *output.parameters(),
            described(
                QgsProcessingParameterBoolean(
                    self.SKIP_EXISTING, tr("Leave results that exist"), defaultValue=True
                ),
                tr("A result is known by its name alone; switch this off after other choices."),
            ),
            described(
                QgsProcessingParameterFolderDestination(self.OUTPUT, tr("Folder for the results")),
                tr("Each result has the name of its MS file, and _pansharpened.tif."),
            ),
        ]

    def declare_outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputMultipleLayers(self.OUTPUT_LAYERS, tr("Pansharpened rasters")),
            QgsProcessingOutputNumber("PAIRS", tr("Number of pairs")),
            QgsProcessingOutputNumber("FAILED", tr("Number of pairs that failed")),
        ]

    def canExecute(self) -> tuple[bool, str]:
        try:
            interpreter.find(network=False)
        except EngineError as error:
            return False, str(error)
        return True, ""

    def checkParameterValues(
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> tuple[bool, str]:
        good, message = super().checkParameterValues(parameters, context)
        folder = self.parameterAsFile(parameters, self.INPUT, context)
        if good and not os.path.isdir(folder):
            return False, tr("The folder {folder} does not exist.", folder=folder)
        return good, message

    def processAlgorithm(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        try:
            jobs = list(self._jobs(parameters, context, feedback))
            uses_network = any(isinstance(job, PansharpenJob) for job in jobs)
            python = interpreter.find(network=uses_network)
        except EngineError as error:
            raise QgsProcessingException(str(error)) from error
        skip = self.parameterAsBoolean(parameters, self.SKIP_EXISTING, context)
        done, failed = [], 0
        steps = QgsProcessingMultiStepFeedback(len(jobs), feedback)
        for number, job in enumerate(jobs):
            steps.setCurrentStep(number)
            steps.pushInfo(f"{number + 1}/{len(jobs)}: {os.path.basename(job.output)}")
            try:
                if skip and os.path.exists(job.output):
                    steps.pushInfo(tr("It is there already."))
                else:
                    run_job(job, python, steps)
                done.append(job.output)
            except EngineError as error:
                diagnostics.remember(error)
                if error.kind in _HOPELESS:
                    raise QgsProcessingException(str(error)) from error
                steps.reportError(str(error))
                failed += 1
        if not done:
            raise QgsProcessingException(tr("Not one of the pairs could be sharpened."))
        return {
            self.OUTPUT: self._output_folder(parameters, context),
            self.OUTPUT_LAYERS: done,
            "PAIRS": len(jobs),
            "FAILED": failed,
        }

    def _jobs(
        self,
        values: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Iterator[PansharpenJob | ClassicalJob]:
        """Yield a job for every pair. Raises ``EngineError`` where there is none."""
        method = self.parameterAsEnumString(values, self.METHOD, context)
        fields = {
            "bands": scene.read_bands(self, values, context),
            "sensor": scene.read_sensor(self, values, context),
            **registration.fields(self, values, context),
            **output.fields(self, values, context),
        }
        if method == KSDIFF:
            fields.update(network.fields(self, values, context))
        target = Path(self._output_folder(values, context))
        _make(target)
        taken: set[str] = set()
        for pair in self._pairs(values, context, feedback):
            path = str(target / f"{_free_name(Path(pair.ms[0]).stem, taken)}_pansharpened.tif")
            named = {"pan": pair.pan, "ms": pair.ms, "output": path, **fields}
            job = (
                PansharpenJob(**named) if method == KSDIFF else ClassicalJob(**named, method=method)
            )
            yield settings.applied(job)[0]

    def _pairs(
        self,
        values: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> list[_Files]:
        folder = self.parameterAsFile(values, self.INPUT, context)
        rasters, paths = _described(folder, context.transformContext())
        pairs = pair_up(rasters)
        feedback.pushInfo(
            tr(
                "{files} raster files, {pairs} pairs of PAN and MS.",
                files=len(paths),
                pairs=len(pairs),
            )
        )
        if not pairs:
            raise InputError(
                tr("In {folder}, no PAN and MS files belong together.", folder=folder),
                hint=tr(
                    "PAN needs one band and smaller pixels than MS, and must overlap it. Name the "
                    "files in ksdiff:pansharpen otherwise."
                ),
            )
        return [_Files(paths[p.pan], tuple(paths[key] for key in p.ms)) for p in pairs]

    def _output_folder(self, values: Parameters, context: QgsProcessingContext) -> str:
        return os.path.abspath(self.parameterAsFileOutput(values, self.OUTPUT, context))


def _described(
    folder: str, transforms: QgsCoordinateTransformContext
) -> tuple[list[Raster], dict[str, str]]:
    """Return the descriptions of the rasters in a folder, and their paths by the keys."""
    options = QgsRasterLayer.LayerOptions(loadDefaultStyle=False)
    layers = [QgsRasterLayer(f, Path(f).stem, "gdal", options) for f in files_below(folder)]
    readable = [layer for layer in layers if layer.isValid()]
    return describe(readable, transforms), {layer.id(): layer.source() for layer in readable}


def _make(folder: Path) -> None:
    """Make a folder where there is none. Raises ``OutputError``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            tr("The folder {folder} cannot be made: {error}.", folder=folder, error=error.strerror),
            hint=tr("Choose another."),
        ) from error


def _free_name(name: str, taken: set[str]) -> str:
    """Return the name, with a number where files in other folders are called the same."""
    free, number = name, 1
    while free.lower() in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free.lower())
    return free
