"""Generated scenes in the project's npz layout, and an experiment that trains in a second."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from osgeo import gdal, osr

from ksdiff_engine.resample import interp23
from ksdiff_engine.wald import reduce_ms
from ksdiff_training import logbook
from ksdiff_training.loop import Stage

TINY_MODEL = {
    "channels": [4, 6, 8],
    "blocks": [1, 1],
    "tokens": 4,
    "prior_channels": 8,
    "encoder_channels": 4,
    "encoder_levels": 2,
    "denoiser_width": 12,
    "denoiser_blocks": 1,
    "diffusion_steps": 4,
    "sampling_steps": 2,
}


@pytest.fixture(autouse=True)
def without_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no curves, which take as long as a short stage; only `trained_once` has them."""
    monkeypatch.setattr(logbook, "plot_curves", lambda folder, title: None)


class Interrupted(Exception):
    """Stands for a machine that stops."""


@pytest.fixture
def interrupt_after(monkeypatch) -> Callable[[int], None]:
    """Stop training after that many steps from now; 0 lets it run."""
    step = Stage._step
    left = [0]

    def counted(stage):
        if left[0] == 1:
            left[0] = 0
            raise Interrupted
        left[0] = max(0, left[0] - 1)
        return step(stage)

    monkeypatch.setattr(Stage, "_step", counted)
    return lambda steps: left.__setitem__(0, steps + 1 if steps else 0)


def waves(bands: int, height: int, width: int, seed: int) -> np.ndarray:
    """Random bands of 200 .. 1800, correlated with one another, of waves of 9 to 200 pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    lengths, angles = np.geomspace(9, 200, 30), rng.uniform(0, 2 * np.pi, (2, 30))
    basis = [
        np.sin(2 * np.pi / length * (y * np.sin(a) + x * np.cos(a)) + phase) * np.sqrt(length)
        for length, a, phase in zip(lengths, *angles, strict=True)
    ]
    image = np.tensordot(rng.uniform(0.2, 1.0, (bands, 30)), np.array(basis), 1)
    return 200 + 1600 * (image - image.min()) / np.ptp(image)


def write_scene(
    path: Path, *, ms: tuple[int, int, int] = (4, 48, 52), ratio: int = 4, seed: int = 0
) -> Path:
    """Write a pair whose MS averages the same ground as its PAN."""
    bands, height, width = ms
    fine = waves(bands, height * ratio, width * ratio, seed)
    coarse = fine.reshape(bands, height, ratio, width, ratio).mean(axis=(2, 4))
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        ms=coarse.astype(np.float32),
        pan=fine.mean(axis=0, keepdims=True).astype(np.float32),
        ratio=ratio,
        sensor="generated",
    )
    return path


@pytest.fixture
def scene_file() -> Callable[..., Path]:
    """:func:`write_scene`."""
    return write_scene


def write_patches(
    path: Path,
    *,
    count: int = 6,
    bands: int = 4,
    size: int = 64,
    ratio: int = 4,
    seed: int = 0,
    reference: bool = True,
    **extra: object,
) -> Path:
    """Write a file in PanCollection's layout by the toolbox's protocol; `extra`: attributes.

    Without `reference`, a full-resolution test file.
    """
    images: dict[str, list[np.ndarray]] = {"pan": [], "ms": [], "lms": [], "gt": []}
    for number in range(count):
        gt = waves(bands, size, size, seed + number)
        ms = reduce_ms(gt, ratio, [0.3] * bands, "benchmark")
        images["pan"].append(gt.mean(axis=0, keepdims=True))
        images["ms"].append(ms)
        images["lms"].append(interp23(ms, ratio))
        images["gt"].append(gt)
    if not reference:
        del images["gt"]
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs.update(extra)
        for key, stack in images.items():
            file[key] = np.stack(stack)
    return path


@pytest.fixture
def patch_file() -> Callable[..., Path]:
    """:func:`write_patches`."""
    return write_patches


def write_raster(path, image, *, pixel=(1.0, 1.0), corner=(0.0, 0.0), nodata=None):
    """A GeoTIFF whose upper left corner lies `corner` metres right of and below the origin."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands, height, width = image.shape
    dataset = gdal.GetDriverByName("GTiff").Create(
        str(path), width, height, bands, gdal.GDT_Float32
    )
    system = osr.SpatialReference()
    system.ImportFromEPSG(32631)
    dataset.SetProjection(system.ExportToWkt())
    dataset.SetGeoTransform((5e5 + corner[0], pixel[0], 0, 1e5 - corner[1], 0, -pixel[1]))
    dataset.WriteArray(image.astype(np.float32))
    if nodata is not None:
        for number in range(1, bands + 1):
            dataset.GetRasterBand(number).SetNoDataValue(nodata)
    dataset.FlushCache()
    return str(path)


@pytest.fixture
def raster() -> Callable[..., str]:
    """:func:`write_raster`."""
    return write_raster


def write_data(folder: Path) -> Path:
    """Write a data folder: two training scenes of other ratios, one to validate, two to test."""
    write_scene(folder / "train" / "vhr_1.npz", seed=1)
    write_scene(folder / "train" / "landsat_1.npz", ms=(6, 41, 50), ratio=2, seed=2)
    write_scene(folder / "train" / "held_out.npz", ms=(6, 40, 44), seed=3)
    write_scene(folder / "test" / "a.npz", ms=(4, 32, 40), seed=4)
    write_scene(folder / "test" / "b.npz", ms=(3, 36, 36), seed=5)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """:func:`write_data`."""
    return write_data(tmp_path / "data")


def write_experiment(path: Path, **changes: object) -> Path:
    """Write a YAML file; keywords replace top-level keys, None removes one."""
    stage = {"steps": 6, "batch": 2, "warmup": 2}
    values = {
        "name": "tiny",
        "model": TINY_MODEL,
        "data": {
            "train": [
                {"pattern": "train/vhr_*.npz", "weight": 0.7},
                {"pattern": "train/landsat_*.npz", "weight": 0.3},
            ],
            "validation": ["train/held_out.npz"],
            "patch": 32,
            "variants": 2,
        },
        "stage1": stage,
        "stage2": stage,
        "amp": False,
        "checkpoint_every": 3,
        "validate_every": 5,
        **changes,
    }
    path.write_text(yaml.safe_dump({k: v for k, v in values.items() if v is not None}))
    return path


@pytest.fixture
def experiment_file(tmp_path: Path) -> Callable[..., Path]:
    """A factory: :func:`write_experiment` with its keywords."""
    return partial(write_experiment, tmp_path / "experiment.yaml")
