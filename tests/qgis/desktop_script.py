"""Runs inside QGIS (``scripts/desktop.py``), as a user would; writes what it saw to a folder.

The folder of the environment variable KSDIFF_DESKTOP holds the scenes and receives
``findings.json`` and the screenshots. ``test_desktop.py`` starts it and judges the findings.
"""

import gc
import json
import os
import sys
import time
import traceback
from inspect import signature
from pathlib import Path

from processing.tools.dataobjects import createContext
from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QAction, QApplication, QMenu, QPushButton, QScrollArea, QToolBar
from qgis.utils import iface, loadPlugin, plugins, reloadPlugin, startPlugin, unloadPlugin

sys.path.append(os.environ["KSDIFF_ROOT"])
from scripts.window import ACTION as NAME
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

PLUGIN = "ksdiff_qgis"
findings = {}


def name_of(value):
    """Return the name of the project's layer that a dialog gives as id or as source."""
    return next(layer.name() for layer in layers() if value in (layer.id(), layer.source()))


def tree():
    return [node.name() for node in QgsProject.instance().layerTreeRoot().children()]


def sharpen_the_sample():
    add(FOLDER / "sample" / "pan.tif", "pan")
    ms = add(FOLDER / "sample" / "ms.tif", "ms")
    ms.renderer().setRedBand(4)
    ms.renderer().setGreenBand(1)
    ms.renderer().setBlueBand(2)
    iface.layerTreeView().refreshLayerSymbology(ms.id())
    select(ms)
    findings["entries for one layer"] = right_click(ms, "context-menu")
    dialog = open_dialog()
    parameters = dialog.createProcessingParameters()
    findings["PAN"] = name_of(parameters["PAN"])
    findings["MS"] = [name_of(value) for value in parameters["MS"]]
    findings["blocks"] = dialog.isModal()
    screenshot("dialog")
    finished = []
    dialog.algorithmFinished.connect(lambda successful, results: finished.append(successful))
    dialog.runButton().click()
    wait(lambda: finished)
    screenshot("log")
    findings["finished"] = finished
    dialog.close()
    describe_result(ms)


def describe_result(ms):
    result = wait(lambda: [x for x in layers() if x.name() == "ms pansharpened"])[0]
    renderer, shown = result.renderer(), ms.renderer()
    findings["tree"] = tree()
    findings["bands shown"] = renderer.usesBands()
    for colour in ("red", "green", "blue"):
        stretch = getattr(renderer, f"{colour}ContrastEnhancement")()
        stretch_of_ms = getattr(shown, f"{colour}ContrastEnhancement")()
        findings[f"{colour} stretch"] = [stretch.minimumValue(), stretch.maximumValue()]
        findings[f"{colour} stretch of ms"] = [
            *(stretch_of_ms.minimumValue(), stretch_of_ms.maximumValue())
        ]
    findings["history"] = result.metadata().history()
    iface.mapCanvas().setExtent(result.extent().buffered(-1500))
    iface.mapCanvas().refresh()
    iface.mapCanvas().waitWhileRendering()
    screenshot("result")


def batch_of_two():
    scenes = [
        add(FOLDER / "scenes" / f"{year}_{kind}.tif", f"{year}_{kind}")
        for year in (2020, 2021)
        for kind in ("PAN", "MS")
    ]
    select(*scenes)
    findings["entries for four layers"] = right_click(scenes[-1])
    dialog = open_dialog()
    panel = dialog.mainWidget()
    # Later versions ask for a context, which settles where rasters go.
    later = "context" in signature(panel.parametersForRow).parameters
    context = (createContext(),) if later else ()
    rows = [panel.parametersForRow(row, *context)[0] for row in range(panel.batchRowCount())]
    findings["batch"] = [
        [name_of(row["PAN"]), [name_of(value) for value in row["MS"]]] for row in rows
    ]
    screenshot("batch")
    dialog.runButton().click()
    wait(lambda: sum("pansharpened" in layer.name() for layer in layers()) == 3)
    findings["tree after the batch"] = tree()
    screenshot("batch-done")
    dialog.close()


def shown(name):
    """Return the visible widget of that object name, or None.

    QGIS 3.40 gives the scroll area around a page of its options the name of the page.
    """
    for widget in QApplication.allWidgets():
        named = widget.objectName() == name and not isinstance(widget, QScrollArea)
        if named and widget.isVisible():
            return widget
    return None


def once_shown(name, work):
    """Do the work with the widget of that object name once it is shown, in a modal dialog too.

    What the work raises is kept as the error, and the modal dialogs are closed.
    """

    def look():
        widget = shown(name)
        if widget is None:
            QTimer.singleShot(100, look)
            return
        try:
            work(widget)
        except Exception:
            findings["error"] = traceback.format_exc()
            screenshot("error")
            while QApplication.activeModalWidget():
                QApplication.activeModalWidget().reject()

    QTimer.singleShot(100, look)


def without_engine():
    """Ask for a run while the Python of the engine is not there."""
    chosen = os.environ["KSDIFF_PYTHON"]
    os.environ["KSDIFF_PYTHON"] = "/no/such/python"
    select(*(layer for layer in layers() if layer.name() in ("pan", "ms")))
    plugins[PLUGIN].action.action.trigger()
    item = wait(lambda: iface.messageBar().currentItem())
    findings["without engine"] = [item.text(), item.toolTip()]
    screenshot("without-engine")
    once_shown("ksdiffSetup", lambda dialog: dialog.reject())
    set_up, classical = item.findChildren(QPushButton)
    set_up.click()
    classical.click()
    dialog = open_dialog()
    parameters = dialog.createProcessingParameters()
    findings["classical"] = [
        *(dialog.algorithm().id(), name_of(parameters["PAN"])),
        *(name_of(value) for value in parameters["MS"]),
    ]
    dialog.close()
    iface.messageBar().clearWidgets()
    os.environ["KSDIFF_PYTHON"] = chosen


