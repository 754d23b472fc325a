"""Where a run computes: device, precision, and how many processes share its steps.

One process, or those that ``torchrun`` starts, through Lightning Fabric. All processes draw the
same global batch and the same noise from equal generators, each works on its own slice of it, and
DDP averages the gradients: the run is the one that a single process would make, up to rounding.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import torch
from torch import Tensor, nn

from ksdiff_engine.device import choose_device
from ksdiff_engine.pixel_pass import fastest_precision

from .data.prefetch import can_fork

WORKERS_BESIDE_GPU = 3  # each draws a batch of 16 in 6 ms; a step of a plain one of 32 takes 4


class Compute:
    """Device and processes of a run.

    workers: how many processes draw batches; 0 where a thread does.
    amp: compute in bfloat16 where autocast allows it and the device has units for it. Processors
        without them take tens of times as long as in float32, in which they compute instead.
    """

    def __init__(
        self, device: str = "cpu", *, amp: bool = False, workers: int | None = None
    ) -> None:
        """`device` is ``auto``, ``cpu`` or ``cuda``; a GPU that cannot be used is warned of.

        workers: processes that draw batches, 0 for a thread; None for what suits the device.
        """
        # Seconds to import, which evaluation and export need not wait for.
        from lightning_fabric import Fabric
        from lightning_fabric.strategies import DDPStrategy

        chosen, warning = choose_device(device)
        if warning:
            print(warning, file=sys.stderr)
        self.world, here = 1, 1
        if torch.distributed.is_torchelastic_launched():
            self.world, here = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        self.fabric = Fabric(
            accelerator=chosen.type,
            devices=here,
            num_nodes=self.world // here,
            # A stage need not use all of a network: stage 1 has no denoiser.
            strategy=DDPStrategy(find_unused_parameters=True) if self.world > 1 else "auto",
            precision="bf16-mixed" if amp and _gains_from_bfloat16(chosen) else "32-true",
        )
        self.fabric.launch()
        if workers is None:
            beside_gpu = min(WORKERS_BESIDE_GPU, (os.cpu_count() or 1) - 1)
            workers = beside_gpu if chosen.type == "cuda" and can_fork() else 0
        self.workers = workers

    @property
    def device(self) -> torch.device:
        """This process's own."""
        return self.fabric.device

    @property
    def records(self) -> bool:
        """Whether steps are recorded and replayed: on a GPU, in one process."""
        return self.device.type == "cuda" and self.world == 1

    @property
    def is_first(self) -> bool:
        """True in the one process that writes files and speaks."""
        return self.fabric.is_global_zero

    def prepare(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[Any, Any]:
        """A module whose forward pass gives the losses and its optimiser, for all processes."""
        return self.fabric.setup(module, optimizer)

    def share(self, tensor: Tensor) -> Tensor:
        """This process's slice of a tensor of the global batch, on its device.

        Raises ValueError where the batch cannot be divided evenly.
        """
        size, rest = divmod(tensor.shape[0], self.world)
        if rest:
            raise ValueError(
                f"a batch of {tensor.shape[0]} is not divided by {self.world} processes"
            )
        start = self.fabric.global_rank * size
        return tensor[start : start + size].to(self.device, non_blocking=tensor.is_pinned())

    def mean(self, values: Tensor) -> Tensor:
        """The mean over processes."""
        if self.world == 1:
            return values
        return self.fabric.all_reduce(values, reduce_op="mean")

    def wait(self) -> None:
        """Until all processes have come here."""
        self.fabric.barrier()


def _gains_from_bfloat16(device: torch.device) -> bool:
    return fastest_precision(device) == torch.bfloat16
