"""The sensor is found by what products carry, and its bands by what the raster's bands say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from osgeo import gdal

from ksdiff_engine.job import ClassicalJob
from ksdiff_engine.pipeline import run_job
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.sensor_hints import profile_for, with_bands_of
from ksdiff_engine.sensors import gains_for, get_profile
from ksdiff_engine.side_files import side_files

from .conftest import write_geotiff

LANDSAT = "LC09_L1TP_195025_20230707_20230720_02_T1"


@pytest.fixture
def raster(tmp_path):
    """A factory of tiny MS files. names: of the bands; wavelengths: {band: items of metadata}."""

    def make(name="ms.tif", bands=4, names=(), items=(), domain=""):
        path = write_geotiff(tmp_path / name, np.ones((bands, 4, 4)), descriptions=tuple(names))
        dataset = gdal.Open(str(path), gdal.GA_Update)
        for number, values in enumerate(items, start=1):
            dataset.GetRasterBand(number).SetMetadata(values, domain)
        dataset = None
        return path

    return make


def found(ms, pan=None, name="auto", bands=None):
    paths = [str(path) for path in (ms if isinstance(ms, list) else [ms])]
    source = RasterSource.open_ms(paths, bands)
    return profile_for(name, source, RasterSource.open_pan(str(pan)) if pan else source)


IMD = 'version = "28.3";\nBEGIN_GROUP = IMAGE_1\n\tsatId = "{}";\n\tmode = "FullSwath";\n'
DIMAP = (
    "<?xml version='1.0'?><Dimap_Document><Dataset_Sources><Source_Identification><Strip_Source>"
    "<MISSION>{}</MISSION>\n  <MISSION_INDEX>{}</MISSION_INDEX><INSTRUMENT>X</INSTRUMENT>"
    "</Strip_Source></Source_Identification></Dataset_Sources></Dimap_Document>"
)
MTL = 'GROUP = LANDSAT_METADATA_FILE\n  SPACECRAFT_ID = "LANDSAT_{}"\nEND_GROUP = X\nEND\n'
MTL_JSON = json.dumps(
    {"LANDSAT_METADATA_FILE": {"IMAGE_ATTRIBUTES": {"SPACECRAFT_ID": "LANDSAT_9"}}}
)
MTL_XML = "<LANDSAT_METADATA_FILE><SPACECRAFT_ID>LANDSAT_7</SPACECRAFT_ID></LANDSAT_METADATA_FILE>"


@pytest.mark.parametrize(
    ("image", "side_file", "text", "name"),
    [
        ("site.tif", "site.IMD", IMD.format("WV02"), "worldview-2"),
        ("site.tif", "site.RPB", 'satId = "QB02";\nbandId = "Multi";\n', "quickbird"),
        ("site.tif", "site.XML", "<isd><IMD><SATID>LG04</SATID></IMD></isd>", "worldview-legion"),
        ("05-M2AS_R1C2-05_P001.TIF", "05-M2AS-05_P001.IMD", IMD.format("GE01"), "geoeye-1"),
        ("IMG_X_MS_1_R1C1.TIF", "DIM_X_MS_1.XML", DIMAP.format("PHR", "1B"), "pleiades"),
        ("IMG_X_ORT_1_RGB_R1C1.TIF", "DIM_X_ORT_1.XML", DIMAP.format("PNEO", 4), "pleiades-neo"),
        ("IMG_X_ORT_1_R1C1.TIF", "DIM_X_ORT_1.XML", DIMAP.format("SPOT", 7), "spot-6-7"),
        ("scene_B4.TIF", "scene_MTL.txt", MTL.format(7), "landsat-7"),
        ("scene_B4.TIF", "scene_MTL.json", MTL_JSON, "landsat-8-9"),
        ("scene_B4.TIF", "scene_MTL.xml", MTL_XML, "landsat-7"),
        ("x-MSS1.tiff", "x-MSS1.xml", "<M><SatelliteID>GF2</SatelliteID></M>", "gaofen-2"),
        ("x_L1G.tif", "x_L1G.eph", "AUX_SATELLITE_NAME\tKOMPSAT-3A\n", "kompsat-3"),
        ("a_1_analytic.tif", "a_1_metadata.json", '{"satellite_id": "SSC4"}', "skysat"),
        ("po_1_blu.tif", "po_1_metadata.txt", "Sensor: IKONOS-2\nBands: 4\n", "ikonos"),
    ],
)  # fmt: skip
def test_the_platform_is_read_from_the_files_beside_a_raster(
    raster, tmp_path, image, side_file, text, name
):
    path = raster(image)
    (tmp_path / side_file).write_text(text)
    profile = found(path)
    assert profile.name == name
    assert side_file in profile.reason or image in profile.reason  # GDAL reads some by itself


def test_files_of_other_rasters_are_not_taken(raster, tmp_path):
    path = raster("site_2.tif")
    (tmp_path / "site_1.IMD").write_text(IMD.format("WV02"))
    (tmp_path / "MTL.txt").write_text(MTL.format(7))
    (tmp_path / "site_2_pan.IMD").write_text(IMD.format("QB02"))
    assert list(side_files(str(path))) == []
    profile = found(path)
    assert profile.is_default
    assert profile.reason == "nothing in the files names a known sensor"


def test_no_folder_is_listed_over_a_network():
    assert list(side_files("/vsicurl/http://localhost/scene_B4.TIF")) == []


def test_metadata_come_before_names_and_ms_before_pan(raster, tmp_path):
    ms, pan = raster("WV03_ms.tif"), raster("QB02_pan.tif", bands=1)
    assert found(ms, pan).name == "worldview-3"
    assert found(ms, pan).reason == "“WV03_ms.tif”, name of the file"
    (tmp_path / "QB02_pan.IMD").write_text(IMD.format("WV02"))
    assert found(ms, pan).name == "worldview-2"
    (tmp_path / "WV03_ms.IMD").write_text(IMD.format("GE01"))
    assert found(ms, pan).name == "geoeye-1"


def test_the_user_has_the_last_word(raster, tmp_path):
    path = raster("WV03_ms.tif")
    assert found(path, name="default").is_default
    assert found(path, name="ikonos").reason == "named by the user"


def test_a_profile_of_ones_own(raster, tmp_path):
    own = tmp_path / "mine.json"
    band = {"name": "green", "range": [500, 600], "gain": 0.41}
    own.write_text(json.dumps({"name": "mine", "ratio": 3, "bands": [band], "pan_gain": 0.2}))
    profile = found(raster(bands=1), name=str(own))
    assert (profile.name, profile.title, profile.ratio, profile.pan_gain) == (
        "mine",
        "mine",
        3,
        0.2,
    )
    assert gains_for(profile, 1) == (0.41,)


@pytest.mark.parametrize(
    ("domain", "items"),
    [
        ("IMAGERY", lambda nm: {"CENTRAL_WAVELENGTH_UM": f"{nm / 1000}"}),
        ("", lambda nm: {"wavelength": f"{nm / 1000}", "wavelength_units": "Micrometers"}),
        ("", lambda nm: {"WAVELENGTH": f"{nm}", "WAVELENGTH_UNIT": "nm"}),
        ("", lambda nm: {"wavelength": f"{nm}"}),
    ],
    ids=["GDAL 3.10", "ENVI", "SENTINEL2", "without a unit"],
)
def test_a_sensor_is_known_by_its_wavelengths(raster, domain, items):
    """Sentinel-2's 10 m bands, red first; QuickBird's and GaoFen's are too much alike."""
    profile = found(raster(items=[items(nm) for nm in (665, 560, 490, 842)], domain=domain))
    assert profile.name == "sentinel-2-10m"
    assert "wavelengths" in profile.reason
    assert gains_for(profile, 4) == (0.25, 0.28, 0.275, 0.24)
    assert found(raster(items=[items(nm) for nm in (485, 558, 660, 830)], domain=domain)).is_default


