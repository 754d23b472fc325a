"""How PAN and MS lie on each other: common grid, ratio, and warping where it is needed.

PAN's pixels whose centres lie on MS make up the result's grid; PAN itself is resampled only to take
out a shift (:meth:`Pair.following`). MS is read on its own grid when its pixel axes are parallel to
PAN's, whatever ratio and origin are; this includes two images with the same rotation. Otherwise MS
is warped virtually (cubic convolution, its own resolution) to a north-up grid in PAN's CRS, for
which PAN itself must be north-up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .crs import Transform, crs_name, same_crs, transformation
from .displaced import DisplacedSource
from .grid import Grid
from .reader import RasterSource
from .tiling import Window

SKEW = 0.02  # MS pixels; axes that diverge by less across the image are parallel
SAME_CRS = 0.01  # MS pixels; CRSs whose coordinates differ by less are one
COARSER = 0.99  # ratios below this mean that PAN is coarser than MS
WARP_MARGIN = 64  # MS pixels kept around PAN in a warped MS, for filters at the edge
OUTLINE = 21  # points along each edge when an outline is transformed


@dataclass(frozen=True)
class Pair:
    """PAN and MS, and the grid on which the result lies.

    The centre of the result's pixel column `i` lies at MS index
    ``ms_x + (i + 0.5) / ratio_x - 0.5`` (0 = centre of the first MS pixel); rows likewise.
    """

    pan: RasterSource
    ms: RasterSource  # may be warped to a north-up grid in PAN's CRS
    grid: Grid  # PAN's grid cut to the overlap
    pan_column: int  # the grid's origin in PAN pixels
    pan_row: int
    ratio_x: float  # PAN pixels per MS pixel
    ratio_y: float
    ms_x: float  # upper left corner of the grid in MS pixels (edges, not centres)
    ms_y: float
    messages: tuple[str, ...] = ()
    shift: tuple[float, float] = (0.0, 0.0)  # by which MS was moved right and down, PAN pixels
    pan_shift: tuple[float, float] = (0.0, 0.0)  # by which PAN's image was moved left and up

    @property
    def ratio(self) -> float:
        """Geometric mean of both ratios."""
        return math.sqrt(self.ratio_x * self.ratio_y)

    @property
    def common(self) -> Window:
        """PAN's pixels on MS, in the grid's coordinates: all of the grid, more where it was cut."""
        ms_x = self.ms_x - self.pan_column / self.ratio_x
        ms_y = self.ms_y - self.pan_row / self.ratio_y
        placement = _Placement(self.ratio_x, self.ratio_y, ms_x, ms_y)
        return _overlap(self.pan, self.ms, placement).shifted(-self.pan_column, -self.pan_row)

    def cut(self, window: Window) -> Pair:
        """The pair whose grid is a window of this one's."""
        return replace(
            self,
            grid=self.grid.cut(window),
            pan_column=self.pan_column + window.column,
            pan_row=self.pan_row + window.row,
            ms_x=self.ms_x + window.column / self.ratio_x,
            ms_y=self.ms_y + window.row / self.ratio_y,
        )

    def moved(self, x: float, y: float) -> Pair:
        """The pair with MS moved right by `x` and down by `y` PAN pixels, on their new overlap.

        A cut is undone. Raises InputError when nothing is left of the overlap.
        """
        ms_x = self.ms_x - (self.pan_column + x) / self.ratio_x
        ms_y = self.ms_y - (self.pan_row + y) / self.ratio_y
        placement = _Placement(self.ratio_x, self.ratio_y, ms_x, ms_y)
        pair = _pair(self.pan, self.ms, placement, self.messages)
        return replace(pair, shift=(self.shift[0] + x, self.shift[1] + y), pan_shift=self.pan_shift)

    def following(self, x: float, y: float) -> Pair:
        """The pair with PAN's image moved left by `x` and up by `y` PAN pixels, to where MS lies.

        Its grid stays, but for the edge that PAN has left. A cut is undone. Raises InputError when
        nothing is left of the overlap.
        """
        pan = DisplacedSource(self.pan, x, y)
        ms_x = self.ms_x + (pan.area.column - self.pan_column) / self.ratio_x
        ms_y = self.ms_y + (pan.area.row - self.pan_row) / self.ratio_y
        placement = _Placement(self.ratio_x, self.ratio_y, ms_x, ms_y)
        pair = _pair(pan, self.ms, placement, self.messages)
        return replace(
            pair, shift=self.shift, pan_shift=(self.pan_shift[0] + x, self.pan_shift[1] + y)
        )


