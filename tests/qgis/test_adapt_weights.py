"""``ksdiff:adaptweights``: its job, and with the true engine the way to weights that are used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.qgis.conftest import Scene, check, create, write_raster
from tests.qgis.test_pansharpen import run as pansharpen

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def large_enough(tmp_path_factory) -> Scene:
    """Two bands of 148 × 148 pixels, PAN four times as fine."""
    folder = tmp_path_factory.mktemp("scene")
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:592, 0:592]
    waves = [
        np.cos(rows * y + columns * x) / np.hypot(x, y)
        for x, y in rng.normal(0, 1, (20, 2)) * np.geomspace(0.02, 0.6, 20)[:, None]
    ]
    truth = np.tensordot(rng.uniform(0.5, 1.0, (2, 20)), waves, axes=1)
    truth = 500 + 100 * truth / truth.std()
    ms = truth.reshape(2, 148, 4, 148, 4).mean(axis=(2, 4))
    pan = write_raster(folder / "pan.tif", truth.mean(axis=0, keepdims=True), 5)
    return Scene(pan, write_raster(folder / "ms.tif", ms, 20), (), folder)


@pytest.fixture(scope="module")
def noisy_weights(tmp_path_factory) -> str:
    """An untrained network whose results are so bad that any training helps."""
    path = tmp_path_factory.mktemp("weights") / "noisy.safetensors"
    command = [sys.executable, str(Path(__file__).with_name("random_weights.py")), str(path), "0.2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "engine")}
    subprocess.run(command, env=environment, check=True)
    return str(path)


@pytest.fixture
def own_folder(qgis):
    """The folder of weights in the profile, emptied afterwards of what the test put there."""
    folder = qgis / "ksdiff" / "weights"
    before = set(folder.glob("*"))
    yield folder
    for path in set(folder.glob("*")) - before:
        path.unlink()


def adapt(scene, feedback, **values):
    import processing

    values = {"PAN": scene.pan, "MS": [scene.ms], "DEVICE": "cpu", "REGISTER": "off", **values}
    return processing.run("ksdiff:adaptweights", values, feedback=feedback)


def job_of(values):
    from qgis.core import QgsProcessingContext

    return create("adaptweights").job(values, QgsProcessingContext(), {"OUTPUT": ""})


def test_parameters_and_outputs_are_a_contract(provider):
    algorithm = create("adaptweights")
    assert [parameter.name() for parameter in algorithm.parameterDefinitions()] == [
        *("PAN", "MS", "BANDS", "PAN_BAND", "SENSOR", "WEIGHTS", "DEVICE", "WEIGHTS_FILE"),
        *("NAME", "MINUTES", "STEPS", "SEED", "REGISTER", "OUTPUT"),
    ]
    assert {output.name() for output in algorithm.outputDefinitions()} == {
        *("OUTPUT", "HELPED", "BETTER_WEIGHTS", "WEIGHTS_USED", "ERGAS_BEFORE", "ERGAS_AFTER"),
        *(
            "HQNR_BEFORE",
            "HQNR_AFTER",
            "STEPS_DONE",
            "SECONDS",
            "DEVICE_USED",
            "SHIFT_X",
            "SHIFT_Y",
            "SHIFT_CONFIDENCE",
        ),
    }


def test_the_file_lies_in_the_profile_under_its_name(provider, qgis, scene):
    values = {"PAN": scene.pan, "MS": [scene.ms]}
    folder = qgis / "ksdiff" / "weights"
    assert job_of(values).output == str(folder / "ms_adapted.safetensors")
    assert job_of({**values, "NAME": "Toulouse 2024"}).output == str(
        folder / "Toulouse 2024.safetensors"
    )
    job = job_of({**values, "STEPS": 50, "MINUTES": 2.5, "SEED": 3, "REGISTER": "correct"})
    assert (job.steps, job.minutes, job.seed, job.register) == (50, 2.5, 3, "correct")


@pytest.mark.parametrize(("name", "word"), [("a/b", "file"), ("..", "file"), ("vhr_x4", "plugin")])
def test_names_that_cannot_be_are_refused_before_the_run(provider, scene, name, word):
    values = {"PAN": scene.pan, "MS": [scene.ms], "NAME": name}
    good, message = check(create("adaptweights"), values)
    assert not good
    assert word in message


def test_new_weights_are_in_the_list_and_sharpen_at_once(
    provider, worker_python, large_enough, noisy_weights, own_folder, feedback, tmp_path
):
    options = {"WEIGHTS_FILE": noisy_weights, "NAME": "mine", "STEPS": 20}
    result = adapt(large_enough, feedback, **options)
    assert result["HELPED"], feedback.textLog()
    assert result["ERGAS_AFTER"] < result["ERGAS_BEFORE"]
    assert result["OUTPUT"] == result["BETTER_WEIGHTS"] == str(own_folder / "mine.safetensors")
    assert "The adaptation helped" in feedback.textLog()
    assert "mine" in create("pansharpen").parameterDefinition("WEIGHTS").options()

    values = {"PAN": large_enough.pan, "MS": [large_enough.ms], "DEVICE": "cpu"}
    by_name, by_file = (
        pansharpen({**values, **weights, "OUTPUT": str(tmp_path / output)}, feedback)
        for output, weights in (
            ("name.tif", {"WEIGHTS": "mine"}),
            ("file.tif", {"WEIGHTS_FILE": result["BETTER_WEIGHTS"]}),
        )
    )
    assert by_name["WEIGHTS_USED"] == by_file["WEIGHTS_USED"] == "mine"
    automatic = pansharpen({**values, "OUTPUT": str(tmp_path / "auto.tif")}, feedback)
    assert automatic["WEIGHTS_USED"] != "mine"


def test_without_a_gain_the_old_weights_stay(
    provider, worker_python, large_enough, noisy_weights, feedback, tmp_path
):
    output = str(tmp_path / "mine.safetensors")
    options = {"WEIGHTS_FILE": noisy_weights, "OUTPUT": output, "STEPS": 1}
    result = adapt(large_enough, feedback, **options)
    assert result["HELPED"] is False
    assert not os.path.exists(output)
    assert result["OUTPUT"] is None
    assert result["BETTER_WEIGHTS"] == noisy_weights
    assert "did not help" in feedback.textLog()


def test_a_scene_that_is_too_small_is_refused(provider, worker_python, scene, feedback, tmp_path):
    from qgis.core import QgsProcessingException

    with pytest.raises(QgsProcessingException, match="at least 144 × 144"):
        adapt(scene, feedback, OUTPUT=str(tmp_path / "mine.safetensors"))
