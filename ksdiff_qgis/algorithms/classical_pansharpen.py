"""``ksdiff:classicalpansharpen``: one PAN/MS scene through a classical method, without torch."""

from __future__ import annotations

from qgis.core import QgsProcessingContext, QgsProcessingParameterDefinition

from ksdiff_engine.job import CLASSICAL_METHODS, ClassicalJob

from ..parameters import choice, described, output, registration, scene
from ..translation import tr, translatable
from .base import Parameters
from .sharpening import SharpeningAlgorithm

_PROPOSED = "mtf-glp-hpm"


class ClassicalPansharpenAlgorithm(SharpeningAlgorithm):
    """Pansharpening by component substitution or multiresolution analysis."""

    METHOD = "METHOD"

    NAME = "classicalpansharpen"
    TITLE = translatable("Pansharpen (classical methods)")
    SUMMARY = translatable(
        "Sharpens multispectral bands with a panchromatic band by a classical method."
    )
    DESCRIPTION = translatable(
        "Fuses a panchromatic raster (PAN) with a multispectral one (MS) into a multispectral "
        "raster with the pixels of PAN, by a classical method: component substitution (brovey, "
        "bt-h, gihs, gs, gsa, bdsd-pc) puts PAN in the place of the brightness of MS; "
        "multiresolution analysis (sfim, awlp, mtf-glp, mtf-glp-hpm, mtf-glp-hpm-r, mtf-glp-fs) "
        "adds the fine detail of PAN to MS. exp only interpolates, as a baseline.\n\n"
        "The result covers the common area of PAN and MS in the CRS and grid of PAN, and keeps "
        "the data type, nodata and radiometry of MS. MS in another CRS is warped. No network and "
        "no PyTorch are needed."
    )
    TAGS = (
        *SharpeningAlgorithm.TAGS,
        *("component substitution", "multiresolution analysis", "mtf", "wavelet", "ihs"),
        *CLASSICAL_METHODS,
    )

    def declare_method(self) -> list[QgsProcessingParameterDefinition]:
        method = choice(self.METHOD, tr("Method"), CLASSICAL_METHODS)
        method.setDefaultValue(_PROPOSED)
        return [
            described(
                method,
                tr(
                    "bt-h: Brovey with haze correction. gihs: generalised IHS. gs, gsa: "
                    "Gram-Schmidt, adaptive. bdsd-pc: band-dependent spatial detail. sfim: "
                    "intensity modulation. awlp: additive wavelets. mtf-glp: generalised "
                    "Laplacian pyramid; -hpm with high-pass modulation, -hpm-r by regression, -fs "
                    "at full scale. ksdiff:comparemethods tells which suits a scene."
                ),
            )
        ]

    def job(
        self, values: Parameters, context: QgsProcessingContext, outputs: dict[str, str]
    ) -> ClassicalJob:
        return ClassicalJob(
            output=outputs[self.OUTPUT],
            method=self.parameterAsEnumString(values, self.METHOD, context),
            **scene.read(self, values, context).fields(),
            **registration.fields(self, values, context),
            **output.fields(self, values, context),
        )
