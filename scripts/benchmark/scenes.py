"""The scenes of the benchmark as GeoTIFFs that every program reads alike.

All lie in the georeferenced convention: corners of PAN and MS coincide, and sizes divide by the
ratio, so no program has to guess where MS lies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal, osr

from ksdiff_engine.sensors import detect_sensor, gains_for
from ksdiff_engine.wald import reduce_ms, reduce_pair
from ksdiff_training.data.pairs import read_pair

# Below this a scene is reflectance; it is multiplied so that whole numbers resolve it.
LARGEST_REFLECTANCE = 50.0
REFLECTANCE_SCALE = 10000.0


@dataclass(frozen=True)
class PairFiles:
    """A PAN/MS pair on disk.

    sensor: name of the engine's profile; data_type: GDAL's name; bits: that hold its largest value.
    """

    pan: str
    ms: str
    ratio: int
    bands: int
    bits: int
    sensor: str
    data_type: str


@dataclass(frozen=True)
class QualityScene:
    """A scene at full resolution, and reduced by Wald's protocol with its reference."""

    name: str
    full: PairFiles
    reduced: PairFiles
    reference: str


def write_mosaic(source: Path, megapixels: float, bands: int, folder: Path) -> PairFiles:
    """A real pair, repeated in mirrored copies to `megapixels` of PAN, as UInt16.

    `source` is in the project's npz layout; its first `bands` bands are taken. Mirroring leaves no
    hard edges between the copies.
    """
    pair = read_pair(source)
    edge = round((megapixels * 1e6) ** 0.5 / pair.ratio)
    pan = _mirrored(pair.pan[None].astype(np.uint16), edge * pair.ratio)
    ms = _mirrored(pair.ms[:bands].astype(np.uint16), edge)
    return _write_pair(folder, pan, ms, pair.ratio, detect_sensor([pair.sensor]).name)


def write_quality_scene(source: Path, folder: Path) -> QualityScene:
    """A pair in the project's npz layout as Float32 rasters, so that no figure hangs on rounding.

    A file that comes reduced, with its reference, has the toolboxes' half-pixel offset between PAN
    and MS, which not every program honours: its MS is reduced anew from the reference. It has no
    full-resolution pair, so the reduced one stands for that.
    """
    pair = read_pair(source, np.float64)
    sensor = detect_sensor([pair.sensor])
    gains = gains_for(sensor, len(pair.ms))
    if pair.reference is None:
        reduced = reduce_pair(pair.pan, pair.ms, pair.ratio, gains)
        full = pair.pan, pair.ms
    else:
        ms = reduce_ms(pair.reference, pair.ratio, gains)
        reduced = pair.pan, ms, pair.reference
        full = pair.pan, ms
    pan, ms, reference = (_scaled(image, pair.ms) for image in reduced)
    folders = [folder / "full", folder / "reduced"]
    for path in folders:
        path.mkdir(parents=True)
    files = [
        _write_pair(path, p[None].astype(np.float32), m.astype(np.float32), pair.ratio, sensor.name)
        for path, p, m in (
            (folders[0], *(_scaled(image, pair.ms) for image in full)),
            (folders[1], pan, ms),
        )
    ]
    height, width = pan.shape
    path = str(folder / "reduced" / "reference.tif")
    write_raster(path, reference[:, :height, :width].astype(np.float32), 1.0)
    return QualityScene(pair.name, files[0], files[1], path)


def _scaled(image: np.ndarray, ms: np.ndarray) -> np.ndarray:
    return image * (REFLECTANCE_SCALE if ms.max() < LARGEST_REFLECTANCE else 1.0)


def _mirrored(image: np.ndarray, edge: int) -> np.ndarray:
    """(C, edge, edge): the image repeated, every second copy mirrored."""
    for axis in (1, 2):
        n = image.shape[axis]
        index = np.arange(edge) % (2 * n)
        image = np.take(image, np.where(index < n, index, 2 * n - 1 - index), axis=axis)
    return image


def _write_pair(
    folder: Path, pan: np.ndarray, ms: np.ndarray, ratio: int, sensor: str
) -> PairFiles:
    names = str(folder / "pan.tif"), str(folder / "ms.tif")
    write_raster(names[0], pan, 1.0)
    write_raster(names[1], ms, float(ratio))
    largest = max(float(pan.max()), float(ms.max()))
    bits = max(8, math.ceil(math.log2(largest + 1)))
    data_type = "UInt16" if ms.dtype == np.uint16 else "Float32"
    return PairFiles(*names, ratio, len(ms), bits, sensor, data_type)


def write_raster(path: str, image: np.ndarray, pixel: float) -> None:
    """(C, H, W), UInt16 or Float32, as a tiled GeoTIFF in metres with a fixed upper left corner."""
    bands, height, width = image.shape
    whole = image.dtype == np.uint16
    options = ["TILED=YES", "COMPRESS=DEFLATE", f"PREDICTOR={2 if whole else 3}"]
    kind = gdal.GDT_UInt16 if whole else gdal.GDT_Float32
    dataset = gdal.GetDriverByName("GTiff").Create(path, width, height, bands, kind, options)
    system = osr.SpatialReference()
    system.ImportFromEPSG(32631)
    dataset.SetProjection(system.ExportToWkt())
    dataset.SetGeoTransform((5e5, pixel, 0.0, 5e6, 0.0, -pixel))
    dataset.WriteArray(image)
    dataset.FlushCache()
