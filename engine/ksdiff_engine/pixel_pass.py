"""The pass over the pixels: frozen networks at the device's own speed, within its memory.

METHOD, section 7: after baking, a scene costs what plain convolutions cost. They run in half
precision where the device computes in it, with the channels innermost, which is how such units read
them. On a GPU copies go through page-locked memory beside the computation; where its memory does
not suffice, a tile is cut into smaller and smaller parts, and at last the CPU takes over.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from .device import keep_freed_memory
from .model.backbones.unet import UNet
from .model.frozen import can_fuse, fused, middle
from .model.streaming import strips

# A CPU takes a tile in strips of so many rows, of which hardly any is computed twice; longer ones
# take more memory. What cannot be streamed, it takes in parts of so many pixels, whose halo is
# computed twice. A GPU takes a tile whole, or in parts if its memory does not suffice.
STRIP_ROWS, CPU_PIXELS, SMALLEST_PART = 128, 344 * 1120, 64


def fastest_precision(device: torch.device) -> torch.dtype:
    """The type in which `device` convolves fastest: bfloat16 where it has units for it.

    GPUs from Ampere on and CPUs with AVX512-BF16 or AMX have; older GPUs take float16, all else
    float32. Networks are trained in bfloat16, so nothing is lost: docs/model.md has the figures.
    """
    if device.type == "cuda":
        modern = torch.cuda.get_device_capability(device)[0] >= 8
        return torch.bfloat16 if modern else torch.float16
    # Private, and absent from older versions of PyTorch: what cannot be asked counts as lacking.
    units = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    able = any(getattr(torch.cpu, unit, bool)() for unit in units)
    return torch.bfloat16 if able else torch.float32


class Rows(Protocol):
    """A network's input, made when it is asked for: a strip's features stay in the cache."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""

    def rows(self, start: int, stop: int) -> np.ndarray:
        """(C_in, stop - start, W) float32."""


class PixelPass:
    """Frozen networks of one layout, one a band, over the tiles of a scene.

    device, precision: where and in which type they compute now; both may change once, when a GPU's
    memory does not suffice, which `warn` is told.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        *,
        device: torch.device,
        precision: torch.dtype,
        halo: int,
        stride: int,
        edge: int = 0,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        """halo: pixels that an output depends on, a multiple of the networks' stride.

        edge: of the parts, halo apart, that a network sees at once, which bounds its memory; 0 is
        what suits the device. Where rows are streamed it plays no part.
        """
        keep_freed_memory()
        self._sources = networks
        self._halo, self._stride, self._edge = halo, stride, edge
        self._warn = warn
        self._place(device, precision)

    def residuals(self, inputs: Iterable[Rows]) -> Iterator[np.ndarray]:
        """Each network's output, (H, W) float32, for its own input.

        It says nothing in the halo: what that depends on is not in the input.
        While a GPU works on one input, the next one is made.
        """
        launched: _Launched | None = None
        for number, rows in enumerate(inputs):
            following = self._launch(number, rows)
            if launched is not None:
                yield launched.result()
            launched = following
        if launched is not None:
            yield launched.result()

    def _place(self, device: torch.device, precision: torch.dtype) -> None:
        self.device, self.precision = device, precision
        self._rows = self._columns = self._edge or sys.maxsize
        self._pixels = CPU_PIXELS if device.type == "cpu" and not self._edge else sys.maxsize
        networks = [copy.deepcopy(n).to(device=device, dtype=precision) for n in self._sources]
        for network in networks:
            # Other backbones are the paper's, for its tables; no weights of theirs are shipped.
            if isinstance(network, UNet) and network.radius <= self._halo:
                network.drop_borders()
        if device.type == "cpu" and can_fuse():
            networks = [fused(network) for network in networks]
        self._networks = networks

    def _launch(self, number: int, rows: Rows) -> _Launched:
        network = self._networks[number]
        if self.device.type == "cpu" and isinstance(network, UNet) and network.radius <= self._halo:
            return _Launched(self._in_strips(network, rows))
        array = rows.rows(0, rows.shape[1])
        try:
            return _Launched(self._within_memory(network, self._on_device(array)))
        except torch.cuda.OutOfMemoryError:
            if self.device.type == "cpu":
                raise
            torch.cuda.empty_cache()
        self._warn(
            f"The memory of {self.device} does not suffice even for {SMALLEST_PART} × "
            f"{SMALLEST_PART} pixels at once. The CPU goes on, which is slower."
        )
        cpu = torch.device("cpu")
        self._place(cpu, fastest_precision(cpu))
        return self._launch(number, rows)

    def _on_device(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(array)[None]
        if self.device.type == "cuda":
            tensor = tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor

    def _in_strips(self, network: UNet, rows: Rows) -> Tensor:
        """The network's output (1, 1, H, W), strip by strip."""
        _, height, width = rows.shape
        result = torch.zeros(1, 1, height, width, dtype=self.precision)
        if min(height, width) <= 2 * self._halo:
            return result  # nothing but halo, as at a tile's edge in tile scope
        row, columns = network.dropped, slice(network.dropped, -network.dropped)

        def seen(start: int, stop: int) -> Tensor:
            # In two steps, which take a third of the time of both at once.
            part = torch.from_numpy(rows.rows(start, stop))[None].to(self.precision)
            return part.contiguous(memory_format=torch.channels_last)

        for strip in strips(network, seen, height, STRIP_ROWS):
            result[:, :, row : row + strip.shape[2], columns] = strip
            row += strip.shape[2]
        return result

    def _within_memory(self, network: nn.Module, x: Tensor) -> Tensor:
        """The network on (1, C_in, H, W), in ever smaller parts where that is too much at once."""
        while True:
            try:
                return self._in_parts(network, x)
            except torch.cuda.OutOfMemoryError:
                smaller = min(self._rows, self._columns, *x.shape[2:]) // 2
                if smaller < SMALLEST_PART:
                    raise
                self._rows = self._columns = smaller  # for the tiles to come
                torch.cuda.empty_cache()

    def _in_parts(self, network: nn.Module, x: Tensor) -> Tensor:
        """The same, part by part: each is seen with a halo, beyond which it does not depend."""
        result = x.new_zeros(1, 1, *x.shape[2:], dtype=self.precision)
        for rows in self._cuts(x.shape[2], min(self._rows, self._pixels // x.shape[3])):
            for columns in self._cuts(x.shape[3], self._columns):
                part = x[:, :, self._seen(rows), self._seen(columns)]
                part = network(part.to(self.precision, memory_format=torch.channels_last))
                height, width = rows.stop - rows.start, columns.stop - columns.start
                result[:, :, rows, columns] = middle(part, height, width)
        return result

    def _cuts(self, size: int, edge: int) -> list[slice]:
        """Spans of an axis without its halo."""
        # The grid of strided layers begins alike in every part.
        edge = max(self._stride, edge // self._stride * self._stride)
        end = size - self._halo
        return [slice(begin, min(begin + edge, end)) for begin in range(self._halo, end, edge)]

    def _seen(self, span: slice) -> slice:
        return slice(span.start - self._halo, span.stop + self._halo)


class _Launched:
    """A result on its way from the device."""

    def __init__(self, output: Tensor) -> None:
        self._event = None
        if output.is_cuda:
            on_its_way = torch.empty(
                output.shape, dtype=output.dtype, device="cpu", pin_memory=True
            )
            on_its_way.copy_(output, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()
            output = on_its_way
        self._output = output

    def result(self) -> np.ndarray:
        """(H, W) float32, once it is complete."""
        if self._event is not None:
            self._event.synchronize()
        return self._output[0, 0].float().numpy()
