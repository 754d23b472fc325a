"""Models shipped with the provider: files of the model designer, under fixed ids."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication, QgsProcessingModelAlgorithm, QgsProcessingUtils
from qgis.PyQt.QtGui import QIcon

from ._paths import RESOURCES
from .translation import tr

_FOLDER = RESOURCES / "models"


def files() -> list[Path]:
    """Return the files of the models, in the order of their names."""
    return sorted(_FOLDER.glob("*.model3"))


class ShippedModel(QgsProcessingModelAlgorithm):
    """A model whose name is its file's, so that its id does not depend on its title.

    QGIS's own models have one text for both. What is read by people is in the language of QGIS.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self.fromFile(str(file))
        for parameter in self.parameterDefinitions():
            title, text = parameter.description(), parameter.help()
            parameter.setDescription(tr(title))
            parameter.setHelp(tr(text) if text else "")
        for output in self.outputDefinitions():
            title = output.description()
            output.setDescription(tr(title))

    def createInstance(self) -> ShippedModel:
        # Read again rather than copied: a step finds its algorithm while it is read, and this
        # provider's, and those of plugins loaded later, are not yet there when it is registered.
        return ShippedModel(self._file)

    def name(self) -> str:
        return self._file.stem

    def displayName(self) -> str:
        title = super().displayName()
        return tr(title)

    def group(self) -> str:
        title = super().group()
        return tr(title)

    def groupId(self) -> str:
        return super().groupId().lower()

    def icon(self) -> QIcon:
        return self.provider().icon() if self.provider() else QIcon()

    def svgIconPath(self) -> str:
        return self.provider().svgIconPath() if self.provider() else ""

    def helpUrl(self) -> str:
        return self.provider().documentation("models") if self.provider() else ""

    def shortHelpString(self) -> str:
        """Return the help: in the desktop HTML, elsewhere plain text, as the algorithms do."""
        if QgsApplication.platform() != "desktop":
            return self._help()["ALG_DESC"]
        return QgsProcessingUtils.formatHelpMapAsHtml(self._help(), self)

    def _help(self) -> dict[str, str]:
        return {name: tr(text) if text else "" for name, text in self.helpContent().items()}
