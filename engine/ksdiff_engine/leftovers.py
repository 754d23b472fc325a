"""What a killed process leaves behind: unfinished results beside their target.

The writer lets a result grow in a hidden folder ``.<name>.<pid>.*.part`` (see ``raster.staging``).
Standard library only: the worker removes its own before it ends itself the hard way.
"""

from __future__ import annotations

import os
import re
import shutil
import sys


def remove_leftovers(output: str, pid: int | None = None) -> list[str]:
    """Remove unfinished results for ``output`` and return their paths.

    pid: of the process whose results are removed; None for all processes that run no more.
    """
    parent, name = os.path.split(os.path.realpath(output))
    pattern = re.compile(re.escape(f".{name[:100]}.") + r"(\d+)\..*\.part")
    removed: list[str] = []
    try:
        found = os.listdir(parent)
    except OSError:  # the writer will say what is wrong with the folder
        return removed
    for entry in found:
        match = pattern.fullmatch(entry)
        if match is None:
            continue
        owner = int(match.group(1))
        if owner == pid or (pid is None and not is_running(owner)):
            shutil.rmtree(os.path.join(parent, entry), ignore_errors=True)
            removed.append(os.path.join(parent, entry))
    return removed


def is_running(pid: int) -> bool:
    """Whether a process of that number exists on this machine."""
    if sys.platform == "win32":
        return _is_running_on_windows(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it exists and belongs to someone else
        return True
    return True


def _is_running_on_windows(pid: int) -> bool:
    """os.kill would end the process there, so the system is asked for a handle instead."""
    import ctypes

    query_limited_information, still_active = 0x1000, 259
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined, unused-ignore]
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == still_active
