"""Runs inside QGIS (``scripts/desktop.py``) and does what the tutorial tells, a picture a step.

Started by ``scripts/screenshots.py``. The pictures go to the folder of KSDIFF_DESKTOP; so does
``error.txt``, should a step fail.
"""

import os
import sys
import traceback

import processing
from qgis.core import QgsMapLayer
from qgis.gui import QgsProcessingAlgorithmDialogBase
from qgis.PyQt.QtCore import Qt, QTimer, QUrl
from qgis.PyQt.QtGui import QTextCursor
from qgis.PyQt.QtWebKitWidgets import QWebView
from qgis.PyQt.QtWidgets import QApplication, QDockWidget, QSplitter, QTextEdit, QTreeView, QWidget
from qgis.utils import iface

sys.path.append(os.environ["KSDIFF_ROOT"])
from scripts.window import (
    FOLDER,
    add,
    layers,
    open_dialog,
    pause,
    right_click,
    screenshot,
    select,
    wait,
)

SAMPLE = FOLDER / "sample"  # a copy: QGIS writes beside what it opens
DETAIL = 12000  # scale at which pixels can be told apart


def main() -> None:
    """Take all pictures, in the order of the tutorial."""
    # The engine is where a set-up puts it, in the profile.
    os.environ.pop("KSDIFF_PYTHON")
    try:
        iface.mainWindow().setGeometry(0, 0, 1100, 700)
        for dock in iface.mainWindow().findChildren(QDockWidget):
            if dock.objectName() != "Layers":
                dock.hide()
        for step in (open_two_files, sharpen, look_closer, toolbox, measure, compare, settings):
            step()
    except BaseException:
        (FOLDER / "error.txt").write_text(traceback.format_exc())
        screenshot("error")
    finally:
        os._exit(0)


def open_two_files() -> None:
    """Open PAN and MS as files."""
    add(SAMPLE / "pan.tif", "pan")
    ms = add(SAMPLE / "ms.tif", "ms")
    pause(1)
    iface.mapCanvas().setExtent(ms.extent())
    draw()
    screenshot("two-layers")


def sharpen() -> None:
    """Right-click MS, run the dialog, look at the result."""
    ms = layer("ms")
    select(ms)
    right_click(ms, "context-menu")
    run(arranged(open_dialog()), "log", "dialog", show="Weights: ")
    wait(lambda: layer("ms pansharpened"))
    iface.messageBar().clearWidgets()
    draw()
    screenshot("result")


def look_closer() -> None:
    """Show the same ground in MS and in the result, so that pixels can be told apart."""
    canvas = iface.mapCanvas()
    canvas.zoomScale(DETAIL)
    result = iface.layerTreeView().layerTreeModel().rootGroup()
    node = result.findLayer(layer("ms pansharpened").id())
    for name, visible in (("before", False), ("after", True)):
        node.setItemVisibilityChecked(visible)
        draw()
        save(canvas, name)


def toolbox() -> None:
    """Show the algorithms in the toolbox."""
    window = iface.mainWindow()
    dock = window.findChild(QDockWidget, "ProcessingToolbox")
    dock.show()
    window.resizeDocks([dock], [340], Qt.Orientation.Horizontal)
    pause(1)
    tree = dock.findChild(QTreeView)
    rows = (tree.model().index(row, 0) for row in range(tree.model().rowCount()))
    ours = next(index for index in rows if index.data() == "KSDiff")
    tree.expandRecursively(ours)
    tree.scrollTo(ours, QTreeView.ScrollHint.PositionAtTop)
    save(dock, "toolbox")
    dock.hide()


def measure() -> None:
    """Measure the result against its PAN and MS."""
    fused = layer("ms pansharpened").id()
    dialog = processing.createAlgorithmDialog(
        "ksdiff:assesswithoutreference", {"FUSED": fused, **pair()}
    )
    run(arranged(dialog), "assess", show="HQNR: ")


def compare() -> None:
    """Rank all methods on the scene, and show parts of the report."""
    report = FOLDER / "report.html"
    dialog = processing.createAlgorithmDialog(
        "ksdiff:comparemethods", {**pair(), "OUTPUT_HTML": str(report)}
    )
    run(arranged(dialog))
    view = QWebView()
    view.setGeometry(0, 0, 1000, 760)
    loaded = []
    view.loadFinished.connect(loaded.append)
    view.load(QUrl.fromLocalFile(str(report)))
    view.show()
    wait(lambda: loaded)
    for section in ("tables", "crops"):
        view.page().mainFrame().scrollToAnchor(section)
        save(view, f"report-{section}")
    view.close()


def settings() -> None:
    """Test the engine on the page in QGIS's options."""

    def look() -> None:
        page = wait(lambda: shown("ksdiffOptions"))
        dialog = page.window()
        dialog.setGeometry(60, 20, 900, 600)
        dialog.findChild(QSplitter).setSizes([190, 710])
        wait(lambda: page._task is None)
        page._test_button.click()
        wait(lambda: page._task is None, 120)
        save(dialog, "options")
        dialog.reject()

    QTimer.singleShot(300, look)
    iface.showOptionsDialog(iface.mainWindow(), "ksdiffOptions")


def pair() -> dict[str, object]:
    """Return the parameters that name the scene."""
    return {"PAN": layer("pan").id(), "MS": [layer("ms").id()]}


def arranged(dialog: QgsProcessingAlgorithmDialogBase) -> QgsProcessingAlgorithmDialogBase:
    """Show a dialog so that its help has room for the figure."""
    dialog.show()
    dialog.setGeometry(50, 30, 1000, 640)
    dialog.findChild(QSplitter).setSizes([570, 430])
    pause(0.5)
    return dialog


def run(
    dialog: QgsProcessingAlgorithmDialogBase, after: str = "", before: str = "", show: str = ""
) -> None:
    """Run what the dialog is for, and close it. before, after: pictures of it; after, the log
    begins with the line that has the words ``show``.
    """
    if before:
        save(dialog, before)
    finished = []
    dialog.algorithmFinished.connect(lambda successful, results: finished.append(successful))
    dialog.runButton().click()
    wait(lambda: finished, 400)
    assert finished == [True], dialog.windowTitle()
    if after:
        log = dialog.findChild(QTextEdit, "txtLog")
        pause(0.5)
        log.moveCursor(QTextCursor.MoveOperation.End)
        found = log.document().find(show)
        found.clearSelection()
        found.movePosition(QTextCursor.MoveOperation.StartOfLine)
        log.setTextCursor(found)
        save(dialog, after)
    dialog.close()
    for dock in iface.mainWindow().findChildren(QDockWidget, "ResultsViewer"):
        dock.hide()


def save(widget: QWidget, name: str) -> None:
    """Take a picture of one widget, without pop-ups."""
    pause(0.5)
    widget.grab().save(str(FOLDER / f"{name}.png"))


def draw() -> None:
    """Have the map drawn to its end."""
    iface.mapCanvas().refresh()
    pause(0.5)
    iface.mapCanvas().waitWhileRendering()


def layer(name: str) -> QgsMapLayer:
    """Return the layer of that name, or None."""
    return next((x for x in layers() if x.name() == name), None)


def shown(name: str) -> QWidget:
    """Return the visible widget of that object name, or None."""
    found = (w for w in QApplication.allWidgets() if w.objectName() == name and w.isVisible())
    return next(found, None)


QTimer.singleShot(500, main)
