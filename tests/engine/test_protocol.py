"""The worker's lines survive the way there and back, and anything else is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ksdiff_engine import protocol
from ksdiff_engine.protocol import Done, Failure, Progress, ProtocolError, Warn


@pytest.mark.parametrize(
    "event",
    [
        Progress(0.25, "Fusing tile 3 of 12"),
        Warn("The MS was warped.\nTwo lines."),
        Done({"output": "/tmp/é.tif", "ratio": 4.0}),
        Failure("input", "pan.tif is damaged.", "Get it again."),
        Done({"output": "/tmp/\udce9.tif"}),  # a file name that is not valid UTF-8
    ],
)
def test_round_trip_is_one_ascii_line(event):
    line = protocol.encode(event)
    assert "\n" not in line
    assert line.isascii()
    assert protocol.decode(line) == event


def test_fields_of_newer_workers_are_ignored():
    line = '{"event": "progress", "fraction": 1, "message": "", "eta": 3}'
    assert protocol.decode(line) == Progress(1, "")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "[]",
        '{"event": "party"}',
        '{"event": "progress"}',
        '{"event": "progress", "fraction": "half"}',
        '{"event": "progress", "fraction": true}',
        '{"event": "done", "result": []}',
    ],
)
def test_other_lines_are_refused(line):
    with pytest.raises(ProtocolError):
        protocol.decode(line)


def test_not_a_number_is_not_json():
    with pytest.raises(ValueError, match="JSON"):
        protocol.encode(Done({"valid_fraction": float("nan")}))


def test_request():
    job = {"kind": "pansharpen", "pan": "p.tif"}
    assert protocol.decode_request(protocol.encode_request(job)) == job
    with pytest.raises(ProtocolError, match="request"):
        protocol.decode_request('{"jobs": []}')


def test_what_the_plugin_imports_is_free_of_numpy_and_torch():
    code = (
        "import sys, ksdiff_engine.protocol, ksdiff_engine.job, ksdiff_engine.sensors, "
        "ksdiff_engine.weights; "
        "sys.exit(', '.join(set(sys.modules) & {'numpy', 'scipy', 'torch', 'osgeo'}) or 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(protocol.__file__).parents[1])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
