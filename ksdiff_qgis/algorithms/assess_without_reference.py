"""``ksdiff:assesswithoutreference``: a sharpened raster against the pair that it came from."""

from __future__ import annotations

from typing import ClassVar

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterLayer,
)

from ksdiff_engine.job import AssessWithoutReferenceJob

from ..parameters import described, scene
from ..rasters import check_fused, raster_file
from ..translation import tr, translatable
from .assessment import AssessmentAlgorithm
from .base import Parameters


class AssessWithoutReferenceAlgorithm(AssessmentAlgorithm):
    """Quality at full resolution, where no reference exists."""

    FUSED = "FUSED"

    NAME = "assesswithoutreference"
    TITLE = translatable("Assess without reference")
    SUMMARY = translatable(
        "Measures a sharpened raster against the PAN and MS that it was made from."
    )
    DESCRIPTION = translatable(
        "Measures how well a sharpened raster, made by any method, keeps what was given: the "
        "spectra of the multispectral raster (MS) and the detail of the panchromatic raster "
        "(PAN). HQNR joins both in one figure.\n\n"
        "No reference exists at this resolution. The figures compare methods on one scene; those "
        "of different scenes, or with different sensors, cannot be compared with each other."
    )
    TAGS = (
        *AssessmentAlgorithm.TAGS,
        *("hqnr", "qnr", "khan", "alparone", "spectral distortion", "spatial distortion"),
        *("full resolution", "no reference", "pansharpening"),
    )
    FIGURES: ClassVar[dict[str, str]] = {
        "hqnr": translatable("HQNR: hybrid quality with no reference (1 is best)"),
        "d_lambda_k": translatable("D_λ,K: spectral distortion of Khan (0 is best)"),
        "d_s": translatable("D_s: spatial distortion (0 is best)"),
        "qnr": translatable("QNR: quality with no reference (1 is best)"),
        "d_lambda": translatable("D_λ: spectral distortion of Alparone (0 is best)"),
        "d_rho": translatable("D_ρ: spatial distortion by local correlation (0 is best)"),
        "r_q2n": translatable("R-Q2n: reprojected Q2n (1 is best)"),
        "r_sam": translatable("R-SAM: reprojected spectral angle in ° (0 is best)"),
        "r_ergas": translatable("R-ERGAS: reprojected ERGAS (0 is best)"),
    }

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            described(
                QgsProcessingParameterRasterLayer(self.FUSED, tr("Sharpened raster")),
                tr("The raster to measure, on the pixels of PAN or a part of them."),
            ),
            *scene.parameters(),
            *self.report_parameters(),
        ]

    def assessment(
        self, values: Parameters, context: QgsProcessingContext, outputs: dict[str, str]
    ) -> AssessWithoutReferenceJob:
        fused = raster_file(self.parameterAsRasterLayer(values, self.FUSED, context), self.FUSED)
        pair = scene.read(self, values, context)
        check_fused(fused, pair.band_count, pair.pan, scene.PAN, context.transformContext())
        return AssessWithoutReferenceJob(
            fused=fused.path, html=outputs[self.OUTPUT_HTML], **pair.fields()
        )
