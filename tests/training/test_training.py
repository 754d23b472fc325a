"""A whole experiment on generated scenes: it learns, resumes exactly, exports what it learnt."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from ksdiff_engine.model.storage import load_network, save_network
from ksdiff_engine.weights import catalogue
from ksdiff_training.config import load_config
from ksdiff_training.csv_log import read_rows
from ksdiff_training.data.prefetch import can_fork
from ksdiff_training.data.sampler import PatchSampler
from ksdiff_training.export import CARD_KEYS, build_card, export
from ksdiff_training.loop import Stage
from ksdiff_training.stages import (
    build_modules,
    image_loss,
    known_prior,
    measure_prior,
    stage1,
    stage2,
)
from ksdiff_training.train import train
from tests.training.conftest import Interrupted, write_data, write_experiment

TIMES = ("seconds", "waited")


def load(path):
    return torch.load(path, weights_only=True)


def parameters(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def changed(module, before):
    return {name for name, tensor in module.state_dict().items() if not tensor.equal(before[name])}


def logged(folder):
    """All that the stage logged, times apart."""
    rows = read_rows(folder / "log.csv") + read_rows(folder / "validation.csv")
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    """The one run whose curves are drawn: it is made before its first test's `without_curves`."""
    folder = tmp_path_factory.mktemp("trained")
    experiment = load_config(write_experiment(folder / "experiment.yaml"))
    train(experiment, write_data(folder / "data"), folder / "run")
    return experiment, folder / "run"


@pytest.fixture
def finished(trained_once, tmp_path):
    """A finished run: (experiment, its folder, which the test may change)."""
    experiment, run = trained_once
    return experiment, Path(shutil.copytree(run, tmp_path / "run"))


def test_a_run_leaves_weights_logs_and_provenance(finished):
    _, run = finished
    for stage in ("stage1", "stage2"):
        final = load(run / stage / "final.pt")
        assert final["steps"] == 6
        assert all(torch.isfinite(tensor).all() for tensor in final["modules"].values())
        assert [row["step"] for row in read_rows(run / stage / "log.csv")] == ["6"]
        validation = read_rows(run / stage / "validation.csv")
        assert [row["step"] for row in validation] == ["5", "6"]
        assert float(validation[0]["l1"]) > 0
        assert not list((run / stage).glob("*.tmp"))
        assert list((run / stage / "tensorboard").glob("events.*"))
        assert (run / stage / "curves.png").read_bytes().startswith(b"\x89PNG")
    provenance = json.loads((run / "provenance.json").read_text())
    assert provenance["torch"] == torch.__version__
    assert provenance["git_commit"]


def test_a_finished_run_is_not_trained_again(finished, data, monkeypatch):
    experiment, run = finished
    before = load(run / "stage2" / "final.pt")["modules"]
    monkeypatch.setattr(Stage, "_step", lambda stage: pytest.fail("a step was made"))
    final = train(experiment, data, run)
    after = load(final)["modules"]
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize(("amp", "chain"), [(False, "full"), (True, "one_step")])
def test_an_interrupted_run_ends_at_the_very_same_weights(
    tmp_path, data, experiment_file, interrupt_after, amp, chain
):
    experiment = load_config(experiment_file(amp=amp, chain=chain, log_every=1))
    straight = load(train(experiment, data, tmp_path / "straight"))
    for steps in (4, 6, 2):  # in stage 1 after its checkpoint; in stage 2 after; before the end
        interrupt_after(steps)
        with pytest.raises(Interrupted):
            train(experiment, data, tmp_path / "broken")
    interrupt_after(0)
    resumed = load(train(experiment, data, tmp_path / "broken"))
    for stage in ("stage1", "stage2"):
        assert load(tmp_path / "broken" / stage / "final.pt")["steps"] == 6
        logs = [logged(tmp_path / run / stage) for run in ("straight", "broken")]
        assert logs[0] == logs[1]
    assert straight["modules"].keys() == resumed["modules"].keys()
    for name, tensor in straight["modules"].items():
        assert torch.equal(tensor, resumed["modules"][name]), name


@pytest.mark.skipif(not can_fork(), reason="no fork here")
def test_who_draws_the_batches_changes_nothing(tmp_path, data, experiment_file):
    experiment = load_config(experiment_file())
    by_thread, by_processes = (
        load(train(experiment, data, tmp_path / str(workers), workers=workers))["modules"]
        for workers in (0, 2)
    )
    for name, tensor in by_thread.items():
        assert torch.equal(tensor, by_processes[name]), name


