"""Restart: finished tiles kept beside the result, so that a job that was killed goes on from them.

A job that asks for it (``resume``) has a hidden folder ``.<name>.resume`` beside its output:

* ``state.json``: what the tiles depend on (:func:`fingerprint`). Another job's, or the same job's
  after an input or the weights changed, is refused.
* ``prepared.npz``: statistics and baked kernels as plain arrays, so that all tiles come from the
  same numbers, whatever the number of threads.
* ``000000.tile`` …: validity and pixels as the file will store them, and a checksum.

The growing GeoTIFF cannot serve for this: its directory is only written when it is closed. The
tiles cost their uncompressed size on the disk until the job is done. Every file appears by renaming
a complete one; a tile that a power cut tore all the same fails its checksum and is fused again.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np
from osgeo import gdal

import ksdiff_engine
from ksdiff_engine.errors import InputError, OutputError
from ksdiff_engine.job import ClassicalJob, PansharpenJob
from ksdiff_engine.raster.gdal_guard import gdal_failures
from ksdiff_engine.raster.staging import is_virtual
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.raster.writer import RasterWriter
from ksdiff_engine.scene import Scene

FORMAT = "1"  # of the folder
LOCK = "lock"
SAMPLE = 65536  # bytes at the start, middle and end of an input whose checksum is compared
# Fields that change neither pixels nor tags, or whose effect is compared instead.
FREE_FIELDS = (
    *("pan", "ms", "output", "weights", "weights_folders", "device", "sensor", "tile"),
    *("threads", "resume", "workers", "scheduler"),
)


class KeptTiles:
    """The folder of one output; :meth:`opened` takes possession of it.

    It stands in the writer's place: what is written to it is kept, then handed on.
    """

    def __init__(self, folder: Path, windows: Sequence[Window], writer: RasterWriter) -> None:
        self.folder = folder
        self._numbers = {window: number for number, window in enumerate(windows)}
        self._writer = writer

    @classmethod
    @contextmanager
    def opened(
        cls, writer: RasterWriter, windows: Sequence[Window], state: Mapping[str, str]
    ) -> Iterator[KeptTiles]:
        """The tiles of the writer's output, of this run and of one that was interrupted.

        state: the job's fingerprint. The folder stays when the job fails or is cancelled, unless no
        tile was finished. Raises InputError when what is there belongs to another job or to a
        process that still runs, and OutputError when the disk has no room for the tiles.
        """
        if is_virtual(writer.path):
            raise OutputError(
                f"Finished tiles cannot be kept beside {writer.path}, which is not in a folder of "
                "this machine.",
                hint="Write to a local or mounted folder, or do without resuming.",
            )
        kept = cls(resume_folder(writer.path), windows, writer)
        try:
            kept.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"The folder {kept.folder} cannot be made: {error.strerror}.",
                hint="Choose another folder for the output, or change its permissions.",
            ) from error
        with _locked(kept.folder):
            try:
                kept._check(state)
                kept._check_room()
                yield kept
            finally:
                if not any(kept.folder.glob("*.tile")):
                    _clear(kept.folder)

    def prepared(self) -> dict[str, np.ndarray] | None:
        """Statistics and kernels that the tiles were made with; None when there are none."""
        try:
            with np.load(self.folder / "prepared.npz", allow_pickle=False) as arrays:
                return dict(arrays)
        except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error):
            _clear(self.folder, keep=("state.json",))  # tiles without it are worth nothing
            return None

    def keep_prepared(self, arrays: dict[str, np.ndarray]) -> None:
        """Store statistics and kernels before the first tile."""
        with self._storing("prepared.npz", durable=True) as file:
            np.savez(file, **arrays)

    def replay(self) -> tuple[list[Window], int]:
        """Write the tiles of earlier runs; return the windows still to do, and the valid pixels."""
        missing, valid_pixels = [], 0
        for window in self._numbers:
            tile = self._read(window)
            if tile is None:
                missing.append(window)
                continue
            self._writer.write(window, *tile)
            valid_pixels += int(tile[1].sum())
        return missing, valid_pixels

    def write(self, window: Window, image: np.ndarray, valid: np.ndarray) -> None:
        """Keep a tile (C, h, w) with its validity (h, w), then write it."""
        pixels, valid = self._writer.encoder.encode(image, valid)
        content = (np.packbits(valid).tobytes(), pixels.tobytes())
        # Not forced to the disk: that would hold up every tile to save some from a power cut.
        with self._storing(self._name(window)) as file:
            checksum = 0
            for part in content:
                file.write(part)
                checksum = zlib.crc32(part, checksum)
            file.write(checksum.to_bytes(4, "little"))
        self._writer.write(window, pixels, valid)

    def finish(self) -> None:
        """Remove the tiles, once the result has reached the disk."""
        descriptor = os.open(self._writer.path, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _clear(self.folder)

    def _read(self, window: Window) -> tuple[np.ndarray, np.ndarray] | None:
        """Pixels and validity of a tile; None when it is not there or damaged."""
        try:
            content = (self.folder / self._name(window)).read_bytes()
        except OSError:
            return None
        content, checksum = content[:-4], content[-4:]
        count = window.width * window.height
        bits = -(-count // 8)
        if len(content) != self._size(window) - 4:
            return None
        if zlib.crc32(content).to_bytes(4, "little") != checksum:
            return None
        valid = np.unpackbits(np.frombuffer(content[:bits], np.uint8), count=count).astype(bool)
        pixels = np.frombuffer(content, self._writer.encoder.dtype, offset=bits)
        shape = (window.height, window.width)
        return pixels.reshape(-1, *shape), valid.reshape(shape)

    def _size(self, window: Window) -> int:
        count = window.width * window.height
        return (
            -(-count // 8)
            + self._writer.band_count * count * self._writer.encoder.dtype.itemsize
            + 4
        )

    def _name(self, window: Window) -> str:
        return f"{self._numbers[window]:06d}.tile"

    @contextmanager
    def _storing(self, name: str, durable: bool = False) -> Iterator[IO[bytes]]:
        """A file that appears under its name once it is complete."""
        growing = self.folder / "growing"
        try:
            with open(growing, "wb") as file:
                yield file
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(growing, self.folder / name)
        except OSError as error:
            raise OutputError(
                f"Finished tiles could not be kept in {self.folder}: {error.strerror}.",
                hint="Free space in the folder and resume.",
            ) from error

    def _check(self, state: Mapping[str, str]) -> None:
        """Compare the state that was found with this job's; without one, begin."""
        path = self.folder / "state.json"
        try:
            found = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            _clear(self.folder)
            with self._storing("state.json", durable=True) as file:
                file.write(json.dumps(dict(state), indent=1).encode())
            return
        except (OSError, ValueError) as error:
            raise self._refusal(f"{path.name} cannot be read ({error})") from error
        if not isinstance(found, dict):
            raise self._refusal(f"{path.name} is not one of KSDiff's")
        for key in (*state, *found):
            then, now = found.get(key, "absent"), state.get(key, "absent")
            if then != now:
                raise self._refusal(f"{key} was {then} and is {now}")

    def _refusal(self, reason: str) -> InputError:
        return InputError(
            f"The tiles kept in {self.folder} are not of this job: {reason}.",
            hint="Undo the change to resume, or start over without resuming, which removes them.",
        )

    def _check_room(self) -> None:
        sizes = {self._name(window): self._size(window) for window in self._numbers}
        needed = sum(size for name, size in sizes.items() if not (self.folder / name).exists())
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise OutputError(
                f"Keeping finished tiles needs {needed / 1e9:.2f} GB beside {self._writer.path}, "
                f"where {free / 1e9:.2f} GB are free.",
                hint="Free space in the folder, choose another one, or do without resuming.",
            )