def test_wavelengths_go_into_the_result(tmp_path, pair_files):
    pan, ms = pair_files()
    dataset = gdal.Open(ms, gdal.GA_Update)
    dataset.GetRasterBand(2).SetMetadataItem("wavelength", "0.5455")
    dataset = None
    output = str(tmp_path / "out.tif")
    run_job(ClassicalJob(pan, (ms,), output, "exp"))
    bands = RasterSource.open_ms([output]).bands
    assert [band.wavelength for band in bands] == [None, 545.5, None, None]


WV3 = get_profile("worldview-3")


def names_of(profile):
    return [band.name for band in profile.ms_bands]


def test_bands_are_told_by_their_places_in_a_whole_file(raster):
    path = str(raster(bands=8))
    chosen = RasterSource.open_ms([path], [5, 3, 2, 7])
    profile = with_bands_of(WV3, chosen.bands)
    assert names_of(profile) == ["red", "green", "blue", "nir1"]
    assert gains_for(profile, 4) == (0.365, 0.36, 0.355, 0.335)


def test_bands_are_told_by_their_names(raster):
    path = str(raster(names=("NIR", "Red", "Green", "Blue")))
    profile = with_bands_of(WV3, RasterSource.open_ms([path]).bands)
    assert names_of(profile) == ["nir1", "red", "green", "blue"]
    quickbird = with_bands_of(get_profile("quickbird"), RasterSource.open_ms([path]).bands)
    assert gains_for(quickbird, 4) == (0.22, 0.30, 0.32, 0.34)


