"""What the engine says at every run, in the language of QGIS.

The engine speaks English alone, as it knows no Qt: it is a program of its own, whose output is the
same in a shell. What it says of progress, weights, sensor, registration and its self-test is listed
here and shown translated. Its errors, reports and rarer warnings stay English, like those of GDAL:
they are as many as there are ways to fail, and stand in the same words in logs and JSON.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .translation import tr, translatable

KNOWN = (
    # Progress.
    translatable("Opening the rasters"),
    translatable("Loading {weights} on {device}"),
    translatable("Comparing the places of PAN and MS"),
    translatable("Reading statistics"),
    translatable("Statistics at PAN resolution"),
    translatable("Reading windows for the prior"),
    translatable("Estimating the prior"),
    translatable("Measuring the detail"),
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
    translatable("Looking for valid parts"),
    translatable("Reading blocks at reduced resolution"),
    translatable("Measuring the weights as they are"),
    translatable("Step {step}: ERGAS of the held-out part {ergas}, before {before}"),
    translatable("Writing the weights"),
    # Whether an adaptation helped.
    translatable(
        "The adaptation helped: ERGAS on the held-out part fell from {before} to {after}, by "
        "{share} %."
    ),
    translatable(
        "The adaptation did not help: ERGAS on the held-out part is {before} with {weights} and "
        "{after} at best after it."
    ),
    translatable("No file was written."),
    translatable(
        "At full resolution HQNR fell from {before} to {after}: look at a result before you rely "
        "on these weights."
    ),
    # Why these weights.
    translatable("made for {scenes}"),
    translatable("made for {scenes}; its training data include {sensor}"),
    translatable("made for {scenes}; its training data do not include {sensor}"),
    translatable("any number of bands, ratio {ratio}"),
    translatable("any number of bands, ratios {lowest} to {highest}"),
    translatable("{count} bands, ratio {ratio}"),
    translatable("{count} bands, ratios {lowest} to {highest}"),
    # Why this sensor.
    translatable("named by the user"),
    translatable("the wavelengths of the bands"),
    translatable("nothing in the files names a known sensor"),
    translatable("“{text}”, metadata of {file}"),
    translatable("“{text}”, name of the file"),
    translatable("“{text}”, name of the folder"),
    translatable("“{text}”, description of a band"),
    # The shift between PAN and MS.
    translatable(
        "PAN and MS lie on each other to {length} PAN pixels; {share} of {count} windows agree."
    ),
    translatable("PAN lies {place} of MS; {share} of {count} windows agree."),
    translatable("PAN may lie {place} of MS, but this is not certain: {reason}."),
    translatable("The shift between PAN and MS could not be measured: {reason}."),
    translatable("The shift changes by {length} PAN pixels across the scene."),
    translatable("MS was moved accordingly."),
    translatable("PAN was moved accordingly."),
    translatable("MS was left where it is."),
    translatable("The shift was left; register 'follow' or 'correct' takes it out."),
    translatable("{x} PAN pixels right and {y} below"),
    translatable("{x} PAN pixels right and {y} above"),
    translatable("{x} PAN pixels left and {y} below"),
    translatable("{x} PAN pixels left and {y} above"),
    translatable("this was not asked for"),
    translatable("it changes with every attempt"),
    translatable("it changes by {length} PAN pixels across the scene"),
    translatable("only {agreeing} of {count} windows agree to {length} PAN pixels"),
    translatable("its standard error is {error} PAN pixels"),
    translatable("no part of the scene is large enough and free of invalid pixels"),
    translatable("no part of the scene shows the same ground in both"),
    translatable("the scene has fewer than {width} × {height} multispectral pixels"),
    translatable("no band grows brighter where PAN does"),
    # Of the self-test, about its scene.
    translatable("sharpened with {weights} in {seconds} s"),
    translatable("not sharpened: {error}"),
    translatable("not tried, as no weights were found"),
)
_FIELD = re.compile(r"\{(\w+)\}")
_NEXT_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z])")


def in_language(text: str) -> str:
    """Return a text of the engine in the language of QGIS; as it is where it is not known whole."""
    sentences = [_translated(sentence) for sentence in _NEXT_SENTENCE.split(text)]
    return text if None in sentences else " ".join(map(str, sentences))


def _translated(text: str) -> str | None:
    """Return a known text translated, its fields as well where they are known."""
    for known, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found:
            fields = found.groupdict()
            return tr(known, **{name: _translated(part) or part for name, part in fields.items()})
    return None


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the known texts, those that say most first, each with what it matches."""
    ordered = sorted(KNOWN, key=lambda known: -len(_FIELD.sub("", known)))
    return tuple((known, re.compile(_matching(known), re.DOTALL)) for known in ordered)


def _matching(known: str) -> str:
    literals_and_names = _FIELD.split(known)
    return "".join(
        f"(?P<{part}>.+)" if number % 2 else re.escape(part)
        for number, part in enumerate(literals_and_names)
    )
