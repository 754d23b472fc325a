"""What a run was made with: code, library versions, machine and device."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

FILE = "provenance.json"


def record_provenance(run: Path, device: torch.device) -> None:
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
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
    }
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def read_provenance(run: Path) -> dict[str, Any]:
    """Raises FileNotFoundError when `run` is no run folder."""
    return json.loads((run / FILE).read_text(encoding="utf-8"))


def git_commit() -> str:
    """Commit of the code that trains, with `-dirty` when tracked files of it differ; or `unknown`.

    That code is this package and the engine's model room.
    """
    package = Path(__file__).parent
    rooms = [str(package), str(package.parents[1] / "engine" / "ksdiff_engine" / "model")]
    try:
        commit = _git("rev-parse", "HEAD")
        differs = _git("status", "--porcelain", "--untracked-files=no", "--", *rooms)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}-dirty" if differs else commit


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    here = Path(__file__).parent
    result = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    return result.stdout.strip()
