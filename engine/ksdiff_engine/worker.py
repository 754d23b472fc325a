"""The process that the plugin starts: one job in on stdin, events out on stdout, one JSON a line.

Run as ``python -m ksdiff_engine.worker``. Closing stdin cancels, which is also what the worker sees
when its parent dies. A job that does not stop by itself is ended after ``GRACE`` seconds and its
unfinished files are removed. The engine's heavy modules are imported after the watch has begun.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from typing import Any

from ksdiff_engine import protocol
from ksdiff_engine.device import keep_freed_memory, limit_threads, parallel_by_tiles
from ksdiff_engine.errors import Cancelled, EngineError, InputError
from ksdiff_engine.job import Job, job_from_dict
from ksdiff_engine.leftovers import remove_leftovers

GRACE = 1.5  # seconds between the wish to cancel and the end by force; the contract says two
_INTERVAL = 0.1  # seconds between two progress events


class Channel:
    """The event stream: whole lines, fractions that never fall, and exactly one final event."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._finished = False
        self._fraction = 0.0
        self._last = (-_INTERVAL, "")

    def progress(self, fraction: float, message: str = "") -> None:
        """Report progress; more than ten a second are dropped unless the message changes."""
        self._fraction = max(self._fraction, fraction)
        now = time.monotonic()
        if message != self._last[1] or now - self._last[0] >= _INTERVAL:
            self._last = (now, message)
            self._send(protocol.Progress(self._fraction, message))

    def warn(self, message: str) -> None:
        """Report what the user should know."""
        self._send(protocol.Warn(message))

    def finish(self, event: protocol.Done | protocol.Failure) -> None:
        """Send the final event, unless one has been sent."""
        self._send(event, final=True)

    def _send(self, event: protocol.Event, *, final: bool = False) -> None:
        line = memoryview((protocol.encode(event) + "\n").encode("ascii"))
        with self._lock:
            if self._finished:
                return
            self._finished = final
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:  # nobody listens any more; the end of stdin will tell
                pass


class Cancellation:
    """The wish to stop, and its enforcement when the job does not heed it in time."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._wanted = threading.Event()
        self.outputs: tuple[str, ...] = ()

    def is_wanted(self) -> bool:
        return self._wanted.is_set()

    def want(self, *_signal: Any) -> None:
        """Ask the job to stop; also a signal handler."""
        if not self._wanted.is_set():
            self._wanted.set()
            enforcer = threading.Timer(GRACE, self._enforce)
            enforcer.daemon = True
            enforcer.start()

    def watch_stdin(self) -> None:
        """Want the end when stdin ends; reads without Python's buffers, which would hold a lock."""

        def wait() -> None:
            try:
                while os.read(0, 4096):
                    pass
            except OSError:
                pass
            self.want()

        threading.Thread(target=wait, name="stdin", daemon=True).start()

    def _enforce(self) -> None:
        for output in self.outputs:
            remove_leftovers(output, os.getpid())
        self._channel.finish(failure(Cancelled()))
        os._exit(1)


def main() -> int:
    """Run the one job that stdin asks for; 0 when it is done, 1 when it failed."""
    keep_freed_memory()
    channel = Channel(_reserve_stdout())
    cancellation = Cancellation(channel)
    signal.signal(signal.SIGTERM, cancellation.want)
    signal.signal(signal.SIGINT, cancellation.want)
    try:
        job = read_job()
        cancellation.outputs = job.outputs
        cancellation.watch_stdin()
        limit_threads(getattr(job, "threads", 0))
        parallel_by_tiles()
        from ksdiff_engine.pipeline import run_job

        result = run_job(job, channel.progress, cancellation.is_wanted, channel.warn)
    except EngineError as error:
        channel.finish(failure(error))
        return 1
    except BaseException as error:
        traceback.print_exc()
        channel.finish(internal_failure(error))
        return 1
    channel.finish(protocol.Done(result))
    return 0


def read_job() -> Job:
    """Read the request from stdin; ``InputError`` when it is not one."""
    line = sys.stdin.buffer.readline()
    if not line:
        raise Cancelled("The worker was started without a job.")
    try:
        return job_from_dict(protocol.decode_request(line.decode("utf-8")))
    except ValueError as error:  # ProtocolError and bytes that are not UTF-8
        raise InputError(f"The worker's request cannot be read: {error}") from error


def failure(error: EngineError) -> protocol.Failure:
    """Return the final event for an error that users can read."""
    return protocol.Failure(error.kind, error.message, error.hint)


def internal_failure(error: BaseException) -> protocol.Failure:
    """Return the final event for a defect: what it was, in one line; the rest is on stderr."""
    text = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
    return protocol.Failure(
        "internal",
        f"The engine failed unexpectedly ({reason}).",
        "Please report this with the log; the input files are unharmed.",
    )


def _reserve_stdout() -> int:
    """Keep stdout for events: return a copy of it and let everything printed go to stderr."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return descriptor


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # A thread may still wait in os.read(0), and C libraries may hang in their own clean-up.
    os._exit(code)
