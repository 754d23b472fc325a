"""The plugin that QGIS loads: provider and action are registered, and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsApplication

from . import translation
from ._paths import forget_engine
from .provider import KSDiffProvider

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .gui.actions import PansharpenAction
    from .gui.options import OptionsFactory


class KSDiffPlugin:
    """Registers ``ksdiff`` in Processing, with or without a window."""

    def __init__(self, iface: QgisInterface | None) -> None:
        self.iface = iface
        self.provider: KSDiffProvider | None = None
        self.action: PansharpenAction | None = None
        self.options: OptionsFactory | None = None

    def initProcessing(self) -> None:
        """Register the provider; qgis_process calls this and nothing else."""
        translation.install()
        self.provider = KSDiffProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:
        """Register the provider in the desktop application, and add the action to its window."""
        from .gui.actions import PansharpenAction
        from .gui.options import OptionsFactory

        self.initProcessing()
        self.action = PansharpenAction(self.iface)
        self.options = OptionsFactory()
        self.iface.registerOptionsWidgetFactory(self.options)

    def unload(self) -> None:
        """Remove the provider, and what is in the window if there is one."""
        if self.options is not None:
            from .gui.engine_tasks import cancel_all

            cancel_all()
            self.iface.unregisterOptionsWidgetFactory(self.options)
            self.options = None
        if self.action is not None:
            self.action.remove()
            self.action = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        translation.remove()
        forget_engine()
