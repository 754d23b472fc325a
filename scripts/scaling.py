"""What a scene costs the process that shares it out over a cluster: figures of docs/scaling.md.

    scripts/scaling.py PAIR.npz [--megapixels 16]

Prints, for a megapixel of PAN with four bands of UInt16: the bytes of the files that are read, of a
tile on its way from the worker, and of the result; the client's CPU seconds for taking tiles from
Dask, for writing them, and for what comes before the first; and the bytes sent once to each worker.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmark.scenes import write_mosaic
from osgeo import gdal

from ksdiff_engine import pipeline
from ksdiff_engine.cluster import connected, spread
from ksdiff_engine.device import choose_device
from ksdiff_engine.job import ClassicalJob, PansharpenJob
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window, even_tiles
from ksdiff_engine.raster.writer import RasterWriter
from ksdiff_engine.registration import registered

BANDS = 4
Tile = tuple[Window, np.ndarray]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pair", type=Path)
    parser.add_argument("--megapixels", type=float, default=16)
    options = parser.parse_args()
    gdal.UseExceptions()
    with tempfile.TemporaryDirectory(prefix="ksdiff-scaling-") as folder:
        measure(options.pair, options.megapixels, Path(folder))


def measure(source: Path, megapixels: float, folder: Path) -> None:
    """Print the figures for a mosaic of one pair."""
    files = write_mosaic(source, megapixels, BANDS, folder)
    pair = files.pan, (files.ms,)
    # GSA injects all of PAN's detail: its result compresses like the network's.
    fused = str(folder / "fused.tif")
    pipeline.run_job(ClassicalJob(*pair, fused, "gsa"))
    with RasterSource.open_ms(fused) as raster:
        windows = list(even_tiles(raster.grid.width, raster.grid.height, pipeline.MEDIUM_TILE))
        tiles = [(window, raster.read(window)[0]) for window in windows]
        with RasterWriter(str(folder / "again.tif"), raster.grid, raster.bands, "UInt16") as writer:
            written = cpu_seconds(lambda: write(writer, tiles))
    raw = sum(image.astype(np.uint16).nbytes for _, image in tiles)
    print(f"read     {files_bytes([files.pan, files.ms]) / 1e6 / megapixels:6.2f} MB/Mpx")
    print(f"tiles    {raw / 1e6 / megapixels:6.2f} MB/Mpx")
    print(f"result   {files_bytes([fused]) / 1e6 / megapixels:6.2f} MB/Mpx")
    print(f"taking   {taken(tiles) / megapixels:6.3f} CPU s/Mpx")
    print(f"writing  {written / megapixels:6.3f} CPU s/Mpx")
    preparing(PansharpenJob(*pair, fused), megapixels)


def cpu_seconds(action: Callable[[], object]) -> float:
    """CPU time of this process and its threads for an action."""
    start = time.process_time()
    action()
    return time.process_time() - start


def files_bytes(paths: list[str]) -> int:
    """Size of files on the disk."""
    return sum(os.path.getsize(path) for path in paths)


def write(writer: RasterWriter, tiles: list[Tile]) -> None:
    """Encode, compress and store tiles, as the client does."""
    for window, image in tiles:
        writer.write(window, image, np.ones(image.shape[1:], bool))
    writer.commit()


def taken(tiles: list[Tile]) -> float:
    """CPU seconds of client and scheduler, one process here, for tiles that come from a worker."""
    shapes = [image.shape for _, image in tiles]

    def made(shape: tuple[int, ...]) -> np.ndarray:
        import numpy

        return numpy.ones(shape, numpy.uint16)

    with connected(1, "") as client:
        list(spread(client, made, shapes[:1]))  # the worker has imported what it needs
        return cpu_seconds(lambda: list(spread(client, made, shapes)))


def preparing(job: PansharpenJob, megapixels: float) -> None:
    """Print what comes before the first tile, and the size of what each worker then gets."""
    quiet = pipeline.Report(lambda *_: None, lambda: False, lambda _: None)
    with pipeline.open_scene(job.pan, job.ms, job.bands, job.pan_band, job.sensor, quiet) as scene:
        entry, _ = pipeline.choose_weights(job, scene, quiet)
        method = pipeline.load_method(job, entry, choose_device("cpu")[0])
        figures = {
            "shift": cpu_seconds(lambda: registered(scene, "report", quiet, quiet.warn)),
            "stats": cpu_seconds(scene.statistics),
            "baking": cpu_seconds(lambda: method.prepare(scene, quiet)),
        }
        arrays = pipeline.prepared_arrays(scene, method)
    print(f"shift    {figures['shift']:6.1f} CPU s")
    print(f"stats    {figures['stats'] / megapixels:6.3f} CPU s/Mpx")
    print(f"baking   {figures['baking']:6.1f} CPU s ({entry.name})")
    print(f"parcel   {sum(array.nbytes for array in arrays.values()) / 1e6:6.2f} MB/worker")


if __name__ == "__main__":
    main()
