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
    TITLE = "Assess against reference"
    SUMMARY = "Measures a sharpened raster against a reference of the same pixels."
    DESCRIPTION = (
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
        "sam": "SAM: spectral angle mapper in ° (0 is best)",
        "ergas": "ERGAS: erreur relative globale adimensionnelle de synthèse (0 is best)",
        "q2n": "Q2n: hypercomplex quality index (1 is best)",
        "q": "Q: universal image quality index (1 is best)",
        "scc": "SCC: spatial correlation coefficient (1 is best)",
        "psnr": "PSNR: peak signal to noise ratio in dB (higher is better)",
        "ssim": "SSIM: structural similarity (1 is best)",
        "rmse": "RMSE: root mean square error (0 is best)",
        "cc": "CC: correlation coefficient (1 is best)",
    }

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        error_map = QgsProcessingParameterRasterDestination(
            self.OUTPUT_ERROR_MAP, "Error map", optional=True, createByDefault=False
        )
        return [
            described(
                QgsProcessingParameterRasterLayer(self.FUSED, "Sharpened raster"),
                "The raster to measure, on the pixels of the reference.",
            ),
            scene.stack(
                self.REFERENCE,
                "Reference, or one raster a band",
                "What the sharpened raster should be. Several rasters are stacked in the order "
                "given.",
            ),
            scene.band_list("Bands of the reference"),
            described(
                _number(self.RATIO, "Ratio of the pixel sizes", 1.0),
                "PAN pixels per MS pixel of the fusion, for ERGAS. Empty: as the tags of the "
                "sharpened raster say.",
            ),
            described(
                _number(self.PEAK, "Largest possible value", 0.0),
                "Of the sensor, for PSNR and SSIM, e.g. 2047 for 11 bits. Empty: the largest "
                "value of the reference.",
                advanced=True,
            ),
            output.creation_options(),
            described(
                error_map,
                "The spectral angle in degrees and the relative error in percent of each pixel.",
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
        return {self.OUTPUT_ERROR_MAP: f"{Path(job.fused).stem} errors"}


def _number(name: str, title: str, smallest: float) -> QgsProcessingParameterNumber:
    return QgsProcessingParameterNumber(
        name, title, type=DOUBLE, defaultValue=None, optional=True, minValue=smallest
    )
