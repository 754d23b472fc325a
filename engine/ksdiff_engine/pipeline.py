"""A job from start to end: open, align, choose, prepare, fuse tile by tile, write, commit."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

import ksdiff_engine
from ksdiff_engine import weights
from ksdiff_engine.ahead import ahead
from ksdiff_engine.device import (
    choose_device,
    describe,
    hand_back_freed_memory,
    limit_threads,
    shared_threads,
)
from ksdiff_engine.errors import Cancelled, EnvironmentProblem, InputError
from ksdiff_engine.job import AdaptJob, ClassicalJob, CompareJob, Job, PansharpenJob
from ksdiff_engine.leftovers import remove_leftovers
from ksdiff_engine.raster.align import Pair, align
from ksdiff_engine.raster.gdal_guard import LARGEST_CACHE, bound_cache
from ksdiff_engine.raster.reader import DTYPES, RasterSource
from ksdiff_engine.raster.tiling import Window, even_tiles, tiles
from ksdiff_engine.raster.writer import RasterWriter, check_output
from ksdiff_engine.registration import registered
from ksdiff_engine.resampled import with_own_resolution
from ksdiff_engine.restart import KeptTiles, fingerprint, remove_kept
from ksdiff_engine.scene import RawTile, Scene, SceneStatistics, TileData
from ksdiff_engine.sensor_hints import profile_for, ratio_remark, sensor_keys
from ksdiff_engine.sensors import natural_colour, without_other_files

if TYPE_CHECKING:
    import torch

# Width and height of tiles, PAN pixels, where those that suit a method in a large scene would be
# too few: multiples of the writer's blocks.
MEDIUM_TILE, SMALL_TILE = (1024, 1024), (512, 512)
FEWEST_TILES = 8  # two for each of four threads; fewer only of the smallest
ROWS_READ = 2560  # at once, at most: a tile's, and those around it to whole blocks
SPELL = 32 << 20  # PAN pixels, see :func:`spells`
ENOUGH_MEMORY = 1400 << 20  # bytes; beyond them, what is kept without use is handed back

Progress = Callable[[float, str], None]


class FusionMethod(Protocol):
    """What every method offers; see docs/architecture.md."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def halo(self) -> int: ...

    @property
    def block(self) -> tuple[int, int] | None:
        """Width and height that tiles must have; None when any will do."""

    @property
    def largest_tile(self) -> tuple[int, int]:
        """Width and height of tiles that suit a large scene, where any will do."""

    @property
    def tiles_at_once(self) -> int:
        """How many tiles :meth:`fuse` should work on side by side, in threads."""

    def prepare(self, scene: Scene, progress: Progress) -> None:
        """Take what the method needs from the whole scene."""

    def state(self) -> dict[str, np.ndarray]:
        """Return what `prepare` found beyond the scene's statistics, as plain arrays."""

    def restore(self, scene: Scene, state: Mapping[str, np.ndarray]) -> None:
        """Be as after `prepare` in the process that `state` comes from."""

    def fuse(self, tile: TileData) -> np.ndarray:
        """Return the fused tile, (C, H, W), halo included; `ms_up` may be overwritten."""


class TileWriter(Protocol):
    """What takes fused tiles: ``RasterWriter``, ``KeptTiles``, or an image in memory."""

    def write(self, window: Window, image: np.ndarray, valid: np.ndarray) -> None:
        """Store (C, h, w) and (h, w) at a window of the result's grid."""


class TileFuser(Protocol):
    """:func:`fuse_tiles`, or what stands in for it."""

    def __call__(
        self,
        scene: Scene,
        method: FusionMethod,
        writer: TileWriter,
        windows: Sequence[Window],
        report: Report,
        /,
    ) -> int:
        """Write the tiles of windows, in their order; return the number of valid pixels."""


