"""The device is the one asked for, or the user hears why not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ksdiff_engine import device
from ksdiff_engine.ahead import ahead
from ksdiff_engine.errors import EnvironmentProblem

torch = pytest.importorskip("torch")


def test_cpu_is_taken_without_a_word():
    chosen, warning = device.choose_device("cpu")
    assert (chosen.type, warning) == ("cpu", "")
    assert device.describe(chosen) == "cpu"


def test_cuda_that_does_not_work_is_said_aloud(monkeypatch):
    monkeypatch.setattr(device, "_cuda_obstacle", lambda: "its first computation came out wrong")
    chosen, warning = device.choose_device("cuda")
    assert chosen.type == "cpu"
    assert "CUDA was asked for" in warning
    assert "came out wrong" in warning


@pytest.mark.parametrize(("present", "said"), [(True, "NVIDIA GPU"), (False, "")])
def test_auto_warns_only_where_there_is_a_gpu(monkeypatch, present, said):
    monkeypatch.setattr(device, "_cuda_obstacle", lambda: "no device was found")
    monkeypatch.setattr(device, "_has_nvidia_gpu", lambda: present)
    chosen, warning = device.choose_device("auto")
    assert chosen.type == "cpu"
    assert said in warning
    assert bool(warning) == present


def test_a_failing_kernel_is_an_obstacle(monkeypatch):
    """A driver that reports a device on which nothing runs."""

    def fail(*_, **__):
        raise RuntimeError("no kernel image is available\nmore lines")

    monkeypatch.setattr(torch.version, "cuda", "12.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", fail)
    obstacle = device._cuda_obstacle()
    assert "no kernel image is available)" in obstacle


def test_cuda_in_truth():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    chosen, warning = device.choose_device("cuda")
    assert (chosen.type, warning) == ("cuda", "")
    assert "(" in device.describe(chosen)


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(EnvironmentProblem, match="safetensors"):
        device.choose_device("auto")


def test_threads_are_limited(monkeypatch):
    for variable in device._THREAD_VARIABLES:
        monkeypatch.setenv(variable, "7")
    before = torch.get_num_threads()
    try:
        device.limit_threads(0)
        assert torch.get_num_threads() == before
        device.limit_threads(1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_threads_are_what_the_user_allows(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert device.cpu_threads() == 3
    assert device.tiles_at_once() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert device.tiles_at_once() == device.MOST_TILES_AT_ONCE
    monkeypatch.setenv("OMP_NUM_THREADS", "all")
    assert device.cpu_threads() == len(os.sched_getaffinity(0))


def test_threads_side_by_side_share_what_torch_has():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with device.shared_threads(2) as begin:
            shares = list(ahead(lambda _: torch.get_num_threads(), range(4), 2, begin))
        assert shares == [2] * 4
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_freed_memory_is_kept_only_where_the_library_can(monkeypatch):
    asked = []
    library = type("Library", (), {"mallopt": lambda self, *setting: asked.append(setting)})()
    monkeypatch.setattr("ctypes.CDLL", lambda name: library)
    monkeypatch.setattr("sys.platform", "linux")
    device.keep_freed_memory()
    assert asked == [(-3, 1 << 30), (-1, 1 << 30), (-8, 1)]
    monkeypatch.setattr("sys.platform", "win32")
    device.keep_freed_memory()
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())  # musl
    device.keep_freed_memory()
    assert len(asked) == 3


HOLES = """
import sys
import numpy as np
from ksdiff_engine.device import hand_back_freed_memory, keep_freed_memory, resident_memory

keep_freed_memory()
images = [np.ones(2**17) for _ in range(200)]
del images[:-1]  # the last one stands in the way of the heap's end
kept = resident_memory()
hand_back_freed_memory(beyond=kept + int(sys.argv[1]))
print(kept - resident_memory())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own")
@pytest.mark.parametrize(
    ("beyond", "least", "most"), [(-1, 150 << 20, sys.maxsize), (1 << 30, -(5 << 20), 5 << 20)]
)
def test_holes_in_the_heap_are_handed_back_where_too_much_is_resident(beyond, least, most):
    command = [sys.executable, "-c", HOLES, str(beyond)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert least < int(output) < most


def test_another_system_keeps_what_it_keeps(monkeypatch):
    monkeypatch.setattr(device.sys, "platform", "win32")
    monkeypatch.setattr(device.ctypes, "CDLL", None)  # not even looked for
    device.hand_back_freed_memory(beyond=0)
