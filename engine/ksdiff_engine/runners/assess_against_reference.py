"""The job ``assess_against_reference``: a fused image against the truth, and where it errs."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from osgeo import gdal

from ksdiff_engine.device import limit_threads
from ksdiff_engine.errors import InputError
from ksdiff_engine.job import AssessAgainstReferenceJob
from ksdiff_engine.leftovers import remove_leftovers
from ksdiff_engine.pipeline import Report
from ksdiff_engine.quality import ReferenceReport, assess_rasters_against_reference
from ksdiff_engine.quality import report as page
from ksdiff_engine.quality.blocks import TILE
from ksdiff_engine.quality.reference import relative_errors, spectral_angles
from ksdiff_engine.raster.gdal_guard import gdal_failures
from ksdiff_engine.raster.grid import Grid
from ksdiff_engine.raster.lattice import common_windows
from ksdiff_engine.raster.reader import BandInfo, RasterSource
from ksdiff_engine.raster.tiling import Window, tiles
from ksdiff_engine.raster.writer import RasterWriter
from ksdiff_engine.reduction import Moved
from ksdiff_engine.runners.full_resolution import window_of
from ksdiff_engine.runners.presentation import (
    Viewer,
    band_names,
    check_report_path,
    crop_titles,
    cut_out,
    finite_figures,
    q2n_convention,
    report_as_dict,
    shown_window,
)
from ksdiff_engine.scene_statistics import Moments
from ksdiff_engine.sensors import DEFAULT

KEYS = ("sam", "ergas", "q2n", "q", "scc", "psnr", "ssim", "rmse", "cc")
BAND_KEYS = ("q", "psnr", "ssim", "rmse", "cc")
ANGLE = BandInfo(description="Spectral angle (degrees)")
RELATIVE = BandInfo(description="Relative error (percent)")
CROP = 128  # pixels
CROPS = 3


@dataclass(frozen=True)
class Compared:
    """Two images on one grid, read in windows of it.

    mean, peak: of the reference's bands (C,) and of all of it, over the pixels valid in both.
    """

    reference: Moved
    fused: Moved
    grid: Grid
    mean: np.ndarray
    peak: float

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Reference and fused image (C, h, w), and where both are valid (h, w)."""
        reference, reference_valid = self.reference.read(window)
        fused, fused_valid = self.fused.read(window)
        return reference, fused, reference_valid & fused_valid


def run_assess_against_reference(job: AssessAgainstReferenceJob, report: Report) -> dict[str, Any]:
    """Measure; the result's keys are in docs/architecture.md."""
    started = time.monotonic()
    limit_threads(job.threads)
    check_report_path(job.html)
    report(0.0, "Opening the rasters")
    with ExitStack() as stack:
        reference = stack.enter_context(RasterSource.open_ms(job.reference, job.bands or None))
        fused = stack.enter_context(RasterSource.open_ms([job.fused]))
        for message in (*reference.messages, *fused.messages):
            report.warn(message)
        ratio = job.ratio or _ratio_of(job.fused)
        compared = compare_grids(reference, fused, report.share(0.02, 0.15))
        writer = stack.enter_context(_map_writer(job, compared)) if job.error_map else None
        measured = measure(compared, reference.data_type, ratio, job.peak, report.share(0.15, 0.8))
        if writer is not None:
            write_map(compared, writer, report.share(0.8, 0.93))
        names = band_names(reference, DEFAULT)
        shown, figures, bands = _report(job, compared, measured, names, report)
        if job.html:
            report(0.93, "Writing the report")
            page.write(_with_pictures(shown, compared, reference), job.html)
        if writer is not None:
            report(0.98, "Completing the files")
            writer.commit()
    return {
        "figures": figures,
        "bands": bands,
        **report_as_dict(shown),
        "ratio": measured.ratio,
        "peak": measured.data_range,
        "width": compared.grid.width,
        "height": compared.grid.height,
        "valid_pixels": measured.valid_pixels,
        "error_map": job.error_map or None,
        "html": job.html or None,
        "seconds": round(time.monotonic() - started, 3),
        "messages": report.messages,
    }


