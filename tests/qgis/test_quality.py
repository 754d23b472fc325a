"""The algorithms that measure, with the true engine, on the bundled sample scene."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from tests.qgis.conftest import check, create, model_outputs, write_raster
from tests.qgis.test_classical import run
from tests.qgis.test_qgis_process import QGIS_PROCESS, QgisProcess

SAMPLE = Path(__file__).resolve().parents[2] / "resources" / "sample"
PAIR = {"PAN": str(SAMPLE / "pan.tif"), "MS": [str(SAMPLE / "ms.tif")]}
ASSESSMENTS = ("assesswithoutreference", "assessagainstreference")


@pytest.fixture
def fused(tmp_path) -> str:
    """The sample's MS by cubic resampling on the pixels of PAN: a sharpening without detail."""
    path = str(tmp_path / "cubic.tif")
    west, pixel, _, north, _, _ = gdal.Open(PAIR["PAN"]).GetGeoTransform()
    bounds = (west, north - 320 * pixel, west + 320 * pixel, north)
    gdal.Warp(path, PAIR["MS"][0], outputBounds=bounds, width=320, height=320, resampleAlg="cubic")
    return path


def parameters(name, fused, **others):
    """Return values that the assessment takes: the pair, or MS on PAN's pixels as reference."""
    if name == "assesswithoutreference":
        return {**PAIR, "FUSED": fused, **others}
    return {"REFERENCE": [fused], "FUSED": fused, "RATIO": 2, **others}


def refused(name, values) -> str:
    good, said = check(create(name), values)
    assert not good
    return said


# Outputs and their names.


@pytest.mark.parametrize("name", ASSESSMENTS)
def test_every_figure_is_a_number_named_as_in_the_glossary(provider, name):
    from ksdiff_engine.quality.glossary import MEASURES
    from ksdiff_engine.runners import assess_against_reference, full_resolution

    against = name == "assessagainstreference"
    keys = (assess_against_reference if against else full_resolution).KEYS
    algorithm = create(name)
    assert tuple(algorithm.FIGURES) == keys
    for key in keys:
        output = algorithm.outputDefinition(key.upper())
        info = MEASURES[key]
        assert output.type() == "outputNumber"
        assert output.description().startswith(f"{info.title}: {info.name}")
        best = f"{info.ideal:g} is best" if np.isfinite(info.ideal) else f"{info.better} is better"
        assert f"({best})" in output.description()
        assert not info.unit or f" in {info.unit} " in output.description()


@pytest.mark.parametrize("name", [*ASSESSMENTS, "comparemethods"])
def test_reports_are_optional_and_the_page_is_for_the_results_viewer(provider, name):
    algorithm = create(name)
    types = {o.name(): o.type() for o in algorithm.outputDefinitions()}
    assert types["OUTPUT_HTML"] == "outputHtml"
    assert types["OUTPUT_JSON"] == "outputFile"
    for output in ("OUTPUT_HTML", "OUTPUT_JSON"):
        destination = algorithm.parameterDefinition(output)
        assert destination.createByDefault()
        assert destination.flags() & destination.FlagOptional


@pytest.mark.parametrize("name", [*ASSESSMENTS, "comparemethods", "degrade"])
def test_every_parameter_has_its_help(provider, name):
    algorithm = create(name)
    for parameter in algorithm.parameterDefinitions():
        assert len(parameter.help()) > 10, parameter.name()
    assert algorithm.DESCRIPTION in algorithm.shortHelpString()
    assert "quality" in algorithm.tags() or "wald" in algorithm.tags()


# Without reference.


def test_without_reference(provider, python_without_torch, feedback, fused, tmp_path):
    outputs = {f"OUTPUT_{n}": str(tmp_path / f"report.{n.lower()}") for n in ("JSON", "HTML")}
    results = run("assesswithoutreference", {**PAIR, "FUSED": fused, **outputs}, feedback)
    assert results["HQNR"] == pytest.approx((1 - results["D_LAMBDA_K"]) * (1 - results["D_S"]))
    assert 0.8 < results["HQNR"] < 0.95
    stored = json.loads(Path(outputs["OUTPUT_JSON"]).read_text(encoding="utf-8"))
    assert {key.upper(): value for key, value in stored["figures"].items()} == {
        key: value for key, value in results.items() if not key.startswith("OUTPUT")
    }
    assert "HQNR" in Path(outputs["OUTPUT_HTML"]).read_text(encoding="utf-8")
    assert "Sensor: landsat-8-9" in feedback.textLog()


