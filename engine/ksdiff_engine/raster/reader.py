"""Reading PAN and MS through GDAL: bands of one file or of several, with their validity.

A GDAL dataset belongs to one thread. A :class:`RasterSource` is not locked: a second thread works
on its own copy from :meth:`RasterSource.reopen`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

import numpy as np
from osgeo import gdal

from ..errors import InputError
from .crs import crs_name, same_crs
from .gdal_guard import gdal_failures, quoted
from .grid import NO_GEOTRANSFORM, Grid
from .tiling import Window

# GDAL's name of a type and numpy's. Reading goes through bytes: GDAL's own array module is compiled
# against one numpy and fails to import beside another.
DTYPES = {
    "Byte": "u1",
    "Int8": "i1",
    "UInt16": "u2",
    "Int16": "i2",
    "UInt32": "u4",
    "Int32": "i4",
    "UInt64": "u8",
    "Int64": "i8",
    "Float32": "f4",
    "Float64": "f8",
}

SENTINEL = 1e30  # a float nodata beyond this is a sentinel, and so is every value of its magnitude
LONGEST_MICROMETRES = 30.0  # a wavelength above this is given in nm
SAME_GRID = 0.01  # pixels; band files whose corners differ by less share their grid
WARP_ERROR = 0.02  # MS pixels; how far the approximated transformation may stray
# What a warped band holds where it is invalid: alpha alone tells only where all bands are.
WARP_NODATA = -1e38


@dataclass(frozen=True)
class BandInfo:
    """What a band says about itself. `scale` and `offset` are carried along, never applied."""

    description: str = ""
    color: str = "Undefined"  # GDAL's name of the colour interpretation
    nodata: float | None = None
    scale: float | None = None
    offset: float | None = None
    wavelength: float | None = None  # nm, the band's centre
    number: int = 0  # among the image bands of its file, from 1; 0 = unknown
    siblings: int = 0  # image bands in its file


@dataclass(frozen=True)
class Part:
    """One opened dataset and the bands of it that the source uses."""

    dataset: gdal.Dataset
    path: str
    bands: tuple[int, ...]  # 1-based, the image
    alphas: tuple[int, ...]  # 1-based, 0 = transparent
    masked: tuple[int, ...]  # bands whose mask band must be read


Opener = Callable[[], tuple[Part, ...]]


class RasterSource:
    """The bands of PAN or MS on one grid, read in windows. A context manager.

    Attributes: `name` (for messages), `paths` (as given), `grid`, `bands` (:class:`BandInfo`),
    `data_type` (GDAL's name; the smallest type that holds all bands), `messages` (what the user
    should know about the opening). Open one with :meth:`open_pan` or :meth:`open_ms`.
    """

    def __init__(
        self,
        paths: Sequence[str],
        opener: Opener,
        *,
        bands: tuple[BandInfo, ...] | None = None,
        data_type: str = "",
        messages: Sequence[str] = (),
    ) -> None:
        self._opener = opener
        self._parts = opener()
        self.paths = tuple(paths)
        self.name = _display_name(self.paths)
        self.grid = dataset_grid(self._parts[0].dataset, self._parts[0].path)
        self.bands = _band_infos(self._parts) if bands is None else bands
        self.data_type = data_type or _common_type(self._parts)
        self.messages = tuple(messages)

    @classmethod
    def open_pan(cls, path: str, band: int | None = None) -> RasterSource:
        """Open a panchromatic image.

        path: anything GDAL reads. band: 1-based; None means the only band beside alpha.
        Raises InputError when the file cannot be read, is not usable as an image, or has several
        bands and none is named.
        """

        def opener() -> tuple[Part, ...]:
            dataset = _open(path)
            data, _ = _split_alpha(dataset)
            if band is None and len(data) > 1:
                raise InputError(
                    f"The panchromatic image {path} has {len(data)} bands instead of one.",
                    hint="Choose the band that is panchromatic, or another file.",
                )
            return (_part(dataset, path, None if band is None else (band,)),)

        return cls((path,), opener)

    @classmethod
    def open_ms(cls, paths: Sequence[str], bands: Sequence[int] | None = None) -> RasterSource:
        """Open a multispectral image: one file, or one file a band in the order given.

        paths: anything GDAL reads; several files must share one grid, their data types may differ.
        bands: 1-based, in the wanted order; counted over the bands of the only file, or over all
        bands beside alpha of several files. None or empty means all bands beside alpha. An alpha
        band that is named explicitly is read as an image band, because 4-band files are often
        labelled RGBA by mistake.
        Raises InputError when a file cannot be read, grids differ, or a band does not exist.
        """
        names = (paths,) if isinstance(paths, str) else tuple(paths)
        chosen = tuple(bands) if bands else None
        if not names:
            raise InputError("No multispectral file is given.", hint="Name one file or several.")

        def opener() -> tuple[Part, ...]:
            return _open_single(names[0], chosen) if len(names) == 1 else _open_stack(names, chosen)

        source = cls(names, opener)
        source.messages = tuple(_alpha_messages(source._parts))
        return source

    @property
    def files(self) -> tuple[str, ...]:
        """Every file the source reads from, side files included; none of them may be the output."""
        with gdal_failures():
            found = [name for part in self._parts for name in part.dataset.GetFileList() or ()]
        return tuple(dict.fromkeys((*self.paths, *found)))

    @property
    def georeference_note(self) -> str:
        """What stands in place of a geotransform, for messages: control points, RPC, or nothing."""
        dataset = self._parts[0].dataset
        with gdal_failures():
            if dataset.GetGCPCount():
                return " but ground control points"
            return " but rational polynomial coefficients" if dataset.GetMetadata("RPC") else ""
        return ""

    @property
    def in_whole_rows(self) -> bool:
        """Whether a part of a row costs about all of it, or may, as in what a VRT refers to."""
        for part in self._parts:
            block = part.dataset.GetRasterBand(part.bands[0]).GetBlockSize()[0]
            virtual = part.dataset.GetDriver().ShortName == "VRT"
            if virtual or 2 * block > part.dataset.RasterXSize:
                return True
        return False

    def reopen(self) -> RasterSource:
        """An independent source of the same bands for another thread."""
        return RasterSource(
            self.paths,
            self._opener,
            bands=self.bands,
            data_type=self.data_type,
            messages=self.messages,
        )

    def warped(self, grid: Grid) -> RasterSource:
        """The same bands resampled to another grid with cubic convolution, virtually.

        `grid` must be north-up. Interpolated values keep their fractions (Float32) and `data_type`
        still names the type of the files. Pixels outside the original are invalid; those in its
        outermost half pixel are extrapolated.
        """
        source_crs = self.grid.crs

        def opener() -> tuple[Part, ...]:
            return tuple(_warp_part(part, source_crs, grid) for part in self._opener())

        return RasterSource(
            self.paths,
            opener,
            bands=self.bands,
            data_type=self.data_type,
            messages=self.messages,
        )

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Read a window, which may leave the raster: ((C, h, w) float32, valid (h, w) bool).

        A pixel is valid when it lies inside the raster, all its bands are finite and none holds its
        nodata value, and no alpha or mask band hides it. Invalid pixels hold 0. Validity is decided
        in the file's own type; whole numbers beyond 2**24 and Float64 are then rounded to float32.
        Raises InputError when the file cannot be read to its end.
        """
        image = np.zeros((len(self.bands), window.height, window.width), dtype=np.float32)
        valid = np.zeros((window.height, window.width), dtype=bool)
        inside = window.clipped(self.grid.width, self.grid.height)
        if inside.width == 0 or inside.height == 0:
            return image, valid
        place = inside.shifted(-window.column, -window.row)
        rows = slice(place.row, place.row + place.height)
        columns = slice(place.column, place.column + place.width)
        valid[rows, columns] = self._read_into(image[:, rows, columns], inside)
        return image, valid

    def _read_into(self, image: np.ndarray, window: Window) -> np.ndarray:
        """Fill `image` (C, h, w) from a window inside the raster and return its validity (h, w)."""
        valid = np.ones((window.height, window.width), dtype=bool)
        index = 0
        for part in self._parts:
            for number in part.bands:
                band = part.dataset.GetRasterBand(number)
                values = _read_band(band, window, part.path)
                valid &= _holds_data(values, band)
                with np.errstate(over="ignore", invalid="ignore"):
                    image[index] = values
                valid &= np.isfinite(image[index])
                index += 1
            valid &= _unmasked(part, window)
        image[:, ~valid] = 0.0
        return valid

    def close(self) -> None:
        """Release the files; reading is over."""
        self._parts = ()

    def __enter__(self) -> RasterSource:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def dataset_grid(dataset: gdal.Dataset, path: str) -> Grid:
    """The grid of a dataset; raises InputError when its geotransform is degenerate."""
    with gdal_failures():
        geotransform = dataset.GetGeoTransform(can_return_null=True)
        reference = dataset.GetSpatialRef()
        crs = reference.ExportToWkt(["FORMAT=WKT2_2018"]) if reference is not None else ""
    numbers = tuple(geotransform) if geotransform else NO_GEOTRANSFORM
    grid = Grid(dataset.RasterXSize, dataset.RasterYSize, numbers, crs or "")
    if not np.isfinite(numbers).all() or np.linalg.det(grid.linear) == 0.0:
        raise InputError(
            f"The geotransform of {path} is not usable: {numbers}.",
            hint="Repair the georeference of the file, for example with gdal_edit.",
        )
    return grid


