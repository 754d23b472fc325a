"""Two processes make the run that one makes, and resume it exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ksdiff_training.config import load_config
from ksdiff_training.csv_log import read_rows
from ksdiff_training.train import train

SCRIPT = Path(__file__).with_name("two_processes.py")


@pytest.fixture
def runs(tmp_path, data, experiment_file):
    """A folder with the runs `whole` and `broken` of two processes, and `single` of one."""
    stage = {"steps": 6, "batch": 4, "warmup": 2}
    config = experiment_file(stage1=stage, stage2=stage, log_every=1)
    train(load_config(config), data, tmp_path / "single")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launcher, "--nproc-per-node", "2", SCRIPT, config, data, tmp_path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("stage1 6/6") == 2  # one process of the two speaks, in each run
    return tmp_path


def test_two_processes_make_the_run_of_one(runs):
    for stage in ("stage1", "stage2"):
        for log in ("log.csv", "validation.csv"):
            single, double = (read_rows(runs / run / stage / log) for run in ("single", "whole"))
            assert len(single) == len(double) == (6 if log == "log.csv" else 2)
            for one, two in zip(single, double, strict=True):
                for key in set(one) - {"seconds", "waited"}:
                    assert float(two[key]) == pytest.approx(float(one[key]), abs=2e-5), key
    whole, broken = (
        torch.load(runs / run / "stage2" / "final.pt", weights_only=True)["modules"]
        for run in ("whole", "broken")
    )
    assert all(torch.equal(broken[name], tensor) for name, tensor in whole.items())
