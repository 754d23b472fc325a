"""The set-up of this profile's engine: what dialog, options page and algorithm share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from qgis.core import QgsSettings

from ksdiff_engine.errors import EngineError, EnvironmentProblem, InputError

from . import diagnostics, interpreter, settings, weights_choice
from .interpreter import Interpreter
from .setup import installer
from .setup.check import in_words, run_selftest, torch_version
from .setup.environment import Folders, Plan, Request, make_plan, python_in
from .setup.failures import redacted
from .setup.gpu import Gpu
from .translation import tr


def folders() -> Folders:
    """Return the folders of the set-up in this QGIS profile."""
    return Folders(interpreter.environment_folder().parent)


def plan(request: Request, gpus: Sequence[Gpu]) -> Plan:
    """Return what a set-up would do. Raises ``EngineError`` when the request cannot be met."""
    return make_plan(request, interpreter.own_python(), folders(), gpus)


def status() -> str:
    """Return in plain words what runs the engine and what is known of it.

    Starts a Python, so it may block for seconds.
    """
    try:
        found = interpreter.find()
    except EngineError as error:
        return tr("The engine is not ready. {error}", error=redacted(str(error)))
    lines = [tr("Python: {path}", path=redacted(found.path))]
    test = diagnostics.last_test()
    if test.get("executable") == found.path and not test["problem"]:
        lines.append(redacted(in_words(test)))
    else:
        torch = torch_version(found.path, found.environment(os.environ))
        lines.append(tr("PyTorch: {torch}", torch=torch or tr("cannot be read")))
        problem = test.get("problem", "")
        failed = tr("the last test failed: {problem}", problem=redacted(problem))
        tested = failed if problem else tr("not tested since the start")
        lines.append(tr("Device: {device}", device=tested))
    names = ", ".join(weights_choice.names()) or tr("none were found")
    lines.append(tr("Weights: {weights}", weights=names))
    return "\n".join(lines)


def install(wanted: Plan, listener: installer.Listener) -> dict[str, Any]:
    """Carry out the plan, let the environment be the engine's, return what its test found out.

    Blocks for minutes. Raises ``EngineError``.
    """
    python = str(python_in(wanted.folders.unfinished))
    # On QGIS's own Python, so with QGIS's libraries.
    environment = Interpreter(python, own=False, shares_libraries=True).environment(os.environ)
    found = installer.install(wanted, environment, listener)
    _choose("")
    diagnostics.tested(found)
    return found


def use(python: str, is_cancelled: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Let a Python that has PyTorch run the engine, if it passes the test; return its findings.

    Raises ``EngineError``; the choice made before stays in force then.
    """
    python = os.path.abspath(os.path.expanduser(python))
    if not os.path.isfile(python):
        raise InputError(
            tr("{python} is no file.", python=python),
            hint=tr("Name the executable, e.g. …/bin/python."),
        )
    chosen = interpreter.look_at(python)
    found = _passed(chosen, "auto", is_cancelled)
    _choose(python)
    return found


def check(device: str = "auto", is_cancelled: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Test the engine as jobs would run it; return its findings. Raises ``EngineError``."""
    return _passed(interpreter.find(), device, is_cancelled)


def remove() -> None:
    """Remove the environment; raises ``EnvironmentProblem`` when it is in use."""
    installer.remove(folders())
    diagnostics.tested({})


def overruled() -> str:
    """Return why the environment of the profile would not be used; empty when it would."""
    name = interpreter.ENVIRONMENT_VARIABLE
    if os.environ.get(name, "").strip():
        return tr("The environment variable {name} is set, and chooses another Python.", name=name)
    return ""


def _choose(python: str) -> None:
    QgsSettings().setValue(settings.PYTHON, python)


def _passed(chosen: Interpreter, device: str, is_cancelled: Callable[[], bool]) -> dict[str, Any]:
    found = run_selftest(
        chosen.path,
        chosen.environment(os.environ),
        device=device,
        folders=weights_choice.folders(),
        is_cancelled=is_cancelled,
    )
    diagnostics.tested(found)
    if found["problem"]:
        raise EnvironmentProblem(found["problem"], hint=found["hint"])
    return found
