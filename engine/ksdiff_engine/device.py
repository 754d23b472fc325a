"""The device that the network runs on: chosen, tried with real kernels, and never changed silently.

torch is imported inside the functions, so that a missing torch is an error a user can read.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ksdiff_engine.errors import EnvironmentProblem

if TYPE_CHECKING:
    import torch

MOST_TILES_AT_ONCE = 4  # each takes 100 to 300 MB
# Of glibc's mallopt: tensors below the threshold are kept when freed instead of handed back. Each
# layer's output is tens of megabytes, whose pages the system else clears anew every time.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEPT = 1 << 30
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def choose_device(name: str) -> tuple[torch.device, str]:
    """Return the torch device for ``auto``, ``cpu`` or ``cuda``, and a warning for the user.

    The warning is empty when the user gets what was asked for. ``auto`` takes CUDA where it works.
    When CUDA was asked for, or a GPU is there that cannot be used, the CPU is taken and the warning
    says why. Raises ``EnvironmentProblem`` when torch is missing or cannot be loaded.
    """
    require_torch()
    import torch

    cpu = torch.device("cpu")
    if name == "cpu":
        return cpu, ""
    obstacle = _cuda_obstacle()
    if not obstacle:
        return torch.device("cuda", torch.cuda.current_device()), ""
    if name == "auto" and not _has_nvidia_gpu():
        return cpu, ""
    asked = "CUDA was asked for, but" if name == "cuda" else "This machine has an NVIDIA GPU, but"
    return cpu, f"{asked} {obstacle}. The CPU is used instead, which is slower."


def require_torch() -> None:
    """Raise ``EnvironmentProblem`` with the remedy unless torch and safetensors can be imported."""
    for module in ("torch", "safetensors"):
        try:
            __import__(module)
        except (ImportError, OSError) as error:  # OSError: a shared library does not load
            raise EnvironmentProblem(
                f"KSDiff needs {module}, which {sys.executable} cannot import: {error}.",
                hint="Set up the engine (in QGIS: Settings ‣ Options ‣ KSDiff), or use a "
                "classical method, which does without.",
            ) from error


def describe(device: torch.device) -> str:
    """Return the device's name for reports: ``cpu``, or ``cuda:0 (NVIDIA …)``."""
    if device.type != "cuda":
        return str(device)
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})"


def facts(device: torch.device) -> dict[str, Any]:
    """Return what a user asks about a device: its ``name``, ``memory`` in bytes (0 for the CPU,
    which has all of the machine's) and ``threads`` (0 for a GPU).
    """
    import torch

    if device.type != "cuda":
        return {"name": str(device), "memory": 0, "threads": torch.get_num_threads()}
    properties = torch.cuda.get_device_properties(device)
    return {"name": describe(device), "memory": properties.total_memory, "threads": 0}


def limit_threads(count: int) -> None:
    """Let numpy and torch use ``count`` CPU threads; 0 leaves them as they are.

    Only what is imported afterwards, and a torch that already is, can be limited.
    """
    if count < 1:
        return
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


def cpu_threads() -> int:
    """How many CPU threads may be used: ``OMP_NUM_THREADS``, else all that the process has."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdecimal() and int(limit):
        return int(limit)
    if hasattr(os, "sched_getaffinity"):  # not on Windows, not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def tiles_at_once() -> int:
    """How many tiles the CPU should work on side by side.

    A thread a tile keeps a core busier than many threads in one: nothing waits for the slowest.
    """
    return min(cpu_threads(), MOST_TILES_AT_ONCE)


@contextmanager
def shared_threads(count: int) -> Iterator[Callable[[], None]]:
    """What each of `count` threads calls first, so that all together use the CPU's threads once.

    Afterwards torch has its threads again. Numpy's products are single-threaded from the start, see
    :func:`parallel_by_tiles`.
    """
    torch: Any = sys.modules.get("torch")
    before = torch.get_num_threads() if hasattr(torch, "get_num_threads") else 0
    share = max(1, before // count)
    try:
        yield lambda: torch.set_num_threads(share) if before else None
    finally:
        if before:
            torch.set_num_threads(before)


def parallel_by_tiles() -> None:
    """Keep numpy's matrix products to one thread each; to be called before numpy is imported.

    They are small, several run at a time, and threads of OpenBLAS that wait keep a core busy.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"


def keep_freed_memory() -> None:
    """Let the C library keep what is freed, up to a gigabyte; does nothing but with glibc.

    A job of 16 megapixels takes a fifth less time, and a sixth of the system's. To be called before
    threads start: those that have begun keep memory of their own, up to 64 MB each.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, KEPT)
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_ARENA_MAX, 1)  # those of threads are handed back all the same


def hand_back_freed_memory(beyond: int) -> None:
    """Give the system all pages that the C library keeps without use; nothing but with glibc.

    What is kept gets holes in time, since images of many sizes come and go in several threads: up
    to half a gigabyte in a large scene. Pages that are used again have to be cleared again, so that
    it happens only where more than `beyond` bytes are resident.
    """
    if not sys.platform.startswith("linux") or resident_memory() <= beyond:
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def resident_memory() -> int:
    """Bytes of this process that are in memory; Linux only."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _cuda_obstacle() -> str:
    """Return why CUDA cannot be used; empty when a convolution on it gives the right numbers."""
    import torch

    if torch.version.cuda is None:
        return f"this PyTorch ({torch.__version__}) was built without CUDA"
    try:
        if not torch.cuda.is_available():
            return f"this PyTorch ({torch.__version__}, CUDA {torch.version.cuda}) finds no device"
        device = torch.device("cuda", torch.cuda.current_device())
        image = torch.ones(1, 4, 32, 32, device=device)
        product = image[0, 0] @ image[0, 1]
        filtered = torch.nn.functional.conv2d(image, torch.ones(2, 4, 3, 3, device=device))
        torch.cuda.synchronize(device)
        right = bool((product == 32).all()) and torch.allclose(filtered, filtered.new_tensor(36.0))
        return "" if right else "its first computation came out wrong"
    except (RuntimeError, AssertionError) as error:  # AssertionError: torch's lazy initialisation
        return f"it failed its first computation ({str(error).splitlines()[0]})"


def _has_nvidia_gpu() -> bool:
    return os.path.isdir("/proc/driver/nvidia/gpus") or shutil.which("nvidia-smi") is not None
