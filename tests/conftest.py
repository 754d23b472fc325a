"""Settings that every test room shares."""

from __future__ import annotations

import os

from hypothesis import settings

# Before any test imports Qt: there is no screen where tests run.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# A busy machine is no failure, and a failure must come back when one looks for it.
settings.register_profile("house", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("house")
