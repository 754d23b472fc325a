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
REGISTER = ("follow", "correct", "report", "off")  # the first is the default
OUTPUT_TYPES = ("input", "Byte", "UInt16", "Int16", "UInt32", "Int32", "Float32")
# The keys of ``classical.METHODS``, which needs numpy.
CLASSICAL_METHODS = (
    *("exp", "brovey", "bt-h", "gihs", "gs", "gsa", "sfim", "awlp"),
    *("mtf-glp", "mtf-glp-hpm", "mtf-glp-hpm-r", "mtf-glp-fs", "bdsd-pc"),
)
KSDIFF = "ksdiff"
COMPARED_METHODS = (*CLASSICAL_METHODS, KSDIFF)
SMALLEST_TILE = 64
LARGEST_SEED = 2**63 - 1
LARGEST_SAMPLE = 400.0  # megapixels
ADAPTED_PARTS = ("all", "kernels")
LARGEST_STEPS = 1_000_000
LARGEST_MINUTES = 1440
WEIGHTS_SUFFIX = ".safetensors"

JobType = TypeVar("JobType", bound="Job")


@dataclass(frozen=True)
class Job:
    """What all jobs share: the way to and from a JSON object whose ``kind`` names the class."""

    kind: ClassVar[str] = ""
    output_fields: ClassVar[tuple[str, ...]] = ("output",)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Paths of the files that the job writes."""
        return tuple(path for path in (getattr(self, f) for f in self.output_fields) if path)

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
        register: measure the shift between PAN and MS and, where it can be trusted, let PAN
            ``follow`` MS by resampling it, or ``correct`` MS's place; or ``report`` it alone, or
            leave it ``off``.
        pyramids: give the result overviews, for viewers.
        resume: keep finished tiles beside the output, and go on from those of a run that was
            interrupted.
        workers: processes on this machine to fuse the tiles in, by Dask; 0 for this one.
        scheduler: address of a Dask cluster to fuse the tiles on; empty for none.
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
    register: str = REGISTER[0]
    pyramids: bool = False
    resume: bool = False
    workers: int = 0
    scheduler: str = ""

    def __post_init__(self) -> None:
        check_inputs(self.pan, self.ms, self.bands, self.pan_band)
        check_output(self.output, (self.pan, *self.ms), self.output_type, self.creation_options)
        check_choice("device", self.device, DEVICES)
        check_choice("prior_scope", self.prior_scope, PRIOR_SCOPES)
        check_range("seed", self.seed, 0, LARGEST_SEED)
        check_range("threads", self.threads, 0, 4096)
        check_tile(self.tile)
        check_choice("register", self.register, REGISTER)
        check_not_empty(self, "weights", "sensor")
        check_range("workers", self.workers, 0, 4096)
        if self.workers and self.scheduler:
            raise InputError(
                "Both 'workers' and 'scheduler' were given.",
                hint="Give 'workers' for processes on this machine, 'scheduler' for a cluster.",
            )


@dataclass(frozen=True)
class ClassicalJob(Job):
    """Pansharpen one scene with a classical method; fields as in :class:`PansharpenJob`.

    Attributes:
        method: one of ``CLASSICAL_METHODS``.
    """

    kind: ClassVar[str] = "classical"

    pan: str
    ms: tuple[str, ...]
    output: str
    method: str
    bands: tuple[int, ...] = ()
    tile: int = 0
    output_type: str = "input"
    creation_options: tuple[str, ...] = ()
    sensor: str = "auto"
    pan_band: int = 0
    threads: int = 0
    register: str = REGISTER[0]
    pyramids: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        check_inputs(self.pan, self.ms, self.bands, self.pan_band)
        check_output(self.output, (self.pan, *self.ms), self.output_type, self.creation_options)
        check_choice("method", self.method, CLASSICAL_METHODS)
        check_range("threads", self.threads, 0, 4096)
        check_tile(self.tile)
        check_choice("register", self.register, REGISTER)
        check_not_empty(self, "sensor")


@dataclass(frozen=True)
class DegradeJob(Job):
    """Reduce a pair by its own ratio (Wald's protocol), so that the MS becomes the reference.

    Attributes:
        output_pan: GeoTIFF of the reduced PAN, on pixels of the MS.
        output_ms: GeoTIFF of the MS reduced by the ratio.
        output_reference: GeoTIFF of the MS cut to the reduced PAN; empty for none.
        register: as in :class:`PansharpenJob`; MS keeps its georeference when PAN is reduced to it
            where it belongs.
    """

    kind: ClassVar[str] = "degrade"
    output_fields: ClassVar[tuple[str, ...]] = ("output_pan", "output_ms", "output_reference")

    pan: str
    ms: tuple[str, ...]
    output_pan: str
    output_ms: str
    output_reference: str = ""
    bands: tuple[int, ...] = ()
    creation_options: tuple[str, ...] = ()
    sensor: str = "auto"
    pan_band: int = 0
    threads: int = 0
    register: str = REGISTER[0]

    def __post_init__(self) -> None:
        check_inputs(self.pan, self.ms, self.bands, self.pan_band)
        inputs = (self.pan, *self.ms)
        check_output(self.output_pan, inputs, "input", self.creation_options)
        check_output(self.output_ms, inputs, "input", self.creation_options)
        check_optional_outputs(inputs, self.outputs)
        check_range("threads", self.threads, 0, 4096)
        check_choice("register", self.register, REGISTER)
        check_not_empty(self, "sensor")


@dataclass(frozen=True)
class AssessWithoutReferenceJob(Job):
    """Measure a fused image against the PAN and MS that it came from (HQNR and its kin).

    Attributes:
        fused: path of the fused raster, on the PAN's pixels or a cut of them.
        bands: 1-based bands of the stacked MS that were fused; empty for all.
        html: path of a report to write; empty for none.
    """

    kind: ClassVar[str] = "assess_without_reference"
    output_fields: ClassVar[tuple[str, ...]] = ("html",)

    pan: str
    ms: tuple[str, ...]
    fused: str
    html: str = ""
    bands: tuple[int, ...] = ()
    sensor: str = "auto"
    pan_band: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        check_inputs(self.pan, self.ms, self.bands, self.pan_band)
        check_not_empty(self, "fused", "sensor")
        check_optional_outputs((self.pan, *self.ms, self.fused), self.outputs)
        check_range("threads", self.threads, 0, 4096)


@dataclass(frozen=True)
class AssessAgainstReferenceJob(Job):
    """Measure a fused image against a reference of the same pixels (SAM, ERGAS, Q2n and more).

    Attributes:
        reference: paths of the reference rasters, stacked in this order.
        fused: path of the fused raster; it may be a cut of the reference's grid, or the other way.
        ratio: PAN pixels per MS pixel, for ERGAS; 0 takes it from the fused file's tags.
        peak: largest possible value, for PSNR and SSIM; 0 takes the reference's largest.
        bands: 1-based bands of the stacked reference; empty for all.
        error_map: path of a GeoTIFF with the errors of each pixel; empty for none.
        html: path of a report to write; empty for none.
    """

    kind: ClassVar[str] = "assess_against_reference"
    output_fields: ClassVar[tuple[str, ...]] = ("error_map", "html")

    reference: tuple[str, ...]
    fused: str
    ratio: float = 0.0
    peak: float = 0.0
    bands: tuple[int, ...] = ()
    error_map: str = ""
    html: str = ""
    creation_options: tuple[str, ...] = ()
    threads: int = 0

    def __post_init__(self) -> None:
        if not self.reference or not all(path.strip() for path in self.reference):
            raise InputError("No reference was given.", hint="Name the reference raster.")
        check_bands(self.bands)
        check_not_empty(self, "fused")
        check_optional_outputs((*self.reference, self.fused), self.outputs)
        check_creation_options(self.creation_options)
        if self.ratio:
            check_range("ratio", self.ratio, 1, 1000)
        if not 0.0 <= self.peak < float("inf"):
            raise InputError(f"'peak' must be a positive number; {self.peak} was given.")
        check_range("threads", self.threads, 0, 4096)


@dataclass(frozen=True)
class CompareJob(Job):
    """Run several methods on a pair, at reduced and at full resolution, and rank them.

    Attributes:
        methods: of ``COMPARED_METHODS``; empty for all.
        megapixels: PAN pixels, in millions, of the sample on which the methods run.
        html: path of a report to write; empty for none.
        weights, weights_folders, device, prior_scope, seed: of KSDiff, as in
            :class:`PansharpenJob`.
        register: as in :class:`PansharpenJob`, for both resolutions.
    """

    kind: ClassVar[str] = "compare"
    output_fields: ClassVar[tuple[str, ...]] = ("html",)

    pan: str
    ms: tuple[str, ...]
    methods: tuple[str, ...] = ()
    html: str = ""
    megapixels: float = 2.0
    bands: tuple[int, ...] = ()
    weights: str = "auto"
    weights_folders: tuple[str, ...] = ()
    device: str = "auto"
    prior_scope: str = "scene"
    seed: int = 0
    sensor: str = "auto"
    pan_band: int = 0
    threads: int = 0
    register: str = REGISTER[0]

    def __post_init__(self) -> None:
        check_inputs(self.pan, self.ms, self.bands, self.pan_band)
        for method in self.methods:
            check_choice("methods", method, COMPARED_METHODS)
        check_optional_outputs((self.pan, *self.ms), self.outputs)
        if not 0.0 < self.megapixels <= LARGEST_SAMPLE:
            raise InputError(
                f"'megapixels' must be above 0 and at most {LARGEST_SAMPLE:g}; "
                f"{self.megapixels} was given."
            )
        check_choice("device", self.device, DEVICES)
        check_choice("prior_scope", self.prior_scope, PRIOR_SCOPES)
        check_range("seed", self.seed, 0, LARGEST_SEED)
        check_range("threads", self.threads, 0, 4096)
        check_choice("register", self.register, REGISTER)
        check_not_empty(self, "weights", "sensor")


@dataclass(frozen=True)
class AdaptJob(Job):
    """Fine-tune weights on a scene at reduced resolution, and write them if they are better.

    Attributes:
        output: path of the ``.safetensors`` file to write; its name is the new weights' name.
        weights, weights_folders, device: as in :class:`PansharpenJob`; the weights to begin with.
        seed: of the blocks that are held out, the patches and the noise.
        steps: the most training steps.
        minutes: the longest training time; a run that it cuts short depends on the machine.
        parts: which of ``ADAPTED_PARTS`` learn: ``all`` weights, or ``kernels``, what makes the
            kernels (PLFE2, denoiser, kernel generators) and the last layer.
        register: as in :class:`PansharpenJob`.
    """

    kind: ClassVar[str] = "adapt"

    pan: str
    ms: tuple[str, ...]
    output: str
    bands: tuple[int, ...] = ()
    weights: str = "auto"
    weights_folders: tuple[str, ...] = ()
    device: str = "auto"
    seed: int = 0
    steps: int = 600
    minutes: float = 10.0
    parts: str = "all"
    sensor: str = "auto"
    pan_band: int = 0
    threads: int = 0
    register: str = REGISTER[0]

    def __post_init__(self) -> None:
        check_inputs(self.pan, self.ms, self.bands, self.pan_band)
        check_not_empty(self, "output", "weights", "sensor")
        name = os.path.basename(self.output)
        if not name.endswith(WEIGHTS_SUFFIX) or name == WEIGHTS_SUFFIX:
            raise InputError(
                f"The output {self.output} is not named as weights are.",
                hint=f"Choose a name that ends with {WEIGHTS_SUFFIX}.",
            )
        check_optional_outputs((self.pan, *self.ms, self.weights), self.outputs)
        check_choice("device", self.device, DEVICES)
        check_range("seed", self.seed, 0, LARGEST_SEED)
        check_range("steps", self.steps, 1, LARGEST_STEPS)
        check_choice("parts", self.parts, ADAPTED_PARTS)
        if not 0.0 < self.minutes <= LARGEST_MINUTES:
            raise InputError(
                f"'minutes' must be above 0 and at most {LARGEST_MINUTES}; "
                f"{self.minutes} was given."
            )
        check_range("threads", self.threads, 0, 4096)
        check_choice("register", self.register, REGISTER)


JOBS: dict[str, type[Job]] = {
    cls.kind: cls
    for cls in (
        PansharpenJob,
        ClassicalJob,
        DegradeJob,
        AssessWithoutReferenceJob,
        AssessAgainstReferenceJob,
        CompareJob,
        AdaptJob,
    )
}


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
    check_bands(bands)
    check_range("pan_band", pan_band, 0, 65536)


def check_bands(bands: tuple[int, ...]) -> None:
    """Check band numbers: from 1, each once."""
    if any(band < 1 for band in bands):
        raise InputError(f"Bands are counted from 1; {min(bands)} was given.")
    repeated = sorted({band for band in bands if bands.count(band) > 1})
    if repeated:
        raise InputError(f"Band {repeated[0]} was given {bands.count(repeated[0])} times.")


def check_output(
    output: str, inputs: tuple[str, ...], output_type: str, creation_options: tuple[str, ...]
) -> None:
    """Check the name and format of a raster to write, without touching the disk."""
    if not output.strip():
        raise InputError("No output file was given.", hint="Name the GeoTIFF to write.")
    check_optional_outputs(inputs, (output,))
    check_choice("output_type", output_type, OUTPUT_TYPES)
    check_creation_options(creation_options)


def check_optional_outputs(inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    """Raise ``InputError`` when an output would replace an input or another output."""
    for number, output in enumerate(outputs):
        if any(_same_path(output, path) for path in inputs):
            raise InputError(
                f"The output would replace its own input {output}.", hint="Choose another name."
            )
        if any(_same_path(output, path) for path in outputs[:number]):
            raise InputError(
                f"Two outputs have the same name {output}.", hint="Choose another name."
            )


def check_creation_options(creation_options: tuple[str, ...]) -> None:
    """Raise ``InputError`` unless all options are ``KEY=VALUE``."""
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


def check_not_empty(job: Job, *names: str) -> None:
    """Raise ``InputError`` when a text field of the job is blank."""
    for name in names:
        if not getattr(job, name).strip():
            hint = "Use 'auto'." if name in ("weights", "sensor") else "Name the file."
            raise InputError(f"The field {name!r} is empty.", hint=hint)


def check_range(name: str, value: float, lowest: float, highest: float) -> None:
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
