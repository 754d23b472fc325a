"""Coordinate reference systems: reading, naming and transforming, through OSR."""

from __future__ import annotations

from typing import Callable

import numpy as np
from osgeo import osr

from .gdal_guard import gdal_failures

Transform = Callable[[np.ndarray], np.ndarray]  # (N, 2) map coordinates; NaN where impossible


def spatial_reference(wkt: str) -> osr.SpatialReference:
    """A CRS with its axes in GIS order (x, y)."""
    reference = osr.SpatialReference()
    with gdal_failures():
        reference.ImportFromWkt(wkt)
    reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return reference


def crs_name(wkt: str) -> str:
    """Short name of a CRS for messages, such as ``EPSG:32630 (WGS 84 / UTM zone 30N)``."""
    if not wkt:
        return "no coordinate reference system"
    reference = spatial_reference(wkt)
    authority, code = reference.GetAuthorityName(None), reference.GetAuthorityCode(None)
    name = reference.GetName() or "unnamed"
    return f"{authority}:{code} ({name})" if authority and code else name


def same_crs(first: str, second: str) -> bool:
    """True when two WKTs name one CRS, whatever their spelling; no CRS equals only itself."""
    if first == second:
        return True
    if not first or not second:
        return False
    return bool(spatial_reference(first).IsSame(spatial_reference(second)))


def transformation(source: str, target: str) -> Transform | None:
    """A transformation of (N, 2) coordinates between two WKTs, or None when PROJ knows none."""
    operation = None
    with gdal_failures() as failures:
        operation = osr.CoordinateTransformation(
            spatial_reference(source), spatial_reference(target)
        )
    if operation is None or failures:
        return None

    def apply(points: np.ndarray) -> np.ndarray:
        moved = None
        with gdal_failures():
            moved = operation.TransformPoints(points.tolist())
        if moved is None:
            return np.full(points.shape, np.nan)
        result = np.array(moved, dtype=np.float64)[:, :2]
        result[~np.isfinite(result).all(axis=1)] = np.nan
        return result

    return apply
