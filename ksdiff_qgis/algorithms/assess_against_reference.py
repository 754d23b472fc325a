"""``ksdiff:assessagainstreference``: a sharpened raster against a reference of the same pixels."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ksdiff_engine.job import AssessAgainstReferenceJob

from .._compat import DOUBLE
from ..parameters import described, output, scene
from ..rasters import check_bands, check_fused, raster_file
from ..translation import tr, translatable
from .assessment import AssessmentAlgorithm
from .base import Parameters


class AssessAgainstReferenceAlgorithm(AssessmentAlgorithm):
    """Quality at reduced resolution, where the original MS is the reference."""

    REFERENCE = "REFERENCE"
    FUSED = "FUSED"
    RATIO = "RATIO"
    PEAK = "PEAK"
    OUTPUT_ERROR_MAP = "OUTPUT_ERROR_MAP"

    NAME = "assessagainstreference"
    TITLE = translatable("Assess against reference")
    SUMMARY = translatable("Measures a sharpened raster against a reference of the same pixels.")
    DESCRIPTION = translatable(
        "Measures how close a sharpened raster, made by any method, comes to a reference of the "
        "same pixels and bands. With Wald's protocol (ksdiff:degrade) the reference is the "
        "original multispectral raster.\n\n"
        "All figures are of the common area; those of single bands are in the JSON."
    )
    TAGS = (
        *AssessmentAlgorithm.TAGS,
        *("sam", "ergas", "q4", "q8", "q2n", "scc", "psnr", "ssim", "rmse", "uiqi"),
        *("reduced resolution", "wald", "error map", "pansharpening"),
    )
    FIGURES: ClassVar[dict[str, str]] = {
        "sam": translatable("SAM: spectral angle mapper in ° (0 is best)"),
        "ergas": translatable(
            "ERGAS: erreur relative globale adimensionnelle de synthèse (0 is best)"
        ),
        "q2n": translatable("Q2n: hypercomplex quality index (1 is best)"),
        "q": translatable("Q: universal image quality index (1 is best)"),
        "scc": translatable("SCC: spatial correlation coefficient (1 is best)"),
        "psnr": translatable("PSNR: peak signal to noise ratio in dB (higher is better)"),
        "ssim": translatable("SSIM: structural similarity (1 is best)"),
        "rmse": translatable("RMSE: root mean square error (0 is best)"),
        "cc": translatable("CC: correlation coefficient (1 is best)"),
    }

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        error_map = QgsProcessingParameterRasterDestination(
            self.OUTPUT_ERROR_MAP, tr("Error map"), optional=True, createByDefault=False
        )
        return [
            described(
                QgsProcessingParameterRasterLayer(self.FUSED, tr("Sharpened raster")),
                tr("The raster to measure, on the pixels of the reference."),
            ),
            scene.stack(
                self.REFERENCE,
                tr("Reference, or one raster a band"),
                tr(
                    "What the sharpened raster should be. Several rasters are stacked in the order "
                    "given."
                ),
            ),
            scene.band_list(tr("Bands of the reference")),
            described(
                _number(self.RATIO, tr("Ratio of the pixel sizes"), 1.0),
                tr(
                    "PAN pixels per MS pixel of the fusion, for ERGAS. Empty: as the tags of the "
                    "sharpened raster say."
                ),
            ),
            described(
                _number(self.PEAK, tr("Largest possible value"), 0.0),
                tr(
                    "Of the sensor, for PSNR and SSIM, e.g. 2047 for 11 bits. Empty: the largest "
                    "value of the reference."
                ),
                advanced=True,
            ),
            output.creation_options(),
            described(
                error_map,
                tr(
                    "The spectral angle in degrees and the relative error in percent of each pixel."
                ),
            ),
            *self.report_parameters(),
        ]

    def assessment(
        self, values: Parameters, context: QgsProcessingContext, outputs: dict[str, str]
    ) -> AssessAgainstReferenceJob:
        fused = raster_file(self.parameterAsRasterLayer(values, self.FUSED, context), self.FUSED)
        reference = scene.read_stack(self, values, self.REFERENCE, context)
        bands = scene.read_bands(self, values, context)
        check_bands(reference, bands, self.REFERENCE)
        count = scene.chosen_bands(reference, bands)
        check_fused(fused, count, reference[0], self.REFERENCE, context.transformContext())
        return AssessAgainstReferenceJob(
            reference=tuple(raster.path for raster in reference),
            fused=fused.path,
            ratio=self.parameterAsDouble(values, self.RATIO, context),
            peak=self.parameterAsDouble(values, self.PEAK, context),
            bands=bands,
            error_map=outputs[self.OUTPUT_ERROR_MAP],
            html=outputs[self.OUTPUT_HTML],
            creation_options=output.read_creation_options(self, values, context),
        )

    def layer_names(self, job: AssessAgainstReferenceJob) -> dict[str, str]:
        return {self.OUTPUT_ERROR_MAP: tr("{name} errors", name=Path(job.fused).stem)}


def _number(name: str, title: str, smallest: float) -> QgsProcessingParameterNumber:
    return QgsProcessingParameterNumber(
        name, title, type=DOUBLE, defaultValue=None, optional=True, minValue=smallest
    )