def test_settings_that_a_checkpoint_does_not_know_yet_have_their_default(
    tmp_path, data, experiment_file, interrupt_after
):
    experiment = load_config(experiment_file())
    interrupt_after(4)
    with pytest.raises(Interrupted):
        train(experiment, data, tmp_path)
    path = tmp_path / "stage1" / "checkpoint.pt"
    state = load(path)
    for key in ("prior", "training", "log_every"):
        del state["experiment"][key]
    torch.save(state, path)
    assert load(train(experiment, data, tmp_path, stages=("stage1",)))["steps"] == 6


def test_a_run_of_other_settings_is_not_resumed(tmp_path, data, experiment_file, interrupt_after):
    interrupt_after(4)
    with pytest.raises(Interrupted):
        train(load_config(experiment_file()), data, tmp_path / "run")
    with pytest.raises(ValueError, match="belongs to other settings"):
        train(load_config(experiment_file(seed=1)), data, tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path, data, experiment_file, monkeypatch):
    monkeypatch.setattr(
        PatchSampler,
        "batch",
        lambda self, size, number: [torch.full((size, c, 32, 32), np.nan) for c in (4, 1, 1)],
    )
    with pytest.raises(FloatingPointError, match="stage1: the loss is not finite at step 0"):
        train(load_config(experiment_file()), data, tmp_path / "run")
    assert not (tmp_path / "run" / "stage1" / "checkpoint.pt").exists()


def test_the_best_weights_are_kept(tmp_path, data, experiment_file):
    experiment = load_config(experiment_file())
    sampler = PatchSampler(data, experiment.data, 4, 0)
    stage = stage1(experiment, build_modules(experiment), sampler, tmp_path)
    errors = iter([0.3, 0.2])  # at steps 5 and 6
    final = stage.run(lambda modules: {"rmse": next(errors)})
    best = load(tmp_path / "stage1" / "best.pt")
    assert best["steps"] == 6
    assert all(torch.equal(best["modules"][n], t) for n, t in final.state_dict().items())


def test_a_worse_end_leaves_the_best_weights(tmp_path, data, experiment_file):
    experiment = load_config(experiment_file())
    sampler = PatchSampler(data, experiment.data, 4, 0)
    errors = iter([0.2, 0.3])
    stage = stage1(experiment, build_modules(experiment), sampler, tmp_path)
    stage.run(lambda modules: {"rmse": next(errors)})
    assert load(tmp_path / "stage1" / "best.pt")["steps"] == 5
    assert load(tmp_path / "stage1" / "final.pt")["steps"] == 6


def test_a_stage_ends_when_its_time_is_up(tmp_path, data, experiment_file):
    stage = {"steps": 10**6, "batch": 2, "warmup": 1, "seconds": 0.3}
    experiment = load_config(experiment_file(stage1=stage))
    sampler = PatchSampler(data, experiment.data, 4, 0)
    stage = stage1(experiment, build_modules(experiment), sampler, tmp_path)
    stage.run()
    final = load(tmp_path / "stage1" / "final.pt")
    assert final["seconds"] >= 0.3
    assert 0 < final["steps"] < 1000
    assert stage.learning_rate(final["steps"]) == pytest.approx(1e-5)


def test_stages_run_alone(tmp_path, data, experiment_file):
    experiment = load_config(experiment_file())
    with pytest.raises(FileNotFoundError, match="stage 2 begins where stage 1 ended"):
        train(experiment, data, tmp_path / "run", stages=("stage2",))
    train(experiment, data, tmp_path / "run", stages=("stage1",))
    assert not (tmp_path / "run" / "stage2").exists()
    train(experiment, data, tmp_path / "run", stages=("stage2",))
    train(experiment, data, tmp_path / "whole")
    alone, whole = (load(tmp_path / run / "stage2" / "final.pt") for run in ("run", "whole"))
    assert all(torch.equal(whole["modules"][n], t) for n, t in alone["modules"].items())


def test_a_prior_from_the_inputs_alone_has_no_second_stage(tmp_path, data, experiment_file):
    experiment = load_config(experiment_file(prior="inputs"))
    assert train(experiment, data, tmp_path) == tmp_path / "stage1" / "final.pt"
    with pytest.raises(ValueError, match="has only"):
        train(experiment, data, tmp_path, stages=("stage2",))
    pan, lrms, reference = PatchSampler(data, experiment.data, 4, 9).batch(2)
    modules = build_modules(experiment).requires_grad_(False)
    prior = known_prior(modules, (pan, lrms, reference), "inputs")
    assert torch.equal(prior, known_prior(modules, (pan, lrms, 0 * reference), "inputs"))
    assert not torch.equal(prior, known_prior(modules, (pan, lrms, reference), "target"))


