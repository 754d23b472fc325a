"""Processing's dialogs for sharpening, filled in. Opened without blocking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qgis.core import QgsApplication, QgsProcessing

from ..pairing import Pair

if TYPE_CHECKING:
    from qgis.gui import QgsProcessingAlgorithmDialogBase
    from qgis.PyQt.QtWidgets import QWidget

NETWORK = "ksdiff:pansharpen"
CLASSICAL = "ksdiff:classicalpansharpen"  # works without PyTorch

# What is Python of a dialog, its button "Run" included, lives only while Python refers to it: the
# window that is its parent keeps the rest.
_open: set[QgsProcessingAlgorithmDialogBase] = set()

# Processing's dialogs are imported when one is opened: at the start of QGIS that would take longer
# than all of the plugin.


def what_is_missing() -> str:
    """Return why the network cannot run, with the remedy; empty where it can."""
    algorithm = QgsApplication.processingRegistry().algorithmById(NETWORK)
    ready, message = algorithm.canExecute()
    return "" if ready else message


def open_dialog(
    pairs: Sequence[Pair], parent: QWidget, algorithm: str = NETWORK
) -> QgsProcessingAlgorithmDialogBase:
    """Show the dialog for one pair or none, the batch dialog for several, and return it."""
    dialog = _batch(algorithm, pairs, parent) if len(pairs) > 1 else _single(algorithm, pairs)
    _open.add(dialog)
    dialog.destroyed.connect(lambda: _open.discard(dialog))
    dialog.show()
    return dialog


def _parameters(pair: Pair) -> dict[str, Any]:
    return {"PAN": pair.pan, "MS": list(pair.ms)}


def _single(algorithm: str, pairs: Sequence[Pair]) -> QgsProcessingAlgorithmDialogBase:
    import processing

    parameters = _parameters(pairs[0]) if pairs else {}
    return processing.createAlgorithmDialog(algorithm, parameters)


def _batch(
    algorithm: str, pairs: Sequence[Pair], parent: QWidget
) -> QgsProcessingAlgorithmDialogBase:
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog
    from processing.tools.dataobjects import createContext

    created = QgsApplication.processingRegistry().createAlgorithmById(algorithm)
    dialog = BatchAlgorithmDialog(created, parent=parent)
    panel = dialog.mainWidget()
    panel.addRow(len(pairs) - 1)
    context = createContext()
    for row, pair in enumerate(pairs):
        for name, value in _parameters(pair).items():
            column = panel.parameter_to_column[name]
            panel.wrappers[row][column].setParameterValue(value, context)
        # The table's first row is that of the buttons which fill a column.
        output = panel.tblParameters.cellWidget(row + 1, panel.parameter_to_column["OUTPUT"])
        output.setValue(QgsProcessing.TEMPORARY_OUTPUT)
    # Unloaded, temporary files would be lost.
    panel.checkLoadLayersOnCompletion.setChecked(True)
    return dialog
