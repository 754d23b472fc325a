import os
import subprocess

import numpy as np
import pytest
from osgeo import gdal

from ksdiff_engine.errors import Cancelled, OutputError
from ksdiff_engine.raster.crs import spatial_reference
from ksdiff_engine.raster.grid import Grid
from ksdiff_engine.raster.reader import BandInfo, RasterSource
from ksdiff_engine.raster.tiling import Window, tiles
from ksdiff_engine.raster.writer import RasterWriter, check_output, gtiff_options


def utm():
    from osgeo import osr

    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32630)
    return reference.ExportToWkt()


GRID = Grid(600, 300, (605264.544867210672, 15.0003768941, 0.0, 4745828.11, 0.0, -14.9993), utm())
BANDS = [
    BandInfo("Blue 450-515", "Blue", 0.0, 2e-5, -0.1),
    BandInfo("Green 525-600", "Green", 0.0, 2e-5, -0.1),
    BandInfo("NIR 845-885", "Undefined", 0.0, None, None),
]


def random_image(bands=3, seed=0):
    return np.random.default_rng(seed).uniform(1, 4000, (bands, 300, 600))


def write(path, image, valid=None, data_type="UInt16", bands=BANDS, grid=GRID, **words):
    valid = np.ones(image.shape[1:], dtype=bool) if valid is None else valid
    with RasterWriter(str(path), grid, bands, data_type, **words) as writer:
        for w in tiles(grid.width, grid.height, 256):
            at = (slice(w.row, w.row + w.height), slice(w.column, w.column + w.width))
            writer.write(w, image[(slice(None), *at)], valid[at])
        writer.commit()


def read_all(path):
    with RasterSource.open_ms([str(path)]) as source:
        return source.read(Window(0, 0, source.grid.width, source.grid.height))


def test_the_result_carries_everything(tmp_path):
    path, image = tmp_path / "out.tif", random_image()
    write(path, image, nodata=0, tags={"KSDIFF_WEIGHTS": "any-4", "KSDIFF_SEED": "0"})
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.tif"]
    dataset = gdal.Open(str(path))
    assert dataset.GetGeoTransform() == GRID.geotransform
    assert dataset.GetSpatialRef().IsSame(spatial_reference(GRID.crs))
    tags = dataset.GetMetadata()
    assert (tags["KSDIFF_WEIGHTS"], tags["KSDIFF_SEED"]) == ("any-4", "0")
    for number, info in enumerate(BANDS, start=1):
        band = dataset.GetRasterBand(number)
        assert band.GetDescription() == info.description
        assert gdal.GetColorInterpretationName(band.GetColorInterpretation()) == info.color
        assert band.GetNoDataValue() == 0.0
        assert band.GetBlockSize() == [256, 256]
    assert dataset.GetRasterBand(1).GetScale() == 2e-5
    assert dataset.GetRasterBand(2).GetOffset() == -0.1
    structure = dataset.GetMetadata("IMAGE_STRUCTURE")
    assert (structure["COMPRESSION"], structure["PREDICTOR"]) == ("DEFLATE", "2")
    found, valid = read_all(path)
    assert valid.all()
    assert (found == np.rint(image.astype(np.float32))).all()


@pytest.mark.parametrize(
    "data_type", ["Byte", "UInt16", "Int16", "UInt32", "Int32", "Float32", "Float64"]
)
@pytest.mark.parametrize("nodata", [None, 0.0])
def test_validity_survives_in_every_type(tmp_path, data_type, nodata):
    image = np.floor(random_image() / 20.0)
    image[:, 5:20, 7:9] = 0.0  # real zeros
    valid = np.random.default_rng(1).uniform(size=(300, 600)) > 0.2
    valid[:256, :256] = True  # the first tile is valid throughout
    path = tmp_path / "out.tif"
    write(path, image, valid, data_type, nodata=nodata)
    found, found_valid = read_all(path)
    assert (found_valid == valid).all()
    assert np.abs(found - image)[:, valid].max() <= (0.0 if nodata is None else 1.0)
    assert os.listdir(tmp_path) == ["out.tif"]


