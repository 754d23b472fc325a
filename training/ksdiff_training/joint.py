"""Networks that see several bands at once, behind the engine's contract of a method.

The engine runs band-shared networks alone, which take every sensor; these are the designs that
they are compared with. Kernels are baked from windows of the scene, as the engine does it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ksdiff_engine.fusion import WINDOW, WINDOWS_A_SCENE, moderated, window_tiles
from ksdiff_engine.mirroring import mirror
from ksdiff_engine.model.baking import bake
from ksdiff_engine.model.features import (
    SHARED_FEATURES,
    Standardisation,
    band_features,
    pan_features,
    standardise_band,
)
from ksdiff_engine.model.ksdiff import KSDiff
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.scene import Scene, TileData


class JointMethod:
    """A network of several bands at once, on scenes of a few megapixels that are one tile."""

    name = "ksdiff-joint"
    title = "KSDiff, several bands at once"
    reference = "Jin et al., CVPR 2026"

    def __init__(self, network: KSDiff, *, seed: int = 0) -> None:
        self.network = network.eval()
        self.seed = seed
        self.stride = network.backbone.stride
        self.halo = -(-network.backbone.radius // self.stride) * self.stride
        self._standardisation: Standardisation | None = None
        self._inside = Window(0, 0, 0, 0)  # known once prepared, as the statistics
        self._baked: list[nn.Module] = []

    @torch.inference_mode()
    def prepare(
        self, scene: Scene, progress: Callable[[float, str], None] = lambda fraction, message: None
    ) -> None:
        """Gather the scene's statistics, estimate its prior and bake kernels.

        Raises ValueError when a joint network is for another number of bands.
        """
        config = self.network.config
        if not config.pooled_prior and scene.bands != config.bands:
            raise ValueError(f"the network fuses {config.bands} bands, the scene has {scene.bands}")
        statistics = scene.statistics(progress)
        self._standardisation = Standardisation.from_moments(
            statistics.mean, statistics.covariance, statistics.intensity_weights, scene.ratio
        )
        self._inside = scene.pair.common
        step = math.lcm(self.stride, config.stem)
        area = Window(0, 0, scene.width, scene.height)
        tiles = window_tiles(scene, area, WINDOWS_A_SCENE, -(-WINDOW // step) * step, progress)
        windows = moderated(torch.cat([torch.cat(self._inputs(tile), dim=1) for tile in tiles]))
        pan, lrms = windows.tensor_split([-scene.bands], dim=1)
        prior = self.network.estimate_prior(pan, lrms, self.seed)
        # One network, or with a pooled prior one a band.
        passes = self.network.inputs(pan, lrms).unflatten(0, (len(tiles), -1)).unbind(dim=1)
        self._baked = [bake(self.network.backbone, inputs, prior) for inputs in passes]

    @torch.inference_mode()
    def fuse(self, tile: TileData) -> np.ndarray:
        """The fused tile (C, H, W) float32, halo included."""
        scene = self._standardisation
        if scene is None:
            raise RuntimeError("prepare() must be called before fuse()")
        mirror(tile, self._inside)
        pan, lrms = self._inputs(tile)
        passes = self.network.inputs(pan, lrms).split(1)
        residual = torch.cat(
            [network(inputs) for network, inputs in zip(self._baked, passes, strict=True)]
        )
        height, width = tile.pan.shape
        image = residual.reshape(lrms.shape)[0, :, :height, :width].numpy()
        return tile.ms_up + image * scene.std.astype(np.float32)[:, None, None]

    def _inputs(self, tile: TileData) -> tuple[Tensor, Tensor]:
        """pan (1, F, H, W) and lrms (1, C, H, W), padded to what the network divides."""
        scene = self._standardisation
        assert scene is not None  # nosec B101
        count, bands = self.network.config.pan_features, range(len(tile.ms_up))
        shared = pan_features(tile.pan, tile.pan_low, tile.ms_up, scene)
        own = (band_features(shared, tile.ms_up, scene, band, count) for band in bands)
        images = (
            np.concatenate([shared, *(features[SHARED_FEATURES:] for features in own)]),
            np.concatenate([standardise_band(tile.ms_up, scene, band) for band in bands]),
        )
        padding = [(0, 0), *((0, -n % self.stride) for n in tile.pan.shape)]
        pan, lrms = (
            torch.from_numpy(np.pad(image, padding, mode="edge"))[None] for image in images
        )
        return pan, lrms
