"""What the names of rasters tell: PAN or MS, which band, which scene. Without QGIS."""

from __future__ import annotations

import enum
import re

from ksdiff_engine.sensors import other_file


class Role(enum.Enum):
    """What a raster is in a scene, by its name."""

    PAN = "PAN"
    MS = "MS"
    BAND = "band"  # one band of MS in a file of its own
    RESULT = "result"  # sharpened already


# Words as vendors and users write them: WorldView and QuickBird "P2AS", "M2AS"; Pléiades "_P_",
# "_XS_"; Gaofen "PAN1", "MSS1"; Landsat "B8". Sentinel-2's near infrared is "B08", with a zero.
_WORDS = (
    (Role.PAN, re.compile(r"pan\d*|panchro\w*|p|p\d[a-z]{2}|b8|band8")),
    (Role.MS, re.compile(r"mss?\d*|mul|multi|multispectral|xs\d*|m\d[a-z]{2}|bgrn?|rgbn?|vnir")),
    (
        Role.BAND,
        re.compile(
            r"b\d{1,2}a?|band\d{1,2}|coastal|blue?|gree?n|grn|yellow|red|rededge\d?|nir\d?|"
            r"swir\d?|cirrus|tir\d?"
        ),
    ),
)
_RESULT = re.compile(r"pan[\W_]?(sharp|geschärft)", re.IGNORECASE)
_NUMBERED_BAND = re.compile(r"band[\W_]*(\d)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\W_]+")
# By wavelength, for bands named by colour.
_COLOURS = ("coastal", "blu", "gr", "yellow", "red", "rededge", "nir", "swir", "cirrus", "tir")


def role(*names: str) -> Role | None:
    """Return the role that the first telling name gives, or None."""
    for name in names:
        if _RESULT.search(name):
            return Role.RESULT
        found = {_role_of_word(word) for word in _words(name)}
        for candidate, _ in _WORDS:
            if candidate in found:
                return candidate
    return None


def content_beside_bands(*names: str) -> str:
    """Return what a product's file holds that is no multispectral band ("thermal …"), or nothing.

    PAN is no band of MS either, but has a role of its own.
    """
    if role(*names) is Role.PAN:
        return ""
    return next((content for content in map(other_file, names) if content), "")


def kinship(one: str, other: str) -> float:
    """Return how much two names speak of one scene, 0 to 1.

    The words that tell the role are left out; the share of common leading words counts.
    """
    words, others = _scene_words(one), _scene_words(other)
    common = 0
    for word, twin in zip(words, others):
        if word != twin:
            break
        common += 1
    return common / max(len(words), len(others), 1)


def scene_name(name: str) -> str:
    """Return a name without the words that tell the role: the same for the files of a scene."""
    return "_".join(_scene_words(name))


def band_order(name: str) -> tuple[int, str]:
    """Return a key that sorts band files by number, or by wavelength where named by colour."""
    for word in _words(name):
        if _role_of_word(word) is not Role.BAND:
            continue
        number = re.search(r"\d+", word)
        colour = max((i for i, c in enumerate(_COLOURS) if word.startswith(c)), default=-1)
        if colour < 0 and number:
            return int(number.group()), word
        return colour, word
    return len(_COLOURS), name


def _words(name: str) -> list[str]:
    joined = _NUMBERED_BAND.sub(r"band\1", name)
    return [word for word in _SEPARATORS.split(joined.lower()) if word]


def _scene_words(name: str) -> list[str]:
    return [word for word in _words(name) if _role_of_word(word) is None]


def _role_of_word(word: str) -> Role | None:
    return next((role for role, pattern in _WORDS if pattern.fullmatch(word)), None)
