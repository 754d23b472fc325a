"""Commands of the training package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from .config import load_config
from .train import train


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 1 with one line that says what is wrong."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        options.run_command(options)
    except (ValueError, FileNotFoundError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ksdiff_training", description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("train", help="run an experiment, resuming what its folder holds")
    command.add_argument("config", type=Path)
    command.add_argument("--data", type=Path, required=True, help="folder with train/ and test/")
    command.add_argument("--run", type=Path, required=True, help="folder for checkpoints and logs")
    command.set_defaults(run_command=_train)
    return parser


def _train(options: argparse.Namespace) -> None:
    final = train(load_config(options.config), options.data, options.run)
    print(f"weights before export: {final}")
