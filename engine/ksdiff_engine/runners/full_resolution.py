"""Measures without a reference on scenes: the product and the pair on the PAN grid, in tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ksdiff_engine.errors import InputError
from ksdiff_engine.pipeline import Report
from ksdiff_engine.quality import (
    NoReferenceReport,
    assess_rasters_against_reference,
    assess_rasters_without_reference,
)
from ksdiff_engine.quality.blocks import TILE
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.reduction import Readable, Reduction, ms_axes, ms_window
from ksdiff_engine.runners.presentation import q2n_convention
from ksdiff_engine.scene import Scene, TileData

# Pixels of the MS grid that are read at a time; a product has ratio squared as many.
MS_TILE = 256
KEYS = ("hqnr", "d_lambda_k", "d_s", "qnr", "d_lambda", "d_rho", "r_q2n", "r_sam", "r_ergas")


def window_of(rows: slice, columns: slice) -> Window:
    """The window that two slices stand for."""
    return Window(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)


def assess_scene(
    scene: Scene,
    fused: Readable,
    report: Report,
    tile_of: Callable[[Window], TileData] | None = None,
) -> NoReferenceReport:
    """Measure a product on the scene's grid against the scene, in bounded memory.

    tile_of: where tiles come from, if not from the scene itself. The conventions are the
    benchmark's with the scene's own georeferenced interpolation; see docs/quality.md.
    """
    tile_of = tile_of or scene.tile
    parts = -(-scene.width // TILE) * -(-scene.height // TILE)
    read_parts = 0

    def read(rows: slice, columns: slice) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        nonlocal read_parts
        report(0.8 * read_parts / parts, "Measuring without a reference")
        read_parts += 1
        window = window_of(rows, columns)
        tile = tile_of(window)
        image, valid = fused.read(window)
        return (tile.pan, tile.pan_low, tile.ms_up, image), tile.valid & valid

    figures = assess_rasters_without_reference(
        read,
        scene.height,
        scene.width,
        scene.ratio,
        scene.gains,
        scene.profile.name,
        q2n_convention=q2n_convention(scene.pair.ms.data_type),
    )
    return with_consistency(figures, scene, fused, report.share(0.8, 1.0))


def with_consistency(
    figures: NoReferenceReport, scene: Scene, fused: Readable, report: Report
) -> NoReferenceReport:
    """Add R-SAM, R-ERGAS and R-Q2n: the product degraded to the MS grid against the MS.

    Each band is blurred by its MTF and sampled at the centres of the MS pixels, where the
    georeference says they are; benchmark tools, which have none, search for the position.
    """
    window = ms_window(scene.pair)
    if not window.width or not window.height:
        return figures
    degraded = Reduction(fused, *ms_axes(scene.pair), scene.gains)

    def read(rows: slice, columns: slice) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        report(rows.start / window.height, "Comparing with the MS at its own resolution")
        part = window_of(rows, columns).shifted(window.column, window.row)
        ms, ms_valid = scene.pair.ms.read(part)
        image, valid = degraded.read(part)
        return (ms, image), ms_valid & valid

    try:
        measured = assess_rasters_against_reference(
            read,
            window.height,
            window.width,
            scene.ratio,
            q2n_convention=q2n_convention(scene.pair.ms.data_type),
            tile=MS_TILE,
        )
    except InputError as error:
        note = f"R-SAM, R-ERGAS, R-Q2n: {error}"
        return replace(figures, notes=(*figures.notes, note))
    notes = [f"R-{note}" for note in measured.notes if note.startswith(("SAM", "ERGAS", "Q2n"))]
    return replace(
        figures,
        r_sam=measured.sam,
        r_ergas=measured.ergas,
        r_q2n=measured.q2n,
        notes=(*figures.notes, *notes),
    )