@dataclass(frozen=True)
class _Placement:
    """MS pixel coordinates from PAN's: ``x / ratio_x + ms_x``, ``y / ratio_y + ms_y`` (edges)."""

    ratio_x: float
    ratio_y: float
    ms_x: float
    ms_y: float


def align(pan: RasterSource, ms: RasterSource) -> Pair:
    """Place `ms` on `pan` and cut PAN's grid to their overlap.

    Raises InputError when a georeference is missing on one side, the CRSs have no transformation,
    PAN is rotated in another way than MS, PAN is coarser than MS, or there is no overlap.
    """
    messages: list[str] = [*pan.messages, *ms.messages]
    if not pan.grid.has_geotransform and not ms.grid.has_geotransform:
        placement = _place_by_size(pan, ms, messages)
    else:
        ms, placement = _place_by_map(pan, ms, messages)
    _refuse_coarser(pan, ms, placement)
    pair = _pair(pan, ms, placement, tuple(messages))
    covered, whole = pair.grid, pan.grid
    if (covered.width, covered.height) == (whole.width, whole.height):
        return pair
    remark = (
        f"The result covers {covered.width} × {covered.height} of the {whole.width} × "
        f"{whole.height} panchromatic pixels: the multispectral image reaches no further."
    )
    return replace(pair, messages=(*pair.messages, remark))


def _pair(
    pan: RasterSource, ms: RasterSource, placement: _Placement, messages: tuple[str, ...]
) -> Pair:
    """The pair on the whole overlap."""
    window = _overlap(pan, ms, placement)
    return Pair(
        pan=pan,
        ms=ms,
        grid=pan.grid.cut(window),
        pan_column=window.column,
        pan_row=window.row,
        ratio_x=placement.ratio_x,
        ratio_y=placement.ratio_y,
        ms_x=placement.ms_x + window.column / placement.ratio_x,
        ms_y=placement.ms_y + window.row / placement.ratio_y,
        messages=messages,
    )


def _place_by_size(pan: RasterSource, ms: RasterSource, messages: list[str]) -> _Placement:
    """Without georeferences on both sides: the images cover the same ground, as benchmarks do."""
    p, m = pan.grid, ms.grid
    ratio = p.width // m.width
    if ratio < 1 or (p.width, p.height) != (ratio * m.width, ratio * m.height):
        raise InputError(
            f"Neither {pan.name} ({p.width} × {p.height} pixels) nor {ms.name} ({m.width} × "
            f"{m.height} pixels) is georeferenced, and their sizes have no common whole ratio.",
            hint="Georeference both images, or cut them to the same ground.",
        )
    messages.append(
        "Neither image is georeferenced; they are taken to cover the same ground at the ratio "
        f"{ratio} of their sizes."
    )
    return _Placement(ratio, ratio, 0.0, 0.0)


def _place_by_map(
    pan: RasterSource, ms: RasterSource, messages: list[str]
) -> tuple[RasterSource, _Placement]:
    """Placement by the georeferences; MS comes back warped where its axes are not PAN's."""
    _refuse_one_sided(pan, ms)
    transforms = _transforms(pan, ms, messages)
    if transforms is None:
        placement = _parallel_placement(pan.grid, ms.grid)
        if placement is not None:
            return ms, placement
    if not pan.grid.is_north_up:
        raise InputError(
            f"{pan.name} is not north-up, and the pixel axes of {ms.name} are not parallel to its "
            "own.",
            hint="Warp the panchromatic image to a north-up grid first, for example with gdalwarp.",
        )
    target = _warp_target(pan, ms, transforms or (_unchanged, _unchanged))
    messages.append(_warp_message(pan, ms, target, changes_crs=transforms is not None))
    placement = _parallel_placement(pan.grid, target)
    assert placement is not None, "two north-up grids are parallel"  # nosec B101
    return ms.warped(target), placement


def _refuse_one_sided(pan: RasterSource, ms: RasterSource) -> None:
    for with_it, without in ((pan, ms), (ms, pan)):
        if with_it.grid.has_geotransform and not without.grid.has_geotransform:
            raise InputError(
                f"{without.name} has no georeference{without.georeference_note}, while "
                f"{with_it.name} has one.",
                hint="Orthorectify or georeference it first.",
            )
        if with_it.grid.crs and not without.grid.crs:
            raise InputError(
                f"{without.name} has no coordinate reference system, while {with_it.name} has "
                f"{crs_name(with_it.grid.crs)}.",
                hint="Assign its coordinate reference system first (Assign projection).",
            )


