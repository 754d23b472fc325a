"""What the gallery's pictures rest on: windows, stretches and errors."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ksdiff_engine.quality import ergas
from scripts.visual_comparison import (
    EDGE,
    GAP,
    TITLE,
    Panel,
    drawn,
    enlarged,
    highest_variance,
    limits,
    relative_error,
    stretched,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_window_of_highest_variance_is_found_on_a_bright_slope(rng):
    image = 1e5 + np.add.outer(np.arange(60.0), np.arange(80.0))
    image[20:32, 41:53] += rng.normal(size=(12, 12)) * 50
    assert highest_variance(image, 12) == (20, 41)
    variances = {
        (row, column): image[row : row + 12, column : column + 12].var()
        for row in range(49)
        for column in range(69)
    }
    assert max(variances, key=variances.get) == (20, 41)


def test_a_window_larger_than_the_image_is_the_image(rng):
    assert highest_variance(rng.normal(size=(9, 9)), 16) == (0, 0)


def test_the_stretch_spans_the_percentiles_of_each_band(rng):
    image = rng.uniform(0, [[[1.0]], [[1000.0]]], size=(2, 50, 50))
    shown = stretched(image, *limits(image))
    assert shown.min() == 0.0
    assert shown.max() == 1.0
    assert (shown == 0.0).mean(axis=(1, 2)) == pytest.approx([0.01, 0.01], abs=1e-3)
    assert (shown == 1.0).mean(axis=(1, 2)) == pytest.approx([0.01, 0.01], abs=1e-3)


def test_the_stretch_of_a_constant_band_is_finite():
    image = np.full((1, 4, 4), 7.0)
    assert np.array_equal(stretched(image, *limits(image)), np.zeros((1, 4, 4)))


def test_the_error_map_has_the_ergas_of_the_scene(rng):
    reference = rng.uniform(50, 150, size=(3, 20, 24))
    fused = reference[:, :16] + rng.normal(size=(3, 16, 24))
    error = relative_error(fused, reference)
    assert error.shape == (16, 24)
    expected = ergas(reference[:, :16], fused, 4)
    assert np.sqrt(np.mean(error**2)) / 4 == pytest.approx(expected)


def test_small_images_are_enlarged_by_a_whole_factor():
    image = np.arange(EDGE // 3 * 2).reshape(2, -1)
    shown = enlarged(image)
    assert shown.shape == (6, 3 * image.shape[1])
    assert np.array_equal(shown[1::3, 1::3], image)


def test_a_pixel_of_an_image_is_a_pixel_of_the_picture(tmp_path, rng):
    image = rng.integers(0, 256, size=(EDGE, EDGE)) / 255
    drawn([Panel("a", "", image), Panel("b", "", image.T)]).savefig(tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as file:
        picture = np.asarray(file.convert("L"))
    pixels = np.rint(image * 255)
    rows = slice(TITLE, TITLE + EDGE)
    for left, expected in ((GAP, pixels), (2 * GAP + EDGE, pixels.T)):
        shown = picture[rows, left : left + EDGE].astype(float)
        assert np.abs(shown - expected).max() <= 1
