"""``ksdiff:pansharpen`` in Processing, with a fake worker: parameters, checks, jobs, chains."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal

from tests.qgis.conftest import check, make_scene, model_outputs, write_raster

PAN_BANDS = np.full((3, 80, 96), 100)


def job_of(algorithm, parameters):
    """Return the job that the algorithm would send for the parameters."""
    from qgis.core import QgsProcessingContext

    return algorithm.job(parameters, QgsProcessingContext(), {"OUTPUT": parameters["OUTPUT"]})


def run(parameters, feedback, context=None):
    import processing

    return processing.run("ksdiff:pansharpen", parameters, feedback=feedback, context=context)


# Parameters and help.


def test_is_registered_under_a_fixed_name(provider):
    assert provider.id() == "ksdiff"
    assert {(a.id(), a.group(), a.groupId()) for a in provider.algorithms()} == {
        ("ksdiff:pansharpen", "Pansharpening", "pansharpening"),
        ("ksdiff:classicalpansharpen", "Pansharpening", "pansharpening"),
        ("ksdiff:pansharpenfolder", "Pansharpening", "pansharpening"),
        ("ksdiff:adaptweights", "Pansharpening", "pansharpening"),
        ("ksdiff:assesswithoutreference", "Quality", "quality"),
        ("ksdiff:assessagainstreference", "Quality", "quality"),
        ("ksdiff:degrade", "Quality", "quality"),
        ("ksdiff:comparemethods", "Quality", "quality"),
        ("ksdiff:setupengine", "Engine", "engine"),
        ("ksdiff:landsatndvi", "Examples", "examples"),
        ("ksdiff:keepifbetter", "Examples", "examples"),
        ("ksdiff:foldermosaic", "Examples", "examples"),
    }
    assert not provider.icon().isNull()
    assert os.path.isfile(provider.svgIconPath())
    assert provider.versionInfo()


def test_parameters_are_a_contract(algorithm):
    from ksdiff_qgis._compat import ADVANCED

    parameters = {p.name(): p for p in algorithm.parameterDefinitions()}
    assert list(parameters) == [
        *("PAN", "MS", "BANDS", "PAN_BAND", "SENSOR"),
        *("WEIGHTS", "DEVICE", "WEIGHTS_FILE", "PRIOR_SCOPE", "SEED"),
        *("REGISTER", "TILE", "OUTPUT_TYPE", "CREATION_OPTIONS", "PYRAMIDS", "OUTPUT"),
    ]
    shown = {"PAN", "MS", "BANDS", "WEIGHTS", "DEVICE", "OUTPUT"}
    assert shown == {n for n, p in parameters.items() if not p.flags() & ADVANCED}
    for name in ("WEIGHTS", "DEVICE", "PRIOR_SCOPE", "SENSOR", "REGISTER", "OUTPUT_TYPE"):
        assert parameters[name].usesStaticStrings()
        assert parameters[name].defaultValue() == parameters[name].options()[0]
    assert [output.name() for output in algorithm.outputDefinitions()] == [
        *("OUTPUT", "WIDTH", "HEIGHT", "BAND_COUNT", "RATIO", "VALID_FRACTION", "SECONDS"),
        *("SHIFT_X", "SHIFT_Y", "SHIFT_CONFIDENCE"),
        *("WEIGHTS_USED", "DEVICE_USED"),
    ]


def test_creation_options_have_gdals_widget(algorithm):
    from qgis.core import Qgis

    metadata = algorithm.parameterDefinition("CREATION_OPTIONS").metadata()
    widget = metadata["widget_wrapper"]
    if Qgis.QGIS_VERSION_INT < 34000:
        from processing.algs.gdal.ui.RasterOptionsWidget import RasterOptionsWidgetWrapper

        assert widget["class"].endswith(f".{RasterOptionsWidgetWrapper.__name__}")
    else:
        assert widget == {"widget_type": "rasteroptions"}


def test_the_defaults_are_those_of_the_job(algorithm, scene):
    from ksdiff_engine.job import PansharpenJob

    job = job_of(algorithm, scene.parameters())
    # The profile's folder of weights counts as soon as it exists, which is not up to the defaults.
    given = {"output": job.output, "weights_folders": job.weights_folders}
    assert job == PansharpenJob(pan=scene.pan, ms=(scene.ms,), **given)


def test_every_parameter_reaches_the_job(algorithm, scene):
    parameters = scene.parameters(
        MS=list(scene.bands),
        BANDS="4,3,2",
        DEVICE="cpu",
        PRIOR_SCOPE="tile",
        SENSOR="worldview-3",
        SEED=7,
        REGISTER="correct",
        TILE=256,
        OUTPUT_TYPE="Float32",
        CREATION_OPTIONS="COMPRESS=DEFLATE|PREDICTOR=3",
        PYRAMIDS=True,
    )
    job = job_of(algorithm, parameters)
    assert job.ms == scene.bands
    assert job.bands == (4, 3, 2)
    assert (job.device, job.prior_scope, job.sensor) == ("cpu", "tile", "worldview-3")
    assert (job.seed, job.tile, job.output_type) == (7, 256, "Float32")
    assert (job.register, job.pyramids) == ("correct", True)
    assert job.creation_options == ("COMPRESS=DEFLATE", "PREDICTOR=3")


@pytest.mark.parametrize("bands", ["4,3,2", "4 3 2", " 4, 3,2 ", [4, 3, 2], ["4", "3", "2"]])
def test_bands_may_be_text_or_a_list(algorithm, scene, bands):
    assert job_of(algorithm, scene.parameters(BANDS=bands)).bands == (4, 3, 2)


def test_layers_become_paths_without_qgis_options(algorithm, scene):
    from qgis.core import QgsRasterLayer

    layer = QgsRasterLayer(scene.pan + "|option:NUM_THREADS=1", "pan")
    assert layer.isValid()
    assert job_of(algorithm, scene.parameters(PAN=layer)).pan == scene.pan


def test_relative_paths_become_absolute(algorithm, scene, monkeypatch):
    monkeypatch.chdir(scene.folder)
    job = job_of(algorithm, {"PAN": "pan.tif", "MS": ["ms.tif"], "OUTPUT": "out.tif"})
    assert (job.pan, job.ms) == (scene.pan, (scene.ms,))


# What is refused before the run.


def test_what_fits_is_not_refused(algorithm, scene):
    assert check(algorithm, scene.parameters()) == (True, "")
    for output in ("TEMPORARY_OUTPUT", "sharp.tiff", "sharp.img"):
        assert check(algorithm, scene.parameters(OUTPUT=output)) == (True, "")


def test_another_crs_is_not_refused(algorithm, scene):
    warped = str(scene.folder / "geographic.tif")
    gdal.Warp(warped, scene.ms, dstSRS="EPSG:4326")
    assert check(algorithm, scene.parameters(MS=[warped])) == (True, "")


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"BANDS": "5"}, "Band 5 .* the bands 1 to 4"),
        ({"BANDS": "0"}, "Band 0 .* the bands 1 to 4"),
        ({"BANDS": "red"}, "'red' is not a list of band numbers"),
        ({"BANDS": "2,2"}, "Band 2 was given 2 times"),
        ({"TILE": 16}, "tile of 16 pixels is too small"),
        ({"CREATION_OPTIONS": "COMPRESS"}, "'COMPRESS' is not KEY=VALUE"),
        ({"DEVICE": "tpu"}, "DEVICE"),
        ({"WEIGHTS": "none-such"}, "WEIGHTS"),
        ({"OUTPUT": "result.vrt"}, ".vrt. files are not supported"),
        ({"PAN_BAND": 2}, "band 2 was asked for; 'pan' has 1"),
        ({"WEIGHTS_FILE": "/no/such.safetensors"}, "/no/such.safetensors"),
    ],
)
def test_refuses_values_that_cannot_work(algorithm, scene, others, message):
    good, said = check(algorithm, scene.parameters(**others))
    assert not good
    assert re.search(message, said), said


def test_refuses_a_pan_with_several_bands_unless_one_is_named(algorithm, scene):
    pan = write_raster(scene.folder / "rgb.tif", PAN_BANDS, 5)
    good, said = check(algorithm, scene.parameters(PAN=pan))
    assert not good
    assert "'rgb' has 3 bands" in said
    assert "PAN_BAND" in said
    parameters = scene.parameters(PAN=pan, PAN_BAND=2)
    assert check(algorithm, parameters) == (True, "")
    assert job_of(algorithm, parameters).pan_band == 2


def test_alpha_is_not_a_band(algorithm, scene):
    pan = write_raster(scene.folder / "grey_alpha.tif", PAN_BANDS[:2], 5)
    ms = write_raster(scene.folder / "ms_alpha.tif", PAN_BANDS[:, ::4, ::4], 20)
    for path, number in ((pan, 2), (ms, 3)):
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.GetRasterBand(number).SetColorInterpretation(gdal.GCI_AlphaBand)
        del dataset
    assert check(algorithm, scene.parameters(PAN=pan, MS=[ms])) == (True, "")
    good, said = check(algorithm, scene.parameters(PAN=pan, MS=[ms], BANDS="3"))
    assert not good
    assert "the bands 1 to 2" in said


def test_refuses_a_crs_on_one_side_only(algorithm, scene):
    for role in ("pan", "ms"):
        bare = write_raster(scene.folder / f"bare_{role}.tif", PAN_BANDS[:1], 5, epsg=None)
        value = bare if role == "pan" else [bare]
        good, said = check(algorithm, scene.parameters(**{role.upper(): value}))
        assert not good
        assert f"'bare_{role}' has no CRS" in said


def test_refuses_rasters_that_do_not_overlap(algorithm, scene):
    away = write_raster(scene.folder / "away.tif", PAN_BANDS[:1], 20, east=600000.0)
    good, said = check(algorithm, scene.parameters(MS=[away]))
    assert not good
    assert "'pan' and MS 'away' do not overlap" in said


def test_refuses_a_pan_coarser_than_ms(algorithm, scene):
    good, said = check(algorithm, scene.parameters(PAN=scene.bands[0], MS=[scene.pan]))
    assert not good
    assert "(4.00 MS pixels per PAN pixel)" in said
    assert "swapped" in said


def test_refuses_a_missing_file_among_the_bands(algorithm, scene):
    missing = str(scene.folder / "missing.tif")
    assert not check(algorithm, scene.parameters(MS=[*scene.bands[:2], missing]))[0]


def test_refuses_layers_that_are_no_files(algorithm, scene):
    from qgis.core import QgsRasterLayer, QgsVectorLayer

    tiles = QgsRasterLayer("type=xyz&url=http://localhost/{z}/{x}/{y}.png", "tiles", "wms")
    assert tiles.isValid()
    good, said = check(algorithm, scene.parameters(PAN=tiles))
    assert not good
    assert "'tiles' comes from the provider 'wms'" in said
    points = QgsVectorLayer("Point", "points", "memory")
    assert not check(algorithm, scene.parameters(MS=[points]))[0]


# Runs.


def test_runs_twice_in_a_row(scene, provider, fake_worker, feedback):
    fake_worker("good")
    for name in ("first", "second"):
        output = str(scene.folder / f"{name}.tif")
        results = run(scene.parameters(OUTPUT=output, BANDS="3,1"), feedback)
        assert results["OUTPUT"] == output
        assert (results["WIDTH"], results["HEIGHT"], results["BAND_COUNT"]) == (96, 80, 2)
        assert results["RATIO"] == 4.0
        assert results["WEIGHTS_USED"] == "auto"
        assert results["DEVICE_USED"] == "cpu"
        assert gdal.Open(output).RasterCount == 2
    assert "Weights: auto (made up)" in feedback.textLog()


def test_runs_in_a_thread_with_layers_of_the_project(scene, provider, fake_worker, feedback):
    """As the dialog does it: prepared on the main thread, run as a task, layers given by name."""
    from qgis.core import (
        QgsApplication,
        QgsProcessingAlgRunnerTask,
        QgsProcessingContext,
        QgsProject,
        QgsRasterLayer,
    )
    from qgis.PyQt.QtCore import QEventLoop

    fake_worker("good")
    project = QgsProject()
    project.addMapLayers([QgsRasterLayer(scene.pan, "sharp"), QgsRasterLayer(scene.ms, "color")])
    context = QgsProcessingContext()
    context.setProject(project)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("ksdiff:pansharpen")
    parameters = scene.parameters(PAN="sharp", MS=["color"])
    outcome = []
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    loop = QEventLoop()
    task.executed.connect(lambda *values: (outcome.append(values), loop.quit()))
    QgsApplication.taskManager().addTask(task)
    loop.exec()
    assert outcome[0][0], feedback.textLog()
    assert outcome[0][1]["WIDTH"] == 96


def test_the_layer_has_a_telling_name_unless_it_was_named(scene, provider, fake_worker, feedback):
    from qgis.core import QgsProcessingContext, QgsProcessingOutputLayerDefinition, QgsProject

    fake_worker("good")
    for given, expected in (("", "ms pansharpened"), ("mine", "mine")):
        context = QgsProcessingContext()
        project = QgsProject()
        context.setProject(project)
        output = QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project)
        output.destinationName = given
        run(scene.parameters(OUTPUT=output), feedback, context)
        assert [d.name for d in context.layersToLoadOnCompletion().values()] == [expected]


def test_a_failure_is_an_exception_with_message_and_hint(scene, provider, fake_worker, feedback):
    from qgis.core import QgsProcessingException

    fake_worker("error")
    with pytest.raises(QgsProcessingException, match=r"No weights fit 5 bands\. Choose others\."):
        run(scene.parameters(), feedback)


def test_a_killed_worker_leaves_nothing_behind(scene, provider, fake_worker, feedback):
    from qgis.core import QgsProcessingException

    fake_worker("killed")
    before = sorted(scene.folder.iterdir())
    with pytest.raises(QgsProcessingException, match="memory ran out"):
        run(scene.parameters(), feedback)
    assert sorted(scene.folder.iterdir()) == before


def test_cancel_ends_the_run(scene, provider, fake_worker, feedback):
    import threading

    from qgis.core import QgsProcessingException

    fake_worker("obedient")
    threading.Timer(1.0, feedback.cancel).start()
    with pytest.raises(QgsProcessingException, match="cancelled; no output was written"):
        run(scene.parameters(), feedback)


def chain() -> Any:
    """Return a model: translate MS, pansharpen it, then look at the result."""
    from qgis.core import (
        QgsProcessingModelAlgorithm,
        QgsProcessingModelChildAlgorithm,
        QgsProcessingModelChildParameterSource,
        QgsProcessingModelOutput,
        QgsProcessingModelParameter,
        QgsProcessingParameterRasterLayer,
    )

    source = QgsProcessingModelChildParameterSource
    model = QgsProcessingModelAlgorithm("chain", "tests")
    for name in ("PAN", "MS"):
        model.addModelParameter(
            QgsProcessingParameterRasterLayer(name, name), QgsProcessingModelParameter(name)
        )

    def child(name: str, algorithm: str, **sources) -> QgsProcessingModelChildAlgorithm:
        added = QgsProcessingModelChildAlgorithm(algorithm)
        added.setChildId(name)
        added.setDescription(name)
        for key, value in sources.items():
            added.addParameterSources(key, [value])
        return added

    model.addChildAlgorithm(
        child("before", "gdal:translate", INPUT=source.fromModelParameter("MS"))
    )
    sharpen = child(
        "sharpen",
        "ksdiff:pansharpen",
        PAN=source.fromModelParameter("PAN"),
        MS=source.fromChildOutput("before", "OUTPUT"),
        DEVICE=source.fromStaticValue("cpu"),
    )
    output = QgsProcessingModelOutput("sharp", "sharp")
    output.setChildId("sharpen")
    output.setChildOutputName("OUTPUT")
    sharpen.setModelOutputs({"sharp": output})
    model.addChildAlgorithm(sharpen)
    after = child(
        "after",
        "gdal:translate",
        INPUT=source.fromChildOutput("sharpen", "OUTPUT"),
        NODATA=source.fromChildOutput("sharpen", "WIDTH"),
    )
    final = QgsProcessingModelOutput("final", "final")
    final.setChildId("after")
    final.setChildOutputName("OUTPUT")
    after.setModelOutputs({"final": final})
    model.addChildAlgorithm(after)
    return model


def run_chain(scene, feedback):
    import processing
    from qgis.core import QgsProcessingModelAlgorithm

    file = str(scene.folder / "chain.model3")
    assert chain().toFile(file)
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(file)
    model.initAlgorithm()
    final, sharp = scene.folder / "final.tif", scene.folder / "sharp.tif"
    outputs = model_outputs(model, final=final, sharp=sharp)
    processing.run(model, {"PAN": scene.pan, "MS": scene.ms, **outputs}, feedback=feedback)
    return str(sharp), str(final)


def test_runs_inside_a_model(provider, fake_worker, feedback, tmp_path):
    fake_worker("good")
    sharp, final = run_chain(make_scene(tmp_path / "été 2026"), feedback)
    assert gdal.Open(sharp).RasterXSize == 96
    result = gdal.Open(final)
    assert result.GetRasterBand(1).GetNoDataValue() == 96  # the number that pansharpen handed on


# Loading.


def test_import_needs_neither_numpy_nor_torch_and_no_window():
    """Blocks numpy and torch, imports the plugin and declares all parameters, in a new process."""
    program = (
        "import sys\n"
        "for name in ('numpy', 'torch', 'scipy', 'safetensors'): sys.modules[name] = None\n"
        "import ksdiff_qgis\n"
        "plugin = ksdiff_qgis.classFactory(None)\n"
        "from ksdiff_qgis.algorithms import ALGORITHMS\n"
        "algorithms = [kind() for kind in ALGORITHMS]\n"
        "for algorithm in algorithms: algorithm.initAlgorithm()\n"
        "plugin.unload()\n"
        "import json; print(json.dumps([all(a.parameterDefinitions() for a in algorithms),"
        " any(m.startswith('ksdiff_engine') for m in sys.modules)]))\n"
    )
    root = Path(__file__).resolve().parents[2]
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=True,
    )
    # Unloading has taken the engine out of the interpreter again.
    assert json.loads(answer.stdout.splitlines()[-1]) == [True, False]
