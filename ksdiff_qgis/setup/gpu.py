"""Which NVIDIA GPUs there are, and which CUDA build of PyTorch fits them."""

from __future__ import annotations

import os
import shutil
import subprocess  # nosec B404
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..processes import without_console

_TIMEOUT = 5.0  # seconds; nvidia-smi hangs where a driver does
_FIELDS = ("name", "memory.total", "driver_version", "compute_cap")


@dataclass(frozen=True)
class Gpu:
    """name; memory in MiB; driver, e.g. 570.86; compute capability, e.g. 8.6, 0 if unknown."""

    name: str
    memory: int
    driver: float
    compute: float


@dataclass(frozen=True)
class CudaBuild:
    """A build of PyTorch: its tag, the oldest driver, the lowest and highest compute capability."""

    tag: str
    driver: float
    lowest: float
    highest: float


# PyTorch's support matrix (RELEASE.md) and NVIDIA's table of minimum drivers; newest first.
CUDA_BUILDS = (
    CudaBuild("cu130", 580, 7.5, 99),
    CudaBuild("cu128", 570, 7.5, 12.1),
    CudaBuild("cu126", 560, 5.0, 9.0),
    CudaBuild("cu124", 550, 5.0, 9.0),  # the last: PyTorch 2.6
)
DEFAULT_CUDA = CUDA_BUILDS[
    0
]  # the package index's own on Linux: CUDA 13, of whatever minor version


def find_gpus() -> tuple[Gpu, ...]:
    """Ask nvidia-smi; empty when there is none, or none answers in time."""
    program = shutil.which("nvidia-smi") or _windows_program()
    if not program:
        return ()
    # Drivers before 510 do not know compute_cap and refuse the whole question.
    for fields in (_FIELDS, _FIELDS[:-1]):
        try:
            answer = subprocess.run(  # nosec B603
                [program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT,
                check=True,
                **without_console(),
            )
        except subprocess.CalledProcessError:
            continue
        except (OSError, subprocess.TimeoutExpired):
            return ()
        return parse(answer.stdout.decode("utf-8", "replace"))
    return ()


def parse(answer: str) -> tuple[Gpu, ...]:
    """Read nvidia-smi's table; lines that are none are passed over."""
    found = []
    for line in answer.splitlines():
        values = [value.strip() for value in line.split(",")]
        if len(values) >= 3:
            compute = values[3] if len(values) > 3 else ""
            found.append(
                Gpu(values[0], int(_number(values[1])), _number(values[2]), _number(compute))
            )
    return tuple(found)


def fitting(gpus: Sequence[Gpu]) -> CudaBuild | None:
    """Return the newest CUDA build that the driver runs and that has code for the first GPU."""
    if not gpus:
        return None
    gpu = gpus[0]
    for build in CUDA_BUILDS:
        known = build.lowest <= gpu.compute <= build.highest
        if gpu.driver >= build.driver and (known or gpu.compute == 0):
            return build
    return None


def _number(text: str) -> float:
    """Return the first two parts of a version, or a figure; 0 for "[N/A]"."""
    try:
        return float(".".join(text.split(".")[:2]))
    except ValueError:
        return 0.0


def _windows_program() -> str:
    """Return nvidia-smi where drivers put it that do not extend the search path."""
    if os.name != "nt":
        return ""
    root = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"))
    program = root / "System32" / "nvidia-smi.exe"
    return str(program) if program.is_file() else ""
