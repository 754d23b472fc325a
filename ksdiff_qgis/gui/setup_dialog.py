"""The dialog "Set up engine": what it would do, how it goes, what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qgis.core import QgsSettings
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ksdiff_engine.errors import EngineError

from .. import engine_setup, settings
from ..setup.check import in_words
from ..setup.environment import Plan, Request
from ..setup.gpu import Gpu, find_gpus
from ..translation import tr
from . import engine_tasks
from .engine_tasks import EngineTask

_LOG_LINES = 5000
_NETWORK, _WHEELS, _PYTHON = range(3)  # the pages


class SetupDialog(QDialog):
    """Sets up, replaces or removes the Python that runs the engine."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ksdiffSetup")
        self.setWindowTitle(tr("Set up the KSDiff engine"))
        self.resize(680, 600)
        self._task: EngineTask | None = None
        self._gpus: Sequence[Gpu] = ()
        self._plan: Plan | None = None
        self._build_inputs()
        self._build_output()
        self._lay_out()
        self._look_for_gpus()
        running = engine_tasks.running_setup()
        if running is not None:
            self._follow(running)

    # Building.

    def _build_inputs(self) -> None:
        self._source = QComboBox()
        for title in (
            tr("Download PyTorch (recommended)"),
            tr("Install from a folder of wheels, without a network"),
            tr("Use a Python that has PyTorch already"),
        ):
            self._source.addItem(title)
        self._build = QComboBox()
        for name, title in (
            ("default", tr("default: what the package index hands out for this system")),
            ("cpu", tr("cpu: smaller, for the processor alone")),
            ("cuda", tr("cuda: the one that fits NVIDIA's driver")),
        ):
            self._build.addItem(title, name)
        self._index = QLineEdit(settings.index())
        self._index.setPlaceholderText(tr("only for other builds than the default"))
        self._index.setToolTip(
            tr(
                "The address after --index-url that PyTorch's installation page names. {build} in "
                "it stands for cpu, cu128 and so on."
            )
        )
        self._wheels = QgsFileWidget()
        self._wheels.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self._python = QgsFileWidget()
        self._python.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        self._pages = QStackedWidget()
        for rows in (
            ((tr("Build"), self._build), (tr("Package index"), self._index)),
            ((tr("Folder"), self._wheels),),
            ((tr("Python"), self._python),),
        ):
            self._pages.addWidget(_form(rows))
        self._source.currentIndexChanged.connect(self._pages.setCurrentIndex)
        for signal in (
            self._source.currentIndexChanged,
            self._build.currentIndexChanged,
            self._index.textChanged,
            self._wheels.fileChanged,
            self._python.fileChanged,
        ):
            signal.connect(self._show_plan)

    def _build_output(self) -> None:
        self._summary = text_box(6)
        self._step = QLabel()
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._log = QPlainTextEdit()
        self._log.setReadOnly(True)
        self._log.setMaximumBlockCount(_LOG_LINES)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        role = QDialogButtonBox.ButtonRole.ActionRole
        self._go = self._buttons.addButton(tr("Set up"), role)
        self._stop = self._buttons.addButton(tr("Cancel set-up"), role)
        self._remove = self._buttons.addButton(tr("Remove environment…"), role)
        self._go.clicked.connect(self._start)
        self._stop.clicked.connect(self._cancel)
        self._remove.clicked.connect(self._ask_to_remove)
        self._buttons.rejected.connect(self.reject)
        self._set_running(False)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        for widget in (self._source, self._pages, self._summary, self._step, self._bar, self._log):
            layout.addWidget(widget)
        layout.addWidget(self._buttons)
        layout.setStretchFactor(self._log, 1)
        self._pages.setSizePolicy(
            self._pages.sizePolicy().horizontalPolicy(), self._bar.sizePolicy().verticalPolicy()
        )

    # What would be done.

    def _look_for_gpus(self) -> None:
        self._summary.setPlainText(tr("Looking for an NVIDIA GPU …"))
        self._gpu_task = engine_tasks.start(tr("Looking for an NVIDIA GPU"), lambda _: find_gpus())
        self._gpu_task.ended.connect(self._take_gpus)

    def _take_gpus(self, found: Sequence[Gpu] | None, _error: EngineError | None) -> None:
        self._gpus = found or ()
        self._show_plan()

    def _show_plan(self, *_: object) -> None:
        """Say what a click would do, and allow it if it can be done."""
        self._plan = None
        try:
            text = self._intention()
        except EngineError as error:
            text = str(error)
        warning = engine_setup.overruled()
        self._summary.setPlainText(f"{text}\n{warning}" if warning else text)
        named = self._source.currentIndex() == _PYTHON and bool(self._python.filePath())
        self._go.setEnabled((named or self._plan is not None) and self._task is None)

    def _intention(self) -> str:
        page = self._source.currentIndex()
        if page == _PYTHON:
            return tr(
                "This tests the Python and lets it run the engine. It needs torch, safetensors, "
                "numpy, scipy and GDAL; nothing is installed."
            )
        wheels = self._wheels.filePath() if page == _WHEELS else ""
        if page == _WHEELS and not wheels:
            return tr("Choose the folder with the wheels of torch, safetensors and what they need.")
        index = self._index.text().strip() if page == _NETWORK else ""
        build = self._build.currentData() if page == _NETWORK else "default"
        self._plan = engine_setup.plan(Request(build, wheels, index), self._gpus)
        return self._plan.summary()

    # Doing it.

    def _start(self) -> None:
        if self._source.currentIndex() == _PYTHON:
            python = self._python.filePath()
            self._follow(
                engine_tasks.start(
                    tr("Testing the KSDiff engine"),
                    lambda task: engine_setup.use(python, task.isCanceled),
                )
            )
        elif self._plan is not None:
            QgsSettings().setValue(settings.INDEX, self._index.text().strip())
            self._log.clear()
            self._follow(engine_tasks.start_setup(self._plan))

    def _follow(self, task: EngineTask) -> None:
        """Show a task, also one that has begun already."""
        self._task = task
        for line in task.lines:
            self._log.appendPlainText(line)
        task.said.connect(self._log.appendPlainText)
        task.stepped.connect(self._show_step)
        task.ended.connect(self._show_end)
        self._set_running(True)

    def _show_step(self, fraction: float, title: str) -> None:
        self._bar.setValue(round(1000 * fraction))
        self._step.setText(title)

    def _show_end(self, found: dict[str, Any] | None, error: EngineError | None) -> None:
        self._task = None
        self._set_running(False)
        self._show_plan()
        if error is not None:
            self._step.setText(str(error))
            self._log.appendPlainText(str(error))
            return
        self._bar.setValue(1000)
        if found:
            self._step.setText(f"{tr('The engine is ready.')}\n{in_words(found)}")

    def _cancel(self) -> None:
        if self._task is not None:
            self._step.setText(tr("Cancelling …"))
            self._task.cancel()

    def _ask_to_remove(self) -> None:
        answer = QMessageBox.question(
            self,
            self.windowTitle(),
            tr("Remove the environment of the engine, and all that was downloaded for it?"),
        )
        if answer == QMessageBox.StandardButton.Yes:
            self._follow_removal(
                engine_tasks.start(
                    tr("Removing the KSDiff engine"), lambda _: engine_setup.remove()
                )
            )

    def _follow_removal(self, task: EngineTask) -> None:
        self._follow(task)
        self._stop.setEnabled(False)
        self._bar.setRange(0, 0)
        task.ended.connect(self._show_removed)

    def _show_removed(self, _found: object, error: EngineError | None) -> None:
        self._bar.setRange(0, 1000)
        self._bar.setValue(0)
        if error is None:
            self._step.setText(tr("The environment was removed."))

    def _set_running(self, running: bool) -> None:
        for widget in (self._source, self._pages, self._remove):
            widget.setEnabled(not running)
        self._go.setEnabled(not running)
        self._stop.setEnabled(running)
        self._step.setWordWrap(True)

    def done(self, result: int) -> None:
        """Close; a set-up goes on in the background, and the next dialog shows it."""
        task, self._task = self._task, None
        slots: tuple[tuple[Any, Callable[..., None]], ...] = ()
        if task is not None:
            slots = (
                (task.said, self._log.appendPlainText),
                (task.stepped, self._show_step),
                (task.ended, self._show_end),
            )
        for signal, slot in slots:
            signal.disconnect(slot)
        super().done(result)


def text_box(lines: int) -> QPlainTextEdit:
    """Return a box for text to read and copy, so many lines high; longer text scrolls."""
    box = QPlainTextEdit()
    box.setReadOnly(True)
    frame = 2 * (box.frameWidth() + round(box.document().documentMargin()))
    box.setFixedHeight(lines * box.fontMetrics().lineSpacing() + frame)
    return box


def _form(rows: Sequence[tuple[str, QWidget]]) -> QWidget:
    page = QWidget()
    form = QFormLayout(page)
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    for title, widget in rows:
        form.addRow(title, widget)
    return page
