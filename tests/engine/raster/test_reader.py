import threading

import numpy as np
import pytest
from osgeo import gdal

from ksdiff_engine.errors import InputError
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window

RAMP = np.arange(1, 31, dtype=np.uint16).reshape(5, 6)


def read_all(source):
    return source.read(Window(0, 0, source.grid.width, source.grid.height))


def test_pan_gives_values_grid_and_words(make_raster):
    path = make_raster("pan.tif", RAMP, scale=2.0, offset=-1.0, descriptions=["Panchromatic"])
    with RasterSource.open_pan(path) as pan:
        image, valid = read_all(pan)
        assert image.dtype == np.float32
        assert (image[0] == RAMP).all()  # scale and offset are not applied
        assert valid.all()
        assert (pan.grid.width, pan.grid.height) == (6, 5)
        assert pan.grid.geotransform == (500000.0, 30.0, 0.0, 4600000.0, 0.0, -30.0)
        assert 'ID["EPSG",32630]' in pan.grid.crs
        assert pan.data_type == "UInt16"
        info = pan.bands[0]
        assert (info.description, info.color) == ("Panchromatic", "Gray")
        assert (info.nodata, info.scale, info.offset) == (None, 2.0, -1.0)


def test_a_window_may_leave_the_raster(make_raster):
    with RasterSource.open_pan(make_raster("pan.tif", RAMP)) as pan:
        image, valid = pan.read(Window(-2, -1, 10, 8))
        assert image.shape == (1, 8, 10)
        assert (image[0, 1:6, 2:8] == RAMP).all()
        assert valid[1:6, 2:8].all()
        assert valid.sum() == RAMP.size
        assert image.sum() == RAMP.sum()


@pytest.mark.parametrize("window", [Window(50, 0, 3, 4), Window(-9, 2, 3, 4), Window(1, 1, 0, 0)])
def test_a_window_outside_is_empty(make_raster, window):
    with RasterSource.open_pan(make_raster("pan.tif", RAMP)) as pan:
        image, valid = pan.read(window)
        assert image.shape == (1, window.height, window.width)
        assert not image.any()
        assert not valid.any()


@pytest.mark.parametrize(
    ("dtype", "nodata", "stored"),
    [
        ("uint8", 0, 0),
        ("int16", -32768, -32768),
        ("uint32", 4294967295, 4294967295),
        ("int32", -2147483648, -2147483648),
        ("float32", -3.4e38, -3.4e38),
        ("float32", -3.4e38, -3.4028235e38),  # the tag is rounded, the pixels are not
        ("float32", -3.40282346638529e38, -3.4028235e38),
        ("float32", float("nan"), float("nan")),
        ("float32", -9999.9, -9999.9),
        ("float32", 1e-5, 1e-5),
        ("float64", -1.7976931348623157e308, -1.7976931348623157e308),
        ("float64", 0.1, 0.1),
    ],
)
def test_nodata_is_found_in_the_files_own_type(make_raster, dtype, nodata, stored):
    array = np.full((4, 4), 7, dtype=dtype)
    array[1, 2] = np.array(stored).astype(dtype)
    with RasterSource.open_pan(make_raster("pan.tif", array, nodata=nodata)) as pan:
        image, valid = read_all(pan)
    assert np.argwhere(~valid).tolist() == [[1, 2]]
    assert image[0, 1, 2] == 0.0
    assert np.isfinite(image).all()


def test_neighbours_of_a_large_nodata_stay_valid(make_raster):
    array = np.full((4, 4), 4294967295, dtype=np.uint32)
    array[0, 0] = 4294967294  # equal to nodata after rounding to float32
    with RasterSource.open_pan(make_raster("pan.tif", array, nodata=4294967295)) as pan:
        _, valid = read_all(pan)
    assert np.argwhere(valid).tolist() == [[0, 0]]


