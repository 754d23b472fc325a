"""Carries out a plan: makes the environment, tests it, puts it in place; and removes it.

Runs in any thread but blocks it. What is half done when it is cancelled, fails or is killed stays
in ``venv.part`` and ``downloads``, where the next run takes it up.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import subprocess  # nosec B404
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from ksdiff_engine.errors import Cancelled, EngineError, EnvironmentProblem

from .. import _paths
from ..processes import kill_tree, start
from ..translation import tr, translatable
from ..worker_client import running_jobs
from .check import in_words, run_selftest
from .environment import (
    BasePython,
    Folders,
    Plan,
    Step,
    child_environment,
    constraints,
    inspection_command,
    python_in,
)
from .failures import explain, redacted

_POLL = 0.1  # seconds between two looks at the wish to cancel
_MEASURE = 2.0  # seconds between two looks at the growth of the folders
_ANSWER = 60.0  # seconds a Python has to say its version
_RETRIES = 20  # of a renaming, half a second each: virus scanners hold new files for seconds
_CANCELLED = translatable("The set-up was cancelled. Started again, it goes on where it stopped.")


class Listener(Protocol):
    """Who is told how the set-up proceeds, and who may stop it. Called on the set-up's thread."""

    def say(self, line: str) -> None:
        """Take a line for the log."""

    def progress(self, fraction: float, title: str) -> None:
        """Take the fraction done, 0 to 1, and what is being done."""

    def is_cancelled(self) -> bool:
        """Return whether to stop."""


def install(
    plan: Plan, worker_environment: Mapping[str, str], listener: Listener
) -> dict[str, Any]:
    """Make the environment of the plan and return what its test found out.

    worker_environment: the variables of a worker in that environment. Raises ``EngineError``, of
    kind ``cancelled`` or ``environment``; the environment in use until then is unharmed.
    """
    folders = plan.folders
    with _locked(folders) as lock, _Log(folders.log, listener) as log:
        run = _Run(folders, worker_environment, log, lock.descriptors)
        try:
            found = _install(plan, worker_environment, run, log)
        except EngineError as error:
            log.say(tr("Failed: {error}", error=error))
            raise
        log.say(tr("Done."))
        log.progress(1.0, tr("Done"))
        return found


def remove(folders: Folders) -> None:
    """Remove the environment and all that the set-up has written; the user's weights stay.

    Raises ``EnvironmentProblem`` when a file is in use; nothing has been removed then.
    """
    if not folders.root.is_dir():
        return
    with _locked(folders):
        if running_jobs():
            raise EnvironmentProblem(
                tr("A KSDiff job is running in this environment."), hint=tr("Wait for its end.")
            )
        if folders.environment.exists():
            _delete(folders.outdated)
            _rename(folders.environment, folders.outdated)
        for leftover in (folders.outdated, folders.unfinished, folders.downloads):
            _delete(leftover)
        folders.constraints.unlink(missing_ok=True)
    folders.log.unlink(missing_ok=True)
    folders.lock.unlink(missing_ok=True)


def _install(
    plan: Plan, worker_environment: Mapping[str, str], run: _Run, log: _Log
) -> dict[str, Any]:
    folders = plan.folders
    log.say(plan.summary())
    base = run.inspect(plan.base)
    base.check()
    there = _bytes_below(folders.unfinished) + _bytes_below(folders.downloads)
    plan.check_disk(shutil.disk_usage(folders.root).free + there)
    folders.constraints.write_text(constraints(base), encoding="utf-8")
    make, *packages = plan.steps
    if run.is_usable(folders.unfinished, base):
        log.say(tr("An unfinished environment is there; it is completed."))
    else:
        _delete(folders.unfinished)
        run.step(make, 0.0, plan.disk)
    done = make.until
    for step in packages:
        run.step(step, done, plan.disk)
        done = step.until
    found = _test(folders, worker_environment, log, done)
    _wait_for_jobs(log)
    _put_in_place(folders)
    _delete(folders.downloads)
    return found


