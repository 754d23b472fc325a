"""The zip that is published, in an empty profile: its main job, with what it carries alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from tests.qgis.test_qgis_process import QGIS_PROCESS, QgisProcess

pytestmark = pytest.mark.skipif(QGIS_PROCESS is None, reason="qgis_process is not installed")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> QgisProcess:
    return QgisProcess(tmp_path_factory.mktemp("published"), fake=False)


def read(path: Path) -> np.ndarray:
    """Return (C, H, W) float64."""
    image = gdal.Open(str(path)).ReadAsArray().astype(np.float64)
    return image if image.ndim == 3 else image[None]


def detail(image: np.ndarray) -> np.ndarray:
    """Return the horizontal and vertical differences, (2, H - 1, W - 1), of (H, W)."""
    corner = image[:-1, :-1]
    return np.stack([image[1:, :-1] - corner, image[:-1, 1:] - corner])


def alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ksdiff:classicalpansharpen", "--", "METHOD=gsa"], "OUTPUT:\t"),
        (["ksdiff:pansharpen", "--", "DEVICE=cpu"], "WEIGHTS_USED:\t"),
    ],
    ids=["classical", "network"],
)
def test_sharpens_the_sample_that_it_carries(installed, tmp_path, arguments, said):
    sample = installed.plugin / "resources" / "sample"
    output = tmp_path / "sharp.tif"
    text = installed.call(
        *("run", *arguments, f"PAN={sample / 'pan.tif'}", f"MS={sample / 'ms.tif'}"),
        f"OUTPUT={output}",
    )
    assert said in text
    pan, ms, sharp = read(sample / "pan.tif")[0], read(sample / "ms.tif"), read(output)
    assert sharp.shape == (len(ms), *pan.shape)
    # The colours of MS: averaged over its pixels, the result is what was measured.
    blocks = sharp.reshape(len(ms), ms.shape[1], 2, ms.shape[2], 2).mean(axis=(2, 4))
    for band, block in zip(ms, blocks, strict=True):
        assert alike(band, block) > 0.9
        assert block.mean() == pytest.approx(band.mean(), rel=0.01)
    # The detail of PAN: what neighbouring pixels differ by is what they differ by in PAN.
    repeated = ms.repeat(2, axis=1).repeat(2, axis=2)
    visible = slice(0, 3)  # PAN of Landsat 8 sees nothing of the infrared
    gained = alike(detail(sharp[visible].mean(0)), detail(pan))
    assert gained > 0.85
    assert gained > alike(detail(repeated[visible].mean(0)), detail(pan)) + 0.2
