"""KSDiff on scenes: no seams in either scope, no leak of nodata, the same result every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ksdiff_engine import consistency, fusion
from ksdiff_engine.errors import InputError, WeightsError
from ksdiff_engine.fusion import PRIOR_SCOPES, KSDiffMethod, cell_weights, moderated, window_tiles
from ksdiff_engine.model.config import KSDiffConfig
from ksdiff_engine.model.features import Standardisation
from ksdiff_engine.model.ksdiff import KSDiff
from ksdiff_engine.model.storage import save_network
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window, tiles
from ksdiff_engine.scene import Scene, TileData
from ksdiff_engine.sensors import DEFAULT
from tests.engine.hardware import needs_bfloat16


def random_network(**settings):
    """A tiny network whose modulation, residual and noise all show in the result."""
    torch.manual_seed(0)
    network = KSDiff(
        KSDiffConfig(
            **{
                "channels": (4, 6, 8),
                "blocks": (1, 1),
                "tokens": 4,
                "prior_channels": 8,
                "encoder_channels": 4,
                "encoder_levels": 2,
                "denoiser_width": 12,
                "denoiser_blocks": 1,
                **settings,
            }
        )
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.07 * torch.randn(parameter.shape)
    return network


@pytest.fixture(autouse=True)
def exact(monkeypatch):
    """Compute in float32 on every machine, so that comparisons can be strict."""
    monkeypatch.setattr(fusion, "fastest_precision", lambda device: torch.float32)


@pytest.fixture
def small_cells(monkeypatch):
    """Several cells and few windows on a small scene."""
    monkeypatch.setattr(fusion, "CELL", 64)
    monkeypatch.setattr(fusion, "CELL_BLEND", 16)
    monkeypatch.setattr(fusion, "WINDOWS_A_SCENE", 9)
    monkeypatch.setattr(fusion, "WINDOWS_A_CELL", 2)


def open_scene(pan, ms, profile=DEFAULT):
    return Scene(align(RasterSource.open_pan(pan), RasterSource.open_ms([ms])), profile)


def fuse(scene, *, edge=10_000, halo=None, network=None, **settings):
    """The whole result, fused in tiles of that edge."""
    method = KSDiffMethod(network or random_network(), **settings)
    method.prepare(scene)
    halo = method.halo if halo is None else halo
    result = np.full((scene.bands, scene.height, scene.width), np.nan, dtype=np.float32)
    for window in tiles(scene.width, scene.height, edge):
        fused = method.fuse(scene.tile(window, halo))
        assert fused.dtype == np.float32
        rows = slice(window.row, window.row + window.height)
        columns = slice(window.column, window.column + window.width)
        inner = (slice(halo, halo + window.height), slice(halo, halo + window.width))
        result[:, rows, columns] = fused[(slice(None), *inner)]
    return result


KNOWN_MTF = replace(DEFAULT, name="known", gains_published=True)


@pytest.mark.parametrize("scope", PRIOR_SCOPES)
def test_where_the_mtf_is_known_half_as_much_detail_gives_the_same_result(
    pair_files, small_cells, scope, monkeypatch
):
    monkeypatch.setattr(consistency, "LIMITS", (-np.inf, np.inf))
    paths = pair_files(size=(40, 40), bands=2)
    whole, half = random_network(), random_network()
    with torch.no_grad():
        for parameter in half.backbone.leave.parameters(recurse=False):
            parameter *= 0.5
    ours, theirs = (
        fuse(open_scene(*paths, profile=KNOWN_MTF), network=network, prior_scope=scope)
        for network in (whole, half)
    )
    np.testing.assert_allclose(theirs, ours, rtol=1e-4)
    scene = open_scene(*paths)  # of a sensor without published gains
    as_it_comes, half_of_it = (
        fuse(scene, network=network, prior_scope=scope) - interpolated(scene)
        for network in (whole, half)
    )
    assert np.abs(as_it_comes).max() > 1
    np.testing.assert_allclose(half_of_it, as_it_comes / 2, atol=0.01)


@pytest.mark.parametrize("scope", PRIOR_SCOPES)
def test_another_process_restores_the_gains(pair_files, small_cells, scope):
    scene = open_scene(*pair_files(size=(40, 40), bands=2), profile=KNOWN_MTF)
    method = KSDiffMethod(random_network(), prior_scope=scope)
    method.prepare(scene)
    other = KSDiffMethod(random_network(), prior_scope=scope)
    other.restore(scene, method.state())
    window, halo = Window(0, 0, 96, 96), method.halo
    results = [each.fuse(scene.tile(window, halo)) for each in (other, method)]
    np.testing.assert_array_equal(*results)
    assert not np.array_equal(method.state()["gains"], np.ones(2))


@pytest.mark.parametrize("scope", PRIOR_SCOPES)
def test_the_network_sees_nothing_but_the_scene(pair_files, small_cells, scope):
    scene = open_scene(*pair_files(size=(40, 40), bands=2))
    method = KSDiffMethod(random_network(), prior_scope=scope)
    method.prepare(scene)
    halo = method.halo
    tile = scene.tile(Window(0, 0, scene.width, scene.height), halo)
    margins = [(0, 0), (halo, halo), (halo, halo)]
    bare = replace(
        tile,
        **{
            name: np.pad(image[inside], margins[-image.ndim :], constant_values=np.nan)
            for name, image in (("pan", tile.pan), ("pan_low", tile.pan_low), ("ms_up", tile.ms_up))
            for inside in [np.s_[..., halo:-halo, halo:-halo]]
        },
    )
    fused = method.fuse(bare)
    np.testing.assert_array_equal(fused, method.fuse(tile))
    assert np.isfinite(fused).all()


def interpolated(scene):
    return scene.tile(Window(0, 0, scene.width, scene.height)).ms_up


@pytest.mark.parametrize("scope", PRIOR_SCOPES)
@pytest.mark.parametrize("ratio", [2, 4])
def test_result_does_not_depend_on_the_tiling(pair_files, small_cells, scope, ratio):
    size = (196 // ratio, 172 // ratio)
    scene = open_scene(*pair_files(size=size, ratio=ratio, bands=2))
    whole = fuse(scene, prior_scope=scope)
    change = np.abs(whole - interpolated(scene)).max()
    for edge in (64, 97):  # on and off the network's stride of 4
        # Relative to what the network adds, which is far stricter than to the values themselves.
        assert np.abs(fuse(scene, prior_scope=scope, edge=edge) - whole).max() < 1e-4 * change


@pytest.mark.parametrize(
    ("backbone", "modulation"),
    [("dicnn", "ksdiff"), ("fusionnet", "ksdiff"), ("lagnet", "ksdiff"), ("lagnet", "none")],
)
def test_published_backbones_do_not_depend_on_the_tiling_either(
    pair_files, small_cells, backbone, modulation
):
    """Not even LAGNet, whose bias pools over whatever it is shown, with or without a prior."""
    scene = open_scene(*pair_files(size=(20, 18), ratio=4, bands=1))
    network = random_network(backbone=backbone, modulation=modulation)
    whole = fuse(scene, network=network)
    change = np.abs(whole - interpolated(scene)).max()
    assert change > 0
    assert np.abs(fuse(scene, network=network, edge=43) - whole).max() < 1e-4 * change


@pytest.mark.parametrize("scope", PRIOR_SCOPES)
def test_tiles_may_start_anywhere_when_ms_is_shifted(tmp_path, geotiff, small_cells, scope):
    rng = np.random.default_rng(0)
    pan = geotiff(tmp_path / "pan.tif", rng.integers(200, 900, (1, 130, 141)), origin=(0, 0))
    ms = rng.integers(200, 900, (2, 40, 40))
    ms = geotiff(tmp_path / "ms.tif", ms, pixel=4.0, origin=(-2.7, 5.3))
    scene = open_scene(str(pan), str(ms))
    whole = fuse(scene, prior_scope=scope)
    change = np.abs(whole - interpolated(scene)).max()
    assert np.abs(fuse(scene, prior_scope=scope, edge=61) - whole).max() < 1e-4 * change


@needs_bfloat16
def test_half_precision_changes_little_and_asks_for_tiles_of_one_size(pair_files, small_cells):
    scene = open_scene(*pair_files(size=(40, 44), bands=2))
    exact = fuse(scene)
    half = fuse(scene, precision=torch.bfloat16)
    change = exact - interpolated(scene)
    assert 0 < np.sqrt(np.mean((half - exact) ** 2)) < 0.02 * np.abs(change).mean()
    assert KSDiffMethod(random_network(), precision=torch.bfloat16).block == fusion.BLOCK
    assert KSDiffMethod(random_network()).block is None


def test_a_halo_below_the_radius_would_show(pair_files, small_cells):
    """So the test above does measure something, and the halo is not idle."""
    scene = open_scene(*pair_files(size=(40, 40), bands=1))
    whole = fuse(scene)
    change = np.abs(whole - interpolated(scene)).max()
    assert np.abs(fuse(scene, edge=64, halo=4) - whole).max() > 1e-3 * change


@pytest.mark.parametrize("scope", PRIOR_SCOPES)
def test_same_seed_same_result(pair_files, small_cells, scope):
    scene = open_scene(*pair_files(size=(33, 36), bands=2))
    first = fuse(scene, prior_scope=scope, seed=4)
    np.testing.assert_array_equal(fuse(scene, prior_scope=scope, seed=4), first)
    assert np.abs(fuse(scene, prior_scope=scope, seed=5) - first).max() > 0


def test_result_is_interpolation_plus_the_networks_residual(pair_files, monkeypatch):
    """One window is the whole scene: the baked pass equals the network on the standardised tile."""
    monkeypatch.setattr(fusion, "LARGEST_CONTRAST", 100.0)
    scene = open_scene(*pair_files(size=(16, 16), bands=1))
    network = random_network()
    method = KSDiffMethod(network, seed=3)
    method.prepare(scene)
    tile = scene.tile(Window(0, 0, 64, 64))
    s = scene.statistics()
    std = np.sqrt(np.diag(s.covariance))
    lrms = (tile.ms_up - s.mean[0]) / std[0]
    detail = (tile.pan - tile.pan_low) / std[1]
    fitted = s.intensity_weights[0] * tile.ms_up[0] + s.intensity_weights[1]
    correlation = s.covariance[0, 1] / (std[0] * std[1])
    pan = np.stack(
        [
            (tile.pan - s.mean[1]) / std[1],
            detail,
            (tile.pan - fitted) / std[1],
            correlation * detail,
        ]
    )
    with torch.no_grad():
        batch = [torch.from_numpy(a.astype(np.float32))[None] for a in (pan, lrms)]
        expected = network(*batch, seed=3)[0].numpy() * std[0] + s.mean[0]
    inner = np.s_[:, method.halo : -method.halo, method.halo : -method.halo]
    np.testing.assert_allclose(method.fuse(tile)[inner], expected[inner], atol=1e-3 * std[0])


@pytest.mark.parametrize("ms_size", [(2, 2), (2, 5), (3, 40)])
@pytest.mark.parametrize("scope", PRIOR_SCOPES)
def test_tiny_scenes_are_fused(pair_files, scope, ms_size):
    scene = open_scene(*pair_files(size=ms_size, bands=3))
    result = fuse(scene, prior_scope=scope)
    assert result.shape == (3, 4 * ms_size[0], 4 * ms_size[1])
    assert np.isfinite(result).all()


@pytest.mark.parametrize("scope", PRIOR_SCOPES)
def test_values_of_invalid_pixels_leave_no_trace(tmp_path, geotiff, pair_files, small_cells, scope):
    """The same holes, marked by other values of nodata: valid pixels come out the same."""
    pan_path, ms_path = pair_files(size=(30, 30), bands=2)
    with RasterSource.open_pan(pan_path) as pan, RasterSource.open_ms([ms_path]) as ms:
        images = {
            "pan": (pan.read(Window(0, 0, 120, 120))[0], 0.5),
            "ms": (ms.read(Window(0, 0, 30, 30))[0], 2.0),
        }
    images["pan"][0][:, 50:70, 90:] = images["ms"][0][:, 20:, :9] = np.nan
    images["ms"][0][:, 4, 15] = np.nan
    results = []
    for nodata in (0.0, 65535.0, -9999.0):
        paths = []
        for name, (image, pixel) in images.items():
            filled = np.where(np.isnan(image), nodata, image)
            path = tmp_path / f"{name}{nodata:g}.tif"
            geotiff(path, filled, pixel=pixel, data_type="Float32", nodata=nodata)
            paths.append(str(path))
        scene = open_scene(*paths)
        results.append(fuse(scene, prior_scope=scope, edge=64))
    valid = scene.tile(Window(0, 0, 120, 120)).valid
    assert 0.5 < valid.mean() < 0.95
    for other in results[1:]:
        np.testing.assert_array_equal(other[:, valid], results[0][:, valid])


def test_scene_without_valid_pixels_is_refused(pair_files):
    scene = open_scene(*pair_files(size=(20, 20), ms_hole=(slice(None), slice(None))))
    with pytest.raises(InputError, match="no valid pixel in common"):
        KSDiffMethod(random_network()).prepare(scene)


def test_constant_scenes_stay_constant(tmp_path, geotiff):
    pan = geotiff(tmp_path / "pan.tif", np.full((1, 64, 64), 700))
    ms = geotiff(tmp_path / "ms.tif", np.full((2, 16, 16), 500), pixel=4.0)
    scene = open_scene(str(pan), str(ms))
    network = random_network()
    torch.nn.init.zeros_(network.backbone.leave.bias)
    method = KSDiffMethod(network)
    method.prepare(scene)
    fused = method.fuse(scene.tile(Window(0, 0, 64, 64), method.halo))
    assert np.isfinite(fused).all()
    assert np.abs(fused - 500).max() < 50  # no division by a deviation of zero


@pytest.mark.parametrize("scope", PRIOR_SCOPES)
def test_a_method_can_be_prepared_for_another_scene(pair_files, tmp_path, small_cells, scope):
    (tmp_path / "b").mkdir()
    first = open_scene(*pair_files(size=(24, 24), bands=2))
    second = open_scene(*pair_files(size=(20, 26), bands=3, folder=tmp_path / "b"))
    method = KSDiffMethod(random_network(), prior_scope=scope)
    for scene in (first, second):
        method.prepare(scene)
        tile = scene.tile(Window(0, 0, scene.width, scene.height), method.halo)
        inner = np.s_[:, method.halo : -method.halo, method.halo : -method.halo]
        np.testing.assert_array_equal(method.fuse(tile)[inner], fuse(scene, prior_scope=scope))


def test_progress_rises_to_the_end_of_baking(pair_files, small_cells):
    seen = []
    method = KSDiffMethod(random_network())
    method.prepare(open_scene(*pair_files(size=(40, 40))), lambda f, message: seen.append(f))
    assert seen == sorted(seen)
    assert 0 <= seen[0] < seen[-1] <= 1


def test_cells_are_baked_once_and_forgotten_in_time(pair_files, small_cells, monkeypatch):
    monkeypatch.setattr(fusion, "CELLS_KEPT", 2)
    calls = []
    bake_cell = KSDiffMethod._bake
    monkeypatch.setattr(
        KSDiffMethod,
        "_bake",
        lambda self, area, *rest: calls.append(area) or bake_cell(self, area, *rest),
    )
    scene = open_scene(*pair_files(size=(32, 48), bands=1))  # 2 x 3 cells
    method = KSDiffMethod(random_network(), prior_scope="tile")
    method.prepare(scene)
    assert calls == []
    method.fuse(scene.tile(Window(0, 0, 100, 40), 0))
    assert len(calls) == len(set(calls)) == 2
    assert len(method._cells) == 2
    method.fuse(scene.tile(Window(0, 0, 192, 128), 0))
    assert len(method._cells) == 2


@pytest.mark.parametrize("size", [1, 40, 511, 512, 1300, 1535, 4000])
def test_weights_of_cells_sum_to_one_everywhere(size):
    start, length = -70, size + 140  # the halo reaches beyond the scene
    weights = cell_weights(start, length, size)
    np.testing.assert_allclose(sum(weights.values()), 1.0, rtol=1e-12)
    assert list(weights) == list(range(max(1, size // 512)))
    for weight in weights.values():
        assert weight.shape == (length,)
        assert (weight >= 0).all()
        assert np.abs(np.diff(weight)).max() <= 1 / 64 + 1e-12  # no seam


def test_weights_of_cells_depend_on_the_pixel_alone():
    whole = cell_weights(0, 2000, 2000)
    part = cell_weights(470, 90, 2000)
    assert sorted(part) == [0, 1]
    for cell, weight in part.items():
        np.testing.assert_array_equal(weight, whole[cell][470:560])


def test_windows_spread_over_the_scene_and_avoid_nodata(pair_files):
    scene = open_scene(*pair_files(size=(80, 112), ms_hole=(slice(0, 40), slice(None))))
    area = Window(0, 0, scene.width, scene.height)
    windows = window_tiles(scene, area, 24, 64, lambda fraction, message: None)
    assert 10 <= len(windows) <= 24
    assert all(w.pan.shape == (64, 64) and w.valid.mean() > 0.5 for w in windows)
    corners = {(w.window.column, w.window.row) for w in windows}
    assert len(corners) == len(windows)
    assert max(row for _, row in corners) > 200
    assert {column // 150 for column, _ in corners} == {0, 1, 2}


def test_a_nearly_empty_area_gives_its_best_window(pair_files):
    scene = open_scene(*pair_files(size=(40, 40), ms_hole=(slice(4, None), slice(None))))
    (window,) = window_tiles(scene, Window(0, 0, 160, 160), 9, 64, lambda fraction, message: None)
    assert window.window.row == 0
    assert 0.2 < window.valid.mean() < 0.3


def test_weights_are_read_from_a_file(tmp_path, pair_files):
    card = {"format": 1, "name": "n", "title": "t", "description": "d", "bands": "any"}
    card |= {"ratio": [4, 4], "normalisation": "", "sensors": [], "training": {}}
    path = tmp_path / "n.safetensors"
    save_network(random_network(), {**card, "metrics": [], "limits": ""}, path)
    scene = open_scene(*pair_files(size=(16, 16)))
    method = KSDiffMethod.from_file(path, seed=2)
    method.prepare(scene)
    fused = method.fuse(scene.tile(Window(0, 0, 64, 64), method.halo))
    inner = np.s_[:, method.halo : -method.halo, method.halo : -method.halo]
    np.testing.assert_allclose(fused[inner], fuse(scene, seed=2), rtol=1e-5)


def test_wrong_use_is_refused(pair_files):
    with pytest.raises(ValueError, match="prior_scope must be one of"):
        KSDiffMethod(random_network(), prior_scope="country")
    with pytest.raises(WeightsError, match="fuses 4 bands at once"):
        KSDiffMethod(random_network(bands=4))
    scene = open_scene(*pair_files(size=(16, 16)))
    with pytest.raises(RuntimeError, match="prepare"):
        KSDiffMethod(random_network()).fuse(scene.tile(Window(0, 0, 8, 8)))


def test_windows_of_high_contrast_are_moderated_and_others_left_alone():
    torch.manual_seed(0)
    calm = 0.5 * torch.randn(2, 5, 64, 64).clamp(-3, 3)
    assert torch.equal(moderated(calm), calm)
    glint = calm.clone()
    glint[:, :, 10:14, 10:14] = 60.0
    wild = moderated(20 * glint)
    assert wild.abs().max() <= 6.0
    assert wild.square().mean(dim=(1, 2, 3)).sqrt().max() <= 1.0 + 1e-6


def test_the_last_cells_take_the_rest_of_the_scene(small_cells):
    method = KSDiffMethod(random_network(), prior_scope="tile")
    method._scene = type("Extent", (), {"width": 150, "height": 64})()
    areas = [method._cell_area(column, 0) for column in range(2)]
    assert areas == [Window(0, 0, 64, 64), Window(64, 0, 86, 64)]


@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((3, 1), (2, 0)), ((0, 2), (0, 3))])
def test_rows_of_an_input_are_those_of_the_whole(padding):
    rng = np.random.default_rng(0)
    pan, pan_low, fitted, *ms_up = rng.normal(size=(5, 6, 5)).astype(np.float32)
    tile = TileData(Window(0, 0, 5, 6), pan, pan_low, np.stack(ms_up), np.ones((6, 5), bool))
    scene = Standardisation(
        *(np.zeros(2), np.ones(2), 0.0, 1.0, np.full(2, 0.5), np.zeros(3)), ratio=4.0
    )
    inner = fusion.BandInput(tile, fitted, scene, 1, 6, [(0, 0)] * 3).rows(0, 6)
    whole = np.pad(inner, [(0, 0), *padding], mode="edge")
    image = fusion.BandInput(tile, fitted, scene, 1, 6, [(0, 0), *padding])
    assert image.shape == whole.shape
    for start in range(whole.shape[1]):
        for stop in range(start + 1, whole.shape[1] + 1):
            np.testing.assert_array_equal(image.rows(start, stop), whole[:, start:stop])
