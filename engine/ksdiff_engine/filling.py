"""Filling invalid pixels, so that no filter or interpolation smears nodata into valid ones."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt


def fill_nearest(
    image: np.ndarray, valid: np.ndarray, radius: float, background: np.ndarray
) -> np.ndarray:
    """Give each invalid pixel the values of its nearest valid one.

    image: (C, H, W); valid: (H, W) bool; background: (C,), taken where no valid pixel lies within
    ``radius`` pixels. A pixel at least ``radius`` away from the border of the array is filled alike
    whatever larger image the array was cut from. Returns a new (C, H, W) array, or ``image`` itself
    when all is valid.
    """
    if valid.all():
        return image
    filled = np.empty_like(image)
    filled[:] = np.asarray(background, dtype=image.dtype)[:, None, None]
    if valid.any():
        distance, (rows, columns) = distance_transform_edt(~valid, return_indices=True)
        near = distance <= radius
        filled[:, near] = image[:, rows[near], columns[near]]
    return filled
