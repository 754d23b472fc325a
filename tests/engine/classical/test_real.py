"""Real imagery: agreement with GDAL, and the order of methods at reduced resolution."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ksdiff_engine.classical import METHODS
from ksdiff_engine.wald import reduce_pair

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
PAMPLONA = DATA / "scenes" / "landsat8_pamplona"


def gdal_pansharpen(folder: Path) -> Path:
    tool = shutil.which("gdal_pansharpen.py") or shutil.which("gdal_pansharpen")
    if tool is None:
        pytest.skip("gdal_pansharpen is not installed")
    output = folder / "gdal.tif"
    command = [tool, "-q", "-r", "cubic", PAMPLONA / "pan.tif", PAMPLONA / "ms.tif", output]
    subprocess.run(list(map(str, command)), check=True)
    return output


@pytest.mark.skipif(not PAMPLONA.exists(), reason=f"no real scene at {PAMPLONA}")
def test_brovey_is_gdal_pansharpen(tmp_path, array_scene):
    gdal = pytest.importorskip("osgeo.gdal")
    expected = gdal.Open(str(gdal_pansharpen(tmp_path))).ReadAsArray()
    pan = gdal.Open(str(PAMPLONA / "pan.tif")).ReadAsArray().astype(np.float64)
    ms = gdal.Open(str(PAMPLONA / "ms.tif"))
    # GDAL 3.6 lays MS over PAN's extent when they differ by less than an MS pixel.
    resampled = ms.ReadAsArray(
        buf_xsize=pan.shape[1], buf_ysize=pan.shape[0], resample_alg=gdal.GRIORA_Cubic
    )
    scene = array_scene(pan, ms.ReadAsArray().astype(np.float64), pan.shape[1] / 400)
    scene.ms_up = resampled.astype(np.float64)
    fused = scene.fuse(METHODS["brovey"](), tile=256)
    assert expected.mean() > 0
    assert np.abs(fused - expected).max() < 1e-6 * expected.mean()


def ergas(reference, fused, ratio):
    mse = ((reference - fused) ** 2).mean(axis=(1, 2))
    return 100 / ratio * np.sqrt((mse / reference.mean(axis=(1, 2)) ** 2).mean())


def reduced_scenes():
    return sorted((DATA / "test").glob("*.npz")) if DATA.exists() else []


@pytest.mark.skipif(not reduced_scenes(), reason=f"no real imagery in {DATA / 'test'}")
@pytest.mark.parametrize("path", ["cpe_Vegetation", "landsat7_P092R086_22", "pnn_GE1"])
def test_fusion_beats_interpolation_at_reduced_resolution(path, array_scene):
    file = DATA / "test" / f"{path}.npz"
    if not file.exists():
        pytest.skip(f"no {file}")
    with np.load(file) as data:
        ratio = int(data["ratio"])
        pan, ms = data["pan"][0].astype(np.float64), data["ms"].astype(np.float64)
    pan, ms, reference = reduce_pair(pan, ms, ratio, [0.3] * len(ms))
    scene = array_scene(pan, ms, ratio)
    scores = {name: ergas(reference, scene.fuse(METHODS[name]()), ratio) for name in METHODS}
    print(path, {name: round(score, 3) for name, score in scores.items()})
    for name in ("gsa", "mtf-glp-fs", "mtf-glp-hpm-r", "bdsd-pc"):
        assert scores[name] < scores["exp"], f"{name} is worse than interpolation on {path}"
