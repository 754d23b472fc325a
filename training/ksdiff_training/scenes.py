"""Scenes at reduced resolution for evaluation, opened through the engine's own raster room.

Arrays become in-memory rasters, so that evaluation runs the very code that users run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal, osr

from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensors import SensorProfile, detect_sensor, gains_for
from ksdiff_engine.wald import reduce_pair

from .data.pairs import read_pair

# Where a coarse pixel's centre lies in its block, counted in fine pixels from the block's edge.
PHASES: dict[str, Callable[[int], float]] = {
    "georeferenced": lambda ratio: ratio / 2,
    "benchmark": lambda ratio: ratio // 2 + 0.5,
}


@dataclass(frozen=True)
class ReducedScene:
    """A reduced-resolution pair with its reference, float64 digital numbers.

    pan (H, W), ms (C, h, w), reference (C, H, W); convention: a key of ``PHASES``.
    """

    name: str
    sensor: SensorProfile
    ratio: int
    convention: str
    pan: np.ndarray
    ms: np.ndarray
    reference: np.ndarray

    @contextmanager
    def open(self) -> Iterator[Scene]:
        """The pair as a :class:`Scene` whose geometry follows the convention it was made with."""
        offset = PHASES[self.convention](self.ratio) - self.ratio / 2
        with (
            in_memory(self.name, self.pan, self.ms, self.ratio, offset) as (pan_path, ms_path),
            RasterSource.open_pan(pan_path) as pan,
            RasterSource.open_ms([ms_path]) as ms,
        ):
            yield Scene(align(pan, ms), self.sensor)


def load_reduced_scene(path: Path, convention: str = "georeferenced") -> ReducedScene:
    """Read the project's npz: a full-resolution pair is reduced by Wald's protocol first.

    Files that already hold a reference (``gt``) keep the toolbox's decimation they were made with.
    MTF gains are those of the sensor's profile, or the default's where none are published.
    """
    pair = read_pair(path, np.float64)
    sensor = detect_sensor([pair.sensor])
    if pair.reference is None:
        gains = gains_for(sensor, pair.ms.shape[0])
        reduced = reduce_pair(pair.pan, pair.ms, pair.ratio, gains, convention)
        return ReducedScene(pair.name, sensor, pair.ratio, convention, *reduced)
    images = (pair.pan, pair.ms, pair.reference)
    return ReducedScene(pair.name, sensor, pair.ratio, "benchmark", *images)


@contextmanager
def in_memory(
    name: str, pan: np.ndarray, ms: np.ndarray, ratio: int, offset: float = 0.0
) -> Iterator[tuple[str, str]]:
    """PAN (H, W) and MS (C, h, w) as rasters in memory; yields their paths, removes them after.

    `offset`: by how many PAN pixels MS's corner lies right of and below PAN's.
    """
    folder = f"/vsimem/{name}-{id(pan)}"
    paths = (f"{folder}/pan.tif", f"{folder}/ms.tif")
    _write(paths[0], pan[None], (0.0, 0.0), 1.0)
    _write(paths[1], ms, (offset, offset), float(ratio))
    try:
        yield paths
    finally:
        for path in paths:
            gdal.Unlink(path)


def _write(path: str, image: np.ndarray, origin: tuple[float, float], pixel: float) -> None:
    """(C, H, W) as a north-up raster; `origin` counts right and down from PAN's corner."""
    bands, height, width = image.shape
    dataset = gdal.GetDriverByName("GTiff").Create(path, width, height, bands, gdal.GDT_Float32)
    # Metres at the equator of a UTM zone: any projected system would do.
    system = osr.SpatialReference()
    system.ImportFromEPSG(32631)
    dataset.SetProjection(system.ExportToWkt())
    dataset.SetGeoTransform((5e5 + origin[0], pixel, 0.0, 1e5 - origin[1], 0.0, -pixel))
    dataset.WriteArray(image.astype(np.float32))
    dataset.FlushCache()
