"""What a command costs: wall time, CPU time and memory of the process and all that it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = Path(__file__).with_name("launcher.py")
POLL = 0.1  # seconds between looks at the memory of the processes
CURVE_POINTS = 200


class CommandFailed(Exception):
    """A command ended with an error; the text is the end of what it said."""


@dataclass(frozen=True)
class Cost:
    """wall, cpu: seconds; memory: peak resident megabytes.

    curve: megabytes in the course of the command, the most in each of at most ``CURVE_POINTS``
    equal parts of its time.
    """

    wall: float
    cpu: float
    memory: float
    curve: tuple[float, ...] = ()


def measure(command: list[str], folder: Path, *, self_timed: bool = False) -> Cost:
    """Run a command in `folder`; raises CommandFailed.

    `self_timed`: the last line of its output is a JSON object whose ``seconds`` is the wall time,
    because what it measures is only a part of what it does.
    """
    packages = f"{ROOT / 'engine'}{os.pathsep}{ROOT / 'training'}"
    environment = {**os.environ, "PYTHONPATH": packages}
    output, result = folder / "output.txt", folder / "cost.json"
    launcher = [sys.executable, "-S", str(LAUNCHER), str(result)]
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*launcher, *command], cwd=folder, env=environment, stdout=file, stderr=file
        )
        watch = _MemoryWatch(process.pid)
        process.wait()
        polled = watch.stop()
    said = output.read_text(errors="replace").strip()
    cost = json.loads(result.read_text()) if result.exists() else {"exit": process.returncode}
    if cost["exit"]:
        words = " ".join(said[-600:].split())
        raise CommandFailed(f"{command[0]} ended with {cost['exit']}: {words}")
    wall = float(json.loads(said.splitlines()[-1])["seconds"]) if self_timed else cost["wall"]
    # The kernel's figure is exact, but of the largest process alone.
    memory = max(cost["memory"], *polled, 0) / 1e6
    return Cost(wall, cost["cpu"], memory, thinned(polled))


def thinned(polled: list[int]) -> tuple[float, ...]:
    """Megabytes, the most of each part, from bytes at equal intervals."""
    parts = np.array_split(np.array(polled) / 1e6, min(CURVE_POINTS, len(polled)) or 1)
    return tuple(round(float(part.max()), 1) for part in parts if part.size)


class _MemoryWatch:
    """Looks now and then at how much memory the descendants of a process hold together."""

    def __init__(self, pid: int) -> None:
        self._launcher = psutil.Process(pid)
        self._seen: list[int] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> list[int]:
        """The sums seen, bytes."""
        self._end.set()
        self._thread.join()
        return self._seen

    def _look(self) -> None:
        while not self._end.wait(POLL):
            total = 0
            try:
                for process in self._launcher.children(recursive=True):
                    total += process.memory_info().rss
            except psutil.Error:  # one of them has just ended
                continue
            self._seen.append(total)