def test_windows_of_a_scene_share_the_mean_of_their_priors(tmp_path, data, experiment_file):
    experiment = load_config(experiment_file())
    modules = build_modules(experiment).requires_grad_(False)
    batch = PatchSampler(data, experiment.data, 4, 9).batch(4)
    alone, shared = (known_prior(modules, batch, "target", windows) for windows in (1, 2))
    assert (len(alone), len(shared)) == (4, 2)
    torch.testing.assert_close(shared, (alone[::2] + alone[1::2]) / 2)
    pairs = replace(experiment, data=replace(experiment.data, windows=2))
    two_processes = SimpleNamespace(world=2, device=torch.device("cpu"))
    with pytest.raises(ValueError, match="batch of 2 cannot be shared by 2 processes with 2"):
        stage1(pairs, modules, PatchSampler(data, pairs.data, 4, 9), tmp_path, two_processes)


@pytest.mark.parametrize("make", [stage1, stage2])
def test_a_margin_is_seen_but_not_judged(make, tmp_path, data, experiment_file):
    """What the network sees around a patch counts; what would be right there does not."""
    experiment = load_config(experiment_file())
    experiment = replace(experiment, data=replace(experiment.data, margin=8))
    modules = build_modules(experiment)
    torch.nn.init.normal_(modules["ksdiff"].backbone.leave.weight)  # it begins with zeros
    sampler = PatchSampler(data, experiment.data, 4, 9)
    stage = make(experiment, modules, sampler, tmp_path)
    pan, lrms, reference = sampler.batch(2)
    assert pan.shape[-1] == lrms.shape[-1] == experiment.data.patch + 16
    around = torch.ones_like(lrms, dtype=torch.bool)
    around[..., 8:-8, 8:-8] = False
    noise = stage._noise()
    judged, otherwise, elsewhere = (
        float(stage._objective(batch, noise)["loss"].detach())
        for batch in (
            (pan, lrms, reference),
            (pan, lrms, reference + 5.0 * around),
            (pan, lrms + 5.0 * around, reference),
        )
    )
    assert judged == otherwise != elsewhere


def test_a_run_with_a_margin_is_watched_on_the_same_patches(tmp_path, data, experiment_file):
    experiment = load_config(experiment_file())
    wide = replace(experiment, data=replace(experiment.data, margin=8))
    figures = []
    for name, each in (("bare", experiment), ("wide", wide)):
        train(each, data, tmp_path / name)
        figures.append(read_rows(tmp_path / name / "stage2" / "validation.csv")[-1])
    bare, seen = figures
    assert bare["l1_interpolation"] == seen["l1_interpolation"]
    assert bare["rmse"] != seen["rmse"]


def test_stage_1_learns_to_fuse(tmp_path, data, experiment_file):
    steps = {"steps": 60, "batch": 4, "warmup": 5, "learning_rate": 5e-3, "ema": 0.8}
    experiment = load_config(experiment_file(stage1=steps))
    sampler = PatchSampler(data, experiment.data, 4, 0)
    final = stage1(experiment, build_modules(experiment), sampler, tmp_path).run()
    pan, lrms, reference = PatchSampler(data, experiment.data, 4, 9).batch(16)
    with torch.no_grad():
        fused = final["ksdiff"].fuse(pan, lrms, final["target"](pan, lrms, reference))
    assert (fused - reference).abs().mean() < 0.9 * (lrms - reference).abs().mean()


def test_each_stage_trains_its_own_parts(tmp_path, data, experiment_file):
    experiment = load_config(experiment_file())
    modules = build_modules(experiment)
    sampler = PatchSampler(data, experiment.data, 4, 0)
    before = parameters(modules)
    stage1(experiment, modules, sampler, tmp_path).run()
    moved = changed(modules, before)
    assert any(name.startswith("target.") for name in moved)
    assert any(".generator." in name for name in moved)
    measure_prior(modules, sampler, 2)
    before = parameters(modules)
    stage2(experiment, modules, sampler, tmp_path).run()
    moved = changed(modules, before)
    assert not any(name.startswith("target.") for name in moved)
    assert not {"ksdiff.prior_mean", "ksdiff.prior_std"} & moved
    for part in ("backbone", "condition_encoder", "denoiser"):
        assert any(name.startswith(f"ksdiff.{part}.") for name in moved)


