"""Networks from and to safetensors files; nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from ksdiff_engine.errors import WeightsError
from ksdiff_engine.weights import check_tensors, read_card

from .config import KSDiffConfig
from .ksdiff import KSDiff

ARCHITECTURE = "KSDiff"
ORDINARY_SIZE = 128  # no more channels or blocks: the whole network stays below 100 MB


def load_network(path: str | Path) -> tuple[KSDiff, dict[str, Any]]:
    """Read a weights file into a network in evaluation mode; returns it and the file's card.

    Raises WeightsError when the file is damaged, of another architecture, or its tensors do not
    have the names, the shapes and the hash that its card promises.
    """
    card = read_card(path)
    check_tensors(path, card)
    architecture = dict(card["architecture"])
    kind = architecture.pop("class", None)
    if kind != ARCHITECTURE:
        raise WeightsError(
            f"The weights file {path} holds a network of class {kind!r}, not {ARCHITECTURE!r}.",
            hint="Choose weights that were exported by this version's training package.",
        )
    try:
        config = KSDiffConfig.from_dict(architecture)
        # A card may promise any size: then shapes without memory, which take torch a second.
        large = max(*config.channels, config.prior_channels, *config.blocks) > ORDINARY_SIZE
        with torch.device("meta") if large else nullcontext():
            network = KSDiff(config)
        tensors = load_file(path)
    except (SafetensorError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"The weights file {path} cannot be read: {error}", hint="Copy or export it again."
        ) from error
    _check_tensors(path, network.state_dict(), tensors)
    network.load_state_dict(tensors, assign=large)
    return network.eval().requires_grad_(False), card


def save_network(network: KSDiff, card: dict[str, Any], path: str | Path) -> None:
    """Write a network with its card.

    The card's ``architecture`` and ``tensors_sha256`` are filled in from the network.
    """
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    card = {
        **card,
        "architecture": {"class": ARCHITECTURE, **network.config.to_dict()},
        "tensors_sha256": _sha256(tensors),
    }
    metadata = {"card": json.dumps(card, ensure_ascii=False)}
    # Not save_file, which lets nobody but its owner read the file; and never half a file.
    temporary = Path(path).with_suffix(".tmp")
    temporary.write_bytes(save(tensors, metadata=metadata))
    temporary.replace(path)


def _sha256(tensors: dict[str, torch.Tensor]) -> str:
    """Of the tensors' bytes as a file has them after its header, whatever the header says."""
    content = save(tensors)
    return hashlib.sha256(content[8 + int.from_bytes(content[:8], "little") :]).hexdigest()


def _check_tensors(
    path: str | Path, expected: dict[str, torch.Tensor], tensors: dict[str, torch.Tensor]
) -> None:
    """Raise WeightsError unless names and shapes are the expected ones and all values finite."""
    names = sorted(set(expected) ^ set(tensors))
    if names:
        raise WeightsError(
            f"The weights file {path} does not fit its own card: {len(names)} tensors are missing "
            f"or unknown, the first is {names[0]!r}.",
            hint="Export the weights again with this version.",
        )
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise WeightsError(
                f"The weights file {path} does not fit its own card: {name!r} has shape "
                f"{tuple(tensor.shape)}, expected {tuple(expected[name].shape)}.",
                hint="Export the weights again with this version.",
            )
        if not torch.isfinite(tensor).all():
            raise WeightsError(
                f"The weights file {path} holds values that are not finite in {name!r}.",
                hint="Copy or export it again.",
            )
