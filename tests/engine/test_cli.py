"""The command line: exit codes, what goes to which stream, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ksdiff_engine import cli, pipeline
from ksdiff_engine.classical.exp import Exp
from ksdiff_engine.errors import Cancelled

ENGINE = Path(pipeline.__file__).parents[1]


@pytest.fixture
def arguments(tmp_path, pair_files, weights_folder, monkeypatch):
    """Options of a job that works; EXP takes the network's place."""
    monkeypatch.setattr(pipeline, "load_method", lambda *_: Exp())
    pan, ms = pair_files()
    options = ["--pan", pan, "--ms", ms, "--output", str(tmp_path / "fused.tif"), "--device", "cpu"]
    return ["pansharpen", *options, "--weights", "test", "--weights-folder", str(weights_folder)]


def test_result_as_json(arguments, capsys):
    extra = ["--json", "--seed", "3", "--tile", "64", "--co", "COMPRESS=LZW", "--bands", "1", "2"]
    assert cli.main([*arguments, *extra]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result["seed"] == 3
    assert result["bands"] == 2
    assert os.path.exists(result["output"])
    assert captured.err == ""


def test_result_for_people(arguments, capsys):
    assert cli.main(arguments) == 0
    assert "valid_fraction: 1.0" in capsys.readouterr().out


def test_several_ms_files_may_follow_one_option_or_several(arguments):
    options = cli.make_parser().parse_args([*arguments, "--ms", "b.tif", "c.tif"])
    assert [os.path.basename(path) for path in options.ms] == ["ms.tif", "b.tif", "c.tif"]


def test_failure_is_one_line_on_stderr(arguments, capsys):
    arguments[arguments.index("--pan") + 1] = "/data/none.tif"
    assert cli.main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: /data/none.tif does not exist.")
    assert captured.err.count("\n") == 1


def test_impossible_option_values(arguments, capsys):
    assert cli.main([*arguments, "--tile", "3"]) == 1
    assert "3 pixels" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [[], ["dance"], ["pansharpen", "--pan", "p.tif"]])
def test_wrong_usage(wrong, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(wrong)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_warnings_go_to_stderr(arguments, weights_folder, capsys):
    (weights_folder / "bad.safetensors").write_bytes(b"bad")
    assert cli.main([*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    assert "Warning:" in captured.err
    assert "bad.safetensors" in captured.err
    assert "bad.safetensors" in json.loads(captured.out)["messages"][0]


def test_progress_line_overwrites_itself(capsys):
    line = cli.ProgressLine()
    line(0.5, "Fusing a tile with a long name")
    line(0.6, "Short")
    line.clear()
    written = capsys.readouterr().err
    assert " 50 %" in written
    assert "\n" not in written
    assert written.endswith("\r")


def test_cancelled(arguments, monkeypatch, tmp_path, capsys):
    def cancelled(*_):
        raise Cancelled()

    monkeypatch.setattr(pipeline, "load_method", cancelled)
    assert cli.main(arguments) == 130
    assert capsys.readouterr().err == "Cancelled.\n"


def test_ctrl_c_in_the_midst_of_a_tile(arguments, tmp_path):
    code = (
        "import os, signal, sys, time\n"
        # A suite that runs in the background of a shell hands SIGINT down as ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from ksdiff_engine import cli, pipeline\n"
        "from ksdiff_engine.classical.exp import Exp\n"
        "class Slow(Exp):\n"
        "    def fuse(self, tile):\n"
        "        print('fusing', file=sys.stderr, flush=True)\n"
        "        time.sleep(120)\n"
        "pipeline.load_method = lambda *_: Slow()\n"
        "code = cli.main(sys.argv[1:])\n"
        "sys.stderr.flush()\n"
        "os._exit(code)\n"  # as the module does when it is run
    )
    environment = {**os.environ, "PYTHONPATH": str(ENGINE), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stderr.readline() == b"fusing\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130  # a second or so; the tile would take 120
        assert process.stderr.read() == b"Cancelled.\n"
    assert not [name for name in os.listdir(tmp_path) if "fused" in name]


def test_weights_are_listed_and_shown(weights_folder, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("KSDIFF_RESOURCES", str(tmp_path / "none"))
    folder = ["--folder", str(weights_folder)]
    assert cli.main(["weights", "list", *folder]) == 0
    assert "test: Test weights (any number of bands, ratios 2 to 4)" in capsys.readouterr().out
    assert cli.main(["weights", "list", "--json", *folder]) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "test"
    assert cli.main(["weights", "show", "test", *folder]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Test weights (test)\nNothing was learnt.\n")
    assert "SHA-256 of the file: " in shown
    path = str(weights_folder / "test.safetensors")
    assert cli.main(["weights", "show", "--json", path]) == 0
    assert len(json.loads(capsys.readouterr().out)["sha256"]) == 64
    assert cli.main(["weights", "show", "best"]) == 1
    assert "'best'" in capsys.readouterr().err
    assert cli.main(["weights", "list"]) == 0
    assert "No weights" in capsys.readouterr().err


def test_the_package_runs_by_name():
    done = subprocess.run(
        [sys.executable, "-m", "ksdiff_engine", "--version"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ENGINE)},
    )
    assert done.stdout.startswith("ksdiff_engine ")
