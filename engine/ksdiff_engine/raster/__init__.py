"""Rasters in and out through GDAL: reading, alignment of PAN and MS, tiles, writing.

Nothing is imported here, so ``raster.tiling`` and ``raster.grid`` stay usable without GDAL.
"""
