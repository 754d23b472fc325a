"""Write docs/algorithms, a page an algorithm, from what the algorithms say of themselves.

    make docs

The pages are part of the repository: QGIS's help button opens them there.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qgis.core import (  # noqa: E402
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingDestinationParameter,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
)
from qgis.PyQt.QtCore import QSettings  # noqa: E402

from ksdiff_qgis._compat import ADVANCED, FOLDER  # noqa: E402

FOLDER_OF_PAGES = ROOT / "docs" / "algorithms"
_OPTIONAL = QgsProcessingParameterDefinition.Flag.FlagOptional
_SENSOR = "SENSOR"  # its choices have a page of their own
_HEAD = "| parameter | default | |\n|---|---|---|\n"


def main() -> int:
    """Write all pages."""
    from ksdiff_qgis.algorithms import ALGORITHMS
    from ksdiff_qgis.provider import KSDiffProvider

    with tempfile.TemporaryDirectory() as profile:
        os.environ["QGIS_CUSTOM_CONFIG_PATH"] = profile
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, profile)
        application = QgsApplication([], False)
        application.initQgis()
        provider = KSDiffProvider()
        application.processingRegistry().addProvider(provider)
        FOLDER_OF_PAGES.mkdir(exist_ok=True)
        for kind in ALGORITHMS:
            file = FOLDER_OF_PAGES / f"{kind.NAME}.md"
            file.write_text(page(provider.algorithm(kind.NAME)), encoding="utf-8")
        application.exitQgis()
    return 0


def page(algorithm: QgsProcessingAlgorithm) -> str:
    """Return the page of an algorithm, as Markdown."""
    parameters = algorithm.parameterDefinitions()
    usual = [p for p in parameters if not p.flags() & ADVANCED]
    advanced = [p for p in parameters if p.flags() & ADVANCED]
    outputs = [
        output
        for output in algorithm.outputDefinitions()
        if not algorithm.parameterDefinition(output.name())
    ]
    parts = [
        f"# {algorithm.displayName()}",
        f"`{algorithm.id()}`",
        f"![What it does](../../resources/help/{algorithm.name()}.png)",
        algorithm.DESCRIPTION,
        f"## Parameters\n\n{_table(usual)}",
    ]
    if advanced:
        parts.append(f"## Advanced parameters\n\n{_table(advanced)}")
    if outputs:
        rows = "".join(f"| `{o.name()}` | {o.description()} |\n" for o in outputs)
        parts.append(f"## Outputs beside the files\n\n| output | |\n|---|---|\n{rows}".rstrip())
    parts.append(f"## In a shell\n\n```sh\n{_command(algorithm)}\n```")
    # At the end: mkdocs takes the title of a page from a heading that comes first.
    parts.append("<!-- Written by scripts/algorithm_pages.py (make docs). -->")
    return "\n\n".join(parts) + "\n"


def _table(parameters: list[QgsProcessingParameterDefinition]) -> str:
    rows = []
    for parameter in parameters:
        text = parameter.help()
        if isinstance(parameter, QgsProcessingParameterEnum) and parameter.name() != _SENSOR:
            text += f" Choices: {', '.join(f'`{option}`' for option in parameter.options())}."
        text = text.replace("|", "\\|")
        rows.append(
            f"| `{parameter.name()}` | {_default(parameter)} "
            f"| **{parameter.description()}.** {text} |"
        )
    return _HEAD + "\n".join(rows)


def _default(parameter: QgsProcessingParameterDefinition) -> str:
    value = parameter.defaultValue()
    if isinstance(parameter, QgsProcessingParameterBoolean):
        return f"`{str(bool(value)).lower()}`"
    if isinstance(value, list):
        return "all"
    if value not in (None, ""):
        return f"`{value}`"
    return "optional" if parameter.flags() & _OPTIONAL else "required"


def _command(algorithm: QgsProcessingAlgorithm) -> str:
    """Return a call that names what must be named."""
    given = [
        f"{parameter.name()}={_example(parameter)}"
        for parameter in algorithm.parameterDefinitions()
        if _default(parameter) == "required"
    ]
    return " ".join(["qgis_process run", algorithm.id(), "--", *given]).removesuffix(" --")


def _example(parameter: QgsProcessingParameterDefinition) -> str:
    name = parameter.name().lower()
    if isinstance(parameter, QgsProcessingParameterFile) and parameter.behavior() == FOLDER:
        return "path/to/folder"
    if isinstance(parameter, QgsProcessingDestinationParameter):
        extension = parameter.defaultFileExtension()
        return (
            "path/to/results" if parameter.type() == "folderDestination" else f"{name}.{extension}"
        )
    return f"{name}.tif"


if __name__ == "__main__":
    sys.exit(main())
