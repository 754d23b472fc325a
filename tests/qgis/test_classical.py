"""``ksdiff:classicalpansharpen`` and ``ksdiff:degrade`` with the true engine."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest
from osgeo import gdal

from tests.qgis.conftest import check, create


def run(name, parameters, feedback, context=None):
    import processing

    return processing.run(f"ksdiff:{name}", parameters, feedback=feedback, context=context)


def reduced(scene, **others):
    """Return parameters of ``ksdiff:degrade`` for the scene."""
    outputs = {f"OUTPUT_{n}": str(scene.folder / f"{n}_reduced.tif") for n in ("PAN", "MS")}
    return {"PAN": scene.pan, "MS": [scene.ms], **outputs, **others}


def test_the_same_parameters_as_pansharpen_but_for_the_method(provider):
    def names(name):
        algorithm = create(name)
        return [p.name() for p in algorithm.parameterDefinitions()]

    network = ("WEIGHTS", "DEVICE", "WEIGHTS_FILE", "PRIOR_SCOPE", "SEED")
    shared = [name for name in names("pansharpen") if name not in network]
    assert [name for name in names("classicalpansharpen") if name != "METHOD"] == shared


def test_the_methods_are_those_of_the_engine(provider):
    from ksdiff_engine.classical import METHODS

    algorithm = create("classicalpansharpen")
    method = algorithm.parameterDefinition("METHOD")
    assert method.usesStaticStrings()
    assert method.options() == list(METHODS)
    assert method.defaultValue() in METHODS


def test_sharpens_without_torch(scene, provider, python_without_torch, feedback):
    assert not create("pansharpen").canExecute()[0]
    assert create("classicalpansharpen").canExecute() == (True, "")
    output = str(scene.folder / "sharp.tif")
    results = run("classicalpansharpen", scene.parameters(METHOD="gsa", OUTPUT=output), feedback)
    assert (results["WIDTH"], results["HEIGHT"], results["BAND_COUNT"]) == (96, 80, 4)
    assert results["RATIO"] == pytest.approx(4.0)
    sharp = gdal.Open(output)
    assert sharp.GetMetadataItem("KSDIFF_METHOD") == "gsa"
    # Every band is a multiple of PAN in this scene, which GSA finds.
    gains = sharp.ReadAsArray().mean(axis=(1, 2)) / gdal.Open(scene.pan).ReadAsArray().mean()
    np.testing.assert_allclose(gains, (0.8, 1.0, 1.1, 1.6), rtol=0.01)


def test_corrects_a_shift(provider, worker_python, feedback, tmp_path):
    from ksdiff_qgis._paths import RESOURCES

    sample = RESOURCES / "sample"
    moved = gdal.Translate(str(tmp_path / "ms.tif"), str(sample / "ms.tif"))
    left, pixel, _, top, _, _ = moved.GetGeoTransform()
    moved.SetGeoTransform((left + 21.0, pixel, 0.0, top + 30.0, 0.0, -pixel))  # 1.4 and -2 PAN
    moved = None
    files = {"PAN": str(sample / "pan.tif"), "MS": [str(tmp_path / "ms.tif")]}
    output = str(tmp_path / "sharp.tif")
    values = {**files, "METHOD": "exp", "REGISTER": "correct", "OUTPUT": output}
    results = run("classicalpansharpen", values, feedback)
    assert (results["SHIFT_X"], results["SHIFT_Y"]) == pytest.approx((-1.4, 2.0), abs=0.1)
    assert results["SHIFT_CONFIDENCE"] > 0.9
    assert gdal.Open(output).GetMetadataItem("KSDIFF_SHIFT")
    assert "MS was moved accordingly" in feedback.textLog()


def test_refuses_a_method_that_there_is_none(scene, provider):
    good, said = check(create("classicalpansharpen"), scene.parameters(METHOD="sharpest"))
    assert not good
    assert "METHOD" in said


@pytest.mark.parametrize("name", ["classicalpansharpen", "degrade"])
def test_pan_and_ms_are_checked_before_the_run(scene, provider, name):
    values = {**reduced(scene), "OUTPUT": str(scene.folder / "sharp.tif")}
    assert check(create(name), values) == (True, "")
    good, said = check(create(name), {**values, "PAN": scene.bands[0], "MS": [scene.pan]})
    assert not good
    assert "swapped" in said


def test_degrades_by_the_ratio(scene, provider, python_without_torch, feedback):
    reference = str(scene.folder / "reference.tif")
    results = run("degrade", reduced(scene, OUTPUT_REFERENCE=reference), feedback)
    assert (results["WIDTH"], results["HEIGHT"], results["RATIO"]) == (24, 20, 4.0)
    assert (results["MS_WIDTH"], results["MS_HEIGHT"], results["BAND_COUNT"]) == (6, 5, 4)
    assert results["VALID_FRACTION"] == 1.0
    pan, ms = gdal.Open(results["OUTPUT_PAN"]), gdal.Open(results["OUTPUT_MS"])
    assert (pan.RasterXSize, pan.RasterYSize, pan.RasterCount) == (24, 20, 1)
    assert (ms.RasterXSize, ms.RasterYSize, ms.RasterCount) == (6, 5, 4)
    assert (pan.GetGeoTransform()[1], ms.GetGeoTransform()[1]) == (20.0, 80.0)
    original = gdal.Open(scene.ms).ReadAsArray()
    np.testing.assert_array_equal(gdal.Open(reference).ReadAsArray(), original)


def test_a_reference_is_written_only_when_wanted(scene, provider, worker_python, feedback):
    results = run("degrade", reduced(scene), feedback)
    assert "OUTPUT_REFERENCE" not in results
    written = {path.name for path in scene.folder.glob("*_reduced.tif")}
    assert written == {"PAN_reduced.tif", "MS_reduced.tif"}


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"OUTPUT_MS": "reduced.vrt"}, ".vrt. files are not supported"),
        ({"OUTPUT_PAN": "/no/such/pan.tif"}, "OUTPUT_PAN: the folder /no/such does not exist"),
        ({"OUTPUT_MS": "same.tif", "OUTPUT_PAN": "same.tif"}, "Two outputs have the same name"),
    ],
)
def test_refuses_outputs_that_cannot_be_written(scene, provider, others, message):
    good, said = check(create("degrade"), reduced(scene, **others))
    assert not good
    assert re.search(message, said), said


def test_the_layers_have_telling_names(scene, provider, worker_python, feedback):
    from qgis.core import QgsProcessingContext, QgsProcessingOutputLayerDefinition, QgsProject

    context, project = QgsProcessingContext(), QgsProject()
    context.setProject(project)
    temporary = {
        name: QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project)
        for name in ("OUTPUT_PAN", "OUTPUT_MS")
    }
    results = run("degrade", reduced(scene, **temporary), feedback, context)
    names = {d.name for d in context.layersToLoadOnCompletion().values()}
    assert names == {"pan reduced", "ms reduced"}
    assert os.path.isfile(results["OUTPUT_PAN"])