@pytest.mark.parametrize("nodata", [-9999.0, float("nan"), 0.5, 1e20])
def test_a_nodata_value_the_type_cannot_hold_hides_nothing(make_raster, tmp_path, nodata):
    path = make_raster("pan.tif", np.zeros((4, 4), dtype=np.uint16))
    copy = str(tmp_path / "declared.vrt")
    with open(copy, "w") as file:
        file.write(
            '<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="UInt16" band="1">'
            f"<NoDataValue>{nodata}</NoDataValue><SimpleSource>"
            f"<SourceFilename>{path}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
        )
    with RasterSource.open_pan(copy) as pan:
        assert read_all(pan)[1].all()


def test_values_that_are_not_finite_are_invalid(make_raster):
    array = np.ones((2, 4, 4), dtype=np.float64)
    array[0, 0, 0], array[1, 1, 1], array[0, 2, 2] = np.nan, np.inf, 1e300
    with RasterSource.open_ms([make_raster("ms.tif", array)]) as ms:
        image, valid = read_all(ms)
    assert np.argwhere(~valid).tolist() == [[0, 0], [1, 1], [2, 2]]
    assert (image[:, ~valid] == 0).all()


def test_one_band_without_data_hides_the_pixel(make_raster):
    array = np.ones((3, 4, 4), dtype=np.int16)
    array[1, 3, 0] = -1
    with RasterSource.open_ms([make_raster("ms.tif", array, nodata=-1)]) as ms:
        image, valid = read_all(ms)
    assert np.argwhere(~valid).tolist() == [[3, 0]]
    assert (image[:, 3, 0] == 0).all()


def test_mask_band_and_nodata_both_hide(make_raster):
    mask = np.ones((5, 6), dtype=bool)
    mask[0, 5] = False
    path = make_raster("ms.tif", np.stack([RAMP, RAMP]), nodata=8, mask=mask)
    with RasterSource.open_ms([path]) as ms:
        _, valid = read_all(ms)
    assert np.argwhere(~valid).tolist() == [[0, 5], [1, 1]]


def test_alpha_is_validity_and_no_band(make_raster):
    array = np.full((4, 4, 4), 9, dtype=np.uint8)
    array[3] = 255
    array[3, 1, 1], array[3, 2, 2] = 0, 1
    path = make_raster("rgba.tif", array, options=["PHOTOMETRIC=RGB", "ALPHA=YES"])
    with RasterSource.open_ms([path]) as ms:
        image, valid = read_all(ms)
        assert [band.color for band in ms.bands] == ["Red", "Green", "Blue"]
        assert "alpha" in ms.messages[0]
    assert image.shape[0] == 3
    assert np.argwhere(~valid).tolist() == [[1, 1]]


def test_alpha_chosen_by_number_is_an_image_band(make_raster):
    array = np.zeros((4, 4, 4), dtype=np.uint8)
    array[3, 2] = 30
    path = make_raster("rgbn.tif", array, options=["PHOTOMETRIC=RGB", "ALPHA=YES"])
    with RasterSource.open_ms([path], [4, 1]) as ms:
        image, valid = read_all(ms)
        assert ms.messages == ()
    assert valid.all()
    assert (image[0] == array[3]).all()


def test_pan_with_alpha_has_one_band(make_raster):
    array = np.full((2, 4, 4), 255, dtype=np.uint8)
    with RasterSource.open_pan(make_raster("pan.tif", array, options=["ALPHA=YES"])) as pan:
        assert len(pan.bands) == 1


def test_bands_are_chosen_in_order(make_raster):
    array = np.stack([RAMP * k for k in (1, 2, 3, 4)])
    with RasterSource.open_ms([make_raster("ms.tif", array)], [4, 2]) as ms:
        image, _ = read_all(ms)
    assert (image == array[[3, 1]]).all()


