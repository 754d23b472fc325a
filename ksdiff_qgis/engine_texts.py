"""What the engine says it is doing, in the language of QGIS.

The engine knows no language but English, as it knows no Qt: it is a program of its own, whose
output is the same in a shell. What it says at every run is listed here and shown translated. Its
errors, warnings and reports stay English, like those of GDAL: they are as many as there are ways to
fail, and stand in the same words in logs and JSON.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .translation import tr, translatable

KNOWN = (
    translatable("Opening the rasters"),
    translatable("Loading {weights} on {device}"),
    translatable("Comparing the places of PAN and MS"),
    translatable("Reading statistics"),
    translatable("Statistics at PAN resolution"),
    translatable("Reading windows for the prior"),
    translatable("Estimating the prior"),
    translatable("Fusing tile {number} of {count}"),
    translatable("Reducing tile {number} of {count}"),
    translatable("Preparing {method}"),
    translatable("Measuring {method}"),
    translatable("Reading both images"),
    translatable("Comparing with the MS at its own resolution"),
    translatable("Measuring without a reference"),
    translatable("Measuring against the reference"),
    translatable("Mapping the errors"),
    translatable("Writing the report"),
    translatable("Completing the file"),
    translatable("Completing the files"),
    translatable("Building pyramids"),
    translatable("Taking over finished tiles"),
    # Of the self-test, about its scene.
    translatable("sharpened with {weights} in {seconds} s"),
    translatable("not sharpened: {error}"),
    translatable("not tried, as no weights were found"),
)
_FIELD = re.compile(r"\\{(\w+)\\}")


def in_language(text: str) -> str:
    """Return a text of the engine in the language of QGIS; as it is where it is not known."""
    for known, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found:
            return tr(known, **found.groupdict())
    return text


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    # Those without fields first: "Measuring {method}" would take "Measuring without a reference".
    return tuple(
        (known, re.compile(_FIELD.sub(r"(?P<\1>.+)", re.escape(known)), re.DOTALL))
        for known in sorted(KNOWN, key=lambda known: "{" in known)
    )
