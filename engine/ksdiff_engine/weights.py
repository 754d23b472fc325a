"""Weights files and their cards, read without torch.

A file is in the safetensors format: 8 bytes of length (little endian), a JSON header of that
length, then the tensors' bytes. The header's metadata holds the key ``card``: one JSON object that
says what the network is, where it was learnt and what it fits. Nothing here loads a tensor, and
nothing anywhere unpickles: a pickle runs code when it is read.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from ksdiff_engine._resources import resources_folder
from ksdiff_engine.errors import WeightsError
from ksdiff_engine.job import WEIGHTS_SUFFIX
from ksdiff_engine.sensors import DEFAULT, detect_sensor

CARD_FORMAT = 1
SUFFIX = WEIGHTS_SUFFIX
ADAPTED = "adapted"  # the key of a card that says to which scene weights were adapted
_LARGEST_HEADER = 100_000_000  # the safetensors format's own limit
_ELEMENT_BYTES = {
    **{"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4},
    **{"F16": 2, "BF16": 2, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1},
}
_REQUIRED: dict[str, Any] = {
    "name": str,
    "title": str,
    "description": str,
    "architecture": dict,
    "normalisation": (str, dict),
    "sensors": list,
    "training": dict,
    "metrics": (dict, list),
    "limits": (str, list),
}
_FETCH_AGAIN = "Copy or download the file again."

Pathlike = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class CatalogueEntry:
    """One usable weights file: where it is and what its card says."""

    path: str
    card: dict[str, Any]

    @property
    def name(self) -> str:
        return self.card["name"]

    @property
    def title(self) -> str:
        return self.card["title"]

    @property
    def ratio(self) -> tuple[float, float]:
        """Lowest and highest ratio (PAN pixels per MS pixel) the weights are for."""
        lowest, highest = self.card["ratio"]
        return float(lowest), float(highest)

    @property
    def bands(self) -> int | None:
        """Number of MS bands the weights need; None for any."""
        return None if self.card["bands"] == "any" else len(self.card["bands"])

    @property
    def is_adapted(self) -> bool:
        """Whether they were fine-tuned on one scene, for which alone they are meant."""
        return ADAPTED in self.card

    @property
    def fits(self) -> str:
        """What scenes the weights are made for, in plain words."""
        bands = "any number of bands" if self.bands is None else f"{self.bands} bands"
        lowest, highest = self.ratio
        ratio = f"ratio {lowest:g}" if lowest == highest else f"ratios {lowest:g} to {highest:g}"
        return f"{bands}, {ratio}"


def read_card(path: Pathlike) -> dict[str, Any]:
    """Return the card of a weights file, checked, as the JSON object it is.

    Keys: ``format`` (1), ``name``, ``title``, ``description``, ``architecture`` (class and
    parameters), ``bands`` ("any" or the list of band names), ``ratio`` ([lowest, highest]),
    ``normalisation``, ``sensors``, ``training``, ``metrics``, ``limits``; files that
    :func:`.model.storage.save_network` writes also ``tensors_sha256`` (:func:`check_tensors`).

    Raises ``WeightsError`` naming file and remedy when the file is missing, a pickle, truncated,
    not safetensors, without a card, of another format, or its card lacks something.
    """
    header = _read_header(path)
    metadata = header.get("__metadata__")
    text = metadata.get("card") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise WeightsError(
            f"{path} holds tensors but no card, so it is not known what they are.",
            hint="Use a file that `ksdiff_training export` has written.",
        )
    try:
        card = json.loads(text)
    except ValueError as error:
        raise WeightsError(f"The card of {path} is damaged: {error}.", hint=_FETCH_AGAIN) from error
    _check_card(card, path)
    return card


def sha256(path: Pathlike) -> str:
    """Return the file's SHA-256 in hexadecimal; it identifies weights in tags and reports."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def tensors_sha256(path: Pathlike) -> str:
    """Return the SHA-256 of the tensors' bytes, all that follows the header, in hexadecimal.

    Raises ``WeightsError`` as :func:`read_card` does, for a file that is damaged.
    """
    _read_header(path)
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            file.seek(int.from_bytes(file.read(8), "little"), os.SEEK_CUR)
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def check_tensors(path: Pathlike, card: dict[str, Any]) -> None:
    """Raise ``WeightsError`` unless the tensors are those that the card was written for.

    Cards of earlier versions hold no hash; nothing is checked then.
    """
    expected = card.get("tensors_sha256")
    if expected is None:
        return
    found = tensors_sha256(path)
    if found != expected:
        raise WeightsError(
            f"The tensors of {path} are not those that its card was written for: their SHA-256 is "
            f"{found}, not {expected}.",
            hint=_FETCH_AGAIN,
        )


