"""One YAML file is one experiment; unknown keys are refused by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
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

    variants: simulations kept in memory a scene, each with its own MTF, phase, shift and band subset.
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
    """A whole experiment. `chain`: what H2 is made from in stage 2, the whole reverse chain with
    gradients through it, or the one-step estimate at a random time step."""

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
    card: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.chain not in CHAINS:
            raise ValueError(f"chain must be one of {CHAINS}, not {self.chain!r}")
        if self.data.patch % self.model.ratio or self.data.patch % 4:
            raise ValueError(f"patch {self.data.patch} must divide by the ratio and by 4")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def load_config(path: str | Path) -> ExperimentConfig:
    """Read an experiment. Raises ValueError that names the file and the key that is wrong."""
    values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    try:
        return _build(values)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _build(values: dict[str, Any]) -> ExperimentConfig:
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
    unknown = sorted(set(values) - {entry.name for entry in fields(kind)})
    if unknown:
        raise ValueError(f"unknown keys in {kind.__name__}: {', '.join(unknown)}")
    return kind(**values)
