"""The rooms together on real scenes, each with its own trouble."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from ksdiff_engine.errors import InputError
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window, tiles
from ksdiff_engine.raster.writer import RasterWriter


def open_scene(folder):
    return align(
        RasterSource.open_pan(str(folder / "pan.tif")),
        RasterSource.open_ms([str(folder / "ms.tif")]),
    )


def detail_correlation(pair, ratio, shift_x=0.0, shift_y=0.0):
    """How well PAN's details at MS pixel centres are explained by those of the MS bands.

    `ratio` sets the blur of PAN; the shifts displace it by PAN pixels.
    """
    g = pair.ms.grid
    ms, _ = pair.ms.read(Window(0, 0, g.width, g.height))
    pan, _ = pair.pan.read(Window(pair.pan_column, pair.pan_row, pair.grid.width, pair.grid.height))
    rows, columns = np.mgrid[6 : g.height - 6, 6 : g.width - 6]
    y = (rows + 0.5 - pair.ms_y) * pair.ratio_y - 0.5 + shift_y
    x = (columns + 0.5 - pair.ms_x) * pair.ratio_x - 0.5 + shift_x
    low = gaussian_filter(pan[0].astype(np.float64), 0.5 * ratio)
    details = highpass(map_coordinates(low, [y, x], order=1, mode="nearest")).ravel()
    bands = np.stack([highpass(band.astype(np.float64))[6:-6, 6:-6].ravel() for band in ms])
    weights = np.linalg.lstsq(bands.T, details, rcond=None)[0]
    return np.corrcoef(weights @ bands, details)[0, 1]


def highpass(image):
    return image - gaussian_filter(image, 3.0)


@pytest.mark.parametrize(
    ("name", "size", "ratio", "bands", "data_type", "blur", "correlation"),
    [
        # Its georeferences are one PAN pixel apart; there the correlation is 0.98.
        ("landsat8_pamplona", (799, 620), 2.0, 4, "Float32", 2, 0.8),
        ("worldview3_utm42", (576, 572), 4.0, 8, "Float32", 4, 0.97),
        ("quickbird_toulouse_ortho", (500, 500), 1.0, 4, "Int16", 4, 0.75),
    ],
)
def test_scene(scenes, tmp_path, name, size, ratio, bands, data_type, blur, correlation):
    pair = open_scene(scenes / name)
    assert (pair.grid.width, pair.grid.height) == size
    assert pair.ratio == pytest.approx(ratio, rel=1e-3)
    assert len(pair.ms.bands) == bands
    assert pair.ms.data_type == data_type
    assert detail_correlation(pair, blur) > correlation

    path = str(tmp_path / "out.tif")
    nodata = pair.ms.bands[0].nodata
    with RasterWriter(path, pair.grid, pair.ms.bands, data_type, nodata=nodata) as writer:
        for window in tiles(*size, 256):
            pan, valid = pair.pan.read(window.shifted(pair.pan_column, pair.pan_row))
            writer.write(window, np.repeat(pan, bands, axis=0), valid)
        writer.commit()
    whole = Window(0, 0, *size)
    with RasterSource.open_ms([path]) as result:
        assert result.grid == pair.grid
        image, valid = result.read(whole)
    pan, pan_valid = pair.pan.read(whole.shifted(pair.pan_column, pair.pan_row))
    assert (valid == pan_valid).all()
    assert (image == pan).all()


def test_landsat_as_delivered(scenes):
    folder = scenes / "landsat8_bands_195025"
    stem = "LC08_L1TP_195025_20130707_20170503_01_T1_B"
    pan = RasterSource.open_pan(str(folder / f"{stem}8.TIF"))
    ms = RasterSource.open_ms([str(folder / f"{stem}{k}.TIF") for k in (2, 3, 4, 5)])
    pair = align(pan, ms)
    assert (pair.ratio_x, pair.ratio_y) == (2.0, 2.0)
    assert (pair.ms_x, pair.ms_y) == (-0.25, 0.25)  # PAN's origin lies half a PAN pixel off MS's
    assert pair.grid == pan.grid
    assert [band.description[-2:] for band in ms.bands] == ["B2", "B3", "B4", "B5"]
    assert detail_correlation(pair, 2) > 0.95
    for shift_x, shift_y in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        assert detail_correlation(pair, 2, shift_x, shift_y) < detail_correlation(pair, 2)
    assert any(name.endswith("MTL.txt") for name in ms.files)


def test_landsats_pan_among_the_bands(scenes):
    folder = scenes / "landsat8_bands_195025"
    stem = "LC08_L1TP_195025_20130707_20170503_01_T1_B"
    with pytest.raises(InputError, match=r"B8\.TIF is not on the grid of .*B4\.TIF: 82 × 82"):
        RasterSource.open_ms([str(folder / f"{stem}{k}.TIF") for k in (4, 8)])


def test_exchanged_scene(scenes):
    folder = scenes / "worldview3_utm42"
    pan = RasterSource.open_pan(str(folder / "ms.tif"), 1)
    with pytest.raises(InputError, match="coarser"):
        align(pan, RasterSource.open_ms([str(folder / "pan.tif")]))


def test_scenes_of_different_places(scenes):
    pan = RasterSource.open_pan(str(scenes / "worldview3_utm42" / "pan.tif"))
    ms = RasterSource.open_ms([str(scenes / "landsat8_pamplona" / "ms.tif")])
    with pytest.raises(InputError, match=r"do not overlap.*EPSG:32642.*EPSG:32630"):
        align(pan, ms)
