"""Starts a command and writes what it cost: ``launcher.py RESULT COMMAND…``.

A process begins with the memory of the one that started it, and the kernel's peak counts that. This
one is small, so that the peak is the command's own. Standard library only.
"""

import json
import os
import sys
from time import perf_counter

started = perf_counter()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
cost = {
    "wall": perf_counter() - started,
    "cpu": usage.ru_utime + usage.ru_stime,
    "memory": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    "exit": os.waitstatus_to_exitcode(status),
}
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(cost, file)