def test_bands_are_told_by_their_files(raster):
    paths = [str(raster(f"{LANDSAT}_B{n}.TIF", bands=1)) for n in (5, 4, 3)]
    source = RasterSource.open_ms(paths)
    assert names_of(profile_for("auto", source, source)) == ["nir", "red", "green"]


@pytest.mark.parametrize("names", [(), ("red", "green", "blue", "clouds"), ("red",) * 4])
def test_what_cannot_be_told_leaves_the_profile_as_it_is(raster, names):
    bands = RasterSource.open_ms([str(raster(names=names))]).bands
    assert with_bands_of(WV3, bands) is WV3
    assert gains_for(WV3, 4) == (0.3,) * 4


def test_a_job_says_which_sensor_and_why(tmp_path, pair_files):
    (tmp_path / "IK01_site").mkdir()
    pan, ms = pair_files(folder=tmp_path / "IK01_site")
    result = run_job(ClassicalJob(pan, (ms,), str(tmp_path / "out.tif"), "exp"))
    assert result["sensor"] == "ikonos"
    assert result["sensor_reason"] == "“IK01_site”, name of the folder"


@pytest.fixture
def landsat_files(tmp_path):
    """A tiny Landsat 9 product as delivered: its files by what their names end in."""
    pixels = {"B8": 15.0}
    endings = [f"B{n}" for n in range(1, 12)] + ["QA_PIXEL", "SAA"]
    rng = np.random.default_rng(0)
    files = {}
    for ending in endings:
        pixel = pixels.get(ending, 30.0)
        image = rng.integers(5000, 20000, (1, int(1200 / pixel), int(1200 / pixel)))
        path = tmp_path / f"{LANDSAT}_{ending}.TIF"
        files[ending] = str(write_geotiff(path, image, pixel=pixel))
    (tmp_path / f"{LANDSAT}_MTL.txt").write_text(MTL.format(9))
    return files


def sharpened(files, endings, tmp_path, **options):
    output = str(tmp_path / "out.tif")
    ms = tuple(files[ending] for ending in endings)
    result = run_job(ClassicalJob(files["B8"], ms, output, "exp", **options))
    dataset = gdal.Open(output)
    names = [dataset.GetRasterBand(1 + n).GetDescription() for n in range(dataset.RasterCount)]
    return result, [name.removeprefix(f"{LANDSAT}_") for name in names]


def test_a_landsat_product_is_taken_as_delivered(landsat_files, tmp_path):
    """All files, as a shell's pattern or a dialog lists them: the bands that PAN can sharpen."""
    result, bands = sharpened(landsat_files, sorted(landsat_files), tmp_path)
    assert bands == [f"B{n}" for n in range(1, 8)]
    assert result["sensor"] == "landsat-8-9"
    assert result["natural_colour"] == [4, 3, 2]
    (message,) = result["messages"]
    assert message.startswith("Left out, as no multispectral bands: B10, B11 (thermal")
    assert "B8 (panchromatic)" in message
    assert "QA_PIXEL (quality flags)" in message


def test_landsat_bands_keep_the_order_in_which_they_are_named(landsat_files, tmp_path):
    result, bands = sharpened(landsat_files, ["B5", "B4", "B3"], tmp_path)
    assert bands == ["B5", "B4", "B3"]
    assert result["messages"] == []


def test_the_user_may_choose_thermal_bands(landsat_files, tmp_path):
    assert sharpened(landsat_files, ["B10", "B11"], tmp_path)[1] == ["B10", "B11"]
    assert sharpened(landsat_files, ["B4", "B5", "B10"], tmp_path)[1] == ["B4", "B5"]
    chosen = sharpened(landsat_files, ["B4", "B5", "B10"], tmp_path, bands=(1, 3))
    assert chosen[1] == ["B4", "B10"]
