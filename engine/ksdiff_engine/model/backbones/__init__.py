"""Fusion networks whose convolutions can be modulated (paper: KSDiff is a framework)."""
