"""Starting and ending child processes, alike on every system."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess  # nosec B404
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ksdiff_engine.errors import EnvironmentProblem

from .translation import tr

_GRACE = 5.0  # seconds until a killed process must be gone


def without_console() -> dict[str, int]:
    """Return the keyword of ``subprocess`` that keeps Windows from opening a console window."""
    return {"creationflags": subprocess.CREATE_NO_WINDOW} if os.name == "nt" else {}


def kill_tree(process: subprocess.Popen[Any]) -> None:
    """Kill a process and all that it started.

    On other systems than Windows it must have been started with ``start_new_session=True``.
    """
    if os.name == "nt":
        system = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32"
        subprocess.run(  # nosec B603
            [str(system / "taskkill.exe"), "/T", "/F", "/PID", str(process.pid)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            **without_console(),
        )
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)


def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    cwd: str | Path,
    stderr: int = subprocess.STDOUT,
    keep: tuple[int, ...] = (),
) -> subprocess.Popen[bytes]:
    """Start a command without input whose output is read; :func:`kill_tree` ends it.

    keep: file descriptors that the child keeps open, where the system can hand on single ones.
    Raises ``EnvironmentProblem`` when it cannot be started.
    """
    try:
        return subprocess.Popen(  # nosec B603
            command,
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=os.name != "nt",
            pass_fds=() if os.name == "nt" else keep,
            **without_console(),
        )
    except OSError as error:
        raise EnvironmentProblem(
            tr("{command} cannot be started: {error}.", command=command[0], error=error)
        ) from error
