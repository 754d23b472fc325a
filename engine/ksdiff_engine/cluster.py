"""One scene, or many jobs, over processes and machines by Dask distributed.

For one scene, the client gathers the statistics and bakes the kernels once and sends them as plain
arrays. A worker opens the rasters itself, wherever GDAL reads them, and returns finished tiles in
the file's data type. The client takes them in the order of the tiles and asks for few at a time:
its memory does not grow with the scene, and the file is that of a single process, byte for byte.
Dask gives the tiles of a worker that died to another one.

``distributed`` is imported when it is needed; it is this package's extra ``cluster``.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

import ksdiff_engine
from ksdiff_engine import pipeline, weights
from ksdiff_engine.device import choose_device, limit_threads
from ksdiff_engine.errors import EngineError, EnvironmentProblem, WeightsError
from ksdiff_engine.job import PansharpenJob
from ksdiff_engine.raster.encoding import PixelEncoder
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.scene import Scene

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 2  # tasks for each thread of the cluster: one in work, one that waits for it
SMALLEST_AHEAD = 4  # for a cluster that has no workers yet
PATIENCE = 15  # seconds until a scheduler must have answered
POLL = 0.2  # seconds between two looks at the wish to cancel


@contextmanager
def connected(workers: int, scheduler: str) -> Iterator[Client]:
    """A client of the cluster at ``scheduler``, or of ``workers`` processes on this machine.

    Raises EnvironmentProblem when Dask is missing or the scheduler does not answer.
    """
    distributed = _distributed()
    import dask

    # The kernels of many bands are more than what Dask finds usual.
    settings = {"distributed.admin.large-graph-warning-threshold": "1GB"}
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(settings))
        if not scheduler:
            # No limit of memory: Dask would end a worker in the midst of a tile, again and again.
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=None,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
            scheduler = stack.enter_context(cluster).scheduler_address
        try:
            client = distributed.Client(scheduler, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            raise EnvironmentProblem(
                f"The Dask scheduler {scheduler} cannot be reached: "
                f"{' '.join(str(error).split())}.",
                hint="Check the address, like tcp://host:8786, and that the scheduler runs.",
            ) from error
        yield stack.enter_context(client)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise EnvironmentProblem(
            f"Work on several processes or machines needs Dask distributed ({error}).",
            hint="Install it beside the engine: pip install distributed",
        ) from error
    return distributed


def threads_each(workers: int, threads: int) -> int:
    """CPU threads of each of ``workers`` processes on this machine; ``threads`` when not 0."""
    return threads or max(1, (os.cpu_count() or 1) // workers if workers else 0)


def spread(
    client: Client, function: Callable[[Any], Any], items: Iterable[Any]
) -> Iterator[tuple[Any, Any]]:
    """Yield each item with ``function(item)``, or with the error that ended it, as they come.

    Few items are handed out ahead, so that there may be any number of them. Raises
    EnvironmentProblem when the scheduler is lost.
    """
    from distributed import as_completed

    todo = iter(items)
    items_of: dict[Future, Any] = {}
    completed = as_completed(loop=client.loop)

    def hand_out() -> None:
        for item in islice(todo, max(0, _ahead(client) - len(items_of))):
            future = client.submit(function, item, pure=False)
            items_of[future] = item
            completed.add(future)

    hand_out()
    for future in completed:
        item = items_of.pop(future)
        yield item, _result_or_error(future)
        hand_out()


class SceneOnCluster:
    """What stands in for :func:`.pipeline.fuse_tiles` when a cluster does the work."""

    def __init__(self, client: Client, job: PansharpenJob, entry: weights.CatalogueEntry) -> None:
        self._client = client
        self._job = replace(
            job,
            pan=_absolute(job.pan),
            ms=tuple(_absolute(path) for path in job.ms),
            weights=_absolute(entry.path),
            threads=threads_each(job.workers, job.threads) if job.workers else job.threads,
        )
        self._digest = weights.sha256(entry.path)

    def __call__(
        self,
        scene: Scene,
        method: pipeline.FusionMethod,
        writer: pipeline.TileWriter,
        windows: Sequence[Window],
        report: pipeline.Report,
    ) -> int:
        """Fuse and write the tiles of windows, in their order; return the valid pixels."""
        parcel = _Parcel(
            key=uuid.uuid4().hex,
            engine=ksdiff_engine.__version__,
            job=self._job,
            weights_sha256=self._digest,
            shift=scene.pair.shift,
            pan_shift=scene.pair.pan_shift,
            prepared=pipeline.prepared_arrays(scene, method),
        )
        # The result of a task: should the worker that holds it die, Dask runs the task once more.
        held = self._client.submit(_itself, parcel, pure=False)
        todo, pending = iter(windows), deque[Any]()
        valid_pixels = 0
        for number, window in enumerate(windows):
            for further in islice(todo, max(0, _ahead(self._client) - len(pending))):
                pending.append(self._client.submit(_fuse, held, further, pure=False))
            progress = (number / len(windows), f"Fusing tile {number + 1} of {len(windows)}")
            image, valid = _waited_for(pending.popleft(), partial(report, *progress))
            writer.write(window, image, valid)
            valid_pixels += int(valid.sum())
        return valid_pixels


def _absolute(path: str) -> str:
    """Workers have other working folders; names that only GDAL knows stay as they are."""
    return os.path.abspath(path) if os.path.exists(path) else path


def _ahead(client: Client) -> int:
    """How many tasks to hand out at a time; workers may come and go."""
    return max(SMALLEST_AHEAD, AHEAD * sum(client.nthreads().values()))


def _waited_for(future: Future, ask: Callable[[], None]) -> Any:
    """The result of a task; ``ask`` is called while it is awaited, and may raise."""
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    ask()
    while not done.wait(POLL):
        ask()
    return _result(future)


class _SchedulerLost(EnvironmentProblem):
    """Nothing else will come from this cluster."""


def _result_or_error(future: Future) -> Any:
    try:
        return _result(future)
    except _SchedulerLost:
        raise
    except EngineError as error:
        return error


def _result(future: Future) -> Any:
    """The result of a task that has ended. Raises EngineError, also where the workers failed."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        raise EnvironmentProblem(
            f"The work of one task ended {error.allowed_failures + 1} workers of the cluster.",
            hint="It may lack memory: choose smaller tiles, or fewer workers on a machine.",
        ) from error
    except CancelledError as error:
        raise _SchedulerLost(
            "The connection to the Dask scheduler was lost.",
            hint="Start the scheduler again, and the job with resuming.",
        ) from error


