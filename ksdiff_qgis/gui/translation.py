"""Translations of the texts in the main window."""

from __future__ import annotations

from qgis.PyQt.QtCore import QCoreApplication


def tr(text: str) -> str:
    """Return the text in the language of QGIS."""
    return QCoreApplication.translate("KSDiff", text)
