"""The Processing provider ``ksdiff``."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from . import models
from ._paths import RESOURCES, metadata
from .algorithms import ALGORITHMS
from .translation import tr

_ICON = RESOURCES / "icons" / "ksdiff.svg"


class KSDiffProvider(QgsProcessingProvider):
    """KSDiff's algorithms."""

    def id(self) -> str:
        return "ksdiff"

    def name(self) -> str:
        return "KSDiff"

    def longName(self) -> str:
        name, version = tr("KSDiff pansharpening"), self.versionInfo()
        return f"{name} ({version})" if version else name

    def versionInfo(self) -> str:
        return metadata("version")

    def documentation(self, page: str) -> str:
        """Return the address of a page of the plugin's documentation."""
        return f"{metadata('homepage')}/blob/main/docs/{page}.md"

    def icon(self) -> QIcon:
        return QIcon(str(_ICON))

    def svgIconPath(self) -> str:
        return str(_ICON)

    def loadAlgorithms(self) -> None:
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
        for file in models.files():
            self.addAlgorithm(models.ShippedModel(file))

    def supportsNonFileBasedOutput(self) -> bool:
        return False

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        """Return what the engine writes: GDAL's formats, but for VRT, which holds no pixels."""
        known = super().supportedOutputRasterLayerExtensions()
        return ["tif", "tiff", *(e for e in known if e not in ("tif", "vrt"))]
