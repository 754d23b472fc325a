"""``python -m ksdiff_engine``: the engine for a shell."""

from __future__ import annotations

import contextlib
import os
import sys

from ksdiff_engine.device import keep_freed_memory, parallel_by_tiles

keep_freed_memory()
parallel_by_tiles()

from ksdiff_engine.cli import main  # noqa: E402

if __name__ == "__main__":
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a closed pipe, a closed stream
            stream.flush()
    # The libraries' own clean-up can take seconds: Ctrl-C must not wait for it.
    os._exit(code)
