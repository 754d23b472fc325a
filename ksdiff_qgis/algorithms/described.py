"""How every algorithm of KSDiff presents itself: names, icon, parameters and help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingOutputDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingUtils,
)
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QIcon

from .._compat import ADVANCED
from .._paths import RESOURCES
from ..translation import tr

_FIGURES = RESOURCES / "help"
_ICONS = RESOURCES / "icons"
_IMAGE = '<img src="{}"><br>'


class DescribedAlgorithm(QgsProcessingAlgorithm):
    """An algorithm that is described by its class.

    A subclass sets the texts below, those to be read by people as ``translatable``, and says in
    ``declare_parameters`` and ``declare_outputs`` what goes in and out. ``resources/help`` has a
    figure under its name, ``docs/algorithms`` a page.
    """

    NAME: str
    TITLE: str
    SUMMARY: str
    DESCRIPTION: str
    GROUP: str
    TAGS: tuple[str, ...]
    ICON = "ksdiff.svg"

    def declare_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters, destinations among them, each with its help."""
        raise NotImplementedError

    def declare_outputs(self) -> list[QgsProcessingOutputDefinition]:
        """Return the outputs beside the files."""
        raise NotImplementedError

    def createInstance(self) -> DescribedAlgorithm:
        return type(self)()

    def name(self) -> str:
        return self.NAME

    def displayName(self) -> str:
        return tr(self.TITLE)

    def shortDescription(self) -> str:
        return tr(self.SUMMARY)

    def group(self) -> str:
        return tr(self.GROUP)

    def groupId(self) -> str:
        return self.GROUP.lower()

    def tags(self) -> list[str]:
        return list(self.TAGS)

    def icon(self) -> QIcon:
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        return str(_ICONS / self.ICON)

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        for parameter in self.declare_parameters():
            self.addParameter(parameter)
        for output in self.declare_outputs():
            self.addOutput(output)

    def helpUrl(self) -> str:
        page = f"algorithms/{self.name()}"
        return self.provider().documentation(page) if self.provider() else ""

    def shortHelpString(self) -> str:
        """Return the help: in the desktop HTML with that of the parameters, elsewhere plain text.

        qgis_process lists the help of the parameters itself.
        """
        if QgsApplication.platform() != "desktop":
            return "\n\n".join((tr(self.DESCRIPTION), *self._example_of_a_choice()))
        helps = {p.name(): p.help() for p in self.parameterDefinitions()}
        return help_page(self, tr(self.DESCRIPTION), helps)

    def _example_of_a_choice(self) -> list[str]:
        """Return how to give a choice to qgis_process, whose list of them speaks of numbers."""
        choices = [
            p for p in self.parameterDefinitions() if isinstance(p, QgsProcessingParameterEnum)
        ]
        choices.sort(key=lambda parameter: bool(parameter.flags() & ADVANCED))
        return [
            tr(
                "Choices are given by name, e.g. {name}={value}.",
                name=p.name(),
                value=p.options()[-1],
            )
            for p in choices[:1]
        ]


def help_page(algorithm: QgsProcessingAlgorithm, text: str, helps: dict[str, str]) -> str:
    """Return the help for the desktop, as HTML with the algorithm's figure.

    text: paragraphs, an empty line between them. helps: as QGIS has them, by parameter.
    """
    described = text.replace("\n\n", "<br><br>")
    figure = figure_of(algorithm.name())
    if figure is not None:
        described = _IMAGE.format(QUrl.fromLocalFile(str(figure)).toString()) + described
    return QgsProcessingUtils.formatHelpMapAsHtml({**helps, "ALG_DESC": described}, algorithm)


def figure_of(name: str) -> Path | None:
    """Return the figure in the help of an algorithm, or of a model; None where there is none."""
    figure = _FIGURES / f"{name}.png"
    return figure if figure.is_file() else None
