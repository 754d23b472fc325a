"""``ksdiff:pansharpenfolder``: which files become pairs, and what comes of each."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal

from tests.qgis.conftest import check, create, make_scene, write_raster


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """Two tiles side by side, as a vendor delivers them, a map of heights, and old results."""
    folder = tmp_path / "Lieferung é"
    scene = make_scene(tmp_path / "scene")
    for kind, source in (("PAN", scene.pan), ("MUL", scene.ms)):
        (folder / kind).mkdir(parents=True)
        letter = kind[0]
        for number, east in enumerate((500000.0, 500480.0), start=1):
            image = gdal.Open(source).ReadAsArray()
            image = image[np.newaxis] if image.ndim == 2 else image
            path = folder / kind / f"12JUL-{letter}2AS_R1C{number}-0527.TIF"
            write_raster(path, image, 5 if kind == "PAN" else 20, east=east)
    write_raster(folder / "dem.tif", np.ones((1, 20, 24)), 20)
    (folder / "readme.txt").touch()
    hidden = folder / ".trash"
    hidden.mkdir()
    shutil.copy(scene.pan, hidden / "pan.tif")
    return folder


def run(folder: Path, feedback: Any, **others: Any) -> dict[str, Any]:
    import processing

    output = str(folder / "results")
    parameters = {"INPUT": str(folder), "METHOD": "gsa", "OUTPUT": output, **others}
    return processing.run("ksdiff:pansharpenfolder", parameters, feedback=feedback)


def test_every_pair_is_sharpened_into_a_file_of_its_name(
    delivery, provider, worker_python, feedback
):
    results = run(delivery, feedback)
    names = [f"12JUL-M2AS_R1C{number}-0527_pansharpened.tif" for number in (1, 2)]
    assert [os.path.basename(path) for path in results["OUTPUT_LAYERS"]] == names
    assert (results["PAIRS"], results["FAILED"]) == (2, 0)
    assert sorted(os.listdir(results["OUTPUT"])) == names
    for path, east in zip(results["OUTPUT_LAYERS"], (500000, 500480), strict=True):
        result = gdal.Open(path)
        assert (result.RasterXSize, result.RasterYSize, result.RasterCount) == (96, 80, 4)
        assert result.GetGeoTransform()[0] == east
        assert result.GetMetadataItem("KSDIFF_METHOD") == "gsa"


def test_results_that_exist_stay_and_are_no_scenes(delivery, provider, fake_worker, feedback):
    first = run(delivery, feedback, METHOD="ksdiff")["OUTPUT_LAYERS"]
    Path(first[0]).write_bytes(b"mine")
    again = run(delivery, feedback, METHOD="ksdiff")
    assert (again["OUTPUT_LAYERS"], again["PAIRS"]) == (first, 2)
    assert Path(first[0]).read_bytes() == b"mine"
    run(delivery, feedback, METHOD="ksdiff", SKIP_EXISTING=False)
    assert gdal.Open(first[0]).RasterXSize == 96


def test_a_pair_that_fails_does_not_stop_the_others(delivery, provider, worker_python, feedback):
    broken = delivery / "MUL" / "12JUL-M2AS_R1C1-0527.TIF"
    write_raster(broken, np.full((4, 20, 24), 7), 20)
    image = gdal.Open(str(broken), gdal.GA_Update)
    image.GetRasterBand(1).SetNoDataValue(7)  # of all bands: not one pixel is valid
    image = None
    results = run(delivery, feedback)
    assert (results["PAIRS"], results["FAILED"]) == (2, 1)
    assert [os.path.basename(path) for path in results["OUTPUT_LAYERS"]] == os.listdir(
        results["OUTPUT"]
    )
    assert "R1C2" in results["OUTPUT_LAYERS"][0]


def test_without_a_pair_it_says_what_a_pair_is(tmp_path, provider, worker_python, feedback):
    from qgis.core import QgsProcessingException

    write_raster(tmp_path / "dem.tif", np.ones((1, 20, 24)), 20)
    with pytest.raises(QgsProcessingException, match="no PAN and MS files belong together"):
        run(tmp_path, feedback)


def test_a_missing_folder_is_refused_before_the_run(tmp_path, provider):
    parameters = {"INPUT": str(tmp_path / "none"), "OUTPUT": str(tmp_path)}
    good, said = check(create("pansharpenfolder"), parameters)
    assert not good
    assert "does not exist" in said


def test_results_below_a_file_are_refused(delivery, provider, worker_python, feedback):
    from qgis.core import QgsProcessingException

    with pytest.raises(QgsProcessingException, match=r"readme\.txt.* cannot be made"):
        run(delivery, feedback, OUTPUT=str(delivery / "readme.txt" / "results"))


def test_a_missing_engine_ends_the_run(delivery, provider, monkeypatch, feedback):
    from qgis.core import QgsProcessingException

    monkeypatch.setenv("KSDIFF_PYTHON", "/no/such/python")
    algorithm = create("pansharpenfolder")
    assert not algorithm.canExecute()[0]
    with pytest.raises(QgsProcessingException, match="/no/such/python"):
        run(delivery, feedback)


def test_files_of_different_folders_do_not_share_a_name(tmp_path, provider, fake_worker, feedback):
    for number, east in enumerate((500000.0, 600000.0)):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_raster(folder / "pan.tif", np.ones((1, 80, 96)), 5, east=east)
        write_raster(folder / "ms.tif", np.ones((3, 20, 24)), 20, east=east)
    results = run(tmp_path, feedback, METHOD="ksdiff")
    assert sorted(os.listdir(results["OUTPUT"])) == [
        "ms_2_pansharpened.tif",
        "ms_pansharpened.tif",
    ]