def _transforms(
    pan: RasterSource, ms: RasterSource, messages: list[str]
) -> tuple[Transform, Transform] | None:
    """(PAN's CRS to MS's, and back), or None when coordinates are the same in both."""
    if not pan.grid.crs:
        messages.append(
            "Neither image names a coordinate reference system; their coordinates are taken to be "
            "in the same one."
        )
        return None
    ours, theirs = pan.grid.crs, ms.grid.crs
    if same_crs(ours, theirs):
        return None
    forward, back = transformation(ours, theirs), transformation(theirs, ours)
    if forward is None or back is None:
        raise InputError(
            f"There is no transformation between {crs_name(theirs)} of {ms.name} and "
            f"{crs_name(ours)} of {pan.name}.",
            hint="Check both coordinate reference systems, or reproject one image first.",
        )
    outline = pan.grid.to_map(_outline(0, 0, pan.grid.width, pan.grid.height))
    moved = forward(outline)
    if np.isnan(moved).all():
        _raise_no_overlap(pan, ms)
    shift = np.abs(ms.grid.to_pixels(moved) - ms.grid.to_pixels(outline)).max()
    return None if shift < SAME_CRS else (forward, back)


def _unchanged(points: np.ndarray) -> np.ndarray:
    return points


def _parallel_placement(pan: Grid, ms: Grid) -> _Placement | None:
    """MS's place on PAN when their pixel axes are parallel and of the same sense, else None."""
    to_ms = np.linalg.inv(ms.linear)
    steps = to_ms @ pan.linear  # MS pixels per PAN pixel
    shift = to_ms @ (pan.origin - ms.origin)
    skew = max(abs(steps[0, 1]) * pan.height, abs(steps[1, 0]) * pan.width)
    if skew > SKEW or steps[0, 0] <= 0.0 or steps[1, 1] <= 0.0:
        return None
    return _Placement(
        _settled(1.0 / steps[0, 0], pan.width),
        _settled(1.0 / steps[1, 1], pan.height),
        float(shift[0]),
        float(shift[1]),
    )


def _settled(ratio: float, pixels: int) -> float:
    """`ratio`, or the whole number beside it when both agree to 0.001 pixel at the far end."""
    whole = float(round(ratio))
    return whole if abs(ratio - whole) * pixels < 1e-3 * whole else float(ratio)


def _refuse_coarser(pan: RasterSource, ms: RasterSource, placement: _Placement) -> None:
    if math.sqrt(placement.ratio_x * placement.ratio_y) >= COARSER:
        return
    sizes = ""
    if pan.grid.has_geotransform:
        sizes = (
            f": {pan.grid.describe_pixel_size()} against {ms.grid.describe_pixel_size()} "
            "map units a pixel"
        )
    raise InputError(
        f"The panchromatic image {pan.name} is coarser than the multispectral image {ms.name}"
        f"{sizes}.",
        hint="Check whether both images are exchanged.",
    )


def _overlap(pan: RasterSource, ms: RasterSource, placement: _Placement) -> Window:
    """PAN's pixels whose centres lie on MS; at least two MS pixels in both directions."""
    column, width = _overlap_1d(pan.grid.width, ms.grid.width, placement.ratio_x, placement.ms_x)
    row, height = _overlap_1d(pan.grid.height, ms.grid.height, placement.ratio_y, placement.ms_y)
    if width <= 0 or height <= 0:
        _raise_no_overlap(pan, ms)
    if width < 2.0 * placement.ratio_x - 1e-6 or height < 2.0 * placement.ratio_y - 1e-6:
        raise InputError(
            f"{pan.name} and {ms.name} overlap in {width} × {height} panchromatic pixels only, "
            "less than two multispectral pixels.",
            hint="Choose images of the same ground.",
        )
    return Window(column, row, width, height)


def _overlap_1d(pan_size: int, ms_size: int, ratio: float, shift: float) -> tuple[int, int]:
    """First PAN pixel and their number whose centres lie between MS's edges (closed)."""
    first = math.ceil(-shift * ratio - 0.5 - 1e-6)
    last = math.floor((ms_size - shift) * ratio - 0.5 + 1e-6)
    first, last = max(first, 0), min(last, pan_size - 1)
    return first, last - first + 1


