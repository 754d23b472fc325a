"""``python -m ksdiff_engine``: the engine for a shell."""

from __future__ import annotations

import sys

from ksdiff_engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
