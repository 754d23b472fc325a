"""Networks measured apart from files: a process of its own for each task.

``bare-network`` and ``diffusion-step`` print ``{"seconds": …}`` for one pass over the pixels of a
scene that are in memory already: the limit that the convolutions set. ``plain`` writes the backbone
of weights as weights without a prior. ``diffuse`` sharpens a scene with the pixel-space baseline.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from osgeo import gdal
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks

from ksdiff_engine import weights
from ksdiff_engine.ahead import ahead
from ksdiff_engine.device import shared_threads, tiles_at_once
from ksdiff_engine.fusion import KSDiffMethod
from ksdiff_engine.model.frozen import can_fuse, fused
from ksdiff_engine.model.ksdiff import KSDiff
from ksdiff_engine.model.storage import load_network, save_network
from ksdiff_engine.raster.align import align
from ksdiff_engine.raster.reader import RasterSource
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.scene import Scene, TileData
from ksdiff_engine.sensors import get_profile

EDGE = 1024  # of tiles, PAN pixels
TILES_HELD = 6  # distinct ones in memory, taken in turn
STEP_TILES = 8  # a diffusion step is timed on so many; the time is proportional to the pixels

Pass = Callable[[], None]
Call = tuple[nn.Module, tuple[Any, ...]]


def main() -> None:
    """Run one task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=sorted(TASKS))
    for name in ("pan", "ms", "output", "config", "run"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--sensor", default="default")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--steps", type=int, default=25)
    options = parser.parse_args()
    gdal.UseExceptions()
    TASKS[options.task](options)


def bare_network(options: argparse.Namespace) -> None:
    """KSDiff's baked network over all pixels."""
    with opened(options) as scene, torch.inference_mode():
        passes = [
            lambda calls=calls: _run(calls)
            for calls in recorded(scene, chosen_method(options, scene))
        ]
        report(scene, passes)


def diffusion_step(options: argparse.Namespace) -> None:
    """One denoising step of a pixel-space diffusion with KSDiff's U-Net, untrained."""
    from ksdiff_training.pixel_diffusion import PixelDiffusion

    with opened(options) as scene, torch.inference_mode():
        method = chosen_method(options, scene)
        inputs = [[args[0] for _, args in calls] for calls in recorded(scene, method)]
        example = inputs[0][0]
        network = PixelDiffusion(method.network.config).eval().to(example.dtype)
        if can_fuse():
            network = fused(network)
        network = network.to(memory_format=memory_format(example))

        @torch.inference_mode()
        def step(tensors: list[Tensor]) -> None:
            for x in tensors:
                lrms, pan = x[:, :1], x[:, 1:]
                network(torch.randn_like(lrms), torch.full((len(x),), 500), pan, lrms)

        report(scene, [lambda x=x: step(x) for x in inputs], STEP_TILES)


def plain(options: argparse.Namespace) -> None:
    """The backbone without kernel generators and prior, as weights that the engine runs."""
    network, card = load_network(options.weights)
    bare = KSDiff(replace(network.config, modulation="none"))
    tensors = network.state_dict()
    bare.load_state_dict({name: tensors[name] for name in bare.state_dict()})
    save_network(bare, {**card, "name": "plain-backbone"}, options.output)


def diffuse(options: argparse.Namespace) -> None:
    """Sharpen a scene, as one tile, with a trained pixel-space baseline."""
    from ksdiff_training.config import load_config
    from ksdiff_training.export import trained_modules
    from ksdiff_training.pixel_diffusion import PixelDiffusionMethod

    modules, _ = trained_modules(load_config(options.config), Path(options.run), "best")
    method = PixelDiffusionMethod(modules["diffusion"], steps=options.steps)
    with opened(options) as scene:
        method.prepare(scene)
        whole = Window(0, 0, scene.width, scene.height)
        fused = method.fuse(scene.tile(whole, method.halo))
        inner = slice(method.halo, -method.halo or None)
        write_like(options.pan, options.output, fused[:, inner, inner])