def _display_name(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more files"


def _open(path: str) -> gdal.Dataset:
    """Open one file read-only, or say what is wrong with it."""
    dataset = None
    with gdal_failures() as failures:
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY | gdal.OF_VERBOSE_ERROR)
    if dataset is None:
        if _is_plain_path(path) and not os.path.exists(path):
            raise InputError(f"{path} does not exist.", hint="Check the path.")
        raise InputError(
            f"{path} cannot be opened as a raster: {_quoted(failures, path)}",
            hint="Check that the file is complete and in a format this GDAL reads.",
        )
    _refuse_unusable(dataset, path)
    return dataset


def _quoted(failures: list[str], path: str) -> str:
    """GDAL's words without the repetitions of the path that the message begins with."""
    return quoted([text.replace(f"{path}: ", "").replace(f"{path}:", "") for text in failures])


def _is_plain_path(path: str) -> bool:
    """True unless the name has a meaning to GDAL alone: /vsi…, DRIVER:…, inline XML."""
    drive = os.path.splitdrive(path)[0]
    return not path.startswith(("/vsi", "<")) and ":" not in path[len(drive) :]


def _refuse_unusable(dataset: gdal.Dataset, path: str) -> None:
    if dataset.RasterCount == 0:
        subdatasets = dataset.GetSubDatasets()
        hint = f"Choose one of its layers, such as {subdatasets[0][0]}." if subdatasets else ""
        raise InputError(f"{path} has no raster band.", hint=hint or "Choose another file.")
    if dataset.RasterXSize < 2 or dataset.RasterYSize < 2:
        raise InputError(
            f"{path} measures {dataset.RasterXSize} × {dataset.RasterYSize} pixels; "
            "at least 2 × 2 are needed.",
            hint="Choose the image itself, not a cut-out or a column of it.",
        )


