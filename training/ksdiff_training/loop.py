"""The training loop that both stages share: optimiser, averages, checkpoints, log."""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .config import ExperimentConfig, StageConfig
from .data import PatchSampler

Batch = tuple[Tensor, Tensor, Tensor]
Losses = dict[str, Tensor]  # "loss" is minimised, the others are logged


class Stage:
    """One stage of an experiment, from its first step to its last, across interruptions.

    `trained` holds the parameters that learn, `losses(batch)` gives the terms. The folder receives
    `checkpoint.pt` (everything a resumed run needs: weights, optimiser, averages, both random
    generators), `log.csv`, and at the end `final.pt` with the averaged weights.
    """

    def __init__(
        self,
        name: str,
        *,
        experiment: ExperimentConfig,
        config: StageConfig,
        modules: nn.ModuleDict,
        trained: list[str],
        losses: Callable[[Batch], Losses],
        sampler: PatchSampler,
        folder: Path,
    ) -> None:
        self.name = name
        self.experiment = experiment
        self.config = config
        self.modules = modules
        self.losses = losses
        self.sampler = sampler
        self.folder = folder
        self.parameters = [p for key in trained for p in modules[key].parameters()]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.average = torch.optim.swa_utils.AveragedModel(
            modules, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema)
        )
        self.step = 0
        self.seconds = 0.0

    def run(
        self, validate: Callable[[nn.ModuleDict], dict[str, float]] | None = None
    ) -> nn.ModuleDict:
        """Train to the end; returns the modules with averaged weights."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._resume()
        recent: dict[str, float] = {}
        started = time.monotonic() - self.seconds
        while self.step < self.config.steps:
            terms = self._step()
            for key, value in terms.items():
                recent[key] = 0.98 * recent.get(key, value) + 0.02 * value
            self.step += 1
            self.seconds = time.monotonic() - started
            last = self.step == self.config.steps
            if self.step % 100 == 0 or last:
                self._log(recent)
            if validate and (self.step % self.experiment.validate_every == 0 or last):
                self._log_validation(validate(self.average.module))
            if self.step % self.experiment.checkpoint_every == 0 or last:
                self._save()
        final = self.average.module
        write_atomically(
            {"modules": final.state_dict(), "steps": self.step, "seconds": self.seconds},
            self.folder / "final.pt",
        )
        return final

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then a cosine down to a hundredth."""
        config = self.config
        if step < config.warmup:
            return config.learning_rate * (step + 1) / config.warmup
        progress = (step - config.warmup) / max(1, config.steps - config.warmup)
        return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))

    def _step(self) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(self.step)
        batch = self.sampler.batch(self.config.batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.experiment.amp):
            terms = self.losses(batch)
        if not torch.isfinite(terms["loss"]):
            raise FloatingPointError(f"{self.name}: the loss is not finite at step {self.step}")
        self.optimizer.zero_grad(set_to_none=True)
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(self.parameters, self.config.clip)
        self.optimizer.step()
        self.average.update_parameters(self.modules)
        return {key: float(value.detach()) for key, value in terms.items()}

    def _log(self, recent: dict[str, float]) -> None:
        row = {"step": self.step, "seconds": round(self.seconds, 1)}
        row.update({key: f"{value:.6f}" for key, value in recent.items()})
        append_row(self.folder / "log.csv", row)
        remaining = self.seconds / self.step * (self.config.steps - self.step)
        terms = ", ".join(f"{key} {value:.4f}" for key, value in recent.items())
        print(
            f"{self.name} {self.step}/{self.config.steps}: {terms}; {remaining / 60:.0f} min left",
            flush=True,
        )

    def _log_validation(self, figures: dict[str, float]) -> None:
        append_row(self.folder / "validation.csv", {"step": self.step, **figures})
        print(f"{self.name} {self.step}: validation {figures}", flush=True)

    def _save(self) -> None:
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "experiment": self.experiment.to_dict(),
            "modules": self.modules.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "torch_rng": torch.get_rng_state(),
            "sampler_rng": self.sampler.rng.bit_generator.state,
        }
        write_atomically(state, self.folder / "checkpoint.pt")

    def _resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["experiment"] != self.experiment.to_dict():
            raise ValueError(
                f"{path} belongs to other settings of {self.experiment.name!r}; "
                "choose another run folder or remove it"
            )
        self.step, self.seconds = state["step"], state["seconds"]
        self.modules.load_state_dict(state["modules"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["torch_rng"])
        self.sampler.rng.bit_generator.state = state["sampler_rng"]
        print(f"{self.name}: resumed at step {self.step}", flush=True)


def write_atomically(state: dict[str, Any], path: Path) -> None:
    """A stop in the middle leaves the previous checkpoint, never half of a new one."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a CSV file, with a header when it is new."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