TASKS = {
    "bare-network": bare_network,
    "diffusion-step": diffusion_step,
    "plain": plain,
    "diffuse": diffuse,
}


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[Scene]:
    """The scene of the options."""
    with RasterSource.open_pan(options.pan) as pan, RasterSource.open_ms([options.ms]) as ms:
        yield Scene(align(pan, ms), get_profile(options.sensor))


def chosen_method(options: argparse.Namespace, scene: Scene) -> KSDiffMethod:
    """KSDiff, prepared, with the weights of the options or those that the scene gets by itself."""
    path = options.weights
    if path == "auto":
        entries = weights.catalogue(weights.weights_folders())
        ratio, sensor = round(scene.ratio), scene.profile.name
        path = weights.select(entries, bands=scene.bands, ratio=ratio, sensor=sensor)[0].path
    method = KSDiffMethod.from_file(path)
    method.halo = 0  # a limit: no pixel is computed twice
    method.prepare(scene)
    return method


def recorded(scene: Scene, method: KSDiffMethod) -> list[list[Call]]:
    """What `method` asks of its networks for some tiles without halo, spread over the scene."""
    edge = min(EDGE, scene.width, scene.height)
    rows, columns = scene.height // edge, scene.width // edge
    numbers = np.unique(np.linspace(0, rows * columns - 1, TILES_HELD).round().astype(int))
    windows = [
        Window(int(n % columns) * edge, int(n // columns) * edge, edge, edge) for n in numbers
    ]
    return [network_calls(method, scene.tile(window, 0)) for window in windows]


def network_calls(method: KSDiffMethod, tile: TileData) -> list[Call]:
    """The outermost calls of modules, with their inputs, that fusing a tile makes."""
    calls: list[Call] = []
    depth = 0

    def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        nonlocal depth
        if not depth:
            calls.append((module, inputs))
        depth += 1

    def leave(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        nonlocal depth
        depth -= 1

    handles = [
        module_hooks.register_module_forward_pre_hook(enter),
        module_hooks.register_module_forward_hook(leave),
    ]
    try:
        method.fuse(tile)
    finally:
        for handle in handles:
            handle.remove()
    return calls


@torch.inference_mode()
def _run(calls: list[Call]) -> None:
    for module, inputs in calls:
        module(*inputs)


def report(scene: Scene, passes: list[Pass], limit: int | None = None) -> None:
    """Time passes that cover the scene's pixels (`limit` of them, scaled up); print the seconds.

    As many run side by side as a job fuses tiles.
    """
    edge = min(EDGE, scene.width, scene.height)
    tiles = scene.width * scene.height / edge**2
    count = min(max(1, round(tiles)), limit or round(tiles) + 1)
    threads = tiles_at_once()
    with shared_threads(threads) as begin:
        timed = ahead(lambda n: passes[n % len(passes)](), range(threads + count), threads, begin)
        for _ in range(threads):  # the first passes prepare convolutions
            next(timed)
        started = perf_counter()
        for _ in timed:
            pass
    print(json.dumps({"seconds": (perf_counter() - started) * tiles / count}))


def memory_format(tensor: Tensor) -> torch.memory_format:
    """In which order the tensor's channels lie."""
    channels_last = tensor.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last else torch.contiguous_format


def write_like(pan: str, path: str, image: np.ndarray) -> None:
    """(C, H, W) as Float32 with the georeference of PAN."""
    source = gdal.Open(pan)
    bands, height, width = image.shape
    dataset = gdal.GetDriverByName("GTiff").Create(path, width, height, bands, gdal.GDT_Float32)
    dataset.SetProjection(source.GetProjection())
    dataset.SetGeoTransform(source.GetGeoTransform())
    dataset.WriteArray(image.astype(np.float32))
    dataset.FlushCache()


if __name__ == "__main__":
    main()
