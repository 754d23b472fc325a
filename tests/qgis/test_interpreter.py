"""Which Python runs the worker, what is said when none fits, and what it inherits."""

from __future__ import annotations

import os
import stat
import sys
import time

import pytest

from ksdiff_engine.errors import EnvironmentProblem

STDLIB = os.path.dirname(os.__file__)


@pytest.fixture
def interpreter(qgis, monkeypatch):
    from qgis.core import QgsSettings

    from ksdiff_qgis import interpreter

    monkeypatch.delenv("KSDIFF_PYTHON", raising=False)
    monkeypatch.setattr(interpreter, "_probes", {})
    yield interpreter
    QgsSettings().remove(interpreter.SETTING)


@pytest.fixture
def python(tmp_path):
    """Make a Python that answers the probe as told; it counts its starts."""

    def make(missing=(), name="python", stdlib=STDLIB, folder=tmp_path):
        script = folder / name
        answer = f'{{"missing": {list(missing)}, "stdlib": "{stdlib}"}}'
        script.write_text(
            f"#!/bin/sh\necho started >> '{folder}/starts'\necho '{answer}'\n".replace("['", '["')
            .replace("']", '"]')
            .replace("', '", '", "')
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return script

    return make


def starts(folder) -> int:
    return len((folder / "starts").read_text().splitlines())


def test_order_of_the_choices(interpreter, python, monkeypatch, tmp_path):
    from qgis.core import QgsSettings

    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    own, in_profile = python(name="python3"), python(folder=venv / "bin")
    by_setting, by_variable = python(name="set"), python(name="variable")
    monkeypatch.setattr(sys, "executable", str(own))
    assert interpreter.find().path == str(own)
    monkeypatch.setattr(interpreter, "environment_folder", lambda: venv)
    assert interpreter.find().path == str(in_profile)
    QgsSettings().setValue(interpreter.SETTING, str(by_setting))
    assert interpreter.find().path == str(by_setting)
    monkeypatch.setenv("KSDIFF_PYTHON", str(by_variable))
    assert interpreter.find().path == str(by_variable)


def test_a_choice_that_fails_is_not_passed_over(interpreter, python, monkeypatch):
    monkeypatch.setenv("KSDIFF_PYTHON", "/no/such/python")
    with pytest.raises(EnvironmentProblem, match=r"variable KSDIFF_PYTHON.*/no/such/python"):
        interpreter.find()
    broken = python(name="broken")
    broken.write_text("#!/bin/sh\necho 'cannot load libpython' >&2\nexit 3\n")
    monkeypatch.setenv("KSDIFF_PYTHON", str(broken))
    with pytest.raises(EnvironmentProblem, match="cannot load libpython"):
        interpreter.find()


def test_missing_modules_are_named_with_the_command(interpreter, python, monkeypatch):
    lacking = python(missing=("torch", "safetensors"))
    monkeypatch.setenv("KSDIFF_PYTHON", str(lacking))
    with pytest.raises(EnvironmentProblem, match="lacks torch and safetensors") as caught:
        interpreter.find()
    assert f'"{lacking}" -m pip install torch safetensors' in caught.value.hint


def test_without_an_environment_the_remedy_is_to_make_one(interpreter, python, monkeypatch):
    own = python(missing=("torch",), name="python3")
    monkeypatch.setattr(sys, "executable", str(own))
    with pytest.raises(EnvironmentProblem, match="QGIS's own Python") as caught:
        interpreter.find()
    assert "ksdiff:setupengine" in caught.value.hint


def test_qgis_itself_is_never_started_as_python(interpreter, monkeypatch):
    from qgis.core import QgsApplication

    monkeypatch.setattr(sys, "executable", "/Applications/QGIS.app/Contents/MacOS/QGIS")
    monkeypatch.setattr(QgsApplication, "platform", lambda: "desktop")
    for candidate in interpreter._own_candidates():
        assert candidate.name.startswith("python")
    assert interpreter.own_python().startswith(sys.base_prefix)


def test_the_answer_is_remembered(interpreter, python, monkeypatch, tmp_path):
    script = python()
    monkeypatch.setenv("KSDIFF_PYTHON", str(script))
    interpreter.find()
    begin = time.process_time()
    for _ in range(20):
        interpreter.find()
    assert time.process_time() - begin < 0.1
    assert starts(tmp_path) == 1
    os.utime(script, (1, 1))
    interpreter.find()
    assert starts(tmp_path) == 2


def test_what_was_missing_is_looked_for_again(interpreter, python, monkeypatch, tmp_path):
    script = python(missing=("torch",))
    monkeypatch.setenv("KSDIFF_PYTHON", str(script))
    for _ in range(3):
        with pytest.raises(EnvironmentProblem):
            interpreter.find()
    assert starts(tmp_path) == 1
    monkeypatch.setattr(interpreter, "_FAILURE_IS_REMEMBERED", 0.0)
    with pytest.raises(EnvironmentProblem):
        interpreter.find()
    assert starts(tmp_path) == 2


def test_qgis_libraries_are_for_pythons_that_share_them(interpreter, python, monkeypatch):
    inherited = {"PROJ_LIB": "/qgis/proj", "SSL_CERT_FILE": "/certs", "PYTHONSTARTUP": "/x.py"}
    monkeypatch.setenv("KSDIFF_PYTHON", str(python(name="ours")))
    ours = interpreter.find().environment(inherited)
    assert ours["PROJ_LIB"] == "/qgis/proj"
    monkeypatch.setenv(
        "KSDIFF_PYTHON", str(python(name="conda", stdlib="/opt/conda/lib/python3.12"))
    )
    foreign = interpreter.find().environment(inherited)
    assert "PROJ_LIB" not in foreign
    for environment in (ours, foreign):
        assert environment["SSL_CERT_FILE"] == "/certs"
        assert environment["PYTHONNOUSERSITE"] == "1"
        assert "PYTHONSTARTUP" not in environment


def test_user_packages_are_for_qgis_s_own_python_only(interpreter, python, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(python(name="python3")))
    assert "PYTHONNOUSERSITE" not in interpreter.find().environment({})


def test_can_execute_says_what_is_missing(algorithm, interpreter, python, monkeypatch):
    monkeypatch.setenv("KSDIFF_PYTHON", str(python(missing=("torch",))))
    good, said = algorithm.canExecute()
    assert not good
    assert "lacks torch" in said
    monkeypatch.setenv("KSDIFF_PYTHON", str(python(name="complete")))
    assert algorithm.canExecute() == (True, "")
