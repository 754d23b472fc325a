"""A training step as a GPU records it: thousands of small kernels, launched as one.

A step of these networks is some thousand operations on patches of 64 pixels. Each takes a GPU
microseconds and the processor ten times as long to launch; a recorded step (a CUDA graph) is
launched whole.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

EAGER_STEPS = 3  # before the recording: libraries choose their algorithms, the optimiser its state


class RecordedUpdate:
    """`update(inputs)`, recorded after some eager steps and replayed from then on.

    What `update` does must not hang on its inputs' values nor wait for the device, and all that it
    reads and writes stays where it is: parameters, the optimiser's state, a learning rate that is a
    tensor. Inputs keep their shapes.
    """

    def __init__(self, update: Callable[[list[Tensor]], Tensor]) -> None:
        self._update = update
        self._eager = EAGER_STEPS
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: list[Tensor] = []
        self._values = torch.empty(0)

    def __call__(self, inputs: list[Tensor]) -> Tensor:
        """What `update` returned for inputs on the device; valid until the next step."""
        if self._eager:
            self._eager -= 1
            return self._on_a_stream_of_its_own(inputs)
        if self._graph is None:
            self._record(inputs)
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given, non_blocking=True)
        assert self._graph is not None  # nosec B101
        self._graph.replay()
        return self._values

    def _on_a_stream_of_its_own(self, inputs: list[Tensor]) -> Tensor:
        """Eagerly, as recording will be: gradients remember the stream of their birth."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            values = self._update(inputs)
        torch.cuda.current_stream().wait_stream(stream)
        return values

    def _record(self, inputs: list[Tensor]) -> None:
        """Record a step; nothing of it is computed yet."""
        self._inputs = [given.clone() for given in inputs]
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._values = self._update(self._inputs)
        self._graph = graph
