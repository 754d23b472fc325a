"""Slow, literal implementations that the measures are checked against.

Written from the definitions, pixel by pixel where it matters, without a line of the engine.
"""

from __future__ import annotations

import numpy as np


def hypercomplex_product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Cayley-Dickson product over the last axis: (a, b)(c, d) = (ac - d*b, da + bc*)."""
    half = x.shape[-1] // 2
    if half == 0:
        return x * y
    a, b, c, d = x[..., :half], x[..., half:], y[..., :half], y[..., half:]
    first = hypercomplex_product(a, c) - hypercomplex_product(conjugate(d), b)
    second = hypercomplex_product(d, a) + hypercomplex_product(b, conjugate(c))
    return np.concatenate([first, second], axis=-1)


def conjugate(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x[..., :1], -x[..., 1:]], axis=-1)


def q2n(reference: np.ndarray, fused: np.ndarray, size: int = 32) -> float:
    """Q2n of DN images (C, H, W) as DLPan-Toolbox describes it, block after block."""
    bands, height, width = reference.shape
    components = 2 ** int(np.ceil(np.log2(bands)))
    padding = ((0, 0), (0, -height % size), (0, -width % size))
    blocks = []
    pair = []
    for image in (reference, fused):
        image = np.pad(np.asarray(image, float), padding, mode="symmetric")
        image = np.floor(np.clip(image, 0, 65535) + 0.5)
        pair.append(np.concatenate([image, np.zeros((components - bands, *image.shape[1:]))]))
    for top in range(0, pair[0].shape[1], size):
        for left in range(0, pair[0].shape[2], size):
            cut = [i[:, top : top + size, left : left + size].reshape(components, -1) for i in pair]
            blocks.append(_q2n_block(cut[0].T, cut[1].T))
    return float(np.mean(blocks))


def _q2n_block(r: np.ndarray, f: np.ndarray) -> float:
    pixels = len(r)
    z1, z2 = np.empty_like(r), np.empty_like(f)
    for band in range(r.shape[1]):
        mean, deviation = r[:, band].mean(), r[:, band].std(ddof=1)
        if mean == 0:
            z1[:, band], z2[:, band] = 1.0, f[:, band] + 1.0
            continue
        deviation = deviation if deviation > 0 else np.finfo(float).eps
        z1[:, band] = (r[:, band] - mean) / deviation + 1.0
        z2[:, band] = (f[:, band] - mean) / deviation + 1.0
    z2 = conjugate(z2)
    m1, m2 = z1.mean(axis=0), z2.mean(axis=0)
    unbiased = pixels / (pixels - 1)
    squares = (m1**2).sum() + (m2**2).sum()
    bias = 2 * np.sqrt((m1**2).sum() * (m2**2).sum()) / squares
    spread = unbiased * ((z1**2).sum() / pixels + (z2**2).sum() / pixels - squares)
    if spread == 0:
        return bias
    product = hypercomplex_product(z1, z2).mean(axis=0) - hypercomplex_product(m1, m2)
    return float(np.linalg.norm(unbiased * product) * bias * 2 / spread)


def uiqi(reference: np.ndarray, fused: np.ndarray, size: int = 32) -> float:
    """Q of two bands (H, W) over every window."""
    values = []
    for top in range(reference.shape[0] - size + 1):
        for left in range(reference.shape[1] - size + 1):
            window = (slice(top, top + size), slice(left, left + size))
            values.append(universal_quality(reference[window], fused[window]))
    return float(np.mean(values))


def universal_quality(x: np.ndarray, y: np.ndarray) -> float:
    covariance = np.cov(x.ravel(), y.ravel())
    variances, means = covariance[0, 0] + covariance[1, 1], (x.mean(), y.mean())
    return float(
        4 * covariance[0, 1] * means[0] * means[1] / variances / (means[0] ** 2 + means[1] ** 2)
    )


def blocks(image: np.ndarray, size: int) -> list[np.ndarray]:
    height, width = image.shape
    return [
        image[top : top + size, left : left + size]
        for top in range(0, height, size)
        for left in range(0, width, size)
    ]


def mean_quality(x: np.ndarray, y: np.ndarray, size: int) -> float:
    """Mean Q of two bands over side-by-side blocks; sizes are multiples of `size`."""
    pairs = zip(blocks(x, size), blocks(y, size), strict=True)
    return float(np.mean([universal_quality(a, b) for a, b in pairs]))


def local_correlation(x: np.ndarray, y: np.ndarray, w: int) -> np.ndarray:
    """Correlation field of two bands, windows from w - 1 before to w after, zeros outside."""

    def window(image: np.ndarray, row: int, column: int) -> np.ndarray:
        padded = np.pad(image, 2 * w)
        row, column = row + 2 * w, column + 2 * w
        return padded[row - w + 1 : row + w + 1, column - w + 1 : column + w + 1]

    def field(function) -> np.ndarray:
        return np.array([[function(r, c) for c in range(x.shape[1])] for r in range(x.shape[0])])

    x, y = (image - field(lambda r, c, image=image: window(image, r, c).mean()) for image in (x, y))
    return field(
        lambda r, c: (
            (window(x, r, c) * window(y, r, c)).sum()
            / np.sqrt((window(x, r, c) ** 2).sum() * (window(y, r, c) ** 2).sum())
        )
    )
