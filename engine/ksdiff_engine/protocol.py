"""The lines that a worker and its parent exchange: one JSON object each, standard library only.

Parent to worker: one request, ``{"job": {...}}``. Worker to parent: any number of ``progress`` and
``warning`` events, then exactly one of ``done`` and ``error``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Union


class ProtocolError(ValueError):
    """A line is not what the protocol allows."""


@dataclass(frozen=True)
class Progress:
    """How far the job is: ``fraction`` in 0..1, never falling, and what is being done."""

    event: ClassVar[str] = "progress"
    fraction: float
    message: str = ""


@dataclass(frozen=True)
class Warn:
    """Something the user should know that does not stop the job."""

    event: ClassVar[str] = "warning"
    message: str


@dataclass(frozen=True)
class Done:
    """The job is complete; ``result`` is what :func:`ksdiff_engine.pipeline.run_job` returned."""

    event: ClassVar[str] = "done"
    result: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """The job ended without a result; the fields are those of ``EngineError``."""

    event: ClassVar[str] = "error"
    kind: str
    message: str
    hint: str = ""


Event = Union[Progress, Warn, Done, Failure]
_EVENTS: dict[str, type] = {cls.event: cls for cls in (Progress, Warn, Done, Failure)}
_FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "fraction": (float, int),
    "message": (str,),
    "result": (dict,),
    "kind": (str,),
    "hint": (str,),
}


def encode(event: Event) -> str:
    """Return the event as one line of ASCII JSON, without the line end.

    ASCII keeps the line intact whatever encoding the pipe has, and lets file names that are not
    valid Unicode pass. Raises ``ValueError`` for what JSON has no word for (NaN, infinities).
    """
    return json.dumps({"event": event.event, **asdict(event)}, allow_nan=False)


def decode(line: str) -> Event:
    """Return the event that a line holds.

    Unknown keys are ignored, so that an older parent understands a newer worker. Raises
    ``ProtocolError`` when the line is not JSON, not an event, or lacks a field.
    """
    data = _decode_object(line)
    cls = _EVENTS.get(str(data.get("event")))
    if cls is None:
        raise ProtocolError(f"not an event of the worker: {_shorten(line)}")
    known = {field.name for field in fields(cls)}
    values = {key: value for key, value in data.items() if key in known}
    for key, value in values.items():
        if not isinstance(value, _FIELD_TYPES[key]) or isinstance(value, bool):
            raise ProtocolError(f"the field {key!r} has the wrong type: {_shorten(line)}")
    try:
        return cls(**values)
    except TypeError as error:
        raise ProtocolError(f"a field is missing ({error}): {_shorten(line)}") from error


def encode_request(job: dict[str, Any]) -> str:
    """Return the line that asks for a job; ``job`` is ``to_dict()`` of one of ``job.py``."""
    return json.dumps({"job": job}, allow_nan=False)


def decode_request(line: str) -> dict[str, Any]:
    """Return the job's dictionary from a request line, or raise ``ProtocolError``."""
    job = _decode_object(line).get("job")
    if not isinstance(job, dict):
        raise ProtocolError(f'a request is {{"job": {{...}}}}, not: {_shorten(line)}')
    return job


def _decode_object(line: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise ProtocolError(f"not a line of JSON ({error}): {_shorten(line)}") from error
    if not isinstance(data, dict):
        raise ProtocolError(f"not a JSON object: {_shorten(line)}")
    return data


def _shorten(line: str, length: int = 120) -> str:
    text = line.strip()
    return text if len(text) <= length else text[: length - 1] + "…"
