"""The result in the project: style, place, metadata, with the fake worker and no window."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from tests.qgis.conftest import write_raster

ORDER = ("red", "green", "blue")


@pytest.fixture
def project(qgis):
    from qgis.core import QgsProject

    project = QgsProject()
    yield project
    project.clear()


def add(project, path, name, *, group=None, position=0):
    from qgis.core import QgsRasterLayer

    layer = QgsRasterLayer(path, name)
    assert layer.isValid()
    project.addMapLayer(layer, False)
    (group or project.layerTreeRoot()).insertLayer(position, layer)
    return layer


def stretch(layer, bands):
    """Show three bands, each with a stretch of its own."""
    from qgis.core import QgsContrastEnhancement, QgsMultiBandColorRenderer

    renderer = QgsMultiBandColorRenderer(layer.dataProvider(), *bands)
    for number, colour in enumerate(ORDER):
        enhancement = QgsContrastEnhancement(layer.dataProvider().dataType(1))
        algorithm = QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum
        enhancement.setContrastEnhancementAlgorithm(algorithm)
        enhancement.setMinimumValue(100.0 * number)
        enhancement.setMaximumValue(1000.0 + 100.0 * number)
        getattr(renderer, f"set{colour.title()}ContrastEnhancement")(enhancement)
    layer.setRenderer(renderer)
    layer.brightnessFilter().setGamma(1.5)


def stretch_of(layer):
    renderer = layer.renderer()
    enhancements = [getattr(renderer, f"{colour}ContrastEnhancement")() for colour in ORDER]
    return [(e.minimumValue(), e.maximumValue()) for e in enhancements]


def bands_of(layer):
    renderer = layer.renderer()
    return renderer.redBand(), renderer.greenBand(), renderer.blueBand()


def sharpen(project, scene, **others):
    """Run as the dialog does, with the result loaded; return its layer."""
    import processing
    from processing.gui.Postprocessing import handleAlgorithmResults
    from qgis.core import QgsProcessingContext, QgsProcessingOutputLayerDefinition

    def load(algorithm, context, feedback):
        gc.collect()  # the algorithm's own copies are gone by now
        assert handleAlgorithmResults(algorithm, context, feedback, False)

    context = QgsProcessingContext()
    context.setProject(project)
    output = str(scene.folder / "result.tif")
    destination = QgsProcessingOutputLayerDefinition(output, project)
    parameters = scene.parameters(**{"OUTPUT": destination, **others})
    processing.run("ksdiff:pansharpen", parameters, onFinish=load, context=context)
    return next(layer for layer in project.mapLayers().values() if layer.source() == output)


@pytest.fixture
def good_worker(provider, fake_worker):
    fake_worker("good")


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [("", (4, 3, 2)), ("2,3,4", (3, 2, 1)), ("4,1,3,2", (1, 3, 4))],
)
def test_the_result_has_the_style_of_ms(project, scene, good_worker, chosen, shown):
    add(project, scene.pan, "sharp")
    ms = add(project, scene.ms, "color")
    stretch(ms, (4, 3, 2))
    result = sharpen(project, scene, BANDS=chosen)
    assert bands_of(result) == shown
    assert stretch_of(result) == stretch_of(ms) == [(0, 1000), (100, 1100), (200, 1200)]
    assert result.brightnessFilter().gamma() == 1.5
    assert bands_of(ms) == (4, 3, 2)


def test_without_the_bands_that_ms_shows_qgis_chooses(project, scene, good_worker):
    stretch(add(project, scene.ms, "color"), (4, 3, 2))
    result = sharpen(project, scene, BANDS="1,2,3")
    assert bands_of(result) == (1, 2, 3)
    assert stretch_of(result) != [(0, 1000), (100, 1100), (200, 1200)]


def test_a_single_band_keeps_its_grey(project, scene, good_worker):
    from qgis.core import QgsSingleBandGrayRenderer

    ms = add(project, scene.ms, "color")
    ms.setRenderer(QgsSingleBandGrayRenderer(ms.dataProvider(), 3))
    result = sharpen(project, scene, BANDS="1,3")
    assert isinstance(result.renderer(), QgsSingleBandGrayRenderer)
    assert result.renderer().usesBands() == [2]


def test_classes_of_a_palette_are_not_carried_over(project, scene, good_worker):
    from qgis.core import QgsPalettedRasterRenderer

    ms = add(project, scene.ms, "color")
    ms.setRenderer(QgsPalettedRasterRenderer(ms.dataProvider(), 1, []))
    assert not isinstance(sharpen(project, scene).renderer(), QgsPalettedRasterRenderer)


def test_band_files_are_shown_in_natural_colour(project, scene, good_worker):
    """The fake worker's sensor has blue, green, red and more."""
    for path in scene.bands:
        add(project, path, Path(path).stem)
    result = sharpen(project, scene, MS=list(scene.bands))
    assert bands_of(result) == (3, 2, 1)
    for low, high in stretch_of(result):
        assert 300 < low < high < 2000  # of the scene, not of the data type


def test_band_files_without_natural_colour_leave_the_style_to_qgis(project, scene, good_worker):
    result = sharpen(project, scene, MS=list(scene.bands[:2]))
    assert result.renderer().usesBands() == [1, 2]


def tree(group):
    """Return the tree as nested lists of names."""
    from qgis.core import QgsLayerTreeGroup

    return [
        [child.name(), *tree(child)] if isinstance(child, QgsLayerTreeGroup) else child.name()
        for child in group.children()
    ]


