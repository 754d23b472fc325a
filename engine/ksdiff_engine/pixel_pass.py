"""The pass over the pixels: frozen networks at the device's own speed, within its memory.

METHOD, section 7: after baking, a scene costs what plain convolutions cost. They run in half
precision where the device computes in it, with the channels innermost, which is how such units read
them. On a GPU copies go through page-locked memory beside the computation; where its memory does
not suffice, a tile is cut into smaller and smaller parts, and at last the CPU takes over.
"""

from __future__ import annotations

import copy
import ctypes
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

# Of glibc's mallopt: tensors below the threshold are kept when freed instead of handed back. Each
# layer's output is tens of megabytes, whose pages the system else clears anew every time.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 1 << 30

SMALLEST_PART = 64  # edge in pixels, halo apart, below which nothing is cut


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


def keep_freed_memory() -> None:
    """Let the C library keep what is freed, up to a gigabyte; does nothing but with glibc.

    A job of 16 megapixels takes a fifth less time, and a sixth of the system's.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, KEPT)
        mallopt(M_TRIM_THRESHOLD, KEPT)


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
        edge: int = 0,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        """halo: pixels that an output depends on, a multiple of the networks' stride.

        edge: of the parts, halo apart, that a network sees at once, which bounds its memory; 0 is
        the whole tile.
        """
        keep_freed_memory()
        self._sources = networks
        self._halo = halo
        self._largest = edge + 2 * halo if edge else sys.maxsize
        self._warn = warn
        self._place(device, precision)

    def residuals(self, inputs: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Each network's output, (H, W) float32, for its own input (C_in, H, W) float32.

        While a GPU works on one input, the next one is made.
        """
        launched: _Launched | None = None
        for network, array in zip(range(len(self._networks)), inputs):
            following = self._launch(network, array)
            if launched is not None:
                yield launched.result()
            launched = following
        if launched is not None:
            yield launched.result()

    def _place(self, device: torch.device, precision: torch.dtype) -> None:
        self.device, self.precision = device, precision
        self._networks = [
            copy.deepcopy(network).to(device=device, dtype=precision) for network in self._sources
        ]

    def _launch(self, number: int, array: np.ndarray) -> _Launched:
        try:
            return _Launched(self._in_parts(self._networks[number], self._on_device(array)))
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
        return self._launch(number, array)

    def _on_device(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(array)[None]
        if self.device.type == "cuda":
            tensor = tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(dtype=self.precision, memory_format=torch.channels_last)

    def _in_parts(self, network: nn.Module, x: Tensor) -> Tensor:
        """The network on (1, C_in, H, W), cut in two wherever that is too much at once."""
        axis = 3 if x.shape[3] >= x.shape[2] else 2
        size, halo = x.shape[axis], self._halo
        # The grid of strided layers begins at a multiple of the halo in either part.
        middle = size // 2 // halo * halo
        divisible = middle - halo >= SMALLEST_PART
        if size <= self._largest or not divisible:
            try:
                return network(x)
            except torch.cuda.OutOfMemoryError:
                if not divisible:
                    raise
            self._largest = size - 1  # for the tiles to come
            torch.cuda.empty_cache()
        first = self._in_parts(network, x.narrow(axis, 0, middle + halo))
        second = self._in_parts(network, x.narrow(axis, middle - halo, size - middle + halo))
        return torch.cat(
            [first.narrow(axis, 0, middle), second.narrow(axis, halo, size - middle)], dim=axis
        )


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
