"""The job ``compare``: its figures are those of the single jobs, and its rankings are true."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from ksdiff_engine import cli, pipeline
from ksdiff_engine._resources import resources_folder
from ksdiff_engine.classical import METHODS
from ksdiff_engine.classical.exp import Exp
from ksdiff_engine.classical.gsa import GramSchmidtAdaptive
from ksdiff_engine.errors import (
    Cancelled,
    EngineError,
    EnvironmentProblem,
    InputError,
    WeightsError,
)
from ksdiff_engine.job import (
    AssessAgainstReferenceJob,
    AssessWithoutReferenceJob,
    ClassicalJob,
    CompareJob,
    DegradeJob,
)
from ksdiff_engine.pipeline import run_job
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.runners import compare
from ksdiff_engine.runners.sample import InMemory, WholeTile, sample_window
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensors import DEFAULT

SCENES = Path(__file__).parents[3] / "shared" / "data" / "scenes"
METHODS_TRIED = ("exp", "brovey", "gsa")


@pytest.fixture
def files(pair_files):
    return pair_files(size=(44, 52))


@pytest.fixture
def job_for(files):
    def job_for(**fields):
        pan, ms = fields.pop("files", files)
        return CompareJob(**{"pan": pan, "ms": (ms,), "methods": METHODS_TRIED, **fields})

    return job_for


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sensors").symlink_to(resources_folder() / "sensors")
    monkeypatch.setenv("KSDIFF_RESOURCES", str(tmp_path / "bare"))


def scene_of(pan, ms):
    return Scene(align(RasterSource.open_pan(pan), RasterSource.open_ms([ms])), DEFAULT)


def test_figures_are_those_of_the_single_jobs(job_for, files, tmp_path):
    """degrade, classical and assess by hand give what compare gives."""
    pan, ms = files
    result = run_job(job_for())
    low = {f"output_{name}": str(tmp_path / f"low_{name}.tif") for name in ("pan", "ms")}
    run_job(DegradeJob(pan=pan, ms=(ms,), **low))
    for method in METHODS_TRIED:
        fused = str(tmp_path / "fused.tif")
        options = {"method": method, "output": fused, "output_type": "Float32"}
        run_job(ClassicalJob(pan=low["output_pan"], ms=(low["output_ms"],), **options))
        expected = run_job(AssessAgainstReferenceJob(reference=(ms,), fused=fused))["figures"]
        run_job(ClassicalJob(pan=pan, ms=(ms,), **options))
        job = AssessWithoutReferenceJob(pan=pan, ms=(ms,), fused=fused)
        expected.update(run_job(job)["figures"])
        assert result["figures"][method].keys() == expected.keys()
        for key, value in expected.items():
            assert result["figures"][method][key] == pytest.approx(value, rel=1e-4, abs=1e-6), key


def test_tables_are_sorted_and_hold_the_same_figures(job_for):
    result = run_job(job_for())
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    for ranking, key, sign, table in (
        ("ranking_reduced", "ergas", 1, result["tables"][0]),
        ("ranking_full", "hqnr", -1, result["tables"][1]),
    ):
        ranked = [sign * result["figures"][name][key] for name in result[ranking]]
        assert ranked == sorted(ranked)
        assert set(result[ranking]) == set(METHODS_TRIED)
        for name, row in zip(result[ranking], table["rows"], strict=True):
            assert METHODS[name].title.startswith(row["label"])
            assert row["figures"].items() <= result["figures"][name].items()
            assert row["seconds"] >= 0
    assert result["sample"] == {"column": 0, "row": 0, "width": 208, "height": 176}
    assert result["messages"] == []


def test_the_sample_is_bounded_and_said(job_for):
    warnings = []
    result = run_job(job_for(megapixels=0.01, methods=("exp",)), warn=warnings.append)
    assert (result["sample"]["width"], result["sample"]["height"]) == (100, 100)
    assert "100 × 100 of the 208 × 176 PAN pixels" in warnings[0]


def test_the_sample_lies_where_pixels_are_valid(pair_files):
    whole = (slice(None), slice(0, 120))
    scene = scene_of(*pair_files(pan_hole=whole))
    window = sample_window(scene, 0.01)
    assert (window.width, window.height) == (100, 100)
    assert window.column >= 120
    assert window.row == pytest.approx((scene.height - 100) / 2, abs=1)
    assert sample_window(scene, 400.0) == Window(0, 0, scene.width, scene.height)
    assert sample_window(scene, 0.03) == Window(scene.width - 173, 34, 173, 173)


def test_parts_of_a_whole_tile_are_the_tiles_of_the_scene(files):
    scene = scene_of(*files)
    window = Window(30, 40, 64, 50)
    part, tile = WholeTile.of(scene).part(window), scene.tile(window)
    for name in ("pan", "pan_low", "ms_up", "valid"):
        np.testing.assert_allclose(getattr(part, name), getattr(tile, name), rtol=1e-5)


def test_an_image_in_memory_is_read_like_a_raster():
    memory = InMemory(1, 4, 5)
    memory.write(Window(1, 1, 2, 2), np.ones((1, 2, 2)), np.array([[True, True], [True, False]]))
    image, valid = memory.read(Window(-1, 0, 4, 6))
    assert np.argwhere(valid).tolist() == [[1, 2], [1, 3], [2, 2]]
    np.testing.assert_array_equal(image[0], valid)
    assert not memory.read(Window(7, 7, 2, 2))[1].any()


class TestKsdiff:
    def test_it_stands_beside_the_others(self, job_for, weights_folder, no_weights, monkeypatch):
        monkeypatch.setattr(pipeline, "load_method", lambda *_: GramSchmidtAdaptive())
        job = job_for(
            methods=("ksdiff", "gsa"), weights_folders=(str(weights_folder),), device="cpu"
        )
        result = run_job(job)
        assert result["figures"]["ksdiff"] == result["figures"]["gsa"]
        labels = {row["label"] for row in result["tables"][0]["rows"]}
        assert labels == {"KSDiff (test)", "GSA"}
        assert result["facts"]["Weights"].startswith("test (")
        assert len(result["facts"]["SHA-256 of the weights"]) == 64

    def test_without_weights_it_is_left_out_with_a_note(self, job_for, no_weights):
        warnings = []
        result = run_job(job_for(methods=("ksdiff", "exp")), warn=warnings.append)
        assert set(result["figures"]) == {"exp"}
        assert warnings[0].startswith("KSDiff was left out: ")
        assert result["notes"] == warnings

    def test_without_torch_it_is_left_out_with_a_note(self, job_for, monkeypatch):
        def fail(name):
            raise EnvironmentProblem("KSDiff needs torch.")

        monkeypatch.setattr(compare, "choose_device", fail)
        result = run_job(job_for(methods=("exp", "ksdiff")))
        assert result["notes"] == ["KSDiff was left out: KSDiff needs torch."]
        with pytest.raises(EnvironmentProblem):
            run_job(job_for(methods=("ksdiff",)))

    def test_alone_without_weights_it_is_an_error(self, job_for, no_weights):
        with pytest.raises(WeightsError):
            run_job(job_for(methods=("ksdiff",)))


def test_a_method_that_fails_is_noted_and_comes_last(job_for, monkeypatch):
    def fail(self, tile):
        raise InputError("It cannot be.", hint="Never mind.")

    monkeypatch.setattr(GramSchmidtAdaptive, "fuse", fail)
    result = run_job(job_for())
    assert result["ranking_reduced"][-1] == result["ranking_full"][-1] == "gsa"
    assert set(result["figures"]["gsa"].values()) == {None}
    assert result["tables"][0]["rows"][-1]["note"] == "It cannot be. Never mind."
    with pytest.raises(EngineError, match="It cannot be"):
        run_job(job_for(methods=("gsa",)))


def test_a_single_band(job_for):
    result = run_job(job_for(bands=(2,), methods=("exp", "gsa")))
    json.dumps(result, allow_nan=False)
    assert result["figures"]["gsa"]["sam"] is None
    assert result["figures"]["gsa"]["ergas"] > 0
    assert "two bands" in result["tables"][0]["rows"][0]["note"]


def test_an_empty_scene(job_for, pair_files):
    files = pair_files(ms_hole=(slice(None), slice(None)))
    with pytest.raises(InputError, match="valid"):
        run_job(job_for(files=files))


def test_the_report(job_for, tmp_path):
    page = tmp_path / "comparison.html"
    result = run_job(job_for(html=str(page)))
    text = page.read_text()
    assert f"{result['figures']['gsa']['ergas']:.3f}" in text
    assert f"{result['figures']['gsa']['hqnr']:.4f}" in text
    for part in (
        "Reduced resolution 1 (column",
        "Full resolution 1 (column",
        "Error maps",
        result["summary"][:40],
    ):
        assert part in text


@pytest.mark.parametrize("calls", [0, 3, 8, 14, 20])
def test_cancelling_leaves_nothing(job_for, tmp_path, calls):
    asked = iter(range(10000))
    job = job_for(html=str(tmp_path / "out.html"))
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(Cancelled):
        run_job(job, is_cancelled=lambda: next(asked) >= calls)
    assert sorted(os.listdir(tmp_path)) == before
    assert not [name for name in gdal.ReadDir("/vsimem/") or () if name.startswith("ksdiff")]


def test_progress_rises_to_the_end(job_for):
    fractions = []
    run_job(job_for(), lambda fraction, message: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert 0.9 < fractions[-1] <= 1.0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"methods": ("magic",)}, "'magic'"),
        ({"megapixels": 0.0}, "megapixels"),
        ({"megapixels": float("nan")}, "megapixels"),
        ({"html": "m.tif"}, "m.tif"),
        ({"device": "tpu"}, "'tpu'"),
        ({"weights": ""}, "weights"),
    ],
)
def test_impossible_jobs(change, named):
    with pytest.raises(InputError, match=named):
        CompareJob(**{"pan": "p.tif", "ms": ("m.tif",), **change})


def test_by_the_command_line(files, capsys):
    options = ["--pan", files[0], "--ms", files[1], "--methods", "exp", "gsa"]
    assert cli.main(["compare", *options]) == 0
    shown = capsys.readouterr().out
    assert cli.main(["compare", *options, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    for name in ("exp", "gsa"):
        assert f"{result['figures'][name]['ergas']:.3f}" in shown
        assert f"{result['figures'][name]['hqnr']:.4f}" in shown


def test_by_the_worker(job_for, tmp_path, ask_worker):
    result = ask_worker(job_for(html=str(tmp_path / "out.html"), methods=("exp",)))
    assert result["ranking_full"] == ["exp"]
    assert (tmp_path / "out.html").exists()


def test_a_real_scene():
    if not SCENES.is_dir():
        pytest.skip(f"no real scenes in {SCENES}")
    pan, ms = (str(SCENES / "landsat8_pamplona" / name) for name in ("pan.tif", "ms.tif"))
    methods = ("brovey", "exp", "mtf-glp-fs")
    result = run_job(CompareJob(pan=pan, ms=(ms,), methods=methods, megapixels=0.1))
    assert result["ranking_reduced"][0] == "mtf-glp-fs"
    assert result["ranking_full"][0] == "mtf-glp-fs"
    assert Exp.name in result["figures"]
