"""The worker as its parent sees it: a process, lines in, lines out, an end in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ksdiff_engine import protocol
from ksdiff_engine.job import PansharpenJob
from ksdiff_engine.protocol import Done, Failure, Progress

ENGINE = Path(protocol.__file__).parents[1]
SECONDS_TO_STOP = 2.0

# EXP takes the network's place. Each tile waits for `seconds`, in one piece ("stubborn") or not at
# all; a method may print, as libraries do, and fail.
LAUNCHER = """
import os, sys, time
from ksdiff_engine import pipeline, worker
from ksdiff_engine.classical.exp import Exp

class Method(Exp):
    def fuse(self, tile):
        print("chatter on stdout")
        os.write(1, b"chatter from C\\n")
        {action}
        return super().fuse(tile)

pipeline.load_method = lambda *_: Method()
pipeline.limit_threads(1)
code = worker.main()
sys.stderr.flush()
os._exit(code)
"""


@pytest.fixture
def start(tmp_path, weights_folder):
    """Start a worker; what is still running at the end of the test is killed."""
    workers = []

    def start(action="pass", code=None):
        environment = {**os.environ, "PYTHONPATH": str(ENGINE), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", code or LAUNCHER.format(action=action)]
        worker = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        if worker.poll() is None:
            worker.kill()
        worker.wait()
        for stream in (worker.stdin, worker.stdout, worker.stderr):
            stream.close()


@pytest.fixture
def job(tmp_path, pair_files, weights_folder):
    pan, ms = pair_files()
    (tmp_path / "result").mkdir()
    return PansharpenJob(
        pan=pan,
        ms=(ms,),
        output=str(tmp_path / "result" / "fused.tif"),
        weights="test",
        weights_folders=(str(weights_folder),),
        device="cpu",
        tile=64,
    )


def ask(worker, job):
    worker.stdin.write((protocol.encode_request(job.to_dict()) + "\n").encode())
    worker.stdin.flush()


def events(worker):
    """All events until the worker closes its stdout; exactly one is final, and it is the last."""
    found = [protocol.decode(line.decode("ascii")) for line in worker.stdout]
    final = [event for event in found if isinstance(event, (Done, Failure))]
    assert len(final) == 1
    assert found[-1] is final[0]
    return found


def wait_for_tile(worker, number=1):
    """Read events until the worker fuses a tile."""
    for line in worker.stdout:
        event = protocol.decode(line.decode("ascii"))
        if isinstance(event, Progress) and event.message.startswith(f"Fusing tile {number} "):
            return
    raise AssertionError(worker.stderr.read().decode())


def leftovers(job):
    return os.listdir(os.path.dirname(job.output))


def test_a_job_done(start, job):
    worker = start()
    ask(worker, job)
    found = events(worker)
    assert isinstance(found[-1], Done), found[-1]
    assert found[-1].result["output"] == job.output
    fractions = [event.fraction for event in found if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert worker.wait() == 0
    assert leftovers(job) == ["fused.tif"]
    chatter = worker.stderr.read().decode()
    assert "chatter on stdout" in chatter
    assert "chatter from C" in chatter


def test_an_unusable_input(start, job, tmp_path):
    Path(job.pan).write_bytes(b"no raster")
    worker = start()
    ask(worker, job)
    final = events(worker)[-1]
    assert final.kind == "input"
    assert "pan.tif" in final.message
    assert worker.wait() == 1
    assert leftovers(job) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"hello\n", "JSON"),
        (b'{"job": {"kind": "dance"}}\n', "'dance'"),
        (b'{"job": {"kind": "pansharpen", "pan": "a"}}\n', "'ms', 'output'"),
        (b"\xff\xfe\n", "utf-8"),
    ],
)
def test_an_unusable_request(start, line, said):
    worker = start()
    worker.stdin.write(line)
    worker.stdin.flush()
    final = events(worker)[-1]
    assert final.kind == "input"
    assert said in final.message


def test_a_defect_is_one_line_and_the_traceback_is_in_the_log(start, job):
    worker = start("raise ZeroDivisionError('first line\\nsecond line')")
    ask(worker, job)
    final = events(worker)[-1]
    assert final.kind == "internal"
    assert "ZeroDivisionError: first line)" in final.message
    assert "Traceback" in worker.stderr.read().decode()
    assert worker.wait() == 1
    assert leftovers(job) == []


@pytest.mark.parametrize("action", ["time.sleep(0.2)", "time.sleep(60)"])
def test_closing_stdin_cancels_in_time(start, job, action):
    """Between tiles, and in the midst of a tile that does not end."""
    worker = start(action)
    ask(worker, job)
    wait_for_tile(worker)
    began = time.monotonic()
    worker.stdin.close()
    final = events(worker)[-1]
    assert worker.wait(10) == 1
    assert time.monotonic() - began < SECONDS_TO_STOP
    assert final.kind == "cancelled"
    assert leftovers(job) == []


def test_terminating_cancels_too(start, job):
    worker = start("time.sleep(0.2)")
    ask(worker, job)
    wait_for_tile(worker)
    worker.send_signal(signal.SIGTERM)
    assert events(worker)[-1].kind == "cancelled"
    assert leftovers(job) == []


def test_a_worker_whose_parent_died_ends(start, job):
    """Both pipes break at once; nobody reads what the worker would say."""
    worker = start("time.sleep(0.2)")
    ask(worker, job)
    wait_for_tile(worker)
    worker.stdin.close()
    worker.stdout.close()
    began = time.monotonic()
    assert worker.wait(10) == 1
    assert time.monotonic() - began < SECONDS_TO_STOP
    assert leftovers(job) == []


def test_the_next_run_clears_up_after_a_killed_worker(start, job):
    worker = start("time.sleep(60)")
    ask(worker, job)
    wait_for_tile(worker)
    worker.kill()
    worker.wait()
    assert len(leftovers(job)) == 1  # hidden, and not the result
    assert not os.path.exists(job.output)
    again = start()
    ask(again, job)
    assert isinstance(events(again)[-1], Done)
    assert leftovers(job) == ["fused.tif"]


def test_a_worker_without_a_job_ends(start):
    worker = start(code="import ksdiff_engine.worker as w; raise SystemExit(w.main())")
    worker.stdin.close()
    assert events(worker)[-1].kind == "cancelled"
    assert worker.wait(10) == 1


def test_the_module_runs_by_name(job):
    """Through the real entry point; stdin ends at once, so the job is cancelled at some point."""
    request = protocol.encode_request({**job.to_dict(), "pan": "/data/none.tif"}) + "\n"
    done = subprocess.run(
        [sys.executable, "-m", "ksdiff_engine.worker"],
        input=request.encode(),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ENGINE)},
    )
    last = protocol.decode(done.stdout.decode("ascii").splitlines()[-1])
    assert last.kind in ("input", "cancelled")
    assert done.returncode == 1
