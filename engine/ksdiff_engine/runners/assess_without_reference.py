"""The job ``assess_without_reference``: a fused image against its own PAN and MS."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

from osgeo import gdal

from ksdiff_engine.device import limit_threads
from ksdiff_engine.errors import InputError
from ksdiff_engine.job import AssessWithoutReferenceJob
from ksdiff_engine.pipeline import Report, open_scene
from ksdiff_engine.quality import NoReferenceReport
from ksdiff_engine.quality import report as page
from ksdiff_engine.raster.align import Pair
from ksdiff_engine.raster.gdal_guard import gdal_failures
from ksdiff_engine.raster.lattice import common_windows
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.reduction import Moved
from ksdiff_engine.runners.full_resolution import KEYS, assess_scene
from ksdiff_engine.runners.presentation import (
    Viewer,
    check_report_path,
    crop_titles,
    cut_out,
    finite_figures,
    report_as_dict,
    shown_window,
)
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensor_hints import sensor_keys

CROP = 160  # PAN pixels
CROPS = 3


def run_assess_without_reference(job: AssessWithoutReferenceJob, report: Report) -> dict[str, Any]:
    """Measure; the result's keys are in docs/architecture.md."""
    started = time.monotonic()
    limit_threads(job.threads)
    check_report_path(job.html)
    report(0.0, "Opening the rasters")
    with (
        open_scene(job.pan, job.ms, job.bands, job.pan_band, job.sensor, report) as whole,
        RasterSource.open_ms([job.fused]) as source,
    ):
        whole = Scene(as_fused(whole.pair, job.fused), whole.profile)
        refuse_other_bands(source, whole.bands)
        area, place = common_windows(whole.pair.grid, whole.pair.pan.name, source.grid, source.name)
        if (area.width, area.height) != (whole.width, whole.height):
            report.warn(
                f"The fused image covers {area.width} × {area.height} of the {whole.width} × "
                f"{whole.height} PAN pixels; the figures are of that part."
            )
        scene = Scene(whole.pair.cut(area), whole.profile)
        fused = Moved(source, place.column, place.row)
        measured = assess_scene(scene, fused, report.share(0.02, 0.9))
        notes = [*measured.notes]
        figures = finite_figures(measured.as_dict(), KEYS, notes)
        shown = page.Report(
            title=f"Quality of {os.path.basename(job.fused)} without a reference",
            summary=_SUMMARY,
            facts=_facts(job, scene, measured),
            tables=(_table(job, figures),),
            notes=(*notes, *report.messages),
        )
        if job.html:
            report(0.9, "Writing the report")
            page.write(_with_pictures(shown, scene, fused), job.html)
    return {
        "figures": figures,
        **report_as_dict(shown),
        **sensor_keys(scene.profile),
        "ms_gains": list(measured.ms_gains),
        "ratio": measured.ratio,
        "width": scene.width,
        "height": scene.height,
        "bands": scene.bands,
        "valid_pixels": measured.valid_pixels,
        "html": job.html or None,
        "seconds": round(time.monotonic() - started, 3),
        "messages": report.messages,
    }


_SUMMARY = (
    "How well the fused image keeps what was given: the spectra of the MS image and the detail of "
    "the PAN image. No reference exists at this resolution; figures of different scenes, or with "
    "the MTF gains of different sensors, cannot be compared with each other."
)


def as_fused(pair: Pair, path: str) -> Pair:
    """The pair as it lay when the file was fused, if registration had moved MS or PAN."""
    dataset = None
    with gdal_failures():
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY)
    for tag, move in (("KSDIFF_SHIFT", pair.moved), ("KSDIFF_PAN_SHIFT", pair.following)):
        text = dataset.GetMetadataItem(tag) if dataset is not None else None
        shift = _numbers(text or "")
        if len(shift) == 2:
            return move(*shift)
    return pair


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        return []


def refuse_other_bands(fused: RasterSource, bands: int) -> None:
    """Raise InputError unless the fused image has as many bands as the MS."""
    if len(fused.bands) != bands:
        raise InputError(
            f"The fused image {fused.name} has {len(fused.bands)} bands, the MS has {bands}.",
            hint="Choose the MS bands that were fused.",
        )


def _facts(
    job: AssessWithoutReferenceJob, scene: Scene, measured: NoReferenceReport
) -> tuple[tuple[str, str], ...]:
    gains = ", ".join(f"{gain:g}" for gain in measured.ms_gains)
    published = "" if scene.profile.gains_published else ", not published for this sensor"
    return (
        ("Fused image", job.fused),
        ("PAN", job.pan),
        ("MS", "; ".join(job.ms)),
        ("Compared", f"{scene.width} × {scene.height} PAN pixels, {scene.bands} bands"),
        ("Valid", f"{measured.valid_pixels} pixels"),
        ("Ratio", f"{measured.ratio:.6g}"),
        ("Sensor", f"{scene.profile.title} ({scene.profile.reason})"),
        ("MTF gains at Nyquist", gains + published),
        ("Blocks", f"{measured.block} × {measured.block} PAN pixels"),
    )


def _table(job: AssessWithoutReferenceJob, figures: dict[str, float | None]) -> page.Table:
    row = page.TableRow(os.path.basename(job.fused), figures)
    return page.Table("Full resolution, without a reference", KEYS, (row,))


def _with_pictures(shown: page.Report, scene: Scene, fused: Moved) -> page.Report:
    """Add crops where MS and product differ most, and the mean spectra of each."""
    window = shown_window(scene.width, scene.height)
    tile = scene.tile(window)
    image, fused_valid = fused.read(window)
    valid = tile.valid & fused_valid
    corners = page.most_different([tile.ms_up, image], CROP, CROPS, valid)
    layers = (
        ("PAN", cut_out(tile.pan[None], tile.valid, corners, CROP)),
        ("MS, interpolated", cut_out(tile.ms_up, tile.valid, corners, CROP)),
        ("Fused", cut_out(image, fused_valid, corners, CROP)),
    )
    viewer = Viewer.of(scene.pair.ms, scene.profile)
    pair = scene.pair
    place = (pair.pan_column + window.column, pair.pan_row + window.row)
    titles = crop_titles(corners, place, "Crop")
    return replace(
        shown, crops=viewer.crops(titles, layers), profiles=viewer.spectra(titles, layers[1:])
    )
