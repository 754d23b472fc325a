"""Writing the result: GeoTIFF, or another format by its extension, complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from osgeo import gdal

from ..errors import OutputError
from .crs import spatial_reference
from .encoding import PixelEncoder
from .gdal_guard import gdal_failures, gdal_option, quoted
from .grid import Grid
from .pyramids import build_pyramids
from .reader import DTYPES, BandInfo
from .staging import Staging, check_target, is_virtual, staging_for
from .tiling import Window

BLOCK = 256  # pixels; tiles of the work should be multiples of it
PREDICTED = ("DEFLATE", "LZW", "ZSTD")  # compressions that take a predictor

# What GDAL's warnings of an unknown option or value say; it would go on without it.
IGNORED_OPTION = "creation option"

# Digital numbers are kept exactly unless the user asks otherwise.
COPY_DEFAULTS = {"JP2OpenJPEG": {"QUALITY": "100", "REVERSIBLE": "YES"}}

# GDAL's enumeration from Undefined (0) to YCbCr_Cr (16); the bindings have no look-up by name.
COLORS = {gdal.GetColorInterpretationName(n): n for n in range(17)}


class RasterWriter:
    """A raster that grows under a temporary name and takes its own on :meth:`commit`.

    A context manager; leaving it without a commit removes every trace, and a former file at `path`
    stays as it was until then. Other threads may read rasters while it is written to, but not while
    it is closed: GDAL's block cache lets any thread write any dataset's blocks, and after a failure
    (a full disk) GDAL 3.6 can hang or abort when it does so during the closing.

    path: the extension names the format; formats other than GeoTIFF are copied from one at the end.
    bands: what they say of themselves, which is stored; their `nodata` is not used.
    data_type: GDAL's name, see :data:`ksdiff_engine.raster.reader.DTYPES`.
    nodata: one value for all bands. Where the type cannot hold it, or none is given, whole-number
        types mark invalid pixels in a mask inside the file (made when the first one comes), so that
        no valid value is lost; float types use NaN.
    tags: metadata of the default domain. creation_options: ``KEY=VALUE``, before the defaults.
    inputs: files that must not be overwritten (:attr:`RasterSource.files`).
    pyramids: whether the file gets overviews (:func:`.pyramids.build_pyramids`).

    Raises OutputError when the result cannot be written here, in this format or with these options;
    ValueError when arrays do not fit their window.
    """

    def __init__(
        self,
        path: str,
        grid: Grid,
        bands: Sequence[BandInfo],
        data_type: str,
        *,
        nodata: float | None = None,
        tags: dict[str, str] | None = None,
        creation_options: Sequence[str] = (),
        inputs: Iterable[str] = (),
        pyramids: bool = False,
    ) -> None:
        check_output(path, inputs)
        _refuse_unknown_type(data_type)
        self.path = path
        self._bands = tuple(bands)
        self._driver = driver_for(path)
        self._user_options = _parsed_options(creation_options)
        self._encoder = PixelEncoder(data_type, nodata)
        self._pyramids = pyramids
        self._mask: gdal.Band | None = None
        self._dataset: gdal.Dataset | None = None
        self._staging: Staging = staging_for(path)
        try:
            if self._driver != "GTiff":
                self._rehearse_copy()
            self._dataset = self._create(grid, tags or {})
        except BaseException:
            self._staging.discard()
            raise

    def write(self, window: Window, image: np.ndarray, valid: np.ndarray) -> None:
        """Store a window of the result.

        image: (C, h, w) float. valid: (h, w) bool; values that are not finite are invalid as well.
        How numbers are stored: :class:`ksdiff_engine.raster.encoding.PixelEncoder`.
        """
        if self._dataset is None:
            raise ValueError("the raster is closed")
        self._refuse_misfit(window, image, valid)
        # A row of blocks at a time, as numbers are copied twice on their way.
        for top in range(0, window.height, BLOCK):
            rows = slice(top, min(top + BLOCK, window.height))
            part = Window(window.column, window.row + top, window.width, rows.stop - top)
            self._write_rows(part, image[:, rows], valid[rows])

    def _write_rows(self, window: Window, image: np.ndarray, valid: np.ndarray) -> None:
        assert self._dataset is not None  # nosec B101
        pixels, valid = self._encoder.encode(image, valid)
        failed = True
        with gdal_failures() as failures:
            place = (window.column, window.row, window.width, window.height)
            failed = bool(self._dataset.WriteRaster(*place, pixels.tobytes()))
            if self._encoder.nodata is None:
                failed = bool(self._write_mask(place, valid)) or failed
        if failed or failures:
            raise self._write_error(failures)

    def commit(self, progress: Callable[[float], None] = lambda fraction: None) -> None:
        """Finish the file and move it to its place; a former file there is replaced.

        progress: hears fractions of 0..1 while pyramids are built. What it raises comes out of
        here, and nothing has been moved then.
        """
        if self._dataset is None:
            raise ValueError("the raster is closed")
        self._refuse_damage(self._working_path, self._close())
        if self._driver != "GTiff":
            self._copy_to_format()
        if self._pyramids:
            self._add_pyramids(progress)
        self._staging.publish()

    def discard(self) -> None:
        """Remove everything written so far; without effect after a commit."""
        self._close()
        self._staging.discard()

    def __enter__(self) -> RasterWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.discard()

    @property
    def encoder(self) -> PixelEncoder:
        """What turns images into the numbers that the file stores."""
        return self._encoder

    @property
    def band_count(self) -> int:
        """Number of bands of the raster."""
        return len(self._bands)

    @property
    def _working_path(self) -> str:
        name = "" if self._driver == "GTiff" else "uncopied.tif"
        return self._staging.path(name)

    def _create(self, grid: Grid, tags: dict[str, str]) -> gdal.Dataset:
        user = self._user_options if self._driver == "GTiff" else {}
        dataset = None
        # An object store takes files whole: they grow in GDAL's temporary folder (CPL_TMPDIR).
        grow = gdal_option("CPL_VSIL_USE_TEMP_FILE_FOR_RANDOM_WRITE", "YES")
        with grow, gdal_failures(also=IGNORED_OPTION) as failures:
            dataset = gdal.GetDriverByName("GTiff").Create(
                self._working_path,
                grid.width,
                grid.height,
                len(self._bands),
                gdal.GetDataTypeByName(self._encoder.data_type),
                options=gtiff_options(self._encoder.dtype, user),
            )
            if dataset is not None:
                _describe(dataset, grid, self._bands, self._encoder.nodata, tags)
        if dataset is None or failures:
            dataset = None  # close before the caller removes the folder
            raise OutputError(
                f"{self.path} cannot be created: {self._quoted(failures)}",
                hint="Check the creation options, and that the folder can be written to.",
            )
        return dataset

    def _refuse_misfit(self, window: Window, image: np.ndarray, valid: np.ndarray) -> None:
        shape = (len(self._bands), window.height, window.width)
        if image.shape != shape or valid.shape != shape[1:]:
            raise ValueError(
                f"a window of {shape} takes an image and a validity of that shape, "
                f"not {image.shape} and {valid.shape}"
            )

    def _write_mask(self, place: tuple[int, int, int, int], valid: np.ndarray) -> int:
        """Mark invalid pixels; the mask begins with the first of them. Returns GDAL's error."""
        assert self._dataset is not None  # nosec B101
        if self._mask is None:
            if valid.all():
                return 0
            with gdal_option("GDAL_TIFF_INTERNAL_MASK", "YES"):
                self._dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
            self._mask = self._dataset.GetRasterBand(1).GetMaskBand()
            self._mask.Fill(255)
        shown = np.where(valid, np.uint8(255), np.uint8(0)).tobytes()
        return self._mask.WriteRaster(*place, shown)

    def _close(self) -> list[str]:
        """Flush and close; GDAL reports what went wrong only through its error handler."""
        with gdal_failures() as failures:
            if self._dataset is not None:
                self._dataset.FlushCache()
            self._mask = None
            self._dataset = None
        return failures

    def _rehearse_copy(self) -> None:
        """Copy a small image of the same kind: an unfit format is refused before the work."""
        kind = gdal.GetDataTypeByName(self._encoder.data_type)
        folder = self._staging.path("rehearsal")
        stored: list[tuple[int, bool]] = []
        with gdal_failures() as failures:
            gdal.Mkdir(folder, 0o755)
            sample = gdal.GetDriverByName("MEM").Create("", 64, 64, len(self._bands), kind)
            if self._encoder.nodata is None:
                sample.CreateMaskBand(gdal.GMF_PER_DATASET)
            copy = gdal.GetDriverByName(self._driver).CreateCopy(
                f"{folder}/{self._staging.name}", sample, strict=0, options=self._copy_options()
            )
            if copy is not None:
                stored = [_kind_and_alpha(copy, n + 1) for n in range(copy.RasterCount)]
            copy = None
        with gdal_failures():
            gdal.RmdirRecursive(folder)
        if stored != [(kind, False)] * len(self._bands):
            reason = ": " + self._quoted(failures).rstrip(".") if failures else ""
            raise OutputError(
                f"The format of {self.path} ({self._driver}) cannot hold {len(self._bands)} bands "
                f"of {self._encoder.data_type}{reason}.",
                hint="Choose GeoTIFF (.tif), or another data type.",
            )

    def _copy_options(self) -> list[str]:
        options = {**COPY_DEFAULTS.get(self._driver, {}), **self._user_options}
        return [f"{key}={value}" for key, value in options.items()]

    def _copy_to_format(self) -> None:
        created = False
        with gdal_failures() as failures:
            source = gdal.Open(self._working_path)
            copy = gdal.GetDriverByName(self._driver).CreateCopy(
                self._staging.path(), source, strict=0, options=self._copy_options()
            )
            created = copy is not None
            copy = None
            source = None
        if not created or failures:
            raise self._write_error(failures)
        with gdal_failures():
            gdal.GetDriverByName("GTiff").Delete(self._working_path)

    def _add_pyramids(self, progress: Callable[[float], None]) -> None:
        file = self._staging.path()
        failures = build_pyramids(file, progress, block=BLOCK)
        beside = file + ".ovr"
        self._refuse_damage(beside if gdal.VSIStatL(beside) else file, failures)

    def _refuse_damage(self, path: str, failures: list[str]) -> None:
        """Raise OutputError after failures, or where a GeoTIFF is not whole."""
        if not failures and _is_cut_off(path):
            failures = ["the end of the file is missing"]
        if failures:
            raise self._write_error(failures)

    def _quoted(self, failures: list[str]) -> str:
        """GDAL's words with the name the user knows in place of the temporary one."""
        parent = os.path.dirname(self._staging.target)
        return quoted(failures).replace(self._staging.folder, parent)

    def _write_error(self, failures: list[str]) -> OutputError:
        free = self._staging.free_bytes()
        space = "" if free is None else f" {free / 1e6:.1f} MB are free in its folder."
        return OutputError(
            f"{self.path} could not be written: {self._quoted(failures)}{space}",
            hint="Free space in the folder, or choose another one.",
        )


