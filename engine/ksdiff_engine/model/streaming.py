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
from .frozen import BakedConv2d, FusedConv2d, middle, rectified

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
        self._up_half, self._up_full = _Finer(network.up_half), _Finer(network.up_full)
        # Both ends of a block are dropped: two rows at its own resolution.
        self._half = _Skipped(2 * 2 * at_quarter)
        self._full = _Skipped(2 * (2 * at_half + 2 * 2 * at_quarter + 2 * at_half))

    def send(self, full: Tensor) -> Tensor:
        """The next rows behind the first layer (1, C, h, W) -> the result's rows complete now."""
        network = self._network
        self._full.put(full)
        half = rectified(network.down_half, full)
        self._encode[0].room(half.shape, half.dtype).copy_(half)
        half = _through(network.encode, self._encode)
        self._half.put(half)
        quarter = rectified(network.down_quarter, half)
        self._middle[0].room(quarter.shape, quarter.dtype).copy_(quarter)
        quarter = _through(network.middle, self._middle)
        self._half.add_to(self._up_half(quarter), self._decode[0])
        half = _through(network.decode, self._decode)
        self._full.add_to(self._up_full(half), self._last).relu_()
        return network.leave(rectified(network.refine, self._last.taken()))


class _LineBuffer:
    """The input of two convolutions: the rows of now, below those kept of the strip above."""

    def __init__(self) -> None:
        self._memory: Tensor | None = None
        self._rows: Tensor | None = None  # of it in use

    def room(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Where rows of the shape (1, C, h, W) are to be written."""
        _, channels, height, width = shape
        kept, above = None, 0
        if self._rows is not None:
            kept, above = self._rows[:, :, -OVERLAP:].clone(), OVERLAP
        if self._memory is None or self._memory.shape[2] < OVERLAP + height:
            shape = (1, channels, OVERLAP + height, width)
            self._memory = torch.empty(shape, dtype=dtype, memory_format=torch.channels_last)
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

    def add_to(self, coarser: Sequence[Tensor], buffer: _LineBuffer) -> Tensor:
        """Write the sum with as many of the rows as there are of `coarser` to `buffer`.

        coarser: even and odd rows, narrower by what they lack on both sides. Returns the sum.
        """
        _, channels, half_height, width = coarser[0].shape
        out = buffer.room((1, channels, 2 * half_height, width), coarser[0].dtype)
        done, height = 0, 2 * half_height
        while done < height:
            waiting = self._waiting.popleft()
            count = min(waiting.shape[2], height - done)  # even, as all heights but a quarter's
            skipped = middle(waiting[:, :, :count], count, width)
            for odd, rows in enumerate(coarser):
                now = rows[:, :, done // 2 : (done + count) // 2]
                room = out[:, :, done + odd : done + count : 2]
                torch.add(now, skipped[:, :, odd::2], out=room)
            if count < waiting.shape[2]:
                self._waiting.appendleft(waiting[:, :, count:])
            done += count
        return out


class _Finer:
    """A 1 x 1 convolution and a pixel shuffle, as a convolution for even rows and one for odd ones.

    With the channels innermost, what they give are rows of the finer image as they lie in memory,
    if its columns are the outer part of the channels: nothing is moved.
    """

    def __init__(self, upsampling: nn.Module) -> None:
        convolution = cast("nn.Conv2d | FusedConv2d", cast(nn.Sequential, upsampling)[0])
        weight, bias = convolution.weight, cast(Tensor, convolution.bias)
        weights = weight.reshape(len(weight) // 4, 2, 2, *weight.shape[1:])
        biases = bias.reshape(len(weight) // 4, 2, 2)
        self._convolutions: list[nn.Module] = []
        for odd in range(2):
            kernel = weights[:, odd].transpose(0, 1).flatten(end_dim=1)
            layer = BakedConv2d(kernel, biases[:, odd].T.flatten())
            fuse = isinstance(convolution, FusedConv2d)
            self._convolutions.append(FusedConv2d(layer) if fuse else layer)

    def __call__(self, x: Tensor) -> list[Tensor]:
        """x (1, C, h, w) -> even and odd rows of (1, C', 2 h, 2 w)."""
        return [self._rows(convolution(x)) for convolution in self._convolutions]

    @staticmethod
    def _rows(x: Tensor) -> Tensor:
        _, channels, height, width = x.shape
        finer = x.permute(0, 2, 3, 1).reshape(1, height, 2 * width, channels // 2)
        return finer.permute(0, 3, 1, 2)


def _through(blocks: nn.ModuleList, buffers: Sequence[_LineBuffer]) -> Tensor:
    """Residual blocks in a row, each from its own buffer into that of the next."""
    for number, (module, buffer) in enumerate(zip(blocks, buffers), start=1):
        block, rows = cast(ResidualBlock, module), buffer.taken()
        result = block.second(rectified(block.first, rows))
        room = result
        if number < len(buffers):
            room = buffers[number].room(result.shape, result.dtype)
        torch.add(middle(rows, *result.shape[2:]), result, out=room)
    return result
