"""A weights file's card as text for people: what the network is for, its origin, how good it is.

Plain text, in English like all that the engine says; free of numpy, so that the plugin can show it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ksdiff_engine.sensors import DEFAULT, SensorProfile, detect_sensor
from ksdiff_engine.weights import CatalogueEntry

# Of a row of figures, what is no figure.
_LABELS = ("scene", "ratio", "method")
# Of the training, what has lines of its own.
_TOLD = ("data", "steps", "seconds")


def card_text(entry: CatalogueEntry) -> str:
    """The whole card, in paragraphs under headings; lines are as long as their paragraphs."""
    card = entry.card
    parts: list[tuple[str, Iterable[str]]] = [
        ("", (f"{entry.title} ({entry.name})", card["description"])),
        ("Made for", (entry.fits, *_band_lines(card["bands"]))),
        ("Limits", _texts(card["limits"])),
        ("Sensors seen in training", _sensor_lines(card)),
        ("Data and licences", _source_lines(card["training"].get("data", ()))),
        ("Training", _training_lines(card["training"])),
        ("Figures on test scenes", _figure_lines(card["metrics"])),
        ("Network", (_pairs(card["architecture"]), f"inputs: {_plain(card['normalisation'])}")),
        ("File", (entry.path, *_hash_lines(card))),
    ]
    if "adapted" in card:
        parts.insert(2, ("Adapted to one scene", (_pairs(card["adapted"]),)))
    return "\n\n".join(_part(heading, lines) for heading, lines in parts)


def _part(heading: str, lines: Iterable[str]) -> str:
    body = [line for line in lines if line] or ["nothing is said"]
    return "\n".join(([f"{heading}:"] if heading else []) + body)


def _texts(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def _band_lines(bands: str | Sequence[Any]) -> Iterator[str]:
    """The bands that the network needs, where it does not take any."""
    if not isinstance(bands, str):
        yield "in this order: " + ", ".join(_plain(band) for band in bands)


def _sensor_lines(card: Mapping[str, Any]) -> Iterator[str]:
    """Each sensor with its bands' wavelengths: those of the card, else of the sensor's profile."""
    known = card.get("wavelengths", {})
    for name in card["sensors"]:
        bands = known.get(name) or sensor_bands(detect_sensor([str(name)]))
        listed = ", ".join(f"{band} {low:g}–{high:g} nm" for band, low, high in bands)
        yield f"{name}: {listed}" if listed else str(name)


def sensor_bands(profile: SensorProfile) -> list[tuple[str, float, float]]:
    """Name, shortest and longest wavelength (nm) of each band; none of an unknown sensor."""
    if profile.name == DEFAULT.name:
        return []
    return [(band.name, band.shortest, band.longest) for band in profile.ms_bands]


def _source_lines(sources: Iterable[Any]) -> Iterator[str]:
    for source in sources:
        if isinstance(source, Mapping):
            about = ", ".join(_plain(source[key]) for key in ("files", "source") if key in source)
            yield f"{about}; licence: {_plain(source.get('licence', 'none stated'))}"
        else:
            yield _plain(source)


def _training_lines(training: Mapping[str, Any]) -> Iterator[str]:
    steps, seconds = (training.get(key) or {} for key in ("steps", "seconds"))
    if isinstance(steps, Mapping) and isinstance(seconds, Mapping):
        for stage, count in steps.items():
            spent = f", {seconds[stage] / 60:.0f} minutes" if stage in seconds else ""
            yield f"{stage}: {count} steps{spent}"
    else:
        yield f"{_plain(steps)} steps, {_plain(seconds)} seconds"
    yield _pairs({key: value for key, value in training.items() if key not in _TOLD})


def _figure_lines(metrics: Any) -> Iterator[str]:
    """Rows of figures as a table with aligned columns; anything else as it is."""
    rows = [row for row in metrics if isinstance(row, Mapping)] if isinstance(metrics, list) else []
    if not rows:
        if metrics:
            yield _plain(metrics)
        return
    columns = dict.fromkeys(key for row in rows for key in row)
    heads = [*(key for key in _LABELS if key in columns), *(k for k in columns if k not in _LABELS)]
    cells = [heads, *([_figure(row.get(key, "")) for key in heads] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(heads))]
    for line in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()


def _figure(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else _plain(value)


def _hash_lines(card: Mapping[str, Any]) -> Iterator[str]:
    if "tensors_sha256" in card:
        yield f"SHA-256 of the tensors: {card['tensors_sha256']}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', ' ')}: {_plain(value)}" for key, value in values.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
