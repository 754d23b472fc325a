"""A part of a scene in memory, on which several methods can be tried in bounded time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import numpy as np
from osgeo import gdal

from ksdiff_engine.job import DegradeJob
from ksdiff_engine.pipeline import Report
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.gdal_guard import gdal_failures
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.reduction import Moved, reduce_pair
from ksdiff_engine.runners.degrade import write_reduced
from ksdiff_engine.scene import Scene, TileData

PROBES = 24  # places along each axis at which validity is looked up
STEPS = 12  # places along each axis at which the sample may lie


class InMemory:
    """An image (C, H, W) with its validity (H, W), written and read like a raster."""

    def __init__(self, bands: int, height: int, width: int) -> None:
        self.image = np.zeros((bands, height, width), dtype=np.float32)
        self.valid = np.zeros((height, width), dtype=bool)

    def write(self, window: Window, image: np.ndarray, valid: np.ndarray) -> None:
        """Store a window; invalid pixels become 0."""
        rows, columns = _slices(window)
        self.image[:, rows, columns] = np.where(valid, image, 0.0)
        self.valid[rows, columns] = valid

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """((C, h, w), valid (h, w)) of a window that may leave the image."""
        image = np.zeros((len(self.image), window.height, window.width), dtype=np.float32)
        valid = np.zeros((window.height, window.width), dtype=bool)
        height, width = self.valid.shape
        inside = window.clipped(width, height)
        if inside.width and inside.height:
            place = _slices(inside.shifted(-window.column, -window.row))
            source = _slices(inside)
            image[(slice(None), *place)] = self.image[(slice(None), *source)]
            valid[place] = self.valid[source]
        return image, valid


@dataclass(frozen=True)
class WholeTile:
    """All of a scene as one tile, and any part of it without another interpolation."""

    tile: TileData

    @classmethod
    def of(cls, scene: Scene) -> WholeTile:
        """Read the scene."""
        return cls(scene.tile(Window(0, 0, scene.width, scene.height)))

    def part(self, window: Window) -> TileData:
        """A window inside the scene."""
        rows, columns = _slices(window)
        tile = self.tile
        return TileData(
            window=window,
            pan=tile.pan[rows, columns],
            pan_low=tile.pan_low[rows, columns],
            ms_up=tile.ms_up[:, rows, columns],
            valid=tile.valid[rows, columns],
        )


@dataclass(frozen=True)
class ReducedScene:
    """A scene reduced by its ratio, and its reference on the same grid."""

    scene: Scene
    reference: np.ndarray  # (C, H, W)
    valid: np.ndarray  # (H, W), of the reference


def sample_window(scene: Scene, megapixels: float) -> Window:
    """The window of at most so many million PAN pixels with the most valid ones.

    As square as the scene allows; among equals the one nearest to the scene's centre. Validity is
    looked up at ``PROBES`` × ``PROBES`` places.
    """
    width, height = _sample_size(scene.width, scene.height, megapixels * 1e6)
    if (width, height) == (scene.width, scene.height):
        return Window(0, 0, width, height)
    probes = _valid_probes(scene)
    room = np.array([scene.width - width, scene.height - height])
    best, best_score = Window(0, 0, width, height), (-1, 0.0)
    for step in np.ndindex(STEPS + 1, STEPS + 1):
        share = np.array(step) / STEPS
        column, row = (int(start) for start in np.rint(room * share))
        held = (
            (probes[:, 0] >= column)
            & (probes[:, 0] < column + width)
            & (probes[:, 1] >= row)
            & (probes[:, 1] < row + height)
        )
        score = (int(held.sum()), -float(np.hypot(*(share - 0.5))))
        if score > best_score:
            best, best_score = Window(column, row, width, height), score
    return best


def _sample_size(width: int, height: int, pixels: float) -> tuple[int, int]:
    if width * height <= pixels:
        return width, height
    side = math.sqrt(pixels)
    if min(width, height) >= side:
        return int(side), int(side)
    if width < height:
        return width, int(pixels / width)
    return int(pixels / height), height


def _valid_probes(scene: Scene) -> np.ndarray:
    """(N, 2) columns and rows of the probes that are valid in PAN and MS."""
    pair = scene.pair
    columns = ((np.arange(PROBES) + 0.5) * scene.width / PROBES).astype(int)
    rows = ((np.arange(PROBES) + 0.5) * scene.height / PROBES).astype(int)
    found = []
    for row in rows.tolist():
        for column in columns.tolist():
            pan = Window(pair.pan_column + column, pair.pan_row + row, 1, 1)
            x = math.floor(pair.ms_x + (column + 0.5) / pair.ratio_x)
            y = math.floor(pair.ms_y + (row + 0.5) / pair.ratio_y)
            if pair.pan.read(pan)[1].all() and pair.ms.read(Window(x, y, 1, 1))[1].all():
                found.append((column, row))
    return np.array(found).reshape(-1, 2)


@contextmanager
def reduced_scene(scene: Scene, report: Report) -> Iterator[ReducedScene]:
    """Reduce a scene into memory; the files are those that the job ``degrade`` would write."""
    folder = f"/vsimem/ksdiff-{uuid4().hex}"
    reduced = reduce_pair(scene.pair, scene.gains)
    job = DegradeJob(
        pan=scene.pair.pan.name,
        ms=(scene.pair.ms.name,),
        output_pan=f"{folder}/pan.tif",
        output_ms=f"{folder}/ms.tif",
        creation_options=("COMPRESS=NONE",),
    )
    try:
        with gdal_failures():
            gdal.Mkdir(folder, 0o755)
        write_reduced(scene, reduced, job, {}, report)
        with (
            RasterSource.open_pan(job.output_pan) as pan,
            RasterSource.open_ms([job.output_ms]) as ms,
        ):
            pair = align(pan, ms)
            whole = Moved(scene.pair.ms, reduced.reference.column, reduced.reference.row)
            grid = Window(pair.pan_column, pair.pan_row, pair.grid.width, pair.grid.height)
            yield ReducedScene(Scene(pair, scene.profile), *whole.read(grid))
    finally:
        with gdal_failures():
            gdal.RmdirRecursive(folder)


def _slices(window: Window) -> tuple[slice, slice]:
    """Rows and columns of a window."""
    return (
        slice(window.row, window.row + window.height),
        slice(window.column, window.column + window.width),
    )