def weights_folders(extra: Iterable[Pathlike] = ()) -> tuple[str, ...]:
    """Return the folders searched for weights: those given, then the built-in one."""
    return (*(os.fspath(folder) for folder in extra), str(resources_folder() / "weights"))


def catalogue(
    folders: Iterable[Pathlike], on_problem: Callable[[WeightsError], None] | None = None
) -> tuple[CatalogueEntry, ...]:
    """Return the usable weights in the folders, in the order of folders and file names.

    A missing folder is an empty one. A file that cannot be used is passed to ``on_problem`` and
    left out; of two files with one name in their cards the first counts.
    """
    entries: dict[str, CatalogueEntry] = {}
    for folder in folders:
        for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
            try:
                entry = CatalogueEntry(str(path), read_card(path))
            except WeightsError as error:
                if on_problem is not None:
                    on_problem(error)
                continue
            entries.setdefault(entry.name, entry)
    return tuple(entries.values())


def find(name: str, entries: Sequence[CatalogueEntry]) -> CatalogueEntry:
    """Return the weights of that name in the catalogue, or of that path on disk.

    Raises ``WeightsError`` naming the weights that exist.
    """
    for entry in entries:
        if entry.name == name:
            return entry
    if name.endswith(SUFFIX) or os.path.basename(name) != name:
        return CatalogueEntry(name, read_card(name))
    raise WeightsError(
        f"There are no weights named {name!r}.", hint=f"There are: {_listing(entries)}."
    )


def select(
    entries: Sequence[CatalogueEntry], *, bands: int, ratio: float, sensor: str = DEFAULT.name
) -> tuple[CatalogueEntry, str]:
    """Return the weights that fit a scene best, and why, in plain words.

    entries: from :func:`catalogue`; bands: number of MS bands; ratio: PAN pixels per MS pixel,
    rounded; sensor: name of the sensor's profile. Weights must take the bands and the ratio. Of
    these, weights that learnt from the sensor come first, then those for the narrowest range of
    ratios, then the catalogue's order. Weights that were adapted to one scene are for those who
    name them. Raises ``WeightsError`` naming what there is.
    """
    general = [entry for entry in entries if not entry.is_adapted]
    fitting = [entry for entry in general if _fits(entry, bands, ratio)]
    if not fitting:
        raise WeightsError(
            f"No weights fit {bands} bands at ratio {ratio:g}.",
            hint=f"There are: {_listing(general)}. A classical method takes any scene.",
        )
    best = min(fitting, key=lambda entry: (not _knows(entry, sensor), _span(entry)))
    reason = f"made for {best.fits}"
    if sensor != DEFAULT.name and _knows(best, sensor):
        reason += f"; its training data include {sensor}"
    elif sensor != DEFAULT.name:
        reason += f"; its training data do not include {sensor}"
    return best, reason


def check_fit(entry: CatalogueEntry, *, bands: int, ratio: float) -> None:
    """Raise ``WeightsError`` unless weights that a user named take these bands and this ratio."""
    if not _fits(entry, bands, ratio):
        raise WeightsError(
            f"The weights {entry.name!r} are made for {entry.fits}; "
            f"the scene has {bands} bands at ratio {ratio:g}.",
            hint="Choose other weights, or 'auto'.",
        )


def _fits(entry: CatalogueEntry, bands: int, ratio: float) -> bool:
    lowest, highest = entry.ratio
    return entry.bands in (None, bands) and lowest <= ratio <= highest


def _knows(entry: CatalogueEntry, sensor: str) -> bool:
    """Whether the card names the sensor, by the profile's name or one its patterns recognise."""
    named = (str(name) for name in entry.card["sensors"])
    return any(sensor in (name, detect_sensor([name]).name) for name in named)


def _span(entry: CatalogueEntry) -> float:
    lowest, highest = entry.ratio
    return highest - lowest


def _listing(entries: Sequence[CatalogueEntry]) -> str:
    return "; ".join(f"{entry.name} ({entry.fits})" for entry in entries) or "none at all"