@pytest.mark.parametrize("bands", [[0], [5], [-1], [2, 2]])
def test_impossible_choices_of_bands(make_raster, bands):
    path = make_raster("ms.tif", np.stack([RAMP] * 4))
    with pytest.raises(InputError, match=r"no band|twice"):
        RasterSource.open_ms([path], bands)


def test_band_files_stack_and_promote(make_raster):
    paths = [
        make_raster("B2.tif", RAMP),
        make_raster("B3.tif", (RAMP - 20.0).astype(np.int16), descriptions=["Green"]),
        make_raster("B4.tif", RAMP.astype(np.uint8)),
    ]
    with RasterSource.open_ms(paths) as ms:
        image, valid = read_all(ms)
        assert ms.data_type == "Int32"  # the smallest type for UInt16 and Int16
        assert [band.description for band in ms.bands] == ["B2", "Green", "B4"]
        assert "2 more files" in ms.name
    assert valid.all()
    assert (image == np.stack([RAMP, RAMP - 20.0, RAMP])).all()
    with RasterSource.open_ms(paths, [3, 1]) as ms:
        assert [band.description for band in ms.bands] == ["B4", "B2"]
        assert ms.data_type == "UInt16"


def test_band_files_of_another_resolution_are_named_with_figures(make_raster):
    first = make_raster("B2.tif", RAMP)
    fine = make_raster(
        "B8.tif", np.ones((10, 12), np.uint16), (500000.0, 15.0, 0.0, 4600000.0, 0.0, -15.0)
    )
    with pytest.raises(InputError) as caught:
        RasterSource.open_ms([first, fine])
    for word in (first, fine, "12 × 10", "6 × 5", "15 × 15", "30 × 30"):
        assert word in caught.value.message
    assert caught.value.hint


def test_band_files_that_are_shifted_or_in_another_crs(make_raster):
    first = make_raster("B2.tif", RAMP)
    shifted = make_raster("B3.tif", RAMP, (500015.0, 30.0, 0.0, 4600000.0, 0.0, -30.0))
    with pytest.raises(InputError, match=r"0\.5 pixels"):
        RasterSource.open_ms([first, shifted])
    with pytest.raises(InputError, match=r"EPSG:32631.* instead of EPSG:32630"):
        RasterSource.open_ms([first, make_raster("B4.tif", RAMP, epsg=32631)])


def test_no_file_at_all():
    with pytest.raises(InputError, match="No multispectral file"):
        RasterSource.open_ms([])


def test_several_bands_are_no_pan(make_raster):
    path = make_raster("rgb.tif", np.stack([RAMP, RAMP * 2, RAMP * 3]))
    with pytest.raises(InputError, match="3 bands") as caught:
        RasterSource.open_pan(path)
    assert "Choose" in caught.value.hint
    with RasterSource.open_pan(path, 2) as pan:
        assert (read_all(pan)[0][0] == RAMP * 2).all()
    with pytest.raises(InputError, match="no band 7; it has 3"):
        RasterSource.open_pan(path, 7)