def _split_alpha(dataset: gdal.Dataset) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """1-based numbers of the image's bands and of the alpha bands."""
    numbers = range(1, dataset.RasterCount + 1)
    alphas = tuple(n for n in numbers if _color(dataset, n) == gdal.GCI_AlphaBand)
    return tuple(n for n in numbers if n not in alphas), alphas


def _color(dataset: gdal.Dataset, number: int) -> int:
    return dataset.GetRasterBand(number).GetColorInterpretation()


def _part(dataset: gdal.Dataset, path: str, chosen: Sequence[int] | None) -> Part:
    """The part of a dataset that `chosen` names (1-based; None = all bands beside alpha)."""
    data, alphas = _split_alpha(dataset)
    bands = data if chosen is None else tuple(chosen)
    if not bands:
        raise InputError(f"{path} has an alpha band only.", hint="Choose another file.")
    _refuse_bad_choice(bands, dataset.RasterCount, path)
    for number in bands:
        _refuse_bad_type(dataset, number, path)
    # A band's mask comes from its nodata value, from alpha, or from a mask band; only the last is
    # read through GDAL, the others are cheaper to see directly.
    masked = tuple(n for n in bands if _has_mask_band(dataset.GetRasterBand(n).GetMaskFlags()))
    return Part(dataset, path, bands, tuple(n for n in alphas if n not in bands), masked)


def _has_mask_band(flags: int) -> bool:
    if flags & (gdal.GMF_ALL_VALID | gdal.GMF_ALPHA):
        return False
    return flags != gdal.GMF_NODATA


def _refuse_bad_choice(bands: Sequence[int], count: int, path: str) -> None:
    for number in bands:
        if not 1 <= number <= count:
            raise InputError(
                f"{path} has no band {number}; it has {count}.",
                hint=f"Choose bands from 1 to {count}.",
            )
    if len(set(bands)) != len(bands):
        raise InputError(
            f"A band of {path} is chosen twice: {', '.join(map(str, bands))}.",
            hint="Name every band once.",
        )


