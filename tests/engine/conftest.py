"""Small generated rasters: a PAN/MS pair of one smooth ground, as GeoTIFF files; and a cluster."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr

from ksdiff_engine import protocol
from ksdiff_engine.job import Job

gdal.UseExceptions()

ENGINE = Path(protocol.__file__).parents[1]

NUMPY_TYPES = {"Byte": np.uint8, "UInt16": np.uint16, "Int16": np.int16, "Float32": np.float32}


def write_geotiff(
    path: Path,
    image: np.ndarray,
    *,
    pixel: float = 1.0,
    origin: tuple[float, float] = (500000.0, 4800000.0),
    data_type: str = "UInt16",
    nodata: float | None = None,
    epsg: int | None = 32631,
    descriptions: tuple[str, ...] = (),
) -> Path:
    """Write (C, H, W) as a north-up GeoTIFF and return its path."""
    bands, height, width = image.shape
    driver = gdal.GetDriverByName("GTiff")
    dataset = driver.Create(
        str(path),
        width,
        height,
        bands,
        gdal.GetDataTypeByName(data_type),
        ["PHOTOMETRIC=MINISBLACK"],
    )
    dataset.SetGeoTransform((origin[0], pixel, 0.0, origin[1], 0.0, -pixel))
    if epsg is not None:
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(epsg)
        dataset.SetProjection(reference.ExportToWkt())
    for number in range(bands):
        band = dataset.GetRasterBand(number + 1)
        if nodata is not None:
            band.SetNoDataValue(nodata)
        if descriptions:
            band.SetDescription(descriptions[number])
        values = np.ascontiguousarray(image[number].astype(NUMPY_TYPES[data_type]))
        band.WriteRaster(0, 0, width, height, values.tobytes())
    dataset = None
    return path


def ground(bands: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth random ground, (bands, height, width) of 200 .. 1800, bands alike but not equal."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [
        np.cos(rows * fy + columns * fx + phase) / (1 + 4 * np.hypot(fx, fy))
        for fx, fy, phase in rng.uniform(-1.2, 1.2, (24, 3)) * (1, 1, np.pi)
    ]
    mix = rng.uniform(0.2, 1.0, (bands, len(waves)))
    image = np.tensordot(mix, np.array(waves), 1)
    image -= image.min()
    return 200 + 1600 * image / image.max()


def block_mean(image: np.ndarray, ratio: int) -> np.ndarray:
    """Average (C, H, W) over ratio × ratio blocks."""
    bands, height, width = image.shape
    return image.reshape(bands, height // ratio, ratio, width // ratio, ratio).mean((2, 4))


@pytest.fixture
def geotiff() -> Callable[..., Path]:
    """:func:`write_geotiff`."""
    return write_geotiff


@pytest.fixture
def pair_files(tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """A factory of (PAN path, MS path) of one ground.

    size: (height, width) of the MS; holes are nodata (0): ``pan_hole`` and ``ms_hole`` are slices
    (rows, columns) of the respective raster.
    """

    def make(
        *,
        size: tuple[int, int] = (60, 70),
        ratio: int = 4,
        bands: int = 4,
        pan_hole: tuple[slice, slice] | None = None,
        ms_hole: tuple[slice, slice] | None = None,
        folder: Path = tmp_path,
        data_type: str = "UInt16",
        nodata: float | None = 0,
    ) -> tuple[str, str]:
        truth = ground(bands, size[0] * ratio, size[1] * ratio)
        pan, ms = truth.mean(axis=0, keepdims=True), block_mean(truth, ratio)
        for image, hole in ((pan, pan_hole), (ms, ms_hole)):
            if hole is not None:
                image[(slice(None), *hole)] = 0
        options = {"data_type": data_type, "nodata": nodata}
        write_geotiff(folder / "pan.tif", pan, pixel=0.5, **options)
        write_geotiff(folder / "ms.tif", ms, pixel=0.5 * ratio, **options)
        return str(folder / "pan.tif"), str(folder / "ms.tif")

    return make


@pytest.fixture
def ask_worker() -> Callable[[Job], dict]:
    """Run a job in a worker process, as the plugin does, and return the result."""

    def ask(job: Job) -> dict:
        environment = {**os.environ, "PYTHONPATH": str(ENGINE), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "ksdiff_engine.worker"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        ) as worker:
            worker.stdin.write((protocol.encode_request(job.to_dict()) + "\n").encode())
            worker.stdin.flush()  # its end would cancel
            events = [protocol.decode(line.decode()) for line in worker.stdout]
        assert isinstance(events[-1], protocol.Done), events[-1]
        return events[-1].result

    return ask


CARD = {
    "format": 1,
    "name": "test",
    "title": "Test weights",
    "description": "Nothing was learnt.",
    "architecture": {"class": "KSDiff"},
    "bands": "any",
    "ratio": [2, 4],
    "normalisation": "scene",
    "sensors": [],
    "training": {"data": [], "steps": 0, "seconds": 0, "seed": 0, "git_commit": ""},
    "metrics": {},
    "limits": "",
}


@pytest.fixture
def weights_folder(tmp_path: Path) -> Path:
    """A folder with one weights file, ``test.safetensors``: a true card and a useless tensor."""
    tensor = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    header = json.dumps({"__metadata__": {"card": json.dumps(CARD)}, "a": tensor}).encode()
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "test.safetensors").write_bytes(
        len(header).to_bytes(8, "little") + header + b"\0" * 16
    )
    return folder


@pytest.fixture
def network_weights(tmp_path: Path) -> str:
    """A weights file of a tiny random network, whose prior and kernels show in the result."""
    torch = pytest.importorskip("torch")
    from ksdiff_engine.model.config import KSDiffConfig
    from ksdiff_engine.model.ksdiff import KSDiff
    from ksdiff_engine.model.storage import save_network

    torch.manual_seed(0)
    network = KSDiff(
        KSDiffConfig(channels=(4, 6, 8), blocks=(1, 1), encoder_channels=4, denoiser_width=12)
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.07 * torch.randn(parameter.shape)
    save_network(network.eval(), CARD, tmp_path / "random.safetensors")
    return str(tmp_path / "random.safetensors")


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> int:
    """The smallest edge of a tile, which the network takes in half precision too."""
    from ksdiff_engine.fusion import KSDiffMethod
    from ksdiff_engine.job import SMALLEST_TILE

    monkeypatch.setattr(KSDiffMethod, "block", None, raising=False)
    return SMALLEST_TILE


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """The address of a Dask cluster of two processes, as one would find it."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as two:
        yield two.scheduler_address


@pytest.fixture
def kill_a_worker(scheduler: str) -> Callable[[], None]:
    """Kill one of the cluster's processes the hard way; Dask starts another in its place."""
    import distributed

    def kill() -> None:
        with distributed.Client(scheduler, set_as_default=False) as client:
            os.kill(min(client.run(os.getpid).values()), signal.SIGKILL)

    return kill
