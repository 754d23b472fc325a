"""Batches made ahead, so that no step waits for its data."""

from __future__ import annotations

import itertools
import multiprocessing
import queue
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

Batch = tuple[Tensor, Tensor, Tensor]
AHEAD = 4  # batches; enough to even out slow ones, such as those that are read from a file


class Sampler(Protocol):
    """Endless numbered batches."""

    def batch(self, size: int, number: int) -> Batch:
        """Batch `number`, of `size` samples; the same whenever and wherever it is drawn."""


class Prefetcher:
    """The batches of a sampler from number `start` on, drawn ahead.

    A thread draws them, which will do beside a CPU's steps: numpy and h5py let others run while
    they work. A GPU's steps are shorter than drawing a batch, and their launches want the
    interpreter for themselves: `workers` processes draw there, forked so that they share the
    scenes' memory. Which of them draws a batch changes nothing of it.

    Attribute `waited`: the seconds that :meth:`take` has waited for batches.
    """

    def __init__(
        self, sampler: Sampler, size: int, *, start: int = 0, workers: int = 0, pin: bool = False
    ) -> None:
        """`pin`: into page-locked memory, from which copies to a GPU need not be waited for.

        Raises ValueError for `workers` on a system without fork.
        """
        if workers and not can_fork():
            raise ValueError("processes that draw batches need fork, which this system lacks")
        self.waited = 0.0
        self._batches = _NumberedBatches(sampler, size)
        self._start, self._workers, self._pin = start, workers, pin
        self._ready: queue.Queue[Batch | Exception] = queue.Queue(AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="batches", daemon=True)

    def take(self) -> Batch:
        """The next batch. Raises what the sampler raised when it drew it."""
        started = time.monotonic()
        drawn = self._ready.get()
        self.waited += time.monotonic() - started
        if isinstance(drawn, Exception):
            raise drawn
        return drawn

    def __enter__(self) -> Prefetcher:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        while self._thread.is_alive():  # it may wait for room in the queue
            try:
                self._ready.get(timeout=0.05)
            except queue.Empty:
                continue

    def _draw(self) -> None:
        try:
            for batch in self._source():
                if self._stopped.is_set():
                    return
                self._ready.put(batch)
        except Exception as error:
            # What came from a process tells its own traceback; this one's would keep them alive.
            self._ready.put(error.with_traceback(None) if self._workers else error)

    def _source(self) -> Iterator[Batch]:
        """All batches in their order."""
        numbers = itertools.count(self._start)
        if not self._workers:
            return map(self._batches.__getitem__, numbers)
        loader = DataLoader(
            self._batches,
            batch_size=None,
            sampler=numbers,
            num_workers=self._workers,
            prefetch_factor=AHEAD,
            pin_memory=self._pin,
            multiprocessing_context="fork",
            generator=torch.Generator(),  # else it draws a seed from the one that the noise is of
        )
        return iter(loader)


class _NumberedBatches(Dataset[Batch]):
    """A sampler as a data set whose items are whole batches."""

    def __init__(self, sampler: Sampler, size: int) -> None:
        self._sampler, self._size = sampler, size

    def __getitem__(self, number: int) -> Batch:
        return self._sampler.batch(self._size, number)


def can_fork() -> bool:
    """Whether processes can be made that share this one's memory."""
    return "fork" in multiprocessing.get_all_start_methods()
