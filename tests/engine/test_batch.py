"""Lists of scenes: what a cell means, failures that stop nothing, what a later run passes over."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from ksdiff_engine import batch, cli
from ksdiff_engine.errors import InputError
from ksdiff_engine.job import ClassicalJob, PansharpenJob
from ksdiff_engine.pipeline import run_job

METHODS = ("exp", "gsa", "mtf-glp", "sfim")


@pytest.fixture
def pair(pair_files):
    """PAN and MS, named relative to the folder of the list."""
    return [os.path.basename(path) for path in pair_files(size=(40, 40))]


@pytest.fixture
def write(tmp_path):
    """Write a list of rows, dictionaries, and return its path."""

    def write(*rows):
        path = tmp_path / "list.csv"
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        return str(path)

    return write


@pytest.fixture
def scenes(pair):
    """Rows of classical methods that work."""
    return [
        {"pan": pair[0], "ms": pair[1], "output": f"{method}.tif", "method": method, "threads": 1}
        for method in METHODS
    ]


def run(path, *options):
    """The exit code, and by output: what became of each row."""
    rows = batch.read_list(path, resume="--resume" in options)
    code = cli.main(["batch", path, *options])
    with open(f"{path}.record", encoding="utf-8") as file:
        entries = [json.loads(line) for line in file if line.strip()]
    states = {os.path.basename(entry["output"]): entry["state"] for entry in entries}
    assert len(rows) >= len(states)
    return code, states


def alone(row, folder):
    """The bytes of a row's job when nothing but it is run."""
    output = folder / "alone" / row["output"]
    output.parent.mkdir(exist_ok=True)
    files = (str(folder / row["pan"]), (str(folder / row["ms"]),), str(output))
    run_job(ClassicalJob(*files, row["method"], threads=1))
    return output.read_bytes()


def test_cells_become_fields(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(
        "pan, ms, output, method, bands, pyramids, creation_options, tile\n"
        'p.tif, b1.tif;b2.tif, o.tif, gsa, "2; 1", yes, COMPRESS=LZW;TILED=YES, 512\n'
        "/vsicurl/http://h/p.tif, /vsizip/m.zip/m.tif, /vsis3/bucket/o.tif,,,,,\n",
        "utf-8-sig",
    )
    first, second = (row.job for row in batch.read_list(str(path), threads=2, resume=True))
    assert first == ClassicalJob(
        *(str(tmp_path / "p.tif"), (str(tmp_path / "b1.tif"), str(tmp_path / "b2.tif"))),
        *(str(tmp_path / "o.tif"), "gsa"),
        bands=(2, 1),
        pyramids=True,
        creation_options=("COMPRESS=LZW", "TILED=YES"),
        tile=512,
        threads=2,
        resume=True,
    )
    names = ("/vsicurl/http://h/p.tif", ("/vsizip/m.zip/m.tif",), "/vsis3/bucket/o.tif")
    assert second == PansharpenJob(*names, threads=2)  # no tiles are kept in a bucket


def test_a_spreadsheet_that_writes_semicolons(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('pan;ms;output\np.tif;"a.tif;b.tif";o.tif\n')
    assert len(batch.read_list(str(path))[0].job.ms) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pan,ms,output,size\n", "unknown columns: 'size'"),
        ("pan,ms\n", "missing columns: 'output'"),
        ("pan,ms,output,pan\n", "repeated columns: 'pan'"),
        ("pan,ms,output\n", "has no scenes"),
        ("pan,ms,output\np,m,o.tif\nq,n,o.tif\n", "Lines 2 and 3"),
        ("pan,ms,output\np,m,o.tif\no.tif,n,r.tif\n", "Line 3 .* line 2 writes"),
        ('pan,ms,output\n"p,m,o.tif\n', "cannot be read"),
    ],
)
def test_impossible_lists(tmp_path, text, words):
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        batch.read_list(str(path))


def test_a_list_that_is_not_there(tmp_path, capsys):
    assert cli.main(["batch", str(tmp_path / "none.csv")]) == 1
    assert "none.csv cannot be read" in capsys.readouterr().err


