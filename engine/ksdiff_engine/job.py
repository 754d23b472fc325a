"""Jobs: what a caller asks the engine to do. Frozen, validated when made, JSON in and out.

Standard library only, so that the plugin builds jobs without numpy or torch.
"""

from __future__ import annotations

import os
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, TypeVar, get_type_hints

from ksdiff_engine.errors import InputError

DEVICES = ("auto", "cpu", "cuda")
PRIOR_SCOPES = ("scene", "tile")
OUTPUT_TYPES = ("input", "Byte", "UInt16", "Int16", "UInt32", "Int32", "Float32")
SMALLEST_TILE = 64
LARGEST_SEED = 2**63 - 1

JobType = TypeVar("JobType", bound="Job")


@dataclass(frozen=True)
class Job:
    """What all jobs share: the way to and from a JSON object whose ``kind`` names the class."""

    kind: ClassVar[str] = ""

    @classmethod
    def from_dict(cls: type[JobType], data: dict[str, Any]) -> JobType:
        """Make a job from its JSON object (``kind`` may be left out).

        Raises ``InputError`` for unknown, missing and ill-typed fields, by name.
        """
        hints = get_type_hints(cls)
        values = {key: value for key, value in data.items() if key != "kind"}
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InputError(
                f"The job {cls.kind!r} has no field {', '.join(map(repr, unknown))}.",
                hint=f"Its fields are: {', '.join(known)}.",
            )
        missing = [f.name for f in fields(cls) if f.default is MISSING and f.name not in values]
        if missing:
            raise InputError(f"The job {cls.kind!r} lacks {', '.join(map(repr, missing))}.")
        return cls(**{key: _typed(key, value, hints[key]) for key, value in values.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the job as a JSON object: ``kind`` and every field, tuples as lists."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        return {"kind": self.kind, **plain}


@dataclass(frozen=True)
class PansharpenJob(Job):
    """Pansharpen one scene with KSDiff.

    Attributes:
        pan: path of the panchromatic raster.
        ms: paths of the multispectral rasters, stacked in this order.
        output: path of the GeoTIFF to write; replaced when it exists.
        bands: 1-based bands of the stacked MS to sharpen; empty for all.
        weights: name in the catalogue, path of a ``.safetensors`` file, or ``auto``.
        weights_folders: folders searched for weights besides the built-in one.
        device: ``auto``, ``cpu`` or ``cuda``.
        prior_scope: ``scene`` (one prior, kernels baked once) or ``tile``.
        seed: of the prior's initial noise; 0 .. 2**63 - 1.
        tile: edge of a tile in PAN pixels; 0 lets the engine choose.
        output_type: GDAL's name of the result's data type, or ``input`` for that of the MS.
        creation_options: GDAL GeoTIFF creation options, ``KEY=VALUE``.
        sensor: name of a sensor profile, or ``auto``.
        pan_band: 1-based band of the PAN file; 0 when it has only one.
        threads: CPU threads; 0 for all.
    """

    kind: ClassVar[str] = "pansharpen"

    pan: str
    ms: tuple[str, ...]
    output: str
    bands: tuple[int, ...] = ()
    weights: str = "auto"
    weights_folders: tuple[str, ...] = ()
    device: str = "auto"
    prior_scope: str = "scene"
    seed: int = 0
    tile: int = 0
    output_type: str = "input"
    creation_options: tuple[str, ...] = ()
    sensor: str = "auto"
    pan_band: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        check_inputs(self.pan, self.ms, self.bands, self.pan_band)
        check_output(self.output, (self.pan, *self.ms), self.output_type, self.creation_options)
        check_choice("device", self.device, DEVICES)
        check_choice("prior_scope", self.prior_scope, PRIOR_SCOPES)
        check_range("seed", self.seed, 0, LARGEST_SEED)
        check_range("threads", self.threads, 0, 4096)
        check_tile(self.tile)
        for name in ("weights", "sensor"):
            if not getattr(self, name).strip():
                raise InputError(f"The field {name!r} is empty.", hint="Use 'auto'.")


JOBS: dict[str, type[Job]] = {cls.kind: cls for cls in (PansharpenJob,)}


def job_from_dict(data: dict[str, Any]) -> Job:
    """Make the job that the object's ``kind`` names; ``InputError`` when there is none such."""
    kind = data.get("kind")
    if kind not in JOBS:
        raise InputError(
            f"There is no job of kind {kind!r}.", hint=f"The kinds are: {', '.join(JOBS)}."
        )
    return JOBS[kind].from_dict(data)


def check_inputs(pan: str, ms: tuple[str, ...], bands: tuple[int, ...], pan_band: int) -> None:
    """Check the names and band numbers of a PAN/MS pair, without touching the disk."""
    if not pan.strip():
        raise InputError("No panchromatic raster was given.", hint="Name the PAN file.")
    if not ms or not all(path.strip() for path in ms):
        raise InputError(
            "No multispectral raster was given.", hint="Name the MS file, or one file a band."
        )
    if any(band < 1 for band in bands):
        raise InputError(f"Bands are counted from 1; {min(bands)} was given.")
    repeated = sorted({band for band in bands if bands.count(band) > 1})
    if repeated:
        raise InputError(f"Band {repeated[0]} was given {bands.count(repeated[0])} times.")
    check_range("pan_band", pan_band, 0, 65536)


def check_output(
    output: str, inputs: tuple[str, ...], output_type: str, creation_options: tuple[str, ...]
) -> None:
    """Check the name and format of a raster to write, without touching the disk."""
    if not output.strip():
        raise InputError("No output file was given.", hint="Name the GeoTIFF to write.")
    if any(_same_path(output, path) for path in inputs):
        raise InputError(
            f"The output would replace its own input {output}.", hint="Choose another name."
        )
    check_choice("output_type", output_type, OUTPUT_TYPES)
    for option in creation_options:
        if not option.partition("=")[0] or "=" not in option:
            raise InputError(
                f"The creation option {option!r} is not KEY=VALUE.", hint="E.g. COMPRESS=ZSTD."
            )


def check_tile(tile: int) -> None:
    """Check a tile's edge in PAN pixels: 0 (chosen), or at least ``SMALLEST_TILE``."""
    check_range("tile", tile, 0, 65536)
    if 0 < tile < SMALLEST_TILE:
        raise InputError(
            f"A tile of {tile} pixels is too small; the smallest is {SMALLEST_TILE}.",
            hint="Use 0 to let the engine choose.",
        )


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ``InputError`` unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise InputError(
            f"{value!r} is not a value of {name!r}.", hint=f"Use one of: {', '.join(choices)}."
        )


def check_range(name: str, value: int, lowest: int, highest: int) -> None:
    """Raise ``InputError`` unless ``lowest <= value <= highest``."""
    if not lowest <= value <= highest:
        raise InputError(f"{name!r} must be between {lowest} and {highest}; {value} was given.")


def _same_path(one: str, other: str) -> bool:
    def canonical(path: str) -> str:
        return os.path.normcase(os.path.realpath(os.path.abspath(path)))

    return canonical(one) == canonical(other)


def _typed(name: str, value: Any, hint: Any) -> Any:
    """Return a JSON value as the field's type; only a list is converted, to a tuple."""
    if hint in (str, int, float, bool):
        accepted = (int, float) if hint is float else (hint,)
        if isinstance(value, accepted) and (hint is bool or not isinstance(value, bool)):
            return value
        raise InputError(f"The field {name!r} must be of type {hint.__name__}, not {value!r}.")
    if not isinstance(value, (list, tuple)):
        raise InputError(f"The field {name!r} must be a list, not {value!r}.")
    return tuple(_typed(name, item, hint.__args__[0]) for item in value)
