"""Windows and tiles on a pixel grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels of its grid; it may leave the grid on any side."""

    column: int
    row: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 0 or self.height < 0:
            raise ValueError(f"a window cannot measure {self.width} × {self.height} pixels")

    def expanded(self, halo: int) -> Window:
        """The window with `halo` more pixels on all four sides; may leave the grid."""
        return Window(
            self.column - halo, self.row - halo, self.width + 2 * halo, self.height + 2 * halo
        )

    def shifted(self, columns: int, rows: int) -> Window:
        """The same window counted from an origin that lies `columns`, `rows` further up left."""
        return Window(self.column + columns, self.row + rows, self.width, self.height)

    def clipped(self, width: int, height: int) -> Window:
        """The part inside a grid of `width` × `height` pixels; measures 0 where nothing is."""
        column, row = min(max(self.column, 0), width), min(max(self.row, 0), height)
        right = min(max(self.column + self.width, column), width)
        bottom = min(max(self.row + self.height, row), height)
        return Window(column, row, right - column, bottom - row)


def tiles(width: int, height: int, tile: int) -> Iterator[Window]:
    """Windows of at most `tile` × `tile` pixels, row by row, that cover the grid exactly once.

    Raises ValueError when `tile` is below 1. A multiple of the writer's block size (256) keeps
    every block of the result within one tile, so none is compressed twice.
    """
    if tile < 1:
        raise ValueError(f"a tile must measure at least 1 pixel, not {tile}")
    for row in range(0, height, tile):
        for column in range(0, width, tile):
            yield Window(column, row, min(tile, width - column), min(tile, height - row))


def even_tiles(
    width: int, height: int, tile: tuple[int, int], block: int = 256
) -> Iterator[Window]:
    """The same, at most `tile` (columns, rows), multiples of `block`, but of about equal size.

    A small tile at the end of a row would be done long before the one that is in work beside it,
    and results are taken in order.
    """
    columns, rows = (list(_even(*sides, block)) for sides in zip((width, height), tile))
    for row, lower in zip([0, *rows], rows):
        for column, right in zip([0, *columns], columns):
            yield Window(column, row, right - column, lower - row)


def _even(size: int, largest: int, block: int) -> Iterator[int]:
    """Where spans of at most `largest`, as equal as multiples of `block` can be, end."""
    blocks = -(-size // block)
    count = -(-blocks // (largest // block))
    for number in range(1, count):
        yield blocks * number // count * block
    yield size
