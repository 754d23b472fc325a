"""What a run was made with: code, library versions, machine."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

FILE = "provenance.json"


def record_provenance(run: Path) -> None:
    """Write `provenance.json` when the run starts; a resumed run keeps the first one."""
    path = run / FILE
    if path.exists():
        return
    run.mkdir(parents=True, exist_ok=True)
    values = {
        "git_commit": git_commit(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": platform.machine(),
    }
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def read_provenance(run: Path) -> dict[str, Any]:
    """Raises FileNotFoundError when `run` is no run folder."""
    return json.loads((run / FILE).read_text(encoding="utf-8"))


def git_commit() -> str:
    """Commit of the training code, with `-dirty` when tracked files of it differ; or `unknown`."""
    here = Path(__file__).parent
    try:
        command = ["git", "describe", "--always", "--abbrev=40", "--dirty"]
        result = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return result.stdout.strip()
