"""One YAML file is one experiment; unknown keys are refused by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from ksdiff_engine.model.config import KSDiffConfig
from ksdiff_engine.sensors import AUTO

KINDS = ("ksdiff", "pixel_diffusion")
CHAINS = ("full", "one_step")
TRAININGS = ("joint", "separate")
PRIORS = ("target", "inputs")
LOSSES = ("l1", "l2", "rmse")


@dataclass(frozen=True)
class Source:
    """Scenes by file pattern (relative to the data folder) and how often they are drawn.

    pattern: of the project's npz, or of HDF5 files in PanCollection's layout (.h5).
    weight: shared by all scenes of the pattern in proportion to the square root of their area.
    synthetic_pan: make PAN of the MS bands, for npz files without one.
    pan, ms: instead of `pattern`, georeferenced rasters: the pattern of PAN, and one or several of
        MS, whose asterisks stand for what those of `pan` stand for.
    sensor: of rasters, the name of a profile; ``auto`` looks at the files.
    """

    pattern: str = ""
    weight: float = 1.0
    synthetic_pan: bool = False
    pan: str = ""
    ms: tuple[str, ...] = ()
    sensor: str = AUTO

    def __post_init__(self) -> None:
        if bool(self.pattern) == bool(self.pan) or bool(self.pan) != bool(self.ms):
            raise ValueError("a source has either a pattern, or both pan and ms")
        if self.synthetic_pan and self.pan:
            raise ValueError(f"PAN is either {self.pan!r} or synthetic")

    @property
    def files(self) -> str:
        """The pattern that stands for the scenes."""
        return self.pattern or self.pan


@dataclass(frozen=True)
class DataConfig:
    """How reduced-resolution samples are made from full-resolution pairs (Wald's protocol).

    pretrain: sources that stage 1 sees besides, and stage 2 does not.
    ratios: of the simulated sensors, PAN pixels per MS pixel; each variant takes one at random.
    variants: simulations kept in memory a scene, each with its own MTF, phase, shift and bands.
    parts: make half of the variants of random parts of the scene, down to one patch, so that the
        statistics of small scenes are known.
    coarser: share of variants whose scene has half its resolution first: what is small in it is
        dense then, as where a sensor sees a town.
    gain_range: MTF gain at Nyquist that the simulated MS sensor may have.
    shift: largest extra misregistration of PAN in reference pixels, in half of the variants.
    jitter: spread of the per-sample gain and offset, in standard deviations of the band.
    contrast: spread of the logarithm of a per-sample gain of PAN and band together; gains of whole
        scenes need no augmentation, as standardisation undoes them.
    margin: pixels around a patch that the network sees besides, mirrored where the scene ends, as
        at inference; the loss is of the patch alone. Without, it sees zeros beyond the patch.
    windows: patches in a row that are of the same bands of one simulation and share a prior and
        kernels, as all windows of a scene do at inference; 1 gives each patch its own (paper).
    """

    train: tuple[Source, ...]
    validation: tuple[Source, ...]
    pretrain: tuple[Source, ...] = ()
    ratios: tuple[int, ...] = (4,)
    patch: int = 64
    margin: int = 0
    parts: bool = False
    coarser: float = 0.0
    variants: int = 6
    gain_range: tuple[float, float] = (0.18, 0.45)
    shift: float = 0.3
    jitter: float = 0.2
    contrast: float = 0.0
    windows: int = 1

    @property
    def smallest_part(self) -> int:
        """MS pixels that a part of a scene must measure: a patch is left whatever a ratio cuts."""
        return self.patch + max(self.ratios)


@dataclass(frozen=True)
class StageConfig:
    """Optimisation of one stage: AdamW with warm-up and a cosine to `learning_rate / 100`.

    seconds: training time (validation apart) after which the stage ends; the cosine then follows
        the time, and `steps` is not read. Such a run can be resumed, but not repeated exactly.
    """

    steps: int
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup: int = 200
    clip: float = 1.0
    ema: float = 0.999
    seconds: float | None = None


@dataclass(frozen=True)
class ExperimentConfig:
    """A whole experiment.

    kind: ``ksdiff``, or ``pixel_diffusion``, the baseline of :mod:`.pixel_diffusion`, which has one
        stage and takes T, betas and sampling steps from `model`.
    prior: what PLFE1 sees beside PAN and LRMS: ``target``, the reference, or ``inputs``, nothing
        more. The latter is stage 1 alone: how far it falls behind is all that stage 2 can win.
    training: of stage 2: ``joint`` (paper), or ``separate``, PLFE2 and the denoiser alone under a
        fusion network that stays as stage 1 left it (the paper's ablation).
    chain: what H2 is made from in stage 2: ``full``, the whole reverse chain with gradients through
        it, or ``one_step``, the estimate of z0 at a random time step.
    loss: of an image: ``l1``, the mean absolute error (paper); ``l2``, the mean square; ``rmse``,
        the mean of the patches' root mean square errors, which is what ERGAS is made of.
    image_weight: lambda of the image loss in stage 2.
    start: another experiment, whose finished run lies beside this one's in a folder of its name, or
        whose exported weights do (``<name>.safetensors``): stage 1 begins with what both networks
        have in common. With `stage1.steps` 0 that is fine-tuning by stage 2; from a network without
        a prior, a cheap way to a good backbone.
    amp: bfloat16 where torch's autocast allows it, on devices that are faster in it.
    checkpoint_every, validate_every, log_every: in steps.
    """

    name: str
    model: KSDiffConfig
    data: DataConfig
    stage1: StageConfig
    stage2: StageConfig
    kind: str = "ksdiff"
    prior: str = "target"
    training: str = "joint"
    chain: str = "full"
    loss: str = "l1"
    start: str | None = None
    image_weight: float = 1.0
    seed: int = 0
    amp: bool = True
    checkpoint_every: int = 500
    validate_every: int = 1000
    log_every: int = 100

    def __post_init__(self) -> None:
        settings = {
            "kind": KINDS,
            "prior": PRIORS,
            "training": TRAININGS,
            "chain": CHAINS,
            "loss": LOSSES,
        }
        for key, choices in settings.items():
            if getattr(self, key) not in choices:
                raise ValueError(f"{key} must be one of {choices}, not {getattr(self, key)!r}")
        if self.data.margin < 0 or self.data.margin % 4:
            raise ValueError(f"margin must be a multiple of 4, not {self.data.margin}")
        if self.data.patch % self.model.stem or self.data.patch % 4:
            raise ValueError(f"patch {self.data.patch} must divide by the stem and by 4")
        for stage in (self.stage1, self.stage2):
            if stage.batch % self.data.windows:
                raise ValueError(f"batch {stage.batch} must divide by windows {self.data.windows}")
        if self.data.windows > 1 and self.model.pooled_prior:
            raise ValueError("pooled_prior is the prior of one patch: windows must be 1")
        if min(self.data.ratios) < 2:
            raise ValueError(f"ratios must be 2 or more, not {self.data.ratios}")
        if self.kind == "pixel_diffusion":
            self._check_baseline()

    def _check_baseline(self) -> None:
        """What the pixel-space baseline has none of."""
        if self.loss != "l1":
            raise ValueError(f"pixel_diffusion is trained with l1, not {self.loss!r}")
        if self.model.modulation != "none":
            raise ValueError("pixel_diffusion has no prior: its model's modulation must be 'none'")
        if self.data.margin:
            raise ValueError("pixel_diffusion sees its patches alone: margin must be 0")
        if self.model.bands != 1:
            raise ValueError(f"pixel_diffusion is band-shared: bands is 1, not {self.model.bands}")

    @property
    def stages(self) -> tuple[str, ...]:
        """What the experiment consists of: a network without a diffused prior has no stage 2."""
        plain = self.model.modulation == "none" or self.prior == "inputs"
        return ("stage1",) if plain else ("stage1", "stage2")

    def to_dict(self) -> dict[str, Any]:
        """All settings by name, nested; :func:`experiment_from_dict` is the inverse."""
        return asdict(self)


def load_config(path: str | Path) -> ExperimentConfig:
    """Read an experiment; ``extends: other.yaml`` takes what is not given from that file.

    The other file lies relative to this one. Mappings are joined key by key, all else is replaced.
    Raises ValueError that names the file and the key that is wrong.
    """
    try:
        return experiment_from_dict(_read(Path(path), ()))
    except KeyError as error:
        raise ValueError(f"{path}: the key {error} is missing") from error
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error


def _read(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The file's keys over those of the file it extends; `above`: the files that led here."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError(f"{path.name} is no mapping of keys to values")
    base = values.pop("extends", None)
    if base is None:
        return values
    above = (*above, path.resolve())
    if (path.parent / base).resolve() in above:
        raise ValueError(f"{path.name} extends {base}, which extends {path.name}")
    return _joined(_read(path.parent / base, above), values)


def _joined(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = _joined(base[key], value) if both else value
    return result


def experiment_from_dict(values: dict[str, Any]) -> ExperimentConfig:
    """An experiment from plain values. Raises KeyError, TypeError or ValueError."""
    values = dict(values)
    data = dict(values.pop("data"))
    data["pretrain"] = data.get("pretrain", ())
    for name in ("train", "validation", "pretrain"):
        data[name] = tuple(_source(entry) for entry in data[name])
    for name in ("gain_range", "ratios"):
        if name in data:
            data[name] = tuple(data[name])
    return _checked(
        ExperimentConfig,
        {
            **values,
            "model": KSDiffConfig.from_dict(values["model"]),
            "data": _checked(DataConfig, data),
            "stage1": _checked(StageConfig, values["stage1"]),
            "stage2": _checked(StageConfig, values["stage2"]),
        },
    )


def _source(entry: str | dict[str, Any]) -> Source:
    """A source from its settings, or from its pattern alone; one file of MS needs no list."""
    if isinstance(entry, str):
        return Source(entry)
    ms = entry.get("ms", ())
    return _checked(Source, {**entry, "ms": (ms,) if isinstance(ms, str) else tuple(ms)})


def _checked(kind: type, values: dict[str, Any]) -> Any:
    """An instance of the dataclass `kind`. Raises ValueError that names keys it does not have."""
    unknown = sorted(set(values) - {entry.name for entry in fields(kind)})
    if unknown:
        raise ValueError(f"unknown keys in {kind.__name__}: {', '.join(unknown)}")
    return kind(**values)