def _refuse_bad_type(dataset: gdal.Dataset, number: int, path: str) -> None:
    name = gdal.GetDataTypeName(dataset.GetRasterBand(number).DataType)
    if name not in DTYPES:
        raise InputError(
            f"Band {number} of {path} is of type {name}; real numbers of 8 to 64 bits are needed.",
            hint="Convert it first, a complex image for example to its amplitude.",
        )


def _open_single(path: str, chosen: Sequence[int] | None) -> tuple[Part, ...]:
    return (_part(_open(path), path, chosen),)


def _open_stack(paths: Sequence[str], chosen: Sequence[int] | None) -> tuple[Part, ...]:
    """The bands of several files one after the other; `chosen` counts over all of them."""
    opened = [(path, _open(path)) for path in paths]
    _refuse_different_grids(opened)
    bands = [(path, dataset, n) for path, dataset in opened for n in _split_alpha(dataset)[0]]
    if chosen is not None:
        _refuse_bad_choice(chosen, len(bands), _display_name(paths))
        bands = [bands[number - 1] for number in chosen]
    return tuple(_part(dataset, path, (number,)) for path, dataset, number in bands)


def _refuse_different_grids(opened: Sequence[tuple[str, gdal.Dataset]]) -> None:
    first_path, first_dataset = opened[0]
    first = dataset_grid(first_dataset, first_path)
    for path, dataset in opened[1:]:
        grid = dataset_grid(dataset, path)
        difference = _grid_difference(grid, first)
        if difference:
            raise InputError(
                f"{path} is not on the grid of {first_path}: {difference}.",
                hint="Leave out bands of another resolution, or resample them to one grid first.",
            )


def _grid_difference(grid: Grid, first: Grid) -> str:
    """How two grids differ, in words; empty when they are one."""
    if (grid.width, grid.height) != (first.width, first.height):
        sizes = f"{grid.width} × {grid.height} pixels instead of {first.width} × {first.height}"
        if not grid.has_geotransform:
            return sizes
        return f"{sizes}, pixel size {grid.describe_pixel_size()} and {first.describe_pixel_size()}"
    if not same_crs(grid.crs, first.crs):
        return f"its CRS is {crs_name(grid.crs)} instead of {crs_name(first.crs)}"
    offset = grid.offset_from(first)
    return f"its corners lie up to {offset:.3g} pixels away" if offset > SAME_GRID else ""


def _alpha_messages(parts: Sequence[Part]) -> Sequence[str]:
    return [
        f"Band {number} of {part.path} is labelled alpha: it hides pixels and is not sharpened. "
        "Choose it as a band if it holds an image."
        for part in parts
        for number in part.alphas
    ]


def _band_infos(parts: Sequence[Part]) -> tuple[BandInfo, ...]:
    several = len({part.path for part in parts}) > 1
    return tuple(_band_info(part, number, several) for part in parts for number in part.bands)


def _band_info(part: Part, number: int, several: bool) -> BandInfo:
    """A band's words; a band file without a description is described by its file name."""
    band = part.dataset.GetRasterBand(number)
    stem = os.path.splitext(os.path.basename(part.path))[0] if several else ""
    image, _ = _split_alpha(part.dataset)
    return BandInfo(
        description=band.GetDescription() or stem,
        color=gdal.GetColorInterpretationName(band.GetColorInterpretation()),
        nodata=band.GetNoDataValue(),
        scale=band.GetScale(),
        offset=band.GetOffset(),
        wavelength=_wavelength(band),
        number=image.index(number) + 1 if number in image else 0,
        siblings=len(image),
    )


def _wavelength(band: gdal.Band) -> float | None:
    """The band's central wavelength in nm, where its metadata tell.

    GDAL 3.10 and later: CENTRAL_WAVELENGTH_UM in the domain IMAGERY. Before, each driver and
    program had its own item; those of ENVI and SENTINEL2 name the unit in another item.
    """
    with gdal_failures():
        items = {**(band.GetMetadata() or {}), **(band.GetMetadata("IMAGERY") or {})}
    items = {key.upper(): value.strip() for key, value in items.items()}
    for key in ("CENTRAL_WAVELENGTH_UM", "CENTRAL_WAVELENGTH_NM", "CENTRAL_WAVELENGTH"):
        if key in items:
            return _nanometres(items[key], key[-2:])
    unit = items.get("WAVELENGTH_UNITS", items.get("WAVELENGTH_UNIT", ""))
    return _nanometres(items.get("WAVELENGTH", ""), unit)


