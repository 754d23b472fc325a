"""What computes the baked network fastest on this processor: the table of docs/speed.md.

    scripts/bench_pixel_pass.py [--weights any] [--size 608 1120] [--compile]

One thread, random pixels, one band; median milliseconds a megapixel of five passes. The kernels
come from random windows, which does not change their cost. --compile also tries torch.compile,
which needs a C++ compiler. --forget lets the C library hand freed memory back, as it does by
itself.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ksdiff_engine import weights
from ksdiff_engine.device import keep_freed_memory
from ksdiff_engine.model.baking import bake
from ksdiff_engine.model.frozen import fused
from ksdiff_engine.model.storage import load_network
from ksdiff_engine.pixel_pass import fastest_precision


def main() -> None:
    """Measure and print one line a variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="any")
    parser.add_argument("--size", type=int, nargs=2, default=[608, 1120], help="rows, columns")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--forget", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.forget:
        keep_freed_memory()
    network, channels = baked(options.weights)
    image = torch.randn(1, channels, *options.size)
    for name, candidate, x in variants(network, image):
        print(f"{name:44} {milliseconds(candidate, x):7.1f} ms/MP", flush=True)
    if fastest_precision(torch.device("cpu")) == torch.float32:
        print("This processor has no units for bfloat16, in which the rest would be.")
        return
    traced(copy.deepcopy(network).bfloat16(), innermost(image).bfloat16())
    if options.compile:
        compiled = torch.compile(copy.deepcopy(network).bfloat16())
        took = milliseconds(compiled, innermost(image).bfloat16())
        print(f"{'bfloat16, innermost, torch.compile':44} {took:7.1f} ms/MP")


def baked(name: str) -> tuple[nn.Module, int]:
    """The network of weights with one set of kernels, and its number of input channels."""
    entries = weights.catalogue(weights.weights_folders())
    network, _ = load_network(weights.find(name, entries).path)
    windows = torch.randn(4, network.config.in_channels, 64, 64)
    with torch.inference_mode():
        prior = network.estimate_prior(windows[:, 1:], windows[:, :1], 0)
        return bake(network.backbone, windows, prior), network.config.in_channels


def variants(network: nn.Module, image: Tensor) -> list[tuple[str, nn.Module, Tensor]]:
    """Precision, order of the channels, and fused or not, with the input that each takes."""
    whole = [
        ("float32, channels outermost", network, image),
        ("float32, channels innermost", network, innermost(image)),
        ("float32, channels innermost, fused", fused(network), innermost(image)),
    ]
    if fastest_precision(torch.device("cpu")) == torch.float32:
        return whole  # imitated, half precision takes minutes, and oneDNN may refuse it
    half = copy.deepcopy(network).bfloat16()
    return [
        *whole,
        ("bfloat16, channels outermost", half, image.bfloat16()),
        ("bfloat16, channels innermost", half, innermost(image).bfloat16()),
        ("bfloat16, channels innermost, fused", fused(half), innermost(image).bfloat16()),
    ]


def innermost(image: Tensor) -> Tensor:
    """The image with its channels innermost in memory."""
    return image.contiguous(memory_format=torch.channels_last)


def traced(network: nn.Module, x: Tensor) -> None:
    """TorchScript with oneDNN's graph fusion, where this torch still has it."""
    torch.jit.enable_onednn_fusion(True)
    with torch.no_grad():
        script = torch.jit.freeze(torch.jit.trace(network.eval(), x))
        print(f"{'bfloat16, TorchScript and graph fusion':44} {milliseconds(script, x):7.1f} ms/MP")
    torch.jit.enable_onednn_fusion(False)


@torch.no_grad()
def milliseconds(network: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Median of five passes, a megapixel, after three that prepare."""
    seconds = []
    for _ in range(8):
        started = time.perf_counter()
        network(x)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[3:]) * 1e9 / (x.shape[2] * x.shape[3])


if __name__ == "__main__":
    main()