def _kind_and_alpha(dataset: gdal.Dataset, number: int) -> tuple[int, bool]:
    band = dataset.GetRasterBand(number)
    return band.DataType, band.GetColorInterpretation() == gdal.GCI_AlphaBand


def check_output(path: str, inputs: Iterable[str] = ()) -> None:
    """Refuse, before any work, a target that cannot become the result.

    Raises OutputError when the folder is missing or read-only, the format is unknown, `path` is a
    folder, or `path` is one of `inputs`.
    """
    driver_for(path)
    if is_virtual(path):
        if path in set(inputs):
            raise _overwrites_input(path, path)
        return
    check_target(path)
    for name in inputs:
        if os.path.exists(name) and os.path.exists(path) and os.path.samefile(name, path):
            raise _overwrites_input(path, name)


def _overwrites_input(path: str, name: str) -> OutputError:
    return OutputError(
        f"The output {path} is one of the inputs ({name}).", hint="Choose another output name."
    )


def driver_for(path: str) -> str:
    """Short name of the GDAL driver that writes files of this extension.

    Raises OutputError for .vrt, which holds no pixels, and where no driver fits.
    """
    extension = os.path.splitext(path)[1].lstrip(".").lower()
    if extension in ("tif", "tiff"):
        return "GTiff"
    if extension == "vrt":
        raise OutputError(
            f"{path}: a VRT refers to pixels in other files and cannot hold the result.",
            hint="Choose GeoTIFF (.tif).",
        )
    for index in range(gdal.GetDriverCount()):
        driver = gdal.GetDriver(index)
        if extension and _writes(driver, extension):
            return driver.ShortName
    raise OutputError(
        f"{path}: no format of this GDAL is written to files named "
        + (f".{extension}." if extension else "without an extension."),
        hint="Choose GeoTIFF (.tif).",
    )


