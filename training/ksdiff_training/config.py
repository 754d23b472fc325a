"""One YAML file is one experiment; unknown keys are refused by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from ksdiff_engine.model.config import KSDiffConfig

CHAINS = ("full", "one_step")


@dataclass(frozen=True)
class Source:
    """Scenes by file pattern (relative to the data folder) and how often they are drawn.

    `weight` is shared by all scenes of the pattern in proportion to the square root of their area.
    """

    pattern: str
    weight: float = 1.0


@dataclass(frozen=True)
class DataConfig:
    """How reduced-resolution samples are made from full-resolution pairs (Wald's protocol).

    variants: simulations kept in memory a scene, each with its own MTF, phase, shift and bands.
    gain_range: MTF gain at Nyquist that the simulated MS sensor may have.
    shift: largest extra misregistration of PAN in reference pixels, in half of the variants.
    jitter: spread of the per-sample gain and offset, in standard deviations of the band.
    """

    train: tuple[Source, ...]
    validation: tuple[str, ...]
    patch: int = 64
    variants: int = 6
    gain_range: tuple[float, float] = (0.18, 0.45)
    shift: float = 0.3
    jitter: float = 0.2


@dataclass(frozen=True)
class StageConfig:
    """Optimisation of one stage: AdamW with warm-up and a cosine to `learning_rate / 100`."""

    steps: int
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup: int = 200
    clip: float = 1.0
    ema: float = 0.999


@dataclass(frozen=True)
class ExperimentConfig:
    """A whole experiment.

    chain: what H2 is made from in stage 2: ``full``, the whole reverse chain with gradients through
        it, or ``one_step``, the estimate of z0 at a random time step.
    image_weight: lambda of the image loss in stage 2.
    amp: bfloat16 where torch's autocast allows it.
    checkpoint_every, validate_every: in steps.
    """

    name: str
    model: KSDiffConfig
    data: DataConfig
    stage1: StageConfig
    stage2: StageConfig
    chain: str = "full"
    image_weight: float = 1.0
    seed: int = 0
    amp: bool = True
    checkpoint_every: int = 500
    validate_every: int = 1000

    def __post_init__(self) -> None:
        if self.chain not in CHAINS:
            raise ValueError(f"chain must be one of {CHAINS}, not {self.chain!r}")
        if self.data.patch % self.model.ratio or self.data.patch % 4:
            raise ValueError(f"patch {self.data.patch} must divide by the ratio and by 4")
        if self.model.bands != 1:
            raise ValueError(
                f"bands must be 1 (the band-shared design), not {self.model.bands}: samples of "
                "several bands at once cannot be drawn yet"
            )

    def to_dict(self) -> dict[str, Any]:
        """All settings by name, nested; what a checkpoint is compared with."""
        return asdict(self)


def load_config(path: str | Path) -> ExperimentConfig:
    """Read an experiment. Raises ValueError that names the file and the key that is wrong."""
    try:
        return _build(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except KeyError as error:
        raise ValueError(f"{path}: the key {error} is missing") from error
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error


def _build(values: Any) -> ExperimentConfig:
    if not isinstance(values, dict):
        raise ValueError("an experiment is a mapping of keys to values")
    values = dict(values)
    data = dict(values.pop("data"))
    data["train"] = tuple(_checked(Source, entry) for entry in data["train"])
    for name in ("validation", "gain_range"):
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


def _checked(kind: type, values: dict[str, Any]) -> Any:
    """An instance of the dataclass `kind`. Raises ValueError that names keys it does not have."""
    unknown = sorted(set(values) - {entry.name for entry in fields(kind)})
    if unknown:
        raise ValueError(f"unknown keys in {kind.__name__}: {', '.join(unknown)}")
    return kind(**values)
