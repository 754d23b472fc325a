"""The project's npz layout: one co-registered PAN/MS pair a file.

Keys: `ms` (C, h, w), `pan` (1, h * ratio, w * ratio), `ratio`, `sensor`; a file that was made at
reduced resolution also holds its reference as `gt` (C, h * ratio, w * ratio).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class PairFile:
    """What a file holds, digital numbers: ms (C, h, w), pan (H, W), reference (C, H, W) or None.

    MS that came without PAN has a `pan` of size 0 and the ratio 1.
    """

    name: str
    ms: np.ndarray
    pan: np.ndarray
    ratio: int
    sensor: str
    reference: np.ndarray | None

    @property
    def bands(self) -> int:
        """How many bands the MS image has."""
        return len(self.ms)


def read_pair(path: Path, dtype: type[np.floating] = np.float32) -> PairFile:
    """Read a file, images as `dtype`.

    Raises FileNotFoundError, or ValueError that names the file and what is wrong with it.
    """
    try:
        with np.load(path) as arrays:
            pair = PairFile(
                name=path.stem,
                ms=arrays["ms"].astype(dtype),
                pan=arrays["pan"][0].astype(dtype),
                ratio=int(arrays["ratio"]),
                sensor=str(arrays["sensor"]) if "sensor" in arrays else "",
                reference=arrays["gt"].astype(dtype) if "gt" in arrays else None,
            )
    except (KeyError, IndexError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a pair in the project's npz layout: {error}") from error
    expected = (pair.ms.shape[1] * pair.ratio, pair.ms.shape[2] * pair.ratio)
    if pair.pan.shape != expected:
        raise ValueError(
            f"{path}: PAN {pair.pan.shape} is not {pair.ratio} times MS {pair.ms.shape[1:]}"
        )
    return pair


def read_ms_only(path: Path) -> PairFile:
    """Read the `ms` of a file, whether or not it has a PAN, as float32. Raises as `read_pair`."""
    try:
        with np.load(path) as arrays:
            ms = arrays["ms"].astype(np.float32)
            sensor = str(arrays["sensor"]) if "sensor" in arrays else ""
    except (KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} holds no multispectral image `ms`: {error}") from error
    return PairFile(path.stem, ms, np.empty((0, 0), np.float32), 1, sensor, None)
