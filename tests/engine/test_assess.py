"""The jobs that measure: figures, maps and reports, and what is said where there can be none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from ksdiff_engine import cli, quality
from ksdiff_engine.errors import Cancelled, InputError, OutputError
from ksdiff_engine.job import (
    AssessAgainstReferenceJob,
    AssessWithoutReferenceJob,
    ClassicalJob,
    DegradeJob,
)
from ksdiff_engine.pipeline import run_job
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.reduction import Axis, Reduction
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensors import DEFAULT

SCENES = Path(__file__).parents[3] / "shared" / "data" / "scenes"
CORNER = (500000.0, 4800000.0)


def read(path):
    dataset = gdal.Open(str(path))
    kind = {2: np.uint16, 6: np.float32}[dataset.GetRasterBand(1).DataType]
    shape = (dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)
    bands = [dataset.GetRasterBand(n + 1).ReadRaster() for n in range(shape[0])]
    return np.frombuffer(b"".join(bands), dtype=kind).reshape(shape)


def check_json(result):
    assert json.loads(json.dumps(result, allow_nan=False)) == result


@pytest.fixture
def fused(tmp_path, pair_files):
    """(PAN, MS, fused) paths of a small scene; fused by GSA without rounding."""
    pan, ms = pair_files(size=(48, 56))
    path = str(tmp_path / "fused.tif")
    run_job(ClassicalJob(pan=pan, ms=(ms,), output=path, method="gsa", output_type="Float32"))
    return pan, ms, path


@pytest.fixture
def images(tmp_path, geotiff):
    """Write a reference and a fused image of 3 bands; the fused one differs by noise."""
    rng = np.random.default_rng(5)
    reference = rng.uniform(100, 900, (3, 70, 90))
    noisy = reference + rng.normal(0, 20, reference.shape)
    geotiff(tmp_path / "reference.tif", reference, nodata=0)
    geotiff(tmp_path / "fused.tif", noisy, nodata=0)
    return str(tmp_path / "reference.tif"), str(tmp_path / "fused.tif")


class TestWithoutReference:
    def job(self, files, **fields):
        pan, ms, fused = files
        return AssessWithoutReferenceJob(**{"pan": pan, "ms": (ms,), "fused": fused, **fields})

    def test_figures_are_those_of_the_measures(self, fused):
        result = run_job(self.job(fused))
        scene = Scene(
            align(RasterSource.open_pan(fused[0]), RasterSource.open_ms([fused[1]])), DEFAULT
        )
        tile = scene.tile(Window(0, 0, scene.width, scene.height))
        images = (tile.pan, tile.pan_low, tile.ms_up, read(fused[2]))
        expected = quality.assess_rasters_without_reference(
            lambda rows, columns: ([i[..., rows, columns] for i in images], None),
            scene.height,
            scene.width,
            4.0,
            [0.3] * 4,
            "default",
        )
        for key in ("hqnr", "d_lambda_k", "d_s", "qnr", "d_lambda", "d_rho"):
            assert result["figures"][key] == pytest.approx(getattr(expected, key), rel=1e-6)
        assert result["sensor"] == "default"
        assert result["valid_pixels"] == scene.width * scene.height
        check_json(result)

    def test_the_true_image_is_consistent_with_the_ms_that_it_gives(self, tmp_path, geotiff):
        """Degraded by the MTF, the ground is the MS: R-SAM and R-ERGAS vanish, R-Q2n is 1."""
        rng = np.random.default_rng(2)
        ground = rng.uniform(200, 900, (3, 96, 112)).astype(np.float32)

        class Ground:
            def read(self, window):
                index = np.ix_(
                    np.arange(window.row, window.row + window.height).clip(0, 95),
                    np.arange(window.column, window.column + window.width).clip(0, 111),
                )
                return ground[:, index[0], index[1]], np.ones(
                    (window.height, window.width), dtype=bool
                )

        ms, _ = Reduction(Ground(), Axis(0, 4), Axis(0, 4), [0.3] * 3).read(Window(0, 0, 28, 24))
        options = {"data_type": "Float32", "origin": CORNER}
        files = (
            geotiff(tmp_path / "pan.tif", ground.mean(0, keepdims=True), **options),
            geotiff(tmp_path / "ms.tif", ms, pixel=4.0, **options),
            geotiff(tmp_path / "fused.tif", ground, **options),
        )
        figures = run_job(self.job([str(path) for path in files]))["figures"]
        assert figures["r_sam"] < 1e-3
        assert figures["r_ergas"] < 1e-3
        assert figures["r_q2n"] > 0.9999

    def test_a_cut_of_the_pan_grid(self, fused, tmp_path):
        cut = str(tmp_path / "cut.tif")
        gdal.Translate(cut, fused[2], srcWin=[21, 34, 130, 120])
        warnings = []
        result = run_job(self.job((*fused[:2], cut)), warn=warnings.append)
        assert (result["width"], result["height"]) == (130, 120)
        assert "130 × 120" in warnings[0]
        # A product that is its own cut measures much like the whole.
        whole = run_job(self.job(fused))["figures"]
        assert result["figures"]["r_ergas"] == pytest.approx(whole["r_ergas"], rel=0.3)
        assert result["figures"]["hqnr"] == pytest.approx(whole["hqnr"], abs=0.1)

    def test_the_report_shows_what_json_holds(self, fused, tmp_path):
        page = tmp_path / "report.html"
        result = run_job(self.job(fused, html=str(page)))
        text = page.read_text()
        assert f"{result['figures']['hqnr']:.4f}" in text
        assert result["title"] in text
        assert result["tables"][0]["rows"][0]["figures"] == result["figures"]
        assert result["html"] == str(page)

    def test_other_bands(self, fused):
        with pytest.raises(InputError, match=r"fused.tif has 4 bands, the MS has 2"):
            run_job(self.job(fused, bands=(1, 2)))

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"origin": (500000.2, 4800000.0), "pixel": 0.5}, "0.40 pixels apart"),
            ({"origin": (500000.0, 4800000.0), "pixel": 0.6}, "do not coincide"),
            ({"origin": (600000.0, 4800000.0), "pixel": 0.5}, "do not overlap"),
            ({"origin": (500000.0, 4800000.0), "pixel": 0.5, "epsg": 32632}, "EPSG:32632"),
        ],
    )
    def test_another_grid_is_refused_with_both_sizes(self, fused, geotiff, tmp_path, options, said):
        path = geotiff(tmp_path / "other.tif", np.ones((4, 60, 70)), **options)
        with pytest.raises(InputError) as caught:
            run_job(self.job((*fused[:2], str(path))))
        assert said in caught.value.message
        assert "224 × 192 pixels" in caught.value.message
        assert "70 × 60 pixels" in caught.value.message

    def test_nothing_valid(self, fused, geotiff, tmp_path):
        empty = geotiff(tmp_path / "empty.tif", np.zeros((4, 192, 224)), pixel=0.5, nodata=0)
        with pytest.raises(InputError, match="valid"):
            run_job(self.job((*fused[:2], str(empty))))

    def test_a_constant_image_and_a_single_band_have_figures_or_reasons(
        self, fused, geotiff, tmp_path
    ):
        flat = geotiff(tmp_path / "flat.tif", np.full((1, 192, 224), 7), pixel=0.5)
        result = run_job(self.job((*fused[:2], str(flat)), bands=(2,)))
        check_json(result)
        assert result["figures"]["qnr"] is None
        assert result["figures"]["r_sam"] is None
        assert result["figures"]["hqnr"] is not None
        assert any("two bands" in note for note in result["notes"])

    @pytest.mark.parametrize("calls", [0, 1, 2, 3])
    def test_cancelling_leaves_nothing(self, fused, tmp_path, calls):
        asked = iter(range(1000))
        job = self.job(fused, html=str(tmp_path / "out.html"))
        before = sorted(os.listdir(tmp_path))
        with pytest.raises(Cancelled):
            run_job(job, is_cancelled=lambda: next(asked) >= calls)
        assert sorted(os.listdir(tmp_path)) == before

    def test_an_unfit_place_for_the_report_is_known_before_the_work(self, fused, tmp_path):
        steps = []
        job = self.job(fused, html=str(tmp_path / "none" / "out.html"))
        with pytest.raises(OutputError, match="does not exist"):
            run_job(job, lambda fraction, message: steps.append(fraction))
        assert steps == []

    def test_by_the_command_line(self, fused, capsys):
        options = ["--pan", fused[0], "--ms", fused[1], "--fused", fused[2]]
        assert cli.main(["assess", *options]) == 0
        shown = capsys.readouterr().out
        assert cli.main(["assess", *options, "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert f"HQNR ↑       {result['figures']['hqnr']:.4f}" in shown
        assert result["title"] in shown

    def test_by_the_worker(self, fused, tmp_path, ask_worker):
        result = ask_worker(self.job(fused, html=str(tmp_path / "out.html")))
        assert result["figures"].keys() >= {"hqnr", "d_s", "r_sam"}
        assert (tmp_path / "out.html").exists()


class TestAgainstReference:
    def job(self, files, **fields):
        reference, fused = files
        fields = {"ratio": 4.0, **fields}
        return AssessAgainstReferenceJob(reference=(reference,), fused=fused, **fields)

    def test_figures_are_those_of_the_measures(self, images):
        result = run_job(self.job(images, peak=1000.0))
        reference, fused = (read(path).astype(float) for path in images)
        expected = quality.assess_against_reference(reference, fused, 4.0, data_range=1000.0)
        for key, value in result["figures"].items():
            assert value == pytest.approx(getattr(expected, key), rel=1e-9), key
        assert [band["rmse"] for band in result["bands"]] == pytest.approx(expected.rmse_bands)
        assert (result["peak"], result["ratio"]) == (1000.0, 4.0)
        check_json(result)

    def test_the_peak_is_the_largest_value_of_the_reference(self, images):
        assert run_job(self.job(images))["peak"] == read(images[0]).max()

    def test_the_error_map_adds_up_to_the_figures(self, images, tmp_path):
        path = tmp_path / "errors.tif"
        result = run_job(self.job(images, error_map=str(path)))
        angle, relative = read(path).astype(float)
        assert angle.mean() == pytest.approx(result["figures"]["sam"], rel=1e-5)
        rms = np.sqrt((relative**2).mean())
        assert rms == pytest.approx(4.0 * result["figures"]["ergas"], rel=1e-5)
        dataset = gdal.Open(str(path))
        assert dataset.GetRasterBand(1).GetDescription() == "Spectral angle (degrees)"
        assert dataset.GetRasterBand(2).GetDescription() == "Relative error (percent)"
        assert dataset.GetGeoTransform() == gdal.Open(images[0]).GetGeoTransform()

    def test_identical_images(self, images):
        result = run_job(self.job((images[0], images[0])))
        assert result["figures"]["sam"] == 0.0
        assert result["figures"]["ergas"] == 0.0
        assert result["figures"]["q2n"] == pytest.approx(1.0)
        assert result["figures"]["psnr"] is None
        assert any("PSNR: inf" in note for note in result["notes"])
        check_json(result)

    def test_invalid_pixels_do_not_count(self, images, geotiff, tmp_path):
        image = read(images[1]).copy()
        image[:, 10:30, 20:50] = 0
        hole = geotiff(tmp_path / "hole.tif", image, nodata=0)
        path = tmp_path / "errors.tif"
        result = run_job(self.job((images[0], str(hole)), error_map=str(path)))
        assert result["valid_pixels"] == 70 * 90 - 20 * 30
        assert result["figures"]["rmse"] == pytest.approx(20, rel=0.1)
        assert np.isnan(read(path)[0]).sum() == 600

    def test_the_ratio_comes_from_the_file_or_is_asked_for(self, images, tmp_path):
        with pytest.raises(InputError, match="ERGAS needs") as caught:
            run_job(self.job(images, ratio=0.0))
        assert "fused.tif" in caught.value.message
        dataset = gdal.Open(images[1], gdal.GA_Update)
        dataset.SetMetadataItem("KSDIFF_RATIO", "2")
        dataset.FlushCache()
        assert run_job(self.job(images, ratio=0.0))["ratio"] == 2.0

    def test_a_cut_is_compared_with_its_part(self, images, tmp_path):
        cut = str(tmp_path / "cut.tif")
        gdal.Translate(cut, images[1], srcWin=[12, 7, 60, 50])
        path = tmp_path / "errors.tif"
        result = run_job(self.job((images[0], cut), error_map=str(path)))
        assert (result["width"], result["height"]) == (60, 50)
        expected = read(images[0])[:, 7:57, 12:72].astype(float) - read(cut)
        assert result["figures"]["rmse"] == pytest.approx(np.sqrt((expected**2).mean()))
        assert gdal.Open(str(path)).GetGeoTransform() == gdal.Open(cut).GetGeoTransform()

    def test_sizes_decide_without_georeference(self, images, geotiff, tmp_path):
        bare = tmp_path / "bare.tif"
        gdal.Translate(str(bare), images[1], options="-co PROFILE=BASELINE -srcwin 0 0 80 70")
        os.remove(f"{bare}.aux.xml")  # where GDAL kept the georeference
        with pytest.raises(InputError) as caught:
            run_job(self.job((images[0], str(bare))))
        assert "90 × 70 pixels" in caught.value.message
        assert "80 × 70 pixels" in caught.value.message

    def test_bands_and_sizes_are_named(self, images, geotiff, tmp_path):
        two = geotiff(tmp_path / "two.tif", np.ones((2, 70, 90)))
        with pytest.raises(InputError) as caught:
            run_job(self.job((images[0], str(two))))
        assert "2 bands" in caught.value.message
        assert "90 × 70 pixels" in caught.value.message
        run_job(self.job((images[0], str(two)), bands=(1, 3)))

    def test_nothing_valid(self, images, geotiff, tmp_path):
        empty = geotiff(tmp_path / "empty.tif", np.zeros((3, 70, 90)), nodata=0)
        with pytest.raises(InputError, match="Not one pixel"):
            run_job(self.job((images[0], str(empty)), error_map=str(tmp_path / "errors.tif")))
        assert not (tmp_path / "errors.tif").exists()

    def test_constant_images(self, geotiff, tmp_path):
        zero = str(geotiff(tmp_path / "zero.tif", np.zeros((2, 40, 40))))
        seven = str(geotiff(tmp_path / "seven.tif", np.full((2, 40, 40), 7)))
        result = run_job(self.job((zero, seven)))
        check_json(result)
        for key in ("sam", "ergas", "cc", "psnr"):
            assert result["figures"][key] is None, key
        assert result["figures"]["rmse"] == 7.0
        assert any(note.startswith("ERGAS") for note in result["notes"])
        assert any(note.startswith("PSNR") for note in result["notes"])

    def test_a_single_band_has_a_map_without_angles(self, images, tmp_path):
        band = str(tmp_path / "band.tif")
        gdal.Translate(band, images[1], bandList=[2])
        path = tmp_path / "errors.tif"
        result = run_job(self.job((images[0], band), bands=(2,), error_map=str(path)))
        assert result["figures"]["sam"] is None
        assert gdal.Open(str(path)).GetRasterBand(1).GetDescription() == "Relative error (percent)"
        assert gdal.Open(str(path)).RasterCount == 1
        zero = str(tmp_path / "zero.tif")
        gdal.Translate(zero, band, scaleParams=[[0, 1, 0, 0]], noData="none")
        with pytest.raises(InputError, match="No error map"):
            run_job(self.job((zero, band), error_map=str(path)))

    def test_the_report(self, images, tmp_path):
        page = tmp_path / "report.html"
        result = run_job(self.job(images, html=str(page)))
        text = page.read_text()
        assert f"{result['figures']['ergas']:.3f}" in text
        assert "Band by band" in text
        assert "Error maps" in text

    @pytest.mark.parametrize("calls", [0, 2, 3, 4])
    def test_cancelling_leaves_nothing(self, images, tmp_path, calls):
        asked = iter(range(1000))
        outputs = {name: str(tmp_path / "out" / name) for name in ("error_map", "html")}
        outputs["error_map"] += ".tif"
        (tmp_path / "out").mkdir()
        with pytest.raises(Cancelled):
            run_job(self.job(images, **outputs), is_cancelled=lambda: next(asked) >= calls)
        assert os.listdir(tmp_path / "out") == []

    def test_by_the_command_line(self, images, tmp_path, capsys):
        options = ["--reference", images[0], "--fused", images[1], "--ratio", "4"]
        path = tmp_path / "errors.tif"
        assert cli.main(["assess", *options, "--json", "--error-map", str(path)]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["error_map"] == str(path)
        assert path.exists()
        assert cli.main(["assess", *options]) == 0
        shown = capsys.readouterr().out
        assert f"{result['figures']['sam']:.3f}" in shown
        assert "Band 3" in shown

    def test_by_the_worker(self, images, ask_worker):
        assert ask_worker(self.job(images))["figures"]["sam"] > 0


@pytest.mark.parametrize(
    "wrong",
    [
        ["--fused", "f.tif"],
        ["--fused", "f.tif", "--pan", "p.tif"],
        ["--fused", "f.tif", "--reference", "r.tif", "--ms", "m.tif"],
        ["--reference", "r.tif"],
    ],
)
def test_wrong_usage_of_the_command(wrong, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["assess", *wrong])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"reference": ()}, "reference"),
        ({"fused": " "}, "fused"),
        ({"ratio": 0.5}, "ratio"),
        ({"ratio": float("nan")}, "ratio"),
        ({"peak": -1.0}, "peak"),
        ({"bands": (0,)}, "from 1"),
        ({"html": "f.tif"}, "f.tif"),
        ({"html": "e.tif", "error_map": "e.tif"}, "Two outputs"),
        ({"creation_options": ("X",)}, "'X'"),
    ],
)
def test_impossible_jobs(change, named):
    with pytest.raises(InputError, match=named):
        AssessAgainstReferenceJob(**{"reference": ("r.tif",), "fused": "f.tif", **change})


def test_reduced_fused_and_measured_by_hand(pair_files, tmp_path):
    """The chain of jobs gives a pair's figures at reduced resolution; the ratio comes along."""
    pan, ms = pair_files()
    paths = {f"output_{name}": str(tmp_path / f"low_{name}.tif") for name in ("pan", "ms")}
    run_job(DegradeJob(pan=pan, ms=(ms,), **paths))
    figures = {}
    for method in ("exp", "gsa"):
        fused = str(tmp_path / f"{method}.tif")
        run_job(
            ClassicalJob(
                pan=paths["output_pan"], ms=(paths["output_ms"],), output=fused, method=method
            )
        )
        result = run_job(AssessAgainstReferenceJob(reference=(ms,), fused=fused))
        assert result["ratio"] == 4.0
        figures[method] = result["figures"]
    assert figures["gsa"]["ergas"] < figures["exp"]["ergas"]
    assert figures["gsa"]["scc"] > figures["exp"]["scc"]


def test_a_real_scene(tmp_path):
    if not SCENES.is_dir():
        pytest.skip(f"no real scenes in {SCENES}")
    pan, ms = (str(SCENES / "landsat8_pamplona" / name) for name in ("pan.tif", "ms.tif"))
    figures = {}
    for method in ("exp", "mtf-glp-fs"):
        fused = str(tmp_path / "fused.tif")
        run_job(ClassicalJob(pan=pan, ms=(ms,), output=fused, method=method))
        figures[method] = run_job(AssessWithoutReferenceJob(pan=pan, ms=(ms,), fused=fused))[
            "figures"
        ]
    assert figures["mtf-glp-fs"]["d_rho"] < figures["exp"]["d_rho"]
    assert figures["mtf-glp-fs"]["hqnr"] > 0.7
    assert figures["exp"]["r_sam"] < 1.0
