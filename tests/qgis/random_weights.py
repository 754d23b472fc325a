"""Write weights of a tiny, untrained network: ``python random_weights.py FILE [SPREAD]``.

SPREAD is the standard deviation of all weights; from 0.2 on, results are noise. Without it they are
as training begins, and results are close to interpolation.

Run in a process of its own, so that torch stays out of the process that holds QGIS.
"""

from __future__ import annotations

import sys

import torch

from ksdiff_engine.model.config import KSDiffConfig
from ksdiff_engine.model.ksdiff import KSDiff
from ksdiff_engine.model.storage import save_network

CARD = {
    "format": 1,
    "name": "untrained",
    "title": "Untrained",
    "description": "A random network for tests.",
    "bands": "any",
    "ratio": [2, 6],
    "normalisation": "percentile",
    "sensors": [],
    "training": {"data": []},
    "metrics": {},
    "limits": "Sharpens nothing.",
}

if __name__ == "__main__":
    torch.manual_seed(0)
    config = KSDiffConfig(channels=(4, 8, 8), blocks=(1, 1), encoder_channels=8, denoiser_width=16)
    network = KSDiff(config)
    for spread in map(float, sys.argv[2:]):
        for weight in network.parameters():
            torch.nn.init.normal_(weight, std=spread)
    save_network(network.eval(), CARD, sys.argv[1])
