"""Fusion networks whose convolutions can be modulated (paper: KSDiff is a framework)."""

from __future__ import annotations

from typing import Union

from .dicnn import DiCNN
from .fusionnet import FusionNet
from .lagnet import LAGNet
from .unet import UNet

Backbone = Union[UNet, DiCNN, FusionNet, LAGNet]

BACKBONES: dict[str, type[Backbone]] = {
    "unet": UNet,
    "dicnn": DiCNN,
    "fusionnet": FusionNet,
    "lagnet": LAGNet,
}
