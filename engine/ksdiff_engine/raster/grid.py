"""The pixel grid of a raster: size, geotransform, CRS. Pure geometry, without GDAL."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .tiling import Window

Geotransform = tuple[float, float, float, float, float, float]

NO_GEOTRANSFORM: Geotransform = (0.0, 1.0, 0.0, 0.0, 0.0, 1.0)  # what GDAL reports for none


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a raster lie.

    geotransform: GDAL's six numbers; (column, row) = (0, 0) is the outer corner of the first pixel.
        ``NO_GEOTRANSFORM`` stands for a raster without one.
    crs: WKT, axes in GIS order (x, y); empty for none.
    """

    width: int
    height: int
    geotransform: Geotransform = NO_GEOTRANSFORM
    crs: str = ""

    @property
    def has_geotransform(self) -> bool:
        return self.geotransform != NO_GEOTRANSFORM

    @property
    def linear(self) -> np.ndarray:
        """(2, 2): map units per pixel; columns are the steps along a row and along a column."""
        g = self.geotransform
        return np.array([[g[1], g[2]], [g[4], g[5]]])

    @property
    def origin(self) -> np.ndarray:
        """(2,): map coordinates of the corner of pixel (0, 0)."""
        return np.array([self.geotransform[0], self.geotransform[3]])

    @property
    def is_north_up(self) -> bool:
        g = self.geotransform
        return g[2] == 0.0 and g[4] == 0.0 and g[1] > 0.0 and g[5] < 0.0

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Lengths of a pixel's two edges in map units, always positive."""
        width, height = np.linalg.norm(self.linear, axis=0)
        return float(width), float(height)

    def to_map(self, pixels: np.ndarray) -> np.ndarray:
        """(N, 2) columns and rows, edges as in the geotransform, to (N, 2) map coordinates."""
        return np.asarray(pixels, dtype=np.float64) @ self.linear.T + self.origin

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) map coordinates to (N, 2) columns and rows; the inverse of :meth:`to_map`."""
        return (np.asarray(points, dtype=np.float64) - self.origin) @ np.linalg.inv(self.linear).T

    def corners(self) -> np.ndarray:
        """(4, 2): columns and rows of the four outer corners."""
        return np.array(
            [[0, 0], [self.width, 0], [self.width, self.height], [0, self.height]], dtype=np.float64
        )

    def extent(self) -> tuple[float, float, float, float]:
        """Smallest x, smallest y, largest x, largest y in map units."""
        points = self.to_map(self.corners())
        (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
        return float(left), float(bottom), float(right), float(top)

    def cut(self, window: Window) -> Grid:
        """The grid of a window: same pixels, the origin moved by whole pixels."""
        g = self.geotransform
        if not self.has_geotransform:
            return Grid(window.width, window.height, NO_GEOTRANSFORM, self.crs)
        x = g[0] + window.column * g[1] + window.row * g[2]
        y = g[3] + window.column * g[4] + window.row * g[5]
        return Grid(window.width, window.height, (x, g[1], g[2], y, g[4], g[5]), self.crs)

    def offset_from(self, other: Grid) -> float:
        """Largest distance of corresponding corners, in pixels of `other` (same CRS assumed)."""
        ours = other.to_pixels(self.to_map(self.corners()))
        return float(np.abs(ours - other.corners()).max())

    def describe_pixel_size(self) -> str:
        width, height = self.pixel_size
        return f"{width:.9g} × {height:.9g}"

    def describe_extent(self) -> str:
        left, bottom, right, top = self.extent()
        digits = max(0, 3 - math.floor(math.log10(max(min(self.pixel_size), 1e-12))))
        digits = min(digits, 9)
        return (
            f"x {left:.{digits}f} to {right:.{digits}f}, y {bottom:.{digits}f} to {top:.{digits}f}"
        )
