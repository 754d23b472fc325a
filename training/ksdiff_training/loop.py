"""The training loop that all stages share: optimiser, averages, checkpoints, the best weights."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .compute import Compute
from .config import ExperimentConfig, StageConfig, experiment_from_dict
from .data.prefetch import Batch, Prefetcher
from .data.sampler import PatchSampler
from .logbook import Logbook
from .recording import RecordedUpdate

Losses = dict[str, Tensor]  # "loss" is minimised, the others are logged
Noise = tuple[Tensor, ...]  # what else is random in a step
BATCH_PARTS = 3  # pan, lrms, reference
BEST_BY = "rmse"  # the figure on held-out scenes that is smallest at the best weights


class Stage:
    """One stage of an experiment, from its first step to its last, across interruptions.

    `trained` names the parts of `modules` that learn (``ksdiff`` or ``ksdiff.denoiser``),
    `losses(batch, noise)` gives the terms on this process's part of a batch and of what `noise()`
    drew for it, on the CPU and for the whole batch: so neither the device nor the number of
    processes changes a run, and nothing random is left in what a GPU records. The folder receives
    `checkpoint.pt` (everything a resumed run needs: weights, optimiser, averages, the random
    generator of the noise), the logbook's files, `best.pt` whenever the held-out error is smallest
    and `final.pt` at the end, both with the averaged weights.
    """

    def __init__(
        self,
        name: str,
        *,
        experiment: ExperimentConfig,
        config: StageConfig,
        modules: nn.ModuleDict,
        trained: list[str],
        losses: Callable[[Batch, Noise], Losses],
        noise: Callable[[], Noise] = tuple,
        sampler: PatchSampler,
        folder: Path,
        compute: Compute | None = None,
    ) -> None:
        """`compute` is the CPU in one process unless given."""
        self.name = name
        self.experiment = experiment
        self.config = config
        self.compute = compute or Compute(amp=experiment.amp)
        windows, processes = experiment.data.windows, self.compute.world
        if config.batch % (windows * processes):
            raise ValueError(
                f"a batch of {config.batch} cannot be shared by {processes} processes with "
                f"{windows} windows of a scene together"
            )
        self.modules = modules.to(self.compute.device)
        self.sampler = sampler
        self.folder = folder
        self.parameters = [p for key in trained for p in modules.get_submodule(key).parameters()]
        recorded = self.compute.records
        self._rate = torch.zeros((), device=self.compute.device) if recorded else None
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=config.learning_rate if self._rate is None else self._rate,
            weight_decay=config.weight_decay,
            fused=recorded or None,
            capturable=recorded,
        )
        self.average = copy.deepcopy(modules)
        self._follow = torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema)
        self._noise = noise
        self._objective, self._optimizer = self.compute.prepare(
            _Objective(modules, losses), self.optimizer
        )
        self._update = RecordedUpdate(self._eager_update) if recorded else self._eager_update
        self._terms: tuple[str, ...] = ()
        self.step = 0
        self.seconds = 0.0
        self.best = math.inf
        self._batches = self._prefetcher()
        self._recent: dict[str, float] = {}

    def run(
        self, validate: Callable[[nn.ModuleDict], dict[str, float]] | None = None
    ) -> nn.ModuleDict:
        """Train to the end; returns the modules with averaged weights.

        `validate` gives figures on held-out scenes; the one called ``rmse`` decides on `best.pt`.
        Raises FloatingPointError when the loss is not finite.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._resume()
        logbook = self._open_logbook() if self.compute.is_first else None
        with self._prefetcher() as self._batches:
            while not self.ended:
                losses = self._step()
                if logbook is not None:
                    self._record(losses, logbook, validate)
        if logbook is not None:
            logbook.close()
            write_atomically(self._averaged(), self.folder / "final.pt")
        self.compute.wait()
        return self.average

    @property
    def ended(self) -> bool:
        """Whether the stage has used its budget."""
        if self.config.seconds is not None:
            return self.seconds >= self.config.seconds
        return self.step >= self.config.steps

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then a cosine over the budget down to a hundredth."""
        config = self.config
        if step < config.warmup:
            return config.learning_rate * (step + 1) / config.warmup
        if config.seconds is not None:
            progress = min(1.0, self.seconds / config.seconds)
        else:
            progress = (step - config.warmup) / max(1, config.steps - config.warmup)
        return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))

    def _prefetcher(self) -> Prefetcher:
        """The batches that this and later steps use."""
        compute = self.compute
        return Prefetcher(
            self.sampler,
            self.config.batch,
            start=self.step,
            workers=compute.workers,
            pin=compute.device.type == "cuda",
        )

    def _step(self) -> dict[str, float]:
        started = time.monotonic()
        self._set_rate(self.learning_rate(self.step))
        drawn = (*self._batches.take(), *self._noise())
        values = self._update([self.compute.share(part) for part in drawn])
        if self.step == 0:  # the average begins with what the first step made
            self.average.load_state_dict(self.modules.state_dict())
        losses = dict(zip(self._terms, self.compute.mean(values).tolist(), strict=True))
        if not math.isfinite(losses["loss"]):
            raise FloatingPointError(f"{self.name}: the loss is not finite at step {self.step}")
        self.step += 1
        # The mean, so that all processes agree on when the time is up.
        elapsed = torch.tensor(time.monotonic() - started, dtype=torch.float64)
        self.seconds += float(self.compute.mean(elapsed))
        return losses

    def _set_rate(self, rate: float) -> None:
        if self._rate is not None:
            self._rate.fill_(rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate if self._rate is None else self._rate

    def _eager_update(self, inputs: list[Tensor]) -> Tensor:
        """All that a step does on the device; the values of the terms."""
        batch, noise = inputs[:BATCH_PARTS], tuple(inputs[BATCH_PARTS:])
        self._optimizer.zero_grad(set_to_none=True)
        terms = self._objective(batch, noise)
        self._terms = tuple(terms)
        self.compute.fabric.backward(terms["loss"])
        nn.utils.clip_grad_norm_(self.parameters, self.config.clip)
        self._optimizer.step()
        with torch.no_grad():
            averages, weights = list(self.average.parameters()), list(self.modules.parameters())
            self._follow(averages, weights, None)
        return torch.stack([value.detach() for value in terms.values()])

    def _record(
        self,
        losses: dict[str, float],
        logbook: Logbook,
        validate: Callable[[nn.ModuleDict], dict[str, float]] | None,
    ) -> None:
        """Log, validate and save where it is time to."""
        logbook.take(losses)
        self._recent = logbook.recent
        experiment, last = self.experiment, self.ended
        if self.step % experiment.log_every == 0 or last:
            rate = self.learning_rate(self.step - 1)
            logbook.write(
                self.step,
                seconds=self.seconds,
                waited=self._batches.waited,
                left=self._left(),
                learning_rate=rate,
            )
        if validate and (self.step % experiment.validate_every == 0 or last):
            figures = validate(self.average)
            logbook.validation(self.step, figures)
            if figures[BEST_BY] <= self.best:
                self.best = figures[BEST_BY]
                write_atomically(self._averaged(), self.folder / "best.pt")
        if self.step % experiment.checkpoint_every == 0 or last:
            self._save()

    def _left(self) -> float:
        """Seconds of training that remain at the present pace."""
        if self.config.seconds is not None:
            return max(0.0, self.config.seconds - self.seconds)
        return self.seconds / self.step * (self.config.steps - self.step)

    def _open_logbook(self) -> Logbook:
        steps = None if self.config.seconds is not None else self.config.steps
        return Logbook(self.name, self.folder, step=self.step, steps=steps, recent=self._recent)

    def _averaged(self) -> dict[str, Any]:
        """The averaged weights, what they cost, and whose they are."""
        return {
            "modules": self.average.state_dict(),
            "steps": self.step,
            "seconds": self.seconds,
            "experiment": self.experiment.to_dict(),
        }

    def _save(self) -> None:
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "recent": self._recent,
            "experiment": self.experiment.to_dict(),
            "modules": self.modules.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "torch_rng": torch.get_rng_state(),
        }
        write_atomically(state, self.folder / "checkpoint.pt")

    def _resume(self) -> None:
        """Every process reads the one checkpoint: they hold the same weights and generators."""
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not _same(state["experiment"], self.experiment):
            raise ValueError(
                f"{path} belongs to other settings of {self.experiment.name!r}; "
                "choose another run folder or remove it"
            )
        self.step, self.seconds = state["step"], state["seconds"]
        self.best, self._recent = state.get("best", math.inf), state.get("recent", {})
        self.modules.load_state_dict(state["modules"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["torch_rng"])
        if self.compute.is_first:
            print(f"{self.name}: resumed at step {self.step}", flush=True)


class _Objective(nn.Module):
    """The losses as a forward pass, through which DDP finds the gradients it has to average."""

    def __init__(self, parts: nn.ModuleDict, losses: Callable[[Batch, Noise], Losses]) -> None:
        super().__init__()
        self.parts = parts
        self.losses = losses

    def forward(self, batch: Batch, noise: Noise) -> Losses:
        return self.losses(batch, noise)


def _same(settings: dict[str, Any], experiment: ExperimentConfig) -> bool:
    """Whether a checkpoint's settings are the experiment's; keys it lacks have their default."""
    try:
        return experiment_from_dict(settings) == experiment
    except (KeyError, TypeError, ValueError):  # of a version whose keys are no longer known
        return False


def write_atomically(state: dict[str, Any], path: Path) -> None:
    """A stop in the middle leaves the previous file, never half of a new one."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)
