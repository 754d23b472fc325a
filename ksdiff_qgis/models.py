"""Models shipped with the provider: files of the model designer, under fixed ids."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication, QgsProcessingModelAlgorithm, QgsProcessingUtils
from qgis.PyQt.QtGui import QIcon

from ._paths import RESOURCES

_FOLDER = RESOURCES / "models"


def files() -> list[Path]:
    """Return the files of the models, in the order of their names."""
    return sorted(_FOLDER.glob("*.model3"))


class ShippedModel(QgsProcessingModelAlgorithm):
    """A model whose name is its file's, so that its id does not depend on its title.

    QGIS's own models have one text for both.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self.fromFile(str(file))

    def createInstance(self) -> ShippedModel:
        # Read again rather than copied: a step finds its algorithm while it is read, and this
        # provider's, and those of plugins loaded later, are not yet there when it is registered.
        return ShippedModel(self._file)

    def name(self) -> str:
        return self._file.stem

    def icon(self) -> QIcon:
        return self.provider().icon() if self.provider() else QIcon()

    def svgIconPath(self) -> str:
        return self.provider().svgIconPath() if self.provider() else ""

    def shortHelpString(self) -> str:
        """Return the help: in the desktop HTML, elsewhere plain text, as the algorithms do."""
        if QgsApplication.platform() != "desktop":
            return self.helpContent()["ALG_DESC"]
        return QgsProcessingUtils.formatHelpMapAsHtml(self.helpContent(), self)
