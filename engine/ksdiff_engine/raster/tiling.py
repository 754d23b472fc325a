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


def tiles(width: int, height: int, tile: int | tuple[int, int]) -> Iterator[Window]:
    """Windows of at most `tile` pixels, row by row, that cover the grid exactly once.

    tile: width and height, or both in one. Raises ValueError when it is below 1. Multiples of the
    writer's block size (256) keep every block of the result within one tile, so none is compressed
    twice.
    """
    columns, rows = (tile, tile) if isinstance(tile, int) else tile
    if min(columns, rows) < 1:
        raise ValueError(f"a tile must measure at least 1 pixel, not {min(columns, rows)}")
    for row in range(0, height, rows):
        for column in range(0, width, columns):
            yield Window(column, row, min(columns, width - column), min(rows, height - row))
