"""``python -m ksdiff_training``: train, evaluate, export."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
