"""On a GPU steps are recorded and replayed: the run is the one of eager steps."""

from __future__ import annotations

import pytest
import torch

from ksdiff_training.compute import Compute
from ksdiff_training.config import load_config
from ksdiff_training.csv_log import read_rows
from ksdiff_training.train import train
from tests.training.conftest import Interrupted

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.mark.parametrize("chain", ["full", "one_step"])
@pytest.mark.parametrize("amp", [False, True])
def test_a_recorded_run_is_the_eager_one(tmp_path, data, experiment_file, monkeypatch, chain, amp):
    experiment = load_config(experiment_file(chain=chain, amp=amp, log_every=1))
    assert Compute("cuda").records
    train(experiment, data, tmp_path / "recorded", device="cuda")
    monkeypatch.setattr(Compute, "records", False)
    train(experiment, data, tmp_path / "eager", device="cuda")
    for stage in ("stage1", "stage2"):
        losses = [
            [float(row["loss"]) for row in read_rows(tmp_path / run / stage / "log.csv")]
            for run in ("recorded", "eager")
        ]
        assert losses[0] == pytest.approx(losses[1], rel=0.02 if amp else 1e-3)
        assert len(set(losses[0])) == len(losses[0])  # replays see new batches


def test_a_recorded_run_is_resumed(tmp_path, data, experiment_file, interrupt_after):
    experiment = load_config(experiment_file(amp=False))
    straight, broken = (tmp_path / name for name in ("straight", "broken"))
    train(experiment, data, straight, device="cuda", stages=("stage1",))
    interrupt_after(5)
    with pytest.raises(Interrupted):
        train(experiment, data, broken, device="cuda", stages=("stage1",))
    train(experiment, data, broken, device="cuda", stages=("stage1",))
    weights = [
        torch.load(run / "stage1" / "final.pt", weights_only=True)["modules"]
        for run in (straight, broken)
    ]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(tensor, weights[1][name], rtol=1e-3, atol=1e-5)


def test_the_gpu_learns_what_the_cpu_learns(tmp_path, data, experiment_file):
    experiment = load_config(experiment_file(amp=False, log_every=1))
    losses = []
    for device in ("cpu", "cuda"):
        train(experiment, data, tmp_path / device, device=device)
        rows = read_rows(tmp_path / device / "stage2" / "log.csv")
        losses.append([float(row["loss"]) for row in rows])
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