def test_whole_numbers_without_nodata_take_a_mask_only_when_needed(tmp_path):
    valid = np.ones((300, 600), dtype=bool)
    write(tmp_path / "full.tif", random_image(), valid)
    valid[299, 599] = False
    write(tmp_path / "holed.tif", random_image(), valid)
    datasets = [gdal.Open(str(tmp_path / name)) for name in ("full.tif", "holed.tif")]
    flags = [dataset.GetRasterBand(2).GetMaskFlags() for dataset in datasets]
    assert flags == [gdal.GMF_ALL_VALID, gdal.GMF_PER_DATASET]
    assert sorted(os.listdir(tmp_path)) == ["full.tif", "holed.tif"]


def test_nan_is_never_a_whole_number(tmp_path):
    image = random_image()
    image[1, 3, 4] = np.nan
    write(tmp_path / "out.tif", image, data_type="Int16", nodata=-32768)
    _, valid = read_all(tmp_path / "out.tif")
    assert np.argwhere(~valid).tolist() == [[3, 4]]


def test_four_bands_of_eight_bits_are_no_rgba(tmp_path):
    colors = [BandInfo(color=name) for name in ("Red", "Green", "Blue", "Alpha")]
    write(tmp_path / "out.tif", random_image(4) / 20.0, data_type="Byte", bands=colors)
    dataset = gdal.Open(str(tmp_path / "out.tif"))
    names = [
        gdal.GetColorInterpretationName(dataset.GetRasterBand(n).GetColorInterpretation())
        for n in (1, 2, 3, 4)
    ]
    assert names == ["Red", "Green", "Blue", "Undefined"]


def test_without_georeference_none_is_made_up(tmp_path):
    write(tmp_path / "out.tif", random_image(), grid=Grid(600, 300))
    dataset = gdal.Open(str(tmp_path / "out.tif"))
    assert dataset.GetGeoTransform(can_return_null=True) is None
    assert dataset.GetSpatialRef() is None


def test_rotated_grids_are_kept(tmp_path):
    grid = Grid(600, 300, (500000.0, 14.0, 3.0, 4600000.0, 3.0, -14.0), utm())
    write(tmp_path / "out.tif", random_image(), grid=grid)
    assert gdal.Open(str(tmp_path / "out.tif")).GetGeoTransform() == grid.geotransform


def test_users_options_come_first(tmp_path):
    options = ["compress=LZW", "Tiled=NO", "INTERLEAVE=BAND", "BIGTIFF=YES"]
    write(tmp_path / "out.tif", random_image(), creation_options=options)
    dataset = gdal.Open(str(tmp_path / "out.tif"))
    structure = dataset.GetMetadata("IMAGE_STRUCTURE")
    assert (structure["COMPRESSION"], structure["INTERLEAVE"]) == ("LZW", "BAND")
    assert dataset.GetRasterBand(1).GetBlockSize()[0] == 600
    assert (tmp_path / "out.tif").read_bytes()[2] == 43  # BigTIFF


@pytest.mark.parametrize(
    ("dtype", "user", "predictor"),
    [
        ("u2", {}, "PREDICTOR=2"),
        ("f4", {}, "PREDICTOR=3"),
        ("f4", {"COMPRESS": "ZSTD"}, "PREDICTOR=3"),
        ("u2", {"PREDICTOR": "1"}, "PREDICTOR=1"),
        ("u2", {"COMPRESS": "NONE"}, None),
    ],
)
def test_the_predictor_follows_type_and_compression(dtype, user, predictor):
    found = [o for o in gtiff_options(np.dtype(dtype), user) if o.startswith("PREDICTOR")]
    assert found == ([predictor] if predictor else [])


