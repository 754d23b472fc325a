"""A frozen U-Net over an image strip by strip, in which hardly a row is computed twice.

Every layer needs some rows of the strip above: it keeps them (a "line buffer"). A row of the result
comes out as soon as all that it depends on has come in. The result is that of the network on the
whole image, in the memory of a strip.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from .backbones.blocks import ResidualBlock
from .backbones.unet import UNet
from .frozen import middle, rectified

OVERLAP = 4  # rows that two 3 x 3 convolutions in a row need again for the next strip


def strips(
    network: UNet, image: Callable[[int, int], Tensor], height: int, rows: int
) -> Iterator[Tensor]:
    """The rows of the network's output from top to bottom, at most `rows` at a time.

    network: frozen, after :meth:`.UNet.drop_borders`. image(start, stop): these rows of its input,
    (1, C_in, stop - start, W) in its precision, channels innermost; some are asked for twice. The
    `height` of all and W divide by the stride and exceed twice what is dropped. Each strip is
    (1, C_out, h, W'), with the channels innermost; their h sum to H'. Bit for bit the network's own
    result where convolutions do not depend on an image's height, as in float32.
    """
    stream = _Stream(network)
    first = 2 * network.dropped + network.stride
    for start, stop in _spans(height, first, rows, network.stride):
        # The first layer sees a row on either side.
        top, bottom = max(start - 1, 0), min(stop + 1, height)
        entered = rectified(network.enter, image(top, bottom))
        yield stream.send(entered[:, :, start - top : stop - top])


def _spans(size: int, first: int, rows: int, stride: int) -> Iterator[tuple[int, int]]:
    """Spans of about equal length, at most `rows`, that begin on the stride.

    The first has at least `first`: before, no row can come out.
    """
    count = -(-size // rows)
    equal = (size * number // count // stride * stride for number in range(1, count + 1))
    ends = list(dict.fromkeys(max(end, first) for end in equal))
    return zip([0, *ends[:-1]], ends)


class _Stream:
    """A network and the rows that its layers keep."""

    def __init__(self, network: UNet) -> None:
        self._network = network
        at_half, at_quarter = len(network.encode), len(network.middle)
        self._encode = [_LineBuffer() for _ in range(at_half)]
        self._middle = [_LineBuffer() for _ in range(at_quarter)]
        self._decode = [_LineBuffer() for _ in range(at_half)]
        self._last = _LineBuffer()
        # Both ends of a block are dropped: two rows at its own resolution.
        self._half = _Skipped(2 * 2 * at_quarter)
        self._full = _Skipped(2 * (2 * at_half + 2 * 2 * at_quarter + 2 * at_half))

    def send(self, full: Tensor) -> Tensor:
        """The next rows behind the first layer (1, C, h, W) -> the result's rows complete now."""
        network = self._network
        self._full.put(full)
        half = rectified(network.down_half, full)
        self._encode[0].room(half).copy_(half)
        half = _through(network.encode, self._encode)
        self._half.put(half)
        quarter = rectified(network.down_quarter, half)
        self._middle[0].room(quarter).copy_(quarter)
        quarter = _through(network.middle, self._middle)
        half = network.up_half(quarter)
        self._half.add_to(half, out=self._decode[0].room(half))
        half = _through(network.decode, self._decode)
        full = network.up_full(half)
        room = self._last.room(full)
        self._full.add_to(full, out=room)
        room.relu_()
        return network.leave(rectified(network.refine, self._last.taken()))


class _LineBuffer:
    """The input of two convolutions: the rows of now, below those kept of the strip above."""

    def __init__(self) -> None:
        self._memory: Tensor | None = None
        self._rows: Tensor | None = None  # of it in use

    def room(self, like: Tensor) -> Tensor:
        """Where rows of the shape of `like` (1, C, h, W) are to be written."""
        _, channels, height, width = like.shape
        kept, above = None, 0
        if self._rows is not None:
            kept, above = self._rows[:, :, -OVERLAP:].clone(), OVERLAP
        if self._memory is None or self._memory.shape[2] < OVERLAP + height:
            shape = (1, channels, OVERLAP + height, width)
            self._memory = torch.empty(shape, dtype=like.dtype, memory_format=torch.channels_last)
        if kept is not None:
            self._memory[:, :, :OVERLAP] = kept
        self._rows = self._memory[:, :, OVERLAP - above : OVERLAP + height]
        return self._rows[:, :, above:]

    def taken(self) -> Tensor:
        """Kept and written rows, until the next ones are written."""
        assert self._rows is not None  # after room()  # nosec B101
        return self._rows


class _Skipped:
    """Features that wait for the coarser ones they are added to, which come some rows later."""

    def __init__(self, dropped: int) -> None:
        """dropped: rows at the top that the coarser features lack."""
        self._dropped = dropped
        self._waiting: deque[Tensor] = deque()

    def put(self, rows: Tensor) -> None:
        """The next rows, (1, C, h, W)."""
        lost = min(self._dropped, rows.shape[2])
        self._dropped -= lost
        self._waiting.append(rows[:, :, lost:])

    def add_to(self, coarser: Tensor, out: Tensor) -> None:
        """The sum with as many of the rows, and as much of their middle, as `coarser` has."""
        done, (height, width) = 0, coarser.shape[2:]
        while done < height:
            waiting = self._waiting.popleft()
            count = min(waiting.shape[2], height - done)
            rows = slice(done, done + count)
            skipped = middle(waiting[:, :, :count], count, width)
            torch.add(coarser[:, :, rows], skipped, out=out[:, :, rows])
            if count < waiting.shape[2]:
                self._waiting.appendleft(waiting[:, :, count:])
            done += count


def _through(blocks: nn.ModuleList, buffers: Sequence[_LineBuffer]) -> Tensor:
    """Residual blocks in a row, each from its own buffer into that of the next."""
    for number, (module, buffer) in enumerate(zip(blocks, buffers), start=1):
        block, rows = cast(ResidualBlock, module), buffer.taken()
        result = block.second(rectified(block.first, rows))
        room = buffers[number].room(result) if number < len(buffers) else result
        torch.add(middle(rows, *result.shape[2:]), result, out=room)
    return result
