"""Quality measures of pansharpened images, with and without a reference; numpy and scipy only."""

from __future__ import annotations

from .no_reference import (
    NoReferenceReport,
    assess_rasters_without_reference,
    assess_without_reference,
)
from .reference import (
    ReferenceReport,
    assess_against_reference,
    assess_rasters_against_reference,
    cc,
    ergas,
    psnr,
    q2n,
    rmse,
    sam,
    scc,
    ssim,
    uiqi,
)

__all__ = [
    "NoReferenceReport",
    "ReferenceReport",
    "assess_against_reference",
    "assess_rasters_against_reference",
    "assess_rasters_without_reference",
    "assess_without_reference",
    "cc",
    "ergas",
    "psnr",
    "q2n",
    "rmse",
    "sam",
    "scc",
    "ssim",
    "uiqi",
]