@pytest.mark.usefixtures("gdal_mode")
class TestRefusals:
    """Every refusal comes before the work and leaves nothing behind."""

    def refused(self, path, match, **words):
        folder = os.path.dirname(path)
        before = sorted(os.listdir(folder)) if os.path.isdir(folder) else None
        with pytest.raises(OutputError, match=match) as caught:
            RasterWriter(str(path), GRID, BANDS, words.pop("data_type", "UInt16"), **words)
        assert caught.value.hint
        if before is not None:
            assert sorted(os.listdir(folder)) == before

    def test_folder_is_missing(self, tmp_path):
        self.refused(tmp_path / "none" / "out.tif", "none for out.tif does not exist")

    def test_folder_is_a_file(self, tmp_path):
        (tmp_path / "file").write_text("")
        self.refused(tmp_path / "file" / "out.tif", "does not exist")

    def test_target_is_a_folder(self, tmp_path):
        (tmp_path / "out.tif").mkdir()
        self.refused(tmp_path / "out.tif", "is a folder")

    def test_folder_is_read_only(self, tmp_path):
        mount(tmp_path, "size=1M,ro")
        try:
            self.refused(tmp_path / "out.tif", "cannot be written to")
        finally:
            unmount(tmp_path)

    @pytest.mark.parametrize("name", ["out.vrt", "out.VRT", "out.xyzq", "out"])
    def test_format(self, tmp_path, name):
        self.refused(tmp_path / name, "VRT|no format")

    def test_input_under_another_name(self, tmp_path):
        source = tmp_path / "ms.tif"
        write(source, random_image())
        (tmp_path / "link.tif").symlink_to(source)
        self.refused(tmp_path / "link.tif", "one of the inputs", inputs=[str(source)])
        self.refused(source, "one of the inputs", inputs=[f"{tmp_path}/./ms.tif"])

    def test_virtual_input(self):
        with pytest.raises(OutputError, match="one of the inputs"):
            check_output("/vsimem/ms.tif", ["/vsimem/ms.tif"])

    @pytest.mark.parametrize("option", ["COMPRESS", "=LZW", ""])
    def test_option_without_a_value(self, tmp_path, option):
        self.refused(tmp_path / "out.tif", "KEY=VALUE", creation_options=[option])

    def test_option_gdal_rejects(self, tmp_path):
        self.refused(tmp_path / "out.tif", "cannot be created", creation_options=["BLOCKXSIZE=17"])

    @pytest.mark.parametrize("option", ["COMPRESS=FOO", "FOO=BAR", "BIGTIFF=MAYBE"])
    def test_option_gdal_would_ignore(self, tmp_path, option):
        word = "FOO" if "FOO" in option else "MAYBE"
        self.refused(tmp_path / "out.tif", f"cannot be created.*{word}", creation_options=[option])

    def test_type_gdal_does_not_write(self, tmp_path):
        self.refused(tmp_path / "out.tif", "CInt16", data_type="CInt16")

    def test_format_too_small_for_the_image(self, tmp_path):
        self.refused(tmp_path / "out.png", "3 bands of Float32", data_type="Float32")

    def test_format_that_would_make_a_band_transparent(self, tmp_path):
        with pytest.raises(OutputError, match="4 bands of Byte"):
            RasterWriter(str(tmp_path / "out.png"), GRID, [BandInfo()] * 4, "Byte")
        assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("gdal_mode")
def test_a_former_file_stays_until_the_commit(tmp_path):
    path = tmp_path / "out.tif"
    path.write_bytes(b"former")
    writer = RasterWriter(str(path), GRID, BANDS, "Byte")
    writer.write(Window(0, 0, 600, 300), random_image(), np.zeros((300, 600), bool))
    assert path.read_bytes() == b"former"
    hidden = [name for name in os.listdir(tmp_path) if name != "out.tif"]
    assert len(hidden) == 1
    assert hidden[0].startswith(f".out.tif.{os.getpid()}.")

    with pytest.raises(KeyboardInterrupt), writer:
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["out.tif"]
    assert path.read_bytes() == b"former"


def test_side_files_of_a_former_file_go_with_it(tmp_path):
    for suffix in ("", ".aux.xml", ".ovr", ".msk"):
        (tmp_path / f"out.tif{suffix}").write_bytes(b"former")
    (tmp_path / "out.tif.txt").write_bytes(b"notes")
    write(tmp_path / "out.tif", random_image())
    assert sorted(os.listdir(tmp_path)) == ["out.tif", "out.tif.txt"]


def test_a_link_at_the_target_is_followed(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "out.tif").symlink_to(tmp_path / "store" / "real.tif")
    write(tmp_path / "out.tif", random_image())
    assert (tmp_path / "out.tif").is_symlink()
    assert os.listdir(tmp_path / "store") == ["real.tif"]


