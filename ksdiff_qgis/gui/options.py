"""The page "KSDiff" of QGIS's options: the engine's state, and what jobs take by default."""

from __future__ import annotations

from typing import Any

from qgis.gui import QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtGui import QIcon, QShowEvent
from qgis.PyQt.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QListWidget,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ksdiff_engine.errors import EngineError
from ksdiff_engine.job import DEVICES, SMALLEST_TILE

from .. import diagnostics, engine_setup, settings, weights_choice
from .._paths import RESOURCES
from ..translation import tr
from . import engine_tasks
from .engine_tasks import EngineTask
from .setup_dialog import SetupDialog, text_box

_LARGEST_TILE = 65536
_MOST_THREADS = 4096


class OptionsFactory(QgsOptionsWidgetFactory):
    """Adds the page to QGIS's options dialog."""

    def __init__(self) -> None:
        super().__init__("KSDiff", QIcon(str(RESOURCES / "icons" / "ksdiff.svg")))

    def createWidget(self, parent: QWidget | None = None) -> OptionsPage:
        return OptionsPage(parent)


class OptionsPage(QgsOptionsPageWidget):
    """The page. It looks at the engine once it is shown, in the background."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ksdiffOptions")
        self._task: EngineTask | None = None
        layout = QVBoxLayout(self)
        for group in (self._engine_group(), self._defaults_group(), self._folders_group()):
            layout.addWidget(group)
        layout.addStretch(1)
        self._load()

    def apply(self) -> None:
        """Keep what stands on the page; QGIS calls this for OK."""
        tile = self._tile.value()
        settings.save(
            settings.Defaults(
                device=self._device.currentText(),
                weights=self._weights.currentText(),
                tile=tile if tile >= SMALLEST_TILE else 0,
                threads=self._threads.value(),
            )
        )
        rows = range(self._folders.count())
        settings.save_weights_folders(self._folders.item(row).text() for row in rows)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look()

    # Building.

    def _engine_group(self) -> QGroupBox:
        group = QGroupBox(tr("Engine"))
        self._status = text_box(6)
        self._setup_button = QPushButton(tr("Set up engine…"))
        self._test_button = QPushButton(tr("Test engine"))
        self._copy_button = QPushButton(tr("Copy diagnostics"))
        self._setup_button.clicked.connect(self._set_up)
        self._test_button.clicked.connect(self._test)
        self._copy_button.clicked.connect(self._copy)
        row = QHBoxLayout()
        for button in self._buttons():
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(group)
        layout.addWidget(self._status)
        layout.addLayout(row)
        return group

    def _defaults_group(self) -> QGroupBox:
        group = QGroupBox(tr("Defaults, for tools that are left at “auto” or 0"))
        self._device = QComboBox()
        self._device.addItems(DEVICES)
        self._weights = QComboBox()
        self._tile = _number(_LARGEST_TILE, tr("chosen by the engine"), tr(" PAN pixels"))
        self._tile.setSingleStep(SMALLEST_TILE)
        self._tile.setToolTip(
            tr("Edge of a tile. It bounds the memory: half the edge takes a quarter of it.")
        )
        self._threads = _number(_MOST_THREADS, tr("all"), "")
        form = QFormLayout(group)
        form.addRow(tr("Device"), self._device)
        form.addRow(tr("Weights"), self._weights_row())
        form.addRow(tr("Memory: tile size"), self._tile)
        form.addRow(tr("Processor threads"), self._threads)
        return group

    def _weights_row(self) -> QHBoxLayout:
        self._card_button = QPushButton(tr("Card…"))
        self._card_button.setToolTip(
            tr("What the weights are made for, where they were learnt, how good they are, licences")
        )
        self._card_button.clicked.connect(self._show_card)
        self._weights.currentTextChanged.connect(
            lambda name: self._card_button.setEnabled(name != settings.AUTO)
        )
        row = QHBoxLayout()
        row.addWidget(self._weights, 1)
        row.addWidget(self._card_button)
        return row

    def _folders_group(self) -> QGroupBox:
        group = QGroupBox(tr("Folders with further weights (*.safetensors)"))
        self._folders = QListWidget()
        self._folders.setMaximumHeight(90)
        add, remove = QPushButton(tr("Add…")), QPushButton(tr("Remove"))
        add.clicked.connect(self._add_folder)
        remove.clicked.connect(self._remove_folder)
        row = QHBoxLayout()
        row.addWidget(add)
        row.addWidget(remove)
        row.addStretch(1)
        layout = QVBoxLayout(group)
        layout.addWidget(self._folders)
        layout.addLayout(row)
        return group

    def _buttons(self) -> tuple[QPushButton, ...]:
        return self._setup_button, self._test_button, self._copy_button

    def _load(self) -> None:
        defaults = settings.load()
        # Weights that are set but gone stay on the list: a job says what is wrong with them.
        names = dict.fromkeys((settings.AUTO, *weights_choice.names(), defaults.weights))
        self._weights.addItems(list(names))
        self._weights.setCurrentText(defaults.weights)
        self._card_button.setEnabled(defaults.weights != settings.AUTO)
        self._device.setCurrentText(defaults.device)
        self._tile.setValue(defaults.tile)
        self._threads.setValue(defaults.threads)
        self._folders.addItems(settings.weights_folders())

    # The engine.

    def _look(self) -> None:
        if self._task is None:
            self._run(tr("Looking at the engine …"), lambda _: engine_setup.status(), self._show)

    def _test(self) -> None:
        device = self._device.currentText()
        self._run(
            tr("Testing the engine: PyTorch, device, a made-up scene …"),
            lambda task: engine_setup.check(device, task.isCanceled) and engine_setup.status(),
            self._show,
        )

    def _copy(self) -> None:
        self._run(tr("Collecting …"), lambda _: diagnostics.report(), self._take_report)

    def _set_up(self) -> None:
        SetupDialog(self).exec()
        self._look()

    def _run(self, title: str, work: Any, then: Any) -> None:
        """Do work in the background, then show its result; one piece at a time."""
        self._status.setPlainText(title)
        for button in self._buttons():
            button.setEnabled(False)
        self._then = then
        self._task = engine_tasks.start(title, work)
        self._task.ended.connect(self._take)

    def _take(self, result: str | None, error: EngineError | None) -> None:
        self._task = None
        for button in self._buttons():
            button.setEnabled(True)
        if error is not None:
            self._show(str(error))
        else:
            self._then(result)

    def _show(self, text: str) -> None:
        self._status.setPlainText(text)

    def _take_report(self, text: str) -> None:
        QApplication.clipboard().setText(text)
        self._status.setPlainText(tr("The diagnostics are on the clipboard:") + "\n\n" + text)

    def _show_card(self) -> None:
        card_dialog(self._weights.currentText(), self).exec()

    def _add_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Folder with weights"))
        if folder:
            self._folders.addItem(folder)

    def _remove_folder(self) -> None:
        for item in self._folders.selectedItems():
            self._folders.takeItem(self._folders.row(item))


def card_dialog(weights: str, parent: QWidget | None = None) -> QDialog:
    """Return a window with the card of the weights of that name, or with why there is none."""
    dialog = QDialog(parent)
    dialog.setWindowTitle(tr("Weights {name}", name=weights))
    box = text_box(24)
    try:
        box.setPlainText(weights_choice.card(weights))
    except EngineError as error:
        box.setPlainText(str(error))
    box.setMinimumWidth(90 * box.fontMetrics().averageCharWidth())
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.addWidget(box)
    layout.addWidget(buttons)
    return dialog


def _number(largest: int, zero: str, suffix: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(0, largest)
    box.setSpecialValueText(zero)
    box.setSuffix(suffix)
    return box
