"""Jobs refuse what cannot work, and pass through JSON unchanged."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ksdiff_engine.errors import InputError
from ksdiff_engine.job import PansharpenJob, job_from_dict

FILES = {"pan": "pan.tif", "ms": ("ms.tif",), "output": "out.tif"}


def test_json_round_trip():
    job = PansharpenJob(
        **FILES, bands=(3, 2, 1), seed=7, creation_options=("COMPRESS=ZSTD",), tile=512
    )
    assert job_from_dict(json.loads(json.dumps(job.to_dict()))) == job


def test_jobs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PansharpenJob(**FILES).seed = 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"pan": " "}, "panchromatic"),
        ({"ms": ()}, "multispectral"),
        ({"ms": ("a.tif", "")}, "multispectral"),
        ({"output": ""}, "output"),
        ({"output": "./ms.tif"}, "ms.tif"),
        ({"bands": (0,)}, "from 1"),
        ({"bands": (2, 2)}, "Band 2"),
        ({"device": "tpu"}, "'tpu'"),
        ({"prior_scope": "world"}, "'world'"),
        ({"output_type": "Float64"}, "'Float64'"),
        ({"seed": -1}, "-1"),
        ({"seed": 2**63}, "seed"),
        ({"tile": 8}, "8 pixels"),
        ({"tile": -1}, "tile"),
        ({"threads": -2}, "-2"),
        ({"creation_options": ("TILED",)}, "'TILED'"),
        ({"creation_options": ("=YES",)}, "'=YES'"),
        ({"weights": ""}, "weights"),
        ({"sensor": ""}, "sensor"),
        ({"pan_band": -1}, "pan_band"),
    ],
)
def test_impossible_values_are_named(change, named):
    with pytest.raises(InputError) as caught:
        PansharpenJob(**{**FILES, **change})
    assert named in caught.value.message


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"kind": "pansharpen", **FILES, "halo": 3, "zoom": 1}, "'halo', 'zoom'"),
        ({"kind": "pansharpen", "pan": "p.tif"}, "'ms', 'output'"),
        ({"kind": "pansharpen", **FILES, "ms": "ms.tif"}, "'ms'"),
        ({"kind": "pansharpen", **FILES, "seed": "7"}, "'seed'"),
        ({"kind": "pansharpen", **FILES, "seed": True}, "'seed'"),
        ({"kind": "pansharpen", **FILES, "bands": [1, "2"]}, "'bands'"),
        ({"kind": "sharpen", **FILES}, "'sharpen'"),
        (FILES, "None"),
    ],
)
def test_ill_formed_json_is_named(data, named):
    with pytest.raises(InputError) as caught:
        job_from_dict(data)
    assert named in caught.value.message
