"""What fixes a network's shape: the `architecture` part of a weights card."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from .backbones import BACKBONES
from .features import SHARED_FEATURES
from .kernel_generator import GENERATORS
from .plfe import ENCODERS

MODULATIONS = ("none", "ksdiff")
CHOICES = {
    "backbone": tuple(BACKBONES),
    "modulation": MODULATIONS,
    "generator": GENERATORS,
    "encoder": tuple(ENCODERS),
}


@dataclass(frozen=True)
class KSDiffConfig:
    """Shape of a KSDiff network. What the paper does not publish is ours.

    bands: MS bands that go in and come out at once; 1 is the band-shared design (METHOD,
        section 9), which runs the same network once a band and so takes any number of bands.
    pooled_prior: with several bands: one network for every band still, but one prior for all, the
        mean of what the encoders make of each. It takes any number of bands, too.
    pan_features: channels derived from PAN for a band, 4 or 6, see
        :mod:`ksdiff_engine.model.features`; a joint network has those beyond the third once a band.
    stem: PAN pixels a side that the encoders fold into one before anything else.
    backbone: the fusion network, a key of ``BACKBONES``.
    channels, blocks: of the U-Net, at PAN, PAN/2 and PAN/4 resolution; the published networks have
        their own.
    modulation: ``ksdiff``, or ``none`` for the plain backbone (the paper's baseline network).
    generator: of the kernels' modulation: ``tucker`` (paper) or ``mlp`` (its ablation).
    ranks: of the Tucker core (paper, table 6: 4, 4, 2, 2 is best).
    encoder: images to prior: ``plfe`` (paper), or ``concat``, plain convolutions (its ablation).
    tokens, prior_channels: N and C_z of the compact prior.
    diffusion_steps, sampling_steps: T, and DDIM steps at inference.
    """

    bands: int = 1
    pooled_prior: bool = False
    pan_features: int = 4
    stem: int = 4
    backbone: str = "unet"
    channels: tuple[int, int, int] = (16, 32, 64)
    blocks: tuple[int, int] = (2, 3)
    modulation: str = "ksdiff"
    generator: str = "tucker"
    ranks: tuple[int, int, int, int] = (4, 4, 2, 2)
    pooling: str = "attention"
    tokens: int = 16
    prior_channels: int = 64
    encoder: str = "plfe"
    encoder_channels: int = 32
    encoder_levels: int = 3
    denoiser_width: int = 96
    denoiser_blocks: int = 3
    diffusion_steps: int = 8
    beta_start: float = 0.1
    beta_end: float = 0.99
    beta_schedule: str = "linear"
    sampling_steps: int = 4

    def __post_init__(self) -> None:
        for name in ("channels", "blocks", "ranks"):  # JSON gives lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {choices}, not {getattr(self, name)!r}")
        if self.bands < 1 or self.stem < 1:
            raise ValueError(f"bands {self.bands} or stem {self.stem} too small")
        if not 1 <= self.sampling_steps <= self.diffusion_steps:
            raise ValueError(
                f"sampling_steps must lie between 1 and {self.diffusion_steps} (diffusion_steps), "
                f"not {self.sampling_steps}"
            )

    @property
    def in_channels(self) -> int:
        """Channels of the fusion network's input: the MS bands and the PAN features."""
        return self.bands_a_pass + self.pan_channels(self.bands_a_pass)

    @property
    def bands_a_pass(self) -> int:
        """MS bands that the fusion network and the encoders see at once."""
        return 1 if self.pooled_prior else self.bands

    def pan_channels(self, bands: int) -> int:
        """PAN features of `bands` bands together: those that all share, then each band's own."""
        own = self.pan_features - SHARED_FEATURES
        return self.pan_features if own < 0 else SHARED_FEATURES + bands * own

    def to_dict(self) -> dict[str, Any]:
        """All settings by name, tuples as they are; :meth:`from_dict` also takes lists."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> KSDiffConfig:
        """The inverse of :meth:`to_dict`; what is missing takes its default.

        Raises ValueError that names keys this version does not know.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"unknown architecture settings: {', '.join(unknown)}")
        return cls(**values)
