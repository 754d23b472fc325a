"""A raster read as if its image lay elsewhere on its grid, by any fraction of a pixel."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d

from ..filling import fill_nearest
from .grid import Grid
from .reader import RasterSource
from .tiling import Window

LOBES = 6  # of the kernel on either side, pixels


class DisplacedSource(RasterSource):
    """`source` with its image moved left by `x` and up by `y` pixels; the pixels stay in place.

    What lay at (column + x, row + y) lies at (column, row). Fractions are interpolated with
    Lanczos' kernel (:data:`LOBES` lobes), and a pixel is as valid as the one that its centre then
    falls into. The outermost pixels serve for one pixel more, so that shifts of up to 1.5 pixels
    leave the size as it is; larger ones cut the grid. Files stay `source`'s: it has to stay open.
    """

    def __init__(self, source: RasterSource, x: float, y: float) -> None:
        vars(self).update(vars(source))  # the same bands of the same files
        self._source, self._shift = source, (x, y)
        right, down = round(x), round(y)
        self._fraction = x - right, y - down
        size = source.grid.width, source.grid.height
        self._area = Window(-right, -down, *size).expanded(1).clipped(*size)
        self._origin = self._area.column + right, self._area.row + down
        self.grid = source.grid.cut(self._area)

    @property
    def area(self) -> Window:
        """The part of the source's grid that this one's is."""
        return self._area

    def reopen(self) -> RasterSource:
        """As :meth:`RasterSource.reopen`, displaced alike."""
        return DisplacedSource(self._source.reopen(), *self._shift)

    def warped(self, grid: Grid) -> RasterSource:
        """As :meth:`RasterSource.warped`, which knows nothing of the displacement: refused."""
        raise NotImplementedError("warp the source, then displace it")

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`RasterSource.read`, with interpolated values."""
        image = np.zeros((len(self.bands), window.height, window.width), dtype=np.float32)
        valid = np.zeros((window.height, window.width), dtype=bool)
        inside = window.clipped(self.grid.width, self.grid.height)
        if inside.width and inside.height:
            place = inside.shifted(-window.column, -window.row)
            rows = slice(place.row, place.row + place.height)
            columns = slice(place.column, place.column + place.width)
            part = self._read_there(inside.shifted(*self._origin))
            image[:, rows, columns], valid[rows, columns] = part
        return image, valid

    def _read_there(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Read a window of the source's pixels, at a fraction of a pixel beside them."""
        image, known = self._source.read(window.expanded(LOBES))
        if not known.all():
            image = self._filled(window)
        for axis, fraction in zip((2, 1), self._fraction):
            if fraction:
                image = correlate1d(image, kernel(fraction), axis=axis)
        rows = np.arange(window.height).clip(-window.row, self._source.grid.height - 1 - window.row)
        columns = np.arange(window.width).clip(
            -window.column, self._source.grid.width - 1 - window.column
        )
        valid = known[np.ix_(rows + LOBES, columns + LOBES)]
        image = image[:, LOBES:-LOBES, LOBES:-LOBES]
        return np.where(valid, image, np.float32(0.0)), valid

    def _filled(self, window: Window) -> np.ndarray:
        """Read a window wider by ``LOBES``, its invalid pixels filled from the nearest valid ones.

        They are sought as far as the kernel reaches across the corner, and so in a margin that
        makes the outcome the same whatever the window.
        """
        reach = 2 * LOBES
        image, valid = self._source.read(window.expanded(LOBES + reach))
        image = fill_nearest(image, valid, reach, np.zeros(len(image)))
        return image[:, reach:-reach, reach:-reach]


def kernel(fraction: float) -> np.ndarray:
    """Lanczos' kernel that interpolates at `fraction` (-0.5 .. 0.5) of a pixel; its sum is 1.

    Source: Duchon, Lanczos filtering in one and two dimensions, 1979; normalised so that even
    ground stays as it is.
    """
    distance = np.arange(-LOBES, LOBES + 1) - fraction
    weights = np.sinc(distance) * np.sinc(distance / LOBES) * (np.abs(distance) < LOBES)
    return weights / weights.sum()