# --- on a worker ---


def check_same_engine(version: str) -> None:
    """Raise EnvironmentProblem unless this is the client's version of the engine."""
    if version != ksdiff_engine.__version__:
        raise EnvironmentProblem(
            f"A worker has version {ksdiff_engine.__version__} of the engine, the client "
            f"{version}.",
            hint="Install the same version on all machines.",
        )


@dataclass(frozen=True)
class _Parcel:
    """What a worker needs to fuse any tile of a scene as the client would."""

    key: str
    engine: str
    job: PansharpenJob
    weights_sha256: str
    shift: tuple[float, float]
    pan_shift: tuple[float, float]
    prepared: dict[str, np.ndarray]


class _Opened:
    """A scene and its method, made from a parcel; they serve one thread."""

    def __init__(self, parcel: _Parcel) -> None:
        check_same_engine(parcel.engine)
        self.key = parcel.key
        job = parcel.job
        limit_threads(job.threads)
        entry = weights.find(job.weights, ())
        if weights.sha256(entry.path) != parcel.weights_sha256:
            raise WeightsError(
                f"The weights {entry.path} differ between the client and a worker.",
                hint="Keep them on a shared disk, or copy them to all machines.",
            )
        quiet = pipeline.Report(lambda fraction, text: None, lambda: False, lambda text: None)
        self._stack = ExitStack()
        self.scene = self._stack.enter_context(
            pipeline.open_scene(job.pan, job.ms, job.bands, job.pan_band, job.sensor, quiet)
        )
        if any(parcel.shift):
            self.scene = Scene(self.scene.pair.moved(*parcel.shift), self.scene.profile)
        if any(parcel.pan_shift):
            self.scene = Scene(self.scene.pair.following(*parcel.pan_shift), self.scene.profile)
        self.method = pipeline.load_method(job, entry, choose_device(job.device)[0])
        pipeline.restore_prepared(self.scene, self.method, parcel.prepared)
        self.encoder = PixelEncoder(*pipeline.stored_as(job, self.scene))

    def close(self) -> None:
        self._stack.close()


_kept = threading.local()  # the last scene of each thread


def _itself(parcel: _Parcel) -> _Parcel:
    return parcel


def _fuse(parcel: _Parcel, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (C, h, w) of a tile in the file's data type, and their validity (h, w)."""
    opened: _Opened | None = getattr(_kept, "scene", None)
    if opened is None or opened.key != parcel.key:
        if opened is not None:
            opened.close()
        opened = _kept.scene = _Opened(parcel)
    data = opened.scene.tile(window, opened.method.halo)
    with pipeline.memory_explained():
        image, valid = pipeline.fuse_tile(opened.method, data, window)
    return opened.encoder.encode(image, valid)