def resume_folder(output: str) -> Path:
    """Where a job's finished tiles are kept."""
    path = Path(os.path.realpath(output))
    return path.parent / f".{path.name[:200]}.resume"


def remove_kept(output: str) -> None:
    """Remove the tiles of an interrupted run, unless a process works with them."""
    folder = resume_folder(output)
    if not is_virtual(output) and folder.is_dir():
        with suppress(InputError, OSError), _locked(folder):
            _clear(folder)


def fingerprint(
    job: PansharpenJob | ClassicalJob,
    scene: Scene,
    tags: Mapping[str, str],
    windows: Sequence[Window],
    device: str,
) -> dict[str, str]:
    """What the pixels and tags of a result depend on, in words that a user can compare.

    An input counts as the same while its size, time and checksum of three samples are; the device
    and the libraries count because their last bits differ.
    """
    libraries = {"GDAL": gdal, "numpy": np}
    if isinstance(job, PansharpenJob):  # the network has torch loaded; for others it may be, or not
        libraries["torch"] = sys.modules["torch"]
    versions = [f"{name} {module.__version__}" for name, module in libraries.items()]
    fields = {k: v for k, v in job.to_dict().items() if k not in FREE_FIELDS}
    files = dict.fromkeys((*scene.pair.pan.files, *scene.pair.ms.files))
    return {
        "the folder's format": FORMAT,
        "the engine": ksdiff_engine.__version__,
        "libraries": ", ".join(versions),
        "the device": device,
        "the result": f"{scene.width} × {scene.height} pixels of {scene.bands} bands",
        "tiles": f"{len(windows)} of {windows[0].width} × {windows[0].height} pixels",
        **{f"the job's {key}": json.dumps(value) for key, value in fields.items()},
        **{f"the file {os.path.abspath(file)}": describe_file(file) for file in files},
        **dict(tags),
    }


def describe_file(path: str) -> str:
    """Size, time and a checksum of samples of a file; also on GDAL's virtual file systems."""
    with gdal_failures():
        status = gdal.VSIStatL(path)
        if status is None or status.IsDirectory():
            return "a folder" if status else "absent"
        file = gdal.VSIFOpenL(path, "rb")
        checksum = 0
        for start in (0, status.size // 2, max(0, status.size - SAMPLE)):
            gdal.VSIFSeekL(file, start, os.SEEK_SET)
            checksum = zlib.crc32(gdal.VSIFReadL(1, SAMPLE, file) or b"", checksum)
        gdal.VSIFCloseL(file)
    written = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(status.mtime))
    return f"{status.size} bytes of {written} UTC with checksum {checksum:08x}"


def _clear(folder: Path, keep: tuple[str, ...] = ()) -> None:
    for entry in folder.iterdir():
        if entry.name not in (LOCK, *keep):
            entry.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder; the system lets go when this process dies.

    The folder goes at the end if nothing is in it by then.
    """
    try:
        with open(folder / LOCK, "a+b") as file:
            try:
                _lock(file)
            except OSError as error:
                raise InputError(
                    f"Another process works with the tiles in {folder}.",
                    hint="Wait for it to end, or choose another output.",
                ) from error
            yield
    finally:
        if os.listdir(folder) == [LOCK]:
            with suppress(OSError):
                (folder / LOCK).unlink()
                folder.rmdir()


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
