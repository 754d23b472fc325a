"""Weights files: the same network comes back, and damage is named."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from ksdiff_engine.errors import WeightsError
from ksdiff_engine.model.ksdiff import KSDiff
from ksdiff_engine.model.storage import load_network, save_network
from ksdiff_engine.weights import read_card, tensors_sha256

CARD = {
    "format": 1,
    "name": "tiny",
    "title": "Tiny",
    "description": "Not trained.",
    "bands": "any",
    "ratio": [4, 4],
    "normalisation": "scene mean and standard deviation",
    "sensors": [],
    "training": {},
    "metrics": [],
    "limits": "Everything.",
}


@pytest.fixture
def file(tmp_path, network):
    save_network(network, CARD, tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


def rewrite(path, *, architecture=None, tensors=None):
    """Change single settings of the card, or tensors (None removes one); the hash goes."""
    card = read_card(path)
    del card["tensors_sha256"]
    card["architecture"].update(architecture or {})
    content = {**load_file(path), **(tensors or {})}
    content = {name: tensor.clone() for name, tensor in content.items() if tensor is not None}
    save_file(content, path, metadata={"card": json.dumps(card)})
    return path


def failure(path):
    with pytest.raises(WeightsError) as caught:
        load_network(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("modulation", ["ksdiff", "none"])
def test_the_same_network_comes_back(tmp_path, tiny, perturbed, inputs, modulation):
    network = perturbed(KSDiff(tiny(modulation=modulation, ranks=(3, 2, 2, 1)))).eval()
    if modulation == "ksdiff":
        network.prior_mean.uniform_()
    save_network(network, CARD, tmp_path / "a.safetensors")
    loaded, card = load_network(tmp_path / "a.safetensors")
    assert loaded.config == network.config
    assert card["title"] == "Tiny"
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    network.requires_grad_(False)  # torch takes other, equally good, paths for weights that learn
    assert torch.equal(loaded(*inputs, seed=3), network(*inputs, seed=3))


def test_other_architectures_are_refused(file):
    assert "'Transformer'" in failure(rewrite(file, architecture={"class": "Transformer"}))


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"colour": 1}, "colour"),
        ({"channels": [4, 6]}, "unpack"),
        ({"channels": [-4, 6, 8]}, "cannot be read"),
        ({"channels": ["a", 6, 8]}, "cannot be read"),
        ({"channels": [10**7, 10**7, 10**7]}, "shape"),  # not a byte of it is allocated
        ({"tokens": 5}, "square"),
        ({"channels": [4, 6, 16]}, "shape"),
        ({"blocks": [2, 1]}, "missing or unknown"),
        ({"modulation": "none"}, "missing or unknown"),
    ],
)
def test_cards_that_do_not_fit_the_tensors_are_refused(file, settings, part):
    assert part in failure(rewrite(file, architecture=settings))


@pytest.mark.parametrize(
    ("tensor", "part"),
    [
        (None, "missing or unknown"),
        (torch.zeros(3), "shape (3,), expected (1,)"),
        (torch.tensor([float("nan")]), "not finite"),
        (torch.tensor([float("inf")]), "not finite"),
    ],
)
def test_damaged_tensors_are_refused_by_name(file, tensor, part):
    message = failure(rewrite(file, tensors={"backbone.leave.bias": tensor}))
    assert part in message
    assert "'backbone.leave.bias'" in message


def test_other_tensors_than_the_cards_are_refused(file):
    """A bit that has flipped, as well as tensors of another training under this card."""
    assert read_card(file)["tensors_sha256"] == tensors_sha256(file)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert "are not those that its card was written for" in failure(file)


def test_files_of_earlier_versions_have_no_hash_and_are_read(file):
    load_network(rewrite(file))
    assert "tensors_sha256" not in read_card(file)


def test_truncated_files_are_refused(file):
    content = file.read_bytes()
    for length in (len(content) - 10, len(content) // 2, 100, 4, 0):
        file.write_bytes(content[:length])
        failure(file)


def test_pickles_are_refused_unread(tmp_path, network):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was run",))

    trap = tmp_path / "trap.safetensors"
    trap.write_bytes(pickle.dumps(Trap()))
    failure(trap)
    torch.save(network.state_dict(), tmp_path / "torch.safetensors")
    failure(tmp_path / "torch.safetensors")


def test_missing_files_are_named(tmp_path):
    failure(tmp_path / "nothing.safetensors")