@pytest.mark.usefixtures("gdal_mode")
class TestUnreadable:
    def test_missing(self, tmp_path):
        with pytest.raises(InputError, match=r"absent\.tif does not exist"):
            RasterSource.open_pan(str(tmp_path / "absent.tif"))

    def test_missing_in_a_virtual_file_system(self):
        with pytest.raises(InputError, match=r"/vsizip/none\.zip/a\.tif cannot be opened"):
            RasterSource.open_pan("/vsizip/none.zip/a.tif")

    @pytest.mark.parametrize("content", [b"", b"not an image", b"II*\0\x08\0\0\0"])
    def test_not_a_raster(self, tmp_path, content):
        path = tmp_path / "broken.tif"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"broken\.tif cannot be opened as a raster: .") as e:
            RasterSource.open_pan(str(path))
        assert e.value.hint

    def test_truncated(self, make_raster, tmp_path):
        noise = np.random.default_rng(0).integers(0, 60000, (200, 200)).astype(np.uint16)
        path = make_raster("pan.tif", noise, options=["COMPRESS=DEFLATE"])
        # A copy has its directory at the front, so that it opens although its end is missing.
        whole = str(tmp_path / "cog.tif")
        gdal.GetDriverByName("COG").CreateCopy(whole, gdal.Open(path)).FlushCache()
        cut = tmp_path / "cut.tif"
        with open(whole, "rb") as file:
            cut.write_bytes(file.read()[:20000])
        with pytest.raises(InputError, match=r"cut\.tif cannot be (read at column 0|opened)"):
            read_all(RasterSource.open_pan(str(cut)))

    def test_vrt_whose_source_has_gone(self, make_raster, tmp_path):
        source = make_raster("pan.tif", RAMP)
        vrt = str(tmp_path / "pan.vrt")
        gdal.GetDriverByName("VRT").CreateCopy(vrt, gdal.Open(source)).FlushCache()
        (tmp_path / "pan.tif").unlink()
        with pytest.raises(InputError, match=r"pan\.vrt cannot be"):
            read_all(RasterSource.open_pan(vrt))


def test_the_hosts_exception_mode_and_handlers_survive(gdal_mode, tmp_path, capfd):
    with pytest.raises(InputError):
        RasterSource.open_pan(str(tmp_path / "absent.tif"))
    assert bool(gdal.GetUseExceptions()) is (gdal_mode == "raising")
    out, err = capfd.readouterr()
    assert out == err == ""


def test_complex_types_are_refused(make_raster):
    path = make_raster("slc.tif", np.ones((4, 4), dtype=np.complex64))
    with pytest.raises(InputError, match="CFloat32"):
        RasterSource.open_pan(path)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1)])
def test_a_single_pixel_is_no_image(make_raster, shape):
    path = make_raster("dot.tif", np.ones(shape, dtype=np.uint8))
    with pytest.raises(InputError, match=f"{shape[1]} × {shape[0]} pixels"):
        RasterSource.open_pan(path)


def test_a_container_names_its_layers(make_raster, tmp_path):
    if gdal.GetDriverByName("netCDF") is None:
        pytest.skip("this GDAL has no netCDF driver")
    path = str(tmp_path / "layers.nc")
    source = gdal.Open(make_raster("ms.tif", np.stack([RAMP, RAMP])))
    gdal.GetDriverByName("netCDF").CreateCopy(path, source).FlushCache()
    with pytest.raises(InputError, match="no raster band") as caught:
        RasterSource.open_ms([path])
    assert 'NETCDF:"' in caught.value.hint


def test_degenerate_geotransform(make_raster):
    path = make_raster("flat.tif", RAMP, (0.0, 30.0, 60.0, 0.0, 15.0, 30.0))
    with pytest.raises(InputError, match="geotransform"):
        RasterSource.open_pan(path)


def test_virtual_file_systems(make_raster):
    path = make_raster("/vsimem/ksdiff_reader/pan.tif", RAMP)
    with RasterSource.open_pan(path) as pan:
        assert (read_all(pan)[0][0] == RAMP).all()
    gdal.Unlink(path)


def test_files_include_what_a_vrt_refers_to(make_raster, tmp_path):
    source = make_raster("pan.tif", RAMP)
    vrt = str(tmp_path / "pan.vrt")
    gdal.GetDriverByName("VRT").CreateCopy(vrt, gdal.Open(source)).FlushCache()
    with RasterSource.open_pan(vrt) as pan:
        assert {source, vrt} <= set(pan.files)


def test_another_thread_reads_its_own_copy(make_raster):
    array = np.random.default_rng(1).integers(0, 4000, (2, 300, 300)).astype(np.uint16)
    with RasterSource.open_ms([make_raster("ms.tif", array)], [2]) as ms:
        results = []

        def work():
            with ms.reopen() as own:
                results.append(read_all(own)[0])

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 4
        assert all((image[0] == array[1]).all() for image in results)
