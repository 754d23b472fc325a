"""Which rasters belong together as PAN and MS: a pure function on small descriptions.

Geometry decides what can be a pair (bands, pixel size, overlap), names decide what is likely one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .roles import Role, band_order, content_beside_bands, kinship, role, scene_name

_SAME_PIXELS = 0.99  # MS pixels per PAN pixel; below, PAN would be the coarser one
_FINER = 1.4  # from here on, PAN is really finer than MS
_USUAL = 8.5  # sensors' ratios lie between 2 and 8
_FARTHEST = 40.0  # beyond, the two are no pair of one scene
_OVERLAP = 0.02  # of the smaller one; neighbouring scenes share an edge


@dataclass(frozen=True)
class Raster:
    """What the pairing knows of a layer.

    key: the layer's id. names: what may tell the role, the most telling first. bands: without
    alpha. pixel: edge of a pixel. extent: (west, south, east, north). Pixel and extent are in one
    coordinate system for all rasters that are ``located``, i.e. have a CRS.
    """

    key: str
    names: tuple[str, ...]
    bands: int
    pixel: float
    extent: tuple[float, float, float, float]
    located: bool = True


@dataclass(frozen=True)
class Pair:
    """The keys of one scene's PAN and MS; several MS are one file a band, in their order."""

    pan: str
    ms: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.pan, *self.ms)


_Stack = tuple[Raster, ...]  # a multispectral image: one raster, or one a band on one grid
_Option = tuple[float, Raster, _Stack]  # how likely, PAN, MS


def pair_up(selected: Sequence[Raster], others: Sequence[Raster] = ()) -> tuple[Pair, ...]:
    """Return the pairs in which the selected rasters take part.

    Selected rasters are paired among themselves first, then with ``others``. A PAN may serve
    several MS, and several PANs may lie over one MS. What has no partner is in no pair, and so is
    what a product delivers beside its multispectral bands (:func:`.roles.content_beside_bands`).
    """
    pairs = _among(selected)
    paired = {key for pair in pairs for key in pair.keys}
    left = [raster for raster in selected if raster.key not in paired]
    for item in (*_stacks(left), *_each_alone(_pans(left))):
        if pairs and _is_bystander(item[0]):
            continue
        best = max(_options(item, others), key=lambda option: option[0], default=None)
        if best:
            pairs.append(_pair(best[1], best[2]))
    return tuple(dict.fromkeys(pairs))


def _is_bystander(raster: Raster) -> bool:
    """Whether, beside a pair, nothing marks a raster as part of another one."""
    unmarked = raster.bands == 1 and role(*raster.names) is None
    return unmarked or bool(content_beside_bands(*raster.names))


def _among(rasters: Sequence[Raster]) -> list[Pair]:
    """Pair rasters one to one, the likeliest first; then give the rest their likeliest partner.

    The rest are further MS of one PAN, and further PANs (by name) of one MS.
    """
    stacks = _stacks(rasters) or _each_alone(_pans(rasters))
    rated = sorted(_rated(_pans(rasters), stacks), key=lambda option: -option[0])
    pairs: list[Pair] = []
    paired: set[str] = set()
    for first_round in (True, False):
        for _, pan, stack in rated:
            pair = _pair(pan, stack)
            new_pan, new_ms = pan.key not in paired, paired.isdisjoint(pair.ms)
            named_pan = new_pan and role(*pan.names) is Role.PAN
            if (new_pan and new_ms) if first_round else (new_ms or named_pan):
                pairs.append(pair)
                paired.update(pair.keys)
    order = {raster.key: number for number, raster in enumerate(rasters)}
    return sorted(pairs, key=lambda pair: min(order[key] for key in pair.keys))


def _options(item: _Stack, others: Sequence[Raster]) -> list[_Option]:
    """Return the pairs that an item can form with the other rasters, rated."""
    as_ms = _rated(_pans(others), [item])
    as_pan = _rated(_pans(item), _stacks(others)) if len(item) == 1 else []
    return as_ms + as_pan


def _pair(pan: Raster, stack: _Stack) -> Pair:
    return Pair(pan.key, tuple(raster.key for raster in stack))


def _stacks(rasters: Iterable[Raster]) -> list[_Stack]:
    """Return the multispectral images: rasters with bands, and band files of one grid and scene."""
    stacks: dict[object, list[Raster]] = {}
    for raster in rasters:
        kind = role(*raster.names)
        if kind is Role.RESULT or (raster.bands == 1 and kind not in (Role.MS, Role.BAND)):
            continue
        stacks.setdefault(_grid(raster) if raster.bands == 1 else raster.key, []).append(raster)
    return [
        tuple(sorted(_bands_of(s), key=lambda raster: band_order(raster.names[0])))
        for s in stacks.values()
    ]


def _bands_of(files: list[Raster]) -> list[Raster]:
    """Return the multispectral bands among a product's files; all, where not one is."""
    return [raster for raster in files if not content_beside_bands(*raster.names)] or files


def _grid(raster: Raster) -> object:
    edges = tuple(round(edge / raster.pixel) for edge in raster.extent)
    return scene_name(raster.names[0]), raster.located, edges


def _pans(rasters: Iterable[Raster]) -> list[Raster]:
    """Return what may be panchromatic: one band, and no name that says otherwise."""
    return [r for r in rasters if r.bands == 1 and role(*r.names) in (None, Role.PAN)]


def _each_alone(rasters: Iterable[Raster]) -> list[_Stack]:
    return [(raster,) for raster in rasters]


def _rated(pans: Sequence[Raster], stacks: Sequence[_Stack]) -> list[_Option]:
    rated = ((_likeliness(pan, stack), pan, stack) for pan in pans for stack in stacks)
    return [(likeliness, pan, stack) for likeliness, pan, stack in rated if likeliness is not None]


def _likeliness(pan: Raster, stack: _Stack) -> float | None:
    """Return how likely the two are one scene's PAN and MS; None where they cannot be."""
    ms = stack[0]
    if pan in stack or pan.located != ms.located:
        return None
    ratio = ms.pixel / pan.pixel
    # MS may have been delivered on the grid of PAN; single bands of one grid are just bands.
    smallest = _FINER if ms.bands == 1 else _SAME_PIXELS
    smaller, union = _overlaps(pan, ms)
    if not smallest <= ratio <= _FARTHEST or smaller < _OVERLAP:
        return None
    pairs = zip(pan.names, ms.names)
    return (
        smaller
        + union
        + 2.0 * (role(*pan.names) is Role.PAN)
        - 2.0 * (role(*ms.names) is Role.PAN)
        + 1.0 * (ms.bands * len(stack) >= 3)
        + 1.0 * (_FINER <= ratio <= _USUAL)
        + 2.0 * max(kinship(one, other) for one, other in pairs)
    )


def _overlaps(one: Raster, other: Raster) -> tuple[float, float]:
    """Return the common area as a fraction of the smaller raster and of the union."""
    west, south = (max(one.extent[i], other.extent[i]) for i in (0, 1))
    east, north = (min(one.extent[i], other.extent[i]) for i in (2, 3))
    common = max(east - west, 0.0) * max(north - south, 0.0)
    areas = [(r.extent[2] - r.extent[0]) * (r.extent[3] - r.extent[1]) for r in (one, other)]
    if not min(areas) > 0:
        return 0.0, 0.0
    return common / min(areas), common / (sum(areas) - common)
