"""The action "Pansharpen": in the layers' context menu, the Raster menu and a toolbar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsProject, QgsRasterLayer
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction, QPushButton

from .._paths import RESOURCES
from ..candidates import describe, raster_layers
from ..pairing import Pair, pair_up
from ..roles import content_beside_bands
from ..translation import tr
from .dialogs import CLASSICAL, open_dialog, what_is_missing

if TYPE_CHECKING:
    from qgis.core import QgsMapLayer
    from qgis.gui import QgisInterface
    from qgis.PyQt.QtWidgets import QMenu

_MENU = "KSDiff"


class PansharpenAction:
    """Puts the action into the main window, and takes it back with :meth:`remove`."""

    def __init__(self, iface: QgisInterface) -> None:
        self._iface = iface
        icon = QIcon(str(RESOURCES / "icons" / "ksdiff.svg"))
        self.action = QAction(icon, tr("Pansharpen…"), iface.mainWindow())
        self.action.setObjectName("ksdiffPansharpen")
        self.action.setToolTip(tr("Pansharpen the selected layers with KSDiff"))
        self.action.triggered.connect(self._run)
        iface.addPluginToRasterMenu(_MENU, self.action)
        iface.addToolBarIcon(self.action)
        self._add_to_context_menu()

    def remove(self) -> None:
        """Take the action out of every menu and toolbar."""
        self._remove_from_context_menu()
        self._iface.removeToolBarIcon(self.action)
        self._iface.removePluginRasterMenu(_MENU, self.action)
        self.action.triggered.disconnect(self._run)
        self.action.deleteLater()

    # Since 3.32 the layer tree asks before it shows its menu. A custom action, the way before,
    # is left out by later versions when several layers are selected.

    def _add_to_context_menu(self) -> None:
        view = self._iface.layerTreeView()
        if hasattr(view, "contextMenuAboutToShow"):
            view.contextMenuAboutToShow.connect(self._extend_context_menu)
            return
        from qgis.core import QgsMapLayerType

        self._iface.addCustomActionForLayerType(
            self.action, "", QgsMapLayerType.RasterLayer, allLayers=True
        )

    def _remove_from_context_menu(self) -> None:
        view = self._iface.layerTreeView()
        if hasattr(view, "contextMenuAboutToShow"):
            view.contextMenuAboutToShow.disconnect(self._extend_context_menu)
        else:
            self._iface.removeCustomActionForLayerType(self.action)

    def _extend_context_menu(self, menu: QMenu) -> None:
        if self._selected():
            menu.addSeparator()
            menu.addAction(self.action)

    def _selected(self) -> list[QgsRasterLayer]:
        """Return the selected raster layers, those of selected groups included, in tree order."""
        selected = {layer.id() for layer in self._iface.layerTreeView().selectedLayersRecursive()}
        return [layer for layer in raster_layers(QgsProject.instance()) if layer.id() in selected]

    def _run(self) -> None:
        """Open the dialog for the pairs among the selected layers and their partners."""
        project = QgsProject.instance()
        selected = self._selected()
        everything = describe(raster_layers(project), project.transformContext())
        chosen = {layer.id() for layer in selected}
        pairs = pair_up(
            [raster for raster in everything if raster.key in chosen],
            [raster for raster in everything if raster.key not in chosen],
        )
        if selected and not pairs:
            self._warn_without_partner(selected)
            return
        if not selected:
            # Without a selection, one pair in the project is as good as selected.
            found = pair_up(everything)
            pairs = found if len(found) == 1 else ()
        missing = what_is_missing()
        if missing:
            self._offer_set_up(missing, pairs)
            return
        open_dialog(pairs, self._iface.mainWindow())
        self._tell_left_out(selected, pairs)

    def _warn_without_partner(self, selected: Sequence[QgsMapLayer]) -> None:
        text = tr(
            "No partner for {layers}. PAN needs one band and smaller pixels than MS, and must "
            "overlap it.",
            layers=_names(selected),
        )
        self._iface.messageBar().pushMessage(tr("Pansharpen"), text, Qgis.MessageLevel.Warning)

    def _offer_set_up(self, missing: str, pairs: Sequence[Pair]) -> None:
        """Offer what can be done without PyTorch: get it, or take a method that needs none."""
        bar = self._iface.messageBar()
        text = tr("The engine that runs the network is not ready yet.")
        message = bar.createMessage(tr("Pansharpen"), text)
        message.setToolTip(missing)

        def take_classical() -> None:
            bar.popWidget(message)
            open_dialog(pairs, self._iface.mainWindow(), CLASSICAL)

        for title, work in (
            (tr("Set Up Engine…"), self._set_up),
            (tr("Classical Method…"), take_classical),
        ):
            button = QPushButton(title, message)
            button.clicked.connect(work)
            message.layout().addWidget(button)
        bar.pushWidget(message, Qgis.MessageLevel.Warning)

    def _set_up(self) -> None:
        from .setup_dialog import SetupDialog

        SetupDialog(self._iface.mainWindow()).exec()

    def _tell_left_out(self, selected: Sequence[QgsMapLayer], pairs: Sequence[Pair]) -> None:
        paired = {key for pair in pairs for key in pair.keys}
        left_out = [layer for layer in selected if layer.id() not in paired]
        beside = [layer for layer in left_out if _content_beside_bands(layer)]
        alone = [layer for layer in left_out if layer not in beside]
        texts = []
        if alone:
            texts.append(tr("Without a partner and left out: {layers}.", layers=_names(alone)))
        if beside:
            contents = "; ".join(f"“{x.name()}” ({_content_beside_bands(x)})" for x in beside)
            texts.append(tr("Left out, as no multispectral bands: {layers}.", layers=contents))
        if texts:
            bar = self._iface.messageBar()
            bar.pushMessage(tr("Pansharpen"), " ".join(texts), Qgis.MessageLevel.Info)


def _content_beside_bands(layer: QgsMapLayer) -> str:
    return content_beside_bands(layer.name(), Path(layer.source()).stem)


def _names(layers: Sequence[QgsMapLayer]) -> str:
    return ", ".join(f"“{layer.name()}”" for layer in layers)
