"""How well the shift between PAN and MS is measured, and what correcting it is worth.

Prints the Markdown tables of docs/registration.md:

1. real pairs whose MS georeference is moved by known shifts: error against the pair as it is;
2. pairs without shift (PAN is the mean of the visible MS bands, MS is reduced from them): error;
3. georeferenced scenes: the shift, and full-resolution quality as they lie, corrected and followed.

    scripts/bench_registration.py DATA

DATA holds train/*.npz and test/*.npz (`ms` (C, h, w), `pan` (1, r*h, r*w), `ratio`, `sensor`) and
scenes/*/pan.tif and ms.tif.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from osgeo import gdal, osr

from ksdiff_engine.job import KSDIFF, AssessWithoutReferenceJob, ClassicalJob, PansharpenJob
from ksdiff_engine.pipeline import run_job
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.registration import Registration, measure
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensors import detect_sensor, gains_for
from ksdiff_engine.wald import reduce_ms

PAIRS = (
    *("train/landsat7_P090R083_08", "train/landsat7_P093R085_28", "train/pnn_IK", "train/pnn_WV2"),
    *("train/cpe_Urban", "train/murphy_wv2_sydney", "train/arian_qb_sundarbans"),
    *("train/sn6_rotterdam_1", "train/cristian_wv3", "train/otb_qb_toulouse"),
    *("test/cpe_Vegetation", "test/pnn_GE1", "test/l8_pansharpen_r"),
)
SHIFTS = ((0.25, -0.5), (-1.3, 0.7), (2.6, 3.1), (4.4, -6.2))  # PAN pixels
SCENES = ("worldview3_utm42", "landsat8_pamplona", "quickbird_toulouse_ortho")
METHODS = ("exp", "gsa", "mtf-glp-hpm", KSDIFF)
CHOICES = ("report", "correct", "follow")


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    gdal.UseExceptions()
    with tempfile.TemporaryDirectory(prefix="ksdiff-bench-") as folder:
        known_shifts(data, Path(folder))
        no_shift(data, Path(folder))
        corrected_scenes(data, Path(folder))


def known_shifts(data: Path, folder: Path) -> None:
    """Table 1."""
    print("| pair | as it is (x, y) | error of it | agree | variation | CPU s |", end="")
    print("".join(f" {x:g}, {y:g} |" for x, y in SHIFTS))
    print("|---" * (6 + len(SHIFTS)) + "|")
    largest = 0.0
    for name in PAIRS:
        pan, ms, ratio, sensor = read_pair(data / f"{name}.npz")
        started = time.process_time()
        with scene(folder, pan, ms, ratio, sensor) as opened:
            base = measure(opened)
        seconds = time.process_time() - started
        cells = []
        for x, y in SHIFTS:
            with scene(folder, pan, ms, ratio, sensor, (-x, -y)) as opened:
                found = measure(opened)
            error = np.subtract(found.shift, base.shift) - (x, y)
            largest = max(largest, float(np.abs(error).max()))
            doubt = " (not trusted)" if found.doubt else ""
            cells.append(f"{error[0]:+.2f}, {error[1]:+.2f}{doubt}")
        print(f"| {Path(name).name} | {summary(base)} | {seconds:.1f} | {' | '.join(cells)} |")
    print(f"\nLargest error: {largest:.3f} PAN pixels\n")


def no_shift(data: Path, folder: Path) -> None:
    """Table 2."""
    print("| pair | found (x, y) | error of it | agree | variation | left alone |")
    print("|---|---|---|---|---|---|")
    for name in PAIRS:
        _, ms, ratio, sensor = read_pair(data / f"{name}.npz")
        height, width = (n - n % ratio for n in ms.shape[1:])
        ms = ms[:, :height, :width].astype(np.float64)
        reduced = reduce_ms(ms, ratio, gains_for(detect_sensor([sensor]), len(ms)), "georeferenced")
        noise = np.random.default_rng(0).normal(0, 0.02, (height, width))
        pan = ms[:3].mean(axis=0)
        with scene(folder, pan + noise * pan.std(), reduced, ratio, sensor) as opened:
            found = measure(opened)
        alone = "no" if found.significant else "yes"
        print(f"| {Path(name).name} | {summary(found)} | {alone} |")
    print()


def corrected_scenes(data: Path, folder: Path) -> None:
    """Table 3."""
    print("| scene | method | shift |" + " HQNR | D_λ(K) | D_S |" * len(CHOICES))
    print("|---" * (3 + 3 * len(CHOICES)) + "|")
    for name in SCENES:
        pan, ms = str(data / "scenes" / name / "pan.tif"), (str(data / "scenes" / name / "ms.tif"),)
        sensor = detect_sensor([name.replace("utm42", "")]).name
        for method in METHODS:
            cells = []
            for how in CHOICES:
                output = str(folder / f"{name}_{method}_{how}.tif")
                options = {"sensor": sensor, "register": how}
                job = (
                    PansharpenJob(pan, ms, output, device="cpu", **options)
                    if method == KSDIFF
                    else ClassicalJob(pan, ms, output, method, **options)
                )
                result = run_job(job)
                quality = run_job(AssessWithoutReferenceJob(pan, ms, output, sensor=sensor))
                figures = quality["figures"]
                cells += [f"{figures[key]:.3f}" for key in ("hqnr", "d_lambda_k", "d_s")]
            shift = f"{result['shift_x']:+.2f}, {result['shift_y']:+.2f}"
            print(f"| {name} | {method} | {shift} | {' | '.join(cells)} |")


def read_pair(path: Path) -> tuple[np.ndarray, np.ndarray, int, str]:
    """PAN (H, W), MS (C, h, w), the ratio, and the sensor's name."""
    with np.load(path) as arrays:
        sensor = str(arrays["sensor"]) if "sensor" in arrays else ""
        return arrays["pan"][0], arrays["ms"], int(arrays["ratio"]), sensor


