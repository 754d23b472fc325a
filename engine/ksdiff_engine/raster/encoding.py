"""From fused float values to the numbers a file stores: rounding, clipping, nodata."""

from __future__ import annotations

import numpy as np

from .reader import DTYPES

# GDAL takes two float32 values for equal when they differ by up to 4 epsilons (relative); valid
# pixels keep twice that distance from nodata.
NODATA_DISTANCE = 2.0**-20


class PixelEncoder:
    """Turns (C, H, W) float images with validity into arrays of a file's data type.

    data_type: GDAL's name. nodata: the wanted value. What is stored (`nodata` attribute) differs
    from it in two cases: a whole-number type that cannot hold the value stores none (invalid pixels
    hold 0 and need a mask); a float type for which none, or one too large, is wanted stores NaN.
    """

    def __init__(self, data_type: str, nodata: float | None) -> None:
        self.data_type = data_type
        self.dtype = np.dtype(DTYPES[data_type])
        self.nodata = _storable_nodata(nodata, self.dtype)

    def encode(self, image: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(C, H, W) and (H, W) bool in; (C, H, W) of the file's type and (H, W) bool out.

        Whole-number types: rounded half to even and clipped to the type's range. Values that are
        not finite make their pixel invalid. Valid values equal to nodata move by one DN (floats: by
        a relative 2**-20, and from 0 to the smallest normal number) so that they stay valid.
        """
        with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite, then invalid
            work = np.array(image, dtype=self._working_type(), order="C")
        valid = valid & np.isfinite(work).all(axis=0)
        work[:, ~valid] = 0
        if self.dtype.kind == "f":
            return self._encode_float(work, valid), valid
        return self._encode_integer(work, valid), valid

    def _working_type(self) -> np.dtype:
        if self.dtype.kind == "f":
            return self.dtype
        # float32 holds every 16-bit number exactly, and no type's limits beyond that.
        return np.dtype("f4") if self.dtype.itemsize <= 2 else np.dtype("f8")

    def _encode_integer(self, work: np.ndarray, valid: np.ndarray) -> np.ndarray:
        limits = np.iinfo(self.dtype)
        lowest, highest = work.dtype.type(limits.min), work.dtype.type(limits.max)
        if int(highest) > limits.max:  # 64 bit: the largest float below the limit
            highest = np.nextafter(highest, work.dtype.type(0))
        np.clip(np.rint(work, out=work), lowest, highest, out=work)
        pixels = work.astype(self.dtype)
        if self.nodata is not None:
            nodata = int(self.nodata)
            pixels[pixels == nodata] = nodata + 1 if nodata < limits.max else nodata - 1
            pixels[:, ~valid] = nodata
        return pixels

    def _encode_float(self, pixels: np.ndarray, valid: np.ndarray) -> np.ndarray:
        nodata = self.nodata
        if nodata is not None and np.isfinite(nodata):
            with np.errstate(over="ignore"):
                near = np.abs(pixels - nodata) <= NODATA_DISTANCE * abs(nodata)
            moved = nodata * (1.0 - 2.0 * NODATA_DISTANCE)  # towards 0: never past the type's range
            pixels[near] = moved if nodata else np.finfo(self.dtype).tiny
        pixels[:, ~valid] = nodata
        return pixels


def _storable_nodata(nodata: float | None, dtype: np.dtype) -> float | None:
    if dtype.kind == "f":
        if nodata is None:
            return float("nan")
        with np.errstate(over="ignore"):
            stored = float(dtype.type(nodata))
        return stored if np.isfinite(stored) else float("nan")
    if nodata is None or not np.isfinite(nodata) or nodata != int(nodata):
        return None
    limits = np.iinfo(dtype)
    return float(nodata) if limits.min <= nodata <= limits.max else None
