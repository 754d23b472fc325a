"""The pass over the pixels: the networks' own results, whatever precision and memory allow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ksdiff_engine.model.backbones.unet import UNet
from ksdiff_engine.pixel_pass import PixelPass, fastest_precision
from tests.engine.hardware import BFLOAT16, needs_bfloat16

CPU = torch.device("cpu")
HALO = 32
INNER = np.s_[HALO:-HALO, HALO:-HALO]


def network(seed: int = 0) -> UNet:
    torch.manual_seed(seed)
    net = UNet(
        in_channels=3, out_channels=1, channels=(4, 6, 8), blocks=(1, 1), prior_channels=None
    )
    torch.nn.init.normal_(net.leave.weight, std=0.1)
    assert net.radius <= HALO
    return net.eval()


def images(count: int, size: tuple[int, int] = (352, 480)) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(3, *size)).astype(np.float32) for _ in range(count)]


class Image:
    """An input that is all there."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.shape = array, array.shape

    def rows(self, start: int, stop: int) -> np.ndarray:
        return self.array[:, start:stop]


def residuals(networks, inputs, *, device=CPU, precision=torch.float32, **settings):
    pixels = PixelPass(
        networks, device=device, precision=precision, halo=HALO, stride=4, **settings
    )
    with torch.inference_mode():
        return list(pixels.residuals(map(Image, inputs)))


@torch.inference_mode()
def expected(net, image):
    result = np.zeros(image.shape[1:], dtype=np.float32)
    result[INNER] = net(torch.from_numpy(image)[None])[0, 0].numpy()[INNER]
    return result


def same_but_for_rounding(result, exact):
    """In half precision the size of what is convolved at once may round single values anew."""
    assert np.mean(result != exact) < 0.01
    np.testing.assert_allclose(result, exact, atol=0.02 * exact.std())


class SmallMemory(torch.nn.Module):
    """A network on a device that holds no more than `pixels` at once."""

    def __init__(self, inner: torch.nn.Module, pixels: int) -> None:
        super().__init__()
        self.inner, self.pixels = inner, pixels
        self.sizes: list[int] = []

    def __deepcopy__(self, memo):  # the passes' sizes stay visible
        return self

    def forward(self, x):
        if x.shape[2] * x.shape[3] > self.pixels:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        self.sizes.append(x.shape[2] * x.shape[3])
        return self.inner(x)


def test_every_band_passes_its_own_network():
    networks, inputs = [network(0), network(1)], images(2)
    for result, net, image in zip(residuals(networks, inputs), networks, inputs, strict=True):
        assert result.dtype == np.float32
        np.testing.assert_allclose(result[INNER], expected(net, image)[INNER], atol=1e-5)


@needs_bfloat16
def test_bfloat16_is_near_float32_and_hardly_depends_on_the_place_in_a_tile():
    net, (image,) = network(), images(1)
    (exact,) = residuals([net], [image])
    (half,) = residuals([net], [image], precision=torch.bfloat16)
    assert np.abs(half - exact).max() > 0
    assert np.sqrt(np.mean((half - exact) ** 2)) < 0.01 * exact.std()
    (part,) = residuals([net], [image[:, 64:288, 128:]], precision=torch.bfloat16)
    same_but_for_rounding(part[INNER], half[64:288, 128:][INNER])


@pytest.mark.parametrize("pixels", [120_000, 70_000])
def test_a_tile_that_exceeds_the_memory_is_cut_into_parts_without_seams(pixels):
    (image,) = images(1)
    net = SmallMemory(network(), pixels)
    (result,) = residuals([net], [image])
    assert len(net.sizes) > 1
    np.testing.assert_allclose(result, expected(net.inner, image), atol=1e-5)


@pytest.mark.parametrize("precision", [torch.float32, BFLOAT16])
def test_an_edge_bounds_what_a_network_sees_and_changes_nothing(precision):
    (image,) = images(1)
    net = SmallMemory(network(), 200 * 200).to(precision)
    (whole,) = residuals([net.inner], [image], precision=precision)
    (cut,) = residuals([net], [image], precision=precision, edge=128)
    assert len(net.sizes) >= 6
    if precision == torch.float32:
        np.testing.assert_allclose(cut[INNER], whole[INNER], atol=1e-6)
    else:
        same_but_for_rounding(cut[INNER], whole[INNER])


