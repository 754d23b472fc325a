"""What a stage tells while it trains: CSV files, TensorBoard, a bar or lines; at the end curves."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from .csv_log import append_row, drop_rows_after
from .curves import plot_curves

SMOOTHING = 0.98  # of the losses that are told: an exponential mean over about 50 steps


class Logbook:
    """The records of a stage in its folder, from `step` on.

    `log.csv` (smoothed losses), `validation.csv`, `tensorboard/`; `curves.png` when it is closed.
    A terminal shows a bar with the remaining time; elsewhere every record is a line.
    """

    def __init__(
        self, name: str, folder: Path, *, step: int, steps: int | None, recent: Mapping[str, float]
    ) -> None:
        """`steps`: at which the stage ends, None when time decides; `recent`: the losses so far."""
        self.name = name
        self.folder = folder
        self.steps = steps
        self.recent = dict(recent)
        for file in ("log.csv", "validation.csv"):
            drop_rows_after(folder / file, step)
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
        self._bar = tqdm(
            desc=name,
            initial=step,
            total=steps,
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
        )

    def take(self, losses: Mapping[str, float]) -> None:
        """Take in the losses of a step."""
        for key, value in losses.items():
            self.recent[key] = SMOOTHING * self.recent.get(key, value) + (1 - SMOOTHING) * value
        self._bar.update()

    def write(
        self, step: int, *, seconds: float, waited: float, left: float, learning_rate: float
    ) -> None:
        """Tell the smoothed losses, the `seconds` of training so far and how many are left.

        `waited`: seconds in which this process had to wait for batches, since the last start.
        """
        figures = {key: f"{value:.6f}" for key, value in self.recent.items()}
        times = {"seconds": round(seconds, 1), "waited": round(waited, 2)}
        append_row(self.folder / "log.csv", {"step": step, **times, **figures})
        told = {**self.recent, "learning_rate": learning_rate, "waited": waited}
        for key, value in told.items():
            self._board.add_scalar(f"training/{key}", value, step)
        terms = ", ".join(f"{key} {value:.4f}" for key, value in self.recent.items())
        if self._bar.disable:
            at = f"{step}" if self.steps is None else f"{step}/{self.steps}"
            print(
                f"{self.name} {at}: {terms}; {left / 60:.0f} min left, "
                f"{waited:.1f} s waited for batches",
                flush=True,
            )
        else:
            self._bar.set_postfix_str(f"{terms}, waited {waited:.1f} s")

    def validation(self, step: int, figures: Mapping[str, float]) -> None:
        """Tell the figures on held-out scenes."""
        append_row(self.folder / "validation.csv", {"step": step, **figures})
        for key, value in figures.items():
            self._board.add_scalar(f"validation/{key}", value, step)
        with self._bar.external_write_mode():
            print(f"{self.name} {step}: validation {dict(figures)}", flush=True)

    def close(self) -> None:
        """Draw the curves."""
        self._bar.close()
        self._board.close()
        plot_curves(self.folder, self.name)
