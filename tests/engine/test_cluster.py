"""One scene on several processes: the same bytes, also when one of them is killed."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ksdiff_engine import cli, cluster
from ksdiff_engine.errors import Cancelled, EnvironmentProblem, InputError, WeightsError
from ksdiff_engine.job import PansharpenJob
from ksdiff_engine.pipeline import run_job

pytest.importorskip("distributed")


@pytest.fixture
def job(tmp_path, pair_files, network_weights, small_tiles):
    """Sixteen tiles, some without a valid pixel."""
    pan, ms = pair_files(size=(64, 64), ms_hole=(slice(0, 20), slice(0, 20)))
    return PansharpenJob(
        *(pan, (ms,), str(tmp_path / "fused.tif")),
        weights=network_weights,
        device="cpu",
        tile=small_tiles,
        threads=1,
    )


@pytest.fixture
def alone(job, tmp_path):
    """The bytes that this process writes."""

    def run(**fields):
        output = str(tmp_path / "alone.tif")
        run_job(replace(job, output=output, **fields))
        return Path(output).read_bytes()

    return run


def at_tile(number, action):
    """A progress callback that does something once the tile of that number is awaited."""
    done = []

    def progress(fraction, message):
        if message.startswith(f"Fusing tile {number} ") and not done:
            done.append(message)
            action()

    return progress


def test_a_worker_is_killed_in_the_middle(job, alone, scheduler, kill_a_worker):
    expected = alone()
    run_job(replace(job, scheduler=scheduler), at_tile(4, kill_a_worker))
    assert Path(job.output).read_bytes() == expected


@pytest.mark.parametrize("move", ["moved", "following"])
def test_the_shift_of_the_client_is_that_of_all(job, alone, scheduler, monkeypatch, move):
    """Whatever the client finds, workers do not measure anew; nor do they bake in tile scope."""
    from ksdiff_engine import pipeline
    from ksdiff_engine.scene import Scene

    def moved(scene, how, progress, warn):
        return Scene(getattr(scene.pair, move)(1.3, -2.1), scene.profile), {}

    monkeypatch.setattr(pipeline, "registered", moved)
    expected = alone(prior_scope="tile")
    run_job(replace(job, scheduler=scheduler, prior_scope="tile"))
    assert Path(job.output).read_bytes() == expected


def test_a_cancelled_scene_resumes_on_one_machine(job, alone, scheduler):
    wanted = []
    on_cluster = replace(job, scheduler=scheduler, resume=True)
    with pytest.raises(Cancelled):
        run_job(on_cluster, at_tile(6, lambda: wanted.append(True)), lambda: bool(wanted))
    run_job(replace(on_cluster, scheduler=""), at_tile(16, lambda: pytest.fail("from the start")))
    assert Path(job.output).read_bytes() == alone()


def test_workers_with_other_weights_are_refused(job, scheduler, monkeypatch):
    monkeypatch.setattr(cluster.weights, "sha256", lambda path: "0" * 64)
    with pytest.raises(WeightsError, match="differ between the client and a worker"):
        run_job(replace(job, scheduler=scheduler))
    assert not os.path.exists(job.output)


def test_workers_of_this_machine(job, alone):
    expected = alone()
    arguments = ["--pan", job.pan, "--ms", *job.ms, "--output", job.output, "--tile", "64"]
    arguments += ["--weights", job.weights, "--device", "cpu", "--threads", "1"]
    assert cli.main(["pansharpen", *arguments, "--workers", "1"]) == 0
    assert Path(job.output).read_bytes() == expected


def test_a_scheduler_that_is_not_there(job, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(EnvironmentProblem, match=r"tcp://127\.0\.0\.1:9 cannot be reached"):
        run_job(replace(job, scheduler="tcp://127.0.0.1:9"))
    with pytest.raises(EnvironmentProblem, match="nonsense cannot be reached"):
        run_job(replace(job, scheduler="nonsense"))
    assert not os.path.exists(job.output)


def test_dask_missing(job, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(EnvironmentProblem) as caught:
        run_job(replace(job, workers=2))
    assert "pip install distributed" in caught.value.hint


def test_impossible_fields(job):
    with pytest.raises(InputError, match="Both"):
        replace(job, workers=2, scheduler="tcp://host:8786")
    with pytest.raises(InputError, match="workers"):
        replace(job, workers=-1)


def test_what_ends_every_worker_is_given_up(scheduler):
    """Others go on: `spread` yields the error in the place of the result."""
    import distributed

    def deadly(item):
        import os

        return os.kill(os.getpid(), 9) if item == "deadly" else item

    def allow(failures, dask_scheduler):
        dask_scheduler.allowed_failures = failures

    with distributed.Client(scheduler, set_as_default=False) as client:
        client.run_on_scheduler(allow, failures=0)
        outcomes = dict(cluster.spread(client, deadly, ["deadly"]))
        client.run_on_scheduler(allow, failures=3)
        assert dict(cluster.spread(client, deadly, ["harmless"])) == {"harmless": "harmless"}
    assert isinstance(outcomes["deadly"], EnvironmentProblem)
    assert "ended 1 workers" in str(outcomes["deadly"])
