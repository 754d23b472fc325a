"""The pixel-space baseline: a network that knows the time, and a sampler that starts from noise."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import yaml

from ksdiff_engine.model.config import KSDiffConfig
from ksdiff_engine.model.ksdiff import build_backbone
from ksdiff_engine.raster.tiling import Window
from ksdiff_training.cli import main
from ksdiff_training.config import load_config
from ksdiff_training.csv_log import read_rows
from ksdiff_training.data.sampler import PatchSampler
from ksdiff_training.evaluate import fuse_whole
from ksdiff_training.export import CARD_KEYS
from ksdiff_training.pixel_diffusion import PixelDiffusion, PixelDiffusionMethod
from ksdiff_training.scenes import load_reduced_scene
from ksdiff_training.stages import build_modules, diffusion_stage, measure_residual
from ksdiff_training.train import train
from tests.training.conftest import Interrupted

CONFIG = KSDiffConfig(
    channels=(4, 6, 8),
    blocks=(1, 1),
    modulation="none",
    diffusion_steps=20,
    beta_start=1e-3,
    beta_end=0.5,
    sampling_steps=4,
)


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = PixelDiffusion(CONFIG).eval().requires_grad_(False)
    torch.nn.init.normal_(network.backbone.leave.weight, std=0.1)  # it starts at zero
    return network


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, c, 16, 16, generator=generator) for c in (1, 4, 1)]  # noisy, pan, lrms


def test_every_input_matters(network, inputs):
    noisy, pan, lrms = inputs
    t = torch.tensor([3, 17])
    estimate = network(noisy, t, pan, lrms)
    assert estimate.shape == noisy.shape
    for changed in (
        network(noisy + 1, t, pan, lrms),
        network(noisy, t, pan + 1, lrms),
        network(noisy, t, pan, lrms + 1),
        network(noisy, torch.tensor([3, 4]), pan, lrms)[1:],
    ):
        assert (changed - estimate[-len(changed) :]).abs().max() > 1e-4


def test_it_is_the_backbone_plus_the_time(network):
    """Same size as KSDiff's plain network, but for the noisy input and the time embedding."""
    plain = sum(p.numel() for p in build_backbone(CONFIG).parameters())
    own = sum(p.numel() for p in network.backbone.parameters())
    shifts = sum(p.numel() for n, p in network.backbone.named_parameters() if ".shift." in n)
    assert own - shifts - plain == 4 * 9  # one more channel into the first 3x3 convolution
    assert shifts > 0


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_sampling_returns_the_residual_of_a_perfect_network(network, inputs, steps, monkeypatch):
    noise, pan, lrms = inputs
    truth = 0.3 * torch.randn(lrms.shape, generator=torch.Generator().manual_seed(2))
    network.residual_std.fill_(0.3)
    monkeypatch.setattr(network, "forward", lambda x, t, p, low: truth / 0.3)
    torch.testing.assert_close(network.sharpen(pan, lrms, noise, steps), lrms + truth)


def test_a_network_of_zeros_gives_the_interpolation(network, tmp_path, scene_file):
    """Through rasters and standardisation, on a size that the strides do not divide."""
    torch.nn.init.zeros_(network.backbone.leave.weight)
    torch.nn.init.zeros_(network.backbone.leave.bias)
    path = scene_file(tmp_path / "a.npz", ms=(3, 36, 44), ratio=4)
    scene = load_reduced_scene(path)
    method = PixelDiffusionMethod(network, steps=2)
    with scene.open() as opened:
        method.prepare(opened)
        tile = opened.tile(Window(0, 0, opened.width - 1, opened.height - 3), 0)
        fused = method.fuse(tile)
    np.testing.assert_allclose(fused, tile.ms_up, rtol=1e-4)


def test_the_seed_decides_the_result(network, tmp_path, scene_file):
    scene = load_reduced_scene(scene_file(tmp_path / "a.npz", ms=(3, 32, 32), ratio=4))
    first, again, other = (
        fuse_whole(scene, PixelDiffusionMethod(network, steps=2, seed=seed)) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0


# --- trained by the loop that trains KSDiff ---

MODEL = {
    **{"channels": [4, 6, 8], "blocks": [1, 1], "modulation": "none"},
    **{"diffusion_steps": 50, "beta_start": 1e-3, "beta_end": 0.2, "sampling_steps": 5},
}


def test_the_baseline_learns(tmp_path, data, experiment_file):
    """Its loss falls and, sampled from noise, it is nearer to the reference than interpolation."""
    stage = {"steps": 150, "batch": 8, "warmup": 5, "learning_rate": 1e-2, "ema": 0.9}
    path = experiment_file(kind="pixel_diffusion", model=MODEL, stage1=stage)
    experiment = load_config(path)
    modules = build_modules(experiment)
    sampler = PatchSampler(data, experiment.data, 4, 0)
    measure_residual(modules, sampler, 8)
    network = diffusion_stage(experiment, modules, sampler, tmp_path).run()["diffusion"]
    pan, lrms, reference = PatchSampler(data, experiment.data, 4, 9).batch(16)
    with torch.no_grad():
        fused = network.sharpen(pan, lrms, torch.randn_like(lrms), 5)
    assert (fused - reference).abs().mean() < 0.9 * (lrms - reference).abs().mean()


def test_commands_train_and_evaluate_it(tmp_path, data, experiment_file, capsys):
    config, run = experiment_file(kind="pixel_diffusion", model=MODEL), tmp_path / "run"
    folders = ["--data", str(data), "--run", str(run)]
    assert main(["train", str(config), *folders]) == 0
    assert not (run / "stage2").exists()
    assert float(read_rows(run / "stage1" / "validation.csv")[-1]["rmse"]) > 0
    capsys.readouterr()
    options = ["--data", str(data / "test"), "--run", str(run), "--steps", "2", "5"]
    rows = tmp_path / "rows.json"
    assert main(["evaluate-diffusion", str(config), *options, "--json", str(rows)]) == 0
    found = [(row["scene"], row["method"]) for row in json.loads(rows.read_text())]
    assert found == [(s, f"pixel-diffusion-{n}") for s in "ab" for n in (2, 5)]
    assert "mean of 2" in capsys.readouterr().out
    card = tmp_path / "card.yaml"
    card.write_text(yaml.safe_dump({key: [] for key in CARD_KEYS}))
    command = ["export", str(config), "--run", str(run), "--card", str(card)]
    assert main([*command, "--output", str(tmp_path)]) == 1
    assert "not exported" in capsys.readouterr().err


def test_an_interrupted_run_of_it_ends_at_the_very_same_weights(
    tmp_path, data, experiment_file, interrupt_after
):
    experiment = load_config(experiment_file(kind="pixel_diffusion", model=MODEL))
    straight = torch.load(train(experiment, data, tmp_path / "straight"), weights_only=True)
    interrupt_after(4)
    with pytest.raises(Interrupted):
        train(experiment, data, tmp_path / "broken")
    resumed = torch.load(train(experiment, data, tmp_path / "broken"), weights_only=True)
    for name, tensor in straight["modules"].items():
        assert torch.equal(tensor, resumed["modules"][name]), name


def test_a_prior_is_refused(experiment_file):
    with pytest.raises(ValueError, match="modulation must be 'none'"):
        load_config(experiment_file(kind="pixel_diffusion"))
