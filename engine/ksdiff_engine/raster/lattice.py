"""Rasters whose pixels coincide, though one may be a cut of the other."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from .crs import crs_name, same_crs
from .grid import Grid
from .tiling import Window

SAME_PIXELS = 0.05  # pixels; corners that are off the other's by less lie on them


def common_windows(
    first: Grid, first_name: str, second: Grid, second_name: str
) -> tuple[Window, Window]:
    """Return the part that two grids of the same pixels have in common, as a window of each.

    Without a georeference on both sides, both must be of one size. Raises InputError, which names
    both sizes, when pixels do not coincide or nothing is in common.
    """
    sizes = (
        f"{first_name} ({first.width} × {first.height} pixels) and "
        f"{second_name} ({second.width} × {second.height} pixels)"
    )
    if not (first.has_geotransform and second.has_geotransform):
        if (first.width, first.height) != (second.width, second.height):
            raise InputError(
                f"{sizes} differ in size, and without georeferences there is no telling which "
                "pixels belong together.",
                hint="Cut both to the same extent, or georeference them.",
            )
        whole = Window(0, 0, first.width, first.height)
        return whole, whole
    if first.crs and second.crs and not same_crs(first.crs, second.crs):
        raise InputError(
            f"{sizes} are in different coordinate reference systems: {crs_name(first.crs)} and "
            f"{crs_name(second.crs)}.",
            hint="Compare images on one grid.",
        )
    column, row = _shift(first, second, sizes)
    inside = Window(column, row, second.width, second.height).clipped(first.width, first.height)
    if inside.width == 0 or inside.height == 0:
        raise InputError(
            f"{sizes} do not overlap: {first.describe_extent()} against "
            f"{second.describe_extent()}.",
            hint="Choose images of the same ground.",
        )
    return inside, inside.shifted(-column, -row)


def _shift(first: Grid, second: Grid, sizes: str) -> tuple[int, int]:
    """Column and row of `first` at which `second` begins."""
    corners = first.to_pixels(second.to_map(second.corners()))
    column, row = np.rint(corners[0])
    off = float(np.abs(corners - corners[0].round() - second.corners()).max())
    if off > SAME_PIXELS:
        raise InputError(
            f"The pixels of {sizes} do not coincide: they are up to {off:.2f} pixels apart and "
            f"measure {first.describe_pixel_size()} and {second.describe_pixel_size()} map units.",
            hint="Compare images on one grid, or cuts of it.",
        )
    return int(column), int(row)