def _nanometres(text: str, unit: str) -> float | None:
    """A wavelength in nm; without a known unit, numbers that are too small for nm are µm."""
    try:
        value = float(text)
    except ValueError:
        return None
    unit = unit.lower()
    if unit in ("um", "µm", "μm", "micrometers", "micrometer", "microns"):
        return 1000.0 * value
    if unit not in ("nm", "nanometers", "nanometer") and value < LONGEST_MICROMETRES:
        return 1000.0 * value
    return value


def _common_type(parts: Sequence[Part]) -> str:
    union = None
    for part in parts:
        for number in part.bands:
            kind = part.dataset.GetRasterBand(number).DataType
            union = kind if union is None else gdal.DataTypeUnion(union, kind)
    return gdal.GetDataTypeName(union)


def _read_band(band: gdal.Band, window: Window, path: str) -> np.ndarray:
    """(h, w) in the band's own type, from a window inside the raster."""
    data = None
    with gdal_failures() as failures:
        data = band.ReadRaster(window.column, window.row, window.width, window.height)
    if data is None:
        raise InputError(
            f"{path} cannot be read at column {window.column}, row {window.row} "
            f"({window.width} × {window.height} pixels): {_quoted(failures, path)}",
            hint="The file is damaged or incomplete; copy or download it again.",
        )
    dtype = DTYPES[gdal.GetDataTypeName(band.DataType)]
    return np.frombuffer(data, dtype=dtype).reshape(window.height, window.width)


def _holds_data(values: np.ndarray, band: gdal.Band) -> np.ndarray:
    """(h, w): True where the band's values are finite and not its nodata value."""
    nodata = band.GetNoDataValue()
    if values.dtype.kind != "f":
        held = np.ones(values.shape, dtype=bool)
        if nodata is not None and _is_representable(nodata, values.dtype):
            held = values != values.dtype.type(nodata)
        return held
    held = np.isfinite(values)
    if nodata is None or not np.isfinite(nodata):
        return held
    if abs(nodata) >= SENTINEL:
        # Tags are often rounded (-3.4e+38 for -3.4028235e+38), so the magnitude decides.
        return held & (values < SENTINEL if nodata > 0 else values > -SENTINEL)
    return held & (values != values.dtype.type(nodata))


def _is_representable(value: float, dtype: np.dtype) -> bool:
    limits = np.iinfo(dtype)
    return np.isfinite(value) and value == int(value) and limits.min <= value <= limits.max


def _unmasked(part: Part, window: Window) -> np.ndarray:
    """(h, w): True where neither alpha nor a mask band hides the pixel."""
    shown = np.ones((window.height, window.width), dtype=bool)
    for number in part.alphas:
        shown &= _read_band(part.dataset.GetRasterBand(number), window, part.path) != 0
    for number in part.masked:
        band = part.dataset.GetRasterBand(number)
        shown &= _read_band(band.GetMaskBand(), window, part.path) != 0
        if band.GetMaskFlags() & gdal.GMF_PER_DATASET:
            break
    return shown


def _warp_part(part: Part, source_crs: str, grid: Grid) -> Part:
    """An in-memory VRT of the part's bands on another grid, with an alpha band for its edge."""
    left, bottom, right, top = grid.extent()
    numbers = [*part.bands, *part.alphas]
    warped = None
    with gdal_failures() as failures:
        subset = gdal.Translate("", part.dataset, format="VRT", bandList=numbers)
        for number in range(1, len(part.bands) + 1):  # an image band labelled alpha stays an image
            subset.GetRasterBand(number).SetColorInterpretation(gdal.GCI_Undefined)
        options = {"srcSRS": source_crs, "dstSRS": grid.crs} if grid.crs else {}
        warped = gdal.Warp(
            "",
            subset,
            format="VRT",
            outputBounds=(left, bottom, right, top),
            width=grid.width,
            height=grid.height,
            resampleAlg="cubic",
            outputType=gdal.GDT_Float32,
            dstAlpha=True,
            errorThreshold=WARP_ERROR,
            dstNodata=WARP_NODATA,
            **options,
        )
    if warped is None:
        raise InputError(
            f"{part.path} cannot be warped to the grid of the panchromatic image: "
            f"{quoted(failures)}",
            hint="Warp it to the CRS of the panchromatic image beforehand.",
        )
    count = len(part.bands)
    return Part(warped, part.path, tuple(range(1, count + 1)), (warped.RasterCount,), ())
