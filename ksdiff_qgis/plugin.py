"""The plugin that QGIS loads: it registers the Processing provider and takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsApplication

from ._paths import forget_engine
from .provider import KSDiffProvider

if TYPE_CHECKING:
    from qgis.gui import QgisInterface


class KSDiffPlugin:
    """Registers ``ksdiff`` in Processing, with or without a window."""

    def __init__(self, iface: QgisInterface | None) -> None:
        self.iface = iface
        self.provider: KSDiffProvider | None = None

    def initProcessing(self) -> None:
        """Register the provider; qgis_process calls this and nothing else."""
        self.provider = KSDiffProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:
        """Register the provider in the desktop application."""
        self.initProcessing()

    def unload(self) -> None:
        """Remove the provider."""
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        forget_engine()
