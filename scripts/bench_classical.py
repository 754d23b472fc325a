"""Wall time, CPU time and peak memory of the methods beside gdal_pansharpen.py.

A large scene is made by repeating a real pair, mirrored at every second copy so that it has no hard
edges; every method then runs as a process of its own, in turn, over several rounds. Prints a
Markdown table of medians. Usage:

    scripts/bench_classical.py PAIR.npz [--megapixels 64] [--rounds 3] [--methods exp,gsa,…]

PAIR.npz holds `ms` (C, h, w), `pan` (1, r*h, r*w) and `ratio`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from osgeo import gdal, osr

ROOT = Path(__file__).resolve().parents[1]
METHODS = (
    "exp,brovey,bt-h,gihs,gs,gsa,sfim,awlp,mtf-glp,mtf-glp-hpm,mtf-glp-hpm-r,mtf-glp-fs,bdsd-pc"
)


def main() -> None:
    """Make the scene, run every command in every round, print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pair", type=Path)
    parser.add_argument("--megapixels", type=float, default=64.0, help="of PAN")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("--bands", type=int, default=4)
    options = parser.parse_args()
    gdal.UseExceptions()
    with tempfile.TemporaryDirectory(prefix="ksdiff-bench-") as folder:
        pan, ms, size = write_mosaic(options.pair, options.megapixels, options.bands, Path(folder))
        output = str(Path(folder) / "fused.tif")
        commands = {"gdal_pansharpen.py": gdal_command(pan, ms, output)}
        for name in options.methods.split(","):
            commands[name] = engine_command(name, pan, ms, output)
        rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
        for _ in range(options.rounds):
            for name, command in commands.items():
                rows[name].append(run(command, output))
    print(f"PAN {size} x {size}, {options.bands} bands, {options.rounds} rounds, medians")
    print("| method | wall, s | CPU, s | peak memory, MB |\n|---|---|---|---|")
    for name, runs in rows.items():
        wall, cpu, memory = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {memory:.0f} |")


def write_mosaic(pair: Path, megapixels: float, bands: int, folder: Path) -> tuple[str, str, int]:
    """Write PAN and MS as tiled UInt16 GeoTIFFs; returns their names and PAN's edge."""
    with np.load(pair) as arrays:
        ratio = int(arrays["ratio"])
        ms, pan = arrays["ms"][:bands].astype(np.uint16), arrays["pan"].astype(np.uint16)
    edge = round((megapixels * 1e6) ** 0.5 / ratio)
    names = []
    for name, image, n in (("pan", pan, edge * ratio), ("ms", ms, edge)):
        path = str(folder / f"{name}.tif")
        write(path, mirrored(image, n), 1.0 if name == "pan" else float(ratio))
        names.append(path)
    return names[0], names[1], edge * ratio


def mirrored(image: np.ndarray, edge: int) -> np.ndarray:
    """(C, edge, edge): the image repeated, every second copy mirrored."""
    for axis in (1, 2):
        n = image.shape[axis]
        index = np.arange(edge) % (2 * n)
        image = np.take(image, np.where(index < n, index, 2 * n - 1 - index), axis=axis)
    return image


def write(path: str, image: np.ndarray, pixel: float) -> None:
    """A tiled, compressed GeoTIFF in metres, upper left corner shared by all."""
    options = ["TILED=YES", "COMPRESS=DEFLATE", "PREDICTOR=2"]
    bands, height, width = image.shape
    driver = gdal.GetDriverByName("GTiff")
    dataset = driver.Create(path, width, height, bands, gdal.GDT_UInt16, options)
    system = osr.SpatialReference()
    system.ImportFromEPSG(32631)
    dataset.SetProjection(system.ExportToWkt())
    dataset.SetGeoTransform((5e5, pixel, 0.0, 5e6, 0.0, -pixel))
    dataset.WriteArray(image)
    dataset.FlushCache()


def gdal_command(pan: str, ms: str, output: str) -> list[str]:
    """GDAL's weighted Brovey, on all cores, with the engine's compression."""
    options = ["-co", "TILED=YES", "-co", "COMPRESS=DEFLATE", "-co", "PREDICTOR=2"]
    return [
        *("gdal_pansharpen.py", "-q", "-r", "cubic", "-threads", "ALL_CPUS"),
        *options,
        *("-co", "NUM_THREADS=ALL_CPUS", pan, ms, output),
    ]


def engine_command(method: str, pan: str, ms: str, output: str) -> list[str]:
    """One method of the engine, all else at its default; `ksdiff` is the network."""
    job = ["pansharpen"] if method == "ksdiff" else ["classical", method]
    files = ["--pan", pan, "--ms", ms, "--output", output]
    return [sys.executable, "-m", "ksdiff_engine", *job, *files]


def run(command: list[str], output: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak resident megabytes of one process."""
    Path(output).unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "engine")}
    started = time.monotonic()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None  # a pipe was asked for
    words = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{words.decode()}")
    return (
        time.monotonic() - started,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
    )


if __name__ == "__main__":
    main()
