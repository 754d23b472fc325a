"""What `torchrun` starts for test_processes.py: a whole run, and one that is broken and resumed."""

from __future__ import annotations

import sys
from pathlib import Path

from ksdiff_training.cli import main
from ksdiff_training.config import load_config
from ksdiff_training.loop import Stage
from ksdiff_training.train import train


class Interrupted(Exception):
    """Stands for a machine that stops."""


def stop_at(stage: Stage) -> dict[str, float]:
    if stage.name == "stage2" and stage.step == 4:
        raise Interrupted
    return whole_step(stage)


config, data, runs = (Path(argument) for argument in sys.argv[1:])
options = ["--data", str(data), "--run", str(runs / "whole"), "--device", "cpu"]
assert main(["--threads", "1", "train", str(config), *options]) == 0
whole_step, Stage._step = Stage._step, stop_at
try:
    train(load_config(config), data, runs / "broken")
except Interrupted:
    Stage._step = whole_step
train(load_config(config), data, runs / "broken")
