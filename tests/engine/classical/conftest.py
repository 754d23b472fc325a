"""A scene made from plain arrays, with the interface of ksdiff_engine.scene.Scene."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from ksdiff_engine.raster.tiling import Window, tiles
from ksdiff_engine.resample import interpolation_matrix, lowpass_matrix
from ksdiff_engine.scene import Progress, TileData
from ksdiff_engine.scene_statistics import SceneStatistics
from ksdiff_engine.sensors import DEFAULT, SensorProfile, gains_for

MS_GAIN = 0.3


class ArrayScene:
    """PAN (H, W), MS (C, h, w) with a common upper left corner, H = ratio h, W = ratio w.

    `valid` (H, W) is PAN's mask, `ms_valid` (h, w) that of MS. With `fill` False, invalid pixels
    keep what the arrays hold, to show who looks at them.
    """

    def __init__(
        self,
        pan: np.ndarray,
        ms: np.ndarray,
        ratio: float,
        valid: np.ndarray | None = None,
        ms_valid: np.ndarray | None = None,
        profile: SensorProfile = DEFAULT,
        fill: bool = True,
    ) -> None:
        self.ratio, self.profile = ratio, profile
        self.height, self.width = pan.shape
        self.bands = len(ms)
        self.gains = gains_for(profile, self.bands)
        self.ms_valid = np.ones(ms.shape[1:], bool) if ms_valid is None else ms_valid
        self.valid = np.ones(pan.shape, bool) if valid is None else valid
        self.pan = _filled(pan[None], self.valid)[0] if fill else pan
        self.ms = _filled(ms, self.ms_valid) if fill else ms
        rows, columns = (
            interpolation_matrix(n, (np.arange(big) + 0.5) / ratio - 0.5)
            for n, big in zip(ms.shape[1:], pan.shape, strict=True)
        )
        down, across = (
            lowpass_matrix(big, (np.arange(n) + 0.5) * ratio - 0.5, ratio, MS_GAIN)
            for n, big in zip(ms.shape[1:], pan.shape, strict=True)
        )
        self.pan_reduced = down @ self.pan @ across.T
        self.pan_low = rows @ self.pan_reduced @ columns.T
        self.ms_up = rows @ self.ms @ columns.T
        nearest = [np.arange(n) / ratio for n in pan.shape]
        self.valid = self.valid & self.ms_valid[np.ix_(*(n.astype(int) for n in nearest))]

    def tile(self, window: Window, halo: int = 0) -> TileData:
        window = window.expanded(halo)
        rows = np.arange(window.row, window.row + window.height)
        columns = np.arange(window.column, window.column + window.width)
        cut = np.ix_(np.clip(rows, 0, self.height - 1), np.clip(columns, 0, self.width - 1))
        inside = ((rows >= 0) & (rows < self.height))[:, None] & (
            (columns >= 0) & (columns < self.width)
        )
        return TileData(
            window=window,
            pan=self.pan[cut].astype(np.float32),
            pan_low=self.pan_low[cut].astype(np.float32),
            ms_up=np.stack([band[cut] for band in self.ms_up]).astype(np.float32),
            valid=self.valid[cut] & inside,
        )

    def statistics(self, progress: Progress | None = None) -> SceneStatistics:
        stack = np.concatenate([self.ms, self.pan_reduced[None]])[:, self.ms_valid]
        design = np.vstack([stack[:-1], np.ones(stack.shape[1])])
        pan = self.pan[self.valid]
        return SceneStatistics(
            count=stack.shape[1],
            mean=stack.mean(axis=1),
            covariance=np.cov(stack, bias=True),
            pan_mean=pan.mean(),
            pan_variance=pan.var(),
            minimum=stack.min(axis=1),
            maximum=stack.max(axis=1),
            percentile_01=np.percentile(stack, 1, axis=1),
            percentile_99=np.percentile(stack, 99, axis=1),
            intensity_weights=np.linalg.lstsq(design.T, stack[-1], rcond=None)[0],
        )

    def fuse(self, method, tile: int = 4096) -> np.ndarray:
        """The whole scene, prepared, fused tile by tile and put together, (C, H, W)."""
        method.prepare(self, lambda fraction, message: None)
        return fuse_tiles(self, method, tile)


def fuse_tiles(scene, method, tile: int) -> np.ndarray:
    """Fuse a prepared scene tile by tile and put it together, (C, H, W)."""
    result = np.full((scene.bands, scene.height, scene.width), np.nan, np.float32)
    for window in tiles(scene.width, scene.height, tile):
        fused = method.fuse(scene.tile(window, method.halo))
        assert fused.dtype == np.float32
        inner = slice(method.halo, method.halo + window.height)
        across = slice(method.halo, method.halo + window.width)
        result[
            :,
            window.row : window.row + window.height,
            window.column : window.column + window.width,
        ] = fused[:, inner, across]
    return result


def _filled(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    if valid.all():
        return image
    rows, columns = distance_transform_edt(~valid, return_distances=False, return_indices=True)
    return image[:, rows, columns]


def synthetic(
    bands: int = 4, size: int = 32, ratio: float = 4, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """PAN and MS of one random ground with edges, 11 bits or so, square, `size` MS pixels wide."""
    rng = np.random.default_rng(seed)
    n = round(size * ratio)
    y, x = np.mgrid[:n, :n] / n
    classes = ((np.sin(17 * x + 5 * y) > 0) + 2 * (np.cos(13 * y - 9 * x * y) > 0.2)).astype(int)
    spectra = rng.uniform(250, 900, (bands, 4))
    ground = spectra[:, classes] * (1 + 0.1 * rng.standard_normal((n, n))) + 30 * x
    pan = np.tensordot(rng.dirichlet(np.ones(bands)), ground, axes=1) + rng.normal(0, 2, (n, n))
    matrix = lowpass_matrix(n, (np.arange(size) + 0.5) * ratio - 0.5, ratio, MS_GAIN)
    return pan, matrix @ ground @ matrix.T


@pytest.fixture(scope="session")
def array_scene():
    return ArrayScene


@pytest.fixture(scope="session")
def make_scene():
    """Factory: make_scene(bands, size, ratio, **keywords of ArrayScene)."""

    def make(bands: int = 4, size: int = 32, ratio: float = 4, **keywords) -> ArrayScene:
        pan, ms = synthetic(bands, size, ratio)
        return ArrayScene(pan, ms, ratio, **keywords)

    return make


@pytest.fixture(scope="session")
def fuse_scene():
    """fuse_scene(scene, method, tile): prepare and fuse any scene."""

    def fuse(scene, method, tile: int) -> np.ndarray:
        method.prepare(scene, lambda fraction, message: None)
        return fuse_tiles(scene, method, tile)

    return fuse