def _writes(driver: gdal.Driver, extension: str) -> bool:
    metadata = driver.GetMetadata()
    if metadata.get(gdal.DCAP_RASTER) != "YES":
        return False
    if "YES" not in (metadata.get(gdal.DCAP_CREATECOPY), metadata.get(gdal.DCAP_CREATE)):
        return False
    return extension in metadata.get(gdal.DMD_EXTENSIONS, "").lower().split()


def gtiff_options(dtype: np.dtype, user: dict[str, str]) -> list[str]:
    """Creation options of a GeoTIFF: `user` (keys in capitals) before the defaults.

    The predictor follows the data type and the compression. DEFLATE's higher levels save a
    hundredth of the size for twice the time. Four bands of 8 bits are not RGB with alpha, as GDAL
    would have it, unless the user says so.
    """
    options = {"TILED": "YES", "COMPRESS": "DEFLATE", "BIGTIFF": "IF_SAFER"}
    options.update(NUM_THREADS="ALL_CPUS", PHOTOMETRIC="MINISBLACK", ALPHA="UNSPECIFIED")
    options.update(user)
    if options["TILED"].upper() in ("YES", "TRUE", "ON", "1"):
        options = {"BLOCKXSIZE": str(BLOCK), "BLOCKYSIZE": str(BLOCK), **options}
    if options["COMPRESS"].upper() in PREDICTED:
        options.setdefault("PREDICTOR", "3" if dtype.kind == "f" else "2")
    if options["COMPRESS"].upper() == "DEFLATE":
        options.setdefault("ZLEVEL", "1")
    return [f"{key}={value}" for key, value in options.items()]