def _ratio_of(path: str) -> float:
    """The ratio that a fused file says it was made with."""
    text = None
    with gdal_failures():
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY)
        text = dataset.GetMetadataItem("KSDIFF_RATIO") if dataset is not None else None
    try:
        ratio = float(text or "")
    except ValueError:
        ratio = math.nan
    if not 1.0 <= ratio <= 1000.0:
        raise InputError(
            f"{path} does not say how many times finer than the MS it is, which ERGAS needs.",
            hint="Name the ratio, for example 4.",
        )
    return ratio


def compare_grids(reference: RasterSource, fused: RasterSource, report: Report) -> Compared:
    """Find the common part of two images, and its means and peak in one pass.

    Raises InputError when bands or pixels do not fit together, or none is valid in both.
    """
    if len(reference.bands) != len(fused.bands):
        raise InputError(
            f"The fused image {fused.name} ({fused.grid.width} × {fused.grid.height} pixels) has "
            f"{len(fused.bands)} bands, the reference {reference.name} ({reference.grid.width} × "
            f"{reference.grid.height} pixels) has {len(reference.bands)}.",
            hint="Choose the bands of the reference that were fused.",
        )
    ours, theirs = common_windows(reference.grid, reference.name, fused.grid, fused.name)
    if (ours.width, ours.height) != (reference.grid.width, reference.grid.height):
        report.warn(
            f"The fused image covers {ours.width} × {ours.height} of the reference's "
            f"{reference.grid.width} × {reference.grid.height} pixels; the figures are of that "
            "part."
        )
    compared = Compared(
        Moved(reference, ours.column, ours.row),
        Moved(fused, theirs.column, theirs.row),
        reference.grid.cut(ours),
        np.zeros(0),
        0.0,
    )
    moments = Moments(len(reference.bands))
    windows = list(tiles(ours.width, ours.height, TILE))
    for number, window in enumerate(windows):
        report(number / len(windows), "Reading both images")
        image, _, valid = compared.read(window)
        moments.add(image[:, valid].T)
    if not moments.count:
        raise InputError(
            f"Not one pixel of the reference {reference.name} and the fused image {fused.name} is "
            "valid in both.",
            hint="Check the nodata values and masks of both rasters.",
        )
    return replace(compared, mean=moments.mean, peak=float(moments.maximum.max()))


