"""PanCollection's HDF5 layout: patches at reduced resolution, and full-resolution test images.

One file holds N pairs, digital numbers, channels first: ``pan`` (N, 1, H, W), ``ms``
(N, C, H / ratio, W / ratio), ``lms`` (N, C, H, W), the MS interpolated to PAN's grid, and ``gt``
(N, C, H, W), the reference, which full-resolution test files lack. Files that ``prepare`` writes
say more about themselves, in attributes; where PanCollection's own are silent, the file's name
tells the sensor, and the toolbox's conventions hold.

Source: L.-J. Deng et al. (2022), "Machine learning in pansharpening: a benchmark", PanCollection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np

from ksdiff_engine.sensors import SensorProfile, detect_sensor, get_profile

SUFFIXES = (".h5", ".hdf5")
# Of 11-bit sensors, as PanCollection's own tools divide; its GaoFen-2 files by 1023.
DEFAULT_SCALE = 2047.0


@dataclass(frozen=True)
class Patch:
    """One pair of a file, float32: pan (H, W), ms (C, h, w), lms (C, H, W), gt (C, H, W) or None.

    Values are digital numbers, or where :meth:`scaled`, parts of full scale.
    """

    pan: np.ndarray
    ms: np.ndarray
    lms: np.ndarray
    gt: np.ndarray | None

    def scaled(self, scale: float) -> Patch:
        """All images divided by `scale`. They may leave 0..1, as resampled ones do."""
        divisor = np.float32(scale)
        return replace(
            self,
            pan=self.pan / divisor,
            ms=self.ms / divisor,
            lms=self.lms / divisor,
            gt=None if self.gt is None else self.gt / divisor,
        )


class PanCollectionFile:
    """A file in PanCollection's layout; patches are read one at a time, when they are asked for.

    Attributes: `path`; `bands`; `ratio`; `size` (H, W); `sensor`, its profile; `scale`, the digital
    number of full scale; `convention`, where a coarse pixel's centre lies in its block (a key of
    ``simulation.PHASES``); `has_reference`; `acquisitions`, (N,) of which acquisition a patch is,
    all 0 where the file does not tell. A context manager; one thread at a time may read.
    """

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError, or ValueError that names the file and what is wrong with it."""
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise ValueError(f"{path} is not an HDF5 file, or is damaged: {error}") from error
        self.path = path
        self._check()
        attributes = self._file.attrs
        count, self.bands, height, width = self._file["lms"].shape
        self.size = (height, width)
        self.ratio = height // self._file["ms"].shape[2]
        self.sensor = _sensor(path, attributes.get("sensor"))
        self.scale = float(attributes.get("scale", _full_scale(self.sensor)))
        self.convention = str(attributes.get("convention", "benchmark"))
        self.has_reference = "gt" in self._file
        known = "acquisition" in self._file
        self.acquisitions = (
            self._file["acquisition"][:] if known else np.zeros(count, dtype=np.int64)
        )

    def __len__(self) -> int:
        return len(self.acquisitions)

    def __getitem__(self, index: int) -> Patch:
        """Patch `index`, of which alone the file is read; digital numbers."""
        pan, ms, lms = (self._read(key, index) for key in ("pan", "ms", "lms"))
        return Patch(pan[0], ms, lms, self._read("gt", index) if self.has_reference else None)

    def __enter__(self) -> PanCollectionFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file; reading is over."""
        self._file.close()

    def _read(self, key: str, index: int) -> np.ndarray:
        try:
            return self._file[key][index].astype(np.float32)
        except OSError as error:
            raise ValueError(
                f"{self.path}: patch {index} of {key!r} is damaged: {error}"
            ) from error

    def _check(self) -> None:
        """Raise ValueError unless the keys are there and their shapes belong together."""
        missing = [key for key in ("pan", "ms", "lms") if key not in self._file]
        if missing:
            raise ValueError(
                f"{self.path} is not in PanCollection's layout: it lacks {', '.join(missing)} and "
                f"holds {', '.join(self._file) or 'nothing'}"
            )
        shapes = {
            key: self._file[key].shape for key in ("pan", "ms", "lms", "gt") if key in self._file
        }
        if any(len(shape) != 4 for shape in shapes.values()):
            raise ValueError(f"{self.path}: images must be (N, C, H, W), not {shapes}")
        count, bands, height, width = shapes["lms"]
        ratio, rest = divmod(height, max(1, shapes["ms"][2]))
        expected = {
            "pan": (count, 1, height, width),
            "ms": (count, bands, height // max(1, ratio), width // max(1, ratio)),
            "lms": (count, bands, height, width),
            "gt": (count, bands, height, width),
        }
        wrong = {key: shape for key, shape in shapes.items() if shape != expected[key]}
        if rest or ratio < 2 or wrong:
            raise ValueError(f"{self.path}: shapes do not belong together: {shapes}")


def _sensor(path: Path, name: str | None) -> SensorProfile:
    """The profile that the file names, or the one that its own name speaks of."""
    return get_profile(name) if name else detect_sensor([path.stem])


def _full_scale(sensor: SensorProfile) -> float:
    return DEFAULT_SCALE if sensor.bit_depth is None else 2.0**sensor.bit_depth - 1