def test_an_undefined_figure_is_null_and_the_log_says_why(
    provider, worker_python, feedback, fused, tmp_path
):
    """A single band has no spectral angle, and no relation to other bands."""
    band = str(tmp_path / "band.tif")
    gdal.Translate(band, fused, bandList=[1])
    results = run("assesswithoutreference", {**PAIR, "FUSED": band, "BANDS": "1"}, feedback)
    assert results["R_SAM"] is None
    assert results["D_S"] > 0
    assert "in ° (0 is best): undefined" in feedback.textLog()
    assert "SAM: " in feedback.textLog()


def test_no_report_is_written_unless_wanted(provider, worker_python, feedback, fused, tmp_path):
    results = run("assesswithoutreference", {**PAIR, "FUSED": fused}, feedback)
    assert not {"OUTPUT_HTML", "OUTPUT_JSON"} & set(results)
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".html", ".json")]


# Against a reference, after Wald's protocol.


def test_walds_protocol_from_end_to_end(provider, python_without_torch, feedback, tmp_path):
    paths = {n: str(tmp_path / f"{n}.tif") for n in ("pan", "ms", "gsa", "errors")}
    values = {**PAIR, "OUTPUT_PAN": paths["pan"], "OUTPUT_MS": paths["ms"], "REGISTER": "correct"}
    assert abs(run("degrade", values, feedback)["SHIFT_X"]) < 0.1  # the sample has no shift
    assert "lie on each other" in feedback.textLog()
    low = {"PAN": paths["pan"], "MS": [paths["ms"]], "METHOD": "gsa", "OUTPUT": paths["gsa"]}
    run("classicalpansharpen", low, feedback)
    values = {
        "FUSED": paths["gsa"],
        "REFERENCE": PAIR["MS"],
        "OUTPUT_ERROR_MAP": paths["errors"],
        "OUTPUT_JSON": str(tmp_path / "figures.json"),
        "OUTPUT_HTML": str(tmp_path / "report.html"),
    }
    results = run("assessagainstreference", values, feedback)
    assert 1.5 < results["ERGAS"] < 2.5  # interpolation has 3.46 here
    assert results["Q2N"] > 0.9
    bands = json.loads(Path(values["OUTPUT_JSON"]).read_text(encoding="utf-8"))["bands"]
    assert len(bands) == 4
    assert results["CC"] == pytest.approx(np.mean([band["cc"] for band in bands]))
    errors = gdal.Open(paths["errors"])
    assert (errors.RasterXSize, errors.RasterYSize, errors.RasterCount) == (160, 160, 2)
    assert errors.GetRasterBand(1).ReadAsArray().mean() == pytest.approx(results["SAM"], rel=1e-3)
    assert "ERGAS" in Path(values["OUTPUT_HTML"]).read_text(encoding="utf-8")


def test_a_ratio_that_no_tag_names_must_be_given(provider, worker_python, feedback, fused):
    from qgis.core import QgsProcessingException

    values = {"FUSED": fused, "REFERENCE": [fused]}
    with pytest.raises(QgsProcessingException, match="Name the ratio"):
        run("assessagainstreference", values, feedback)
    results = run("assessagainstreference", {**values, "RATIO": 2}, feedback)
    assert (results["ERGAS"], results["RMSE"]) == (0.0, 0.0)
    assert results["PSNR"] is None  # infinite


# What is refused before the run.


@pytest.mark.parametrize("name", ASSESSMENTS)
def test_fused_must_have_the_bands_and_the_place(provider, fused, tmp_path, name):
    assert check(create(name), parameters(name, fused)) == (True, "")
    said = refused(name, parameters(name, fused, BANDS="2,1"))
    assert "has 4 bands; 2 bands are to be compared" in said
    assert "BANDS" in said
    away = write_raster(tmp_path / "away.tif", np.ones((4, 32, 32)), 15, epsg=32630)
    said = refused(name, {**parameters(name, fused), "FUSED": away})
    assert "'away' do not overlap" in said
    assert "Band 7" in refused(name, parameters(name, fused, BANDS="7"))


