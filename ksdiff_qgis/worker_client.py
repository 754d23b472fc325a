"""Runs a job in the engine's worker process and relays what it says to Processing.

The protocol is that of ``ksdiff_engine.protocol``. The calling thread polls the feedback for
cancellation itself: qgis_process pumps no events for it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess  # nosec B404
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import IO, Any

from qgis.core import QgsProcessingFeedback

from ksdiff_engine.errors import KINDS, Cancelled, EngineError, EnvironmentProblem
from ksdiff_engine.job import Job
from ksdiff_engine.protocol import (
    Done,
    Event,
    Failure,
    Progress,
    ProtocolError,
    Warn,
    decode,
    encode_request,
)

from . import _paths, engine_texts
from .interpreter import Interpreter
from .processes import kill_tree, without_console
from .translation import tr, translatable

POLL = 0.1  # seconds between two looks at the feedback
GRACE = 5.0  # seconds a worker has to end by itself
SILENCE = 1800.0  # seconds without a line after which a worker counts as hung
_DRAIN = 0.5  # seconds to read what is left in the pipes of a worker that has ended
_STDERR_LINES = 40
_CANCELLED = translatable("The work was cancelled; no output was written.")
_running: set[object] = set()
_WINDOWS_CRASH = 0xC0000000  # exit codes from here on are NTSTATUS errors


def run_job(job: Job, interpreter: Interpreter, feedback: QgsProcessingFeedback) -> dict[str, Any]:
    """Run one job and return the worker's result.

    Blocks until the worker has ended. Raises ``EngineError``: the worker's own, ``Cancelled``
    when the feedback was cancelled, ``EnvironmentProblem`` when the process could not be started,
    died or hung.
    """
    command = [interpreter.path, "-m", "ksdiff_engine.worker"]
    feedback.pushCommandInfo(" ".join(command))
    request = encode_request(job.to_dict())
    feedback.pushCommandInfo(request)
    with _counted(), Worker(command, interpreter.environment(os.environ)) as worker:
        worker.send(request)
        return worker.follow(feedback)


def running_jobs() -> int:
    """Return how many jobs of this QGIS are running."""
    return len(_running)


@contextlib.contextmanager
def _counted() -> Iterator[None]:
    job = object()
    _running.add(job)
    try:
        yield
    finally:
        _running.discard(job)


class Worker:
    """A worker process; a context manager that leaves no process behind."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        # The engine's folder as working directory: "-m" puts it first on the module path, where
        # the user's folder could hide modules.
        try:
            self._process = subprocess.Popen(  # nosec B603
                command,
                env=environment,
                cwd=_paths.ENGINE,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=os.name != "nt",
                **without_console(),
            )
        except OSError as error:
            raise EnvironmentProblem(
                tr("{command} cannot be started: {error}.", command=command[0], error=error)
            ) from error
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_stdin()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._kill()
        # A reader that still waits shows that a child of the worker lives on and holds the pipe.
        if not self._readers_ended():
            self._kill()
        if self._readers_ended():
            for stream in (self._process.stdout, self._process.stderr):
                stream.close()  # type: ignore[union-attr]

    def send(self, request: str) -> None:
        """Send the request line; a worker that died already is noticed when it is followed."""
        with contextlib.suppress(OSError):
            self._stdin.write(request.encode("ascii") + b"\n")
            self._stdin.flush()

    def follow(self, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Relay the events until the job has ended; return its result or raise ``EngineError``."""
        relay = _Relay(feedback)
        heard = time.monotonic()
        kill_at: float | None = None
        while True:
            if kill_at is None and feedback.isCanceled():
                feedback.pushInfo(tr("Cancelling …"))
                self._close_stdin()
                kill_at = time.monotonic() + GRACE
            if kill_at is not None and time.monotonic() > kill_at:
                self._kill()
                raise Cancelled(tr(_CANCELLED))
            if time.monotonic() - heard > SILENCE:
                self._kill()
                raise EnvironmentProblem(
                    tr(
                        "The engine hung: it said nothing for {minutes:.0f} minutes.",
                        minutes=SILENCE / 60,
                    ),
                    hint=tr("Run it again with DEVICE set to cpu, or with a smaller TILE."),
                )
            try:
                line = self._next_line()
            except queue.Empty:
                continue
            heard = time.monotonic()
            if line is None:
                raise self._end(feedback, cancelled=kill_at is not None)
            event = relay.decoded(line)
            if isinstance(event, Done):
                return event.result
            if isinstance(event, Failure):
                raise self._failure(event, feedback)
            relay.show(event)

    def _next_line(self) -> str | None:
        """Return the worker's next line, or None at its end; ``queue.Empty`` when none is there.

        A child of the worker can hold its stdout open, so the end of the process counts as well.
        """
        try:
            return self._lines.get(timeout=POLL)
        except queue.Empty:
            if self._process.poll() is None:
                raise
        try:
            return self._lines.get(timeout=_DRAIN)
        except queue.Empty:
            return None

    def _failure(self, event: Failure, feedback: QgsProcessingFeedback) -> EngineError:
        if event.kind == "cancelled":
            return Cancelled(tr(_CANCELLED))
        if event.kind == "internal":
            self._show_stderr(feedback)
        kind = event.kind if event.kind in KINDS else "internal"
        return EngineError(event.message, kind=kind, hint=event.hint)

    def _end(self, feedback: QgsProcessingFeedback, cancelled: bool) -> EngineError:
        """Return the error for a worker that ended without a last word."""
        if cancelled:
            return Cancelled(tr(_CANCELLED))
        try:
            code = self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._kill()
            return EnvironmentProblem(tr("The engine closed its output before it had finished."))
        self._readers_ended()
        self._show_stderr(feedback)
        return death(code, self._stderr[-1] if self._stderr else "")

    def _readers_ended(self) -> bool:
        for reader in self._readers:
            reader.join(_DRAIN)
        return not any(reader.is_alive() for reader in self._readers)

    def _show_stderr(self, feedback: QgsProcessingFeedback) -> None:
        for line in tuple(self._stderr):
            feedback.pushConsoleInfo(line)

    @property
    def _stdin(self) -> IO[bytes]:
        return self._process.stdin  # type: ignore[return-value]

    def _close_stdin(self) -> None:
        with contextlib.suppress(OSError):
            self._stdin.close()

    def _read_events(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line.decode("utf-8", "replace"))
        self._lines.put(None)

    def _read_stderr(self) -> None:
        for line in self._process.stderr or ():
            self._stderr.append(line.decode("utf-8", "replace").rstrip())

    def _kill(self) -> None:
        kill_tree(self._process)


class _Relay:
    """Shows events on a Processing feedback.

    Each text becomes a line of the log, so one that differs from the last in its figures alone
    ("tile 3 of 400") is left to the progress bar.
    """

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._text = ""

    def decoded(self, line: str) -> Event | None:
        """Return the event in the line; a line that is none goes to the log."""
        try:
            return decode(line)
        except ProtocolError:
            if line.strip():
                self._feedback.pushConsoleInfo(line.rstrip())
            return None

    def show(self, event: Event | None) -> None:
        if isinstance(event, Warn):
            self._feedback.pushWarning(engine_texts.in_language(event.message))
        elif isinstance(event, Progress):
            self._feedback.setProgress(100.0 * event.fraction)
            text = re.sub(r"\d+", "", event.message)
            if text and text != self._text:
                self._text = text
                self._feedback.setProgressText(engine_texts.in_language(event.message))


def death(code: int, last_words: str) -> EnvironmentProblem:
    """Return the error for a worker that ended with the exit code, before its job was done."""
    if code in (-9, 137):
        return EnvironmentProblem(
            tr(
                "The engine was killed by the operating system, most likely because memory ran out."
            ),
            hint=tr("Choose a smaller TILE, or close other programs."),
        )
    said = f": {last_words.rstrip('.')}." if last_words else "."
    if code < 0 or code >= _WINDOWS_CRASH:
        name = (
            tr("signal {number}", number=-code)
            if code < 0
            else tr("exit code 0x{code:08X}", code=code)
        )
        return EnvironmentProblem(
            tr("The engine crashed ({name}) before it had finished{said}", name=name, said=said),
            hint=tr("Run it again with DEVICE set to cpu; the log holds what it said last."),
        )
    return EnvironmentProblem(
        tr(
            "The engine stopped with exit code {code} before it had finished{said}",
            code=code,
            said=said,
        ),
        hint=tr("The log holds what it said last."),
    )
