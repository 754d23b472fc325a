"""KSDiff as a fusion method: kernels baked from windows of the scene, then one pass over tiles.

METHOD, section 7. ``prior_scope="scene"`` bakes one set of kernels for the whole scene.
``prior_scope="tile"`` bakes one set for each cell of a fixed grid and blends neighbouring cells
with weights that sum to 1, so that neither scope depends on how the pipeline cuts its tiles.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .consistency import DetailGauge
from .device import tiles_at_once
from .errors import WeightsError
from .mirroring import mirror
from .model.baking import bake, rebuild
from .model.features import (
    SHARED_FEATURES,
    Standardisation,
    band_features,
    fitted_pan,
    shared_features,
    standardise_band,
)
from .model.ksdiff import KSDiff
from .model.storage import load_network
from .pixel_pass import PixelPass, fastest_precision
from .raster.tiling import Window
from .scene import Scene, TileData

Progress = Callable[[float, str], None]
Warn = Callable[[str], None]
Padding = list[tuple[int, int]]  # before and after, a pair an axis of (C, H, W)

PRIOR_SCOPES = ("scene", "tile")
BLOCK = (2048, 1024)  # PAN pixels, see KSDiffMethod.block
# PAN pixels, in float32. A tile that is higher computes less twice, for little memory, since its
# rows are streamed; docs/speed.md has the figures.
LARGEST_TILE = (1024, 2048)
NO_PADDING: Padding = [(0, 0)] * 3
WINDOW = 64  # PAN pixels, rounded up to what the network divides; the patch size of training
WINDOWS_A_SCENE = 64
WINDOWS_A_CELL = 9
GAUGE_EDGE = 256  # PAN pixels; of the windows that show how strongly to inject
GAUGE_WINDOWS = 9
CELL = 512  # PAN pixels
CELL_BLEND = 64  # width of the transition between two cells, PAN pixels
CELLS_KEPT = 48  # baked cells in memory; tiles are visited row by row
# Kernel generators are polynomials of their input, trained on windows of unit contrast: beyond it a
# glint or a cloud edge would blow the kernels of the whole scene up. Standard deviations of a band.
LARGEST_VALUE = 6.0
LARGEST_CONTRAST = 1.0


@dataclass(frozen=True)
class BandInput:
    """The network's input for one band of a tile, (1 + count, H, W), made as rows are asked for.

    Of `tile` it sees PAN and the one band; fitted (H, W): all bands' intensity, see
    :func:`.fitted_pan`. As many PAN features as `count`: as in :func:`.band_features`.
    padding: beyond the tile, whose outermost pixels are repeated there.
    """

    tile: TileData
    fitted: np.ndarray
    scene: Standardisation
    band: int
    count: int
    padding: Padding

    @property
    def shape(self) -> tuple[int, int, int]:
        """With the padding."""
        height, width = (
            before + size + after
            for (before, after), size in zip(self.padding[1:], self.tile.pan.shape)
        )
        return 1 + self.count, height, width

    def rows(self, start: int, stop: int) -> np.ndarray:
        """(1 + count, stop - start, W) float32."""
        _, (top, _), sides = self.padding
        height = len(self.tile.pan)
        first = min(max(start - top, 0), height - 1)
        last = max(min(stop - top, height), first + 1)
        image = self._features(slice(first, last))
        if not any(map(any, self.padding)):
            return image
        above = min(max(top - start, 0), stop - start - 1)
        below = stop - start - above - (last - first)
        return np.pad(image, [(0, 0), (above, below), sides], mode="edge")

    def _features(self, rows: slice) -> np.ndarray:
        scene, pan, ms_up = self.scene, self.tile.pan[rows], self.tile.ms_up[:, rows]
        image = np.empty((1 + self.count, *pan.shape), dtype=np.float32)
        shared = image[1 : 1 + SHARED_FEATURES]
        shared_features(pan, self.tile.pan_low[rows], self.fitted[rows], scene, out=shared)
        standardise_band(ms_up, scene, self.band, out=image[:1])
        band_features(shared, ms_up, scene, self.band, self.count, out=image[1:])
        return image


@dataclass(frozen=True)
class Baked:
    """Plain networks, one a band, in float32 where they were baked, and ready for the pixels."""

    networks: list[nn.Module]
    pixels: PixelPass


class KSDiffMethod:
    """A trained network behind every method's contract: `prepare` a scene, `fuse` its tiles.

    halo: PAN pixels that a tile needs on each side of what is kept of it.
    seed: of the noise that the prior's diffusion starts from; same seed, same result.
    precision: in which the pass over the pixels computes; kernels are baked in float32.
    block: width and height of the tiles that have to be fused for the result not to depend on how
        a scene is cut; None when any will do. Values of neighbouring tiles differ in their last
        bit, which half precision may round to another number.
    """

    name = "ksdiff"
    title = "KSDiff"
    reference = (
        "Jin et al., Fast Kernel-Space Diffusion for Remote Sensing Pansharpening, CVPR 2026"
    )

    def __init__(
        self,
        network: KSDiff,
        *,
        device: torch.device | str = "cpu",
        prior_scope: str = "scene",
        seed: int = 0,
        precision: torch.dtype | None = None,
        edge: int = 0,
        warn: Warn = lambda message: None,
    ) -> None:
        """precision: None is the device's fastest. edge: of what the network sees of a tile at
        once, 0 is all of it. warn: told when a GPU's memory gives out.
        """
        if prior_scope not in PRIOR_SCOPES:
            raise ValueError(f"prior_scope must be one of {PRIOR_SCOPES}, not {prior_scope!r}")
        if network.config.bands != 1:
            raise WeightsError(
                f"The network fuses {network.config.bands} bands at once; only band-shared "
                "networks can be run on scenes.",
                hint="Choose weights whose card says bands 'any'.",
            )
        self.network = network.to(device).eval()
        self.device = torch.device(device)
        self.prior_scope = prior_scope
        self.seed = seed
        self.precision = precision or fastest_precision(self.device)
        self.edge = edge
        self.warn = warn
        self.stride = network.backbone.stride
        self.halo = _round_up(network.backbone.radius, self.stride)
        self.window = _round_up(WINDOW, math.lcm(self.stride, network.config.stem))
        self._scene: Scene | None = None
        self._standardisation: Standardisation | None = None
        self._baked: Baked | None = None
        self._cells: OrderedDict[tuple[int, int], Baked] = OrderedDict()
        self._gains = np.ones(0)  # of the detail, one a band; see :mod:`.consistency`
        self._baking = threading.Lock()  # neighbouring tiles share cells

    @property
    def block(self) -> tuple[int, int] | None:
        return BLOCK if self.precision != torch.float32 else None

    @property
    def largest_tile(self) -> tuple[int, int]:
        return LARGEST_TILE

    @property
    def tiles_at_once(self) -> int:
        """A GPU takes one after the other, and is fed meanwhile."""
        return 1 if self.device.type != "cpu" else tiles_at_once()

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        device: torch.device | str = "cpu",
        prior_scope: str = "scene",
        seed: int = 0,
        precision: torch.dtype | None = None,
        edge: int = 0,
        warn: Warn = lambda message: None,
    ) -> KSDiffMethod:
        """Load weights. Raises WeightsError for a file that is damaged or of another kind."""
        network, _ = load_network(path)
        return cls(
            network,
            device=device,
            prior_scope=prior_scope,
            seed=seed,
            precision=precision,
            edge=edge,
            warn=warn,
        )

    def prepare(self, scene: Scene, progress: Progress = lambda fraction, message: None) -> None:
        """Gather the scene's statistics; estimate its prior, bake kernels and gauge their detail.

        The gauge needs the sensor's MTF: where it is not published, detail is taken as it comes.
        In tile scope nothing but the gains is kept, which are the same all over a scene. Raises
        InputError when PAN and MS have no valid pixel in common.
        """
        self._begin(scene, lambda fraction, message: progress(0.5 * fraction, message))
        scene_scope, known_mtf = self.prior_scope == "scene", scene.profile.gains_published
        if not (scene_scope or known_mtf):
            return
        area = Window(0, 0, scene.width, scene.height)
        baked = self._bake(area, WINDOWS_A_SCENE, lambda f, m: progress(0.5 + 0.3 * f, m))
        if known_mtf:
            self._gains = self._gauge(baked, area, lambda f, m: progress(0.8 + 0.2 * f, m))
        if scene_scope:
            self._baked = baked

    def state(self) -> dict[str, np.ndarray]:
        """What `prepare` found beyond the scene's statistics.

        ``"gains"``, and in scene scope ``"<band>/<layer>"`` -> kernel.
        """
        return {"gains": self._gains} | {
            f"{band}/{name}": tensor.cpu().numpy()
            for band, network in enumerate(self._baked.networks if self._baked else ())
            for name, tensor in network.state_dict().items()
        }

    def restore(self, scene: Scene, state: Mapping[str, np.ndarray]) -> None:
        """Be as after `prepare` in another process; `scene` has its statistics."""
        self._begin(scene, lambda fraction, message: None)
        self._gains = np.asarray(state["gains"])
        if self.prior_scope == "scene":
            shape = (1, self.network.config.in_channels, self.window, self.window)
            blank = torch.zeros(shape, device=self.device)
            self._baked = self._pass_of(
                [
                    rebuild(self.network.backbone, blank, self._tensors(state, f"{band}/"))
                    for band in range(scene.bands)
                ]
            )

    def _begin(self, scene: Scene, progress: Progress) -> None:
        statistics = scene.statistics(progress)
        self._scene = scene
        self._standardisation = Standardisation.from_moments(
            statistics.mean, statistics.covariance, statistics.intensity_weights, scene.ratio
        )
        self._gains = np.ones(scene.bands)
        self._baked = None
        self._cells.clear()

    def _tensors(self, state: Mapping[str, np.ndarray], prefix: str) -> dict[str, Tensor]:
        return {
            name[len(prefix) :]: torch.from_numpy(array.copy()).to(self.device)
            for name, array in state.items()
            if name.startswith(prefix)
        }

    def fuse(self, tile: TileData) -> np.ndarray:
        """The fused tile (C, H, W) float32, halo included; right from `halo` pixels inwards.

        What the tile holds beyond the scene is overwritten, and its `ms_up`, since it is large.
        """
        if self._scene is None:
            raise RuntimeError("prepare() must be called before fuse()")
        mirror(tile, self._scene.pair.common)
        if self._baked is None:
            return self._blend_cells(tile)
        # A band is seen only for its own detail, and before that comes.
        for image, detail in zip(tile.ms_up, self._details(self._baked, tile)):
            image += detail
        return tile.ms_up

    # --- the pass over the pixels ---

    @torch.inference_mode()
    def _details(self, baked: Baked, tile: TileData) -> Iterator[np.ndarray]:
        """What is to be added to each band of the interpolated MS, (H, W) float32."""
        scale = self._known_standardisation().std * self._gains
        padding = _alignment_padding(tile.window, self.stride)
        inner = _unpadded(padding, tile.pan.shape)
        for band, residual in enumerate(baked.pixels.residuals(self._inputs(tile, padding))):
            residual *= np.float32(scale[band])
            yield residual[inner]

    def _inputs(self, tile: TileData, padding: Padding) -> list[BandInput]:
        """The network's input for each band."""
        scene, count = self._known_standardisation(), self.network.config.pan_features
        fitted = fitted_pan(tile.ms_up, scene)
        return [
            BandInput(tile, fitted, scene, band, count, padding) for band in range(len(tile.ms_up))
        ]

    def _known_standardisation(self) -> Standardisation:
        assert self._standardisation is not None  # prepare() has run: fuse() checks it  # nosec B101
        return self._standardisation

    # --- baking ---

    @torch.inference_mode()
    def _bake(self, area: Window, count: int, progress: Progress) -> Baked:
        """Kernels of all bands from at most `count` windows spread over `area`."""
        assert self._scene is not None  # nosec B101
        tiles = window_tiles(
            self._scene, area, count, self.window, lambda f, m: progress(0.5 * f, m)
        )
        networks = []
        for band, inputs in enumerate(zip(*(self._inputs(tile, NO_PADDING) for tile in tiles))):
            progress(0.5 + 0.5 * band / self._scene.bands, "Estimating the prior")
            images = np.stack([image.rows(0, image.shape[1]) for image in inputs])
            windows = moderated(torch.from_numpy(images).to(self.device))
            lrms, pan = windows[:, :1], windows[:, 1:]
            prior = self.network.estimate_prior(pan, lrms, self.seed)
            networks.append(bake(self.network.backbone, windows, prior))
        return self._pass_of(networks)

    @torch.inference_mode()
    def _gauge(self, baked: Baked, area: Window, progress: Progress) -> np.ndarray:
        """By how much the detail of each band has to be multiplied, (C,)."""
        assert self._scene is not None  # nosec B101
        scene, halo = self._scene, self.halo
        gauge = DetailGauge(scene)
        size = min(GAUGE_EDGE, area.width, area.height)
        places = window_tiles(
            scene, area, GAUGE_WINDOWS, size, lambda f, m: progress(0.5 * f, m), halo
        )
        inner = np.s_[..., halo : halo + size, halo : halo + size]
        for number, tile in enumerate(places):
            progress(0.5 + 0.5 * number / len(places), "Measuring the detail")
            window = tile.window.expanded(-halo)
            detail = np.stack(list(self._details(baked, tile)))
            gauge.add(window, tile.ms_up[inner], detail[inner], tile.valid[inner])
        return gauge.gains()

    def _pass_of(self, networks: list[nn.Module]) -> Baked:
        pixels = PixelPass(
            networks,
            device=self.device,
            precision=self.precision,
            halo=self.halo,
            stride=self.stride,
            # In half precision parts of another size may round differently.
            edge=0 if self.block else self.edge,
            warn=self.warn,
        )
        return Baked(networks, pixels)

    # --- tile scope ---

    def _blend_cells(self, tile: TileData) -> np.ndarray:
        """Weighted sum of the results with the kernels of every cell that reaches into the tile."""
        assert self._scene is not None  # nosec B101
        fused = np.zeros_like(tile.ms_up)
        columns = cell_weights(tile.window.column, tile.window.width, self._scene.width)
        rows = cell_weights(tile.window.row, tile.window.height, self._scene.height)
        for row, row_weights in rows.items():
            for column, column_weights in columns.items():
                top, bottom = _support(row_weights)
                left, right = _support(column_weights)
                part = _cut(tile, top, bottom, left, right, self.halo, self.stride)
                details = self._details(self._cell(column, row), part)
                result = np.stack([image + detail for image, detail in zip(part.ms_up, details)])
                weights = np.outer(row_weights[top:bottom], column_weights[left:right])
                dy = top - (part.window.row - tile.window.row)
                dx = left - (part.window.column - tile.window.column)
                inner = result[:, dy : dy + bottom - top, dx : dx + right - left]
                fused[:, top:bottom, left:right] += inner * weights.astype(np.float32)
        return fused

    def _cell(self, column: int, row: int) -> Baked:
        key = (column, row)
        with self._baking:
            if key not in self._cells:
                area = self._cell_area(column, row)
                self._cells[key] = self._bake(area, WINDOWS_A_CELL, lambda fraction, message: None)
                if len(self._cells) > CELLS_KEPT:
                    self._cells.popitem(last=False)
            self._cells.move_to_end(key)
            return self._cells[key]

    def _cell_area(self, column: int, row: int) -> Window:
        """The cell's pixels; the last of a row or column of cells takes what is left over."""
        assert self._scene is not None  # nosec B101
        spans = []
        for cell, size in ((column, self._scene.width), (row, self._scene.height)):
            last = cell == max(1, size // CELL) - 1
            spans.append(size - cell * CELL if last else CELL)
        return Window(column * CELL, row * CELL, *spans)


def moderated(windows: Tensor) -> Tensor:
    """Windows (B, C, H, W) with no more contrast than the kernel generators know; for baking only.

    Values are clipped to ``LARGEST_VALUE``, then a window whose root mean square exceeds
    ``LARGEST_CONTRAST`` is scaled down to it. The pass over the pixels sees the scene as it is.
    """
    clipped = windows.clamp(-LARGEST_VALUE, LARGEST_VALUE)
    contrast = clipped.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return clipped * (LARGEST_CONTRAST / contrast.clamp_min(LARGEST_CONTRAST))


def window_tiles(
    scene: Scene, area: Window, count: int, size: int, progress: Progress, halo: int = 0
) -> list[TileData]:
    """At most `count` windows of `size` x `size` PAN pixels, one a stratum of `area`, mostly valid.

    The tiles are wider by `halo` on all sides, and mirrored at the scene's edges.

    Strata are the cells of a near-square lattice. A stratum whose middle is mostly invalid offers
    four other places; one where these are too gives no window. If none of the strata gives one,
    the place with most valid pixels is taken.
    """
    area = area.clipped(scene.width, scene.height)
    places = _strata(area, count, size)
    inside = scene.pair.common
    found: list[TileData] = []
    spare: tuple[float, TileData] | None = None
    for number, candidates in enumerate(places):
        progress(number / len(places), "Reading windows for the prior")
        for column, row in candidates:
            tile = mirror(scene.tile(Window(column, row, size, size), halo), inside)
            share = float(tile.valid[halo : halo + size, halo : halo + size].mean())
            if share > 0.5:
                found.append(tile)
                break
            if spare is None or share > spare[0]:
                spare = (share, tile)
    if not found and spare is not None:
        found.append(spare[1])
    return found


def _strata(area: Window, count: int, size: int) -> list[list[tuple[int, int]]]:
    """Candidate corners of a window for each stratum, the middle first."""
    aspect = area.width / max(area.height, 1)
    columns = int(np.clip(round(np.sqrt(count * aspect)), 1, max(1, area.width // size)))
    rows = int(np.clip(count // columns, 1, max(1, area.height // size)))
    strata = []
    for j in range(rows):
        for i in range(columns):
            offsets = [(0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
            width, height = area.width / columns, area.height / rows
            candidates = [
                (
                    area.column + int(i * width + x * (width - size)),
                    area.row + int(j * height + y * (height - size)),
                )
                for x, y in offsets
            ]
            strata.append(list(dict.fromkeys(candidates)))
    return strata


def cell_weights(start: int, length: int, size: int) -> dict[int, np.ndarray]:
    """Blending weights along one axis: cell index -> (length,) float64, summing to 1 at each pixel.

    `start` is the first pixel in the result's grid of `size` pixels. Cells of CELL pixels meet in
    linear transitions of CELL_BLEND pixels; the last cell takes what is left over.
    """
    cells = max(1, size // CELL)
    position = np.arange(start, start + length) + 0.5
    steps = [
        np.clip((position - cell * CELL) / CELL_BLEND + 0.5, 0.0, 1.0) for cell in range(1, cells)
    ]
    edges = [np.ones(length), *steps, np.zeros(length)]
    weights = {cell: edges[cell] - edges[cell + 1] for cell in range(cells)}
    return {cell: weight for cell, weight in weights.items() if weight.any()}


def _support(weights: np.ndarray) -> tuple[int, int]:
    """First index and one past the last where weights are not zero."""
    indices = np.flatnonzero(weights)
    return int(indices[0]), int(indices[-1]) + 1


def _cut(
    tile: TileData, top: int, bottom: int, left: int, right: int, halo: int, stride: int
) -> TileData:
    """The part of a tile between the given rows and columns, with as much halo as the tile has."""
    height, width = tile.pan.shape
    margin = _round_up(halo, stride)
    top, left = max(0, top - margin), max(0, left - margin)
    bottom, right = min(height, bottom + margin), min(width, right + margin)
    rows, columns = slice(top, bottom), slice(left, right)
    return TileData(
        window=Window(tile.window.column + left, tile.window.row + top, right - left, bottom - top),
        pan=tile.pan[rows, columns],
        pan_low=tile.pan_low[rows, columns],
        ms_up=tile.ms_up[:, rows, columns],
        valid=tile.valid[rows, columns],
    )


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _alignment_padding(window: Window, stride: int) -> Padding:
    """What to add to a tile's (C, H, W) so that strided layers meet the same pixels in every tile.

    Nothing is added to the channels; as for ``np.pad``.
    """
    padding = [(0, 0)]
    for start, length in ((window.row, window.height), (window.column, window.width)):
        before = start % stride
        padding.append((before, -(before + length) % stride))
    return padding


def _unpadded(padding: Padding, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Where the tile of `shape` (H, W) lies in its padded version."""
    _, (top, _), (left, _) = padding
    return slice(top, top + shape[0]), slice(left, left + shape[1])