def test_failures_stop_nothing(tmp_path, write, scenes, capsys):
    missing = {**scenes[0], "pan": "none.tif", "output": "missing.tif"}
    wrong = {**scenes[0], "tile": "huge", "output": "wrong.tif"}
    code, states = run(write(missing, *scenes[:2], wrong, *scenes[2:]))
    assert code == 1
    assert states == {
        **dict.fromkeys([row["output"] for row in scenes], "done"),
        "missing.tif": "failed",
        "wrong.tif": "failed",
    }
    for row in scenes:
        assert (tmp_path / row["output"]).read_bytes() == alone(row, tmp_path)
    printed = capsys.readouterr()
    table = printed.out.splitlines()
    assert [line.split()[1:3] for line in table[1:3]] == [["2", "failed"], ["3", "done"]]
    assert any(line.startswith("Line 2: ") and "none.tif does not exist" in line for line in table)
    assert any("'tile' must be of type int, not 'huge'" in line for line in table)
    assert table[-1] == "4 done, 2 failed, 0 skipped; 6 in all"
    assert "Warning: line 2: " in printed.err


def test_a_defect_of_the_engine_stops_nothing(write, scenes, monkeypatch, capsys):
    def broken(job, progress):
        if job.method == "gsa":
            raise ZeroDivisionError("no photons")
        return run_job(job, progress)

    monkeypatch.setattr(batch, "run_job", broken)
    code, states = run(write(*scenes[:3]))
    assert (code, list(states.values())) == (1, ["done", "failed", "done"])
    assert "ZeroDivisionError: no photons" in capsys.readouterr().out


def test_resuming_passes_over_what_is_finished_and_unchanged(
    tmp_path, write, pair, scenes, monkeypatch, capsys
):
    shutil.copy(tmp_path / pair[0], tmp_path / "other_pan.tif")
    scenes[1]["pan"] = "other_pan.tif"
    assert run(write(*scenes))[0] == 0
    ran = []
    monkeypatch.setattr(
        batch, "run_job", lambda job, progress: ran.append(job.method) or run_job(job, progress)
    )
    assert run(write(*scenes), "--resume")[0] == 0
    assert ran == []
    assert "0 done, 0 failed, 4 skipped" in capsys.readouterr().out
    os.utime(tmp_path / "other_pan.tif", (1, 1))  # of scene 1
    scenes[2]["output_type"] = "Float32"
    (tmp_path / scenes[3]["output"]).write_bytes(b"cut off")
    assert run(write(*scenes), "--resume")[0] == 0
    assert ran == [scene["method"] for scene in scenes[1:]]
    assert run(write(*scenes), "--resume")[0] == 0
    assert len(ran) == 3


def test_an_interrupted_run_says_how_far_it_came(tmp_path, write, scenes, monkeypatch, capsys):
    def interrupted(job, progress):
        if job.method == "mtf-glp":
            raise KeyboardInterrupt
        return run_job(job, progress)

    path = write(*scenes)
    with monkeypatch.context() as patched:
        patched.setattr(batch, "run_job", interrupted)
        assert run(path) == (130, {"exp.tif": "done", "gsa.tif": "done"})
    assert "2 not begun or not ended; 4 in all" in capsys.readouterr().out
    with open(f"{path}.record", "a") as file:
        file.write('{"output": "cut o')  # by a power cut
    capsys.readouterr()
    assert cli.main(["batch", path, "--resume", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["state"] for row in told["rows"]] == ["skipped", "skipped", "done", "done"]


def test_a_cluster_loses_a_worker_and_no_scene(
    tmp_path, write, scenes, network_weights, scheduler, kill_a_worker
):
    network = {**scenes[0], "method": "", "weights": network_weights, "output": "network.tif"}
    missing = {**scenes[0], "pan": "none.tif", "output": "missing.tif"}
    rows = batch.read_list(write(*scenes, missing, network))
    states = {}
    with batch.Record(str(tmp_path / "record"), resume=False) as record:
        for outcome in batch.outcomes(rows, record, scheduler=scheduler):
            if not states:
                kill_a_worker()
            states[os.path.basename(outcome.output)] = outcome.state
    assert states.pop("missing.tif") == "failed"
    assert list(states.values()) == ["done"] * 5
    for row in scenes:
        assert (tmp_path / row["output"]).read_bytes() == alone(row, tmp_path)
    output = str(tmp_path / "alone.tif")
    files = (str(tmp_path / network["pan"]), (str(tmp_path / network["ms"]),), output)
    run_job(PansharpenJob(*files, weights=network_weights, threads=1))
    assert (tmp_path / "network.tif").read_bytes() == Path(output).read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_two_processes_of_this_machine(tmp_path, write, scenes):
    pytest.importorskip("distributed")
    code, states = run(write(*scenes[:2]), "--workers", "2")
    assert (code, list(states.values())) == (0, ["done", "done"])
    for row in scenes[:2]:
        assert (tmp_path / row["output"]).read_bytes() == alone(row, tmp_path)
