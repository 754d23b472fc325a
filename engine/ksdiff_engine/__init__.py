"""Pansharpening with KSDiff: rasters in, rasters out. Importing this imports nothing else."""

__version__ = "0.1.0"