def measure(
    compared: Compared, data_type: str, ratio: float, peak: float, report: Report
) -> ReferenceReport:
    """Measure in tiles. peak: 0 for the reference's largest value; PSNR and SSIM need one."""
    grid = compared.grid
    parts = -(-grid.width // TILE) * -(-grid.height // TILE)
    read_parts = 0

    def read(rows: slice, columns: slice) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        nonlocal read_parts
        report(read_parts / parts, "Measuring against the reference")
        read_parts += 1
        reference, fused, valid = compared.read(window_of(rows, columns))
        return (reference, fused), valid

    peak = peak or compared.peak
    measured = assess_rasters_against_reference(
        read,
        grid.height,
        grid.width,
        ratio,
        data_range=peak if peak > 0.0 else None,
        q2n_convention=q2n_convention(data_type),
    )
    if peak > 0.0:
        return measured
    note = "PSNR, SSIM: the reference has no positive value that could be their peak."
    return replace(measured, notes=(*measured.notes, note))


def _map_writer(job: AssessAgainstReferenceJob, compared: Compared) -> RasterWriter:
    remove_leftovers(job.error_map)
    bands = [info for info, usable in zip((ANGLE, RELATIVE), map_bands(compared.mean)) if usable]
    if not bands:
        raise InputError(
            "No error map can be made: a single band has no spectral angle, and the reference's "
            "mean is 0.",
            hint="Check the reference, or leave the error map out.",
        )
    inputs = (*job.reference, job.fused)
    return RasterWriter(
        job.error_map,
        compared.grid,
        bands,
        "Float32",
        tags={
            "KSDIFF_REFERENCE": "; ".join(map(os.path.basename, job.reference)),
            "KSDIFF_FUSED": os.path.basename(job.fused),
        },
        creation_options=job.creation_options,
        inputs=inputs,
    )


def map_bands(mean: np.ndarray) -> tuple[bool, bool]:
    """Whether an image with these means has spectral angles, and relative errors."""
    return len(mean) > 1, bool((mean != 0.0).all())


def error_maps(
    reference: np.ndarray, fused: np.ndarray, mean: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Those of spectral angle (degrees) and relative error (percent) that exist, (H, W) each."""
    reference, fused = np.asarray(reference, np.float64), np.asarray(fused, np.float64)
    angular, relative = map_bands(mean)
    maps = [spectral_angles(reference, fused)] if angular else []
    if relative:
        maps.append(relative_errors(reference, fused, mean))
    return tuple(maps)


def write_map(compared: Compared, writer: RasterWriter, report: Report) -> None:
    """Write the errors of all pixels; those without a spectral angle have no value."""
    windows = list(tiles(compared.grid.width, compared.grid.height, TILE))
    for number, window in enumerate(windows):
        report(number / len(windows), "Mapping the errors")
        reference, fused, valid = compared.read(window)
        writer.write(window, np.stack(error_maps(reference, fused, compared.mean)), valid)


def _report(
    job: AssessAgainstReferenceJob,
    compared: Compared,
    measured: ReferenceReport,
    names: Sequence[str],
    report: Report,
) -> tuple[page.Report, dict[str, float | None], list[dict[str, Any]]]:
    """Return the report without pictures, the figures, and those of each band."""
    notes = list(measured.notes)
    figures = finite_figures(measured.as_dict(), KEYS, notes)
    rows = tuple(
        page.TableRow(name, _band_figures(measured, number)) for number, name in enumerate(names)
    )
    bands = [{"name": row.label, **row.figures} for row in rows]
    label = os.path.basename(job.fused)
    shown = page.Report(
        title=f"Quality of {label} against its reference",
        summary=_SUMMARY,
        facts=(
            ("Fused image", job.fused),
            ("Reference", "; ".join(job.reference)),
            ("Compared", f"{compared.grid.width} × {compared.grid.height} pixels"),
            ("Valid", f"{measured.valid_pixels} pixels"),
            ("Ratio", f"{measured.ratio:.6g}"),
            ("Peak (for PSNR and SSIM)", _peak_text(measured.data_range)),
            ("Q2n", f"{measured.q2n_convention} convention"),
        ),
        tables=(
            page.Table("Against the reference", KEYS, (page.TableRow(label, figures),)),
            page.Table("Band by band", BAND_KEYS, rows),
        ),
        notes=(*notes, *report.messages),
    )
    return shown, figures, bands


def _peak_text(peak: float | None) -> str:
    return "none" if peak is None else f"{peak:g}"


def _band_figures(measured: ReferenceReport, number: int) -> dict[str, float | None]:
    values = {key: getattr(measured, f"{key}_bands") for key in BAND_KEYS}
    of_band = {key: None if bands is None else bands[number] for key, bands in values.items()}
    return finite_figures(of_band, BAND_KEYS, [])


_SUMMARY = (
    "How close the fused image comes to the reference, pixel by pixel. A reference exists where a "
    "pair was reduced by Wald's protocol: then it is the original MS image."
)


def _with_pictures(shown: page.Report, compared: Compared, source: RasterSource) -> page.Report:
    """Add crops, spectra and error maps of the central part."""
    window = shown_window(compared.grid.width, compared.grid.height)
    reference, fused, valid = compared.read(window)
    corners = page.most_different([reference, fused], CROP, CROPS, valid)
    layers = [
        (label, cut_out(image, valid, corners, CROP))
        for label, image in (("Reference", reference), ("Fused", fused))
    ]
    titles, viewer = crop_titles(corners, (window.column, window.row)), Viewer.of(source, DEFAULT)
    units = [u for u, usable in zip(("°", "%"), map_bands(compared.mean)) if usable]
    maps = tuple(
        page.ErrorMap("Fused", np.where(valid, values, np.nan), unit)
        for unit, values in zip(units, error_maps(reference, fused, compared.mean))
    )
    return replace(
        shown,
        crops=viewer.crops(titles, layers),
        profiles=viewer.spectra(titles, layers),
        error_maps=maps,
    )