@pytest.mark.parametrize("name", ASSESSMENTS)
def test_outputs_are_checked(provider, fused, tmp_path, name):
    said = refused(name, parameters(name, fused, OUTPUT_JSON="/no/such/figures.json"))
    assert "OUTPUT_JSON: the folder /no/such does not exist" in said
    said = refused(name, parameters(name, fused, OUTPUT_HTML=fused))
    assert "would replace its own input" in said
    both = str(tmp_path / "both")
    said = refused(name, parameters(name, fused, OUTPUT_HTML=both, OUTPUT_JSON=both))
    assert "same name" in said
    assert "own input" in refused(name, parameters(name, fused, OUTPUT_JSON=fused))


def test_no_json_is_left_when_it_cannot_be_written(tmp_path):
    from ksdiff_engine.errors import OutputError
    from ksdiff_qgis.algorithms.assessment import write_json

    path = tmp_path / "figures.json"
    write_json({"hqnr": None}, str(path))
    assert json.loads(path.read_text()) == {"hqnr": None}
    with pytest.raises(OutputError, match="cannot be written"):
        write_json({}, str(tmp_path / "no" / "figures.json"))
    with pytest.raises(ValueError, match="JSON"):
        write_json({"hqnr": float("nan")}, str(path))
    assert [p.name for p in tmp_path.iterdir()] == ["figures.json"]


# Comparison.


def test_compares_and_names_the_best(provider, python_without_torch, feedback, tmp_path):
    outputs = {f"OUTPUT_{n}": str(tmp_path / f"report.{n.lower()}") for n in ("JSON", "HTML")}
    values = {**PAIR, "METHODS": ["exp", "gsa", "ksdiff"], **outputs}
    results = run("comparemethods", values, feedback)
    assert (results["BEST_REDUCED"], results["BEST_FULL"]) == ("gsa", "gsa")
    stored = json.loads(Path(outputs["OUTPUT_JSON"]).read_text(encoding="utf-8"))
    assert set(stored["figures"]) == {"exp", "gsa"}
    assert results["BEST_ERGAS"] == stored["figures"]["gsa"]["ergas"]
    assert results["BEST_HQNR"] == stored["figures"]["gsa"]["hqnr"]
    assert results["KSDIFF_ERGAS"] is None
    assert "KSDiff was left out" in feedback.textLog()
    assert "GSA" in Path(outputs["OUTPUT_HTML"]).read_text(encoding="utf-8")


def test_the_network_alone_needs_torch(provider, python_without_torch, feedback):
    from qgis.core import QgsProcessingException

    with pytest.raises(QgsProcessingException):
        run("comparemethods", {**PAIR, "METHODS": "ksdiff"}, feedback)
    assert "lacks torch and safetensors" in feedback.textLog()


def test_every_value_reaches_the_comparison(provider):
    from qgis.core import QgsProcessingContext

    from ksdiff_engine.job import COMPARED_METHODS, CompareJob

    algorithm = create("comparemethods")
    outputs = {"OUTPUT_HTML": "/tmp/page.html", "OUTPUT_JSON": ""}
    job = algorithm.job(PAIR, QgsProcessingContext(), outputs)
    assert (job.methods, job.html) == (COMPARED_METHODS, "/tmp/page.html")
    assert job.megapixels == CompareJob.megapixels
    values = {**PAIR, "METHODS": "gsa,exp", "MEGAPIXELS": 0.5, "BANDS": "2,1", "SEED": 3}
    assert job.register == "follow"
    values["REGISTER"] = "correct"
    job = algorithm.job(values, QgsProcessingContext(), outputs)
    assert (job.methods, job.megapixels) == (("gsa", "exp"), 0.5)
    assert (job.bands, job.seed, job.device) == ((2, 1), 3, "auto")
    assert job.register == "correct"


# Chains.


