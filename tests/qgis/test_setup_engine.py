"""``ksdiff:setupengine``, the report and the options page, with the Python of the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ksdiff_engine import selftest
from ksdiff_engine.errors import EnvironmentProblem
from tests.qgis.test_setup_installer import FOUND

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def setup(provider, monkeypatch):
    """The algorithm, on a profile whose settings are put back."""
    from qgis.core import QgsApplication, QgsSettings

    monkeypatch.delenv("KSDIFF_PYTHON", raising=False)
    yield QgsApplication.processingRegistry().createAlgorithmById("ksdiff:setupengine")
    QgsSettings().remove("ksdiff")


def run(algorithm, feedback, **parameters):
    from qgis.core import QgsProcessingContext

    return algorithm.run(parameters, QgsProcessingContext(), feedback, {}, False)


def test_is_not_for_models_and_does_nothing_by_default(setup):
    from ksdiff_qgis._compat import HIDDEN_FROM_MODELS

    assert setup.flags() & HIDDEN_FROM_MODELS
    assert setup.parameterDefinition("ACTION").defaultValue() == "test"


def test_a_ready_python_is_tested_and_then_used(setup, feedback):
    from ksdiff_qgis import diagnostics, interpreter

    results, good = run(setup, feedback, ACTION="use", PYTHON=sys.executable)
    assert good, feedback.textLog()
    assert results["DEVICE_USED"] == "cpu" or "cuda" in results["DEVICE_USED"]
    assert interpreter.find().path == sys.executable
    assert results["TORCH"] in diagnostics.report()


def test_use_needs_a_python(setup):
    from qgis.core import QgsProcessingContext

    good, said = setup.checkParameterValues({"ACTION": "use"}, QgsProcessingContext())
    assert not good
    assert "PYTHON" in said


@pytest.mark.parametrize("python", ["/no/such/python", sys.base_prefix + "/bin/python3"])
def test_a_python_that_does_not_do_is_not_chosen(setup, feedback, python):
    from qgis.core import QgsProcessingException, QgsSettings

    from ksdiff_qgis import interpreter

    if python.startswith(sys.base_prefix) and has_torch(python):
        pytest.skip("the Python of the system has PyTorch")
    with pytest.raises(QgsProcessingException, match=python):
        run(setup, feedback, ACTION="use", PYTHON=python)
    assert not QgsSettings().value(interpreter.SETTING)


def has_torch(python: str) -> bool:
    return subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0


def test_install_carries_out_the_plan(setup, feedback, monkeypatch):
    from qgis.core import QgsSettings

    from ksdiff_qgis import interpreter
    from ksdiff_qgis.setup import installer

    plans = []
    monkeypatch.setattr(
        installer,
        "install",
        lambda plan, environment, _: plans.append((plan, environment)) or FOUND,
    )
    monkeypatch.setenv("PYTHONHOME", "/qgis")
    QgsSettings().setValue(interpreter.SETTING, "/another/python")
    index = "https://index.example/{build}"
    results, good = run(setup, feedback, ACTION="install", BUILD="cpu", INDEX=index)
    assert good, feedback.textLog()
    assert results == {"TORCH": "2.9.0", "DEVICE_USED": "cpu"}
    ((plan, environment),) = plans
    assert plan.folders.environment == interpreter.environment_folder()
    assert any("https://index.example/cpu" in step.command for step in plan.steps)
    assert "PYTHONHOME" not in environment
    assert not QgsSettings().value(interpreter.SETTING)  # it would come before the environment


def test_remove_removes_the_environment_and_leaves_the_weights(setup, feedback):
    from ksdiff_qgis import interpreter

    folder = interpreter.environment_folder()
    weights = folder.parent / "weights"
    folder.mkdir(parents=True)
    weights.mkdir(exist_ok=True)
    _, good = run(setup, feedback, ACTION="remove")
    assert good, feedback.textLog()
    assert not folder.exists()
    assert weights.is_dir()


def test_a_failure_stands_in_the_report_without_the_name(setup, feedback, monkeypatch):
    from qgis.core import QgsProcessingException

    from ksdiff_qgis import diagnostics

    monkeypatch.setattr(Path, "home", lambda: Path("/home/jane"))
    with pytest.raises(QgsProcessingException, match="is no file"):
        run(setup, feedback, ACTION="use", PYTHON="/home/jane/no/python")
    report = diagnostics.report()
    assert "Last error: input: ~/no/python is no file" in report
    assert "jane" not in report


def test_selftest_answers_when_a_module_is_broken(monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    found = selftest.run("cpu")
    assert "cannot import safetensors" in found["problem"]
    assert found["hint"]
    assert found["versions"].keys() == {"numpy", "scipy", "osgeo"}


def test_a_python_that_dies_in_the_test_is_explained(tmp_path):
    from ksdiff_qgis.setup.check import run_selftest

    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'x.so: undefined symbol: iJIT_NotifyEvent' >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(EnvironmentProblem, match="cannot load its libraries"):
        run_selftest(str(python), os.environ)


PAGE = """
import json, os, sys, time
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QSettings
QSettings.setDefaultFormat(QSettings.Format.IniFormat)
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, sys.argv[1])
QCoreApplication.setOrganizationName("ksdiff-tests")
application = QgsApplication([], True)
application.initQgis()
import ksdiff_qgis
from ksdiff_qgis import settings
from ksdiff_qgis.gui.options import OptionsFactory
from ksdiff_qgis.gui.setup_dialog import SetupDialog