def test_separate_training_leaves_the_fusion_network_alone(tmp_path, data, experiment_file):
    experiment = load_config(experiment_file(training="separate"))
    modules = build_modules(experiment)
    before = parameters(modules)
    stage2(experiment, modules, PatchSampler(data, experiment.data, 4, 0), tmp_path).run()
    moved = {".".join(name.split(".")[:2]) for name in changed(modules, before)}
    assert moved == {"ksdiff.condition_encoder", "ksdiff.denoiser"}


def test_prior_statistics_standardise_the_target(data, experiment_file):
    experiment = load_config(experiment_file())
    modules = build_modules(experiment)
    measure_prior(modules, PatchSampler(data, experiment.data, 4, 0), 4)
    batches = PatchSampler(data, experiment.data, 4, 1)
    with torch.no_grad():
        priors = torch.cat([modules["target"](*batches.batch(16, n)) for n in range(8)])
        standardised = modules["ksdiff"].standardise(priors).flatten(0, 1)
    assert standardised.mean(dim=0).abs().max() < 0.4
    assert standardised.std(dim=0).sub(1).abs().max() < 0.4


def test_learning_rate_warms_up_and_falls_to_a_hundredth(tmp_path, experiment_file, data):
    experiment = load_config(experiment_file(stage1={"steps": 100, "warmup": 10}))
    sampler = PatchSampler(data, experiment.data, 4, 0)
    stage = stage1(experiment, build_modules(experiment), sampler, tmp_path)
    rates = [stage.learning_rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(1e-4)
    assert max(rates) == rates[9] == pytest.approx(1e-3)
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[100] == pytest.approx(1e-5)


def test_average_follows_the_weights(tmp_path, data, experiment_file):
    """The exponential mean of the weights after each step; the first one starts it."""
    steps = {"steps": 4, "batch": 2, "warmup": 2, "ema": 0.5}
    experiment = load_config(experiment_file(stage1=steps))
    modules = build_modules(experiment)
    stage = stage1(experiment, modules, PatchSampler(data, experiment.data, 4, 0), tmp_path)
    kernels, name = [], "ksdiff.backbone.enter.weight"
    step = stage._step
    stage._step = lambda: (step(), kernels.append(modules.state_dict()[name].clone()))[0]
    final = stage.run().state_dict()[name]
    expected = kernels[0]
    for kernel in kernels[1:]:
        expected = 0.5 * expected + 0.5 * kernel
    torch.testing.assert_close(final, expected)


# --- the plain network ---


def test_plain_network_has_one_stage(tmp_path, data, experiment_file):
    model = {"modulation": "none", "channels": [4, 4, 4], "blocks": [1, 1]}
    experiment = load_config(experiment_file(model=model))
    final = train(experiment, data, tmp_path / "run")
    assert final == tmp_path / "run" / "stage1" / "final.pt"
    assert not (tmp_path / "run" / "stage2").exists()
    assert all(name.startswith("ksdiff.backbone.") for name in load(final)["modules"])


# --- export ---


@pytest.fixture
def card_file(tmp_path):
    texts = {
        "title": "Tiny, ratio 4",
        "description": "Generated scenes.",
        "ratio": [4, 4],
        "sensors": ["none"],
        "sources": [{"files": "vhr_1", "source": "generated", "licence": "none needed"}],
        "limits": "Of no use.",
    }
    path = tmp_path / "card.yaml"
    path.write_text(yaml.safe_dump(texts))
    return path


@pytest.mark.parametrize("checkpoint", ["best", "final"])
def test_exported_weights_are_the_averaged_network(tmp_path, finished, data, card_file, checkpoint):
    experiment, run = finished
    state = load(run / "stage2" / "final.pt")
    torch.save({**state, "steps": 5}, run / "stage2" / "best.pt")
    scenes = sorted((data / "test").glob("*.npz"))
    path = export(experiment, run, card_file, tmp_path, scenes, checkpoint)
    network, card = load_network(path)
    modules = build_modules(experiment)
    modules.load_state_dict(state["modules"])
    modules.requires_grad_(False)
    pan, lrms, _ = PatchSampler(data, experiment.data, 4, 0).batch(2)
    assert torch.equal(network(pan, lrms, seed=1), modules["ksdiff"](pan, lrms, seed=1))
    assert not any("target" in name for name in network.state_dict())
    assert [entry.name for entry in catalogue([tmp_path])] == ["tiny"]
    assert card["training"]["steps"] == {"stage1": 6, "stage2": 6}
    assert card["training"]["batch"] == {"stage1": 2, "stage2": 2}
    assert card["training"]["checkpoint"] == checkpoint
    assert card["training"]["checkpoint_step"] == {"best": 5, "final": 6}[checkpoint]
    assert card["training"]["data"][0]["licence"] == "none needed"
    assert card["training"]["git_commit"]
    named = {(row["scene"], row["method"]) for row in card["metrics"]}
    expected = {(s, m) for s in ("a", "b", "mean of 2") for m in ("exp", "tiny")}
    assert named == expected


def test_export_without_test_scenes_has_no_figures(tmp_path, finished, card_file):
    _, card = load_network(export(*finished, card_file, tmp_path))
    assert card["metrics"] == []


def test_plain_networks_are_exported_from_stage_1(tmp_path, data, experiment_file, card_file):
    model = {"modulation": "none", "channels": [4, 4, 4], "blocks": [1, 1]}
    experiment = load_config(experiment_file(model=model))
    train(experiment, data, tmp_path / "run")
    network, card = load_network(export(experiment, tmp_path / "run", card_file, tmp_path))
    assert network.config.modulation == "none"
    assert card["training"]["steps"] == {"stage1": 6}


def test_export_refuses_what_is_not_ready(tmp_path, finished, experiment_file, card_file):
    experiment, run = finished
    other = load_config(experiment_file(model={"channels": [4, 4, 4], "blocks": [1, 1]}))
    with pytest.raises(ValueError, match="another architecture"):
        export(other, run, card_file, tmp_path)
    (run / "stage2" / "best.pt").unlink()
    with pytest.raises(FileNotFoundError, match="export the checkpoint final"):
        export(experiment, run, card_file, tmp_path)
    (run / "stage2" / "final.pt").unlink()
    with pytest.raises(FileNotFoundError, match=r"stage2.*has not finished"):
        export(experiment, run, card_file, tmp_path)
    card_file.write_text("title: alone\n")
    with pytest.raises(ValueError, match=", ".join(CARD_KEYS)):
        export(experiment, run, card_file, tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_run_starts_from_another_with_what_both_have(data, experiment_file, tmp_path):
    model = yaml.safe_load(experiment_file().read_text())["model"]
    plain = load_config(experiment_file(name="plain", model={**model, "modulation": "none"}))
    train(plain, data, tmp_path / "plain")
    begun = load_config(experiment_file(start="plain", stage1={"steps": 0}))
    train(begun, data, tmp_path / "tiny")
    first = load(tmp_path / "tiny" / "stage1" / "final.pt")["modules"]
    learnt = load(tmp_path / "plain" / "stage1" / "final.pt")["modules"]
    assert learnt
    assert all(first[name].equal(tensor) for name, tensor in learnt.items())
    fresh = parameters(build_modules(begun))
    others = [name for name in first if name not in learnt and not name.startswith("ksdiff.prior_")]
    assert others
    assert all(first[name].equal(fresh[name]) for name in others)


def test_a_narrower_network_starts_with_the_first_channels(data, experiment_file, tmp_path):
    model = yaml.safe_load(experiment_file().read_text())["model"]
    model = {**model, "modulation": "none", "channels": [6, 8, 12]}
    train(load_config(experiment_file(name="wide", model=model)), data, tmp_path / "wide")
    narrow = {**model, "channels": [6, 8, 8]}
    begun = load_config(
        experiment_file(name="narrow", start="wide", stage1={"steps": 0}, model=narrow)
    )
    train(begun, data, tmp_path / "narrow")
    wide = load(tmp_path / "wide" / "stage1" / "final.pt")["modules"]
    taken = load(tmp_path / "narrow" / "stage1" / "final.pt")["modules"]
    kernel = "ksdiff.backbone.middle.0.first.weight"
    assert wide[kernel].shape[:2] == (12, 12)
    assert taken[kernel].equal(wide[kernel][:8, :8])
    assert taken["ksdiff.backbone.up_half.0.weight"].equal(
        wide["ksdiff.backbone.up_half.0.weight"][:, :8]
    )
    assert taken["ksdiff.backbone.enter.weight"].equal(wide["ksdiff.backbone.enter.weight"])


def test_the_card_counts_what_a_run_started_from(data, experiment_file, tmp_path):
    first = load_config(experiment_file(name="first"))
    train(first, data, tmp_path / "first")
    tuned = load_config(experiment_file(start="first", stage1={"steps": 0}))
    train(tuned, data, tmp_path / "tiny")
    texts = dict.fromkeys(CARD_KEYS, "")
    card = build_card(tuned, tmp_path / "tiny", texts)
    assert card["training"]["steps"] == {
        "first/stage1": 6,
        "first/stage2": 6,
        "stage1": 0,
        "stage2": 6,
    }


def test_a_run_can_start_from_exported_weights(data, experiment_file, tmp_path):
    first = load_config(experiment_file(name="first"))
    train(first, data, tmp_path / "first")
    card_file = tmp_path / "card.yaml"
    texts = {**dict.fromkeys(CARD_KEYS, "text"), "ratio": [4, 4], "sensors": []}
    card_file.write_text(yaml.safe_dump(texts))
    path = export(first, tmp_path / "first", card_file, tmp_path, checkpoint="final")
    trained = load(tmp_path / "first" / "stage2" / "final.pt")["modules"]
    shutil.rmtree(tmp_path / "first")
    tuned = load_config(experiment_file(start="first", stage1={"steps": 0}))
    train(tuned, data, tmp_path / "tiny")
    taken = load(tmp_path / "tiny" / "stage1" / "final.pt")["modules"]
    ours = [name for name in trained if name.startswith("ksdiff.")]
    assert path == tmp_path / "first.safetensors"
    assert all(taken[name].equal(trained[name]) for name in ours)
    counted = build_card(tuned, tmp_path / "tiny", texts)["training"]
    assert counted["steps"] == {"first/stage1": 6, "first/stage2": 6, "stage1": 0, "stage2": 6}
    # An older card has one batch for all stages.
    network, card = load_network(path)
    save_network(network, {**card, "training": {**card["training"], "batch": 8}}, path)
    batch = build_card(tuned, tmp_path / "tiny", texts)["training"]["batch"]
    assert batch["first/stage1"] == batch["first/stage2"] == 8
    assert batch["stage2"] == tuned.stage2.batch


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("l1", (1 + 3) / 2), ("l2", (1 + 9) / 2), ("rmse", (1 + 3) / 2)],
)
def test_losses_of_an_image(kind, expected):
    reference = torch.zeros(2, 1, 4, 4)
    fused = torch.tensor([1.0, -3.0])[:, None, None, None].expand(2, 1, 4, 4)
    assert image_loss(kind, reference, fused).item() == pytest.approx(expected, rel=1e-6)


