"""Where the files that travel with the engine are: sensor profiles, weights, the sample scene."""

from __future__ import annotations

import os
from pathlib import Path

ENVIRONMENT_VARIABLE = "KSDIFF_RESOURCES"


def resources_folder() -> Path:
    """Return the folder that holds ``sensors/`` and ``weights/``.

    The environment variable ``KSDIFF_RESOURCES`` comes first. Otherwise it is the ``resources``
    folder beside the folder ``engine``: both the source tree (``<repo>/engine/ksdiff_engine``,
    ``<repo>/resources``) and the packaged plugin (``<plugin>/engine/ksdiff_engine``,
    ``<plugin>/resources``) are laid out so. The folder need not exist.
    """
    override = os.environ.get(ENVIRONMENT_VARIABLE)
    if override:
        return Path(override)
    return Path(__file__).resolve().parents[2] / "resources"
