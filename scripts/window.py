"""Driving QGIS's window from inside, as a user would: select, right-click, wait, look.

For scripts that ``desktop.run`` runs in QGIS.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import QgsMapLayer, QgsProject, QgsRasterLayer
from qgis.gui import QgsProcessingAlgorithmDialogBase
from qgis.PyQt.QtCore import QEvent, QItemSelectionModel, QModelIndex, Qt, QTimer
from qgis.PyQt.QtGui import QContextMenuEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication
from qgis.utils import iface

FOLDER = Path(os.environ["KSDIFF_DESKTOP"])
ACTION = "ksdiffPansharpen"


def wait(condition: Callable[[], Any], seconds: float = 240.0) -> Any:
    """Let QGIS work until the condition holds, and return what it returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise TimeoutError(f"waited {seconds} s for {condition}")


def pause(seconds: float) -> None:
    """Let QGIS work for a while."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end, seconds + 5)


def screenshot(name: str) -> None:
    """Save the whole screen, pop-ups included."""
    pause(0.5)
    window = iface.mainWindow()
    window.screen().grabWindow(0).save(str(FOLDER / f"{name}.png"))


def add(path: Path, name: str) -> QgsRasterLayer:
    """Add a raster to the project."""
    layer = iface.addRasterLayer(str(path), name)
    assert layer is not None, path
    return layer


def layers() -> list[QgsMapLayer]:
    """Return the layers of the project."""
    return list(QgsProject.instance().mapLayers().values())


def index_of(layer: QgsMapLayer) -> QModelIndex:
    """Return where the layer stands in the layers panel."""
    view = iface.layerTreeView()
    node = QgsProject.instance().layerTreeRoot().findLayer(layer.id())
    index = view.layerTreeModel().node2index(node)
    return view.model().mapFromSource(index) if hasattr(view.model(), "mapFromSource") else index


def select(*chosen: QgsMapLayer) -> None:
    """Select layers in the layers panel."""
    view = iface.layerTreeView()
    view.selectionModel().clear()
    for layer in chosen:
        flag = QItemSelectionModel.SelectionFlag.Select
        view.selectionModel().select(index_of(layer), flag | QItemSelectionModel.SelectionFlag.Rows)
    current = QItemSelectionModel.SelectionFlag.NoUpdate
    view.selectionModel().setCurrentIndex(index_of(chosen[-1]), current)
    assert {layer.id() for layer in view.selectedLayers()} == {layer.id() for layer in chosen}


def right_click(layer: QgsMapLayer, picture: str = "", click: bool = True) -> int:
    """Right-click a layer and click the plugin's entry; return how many entries there are."""
    view = iface.layerTreeView()
    position = view.visualRect(index_of(layer)).center()
    entries = []

    def look() -> None:
        menu = QApplication.activePopupWidget()
        if menu is None:
            QTimer.singleShot(100, look)
            return
        entries.extend(action for action in menu.actions() if action.objectName() == ACTION)
        if picture:
            menu.setActiveAction(entries[0])
            screenshot(picture)
        if entries and click:
            centre = menu.actionGeometry(entries[0]).center()
            QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=centre)
        menu.close()

    QTimer.singleShot(100, look)
    reason = QContextMenuEvent.Reason.Mouse
    place = view.viewport().mapToGlobal(position)
    QApplication.sendEvent(view.viewport(), QContextMenuEvent(reason, position, place))
    return len(entries)


def open_dialog() -> QgsProcessingAlgorithmDialogBase:
    """Return Processing's dialog once it is on the screen."""

    def visible() -> list[QgsProcessingAlgorithmDialogBase]:
        return [
            widget
            for widget in QApplication.topLevelWidgets()
            if isinstance(widget, QgsProcessingAlgorithmDialogBase) and widget.isVisible()
        ]

    dialog = wait(visible)[0]
    dialog.setGeometry(190, 60, 900, 640)
    return dialog