def _test(
    folders: Folders, worker_environment: Mapping[str, str], log: _Log, done: float
) -> dict[str, Any]:
    """Test the new environment. One that fails is deleted, so that the next try starts afresh."""
    log.progress(done, tr("Testing the engine"))
    python = str(python_in(folders.unfinished))
    try:
        found = run_selftest(python, worker_environment, is_cancelled=log.is_cancelled)
        if found["problem"]:
            raise explain(tr("The test of the new environment"), found["problem"])
    except Cancelled as error:
        raise Cancelled(tr(_CANCELLED)) from error
    except EnvironmentProblem:
        _delete(folders.unfinished)
        raise
    log.say(in_words(found))
    return found


def _wait_for_jobs(log: _Log) -> None:
    """Wait until no job of this QGIS runs in the environment that is to be replaced."""
    if running_jobs():
        log.say(tr("A KSDiff job is running; the new environment takes its place afterwards."))
    while running_jobs():
        if log.is_cancelled():
            raise Cancelled(tr(_CANCELLED))
        time.sleep(_POLL)


def _put_in_place(folders: Folders) -> None:
    _delete(folders.outdated)
    if folders.environment.exists():
        _rename(folders.environment, folders.outdated)
    try:
        _rename(folders.unfinished, folders.environment)
    except EnvironmentProblem:
        if folders.outdated.exists():
            _rename(folders.outdated, folders.environment)
        raise
    _delete(folders.outdated)


class _Run:
    """Runs the commands of a set-up."""

    def __init__(
        self,
        folders: Folders,
        worker_environment: Mapping[str, str],
        log: _Log,
        keep: tuple[int, ...],
    ) -> None:
        self._environment = child_environment(folders, worker_environment)
        self._growing = (folders.unfinished, folders.downloads, folders.temporary)
        self._log = log
        self._keep = keep

    def inspect(self, python: str) -> BasePython:
        """Ask a Python what it is."""
        answer = self._ask(*inspection_command(python))
        try:
            return BasePython.from_answer(python, answer)
        except ValueError as error:
            raise explain(tr("Asking {python} for its version", python=python), answer) from error

    def is_usable(self, environment: Path, base: BasePython) -> bool:
        """Return whether a half-built environment stands on the base and has pip."""
        python = str(python_in(environment))
        if not os.path.exists(python):
            return False
        try:
            self._ask(python, "-c", "import pip")
            return self.inspect(python).version == base.version
        except EnvironmentProblem:
            return False

    def step(self, step: Step, begin: float, expected: int) -> None:
        """Run one step, its output to the log; ``expected``: bytes on the disk at the end."""
        self._log.progress(begin, step.title)
        self._log.say(f"{step.title}: {' '.join(step.command)}")
        process = start(step.command, self._environment, cwd=_paths.ENGINE, keep=self._keep)
        output: list[str] = []
        try:
            for line in self._lines(process, step, begin, expected):
                output.append(line)
                self._log.say(line)
            code = process.wait()
        finally:
            if process.poll() is None:
                kill_tree(process)
        if code != 0:
            raise explain(step.title, "\n".join(output), code)

    def _lines(
        self, process: subprocess.Popen[bytes], step: Step, begin: float, expected: int
    ) -> Iterator[str]:
        """Yield what the process prints until it ends; meanwhile report growth, heed the cancel."""
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        measured = time.monotonic()
        while True:
            if self._log.is_cancelled():
                raise Cancelled(tr(_CANCELLED))
            if time.monotonic() - measured > _MEASURE:
                grown = sum(map(_bytes_below, self._growing))
                fraction = begin + (step.until - begin) * min(1.0, grown / expected)
                self._log.progress(fraction, f"{step.title} ({grown / 10**6:.0f} MB)")
                measured = time.monotonic()
            try:
                line = lines.get(timeout=_POLL)
            except queue.Empty:
                continue
            if line is None:
                return
            yield line

    def _ask(self, *command: str) -> str:
        process = start(command, self._environment, cwd=_paths.ENGINE)
        try:
            answer = process.communicate(timeout=_ANSWER)[0].decode("utf-8", "replace")
        except subprocess.TimeoutExpired as error:
            raise EnvironmentProblem(
                tr(
                    "{command} did not answer within {seconds:.0f} seconds.",
                    command=command[0],
                    seconds=_ANSWER,
                ),
                hint=tr("Start it in a shell to see why."),
            ) from error
        finally:
            if process.poll() is None:
                kill_tree(process)
        if process.returncode != 0:
            raise explain(tr("Starting {command}", command=command[0]), answer, process.returncode)
        return answer