def test_the_result_lies_above_its_inputs_in_their_group(project, scene, good_worker):
    root = project.layerTreeRoot()
    other = write_raster(scene.folder / "other.tif", np.ones((1, 4, 4)), 5)
    add(project, other, "top")
    group = root.addGroup("scene")
    for position, (path, name) in enumerate(
        [(other, "first"), (scene.pan, "sharp"), (scene.ms, "color")]
    ):
        add(project, path, name, group=group, position=position)
    result = sharpen(project, scene)
    assert tree(root) == ["top", ["scene", "first", "ms pansharpened", "sharp", "color"]]
    assert project.mapLayer(result.id()) is result


def test_the_result_lies_above_what_a_product_has_beside_its_bands(project, scene, good_worker):
    bands = [Path(path) for path in scene.bands]
    files = [band.rename(band.with_name(f"site_B{n}.tif")) for n, band in enumerate(bands, 2)]
    add(project, scene.pan, "site_B8")
    for file in files:
        add(project, str(file), file.stem)
    other = write_raster(scene.folder / "other.tif", np.ones((1, 4, 4)), 5)
    for name in ("site_B9", "site_QA_PIXEL", "another site", "site_B1"):
        add(project, other, name)
    sharpen(project, scene, MS=[str(file) for file in files])
    assert tree(project.layerTreeRoot())[:5] == [
        *("site_B1", "another site", "site pansharpened", "site_QA_PIXEL", "site_B9")
    ]


def test_inputs_that_are_no_layers_leave_it_where_it_is(project, scene, good_worker):
    result = sharpen(project, scene)
    assert tree(project.layerTreeRoot()) == [result.name()]


def test_what_the_user_set_up_in_processing_stays(project, scene, good_worker, monkeypatch):
    from processing.core.ProcessingConfig import ProcessingConfig
    from processing.gui.RenderingStyles import RenderingStyles

    stretch(add(project, scene.ms, "color"), (4, 3, 2))
    add(project, scene.pan, "sharp")
    own = str(scene.folder / "own.qml")
    project.mapLayersByName("sharp")[0].saveNamedStyle(own)
    monkeypatch.setitem(RenderingStyles.styles, "ksdiff:pansharpen", {"OUTPUT": own})
    setting = ProcessingConfig.settings[ProcessingConfig.RESULTS_GROUP_NAME]
    monkeypatch.setattr(setting, "value", "results")
    result = sharpen(project, scene)
    assert result.renderer().usesBands() == [1]
    assert tree(project.layerTreeRoot())[0] == ["results", result.name()]


def test_metadata_tell_how_it_was_made(project, scene, good_worker):
    result = sharpen(project, scene, BANDS="3,1", SEED=7)
    metadata = result.metadata()
    assert metadata.title() == "ms pansharpened"
    assert "Pansharpen (KSDiff)" in metadata.abstract()
    history = metadata.history()
    assert "Pansharpen (KSDiff)" in history[0]
    for line in (f"PAN: {scene.pan}", f"MS: {scene.ms}, bands 3, 1", "Weights: auto", "Seed: 7"):
        assert line in history
    assert f"SHA-256 of the weights: {'0' * 64}" in history
    assert f"PAN: {scene.pan}" in result.htmlMetadata()


def test_layer_notes_tell_it_too(project, scene, good_worker):
    from qgis.core import QgsLayerNotesUtils

    notes = QgsLayerNotesUtils.layerNotes(sharpen(project, scene))
    for told in ("Pansharpen (KSDiff)", f"PAN: {scene.pan}<br>", "Weights: auto"):
        assert told in notes


def test_a_run_in_a_thread_loads_its_result(project, scene, good_worker, feedback):
    """As the dialog runs it: prepared here, processed in a thread, the result loaded here."""
    from processing.gui.Postprocessing import handleAlgorithmResults
    from qgis.core import (
        QgsApplication,
        QgsProcessingAlgRunnerTask,
        QgsProcessingContext,
        QgsProcessingOutputLayerDefinition,
    )
    from qgis.PyQt.QtCore import QEventLoop

    stretch(add(project, scene.ms, "color"), (4, 3, 2))
    context = QgsProcessingContext()
    context.setProject(project)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("ksdiff:pansharpen")
    output = QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project)
    parameters = scene.parameters(OUTPUT=output)
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    loop = QEventLoop()
    task.executed.connect(
        lambda *_: (handleAlgorithmResults(algorithm, context, feedback, False), loop.quit())
    )
    QgsApplication.taskManager().addTask(task)
    loop.exec()
    assert tree(project.layerTreeRoot()) == ["ms pansharpened", "color"]
    assert bands_of(project.mapLayersByName("ms pansharpened")[0]) == (4, 3, 2)


def test_nothing_is_kept_once_the_layer_is_loaded(project, scene, good_worker):
    from ksdiff_qgis import result_layer

    before = set(result_layer._waiting)
    sharpen(project, scene)
    assert result_layer._waiting == before


def test_a_run_that_loads_nothing_keeps_nothing(scene, good_worker, feedback):
    import processing

    from ksdiff_qgis import result_layer

    before = set(result_layer._waiting)
    processing.run("ksdiff:pansharpen", scene.parameters(), feedback=feedback)
    assert result_layer._waiting == before