def chain():
    """Return a model: sharpen, assess, and copy the result to one of two places by its HQNR."""
    from qgis.core import (
        QgsProcessingModelAlgorithm,
        QgsProcessingModelChildAlgorithm,
        QgsProcessingModelChildDependency,
        QgsProcessingModelChildParameterSource,
        QgsProcessingModelOutput,
        QgsProcessingModelParameter,
        QgsProcessingParameterMultipleLayers,
        QgsProcessingParameterRasterLayer,
        QgsProcessingParameterString,
    )

    source = QgsProcessingModelChildParameterSource
    model = QgsProcessingModelAlgorithm("accept or not", "tests")
    for parameter in (
        QgsProcessingParameterRasterLayer("PAN", "PAN"),
        QgsProcessingParameterMultipleLayers("MS", "MS"),
        QgsProcessingParameterString("METHOD", "METHOD"),
    ):
        model.addModelParameter(parameter, QgsProcessingModelParameter(parameter.name()))

    def child(name: str, algorithm: str, **sources) -> QgsProcessingModelChildAlgorithm:
        added = QgsProcessingModelChildAlgorithm(algorithm)
        added.setChildId(name)
        added.setDescription(name)
        for key, value in sources.items():
            added.addParameterSources(key, [value])
        return added

    pair = {name: source.fromModelParameter(name) for name in ("PAN", "MS")}
    sharp = source.fromChildOutput("sharpen", "OUTPUT")
    method = source.fromModelParameter("METHOD")
    model.addChildAlgorithm(child("sharpen", "ksdiff:classicalpansharpen", METHOD=method, **pair))
    model.addChildAlgorithm(child("assess", "ksdiff:assesswithoutreference", FUSED=sharp, **pair))
    decide = child("decide", "native:condition")
    decide.setConfiguration(
        {
            "conditions": [
                {"name": "good", "expression": "@assess_HQNR > 0.92"},
                {"name": "bad", "expression": "@assess_HQNR <= 0.92"},
            ]
        }
    )
    decide.setDependencies([QgsProcessingModelChildDependency("assess")])
    model.addChildAlgorithm(decide)
    for branch in ("good", "bad"):
        copy = child(branch, "gdal:translate", INPUT=sharp)
        copy.setDependencies([QgsProcessingModelChildDependency("decide", branch)])
        output = QgsProcessingModelOutput(branch, branch)
        output.setChildId(branch)
        output.setChildOutputName("OUTPUT")
        copy.setModelOutputs({branch: output})
        model.addChildAlgorithm(copy)
    return model


@pytest.mark.parametrize(("method", "branch"), [("gsa", "good"), ("exp", "bad")])
def test_a_model_branches_on_hqnr(provider, worker_python, feedback, tmp_path, method, branch):
    import processing
    from qgis.core import QgsProcessingModelAlgorithm

    file = str(tmp_path / "accept.model3")
    assert chain().toFile(file)
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(file)
    model.initAlgorithm()
    copies = model_outputs(model, good=tmp_path / "good.tif", bad=tmp_path / "bad.tif")
    processing.run(model, {**PAIR, "METHOD": method, **copies}, feedback=feedback)
    assert [path.name for path in tmp_path.glob("*.tif")] == [f"{branch}.tif"]


@pytest.fixture(scope="module")
def headless(tmp_path_factory) -> QgisProcess:
    if QGIS_PROCESS is None:
        pytest.skip("qgis_process is not installed")
    return QgisProcess(tmp_path_factory.mktemp("headless"), fake=False)


def test_the_package_measures_headless(headless, tmp_path):
    listed = headless.call("list")
    for name in ("classicalpansharpen", *ASSESSMENTS, "degrade", "comparemethods"):
        assert f"ksdiff:{name}" in listed
    pair = (f"PAN={PAIR['PAN']}", f"MS={PAIR['MS'][0]}")
    page = tmp_path / "report.html"
    arguments = ("METHODS=gsa", "METHODS=exp", f"OUTPUT_HTML={page}")
    text = headless.call("run", "ksdiff:comparemethods", "--", *pair, *arguments)
    assert "BEST_FULL:\tgsa" in text
    assert page.stat().st_size > 10_000
    answer = headless.call("--json", "run", "ksdiff:comparemethods", "--", *pair, "METHODS=gsa,exp")
    results = json.loads(answer)["results"]
    assert results["BEST_REDUCED"] == "gsa"
    assert 0.9 < results["BEST_HQNR"] < 1.0
