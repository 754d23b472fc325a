"""Asks the engine to test itself, in the Python that runs it."""

from __future__ import annotations

import json
import subprocess  # nosec B404
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ksdiff_engine.errors import Cancelled, EnvironmentProblem

from .. import _paths, engine_texts
from ..processes import kill_tree, start
from ..translation import tr, translatable
from .failures import explain

_POLL = 0.1  # seconds
_TIMEOUT = 300.0  # seconds; the first import of PyTorch under a virus scanner takes minutes
_VERSION_TIMEOUT = 30.0  # seconds
_DOING = translatable("The test of the engine")


def run_selftest(
    python: str,
    environment: Mapping[str, str],
    *,
    device: str = "auto",
    folders: Sequence[str] = (),
    is_cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Return what ``ksdiff_engine.selftest`` found out, its ``problem`` among it.

    Blocks until the test has ended, seconds mostly. Raises ``Cancelled``, or
    ``EnvironmentProblem`` when the Python did not get as far as answering.
    """
    options = [word for folder in folders for word in ("--weights-folder", folder)]
    command = [python, "-m", "ksdiff_engine.selftest", "--device", device, *options]
    process = start(command, environment, cwd=_paths.ENGINE, stderr=subprocess.PIPE)
    try:
        stdout, stderr = _answer(process, is_cancelled)
    finally:
        if process.poll() is None:
            kill_tree(process)
    try:
        found = json.loads(stdout.decode("ascii").strip().splitlines()[-1])
        return {key: found[key] for key in ("problem", "hint", "versions", "device")} | found
    except (ValueError, LookupError, TypeError) as error:
        said = (stderr or stdout).decode("utf-8", "replace")
        raise explain(tr(_DOING), said, process.returncode) from error


def _answer(
    process: subprocess.Popen[bytes], is_cancelled: Callable[[], bool]
) -> tuple[bytes, bytes]:
    begin = time.monotonic()
    while True:
        try:
            return process.communicate(timeout=_POLL)
        except subprocess.TimeoutExpired:
            if is_cancelled():
                raise Cancelled(tr("The test was cancelled.")) from None
            if time.monotonic() - begin > _TIMEOUT:
                raise EnvironmentProblem(
                    tr(
                        "{doing} did not end within {minutes:.0f} minutes.",
                        doing=tr(_DOING),
                        minutes=_TIMEOUT / 60,
                    ),
                    hint=tr("Choose cpu as the device, or restart the computer, then test again."),
                ) from None


def torch_version(python: str, environment: Mapping[str, str]) -> str:
    """Return the version of the PyTorch that a Python has, without importing it; or nothing."""
    command = [python, "-c", "from importlib.metadata import version; print(version('torch'))"]
    process = start(command, environment, cwd=_paths.ENGINE, stderr=subprocess.DEVNULL)
    try:
        answer = process.communicate(timeout=_VERSION_TIMEOUT)[0]
        return answer.decode("utf-8", "replace").strip()
    except subprocess.TimeoutExpired:
        kill_tree(process)
        return ""


def in_words(found: Mapping[str, Any]) -> str:
    """Return a line or two on a test that passed: PyTorch, device and its memory, the scene."""
    device = found["device"]
    name = device.get("name", "?")
    if device.get("memory"):
        name += tr(" with {memory:.1f} GB of memory", memory=device["memory"] / 2**30)
    elif device.get("threads"):
        name = tr("processor ({threads} threads)", threads=device["threads"])
    version = found["versions"].get("torch", "?")
    lines = [tr("PyTorch {version} on the {device}.", version=version, device=name)]
    if found.get("scene"):
        scene = engine_texts.in_language(found["scene"].rstrip("."))
        lines.append(tr("A made-up scene was {scene}.", scene=scene))
    if found.get("warning"):
        lines.append(found["warning"])
    return "\n".join(lines)