def _raise_no_overlap(pan: RasterSource, ms: RasterSource) -> None:
    raise InputError(
        f"{pan.name} and {ms.name} do not overlap. PAN: {_place(pan.grid)}. MS: {_place(ms.grid)}.",
        hint="Choose images of the same ground and check their coordinate reference systems.",
    )


def _place(grid: Grid) -> str:
    return f"{grid.describe_extent()} in {crs_name(grid.crs)}"


def _outline(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """(4 * OUTLINE, 2): points along the edges of a rectangle."""
    x, y = np.linspace(left, right, OUTLINE), np.linspace(top, bottom, OUTLINE)
    ends = np.ones(OUTLINE)
    return np.concatenate(
        [
            np.column_stack([x, top * ends]),
            np.column_stack([x, bottom * ends]),
            np.column_stack([left * ends, y]),
            np.column_stack([right * ends, y]),
        ]
    )


def _warp_target(
    pan: RasterSource, ms: RasterSource, transforms: tuple[Transform, Transform]
) -> Grid:
    """North-up grid in PAN's CRS at MS's resolution that covers MS around PAN.

    Its lattice passes through a corner of an MS pixel, so that an MS which is only flipped keeps
    its values exactly.
    """
    to_ms, to_pan = transforms
    window = _ms_window_around_pan(pan, ms, to_ms)
    column, row = window.column + window.width // 2, window.row + window.height // 2
    probe = np.array([[column, row], [column + 1, row], [column, row + 1]], dtype=np.float64)
    anchor, along_row, along_column = to_pan(ms.grid.to_map(probe))
    size_x, size_y = _aligned_pixel_size(along_row - anchor, along_column - anchor)
    outline = _outline(
        window.column, window.row, window.column + window.width, window.row + window.height
    )
    points = to_pan(ms.grid.to_map(outline))
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points) or not np.isfinite([size_x, size_y]).all():
        _raise_no_overlap(pan, ms)
    steps = (points - anchor) / (size_x, size_y)
    (west, south), (east, north) = (
        np.floor(steps.min(axis=0) + 1e-6).astype(int),
        np.ceil(steps.max(axis=0) - 1e-6).astype(int),
    )
    x, y = float(anchor[0] + west * size_x), float(anchor[1] + north * size_y)
    geotransform = (x, size_x, 0.0, y, 0.0, -size_y)
    return Grid(int(east - west), int(north - south), geotransform, pan.grid.crs)


def _aligned_pixel_size(along_row: np.ndarray, along_column: np.ndarray) -> tuple[float, float]:
    """East-west and north-south size of a pixel with these two edges (map units of PAN's CRS)."""
    if abs(along_row[0]) < abs(along_row[1]):
        along_row, along_column = along_column, along_row
    return float(np.linalg.norm(along_row)), float(np.linalg.norm(along_column))


def _ms_window_around_pan(pan: RasterSource, ms: RasterSource, to_ms: Transform) -> Window:
    """The MS pixels under PAN and a margin; raises InputError where there are none."""
    outline = pan.grid.to_map(_outline(0, 0, pan.grid.width, pan.grid.height))
    points = ms.grid.to_pixels(to_ms(outline))
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        _raise_no_overlap(pan, ms)
    (left, top), (right, bottom) = (
        np.floor(points.min(axis=0)).astype(int),
        np.ceil(points.max(axis=0)).astype(int),
    )
    window = Window(int(left), int(top), int(right - left), int(bottom - top))
    inside = window.clipped(ms.grid.width, ms.grid.height)
    if inside.width == 0 or inside.height == 0:
        _raise_no_overlap(pan, ms)
    return window.expanded(WARP_MARGIN).clipped(ms.grid.width, ms.grid.height)


def _warp_message(pan: RasterSource, ms: RasterSource, target: Grid, changes_crs: bool) -> str:
    reason = (
        f"from {crs_name(ms.grid.crs)} to {crs_name(pan.grid.crs)}"
        if changes_crs
        else "to a north-up grid, because its pixel axes are not parallel to those of the "
        "panchromatic image"
    )
    return (
        f"The multispectral image was resampled {reason} with cubic convolution at "
        f"{target.describe_pixel_size()} map units a pixel."
    )