def settings_page():
    """Open the page in QGIS's own dialog, test the engine, begin a set-up and cancel it."""

    def look(page):
        wait(lambda: page._task is None)
        page._test_button.click()
        wait(lambda: page._task is None)
        findings["status"] = page._status.toPlainText()
        screenshot("options")
        once_shown("ksdiffSetup", cancel_a_set_up)
        page._setup_button.click()
        wait(lambda: page._task is None)
        page.window().reject()

    once_shown("ksdiffOptions", look)
    iface.showOptionsDialog(iface.mainWindow(), "ksdiffOptions")


def cancel_a_set_up(dialog):
    wait(lambda: dialog._plan is not None)
    findings["plan"] = dialog._summary.toPlainText()
    screenshot("set-up")
    dialog._go.click()
    wait(lambda: "-m venv" in dialog._log.toPlainText())
    dialog._stop.click()
    wait(lambda: dialog._task is None)
    findings["cancelled"] = dialog._step.text()
    environment = Path(QgsApplication.qgisSettingsDirPath(), "ksdiff", "venv")
    findings["left by the set-up"] = [str(environment)] if environment.exists() else []
    screenshot("set-up-cancelled")
    dialog.reject()


class Signal:
    """In the place of a signal that only later versions of QGIS have."""

    def __init__(self):
        self.slots = []

    def connect(self, slot):
        self.slots.append(slot)

    def disconnect(self, slot):
        self.slots.remove(slot)


def context_menu_of_later_versions():
    from ksdiff_qgis.gui.actions import PansharpenAction

    view = iface.layerTreeView()
    if hasattr(view, "contextMenuAboutToShow"):
        return
    view.contextMenuAboutToShow = Signal()
    action = PansharpenAction(iface)
    counts = []
    select(next(iter(layers())))
    for _ in range(2):
        menu = QMenu()
        for slot in view.contextMenuAboutToShow.slots:
            slot(menu)
        counts.append(sum(entry.objectName() == NAME for entry in menu.actions()))
        view.selectionModel().clear()
    action.remove()
    findings["entries where asked, selected or not"] = counts
    findings["slots after removal"] = len(view.contextMenuAboutToShow.slots)
    del view.contextMenuAboutToShow


def no_partner():
    for layer in list(layers()):
        if layer.name().endswith("PAN") or layer.name() == "pan":
            QgsProject.instance().removeMapLayer(layer)
    alone = next(layer for layer in layers() if layer.name() == "2020_MS")
    select(alone)
    plugins[PLUGIN].action.action.trigger()
    item = wait(lambda: iface.messageBar().currentItem())
    findings["message"] = item.text()
    screenshot("no-partner")


def traces():
    """Return what the plugin has put into the window, counted."""
    pause(0.1)
    gc.collect()
    window = iface.mainWindow()
    registry = QgsApplication.processingRegistry()
    layer = next(iter(layers()))
    select(layer)

    def holders(kind):
        return sum(
            action.objectName() == NAME
            for widget in window.findChildren(kind)
            for action in widget.actions()
        )

    view = iface.layerTreeView()
    signals = [(registry, "providerAdded"), (registry, "providerRemoved")]
    signals += [(view, "contextMenuAboutToShow")] if hasattr(view, "contextMenuAboutToShow") else []
    return {
        "actions": len(window.findChildren(QAction, NAME)),
        "toolbars": holders(QToolBar),
        "menus": holders(QMenu),
        "raster menu": sum(a.text() == "KSDiff" for a in iface.rasterMenu().actions()),
        "context menu": right_click(layer, click=False),
        "providers": sum(provider.id() == "ksdiff" for provider in registry.providers()),
        "objects": sum(type(thing).__name__ == "PansharpenAction" for thing in gc.get_objects()),
        "options": sum(type(thing).__name__ == "OptionsFactory" for thing in gc.get_objects()),
        "receivers": [owner.receivers(getattr(owner, signal)) for owner, signal in signals],
    }


def reload_and_unload():
    findings["traces"] = [traces()]
    for _ in range(3):
        reloadPlugin(PLUGIN)
        findings["traces"].append(traces())
    unloadPlugin(PLUGIN)
    findings["traces after unload"] = traces()
    findings["seconds to enable"] = [seconds_to_enable() for _ in range(8)]


def seconds_to_enable():
    """Enable the plugin as QGIS does at its start, and disable it; return the processor time, and
    that of a loop which shows how fast the machine is just now.
    """
    begin = time.process_time()
    assert loadPlugin(PLUGIN)
    assert startPlugin(PLUGIN)
    enabled = time.process_time()
    sum(i * i for i in range(1_000_000))
    seconds = enabled - begin, time.process_time() - enabled
    unloadPlugin(PLUGIN)
    return seconds


STEPS = (
    sharpen_the_sample,
    batch_of_two,
    without_engine,
    settings_page,
    no_partner,
    context_menu_of_later_versions,
    reload_and_unload,
)


def main():
    try:
        iface.mainWindow().setGeometry(0, 0, 1280, 800)
        findings["loaded"] = PLUGIN in plugins
        for step in STEPS:
            started = time.monotonic()
            step()
            if "error" in findings:
                break
            findings[f"seconds of {step.__name__}"] = round(time.monotonic() - started, 1)
    except BaseException:
        findings["error"] = traceback.format_exc()
        screenshot("error")
    finally:
        (FOLDER / "findings.json").write_text(json.dumps(findings, indent=2))
        os._exit(0)


QTimer.singleShot(500, main)
