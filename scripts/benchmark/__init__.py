"""The parts of ``scripts/bench.py``: scenes, candidates, measuring, quality, report."""
