"""The command ``adapt`` is the engine's."""

from __future__ import annotations

import json

import numpy as np
import torch

from ksdiff_engine.adaptation import tuning
from ksdiff_engine.cli import DID_NOT_HELP
from ksdiff_engine.model.config import KSDiffConfig
from ksdiff_engine.model.ksdiff import KSDiff
from ksdiff_engine.model.storage import save_network
from ksdiff_training.cli import main
from ksdiff_training.scenes import in_memory
from tests.engine.conftest import CARD
from tests.training.conftest import TINY_MODEL, waves


def test_a_scene_is_adapted_to_or_left(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tuning, "LEARNING_RATE", 0.0)
    monkeypatch.setattr(tuning, "BATCH", 1)
    weights, output = tmp_path / "tiny.safetensors", tmp_path / "mine.safetensors"
    save_network(KSDiff(KSDiffConfig(**TINY_MODEL)).eval(), CARD, weights)
    threads = torch.get_num_threads()
    truth = waves(2, 4 * 144, 4 * 144, seed=0)
    pan, ms = truth.mean(axis=0), truth.reshape(2, 144, 4, 144, 4).mean(axis=(2, 4))
    with in_memory("adapt", pan, ms.astype(np.float32), 4) as (pan_path, ms_path):
        files = ["--pan", pan_path, "--ms", ms_path, "--output", str(output)]
        options = ["--weights", str(weights), "--steps", "1", "--json"]
        code = main(["--threads", "1", "adapt", *files, *options])
    result = json.loads(capsys.readouterr().out)
    assert (code, result["helped"], result["steps"]) == (DID_NOT_HELP, False, 1)
    assert torch.get_num_threads() == 1
    assert not output.exists()
    torch.set_num_threads(threads)
