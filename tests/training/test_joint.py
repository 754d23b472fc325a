"""Joint networks on scenes: where they are the band-shared ones, the engine gives the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ksdiff_engine.errors import WeightsError
from ksdiff_engine.fusion import KSDiffMethod
from ksdiff_engine.model.config import KSDiffConfig
from ksdiff_engine.model.ksdiff import KSDiff
from ksdiff_training.evaluate import fuse_whole
from ksdiff_training.joint import JointMethod
from ksdiff_training.scenes import load_reduced_scene

from .conftest import TINY_MODEL


def network(**changes) -> KSDiff:
    """The same random weights for all networks of one shape."""
    torch.manual_seed(0)
    result = KSDiff(KSDiffConfig(**{**TINY_MODEL, **changes}))
    with torch.no_grad():
        for parameter in result.parameters():
            parameter += 0.07 * torch.randn(parameter.shape)
    return result


def fused(tmp_path, scene_file, bands, method):
    path = scene_file(tmp_path / f"{bands}.npz", ms=(bands, 48, 52))
    return fuse_whole(load_reduced_scene(path), method)


def test_of_one_band_the_joint_network_is_the_band_shared_one(tmp_path, scene_file):
    expected = fused(
        tmp_path, scene_file, 1, KSDiffMethod(network(), seed=3, precision=torch.float32)
    )
    result = fused(tmp_path, scene_file, 1, JointMethod(network(), seed=3))
    np.testing.assert_allclose(result, expected, rtol=1e-4)
    interpolated = fused(tmp_path, scene_file, 1, JointMethod(KSDiff(network().config)))
    assert np.abs(result - interpolated).max() > 1


def test_a_pooled_prior_leaves_a_plain_network_band_shared(tmp_path, scene_file):
    plain = KSDiffMethod(network(modulation="none"), precision=torch.float32)
    pooled = JointMethod(network(modulation="none", bands=4, pooled_prior=True))
    expected = fused(tmp_path, scene_file, 3, plain)
    np.testing.assert_allclose(fused(tmp_path, scene_file, 3, pooled), expected, rtol=1e-4)


@pytest.mark.parametrize("pooled", [False, True])
def test_the_prior_of_several_bands_matters(tmp_path, scene_file, pooled):
    several = network(bands=3, pooled_prior=pooled)
    first, second = (
        fused(tmp_path, scene_file, 3, JointMethod(several, seed=seed)) for seed in (0, 1)
    )
    assert first.shape == (3, 48, 52)
    assert np.isfinite(first).all()
    assert np.abs(first - second).max() > 1e-3


def test_scenes_of_other_bands_and_the_engine_refuse_a_joint_network(tmp_path, scene_file):
    with pytest.raises(ValueError, match="fuses 4 bands, the scene has 3"):
        fused(tmp_path, scene_file, 3, JointMethod(network(bands=4)))
    for pooled in (False, True):
        with pytest.raises(WeightsError, match="only band-shared networks"):
            KSDiffMethod(network(bands=4, pooled_prior=pooled))
