"""What each measure means, in words for people who do not compute it; standard library only.

The keys are the field names of :class:`~ksdiff_engine.quality.ReferenceReport` and
:class:`~ksdiff_engine.quality.NoReferenceReport`; definitions and sources stand there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LOWER, HIGHER = "lower", "higher"


@dataclass(frozen=True)
class MeasureInfo:
    """How to present one measure.

    key: its name in the reports of this package. title: the field's short name; what follows an
    underscore is a subscript. unit: empty for pure numbers. better: "lower" or "higher". ideal: the
    value of a perfect image. meaning: one plain sentence. name: the long name. digits: decimals
    that tables print; None where the scale depends on the data.
    """

    key: str
    title: str
    unit: str
    better: str
    ideal: float
    meaning: str
    name: str
    digits: int | None = 4


MEASURES: dict[str, MeasureInfo] = {
    info.key: info
    for info in (
        MeasureInfo(
            key="sam",
            title="SAM",
            unit="°",
            better=LOWER,
            ideal=0.0,
            meaning="The mean angle between the spectra of the fused image and of the reference: "
            "how much the colours of a pixel, in all bands, have turned, whatever its brightness.",
            name="spectral angle mapper",
            digits=3,
        ),
        MeasureInfo(
            key="ergas",
            title="ERGAS",
            unit="",
            better=LOWER,
            ideal=0.0,
            meaning="The error of all bands relative to their mean brightness, in one figure that "
            "can be compared between sensors of one resolution ratio.",
            name="erreur relative globale adimensionnelle de synthèse",
            digits=3,
        ),
        MeasureInfo(
            key="q2n",
            title="Q2n",
            unit="",
            better=HIGHER,
            ideal=1.0,
            meaning="Agreement of all bands at once in small blocks: brightness, contrast, "
            "structure and spectrum (Q4 for four bands, Q8 for eight).",
            name="hypercomplex quality index",
        ),
        MeasureInfo(
            key="q",
            title="Q",
            unit="",
            better=HIGHER,
            ideal=1.0,
            meaning="Agreement in brightness, contrast and structure in small windows, band by "
            "band, averaged over the bands.",
            name="universal image quality index",
        ),
        MeasureInfo(
            key="scc",
            title="SCC",
            unit="",
            better=HIGHER,
            ideal=1.0,
            meaning="How well edges and fine structure agree with those of the reference.",
            name="spatial correlation coefficient",
        ),
        MeasureInfo(
            key="psnr",
            title="PSNR",
            unit="dB",
            better=HIGHER,
            ideal=math.inf,
            meaning="The largest possible value against the typical error, on a logarithmic scale: "
            "6 dB more is an error half as large.",
            name="peak signal to noise ratio",
            digits=2,
        ),
        MeasureInfo(
            key="ssim",
            title="SSIM",
            unit="",
            better=HIGHER,
            ideal=1.0,
            meaning="Agreement in local brightness, contrast and structure, weighted as a viewer's "
            "eye would, averaged over the bands.",
            name="structural similarity",
        ),
        MeasureInfo(
            key="rmse",
            title="RMSE",
            unit="",
            better=LOWER,
            ideal=0.0,
            meaning="The typical error of a pixel, in the unit of the image; large errors weigh "
            "more than small ones.",
            name="root mean square error",
            digits=None,
        ),
        MeasureInfo(
            key="cc",
            title="CC",
            unit="",
            better=HIGHER,
            ideal=1.0,
            meaning="How closely bright and dark follow those of the reference, averaged over the "
            "bands; a shift or a factor of brightness goes unnoticed.",
            name="correlation coefficient",
        ),
        MeasureInfo(
            key="d_lambda_k",
            title="D_λ,K",
            unit="",
            better=LOWER,
            ideal=0.0,
            meaning="How much the spectra changed: the fused image, blurred to the resolution of "
            "the multispectral image, is compared with it.",
            name="spectral distortion of Khan",
        ),
        MeasureInfo(
            key="d_s",
            title="D_s",
            unit="",
            better=LOWER,
            ideal=0.0,
            meaning="How much the relation of each band to the panchromatic image changed when "
            "the resolution rose.",
            name="spatial distortion",
        ),
        MeasureInfo(
            key="hqnr",
            title="HQNR",
            unit="",
            better=HIGHER,
            ideal=1.0,
            meaning="Spectral (Khan's) and spatial distortion in one figure: "
            "(1 − D_λ,K) × (1 − D_s).",
            name="hybrid quality with no reference",
        ),
        MeasureInfo(
            key="d_lambda",
            title="D_λ",
            unit="",
            better=LOWER,
            ideal=0.0,
            meaning="How much the relations between the bands changed by the fusion.",
            name="spectral distortion of Alparone",
        ),
        MeasureInfo(
            key="qnr",
            title="QNR",
            unit="",
            better=HIGHER,
            ideal=1.0,
            meaning="Spectral (Alparone's) and spatial distortion in one figure: "
            "(1 − D_λ) × (1 − D_s).",
            name="quality with no reference",
        ),
        MeasureInfo(
            key="d_rho",
            title="D_ρ",
            unit="",
            better=LOWER,
            ideal=0.0,
            meaning="How far the fine detail of the bands is from following the panchromatic "
            "image, pixel neighbourhood by pixel neighbourhood.",
            name="spatial distortion by local correlation",
        ),
        MeasureInfo(
            key="r_sam",
            title="R-SAM",
            unit="°",
            better=LOWER,
            ideal=0.0,
            meaning="The spectral angle that is left when the fused image is brought back to the "
            "multispectral resolution and compared with the original.",
            name="reprojected spectral angle",
            digits=3,
        ),
        MeasureInfo(
            key="r_ergas",
            title="R-ERGAS",
            unit="",
            better=LOWER,
            ideal=0.0,
            meaning="The relative error that is left when the fused image is brought back to the "
            "multispectral resolution and compared with the original.",
            name="reprojected ERGAS",
            digits=3,
        ),
        MeasureInfo(
            key="r_q2n",
            title="R-Q2n",
            unit="",
            better=HIGHER,
            ideal=1.0,
            meaning="The agreement of all bands when the fused image is brought back to the "
            "multispectral resolution and compared with the original.",
            name="reprojected Q2n",
        ),
    )
}