def _unreadable(path: Pathlike, error: OSError) -> WeightsError:
    return WeightsError(
        f"The weights file {path} cannot be read: {error.strerror or error}.",
        hint="Check the name and the permissions.",
    )


def _read_header(path: Pathlike) -> dict[str, Any]:
    """Return the safetensors header after checking the file's size against it."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(8)
            length = int.from_bytes(start, "little")
            if len(start) < 8 or not 2 <= length <= min(size - 8, _LARGEST_HEADER):
                _refuse_pickle(start, path)
                raise WeightsError(
                    f"{path} is not a safetensors file, or is cut short ({size} bytes).",
                    hint=_FETCH_AGAIN,
                )
            text = file.read(length)
    except OSError as error:
        raise _unreadable(path, error) from error
    return _parse_header(text, size - 8 - length, os.fspath(path))


# Every algorithm that offers weights reads the catalogue when QGIS starts. Keyed by the bytes, so
# that a file which was replaced is not taken for the old one. Callers change nothing in it.
@functools.lru_cache(maxsize=32)
def _parse_header(text: bytes, available: int, path: str) -> dict[str, Any]:
    """Return the header, checked against itself and the bytes of tensors behind it."""
    try:
        header = json.loads(text.decode("utf-8"))
    except ValueError as error:
        raise WeightsError(f"The header of {path} is damaged.", hint=_FETCH_AGAIN) from error
    if not isinstance(header, dict):
        raise WeightsError(f"The header of {path} is no JSON object.", hint=_FETCH_AGAIN)
    _check_tensors(header, available, path)
    return header


def _refuse_pickle(start: bytes, path: Pathlike) -> None:
    """Refuse torch.save's zip archives and bare pickles by their first bytes.

    Only for what no safetensors file starts with: a header of 128, 384, 640 … bytes has a length
    that begins like a pickle.
    """
    if start.startswith(b"PK") or start.startswith(b"\x80"):
        raise WeightsError(
            f"{path} is a pickle (torch.save), which could run any code; it was not opened.",
            hint="Use a .safetensors file.",
        )


def _check_tensors(header: dict[str, Any], available: int, path: Pathlike) -> None:
    """Check that the tensors' extents follow one another and end with the file."""
    tensors = {name: value for name, value in header.items() if name != "__metadata__"}
    try:
        extents = sorted(_extent(name, value) for name, value in tensors.items())
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"The header of {path} is damaged: {error}.", hint=_FETCH_AGAIN
        ) from error
    position = 0
    for begin, end in extents:
        if begin != position:
            raise WeightsError(f"The tensors of {path} overlap or leave gaps.", hint=_FETCH_AGAIN)
        position = end
    if not extents or position != available:
        raise WeightsError(
            f"{path} holds {available} bytes of tensors; its header promises {position}.",
            hint=_FETCH_AGAIN,
        )


def _extent(name: str, tensor: dict[str, Any]) -> tuple[int, int]:
    begin, end = tensor["data_offsets"]
    size = _ELEMENT_BYTES[tensor["dtype"]] * math.prod(tensor["shape"])
    if end - begin != size:
        raise ValueError(f"tensor {name!r} takes {end - begin} bytes instead of {size}")
    return begin, end


def _check_card(card: Any, path: Pathlike) -> None:
    if not isinstance(card, dict):
        raise WeightsError(f"The card of {path} is no JSON object.", hint=_FETCH_AGAIN)
    if card.get("format") != CARD_FORMAT:
        raise WeightsError(
            f"The card of {path} has format {card.get('format')!r}; "
            f"this version reads format {CARD_FORMAT}.",
            hint="Use weights of this version, or update the plugin.",
        )
    for key, kind in _REQUIRED.items():
        if not isinstance(card.get(key), kind):
            raise WeightsError(f"The card of {path} lacks a usable {key!r}.", hint=_FETCH_AGAIN)
    if not _is_ratio(card.get("ratio")):
        raise WeightsError(
            f"The card of {path} has no ratio [lowest, highest]: {card.get('ratio')!r}.",
            hint=_FETCH_AGAIN,
        )
    bands = card.get("bands")
    if bands != "any" and not (isinstance(bands, list) and bands):
        raise WeightsError(f"The card of {path} names no bands: {bands!r}.", hint=_FETCH_AGAIN)


def _is_ratio(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value)
        and 1 <= value[0] <= value[1]
    )
