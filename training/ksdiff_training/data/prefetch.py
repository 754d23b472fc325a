"""Batches made ahead, so that no step waits for its data."""

from __future__ import annotations

import queue
import threading
import time
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from torch import Tensor

Batch = tuple[Tensor, Tensor, Tensor]
AHEAD = 4  # batches; enough to even out slow ones, such as those that are read from a file


class Sampler(Protocol):
    """Endless batches whose only state is `rng`."""

    rng: np.random.Generator

    def batch(self, size: int) -> Batch:
        """The next batch of `size` samples."""


class Prefetcher:
    """The batches of a sampler in their order, drawn ahead by a thread of its own.

    A thread will do: numpy and h5py let others run while they work. The sampler belongs to the
    thread until the end of the ``with`` block; then its generator stands after the last batch that
    was taken, as if none had been drawn ahead.

    Attributes: `rng_state`, that of the generator after the last batch taken, which is what a
    checkpoint needs; `waited`, the seconds that :meth:`take` has waited for batches.
    """

    def __init__(self, sampler: Sampler, size: int) -> None:
        self.rng_state = sampler.rng.bit_generator.state
        self.waited = 0.0
        self._sampler, self._size = sampler, size
        self._ready: queue.Queue[tuple[Batch, dict[str, Any]] | Exception] = queue.Queue(AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="batches", daemon=True)

    def take(self) -> Batch:
        """The next batch. Raises what the sampler raised when it drew it."""
        started = time.monotonic()
        drawn = self._ready.get()
        self.waited += time.monotonic() - started
        if isinstance(drawn, Exception):
            raise drawn
        batch, self.rng_state = drawn
        return batch

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
        self._sampler.rng.bit_generator.state = self.rng_state

    def _draw(self) -> None:
        while not self._stopped.is_set():
            try:
                batch = self._sampler.batch(self._size)
            except Exception as error:
                self._ready.put(error)
                return
            self._ready.put((batch, self._sampler.rng.bit_generator.state))