class Report:
    """The way back to the caller: progress within a share of the job, warnings, cancellation.

    Calling it raises ``Cancelled`` once the caller wants the job to stop.
    """

    def __init__(
        self,
        progress: Progress,
        is_cancelled: Callable[[], bool],
        warn: Callable[[str], None],
        share: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        self._progress, self._is_cancelled, self._warn = progress, is_cancelled, warn
        self._start, self._end = share
        self.messages: list[str] = []

    def __call__(self, fraction: float, message: str = "") -> None:
        if self._is_cancelled():
            raise Cancelled()
        fraction = min(max(fraction, 0.0), 1.0)
        self._progress(self._start + fraction * (self._end - self._start), message)

    def share(self, start: float, end: float) -> Report:
        """Return a report whose 0..1 is ``start``..``end`` of this one."""
        width = self._end - self._start
        share = (self._start + start * width, self._start + end * width)
        part = Report(self._progress, self._is_cancelled, self._warn, share)
        part.messages = self.messages
        return part

    def warn(self, message: str) -> None:
        """Tell the user something, now and in the result; an empty text is nothing."""
        if message and message not in self.messages:
            self.messages.append(message)
            self._warn(message)


def run_job(
    job: Job,
    progress: Progress | None = None,
    is_cancelled: Callable[[], bool] | None = None,
    warn: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Run a job and return its result, a dictionary that JSON can hold.

    progress hears fractions of 0..1 that never fall; is_cancelled is asked between and within the
    steps; warn hears what the user should know (it is in the result's ``messages`` as well).
    Raises ``EngineError``; no output file is left unless the job succeeded.
    """
    report = Report(
        progress or (lambda fraction, message: None),
        is_cancelled or (lambda: False),
        warn or (lambda message: None),
    )
    from ksdiff_engine.runners import RUNNERS  # the runners stand on this module

    bound_cache(LARGEST_CACHE)
    return RUNNERS[type(job)](job, report)


def run_pansharpen(job: PansharpenJob, report: Report) -> dict[str, Any]:
    """Sharpen with KSDiff; the result's keys are in docs/architecture.md."""
    started = time.monotonic()
    limit_threads(job.threads)
    report(0.0, "Opening the rasters")
    check_output(job.output)
    with ExitStack() as stack:
        scene = stack.enter_context(
            open_scene(job.pan, job.ms, job.bands, job.pan_band, job.sensor, report)
        )
        entry, reason = choose_weights(job, scene, report)
        fuse = stack.enter_context(tile_fuser(job, entry, report))
        device, remark = choose_device(job.device)
        report.warn(remark)
        report(0.02, f"Loading {entry.name} on {device}")
        digest = weights.sha256(entry.path)
        method = load_method(job, entry, device, report.warn)
        scene, registration = registered(scene, job.register, report.share(0.03, 0.08), report.warn)
        tags = {
            **scene_tags(scene),
            "KSDIFF_METHOD": method.name,
            "KSDIFF_WEIGHTS": entry.name,
            "KSDIFF_WEIGHTS_SHA256": digest,
            "KSDIFF_SEED": str(job.seed),
            "KSDIFF_PRIOR_SCOPE": job.prior_scope,
        }
        outcome = sharpen(scene, method, job, tags, report.share(0.08, 1.0), fuse)
    return {
        **outcome,
        **registration,
        **sensor_keys(scene.profile),
        "weights": entry.name,
        "weights_sha256": digest,
        "weights_reason": reason,
        "device": describe(device),
        "seed": job.seed,
        "seconds": round(time.monotonic() - started, 3),
        "messages": report.messages,
    }


@contextmanager
def tile_fuser(
    job: PansharpenJob, entry: weights.CatalogueEntry, report: Report
) -> Iterator[TileFuser]:
    """What fuses the tiles: this process, or a cluster if the job asks for one."""
    if not (job.workers or job.scheduler):
        yield fuse_tiles
        return
    from ksdiff_engine.cluster import SceneOnCluster, connected

    report(0.01, "Connecting to the cluster" if job.scheduler else "Starting workers")
    with connected(job.workers, job.scheduler) as client:
        yield SceneOnCluster(client, job, entry)


@contextmanager
def open_scene(
    pan: str,
    ms: tuple[str, ...],
    bands: tuple[int, ...],
    pan_band: int,
    sensor: str,
    report: Report,
) -> Iterator[Scene]:
    """Open and align a pair, find its sensor, and close the rasters at the end."""
    if not bands:
        ms, remark = without_other_files(ms)
        report.warn(remark)
    with ExitStack() as stack:
        pan_source = stack.enter_context(RasterSource.open_pan(pan, pan_band or None))
        ms_source = stack.enter_context(RasterSource.open_ms(ms, bands or None))
        profile = profile_for(sensor, ms_source, pan_source)
        pair, remark = with_own_resolution(align(pan_source, ms_source), profile)
        if pair.ms is not ms_source:
            stack.enter_context(pair.ms)
        for message in (*pair.messages, remark, ratio_remark(profile, pair.ratio)):
            report.warn(message)
        bound_cache(bytes_a_row(pair))
        yield Scene(pair, profile)


def bytes_a_row(pair: Pair) -> int:
    """What a row of tiles takes of the rasters that are stored in whole rows.

    Each of its tiles needs all of it, while blocks are needed by a tile or two.
    """
    needed = 0.0
    for raster, rows in ((pair.pan, ROWS_READ), (pair.ms, ROWS_READ / pair.ratio_y)):
        if raster.in_whole_rows:
            pixel = np.dtype(DTYPES[raster.data_type]).itemsize * len(raster.bands)
            needed += rows * raster.grid.width * pixel
    return round(needed)


def choose_weights(
    job: PansharpenJob | CompareJob | AdaptJob, scene: Scene, report: Report
) -> tuple[weights.CatalogueEntry, str]:
    """Return the weights a job names, or the ones that fit the scene, and the reason."""
    problems: list[str] = []
    entries = weights.catalogue(
        weights.weights_folders(job.weights_folders), lambda error: problems.append(str(error))
    )
    for problem in problems:
        report.warn(problem)
    ratio = round(scene.ratio)
    if job.weights == "auto":
        return weights.select(entries, bands=scene.bands, ratio=ratio, sensor=scene.profile.name)
    entry = weights.find(job.weights, entries)
    weights.check_fit(entry, bands=scene.bands, ratio=ratio)
    return entry, "named by the user"


def load_method(
    job: PansharpenJob | CompareJob,
    entry: weights.CatalogueEntry,
    device: torch.device,
    warn: Callable[[str], None] = lambda message: None,
) -> FusionMethod:
    """Load the network; torch is imported here, so that all else works without it."""
    from ksdiff_engine.fusion import KSDiffMethod

    return KSDiffMethod.from_file(
        entry.path,
        device=device,
        prior_scope=job.prior_scope,
        seed=job.seed,
        edge=job.tile if isinstance(job, PansharpenJob) else 0,
        warn=warn,
    )


def scene_tags(scene: Scene) -> dict[str, str]:
    """Metadata that tell how a result came about, whatever the method."""
    return {
        "KSDIFF_VERSION": ksdiff_engine.__version__,
        "KSDIFF_SENSOR": scene.profile.name,
        "KSDIFF_RATIO": f"{scene.ratio:.6g}",
        "KSDIFF_PAN": _names(scene.pair.pan.paths),
        "KSDIFF_MS": _names(scene.pair.ms.paths),
        **_shift_tag("KSDIFF_SHIFT", scene.pair.shift),
        **_shift_tag("KSDIFF_PAN_SHIFT", scene.pair.pan_shift),
    }


def sharpen(
    scene: Scene,
    method: FusionMethod,
    job: PansharpenJob | ClassicalJob,
    tags: dict[str, str],
    report: Report,
    fuse: TileFuser | None = None,
) -> dict[str, Any]:
    """Run a method over a scene into ``job.output``; return the result's part about the raster.

    The output is opened first, so that an unfit folder is known before the work. fuse: what fuses
    the tiles; None is :func:`fuse_tiles`.
    """
    ms = scene.pair.ms
    data_type, nodata = stored_as(job, scene)
    remove_leftovers(job.output)
    if not job.resume:
        remove_kept(job.output)
    with RasterWriter(
        job.output,
        scene.pair.grid,
        ms.bands,
        data_type,
        nodata=nodata,
        tags=tags,
        creation_options=job.creation_options,
        inputs=(*scene.pair.pan.files, *ms.files),
        pyramids=job.pyramids,
    ) as writer:
        windows = tile_plan(scene, method, job.tile)
        with ExitStack() as stack:
            kept = None
            if job.resume:
                state = fingerprint(job, scene, tags, windows, computed_in(method))
                kept = stack.enter_context(KeptTiles.opened(writer, windows, state))
            stack.enter_context(memory_explained())
            valid = fuse_scene(
                fuse or fuse_tiles, scene, method, writer, windows, kept, report.share(0.0, 0.95)
            )
            report(0.95, "Completing the file")
            completing = report.share(0.95, 1.0)
            writer.commit(lambda fraction: completing(fraction, "Building pyramids"))
            if kept is not None:
                kept.finish()
    return {
        "output": job.output,
        "width": scene.width,
        "height": scene.height,
        "bands": scene.bands,
        "ratio": scene.ratio,
        "valid_fraction": valid / (scene.width * scene.height),
        "natural_colour": list(natural_colour(scene.profile, scene.bands)),
    }


def computed_in(method: FusionMethod) -> str:
    """Device and precision: tiles of another would show in a result."""
    return f"{getattr(method, 'device', 'cpu')} {getattr(method, 'precision', 'float32')}"


def stored_as(job: PansharpenJob | ClassicalJob, scene: Scene) -> tuple[str, float | None]:
    """Return GDAL's name of the result's data type, and the wanted nodata value."""
    ms = scene.pair.ms
    data_type = ms.data_type if job.output_type == "input" else job.output_type
    return data_type, ms.bands[0].nodata


def fuse_scene(
    fuse: TileFuser,
    scene: Scene,
    method: FusionMethod,
    writer: RasterWriter,
    windows: Sequence[Window],
    kept: KeptTiles | None,
    report: Report,
) -> int:
    """Prepare a method and write all windows, those first that an earlier run kept.

    Returns the number of valid pixels. Raises ``InputError`` when there are none.
    """
    prepared = kept.prepared() if kept else None
    if prepared is None:
        scene.statistics(report.share(0.0, 0.07))
        method.prepare(scene, report.share(0.07, 0.17))
        if kept:
            kept.keep_prepared(prepared_arrays(scene, method))
    else:
        restore_prepared(scene, method, prepared)
    missing, valid_pixels = list(windows), 0
    if kept:
        report(0.17, "Taking over finished tiles")
        missing, valid_pixels = kept.replay()
    done = 0.17 + 0.83 * (1 - len(missing) / len(windows))
    valid_pixels += fuse(scene, method, kept or writer, missing, report.share(done, 1.0))
    if not valid_pixels:
        raise InputError(
            f"Not one pixel of PAN {scene.pair.pan.name} and MS {scene.pair.ms.name} is valid in "
            "both.",
            hint="Check the nodata values and masks of both rasters.",
        )
    return valid_pixels


def prepared_arrays(scene: Scene, method: FusionMethod) -> dict[str, np.ndarray]:
    """What preparing gave, for another process: the scene's statistics and the method's state."""
    parts = {"scene": scene.statistics().as_arrays(), "method": method.state()}
    return {f"{part}/{name}": a for part, arrays in parts.items() for name, a in arrays.items()}


def restore_prepared(scene: Scene, method: FusionMethod, arrays: Mapping[str, np.ndarray]) -> None:
    """Prepare scene and method with what :func:`prepared_arrays` gave in another process."""
    scene.adopt(SceneStatistics.from_arrays(_part("scene/", arrays)))
    method.restore(scene, _part("method/", arrays))


def _part(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name[len(prefix) :]: a for name, a in arrays.items() if name.startswith(prefix)}


def fuse_tiles(
    scene: Scene,
    method: FusionMethod,
    writer: TileWriter,
    windows: Sequence[Window],
    report: Report,
) -> int:
    """Fuse and write the tiles of windows; return the number of valid pixels.

    As many threads fuse as the method wants, and this one writes: the file takes its tiles in
    order. It reads, too, since several threads have a tile in hand while it does, and one tile less
    is in memory; they interpolate, so that a tile that waits is small. For a single thread another
    one reads and interpolates ahead.
    """
    valid_pixels = done = 0
    with shared_threads(method.tiles_at_once) as begin:
        for spell in spells(windows, method.tiles_at_once):
            with closing(_fused(scene, method, spell, begin)) as results:
                for window in spell:
                    report(done / len(windows), f"Fusing tile {done + 1} of {len(windows)}")
                    image, valid = next(results)
                    writer.write(window, image, valid)
                    valid_pixels += int(valid.sum())
                    done += 1
                    del image  # before the next one is waited for
                    hand_back_freed_memory(ENOUGH_MEMORY)
            if done < len(windows):
                hand_back_freed_memory(beyond=0)
    return valid_pixels


def _fused(
    scene: Scene, method: FusionMethod, windows: Sequence[Window], begin: Callable[[], None]
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """The images and validity of tiles, in order; `begin` is what each thread does first."""
    count, halo = method.tiles_at_once, method.halo

    def fuse(tile: TileData | RawTile) -> tuple[np.ndarray, np.ndarray]:
        data = tile if isinstance(tile, TileData) else tile.interpolated()
        return fuse_tile(method, data, data.window.expanded(-halo))

    with ExitStack() as stack:
        tiles_read: Iterator[TileData | RawTile] = (scene.read(w, halo) for w in windows)
        if count == 1:
            made = ahead(lambda window: scene.tile(window, halo), windows)
            tiles_read = stack.enter_context(closing(made))
        fused = stack.enter_context(closing(ahead(fuse, tiles_read, count, begin)))
        yield from fused


def spells(windows: Sequence[Window], threads: int = 1) -> Iterator[Sequence[Window]]:
    """The tiles in runs of about ``SPELL`` pixels, equally many, as many for each thread.

    The heap gets holes while tiles of several threads come and go, ever more of them. Between two
    spells no tile is in memory, and it begins anew. Threads that begin together with as many tiles
    end at about the same time.
    """
    pixels = sum(window.width * window.height for window in windows)
    count = max(1, round(pixels / SPELL))
    ends = [len(windows) * number // count // threads * threads for number in range(1, count)]
    for start, end in zip([0, *ends], [*ends, len(windows)]):
        yield windows[start:end]


def tile_plan(scene: Scene, method: FusionMethod, tile: int = 0) -> list[Window]:
    """Return the tiles of a scene, row by row.

    tile: their edge, as the user wants it; 0 is what suits method and scene. Where the method asks
    for tiles of one size, they are about equal, and as large at most, whatever `tile` says.
    """
    if method.block:
        return list(even_tiles(scene.width, scene.height, method.block))
    if tile:
        return list(tiles(scene.width, scene.height, tile))
    windows: list[Window] = []
    for largest in (method.largest_tile, MEDIUM_TILE, SMALL_TILE):
        windows = list(even_tiles(scene.width, scene.height, largest))
        if len(windows) >= FEWEST_TILES:
            break
    return windows


def fuse_tile(
    method: FusionMethod, data: TileData, window: Window
) -> tuple[np.ndarray, np.ndarray]:
    """Return the tile without its halo, (C, h, w), and its validity (h, w)."""
    rows = slice(window.row - data.window.row, window.row - data.window.row + window.height)
    columns = slice(
        window.column - data.window.column, window.column - data.window.column + window.width
    )
    valid = data.valid[rows, columns]
    if not valid.any():
        return np.zeros((len(data.ms_up), *valid.shape), dtype=np.float32), valid
    image = method.fuse(data)[:, rows, columns]
    return image, valid & np.isfinite(image).all(axis=0)


@contextmanager
def memory_explained() -> Iterator[None]:
    """Turn a lack of memory, of the machine or of the GPU, into an error with a remedy."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch's CPU allocator raises a plain RuntimeError, its CUDA allocator a subclass.
        text = str(error)
        if not isinstance(error, MemoryError) and "memory" not in text.lower():
            raise
        raise EnvironmentProblem(
            f"The memory does not suffice: {text.splitlines()[0] if text else 'MemoryError'}.",
            hint="Choose smaller tiles, close other programs, or run on the other device.",
        ) from error


def _shift_tag(name: str, shift: tuple[float, float]) -> dict[str, str]:
    return {name: f"{shift[0]:.3f} {shift[1]:.3f}"} if any(shift) else {}


def _names(paths: tuple[str, ...]) -> str:
    return "; ".join(os.path.basename(path) for path in paths)
