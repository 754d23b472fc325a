"""The sharpened layer in the project: it looks like its MS, lies beside it, and says how it came.

qgis.core only: models and scripts load layers without a window as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsLayerNotesUtils,
    QgsLayerTreeLayer,
    QgsLayerTreeNode,
    QgsMapLayer,
    QgsMultiBandColorRenderer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProject,
    QgsRasterLayer,
    QgsRasterRenderer,
    QgsReadWriteContext,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtXml import QDomDocument

from ksdiff_engine.errors import InputError
from ksdiff_engine.job import ClassicalJob, PansharpenJob

from ._compat import band_setter
from .engine_texts import in_language
from .rasters import raster_file
from .roles import scene_name
from .translation import tr, translatable

# What the worker's result says about the making, in the words of the layer's history.
_FACTS = {
    "method_title": translatable("Method"),
    "weights": translatable("Weights"),
    "weights_sha256": translatable("SHA-256 of the weights"),
    "seed": translatable("Seed"),
    "device": translatable("Device"),
    "sensor": translatable("Sensor"),
    "ratio": translatable("PAN pixels per MS pixel"),
    "registration": translatable("Registration"),
}


@dataclass(frozen=True)
class Origin:
    """Where a sharpened raster comes from.

    pan, ms: paths, as the engine opens them. bands: of the stacked MS, from 1; empty = all.
    natural_colour: the result's red, green and blue band, from 1; empty where unknown.
    abstract: one sentence. history: one entry a line of the layer's metadata.
    """

    pan: str
    ms: tuple[str, ...]
    bands: tuple[int, ...]
    natural_colour: tuple[int, ...]
    abstract: str
    history: tuple[str, ...]


def origin_of(job: PansharpenJob | ClassicalJob, result: dict[str, Any], maker: str) -> Origin:
    """Return the origin of a job's output; ``result`` is the worker's, ``maker`` who made it."""
    bands = tr(", bands {bands}", bands=", ".join(map(str, job.bands))) if job.bands else ""
    facts = [
        f"{tr(title)}: {in_language(str(result[key]))}"
        for key, title in _FACTS.items()
        if key in result
    ]
    return Origin(
        pan=job.pan,
        ms=job.ms,
        bands=job.bands,
        natural_colour=tuple(result["natural_colour"]),
        abstract=tr(
            "Multispectral raster at the resolution of its panchromatic one, by {maker}.",
            maker=maker,
        ),
        history=(
            tr(
                "{time} sharpened by {maker}",
                time=datetime.now().isoformat(timespec="seconds"),
                maker=maker,
            ),
            f"PAN: {job.pan}",
            f"MS: {', '.join(job.ms)}{bands}",
            *facts,
            *map(in_language, result.get("messages", ())),
        ),
    )


class ResultLayer(QgsProcessingLayerPostProcessorInterface):
    """Presents a result layer once Processing has added it to the project."""

    def __init__(self, origin: Origin, algorithm: str, output: str) -> None:
        super().__init__()
        self._origin = origin
        self._parameter = (algorithm, output)

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        """Describe, style and place the layer; called on the main thread.

        A style or a group that the user has set up in Processing for its results stays.
        """
        # Here, as qgis_process and QGIS's start need neither.
        from processing.core.ProcessingConfig import ProcessingConfig
        from processing.gui.RenderingStyles import RenderingStyles

        _waiting.discard(self)
        _describe(layer, self._origin)
        project = context.project()
        if project is None:
            return
        if not RenderingStyles.getStyle(*self._parameter):
            _style(layer, self._origin, project)
        if not ProcessingConfig.getSetting(ProcessingConfig.RESULTS_GROUP_NAME):
            _place(layer, self._origin, project)


# QGIS keeps a bare pointer until the layer is loaded: in models and batches past the life of the
# algorithm, and without this reference past that of the Python object.
_waiting: set[ResultLayer] = set()


def present(
    details: QgsProcessingContext.LayerDetails, origin: Origin, algorithm: str, output: str
) -> None:
    """Let the layer with these details be presented when it is loaded; any thread may call.

    algorithm, output: the algorithm's id and the name of its destination.
    """
    result_layer = ResultLayer(origin, algorithm, output)
    _waiting.add(result_layer)
    details.setPostProcessor(result_layer)


def _describe(layer: QgsRasterLayer, origin: Origin) -> None:
    metadata = layer.metadata()
    metadata.setTitle(layer.name())
    metadata.setAbstract(origin.abstract)
    metadata.setHistory([*metadata.history(), *origin.history])
    layer.setMetadata(metadata)
    lines = "<br>".join(map(escape, origin.history))
    QgsLayerNotesUtils.setLayerNotes(layer, f"<p>{escape(origin.abstract)}</p><p>{lines}</p>")


def _style(layer: QgsRasterLayer, origin: Origin, project: QgsProject) -> None:
    """Give the layer the style of its MS, if that is one layer whose shown bands it has.

    The result has the radiometry of MS, so that a stretch fits. What was stacked of band files is
    shown in natural colour where the sensor tells it. Otherwise QGIS's own default stays.
    """
    if len(origin.ms) > 1:
        _show_natural_colour(layer, origin.natural_colour)
        return
    source = _layer_of(origin.ms[0], project)
    if source is None or not isinstance(source.renderer(), QgsRasterRenderer):
        return
    shown = source.renderer().clone()
    positions = {band: number for number, band in enumerate(origin.bands, 1)}
    if not _renumber_bands(shown, (lambda band: positions.get(band, 0)) if positions else int):
        return
    document = QDomDocument()
    symbology = QgsMapLayer.StyleCategory.Symbology
    source.exportNamedStyle(document, QgsReadWriteContext(), symbology)
    layer.importNamedStyle(document, symbology)
    layer.setRenderer(shown)
    layer.emitStyleChanged()


def _show_natural_colour(layer: QgsRasterLayer, bands: tuple[int, ...]) -> None:
    """Show three bands as red, green and blue, with the stretch that the user has set for QGIS."""
    if bands:
        layer.setRenderer(QgsMultiBandColorRenderer(layer.dataProvider(), *bands))
        layer.setDefaultContrastEnhancement()
        layer.emitStyleChanged()


def _renumber_bands(renderer: QgsRasterRenderer, number: Callable[[int], int]) -> bool:
    """Let the renderer show the result's bands; False where it shows one that is not there.

    number: from a band of MS to the result's, both from 1; 0 = not in the result.
    """
    if isinstance(renderer, QgsMultiBandColorRenderer):
        red, green, blue = renderer.redBand(), renderer.greenBand(), renderer.blueBand()
        setters = {
            renderer.setRedBand: red,
            renderer.setGreenBand: green,
            renderer.setBlueBand: blue,
        }
    elif isinstance(renderer, (QgsSingleBandGrayRenderer, QgsSingleBandPseudoColorRenderer)):
        setters = {band_setter(renderer): renderer.usesBands()[0]}
    else:
        return False
    # An unset colour has the band -1 and stays unset.
    if not all(number(band) for band in setters.values() if band > 0):
        return False
    for setter, band in setters.items():
        if band > 0:
            setter(number(band))
    renderer.setAlphaBand(-1)  # alpha became nodata or a mask
    return True


def _place(layer: QgsRasterLayer, origin: Origin, project: QgsProject) -> None:
    """Move the layer's node above the topmost of its inputs, in the group of MS.

    What a product has beside its bands would cover the result: it comes above that, too.
    """
    root = project.layerTreeRoot()
    node = root.findLayer(layer.id())
    inputs = [_node_of(path, project) for path in (*origin.ms, origin.pan)]
    beside = next((found for found in inputs if found is not None), None)
    if node is None or beside is None:
        return
    group = beside.parent()
    nodes = [found for found in inputs if found is not None and found.parent() is group]
    children = group.children()
    place = min(children.index(found) for found in nodes)
    while len(origin.ms) > 1 and place > 0 and _is_of_product(children[place - 1], origin.ms[0]):
        place -= 1
    moved = node.clone()
    moved.setExpanded(False)
    group.insertChildNode(place, moved)
    node.parent().removeChildNode(node)


def _is_of_product(node: QgsLayerTreeNode, band_file: str) -> bool:
    """Whether a node is a raster of the product that a band file belongs to, by its name."""
    if not isinstance(node, QgsLayerTreeLayer) or not isinstance(node.layer(), QgsRasterLayer):
        return False
    product = scene_name(Path(band_file).stem)
    return bool(product) and f"{scene_name(node.name())}_".startswith(f"{product}_")


def _node_of(path: str, project: QgsProject) -> QgsLayerTreeLayer | None:
    layer = _layer_of(path, project)
    return project.layerTreeRoot().findLayer(layer.id()) if layer else None


def _layer_of(path: str, project: QgsProject) -> QgsRasterLayer | None:
    """Return the project's first layer of a file, in the order of the layer tree."""
    for node in project.layerTreeRoot().findLayers():
        try:
            if raster_file(node.layer(), "").path == path:
                return node.layer()
        except InputError:
            continue
    return None