def test_two_writers_do_not_meet(tmp_path):
    path = str(tmp_path / "out.tif")
    with RasterWriter(path, GRID, BANDS, "Byte"), RasterWriter(path, GRID, BANDS, "Byte"):
        assert len(os.listdir(tmp_path)) == 2
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["out.img", "out.jp2", "out.nc", "out.TIFF"])
def test_other_formats(tmp_path, name):
    image, valid = random_image(), np.ones((300, 600), dtype=bool)
    valid[10:20, 30:40] = False
    try:
        write(tmp_path / name, image, valid, data_type="Int16", nodata=-1)
    except OutputError as error:
        pytest.skip(f"this GDAL does not write it: {error}")
    path = str(tmp_path / name)
    paths = [f'NETCDF:"{path}":Band{k}' for k in (1, 2, 3)] if name == "out.nc" else [path]
    with RasterSource.open_ms(paths) as source:
        found, found_valid = source.read(Window(0, 0, 600, 300))
    assert (found_valid == valid).all()
    assert (found[:, valid] == np.rint(image.astype(np.float32))[:, valid]).all()
    assert all(entry.startswith(name) for entry in os.listdir(tmp_path))


BIG = Grid(600, 1100, GRID.geotransform, utm())


def overviews(path):
    dataset = gdal.Open(str(path))
    band = dataset.GetRasterBand(1)
    shapes = [band.GetOverview(n) for n in range(band.GetOverviewCount())]
    return [(overview.XSize, overview.YSize) for overview in shapes]


@pytest.mark.usefixtures("gdal_mode")
def test_pyramids_lie_in_the_file_compressed_as_it_is(tmp_path):
    rows, columns = np.mgrid[0:1100, 0:600]
    image = np.stack([rows + columns, rows * 2, columns * 3]) + 1.0
    for name in ("plain", "pyramids"):
        write(tmp_path / f"{name}.tif", image, nodata=0, grid=BIG, pyramids=name == "pyramids")
    assert sorted(os.listdir(tmp_path)) == ["plain.tif", "pyramids.tif"]
    assert overviews(tmp_path / "plain.tif") == []
    path = str(tmp_path / "pyramids.tif")
    assert overviews(path) == [(300, 550), (150, 275), (75, 138)]
    first = gdal.OpenEx(path, open_options=["OVERVIEW_LEVEL=0"])
    structure = first.GetMetadata("IMAGE_STRUCTURE")
    assert (structure["COMPRESSION"], structure["PREDICTOR"]) == ("DEFLATE", "2")
    assert first.GetRasterBand(1).GetBlockSize() == [256, 256]
    mean = image[0].reshape(550, 2, 300, 2).mean(axis=(1, 3))
    stored = np.frombuffer(first.GetRasterBand(1).ReadRaster(), np.uint16).reshape(550, 300)
    assert np.abs(stored - mean).max() <= 0.5
    assert (read_all(path)[0] == image).all()


@pytest.mark.parametrize("nodata", [None, 0.0])
def test_invalid_pixels_do_not_darken_pyramids(tmp_path, nodata):
    image, valid = np.full((3, 1100, 600), 900.0), np.ones((1100, 600), dtype=bool)
    valid[::2] = False
    valid[:, :128] = False
    write(tmp_path / "out.tif", image, valid, nodata=nodata, grid=BIG, pyramids=True)
    first = gdal.OpenEx(str(tmp_path / "out.tif"), open_options=["OVERVIEW_LEVEL=0"])
    band = first.GetRasterBand(1)
    shown = np.frombuffer(band.GetMaskBand().ReadRaster(), np.uint8).reshape(550, 300) > 0
    values = np.frombuffer(band.ReadRaster(), np.uint16).reshape(550, 300)
    assert shown[:, 64:].all()
    assert not shown[:, :64].any()
    assert (values[shown] == 900).all()


def test_a_small_raster_gets_no_pyramids(tmp_path):
    grid = Grid(200, 256, GRID.geotransform, utm())
    write(tmp_path / "out.tif", np.ones((3, 256, 200)), nodata=0, grid=grid, pyramids=True)
    assert overviews(tmp_path / "out.tif") == []


def test_pyramids_of_another_format_lie_beside_it(tmp_path):
    write(tmp_path / "out.img", np.ones((3, 1100, 600)), nodata=0, grid=BIG, pyramids=True)
    assert overviews(tmp_path / "out.img") == [(300, 550), (150, 275), (75, 138)]
    compression = gdal.Open(str(tmp_path / "out.img.ovr")).GetMetadata("IMAGE_STRUCTURE")
    assert compression["COMPRESSION"] == "DEFLATE"