def wait(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        application.processEvents()
        time.sleep(0.01)

seen = {}
page = OptionsFactory().createWidget()
page.show()
wait(lambda: page._task is None)
seen["looked"] = page._status.toPlainText()
page._test_button.click()
wait(lambda: page._task is None)
seen["tested"] = page._status.toPlainText()
page._copy_button.click()
wait(lambda: page._task is None)
seen["copied"] = application.clipboard().text()
page._device.setCurrentText("cpu")
page._tile.setValue(10)
page._threads.setValue(3)
page._folders.addItem("/weights")
page.apply()
seen["saved"] = [*vars(settings.load()).values(), *settings.weights_folders()]
dialog = SetupDialog(page)
dialog.show()
wait(lambda: dialog._plan is not None)
seen["plan"] = dialog._summary.toPlainText()
dialog._source.setCurrentIndex(1)
seen["without a folder"] = dialog._go.isEnabled()
dialog._wheels.setFilePath(sys.argv[1])
seen["empty folder"] = (dialog._summary.toPlainText(), dialog._go.isEnabled())
dialog._source.setCurrentIndex(2)
dialog._python.setFilePath("/no/such/python")
dialog._go.click()
wait(lambda: dialog._task is None)
seen["no python"] = dialog._step.text()
dialog.reject()
print("SEEN" + json.dumps(seen), flush=True)
os._exit(0)
"""


def test_options_page_and_dialog(tmp_path):
    path = os.pathsep.join([str(ROOT), str(ROOT / "engine")])
    environment = {**os.environ, "PYTHONPATH": path, "KSDIFF_PYTHON": sys.executable}
    environment |= {"QT_QPA_PLATFORM": "offscreen", "QGIS_CUSTOM_CONFIG_PATH": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", PAGE, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "SEEN" in ended.stdout, ended.stderr
    seen = json.loads(ended.stdout.partition("SEEN")[2])
    assert f"Python: {sys.executable}" in seen["looked"].replace("~", str(Path.home()))
    assert "Device: not tested" in seen["looked"]
    assert "PyTorch 2." in seen["tested"]
    assert "QGIS 3" in seen["copied"] or "QGIS 4" in seen["copied"]
    assert seen["saved"] == ["cpu", "auto", 0, 3, "/weights"]
    assert "This makes the environment" in seen["plan"]
    assert "KSDIFF_PYTHON is set" in seen["plan"]
    assert not seen["without a folder"]
    assert "no wheel of torch and safetensors" in seen["empty folder"][0]
    assert not seen["empty folder"][1]
    assert "/no/such/python is no file" in seen["no python"]
