"""What the plugin adds to the start of QGIS: little time, and no heavy library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("qgis.gui")

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"numpy", "scipy", "torch", "safetensors", "matplotlib", "processing"}
# Seconds of processor time. Measured: 0.06; the rest is room for slow machines.
LIMIT = 0.2

IMPORT = """
import json, sys, time
import qgis.core, qgis.gui, qgis.utils
before, started = set(sys.modules), time.process_time()
import ksdiff_qgis.plugin, ksdiff_qgis.gui.actions
seconds = time.process_time() - started
print(json.dumps([seconds, sorted({name.partition(".")[0] for name in set(sys.modules) - before})]))
"""


def test_the_plugin_is_imported_fast_and_without_heavy_libraries():
    seconds = []
    for _ in range(3):
        ran = subprocess.run(
            [sys.executable, "-c", IMPORT], cwd=ROOT, capture_output=True, text=True, timeout=600
        )
        assert ran.returncode == 0, ran.stderr
        took, modules = json.loads(ran.stdout.splitlines()[-1])
        assert not HEAVY.intersection(modules)
        seconds.append(took)
    assert min(seconds) < LIMIT, seconds
