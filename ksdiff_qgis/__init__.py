"""KSDiff for QGIS: pansharpening by kernel-space diffusion, as Processing algorithms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._paths import add_engine

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .plugin import KSDiffPlugin

add_engine()


def classFactory(iface: QgisInterface | None) -> KSDiffPlugin:
    """Return the plugin; ``iface`` is None under qgis_process."""
    from .plugin import KSDiffPlugin

    return KSDiffPlugin(iface)
