"""The job ``classical``: what it writes and says, by all three ways in, and without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from ksdiff_engine import cli, protocol
from ksdiff_engine.classical import METHODS
from ksdiff_engine.errors import Cancelled, InputError
from ksdiff_engine.job import CLASSICAL_METHODS, ClassicalJob
from ksdiff_engine.pipeline import run_job
from ksdiff_engine.runners import RUNNERS

ENGINE = Path(protocol.__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ENGINE), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def job_for(tmp_path, pair_files):
    (tmp_path / "result").mkdir()

    def job_for(method="gsa", files=None, **fields):
        pan, ms = files or pair_files()
        output = str(tmp_path / "result" / "fused.tif")
        return ClassicalJob(**{"pan": pan, "ms": (ms,), "output": output, **fields}, method=method)

    return job_for


def test_the_names_of_the_methods_are_those_of_the_package():
    assert tuple(METHODS) == CLASSICAL_METHODS


def test_every_kind_of_job_has_a_runner():
    from ksdiff_engine.job import JOBS

    assert set(RUNNERS) == set(JOBS.values())


@pytest.mark.parametrize("method", CLASSICAL_METHODS)
def test_every_method_runs(job_for, pair_files, method):
    result = run_job(job_for(method, pair_files(size=(20, 24))))
    dataset = gdal.Open(result["output"])
    assert dataset.GetMetadataItem("KSDIFF_METHOD") == result["method"] == method
    assert dataset.GetMetadataItem("KSDIFF_SENSOR") == result["sensor"] == "default"
    assert (dataset.RasterXSize, dataset.RasterYSize, dataset.RasterCount) == (96, 80, 4)
    assert result["method_title"] == METHODS[method].title
    assert result["valid_fraction"] == 1.0
    assert json.loads(json.dumps(result)) == result


def test_it_sharpens(job_for, pair_files):
    """The ground is closer to GSA's image than to EXP's."""
    files = pair_files()
    errors = {}
    for method in ("exp", "gsa"):
        run_job(job_for(method, files, bands=(2,), output_type="Float32", tile=64))
        fused = gdal.Open(str(Path(files[0]).parent / "result" / "fused.tif"))
        assert (fused.RasterCount, fused.GetRasterBand(1).DataType) == (1, gdal.GDT_Float32)
        values = np.frombuffer(fused.ReadRaster(), np.float32)
        pan = np.frombuffer(gdal.Open(files[0]).ReadRaster(), np.uint16)
        errors[method] = np.corrcoef(values, pan)[0, 1]
    assert errors["gsa"] > errors["exp"]


def test_an_unknown_method():
    with pytest.raises(InputError, match="'magic'"):
        ClassicalJob(pan="p.tif", ms=("m.tif",), output="f.tif", method="magic")


@pytest.mark.parametrize("calls", [0, 2, 5])
def test_cancelling_leaves_nothing(job_for, calls):
    asked = iter(range(1000))
    job = job_for(tile=64)
    with pytest.raises(Cancelled):
        run_job(job, is_cancelled=lambda: next(asked) >= calls)
    assert os.listdir(os.path.dirname(job.output)) == []


def test_by_the_command_line(job_for, capsys):
    job = job_for()
    options = ["--pan", job.pan, "--ms", *job.ms, "--output", job.output]
    assert cli.main(["classical", "brovey", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["method"] == "brovey"
    with pytest.raises(SystemExit):
        cli.main(["classical", "magic", *options])
    assert "magic" in capsys.readouterr().err


def test_pyramids_on_demand(pair_files, tmp_path, capsys):
    pan, ms = pair_files(size=(72, 68))
    overviews, output = [], str(tmp_path / "pyramids.tif")
    for extra in ([], ["--pyramids"]):
        options = ["--pan", pan, "--ms", ms, "--output", output, *extra]
        assert cli.main(["classical", "exp", *options]) == 0
        result = gdal.Open(output)
        overviews.append(result.GetRasterBand(1).GetOverviewCount())
    assert overviews == [0, 1]


def test_by_the_worker_without_torch(job_for):
    job = job_for("mtf-glp-fs")
    code = (
        "import os, sys\n"
        "sys.modules['torch'] = sys.modules['safetensors'] = None\n"
        "from ksdiff_engine import worker\n"
        "code = worker.main()\n"
        "sys.stderr.flush()\n"
        "os._exit(code)\n"
    )
    request = protocol.encode_request(job.to_dict()) + "\n"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT
    ) as worker:
        worker.stdin.write(request.encode())
        worker.stdin.flush()
        events = [protocol.decode(line.decode()) for line in worker.stdout]
    assert isinstance(events[-1], protocol.Done), events[-1]
    assert events[-1].result["method"] == "mtf-glp-fs"
    assert os.listdir(os.path.dirname(job.output)) == ["fused.tif"]
