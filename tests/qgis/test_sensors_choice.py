"""Sensors and band files in Processing: what is offered, and what reaches the engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.qgis.conftest import write_raster

LANDSAT = "LC08_L1TP_195025_20130707_20170503_01_T1"


@pytest.fixture
def own_profile(qgis):
    """A profile of the user's in the folder of the QGIS profile."""
    from qgis.core import QgsApplication

    path = Path(QgsApplication.qgisSettingsDirPath()) / "ksdiff" / "sensors" / "drone.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"name": "drone", "bands": [{"name": "red", "range": [630, 690]}]}))
    yield path
    path.unlink()


def read(algorithm, parameters):
    from qgis.core import QgsProcessingContext

    from ksdiff_qgis.parameters import scene

    return scene.read(algorithm, parameters, QgsProcessingContext())


def test_a_profile_of_ones_own_is_offered_and_reaches_the_job(own_profile, algorithm, scene):
    fresh = algorithm.create()
    offered = fresh.parameterDefinition("SENSOR").options()
    assert offered[0] == "auto"
    assert {"worldview-legion", "drone"} < set(offered)
    assert read(fresh, scene.parameters(SENSOR="drone")).sensor == str(own_profile)
    assert read(fresh, scene.parameters(SENSOR="ikonos")).sensor == "ikonos"


def test_the_log_says_which_sensor_and_why(algorithm, scene, fake_worker, feedback):
    import processing

    fake_worker("good")
    processing.run("ksdiff:pansharpen", scene.parameters(), feedback=feedback)
    assert "Sensor: auto (made up)" in feedback.textLog()


def test_a_landsat_product_is_taken_as_delivered(algorithm, scene):
    """All goes to the engine, which leaves out what is no band; the plugin counts as it does."""
    bands = {n: np.full((1, 20, 24), 500) for n in (1, 2, 3, 10)}
    files = [write_raster(scene.folder / f"{LANDSAT}_B{n}.TIF", b, 20) for n, b in bands.items()]
    taken = read(algorithm, scene.parameters(MS=files))
    assert len(taken.ms) == 4
    assert taken.band_count == 3
    assert read(algorithm, scene.parameters(MS=files, BANDS="1,4")).band_count == 2


@pytest.mark.parametrize(
    ("names", "stem"),
    [
        (["ms.tif"], "ms"),
        ([f"{LANDSAT}_B2.TIF", f"{LANDSAT}_B3.TIF"], LANDSAT),
        (["blue.tif", "green.tif"], "blue"),
        (["a-b_1.tif", "a-b_2.tif", "a-c_1.tif"], "a"),
    ],
)
def test_stacks_are_named_by_what_their_files_have_in_common(qgis, names, stem):
    from ksdiff_qgis.algorithms.sharpening import common_stem

    assert common_stem([f"/data/{name}" for name in names]) == stem