def test_borders_that_nothing_needs_are_not_computed():
    net, (image,) = network(), images(1)
    whole = expected(net, image)
    net.drop_borders()
    with torch.inference_mode():
        part = net(torch.from_numpy(image)[None])[0, 0].numpy()
    lost = {(of - to) / 2 for of, to in zip(whole.shape, part.shape, strict=True)}
    assert lost == {2 * 2 + 4 * 2 + 2 * 2 + 2}  # decoder and encoder, middle, the last two layers
    (lost,) = map(int, lost)
    assert lost <= net.radius <= HALO
    inner = part[HALO - lost : lost - HALO, HALO - lost : lost - HALO]
    np.testing.assert_allclose(inner, whole[INNER], atol=1e-5)


@pytest.mark.parametrize(("width", "parts"), [(1120, [344, 344, 128]), (608, [632, 184])])
def test_what_cannot_be_streamed_a_cpu_takes_in_parts(width, parts):
    """As many rows as make up the pixels of three parts of a tile of 1024 and its halo of 48."""
    (image,) = images(1, (sum(parts) + 2 * HALO, width))
    net = SmallMemory(network(), image[0].size)
    (result,) = residuals([net], [image])
    assert net.sizes == [(rows + 2 * HALO) * width for rows in parts]
    np.testing.assert_allclose(result, expected(net.inner, image), atol=1e-5)


@pytest.mark.parametrize("size", [(2 * HALO, 200), (200, 8), (4, 4)])
def test_what_is_nothing_but_halo_gives_nothing(size):
    (result,) = residuals([network()], images(1, size))
    np.testing.assert_array_equal(result, np.zeros(size, dtype=np.float32))


def test_without_memory_for_the_smallest_part_the_error_is_the_devices():
    with pytest.raises(torch.cuda.OutOfMemoryError):
        residuals([SmallMemory(network(), 100)], images(1))


def test_the_cpu_takes_over_from_a_gpu_whose_memory_is_exhausted(monkeypatch):
    """The GPU is played by the CPU: only where tensors lie differs."""
    said: list[str] = []
    inputs = images(2)
    nets = [network(0), network(1)]
    pixels = PixelPass(
        nets, device=CPU, precision=torch.float32, halo=HALO, stride=4, warn=said.append
    )
    pixels.device = torch.device("cuda")
    monkeypatch.setattr(
        PixelPass, "_on_device", lambda self, array: torch.from_numpy(array)[None].float()
    )
    monkeypatch.setattr("ksdiff_engine.pixel_pass.fastest_precision", lambda device: torch.float32)
    pixels._networks = [SmallMemory(net, 100) for net in nets]
    with torch.inference_mode():
        results = list(pixels.residuals(map(Image, inputs)))
    assert pixels.device == CPU
    assert len(said) == 1
    assert "The CPU goes on" in said[0]
    for result, net, image in zip(results, nets, inputs, strict=True):
        np.testing.assert_allclose(result[INNER], expected(net, image)[INNER], atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_gives_what_the_cpu_gives():
    device = torch.device("cuda")
    networks, inputs = [network(0), network(1)], images(2)
    results = residuals(networks, inputs, device=device, precision=fastest_precision(device))
    for result, net, image in zip(results, networks, inputs, strict=True):
        exact = expected(net, image)
        assert np.sqrt(np.mean((result - exact)[INNER] ** 2)) < 0.015 * exact[INNER].std()


def test_processors_without_half_precision_units_take_float32(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    assert fastest_precision(CPU) is torch.float32
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert fastest_precision(CPU) is torch.bfloat16


def test_a_pytorch_that_cannot_be_asked_for_units_takes_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert fastest_precision(CPU) is torch.bfloat16
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert fastest_precision(CPU) is torch.float32
