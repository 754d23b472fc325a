"""Scenes for evaluation, opened through the engine's own raster room.

Arrays become in-memory rasters, so that evaluation runs the very code that users run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from osgeo import gdal, osr

from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.registration import registered
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensors import SensorProfile, detect_sensor, gains_for
from ksdiff_engine.wald import reduce_pair

from .data.pairs import PairFile, read_pair
from .data.pancollection import SUFFIXES, PanCollectionFile
from .data.rasters import Product, read_raster_pair
from .data.simulation import PHASES

SMALLEST_BLOCK = 128  # MS pixels; Q2n wants several blocks of 32


@dataclass(frozen=True)
class EvaluationScene:
    """A pair to fuse, float64 digital numbers: pan (H, W), ms (C, h, w).

    convention: where MS pixels lie on PAN's, a key of ``PHASES``.
    """

    name: str
    sensor: SensorProfile
    ratio: int
    convention: str
    pan: np.ndarray
    ms: np.ndarray

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


@dataclass(frozen=True)
class ReducedScene(EvaluationScene):
    """A pair at reduced resolution with its reference (C, H, W)."""

    reference: np.ndarray


def load_scenes(
    place: Path | Product, convention: str = "georeferenced"
) -> Iterator[EvaluationScene]:
    """All scenes of a file or a product, one at a time.

    Of HDF5 in PanCollection's layout each image is a scene with statistics of its own, as in the
    field's tables; where it has no reference, it is one at full resolution. The project's npz and
    georeferenced rasters are reduced by Wald's protocol, the latter in blocks without nodata.
    Raises FileNotFoundError, ValueError or InputError.
    """
    if isinstance(place, Product):
        for pair in read_raster_pair(place, smallest=SMALLEST_BLOCK):
            yield reduced_scene(pair, convention)
    elif place.suffix in SUFFIXES:
        yield from _pancollection_scenes(place)
    else:
        yield load_reduced_scene(place, convention)


def _pancollection_scenes(path: Path) -> Iterator[EvaluationScene]:
    with PanCollectionFile(path) as file:
        for index in range(len(file)):
            patch = file[index]
            common = (f"{path.stem}_{index:02d}", file.sensor, file.ratio, file.convention)
            images = (patch.pan.astype(np.float64), patch.ms.astype(np.float64))
            if patch.gt is None:
                yield EvaluationScene(*common, *images)
            else:
                yield ReducedScene(*common, *images, patch.gt.astype(np.float64))


def load_reduced_scene(path: Path, convention: str = "georeferenced") -> ReducedScene:
    """Read the project's npz: a full-resolution pair is reduced by Wald's protocol first.

    Files that already hold a reference (``gt``) keep the toolbox's decimation they were made with.
    MTF gains are those of the sensor's profile, or the default's where none are published.
    """
    return reduced_scene(read_pair(path, np.float64), convention)


def reduced_scene(pair: PairFile, convention: str) -> ReducedScene:
    """What :func:`load_reduced_scene` makes of a file's content."""
    sensor = detect_sensor([pair.sensor])
    if pair.reference is None:
        gains = gains_for(sensor, pair.ms.shape[0])
        reduced = reduce_pair(pair.pan, pair.ms, pair.ratio, gains, convention)
        return ReducedScene(pair.name, sensor, pair.ratio, convention, *reduced)
    images = (pair.pan, pair.ms, pair.reference)
    return ReducedScene(pair.name, sensor, pair.ratio, "benchmark", *images)


def registered_scene(scene: EvaluationScene) -> EvaluationScene:
    """The scene with PAN resampled to where MS lies, as jobs do it: where it is sure to lie off it.

    Raises ValueError for a shift so long that the scene would lose its edge.
    """
    with scene.open() as opened:
        after, finding = registered(opened, "follow", lambda *_: None, lambda _: None)
        if after is opened:
            return scene
        if (after.width, after.height) != (opened.width, opened.height):
            raise ValueError(f"{scene.name} is too far off for an evaluation: {finding}")
        pan, _ = after.pair.pan.read(Window(0, 0, *scene.pan.shape[::-1]))
    return replace(scene, pan=pan[0].astype(np.float64))


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
