"""How the measures walk over images of any size: tiles with surroundings, windows, blocks.

A measure is an object with ``add(tile)`` and ``value()``. :func:`accumulate` reads an image once,
tile by tile, and hands each tile to every measure, so memory does not depend on the size of the
image. Arrays in memory take the same way (:func:`array_reader`), hence one figure, whichever way
is taken.

Tiles begin at multiples of the largest block, so blocks never straddle two tiles; sliding windows
and filters find what they need in the tile's surroundings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol

import numpy as np

from ..errors import InputError

TILE = 512
# A block or window counts when at least this share of its pixels is valid; its statistics are then
# those of its valid pixels. Fewer say little about the block, and all would lose every block to
# scattered nodata.
MINIMUM_VALID = 0.5

# (rows, columns) -> images, each (C_i, h, w) or (h, w), and the valid mask (h, w) or None
Reader = Callable[[slice, slice], tuple[Sequence[np.ndarray], Optional[np.ndarray]]]


class Measure(Protocol):
    """What :func:`accumulate` feeds."""

    def add(self, tile: Tile) -> None: ...

    def value(self) -> Any: ...


@dataclass(frozen=True)
class Tile:
    """A part of several images on one grid: the core, for which it stands, and its surroundings.

    images: each (C_i, h, w) float64; invalid pixels hold 0. valid: (h, w) bool.
    rows, columns: the core, in pixels of the whole image. top, left: where the arrays begin there.
    height, width: of the whole image.
    """

    images: tuple[np.ndarray, ...]
    valid: np.ndarray
    rows: slice
    columns: slice
    top: int
    left: int
    height: int
    width: int

    def region(self, rows: slice, columns: slice) -> tuple[list[np.ndarray], np.ndarray]:
        """Images and mask of a part given in pixels of the whole image."""
        local = (
            slice(rows.start - self.top, rows.stop - self.top),
            slice(columns.start - self.left, columns.stop - self.left),
        )
        return [image[(slice(None), *local)] for image in self.images], self.valid[local]

    def core(self) -> tuple[list[np.ndarray], np.ndarray]:
        """Images and mask of the core."""
        return self.region(self.rows, self.columns)

    def windows(self, size: int) -> tuple[list[np.ndarray], np.ndarray]:
        """The region of all size x size windows whose first pixel lies in the core.

        Only windows inside the whole image count; a region narrower than `size` holds none.
        """
        return self.region(
            slice(self.rows.start, min(self.rows.stop + size - 1, self.height)),
            slice(self.columns.start, min(self.columns.stop + size - 1, self.width)),
        )

    def blocks(self, size: int, *, mirror: bool) -> tuple[list[np.ndarray], np.ndarray]:
        """The core's size x size blocks: images (n, C, size**2), mask (n, size**2).

        What the last blocks lack is mirrored at the edge of the image (edge pixel repeated) when
        `mirror`, else invalid.
        """
        rows, row_inside = _padded(self.rows, size, self.height)
        columns, column_inside = _padded(self.columns, size, self.width)
        rows, columns = rows - self.top, columns - self.left
        valid = self.valid[rows][:, columns]
        if not mirror:
            valid = valid & row_inside[:, None] & column_inside[None, :]
        images = [_split(image[:, rows][:, :, columns], size) for image in self.images]
        return images, _split(valid[None], size)[:, 0]


def _padded(core: slice, block: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of an axis rounded up to whole blocks, mirrored at `length`; which lie inside."""
    count = -(-(core.stop - core.start) // block) * block
    indices = np.arange(core.start, core.start + count)
    folded = indices % (2 * length)
    return np.where(folded < length, folded, 2 * length - 1 - folded), indices < length


def _split(image: np.ndarray, block: int) -> np.ndarray:
    """(C, h, w) -> (n, C, block**2), blocks in row-major order."""
    bands, height, width = image.shape
    cut = image.reshape(bands, height // block, block, width // block, block)
    return cut.transpose(1, 3, 0, 2, 4).reshape(-1, bands, block * block)


def array_reader(images: Sequence[np.ndarray], valid: np.ndarray | None) -> Reader:
    """Read from arrays in memory."""

    def read(rows: slice, columns: slice) -> tuple[list[np.ndarray], np.ndarray | None]:
        part = [image[..., rows, columns] for image in images]
        return part, None if valid is None else valid[rows, columns]

    return read


def check_same_grid(first: np.ndarray, second: np.ndarray, valid: np.ndarray | None) -> None:
    """Raise InputError unless both are (C, H, W) of one shape and `valid`, if any, is (H, W)."""
    if first.ndim != 3 or first.shape != second.shape or 0 in first.shape:
        raise InputError(
            f"Images of shapes {first.shape} and {second.shape} cannot be compared.",
            hint="Both must be (bands, rows, columns) of one size; cut them to a common extent.",
        )
    check_mask(valid, first.shape[1:])


def check_mask(valid: np.ndarray | None, shape: tuple[int, ...]) -> None:
    """Raise InputError unless `valid`, if any, has the (H, W) `shape` of the images."""
    if valid is not None and valid.shape != shape:
        raise InputError(
            f"The mask's shape {valid.shape} is not the images' {shape}.",
            hint="Give one mask pixel for each image pixel.",
        )


def tiles(
    read: Reader, height: int, width: int, *, block: int = 32, halo: int = 32, tile: int = TILE
) -> Iterator[Tile]:
    """Cut an image into tiles with `halo` pixels around them where the image has them.

    `tile` is rounded up to a multiple of `block`. Raises InputError when a valid pixel is not
    finite.
    """
    step = -(-tile // block) * block
    for top in range(0, height, step):
        for left in range(0, width, step):
            rows = slice(top, min(top + step, height))
            columns = slice(left, min(left + step, width))
            yield _read_tile(read, rows, columns, (height, width), halo)


def _read_tile(
    read: Reader, rows: slice, columns: slice, shape: tuple[int, int], halo: int
) -> Tile:
    around_rows = slice(max(rows.start - halo, 0), min(rows.stop + halo, shape[0]))
    around_columns = slice(max(columns.start - halo, 0), min(columns.stop + halo, shape[1]))
    images, mask = read(around_rows, around_columns)
    size = (around_rows.stop - around_rows.start, around_columns.stop - around_columns.start)
    valid = np.ones(size, bool) if mask is None else np.asarray(mask, bool)
    if any(part.shape[-2:] != size for part in (*images, valid)):
        raise ValueError(f"the reader returned another shape than the {size} that was asked for")
    return Tile(
        images=tuple(_blanked(image, valid) for image in images),
        valid=valid,
        rows=rows,
        columns=columns,
        top=around_rows.start,
        left=around_columns.start,
        height=shape[0],
        width=shape[1],
    )


def _blanked(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The image as (C, h, w) float64 with 0 at invalid pixels."""
    image = np.asarray(image, np.float64)
    image = image[None] if image.ndim == 2 else image
    result = np.where(valid, image, 0.0)
    broken = np.count_nonzero(~np.isfinite(result).all(axis=0))
    if broken:
        raise InputError(
            f"An image holds NaN or infinity at {broken} pixels that are marked valid.",
            hint="Mark these pixels as nodata, or repair the image.",
        )
    return result


def accumulate(
    read: Reader,
    height: int,
    width: int,
    measures: Sequence[Measure],
    *,
    block: int = 32,
    halo: int = 32,
    tile: int = TILE,
) -> None:
    """Read an image of any size once, in bounded memory, and feed every measure.

    `block` must be a multiple of the block of every measure, `halo` at least what each reads around
    a tile's core (never less than `block`); `tile` is in pixels.
    """
    for part in tiles(read, height, width, block=block, halo=max(halo, block), tile=tile):
        for measure in measures:
            measure.add(part)


def accumulate_arrays(
    images: Sequence[np.ndarray],
    valid: np.ndarray | None,
    measures: Sequence[Measure],
    *,
    block: int = 32,
    halo: int = 32,
) -> None:
    """The same for images in memory, each (C_i, H, W) or (H, W)."""
    height, width = images[0].shape[-2:]
    accumulate(array_reader(images, valid), height, width, measures, block=block, halo=halo)


def enough_valid(count: np.ndarray, total: int) -> np.ndarray:
    """Which blocks or windows of `total` pixels have enough valid ones to count."""
    return count >= max(2.0, MINIMUM_VALID * total)


def sliding_sum(image: np.ndarray, size: int) -> np.ndarray:
    """Sums over all size x size windows of the last two axes; they shrink by size - 1.

    Built from sums over 1, 2, 4, … pixels, so that, unlike with running or integral sums, the
    rounding error of a window depends on its own pixels alone.
    """
    return _sliding_sum(_sliding_sum(image, size).swapaxes(-1, -2), size).swapaxes(-1, -2)


def _sliding_sum(image: np.ndarray, size: int) -> np.ndarray:
    """Sums over `size` consecutive entries of the last axis."""
    count = image.shape[-1] - size + 1
    total = np.zeros((*image.shape[:-1], count), image.dtype)
    start, span, doubled = 0, 1, image
    while start < size:
        if size & span:
            total += doubled[..., start : start + count]
            start += span
        if start < size:
            doubled = doubled[..., :-span] + doubled[..., span:]
            span *= 2
    return total


@dataclass(frozen=True)
class BlockMoments:
    """Statistics over the valid pixels of n blocks.

    mean: (n, C). covariance: (n, C, C), normalised by count - 1. count: (n,).
    """

    mean: np.ndarray
    covariance: np.ndarray
    count: np.ndarray


def block_moments(pixels: np.ndarray, valid: np.ndarray) -> BlockMoments:
    """Moments of blocks (n, C, p) with masks (n, p)."""
    # Relative to a pixel of the block, so that the variance of a constant block is exactly 0.
    origin = np.take_along_axis(pixels, valid.argmax(axis=1)[:, None, None], axis=2)
    weights = valid[:, None, :].astype(np.float64)
    count = weights.sum(axis=2)
    relative = (pixels - origin) * weights
    mean = relative.sum(axis=2) / np.maximum(count, 1.0)
    relative -= mean[:, :, None]
    relative *= weights
    covariance = relative @ relative.transpose(0, 2, 1) / np.maximum(count - 1.0, 1.0)[:, :, None]
    return BlockMoments(mean + origin[:, :, 0], covariance, count[:, 0])


def universal_quality(
    covariance: np.ndarray,
    variances: np.ndarray,
    means_product: np.ndarray,
    means_square: np.ndarray,
) -> np.ndarray:
    """Q of Wang and Bovik (2002) from its parts; finite everywhere.

    ``Q = 4 cov m1 m2 / ((v1 + v2) (m1^2 + m2^2))`` with `variances` = v1 + v2, `means_square` =
    m1^2 + m2^2. Where both images are constant Q is the luminance term 2 m1 m2 / (m1^2 + m2^2);
    where both means are 0 it is 1. These are the rules of DLPan-Toolbox ``img_qi.m``.
    """
    # The rounding of a filtered constant is no structure; that of float32 lies far above.
    flat, dark = variances <= 1e-20 * means_square, means_square == 0.0
    luminance = np.where(dark, 1.0, 2.0 * means_product / np.where(dark, 1.0, means_square))
    structure = np.where(flat, 1.0, 2.0 * covariance / np.where(flat, 1.0, variances))
    return np.where(dark, 1.0, luminance * structure)


def defined(name: str, value: Callable[[], Any], notes: list[str]) -> Any:
    """The measure's value, or None and a note where it is undefined for the data."""
    try:
        return value()
    except InputError as error:
        notes.append(f"{name}: {error}")
        return None
