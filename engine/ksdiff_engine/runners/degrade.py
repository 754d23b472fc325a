"""The job ``degrade``: Wald's protocol on rasters, in bounded memory."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from ksdiff_engine.device import limit_threads
from ksdiff_engine.errors import InputError
from ksdiff_engine.job import DegradeJob
from ksdiff_engine.leftovers import remove_leftovers
from ksdiff_engine.pipeline import Report, open_scene, scene_tags
from ksdiff_engine.raster.grid import Grid
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import tiles
from ksdiff_engine.raster.writer import RasterWriter, check_output
from ksdiff_engine.reduction import Moved, Readable, ReducedPair, reduce_pair
from ksdiff_engine.registration import registered
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensor_hints import sensor_keys

TILE = 256  # pixels of the reduced grids; the writer's block


def run_degrade(job: DegradeJob, report: Report) -> dict[str, Any]:
    """Reduce a pair; the result's keys are in docs/architecture.md."""
    started = time.monotonic()
    limit_threads(job.threads)
    report(0.0, "Opening the rasters")
    for output in job.outputs:
        check_output(output)
    with open_scene(job.pan, job.ms, job.bands, job.pan_band, job.sensor, report) as scene:
        scene, shift = registered(scene, job.register, report.share(0.02, 0.1), report.warn)
        reduced = reduce_pair(scene.pair, scene.gains)
        tags = reduction_tags(scene)
        valid = write_reduced(scene, reduced, job, tags, report.share(0.1, 1.0))
        figures = {
            "ratio": scene.ratio,
            "bands": scene.bands,
            **sensor_keys(scene.profile),
            "ms_gains": list(scene.gains),
        }
    return {
        "output_pan": job.output_pan,
        "output_ms": job.output_ms,
        "output_reference": job.output_reference or None,
        "width": reduced.pan_grid.width,
        "height": reduced.pan_grid.height,
        "ms_width": reduced.ms_grid.width,
        "ms_height": reduced.ms_grid.height,
        **figures,
        **shift,
        "valid_fraction": valid / (reduced.ms_grid.width * reduced.ms_grid.height),
        "seconds": round(time.monotonic() - started, 3),
        "messages": report.messages,
    }


def reduction_tags(scene: Scene) -> dict[str, str]:
    """Metadata that tell how a reduced raster came about."""
    return {
        **scene_tags(scene),
        "KSDIFF_REDUCED_BY": f"{scene.ratio:.6g}",
        "KSDIFF_MTF_GAINS": " ".join(f"{gain:g}" for gain in scene.gains),
    }


def write_reduced(
    scene: Scene,
    reduced: ReducedPair,
    job: DegradeJob,
    tags: dict[str, str],
    report: Report,
) -> int:
    """Write the reduced PAN, MS and, if wanted, the reference; return the valid MS pixels.

    All are written before the first one takes its name.
    """
    pan, ms = scene.pair.pan, scene.pair.ms
    inputs = (*pan.files, *ms.files)

    def writer(path: str, grid: Grid, source: RasterSource) -> RasterWriter:
        remove_leftovers(path)
        return RasterWriter(
            path,
            grid,
            source.bands,
            source.data_type,
            nodata=source.bands[0].nodata,
            tags=tags,
            creation_options=job.creation_options,
            inputs=inputs,
        )

    with ExitStack() as stack:
        pan_writer = stack.enter_context(writer(job.output_pan, reduced.pan_grid, pan))
        ms_writer = stack.enter_context(writer(job.output_ms, reduced.ms_grid, ms))
        writers = [pan_writer, ms_writer]
        copy(reduced.pan, reduced.pan_grid, pan_writer, report.share(0.0, 0.6))
        valid = copy(reduced.ms, reduced.ms_grid, ms_writer, report.share(0.6, 0.9))
        if job.output_reference:
            writers.append(stack.enter_context(writer(job.output_reference, reduced.pan_grid, ms)))
            reference = Moved(ms, reduced.reference.column, reduced.reference.row)
            copy(reference, reduced.pan_grid, writers[-1], report.share(0.9, 0.98))
        if not valid:
            raise InputError(
                f"Not one pixel of the reduced MS {ms.name} is valid.",
                hint="Check its nodata value and mask.",
            )
        report(0.98, "Completing the files")
        for each in writers:
            each.commit()
    return valid


def copy(source: Readable, grid: Grid, writer: RasterWriter, report: Report) -> int:
    """Write a raster tile by tile; return the number of valid pixels."""
    valid_pixels = 0
    windows = list(tiles(grid.width, grid.height, TILE))
    for number, window in enumerate(windows):
        report(number / len(windows), f"Reducing tile {number + 1} of {len(windows)}")
        image, valid = source.read(window)
        writer.write(window, image, valid)
        valid_pixels += int(valid.sum())
    return valid_pixels