class SetupLock:
    """Keeps two set-ups from one profile; a context manager.

    The system frees the lock with the last process that holds it. ``descriptors`` is handed to
    children, so that a pip that outlives a killed QGIS is not disturbed by a second one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (self._file.fileno(),) if self._file else ()

    def __enter__(self) -> SetupLock:
        self._file = open(self._path, "ab")
        try:
            _lock(self._file)
        except OSError as error:
            self._file.close()
            raise EnvironmentProblem(
                tr("Another set-up of the engine is running."),
                hint=tr("Wait for its end, or cancel it, then start again."),
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()


class _Log:
    """Writes what is said to a file as well, without names and passwords; a context manager."""

    def __init__(self, path: Path, listener: Listener) -> None:
        self._path = path
        self._listener = listener
        self.is_cancelled = listener.is_cancelled
        self._fraction = 0.0

    def __enter__(self) -> _Log:
        self._file = open(self._path, "w", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # a full disk
            self._file.close()

    def progress(self, fraction: float, title: str) -> None:
        self._fraction = max(self._fraction, fraction)
        self._listener.progress(self._fraction, title)

    def say(self, line: str) -> None:
        line = redacted(line)
        with contextlib.suppress(OSError):
            print(line, file=self._file, flush=True)
        self._listener.say(line)


@contextlib.contextmanager
def _locked(folders: Folders) -> Iterator[SetupLock]:
    """Have the folders for oneself; tell failures of the file system in plain words."""
    try:
        folders.root.mkdir(parents=True, exist_ok=True)
        with SetupLock(folders.lock) as lock:
            _delete(folders.temporary)
            folders.temporary.mkdir()
            try:
                yield lock
            finally:
                with contextlib.suppress(OSError):
                    _delete(folders.temporary)
    except OSError as error:
        raise explain(tr("The set-up of the engine"), f"{type(error).__name__}: {error}") from error


def _read(stream: IO[bytes], lines: queue.Queue[str | None]) -> None:
    with stream:
        for line in stream:
            lines.put(line.decode("utf-8", "replace").rstrip())
    lines.put(None)


def _bytes_below(folder: Path) -> int:
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # it may be gone
                total += os.lstat(os.path.join(where, name)).st_size
    return total


def _delete(folder: Path) -> None:
    """Delete a folder if it is there; its files may be read-only."""

    def writable(function: Any, path: str, _error: object) -> None:
        os.chmod(path, 0o700)
        function(path)

    if os.path.lexists(folder):
        shutil.rmtree(folder, onerror=writable)


def _rename(source: Path, target: Path) -> None:
    for attempt in range(_RETRIES):
        try:
            source.rename(target)
            return
        except PermissionError as error:
            if attempt == _RETRIES - 1 or os.name != "nt":
                raise EnvironmentProblem(
                    tr(
                        "{source} is in use and cannot be moved: {reason}.",
                        source=source,
                        reason=error.strerror,
                    ),
                    hint=tr("Wait for running jobs, close other QGIS windows, then start again."),
                ) from error
            time.sleep(0.5)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