@pytest.mark.usefixtures("gdal_mode")
def test_cancelled_while_pyramids_are_built_nothing_is_moved(tmp_path):
    (tmp_path / "out.tif").write_bytes(b"former")

    def cancel(fraction):
        raise Cancelled()

    with RasterWriter(str(tmp_path / "out.tif"), BIG, BANDS, "UInt16", pyramids=True) as writer:
        writer.write(Window(0, 0, 600, 1100), np.ones((3, 1100, 600)), np.ones((1100, 600), bool))
        with pytest.raises(Cancelled):
            writer.commit(cancel)
    assert os.listdir(tmp_path) == ["out.tif"]
    assert (tmp_path / "out.tif").read_bytes() == b"former"


def test_virtual_file_systems():
    path = "/vsimem/ksdiff_writer/out.tif"
    for seed in (0, 1):  # the second replaces the first
        image = random_image(seed=seed)
        write(path, image, data_type="Float64")
        assert (read_all(path)[0] == image.astype(np.float32)).all()
    with RasterWriter(path, GRID, BANDS, "Byte"):
        assert len(gdal.ReadDir("/vsimem/ksdiff_writer")) == 2
    assert gdal.ReadDir("/vsimem/ksdiff_writer") == ["out.tif"]
    gdal.Unlink(path)


def test_arrays_must_fit_their_window(tmp_path):
    with RasterWriter(str(tmp_path / "out.tif"), GRID, BANDS, "Byte") as writer:
        with pytest.raises(ValueError, match="a window of"):
            writer.write(Window(0, 0, 4, 5), np.ones((3, 4, 5)), np.ones((4, 5), bool))
        with pytest.raises(OutputError, match=r"out\.tif could not be written"):
            writer.write(Window(599, 0, 4, 5), np.ones((3, 5, 4)), np.ones((5, 4), bool))


def test_a_closed_writer_takes_nothing(tmp_path):
    with RasterWriter(str(tmp_path / "out.tif"), GRID, BANDS, "Byte") as writer:
        writer.commit()
        with pytest.raises(ValueError, match="closed"):
            writer.commit()
        with pytest.raises(ValueError, match="closed"):
            writer.write(Window(0, 0, 1, 1), np.ones((3, 1, 1)), np.ones((1, 1), bool))
    assert os.listdir(tmp_path) == ["out.tif"]


def mount(folder, options):
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted: {done.stderr.strip()}")


def unmount(folder):
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.usefixtures("gdal_mode")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("size", ["100k", "500k", "900k"])
@pytest.mark.parametrize("options", [[], ["COMPRESS=NONE", "NUM_THREADS=1"]])
def test_a_full_disk_is_noticed(tmp_path, size, options):
    mount(tmp_path, f"size={size}")
    try:
        (tmp_path / "out.tif").write_bytes(b"former")
        image = np.random.default_rng(0).uniform(0, 65535, (3, 300, 600))
        with pytest.raises(OutputError, match=r"out\.tif could not be written: .+ MB are free"):
            write(tmp_path / "out.tif", image, creation_options=options)
        assert os.listdir(tmp_path) == ["out.tif"]
        assert (tmp_path / "out.tif").read_bytes() == b"former"
    finally:
        unmount(tmp_path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("pyramids", [False, True])
@pytest.mark.parametrize("kilobytes", range(1040, 1200, 16))
def test_on_a_nearly_full_disk_the_file_is_whole_or_absent(tmp_path, kilobytes, pyramids):
    kilobytes += 280 * pyramids  # of the overviews
    mount(tmp_path, f"size={kilobytes}k")
    try:
        image = np.random.default_rng(0).uniform(0, 65535, (3, 300, 600))
        try:
            write(tmp_path / "out.tif", image, pyramids=pyramids)
        except OutputError:
            assert os.listdir(tmp_path) == []
            return
        found, valid = read_all(tmp_path / "out.tif")
        assert valid.all()
        assert (found == np.rint(image.astype(np.float32))).all()
        assert len(overviews(tmp_path / "out.tif")) == 2 * pyramids
    finally:
        unmount(tmp_path)