def _parsed_options(texts: Sequence[str]) -> dict[str, str]:
    options = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise OutputError(
                f"The creation option {text!r} is not of the form KEY=VALUE.",
                hint="Write it like COMPRESS=LZW.",
            )
        options[key.strip().upper()] = value.strip()
    return options


def _refuse_unknown_type(data_type: str) -> None:
    if data_type not in DTYPES or not gdal.GetDataTypeByName(data_type):
        raise OutputError(
            f"The data type {data_type} cannot be written.",
            hint=f"Choose one of {', '.join(DTYPES)}.",
        )


def _describe(
    dataset: gdal.Dataset,
    grid: Grid,
    bands: Sequence[BandInfo],
    nodata: float | None,
    tags: dict[str, str],
) -> None:
    """Georeference and metadata, before the first pixel, so that they precede the image."""
    if grid.has_geotransform:
        dataset.SetGeoTransform(grid.geotransform)
    if grid.crs:
        dataset.SetSpatialRef(spatial_reference(grid.crs))
    if tags:
        dataset.SetMetadata(tags)
    for number, info in enumerate(bands, start=1):
        band = dataset.GetRasterBand(number)
        if info.description:
            band.SetDescription(info.description)
        # A band that was sharpened holds an image, even if its source was labelled alpha.
        color = "Undefined" if info.color in ("Alpha", "Palette") else info.color
        band.SetColorInterpretation(COLORS.get(color, gdal.GCI_Undefined))
        if info.scale is not None:
            band.SetScale(info.scale)
        if info.offset is not None:
            band.SetOffset(info.offset)
        if info.wavelength is not None:
            micrometres = f"{info.wavelength / 1000.0:.6g}"
            band.SetMetadataItem("CENTRAL_WAVELENGTH_UM", micrometres, "IMAGERY")
        if nodata is not None:
            band.SetNoDataValue(nodata)


def _is_cut_off(path: str) -> bool:
    """Whether a GeoTIFF's directory or any of its blocks lies beyond the end of the file.

    GDAL writes the last of a file while closing it; 3.10 keeps silent when the disk is full then.
    """
    size = gdal.VSIStatL(path).size  # virtual file systems as well
    with gdal_failures():
        dataset = gdal.Open(path)
    if dataset is None:
        return True
    bands = [dataset.GetRasterBand(1 + index) for index in range(dataset.RasterCount)]
    if bands[0].GetMaskFlags() & gdal.GMF_PER_DATASET:
        bands.append(bands[0].GetMaskBand())
    bands += [band.GetOverview(n) for band in bands for n in range(band.GetOverviewCount())]
    return any(end > size for band in bands for end in _block_ends(band))


def _block_ends(band: gdal.Band) -> Iterator[int]:
    """Yield the position in the file, in bytes, where each block of a GeoTIFF's band ends."""
    width, height = band.GetBlockSize()
    for row in range(-(-band.YSize // height)):
        for column in range(-(-band.XSize // width)):
            offset = band.GetMetadataItem(f"BLOCK_OFFSET_{column}_{row}", "TIFF")
            length = band.GetMetadataItem(f"BLOCK_SIZE_{column}_{row}", "TIFF")
            yield int(offset or 0) + int(length or 0)
