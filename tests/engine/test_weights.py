"""Cards are read without torch, damage is named, and the choice is explained."""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile

import pytest

from ksdiff_engine import weights
from ksdiff_engine._resources import resources_folder
from ksdiff_engine.errors import WeightsError

CARD = {
    "format": 1,
    "name": "test",
    "title": "Test weights",
    "description": "Nothing was learnt.",
    "architecture": {"class": "KSDiff", "width": 8},
    "bands": "any",
    "ratio": [4, 4],
    "normalisation": "percentile",
    "sensors": ["WorldView-3", "Landsat 8"],
    "training": {"data": [], "steps": 0, "seconds": 0, "seed": 0, "git_commit": ""},
    "metrics": {},
    "limits": "",
}


def write(path, card=CARD, *, header=None, data=b"\0" * 16, metadata=True):
    """Write a safetensors file by hand: one tensor of four floats."""
    if header is None:
        header = {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}
    if metadata:
        header = {"__metadata__": {"card": json.dumps(card)}, **header}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def failure(path):
    with pytest.raises(WeightsError) as caught:
        weights.read_card(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value.message


def test_card_is_read(tmp_path):
    assert weights.read_card(write(tmp_path / "a.safetensors")) == CARD


def test_a_header_length_that_looks_like_a_pickle_is_none(tmp_path):
    """640 = 0x280 begins, in little endian, with a pickle's 0x80 and protocol 2."""
    path = write(tmp_path / "a.safetensors")
    padding = 640 - int.from_bytes(path.read_bytes()[:8], "little")
    assert padding > 0
    write(path, {**CARD, "limits": "x" * padding})
    assert path.read_bytes()[:2] == b"\x80\x02"
    assert weights.read_card(path)["name"] == "test"


def test_card_of_the_library_that_writes_weights(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    import numpy as np

    path = tmp_path / "a.safetensors"
    tensors = {"a": np.zeros((2, 3), np.float32), "b": np.zeros((), np.float16)}
    numpy.save_file(tensors, path, metadata={"card": json.dumps(CARD)})
    assert weights.read_card(path) == CARD


def test_truncated_at_every_length(tmp_path):
    whole = write(tmp_path / "whole.safetensors").read_bytes()
    path = tmp_path / "cut.safetensors"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        failure(path)
    path.write_bytes(whole + b"\0")
    assert "bytes" in failure(path)


def test_pickles_are_refused_unread(tmp_path):
    bare = tmp_path / "bare.safetensors"
    bare.write_bytes(pickle.dumps({"a": 1}))
    assert "pickle" in failure(bare)
    archive = tmp_path / "archive.safetensors"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("data.pkl", b"")
    assert "pickle" in failure(archive)


def test_missing_file(tmp_path):
    assert "No such file" in failure(tmp_path / "none.safetensors")
    assert "cannot be read" in failure(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 12]}},
        {"a": {"dtype": "F32", "shape": [3], "data_offsets": [4, 16]}},
        {"a": {"dtype": "F99", "shape": [4], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [4]}},
        {"a": {"dtype": "F32", "shape": "4", "data_offsets": [0, 16]}},
        {"a": None},
    ],
)
def test_damaged_headers(tmp_path, header):
    failure(write(tmp_path / "a.safetensors", header=header))


def test_file_without_card(tmp_path):
    assert "no card" in failure(write(tmp_path / "a.safetensors", metadata=False))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": 2}, "format 2"),
        ({"ratio": [4]}, "ratio"),
        ({"ratio": [4, 2]}, "ratio"),
        ({"bands": []}, "bands"),
        ({"sensors": "WV3"}, "'sensors'"),
        ({"name": None}, "'name'"),
    ],
)
def test_incomplete_cards(tmp_path, change, named):
    assert named in failure(write(tmp_path / "a.safetensors", {**CARD, **change}))


def make_catalogue(folder, *changes):
    for number, change in enumerate(changes):
        write(folder / f"{number}.safetensors", {**CARD, **change})
    return weights.catalogue([folder])


def test_catalogue_leaves_out_and_reports_damaged_files(tmp_path):
    write(tmp_path / "good.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"bad")
    (tmp_path / "notes.txt").write_text("no weights")
    problems = []
    entries = weights.catalogue([tmp_path, tmp_path / "missing"], problems.append)
    assert [entry.name for entry in entries] == ["test"]
    assert ["bad.safetensors" in problem.message for problem in problems] == [True]


def test_selection_prefers_the_sensor_then_the_narrower_range(tmp_path):
    entries = make_catalogue(
        tmp_path,
        {"name": "wide", "ratio": [2, 8], "sensors": []},
        {"name": "narrow", "ratio": [4, 4], "sensors": []},
        {"name": "wv3", "ratio": [2, 8]},
    )
    assert weights.select(entries, bands=8, ratio=4)[0].name == "narrow"
    entry, reason = weights.select(entries, bands=8, ratio=4, sensor="worldview-3")
    assert entry.name == "wv3"
    assert "include worldview-3" in reason
    entry, reason = weights.select(entries, bands=8, ratio=2, sensor="ikonos")
    assert "do not include ikonos" in reason
    assert weights.select(entries, bands=7, ratio=2, sensor="landsat-8-9")[0].name == "wv3"


def test_selection_names_what_there_is(tmp_path):
    entries = make_catalogue(
        tmp_path, {"name": "x4"}, {"name": "four", "bands": ["b", "g", "r", "n"], "ratio": [2, 3]}
    )
    with pytest.raises(WeightsError, match="6 bands at ratio 2") as caught:
        weights.select(entries, bands=6, ratio=2)
    assert "x4 (any number of bands, ratio 4)" in caught.value.hint
    assert "four (4 bands, ratios 2 to 3)" in caught.value.hint
    with pytest.raises(WeightsError, match="none at all"):
        weights.select((), bands=4, ratio=4)


def test_find_by_name_and_path(tmp_path):
    entries = make_catalogue(tmp_path, {"name": "x4"})
    assert weights.find("x4", entries).path == entries[0].path
    assert weights.find(entries[0].path, ()).name == "x4"
    with pytest.raises(WeightsError, match="x4"):
        weights.find("x5", entries)
    with pytest.raises(WeightsError, match="ratio 6"):
        weights.check_fit(entries[0], bands=3, ratio=6)


def test_hash_of_the_tensors_leaves_the_header_out(tmp_path):
    path = write(tmp_path / "a.safetensors")
    digest = hashlib.sha256(b"\0" * 16).hexdigest()
    assert weights.tensors_sha256(path) == digest
    write(path, {**CARD, "title": "Another"})
    assert weights.tensors_sha256(path) == digest
    weights.check_tensors(path, {**CARD, "tensors_sha256": digest})
    weights.check_tensors(path, CARD)  # of a version that kept no hash
    write(path, data=b"\1" + b"\0" * 15)
    with pytest.raises(WeightsError, match="are not those that its card was written for"):
        weights.check_tensors(path, {**CARD, "tensors_sha256": digest})


def test_sha256(tmp_path):
    path = write(tmp_path / "a.safetensors")
    assert weights.sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        weights.sha256(tmp_path / "none.safetensors")


def test_what_is_shipped_carries_its_hash():
    files = sorted((resources_folder() / "weights").glob("*.safetensors"))
    assert files
    for file in files:
        assert weights.read_card(file)["tensors_sha256"] == weights.tensors_sha256(file)
