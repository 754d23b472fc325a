"""The plugin's texts in the language of QGIS.

The sources hold them in English; ``i18n/ksdiff_<language>.ts`` holds the translations, and the
``.qm`` beside it what Qt reads (``make translations`` brings both up to date). A text that the
language lacks stays English. What programs read stays as it is in every language: ids, names of
parameters, choices given by name, keys of JSON, names of settings.
"""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QLocale, QTranslator

from . import _paths

_CONTEXT = "KSDiff"
_FOLDER = _paths.PLUGIN / "i18n"
_installed: QTranslator | None = None


def tr(text: str, /, **fields: Any) -> str:
    """Return the text in the language of QGIS, its ``{fields}`` filled in; any thread may call.

    text: a literal, or one marked :func:`translatable`. Without fields, braces are just braces.
    """
    translated = QCoreApplication.translate(_CONTEXT, text)
    return translated.format(**fields) if fields else translated


def translatable(text: str, /) -> str:
    """Return the text as it is, marked for translation.

    For constants: they are made before the language is known, and go through :func:`tr` when they
    are shown.
    """
    return text


def install() -> None:
    """Let :func:`tr` speak the language of QGIS, where there is a translation."""
    global _installed
    remove()
    translator = QTranslator()
    if translator.load(QLocale(QgsApplication.locale()), "ksdiff", "_", str(_FOLDER)):
        QCoreApplication.installTranslator(translator)
        _installed = translator


def remove() -> None:
    """Undo :func:`install`."""
    global _installed
    if _installed is not None:
        QCoreApplication.removeTranslator(_installed)
        _installed = None
