"""Sharpen the bundled scene through QGIS and measure what that was worth.

Packages the plugin, deploys it into a throw-away profile, runs ``ksdiff:pansharpen`` with
qgis_process, once on the scene and once on the scene reduced by Wald's protocol, whose original
multispectral image is then the reference. Writes demo_output/: result.tif, comparison.png and the
reduced pair. Run by `make demo`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from deploy import deploy
from matplotlib.figure import Figure
from osgeo import gdal
from package import TARGET as PACKAGE
from package import build

from ksdiff_engine.quality import reference as quality
from ksdiff_engine.resample import interpolation_matrix, lowpass_matrix
from ksdiff_engine.sensors import gains_for, get_profile
from ksdiff_engine.wald import reduce_ms

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "resources" / "sample"
OUTPUT = ROOT / "demo_output"
RATIO = 2
RED_GREEN_BLUE = (0, 1, 2)
DETAIL = slice(120, 248)  # PAN rows and columns of the figure's second row


def main() -> int:
    """Run the demo; 0 when every step worked."""
    gdal.UseExceptions()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    qgis = Qgis(OUTPUT / "profile")

    print("Sharpening the bundled Landsat 8 scene through qgis_process …", flush=True)
    result = qgis.pansharpen(SAMPLE / "pan.tif", SAMPLE / "ms.tif", OUTPUT / "result.tif")

    print("Sharpening it again at reduced resolution, where the truth is known …", flush=True)
    pan, ms = write_reduced_pair(OUTPUT)
    fused = qgis.pansharpen(pan, ms, OUTPUT / "reduced_result.tif")

    figure = draw(result, OUTPUT / "comparison.png")
    print_quality(ms, fused)
    print(f"Result:  {result.relative_to(ROOT)}")
    print(f"Picture: {figure.relative_to(ROOT)}")
    return 0


class Qgis:
    """QGIS without a screen, in a profile of its own that has the plugin."""

    def __init__(self, folder: Path) -> None:
        PACKAGE.parent.mkdir(exist_ok=True)
        build(ROOT, PACKAGE)
        deploy(PACKAGE, folder / "profiles" / "default")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
        self.environment = {
            **kept,
            "QGIS_CUSTOM_CONFIG_PATH": str(folder),
            "QT_QPA_PLATFORM": "offscreen",
            "KSDIFF_PYTHON": sys.executable,
        }
        self.executable = self._find()
        self._run("plugins", "enable", "ksdiff_qgis")

    def pansharpen(self, pan: Path, ms: Path, output: Path) -> Path:
        """Run ``ksdiff:pansharpen``; return `output`."""
        self._run("run", "ksdiff:pansharpen", "--", f"PAN={pan}", f"MS={ms}", f"OUTPUT={output}")
        if not output.is_file():
            sys.exit(f"demo: qgis_process reported success, but there is no {output}")
        return output

    def _find(self) -> str:
        # Debian 12's wrapper hands its program an option that it refuses, so that comes first.
        for name in ("qgis_process.bin", "qgis_process"):
            path = shutil.which(name)
            if path and self._call(path, "--version").returncode == 0:
                return path
        sys.exit("demo: no working qgis_process was found; run `make setup`")

    def _run(self, *arguments: str) -> None:
        finished = self._call(self.executable, *arguments)
        if finished.returncode != 0:
            print(finished.stdout, finished.stderr, sep="\n", file=sys.stderr)
            sys.exit(f"demo: qgis_process {' '.join(arguments)} failed ({finished.returncode})")

    def _call(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, cwd=OUTPUT
        )


def write_reduced_pair(folder: Path) -> tuple[Path, Path]:
    """Degrade the sample by its ratio (Wald's protocol); return the new PAN and MS files.

    A Landsat MS pixel is centred on a PAN pixel, not on a block of them, so PAN is brought to the
    grid of the original MS image by the same Gaussian construction as MS, with its own MTF gain.
    """
    pan, ms = (read(SAMPLE / name) for name in ("pan.tif", "ms.tif"))
    profile = get_profile("landsat-8-9")

    centres = 1 + RATIO * np.arange(ms.shape[1])
    to_ms = lowpass_matrix(pan.shape[1], centres, RATIO, profile.pan_gain)
    west, pixel, _, north, _, _ = gdal.Open(str(SAMPLE / "ms.tif")).GetGeoTransform()
    paths = folder / "reduced_pan.tif", folder / "reduced_ms.tif"
    write(paths[0], to_ms @ pan @ to_ms.T, (west, pixel, 0, north, 0, -pixel))
    coarse = RATIO * pixel
    write(
        paths[1],
        reduce_ms(ms, RATIO, gains_for(profile, len(ms))),
        (west, coarse, 0, north, 0, -coarse),
    )
    return paths


def print_quality(reduced_ms: Path, fused: Path) -> None:
    """Compare the fused and the merely interpolated image with the original MS image."""
    truth, low, image = (read(path) for path in (SAMPLE / "ms.tif", reduced_ms, fused))
    positions = (np.arange(truth.shape[1]) + 0.5) / RATIO - 0.5
    enlarge = interpolation_matrix(low.shape[1], positions)

    print("\nAt reduced resolution, against the original multispectral image:")
    print(f"{'':24}{'ERGAS':>8}{'SAM / °':>10}{'Q':>8}")
    for title, candidate in (
        ("interpolation", enlarge @ low @ enlarge.T),
        ("KSDiff", image),
    ):
        ergas = quality.ergas(truth, candidate, RATIO)
        sam = quality.sam(truth, candidate)
        print(f"{title:24}{ergas:8.3f}{sam:10.3f}{quality.uiqi(truth, candidate):8.4f}")
    print("(ERGAS and SAM: 0 is best; Q: 1 is best)\n")


def draw(result: Path, path: Path) -> Path:
    """Draw PAN, MS and the result beside each other, whole and in detail, into `path`."""
    pan, ms, fused = (read(file) for file in (SAMPLE / "pan.tif", SAMPLE / "ms.tif", result))
    blocks = ms.repeat(RATIO, axis=1).repeat(RATIO, axis=2)
    columns = {
        "PAN, 15 m": stretched(pan, pan)[..., 0],
        "MS, 30 m": stretched(blocks, ms),
        "KSDiff, 15 m": stretched(fused, ms),
    }
    figure = Figure(figsize=(10.5, 7.3), layout="constrained")
    axes = figure.subplots(2, len(columns))
    for (title, image), (whole, detail) in zip(columns.items(), axes.T, strict=True):
        whole.set_title(title)
        whole.imshow(image, cmap="gray", interpolation="nearest")
        detail.imshow(image[DETAIL, DETAIL], cmap="gray", interpolation="nearest")
        whole.set_axis_off()
        detail.set_axis_off()
    figure.savefig(path, dpi=110)
    return path


def stretched(image: np.ndarray, statistics: np.ndarray) -> np.ndarray:
    """(H, W, 3 or 1) in 0..1, stretched between the percentiles of the image `statistics`."""
    bands = RED_GREEN_BLUE if len(image) >= 3 else (0,)
    low, high = np.percentile(statistics[list(bands)], (1, 99), axis=(1, 2), keepdims=True)
    return np.moveaxis(((image[list(bands)] - low) / (high - low)).clip(0, 1), 0, -1)


def read(path: Path) -> np.ndarray:
    """Return a raster as (C, H, W) float64."""
    image = gdal.Open(str(path)).ReadAsArray().astype(np.float64)
    return image if image.ndim == 3 else image[np.newaxis]


def write(path: Path, image: np.ndarray, geotransform: tuple[float, ...]) -> None:
    """Write (C, H, W) as UInt16, with the sample's coordinate system and descriptions."""
    source = gdal.Open(str(SAMPLE / ("pan.tif" if len(image) == 1 else "ms.tif")))
    _, height, width = image.shape
    target = gdal.GetDriverByName("GTiff").Create(
        str(path), width, height, len(image), gdal.GDT_UInt16
    )
    target.SetGeoTransform(geotransform)
    target.SetProjection(source.GetProjection())
    target.WriteArray(image.round().clip(1, 65535).astype(np.uint16))
    for index in range(1, len(image) + 1):
        band, original = target.GetRasterBand(index), source.GetRasterBand(index)
        band.SetDescription(original.GetDescription())
        band.SetNoDataValue(original.GetNoDataValue())


if __name__ == "__main__":
    sys.exit(main())
