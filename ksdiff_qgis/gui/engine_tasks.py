"""Work on the engine in the background, so that neither QGIS nor its dialogs freeze."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qgis.core import QgsApplication, QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from ksdiff_engine.errors import EngineError

from .. import diagnostics, engine_setup
from ..setup.environment import Plan
from ..translation import tr


class EngineTask(QgsTask):
    """One piece of work in QGIS's task manager, which shows it and may cancel it.

    Signals arrive on the main thread. ``said``: a line of the log. ``stepped``: fraction done and
    what is being done. ``ended``: the result, or None, and the ``EngineError``, or None. The same
    stands in ``lines``, ``result`` and ``error`` for who comes later.
    """

    said = pyqtSignal(str)
    stepped = pyqtSignal(float, str)
    ended = pyqtSignal(object, object)

    def __init__(self, title: str, work: Callable[[EngineTask], Any]) -> None:
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._work = work
        self.lines: list[str] = []
        self.result: Any = None
        self.error: EngineError | None = None

    def run(self) -> bool:
        """Do the work; called by QGIS on a thread of its own."""
        try:
            self.result = self._work(self)
        except EngineError as error:
            self.error = error
        except Exception as error:
            self.error = EngineError(f"{type(error).__name__}: {error}", kind="internal")
        return self.error is None

    def finished(self, good: bool) -> None:
        """Tell the end; called by QGIS on the main thread, after a cancel as well."""
        _kept.discard(self)
        if not good and self.error is None:  # cancelled before it began
            self.error = EngineError(tr("The work was cancelled."), kind="cancelled")
        if self.error is not None:
            diagnostics.remember(self.error)
        self.ended.emit(self.result, self.error)


class _Listener:
    """An ``installer.Listener`` that speaks through a task."""

    def __init__(self, task: EngineTask) -> None:
        self._task = task
        self.is_cancelled = task.isCanceled

    def say(self, line: str) -> None:
        self._task.lines.append(line)
        self._task.said.emit(line)

    def progress(self, fraction: float, title: str) -> None:
        self._task.setProgress(100 * fraction)
        self._task.stepped.emit(fraction, title)


# The task manager owns the C++ half of a task only; without the other its signals would be lost.
_kept: set[EngineTask] = set()
_setup: EngineTask | None = None


def start(title: str, work: Callable[[EngineTask], Any]) -> EngineTask:
    """Start work in the background and return its task."""
    task = EngineTask(title, work)
    _kept.add(task)
    QgsApplication.taskManager().addTask(task)
    return task


def start_setup(plan: Plan) -> EngineTask:
    """Start the set-up; it goes on when its dialog is closed."""
    global _setup
    _setup = start(
        tr("Setting up the KSDiff engine"), lambda task: engine_setup.install(plan, _Listener(task))
    )
    return _setup


def running_setup() -> EngineTask | None:
    """Return the set-up that is running, if one is."""
    return _setup if _setup in _kept else None


def cancel_all() -> None:
    """Cancel what is running; for the end of the plugin."""
    for task in tuple(_kept):
        task.cancel()
