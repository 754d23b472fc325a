"""``python -m ksdiff_training``: train, evaluate, export."""

from __future__ import annotations

import sys

from ksdiff_engine.device import keep_freed_memory

# Before any thread starts: else the system takes a seventh of a CPU's time, to clear pages that
# were handed back just before.
keep_freed_memory()

from .cli import main  # noqa: E402

sys.exit(main())
