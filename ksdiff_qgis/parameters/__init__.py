"""Parameters that several algorithms have, a module for each group; here what they are made of.

A group offers ``parameters()``, which declares them, and ``fields(…)`` or ``read(…)``, which turns
their values into fields of a job.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from qgis.core import QgsProcessingParameterDefinition, QgsProcessingParameterEnum

from ksdiff_engine.errors import OutputError

from .._compat import ADVANCED
from ..translation import tr


def described(
    parameter: QgsProcessingParameterDefinition, text: str, *, advanced: bool = False
) -> QgsProcessingParameterDefinition:
    """Return the parameter with its help: tooltip, help panel and ``qgis_process help`` in one.

    ``advanced`` moves it below "Advanced Parameters".
    """
    parameter.setHelp(text)
    if advanced:
        parameter.setFlags(parameter.flags() | ADVANCED)
    return parameter


def choice(name: str, title: str, options: Sequence[str]) -> QgsProcessingParameterEnum:
    """Return an enumeration whose values are the words themselves; the first is the default."""
    return QgsProcessingParameterEnum(
        name, title, list(options), defaultValue=options[0], usesStaticStrings=True
    )


def check_folder(path: str, name: str) -> None:
    """Raise ``OutputError`` unless a file can be written there; ``name`` is for messages.

    path: absolute, or empty for a file that is not wanted.
    """
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise OutputError(
            tr("{name}: the folder {folder} does not exist.", name=name, folder=folder),
            hint=tr("Create it, or choose another."),
        )