def test_the_rmse_loss_is_a_mean_over_patches_and_not_the_root_of_all():
    fused = torch.zeros(2, 1, 2, 2)
    fused[0, 0, 0, 0], fused[1, 0, 0, 0] = 2.0, 6.0  # roots of the mean squares: 1 and 3
    assert image_loss("rmse", torch.zeros_like(fused), fused).item() == pytest.approx(2.0)
    assert image_loss("l1", torch.zeros_like(fused), fused).item() == pytest.approx(1.0)


def test_a_flat_patch_without_any_error_does_not_break_the_rmse_loss():
    fused = torch.zeros(2, 1, 4, 4, requires_grad=True)
    image_loss("rmse", torch.zeros(2, 1, 4, 4), fused).backward()
    assert fused.grad.isfinite().all()


@pytest.mark.parametrize("kind", ["l2", "rmse"])
def test_both_stages_take_the_loss_that_the_experiment_names(kind, data, experiment_file, tmp_path):
    means = {}
    for loss in ("l1", kind):
        experiment = load_config(experiment_file(name=loss, loss=loss))
        train(experiment, data, tmp_path / loss)
        means[loss] = [
            load(tmp_path / loss / stage / "final.pt")["modules"]["ksdiff.backbone.enter.weight"]
            for stage in ("stage1", "stage2")
        ]
    assert not any(ours.equal(l1) for ours, l1 in zip(means[kind], means["l1"], strict=True))


def test_starting_from_nothing_or_from_another_layout_is_refused(data, experiment_file, tmp_path):
    experiment = load_config(experiment_file(start="first"))
    with pytest.raises(FileNotFoundError, match="first holds no finished stage"):
        train(experiment, data, tmp_path / "tiny")
    model = yaml.safe_load(experiment_file().read_text())["model"]
    narrow = {**model, "channels": [2, 4, 4], "modulation": "none"}
    train(load_config(experiment_file(name="first", model=narrow)), data, tmp_path / "first")
    with pytest.raises(ValueError, match="of another architecture"):
        train(experiment, data, tmp_path / "tiny")