@contextmanager
def scene(
    folder: Path,
    pan: np.ndarray,
    ms: np.ndarray,
    ratio: int,
    sensor: str,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Iterator[Scene]:
    """A scene whose MS lies right of and below its place by ``shift`` PAN pixels."""
    write(folder / "pan.tif", pan[None], (0.0, 0.0), 1.0)
    write(folder / "ms.tif", ms, shift, float(ratio))
    files = str(folder / "pan.tif"), str(folder / "ms.tif")
    with RasterSource.open_pan(files[0]) as p, RasterSource.open_ms([files[1]]) as m:
        yield Scene(align(p, m), detect_sensor([sensor]))


def write(path: Path, image: np.ndarray, corner: tuple[float, float], pixel: float) -> None:
    """(C, H, W) as a north-up raster; ``corner`` counts right and down."""
    bands, height, width = image.shape
    dataset = gdal.GetDriverByName("GTiff").Create(
        str(path), width, height, bands, gdal.GDT_Float32
    )
    system = osr.SpatialReference()
    system.ImportFromEPSG(32631)
    dataset.SetProjection(system.ExportToWkt())
    dataset.SetGeoTransform((5e5 + corner[0], pixel, 0.0, 1e5 - corner[1], 0.0, -pixel))
    dataset.WriteArray(image.astype(np.float32))


def summary(found: Registration) -> str:
    """Shift, its error, agreement and variation as cells of a table."""
    if found.shift is None or found.error is None:
        return f"{found.doubt} | | |"
    variation = "" if found.variation is None else f"{found.variation:.1f}"
    x, y = found.shift
    agreeing = f"{found.confidence:.0%} of {found.windows}"
    return f"{x:+.2f}, {y:+.2f} | {found.error:.2f} | {agreeing} | {variation}"


if __name__ == "__main__":
    main()
