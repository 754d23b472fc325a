"""What the gauge of the detail is worth, where the sensor's MTF is known and where it is not.

    scripts/bench_detail_gain.py DATA [--weights any] [--scenes 'train/sn6_*.npz' …]

Reduces held-out scenes of DATA (the project's npz layout) by Wald's protocol with several MTF gains
and sharpens them in the belief that the gain is the default's, .3. Prints a Markdown table: mean
ERGAS with the gauge over ERGAS without it. PYTHONPATH is engine:training.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ksdiff_engine.fusion import KSDiffMethod
from ksdiff_engine.quality import ergas
from ksdiff_engine.sensors import DEFAULT
from ksdiff_engine.wald import crop_to_multiple, reduce_ms, reduce_pan
from ksdiff_training.data.pairs import PairFile, read_pair
from ksdiff_training.evaluate import fuse_whole
from ksdiff_training.scenes import ReducedScene

RATIOS = (2, 3, 4, 6, 8)
GAINS = (0.2, 0.25, 0.3, 0.35, 0.4)
EDGE = 256  # MS pixels of a scene that are used
# The validation scenes of any.yaml.
HELD_OUT = ["train/sn6_rotterdam_[13].npz", "train/landsat7_P093R085_2[59].npz"]


def main() -> None:
    """Print the table."""
    options = parse_options()
    weights = options.weights_folder / f"{options.weights}.safetensors"
    paths = sorted(path for pattern in options.scenes for path in options.data.glob(pattern))
    print(f"| ratio | {' | '.join(f'MTF gain {gain:g}' for gain in GAINS)} |")
    print("|---" * (len(GAINS) + 1) + "|")
    for ratio in RATIOS:
        cells = [
            np.mean([gauged_over_plain(scene, weights) for scene in reduced(paths, ratio, gain)])
            for gain in GAINS
        ]
        print(f"| {ratio} | {' | '.join(f'{cell:.3f}' for cell in cells)} |", flush=True)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--scenes", nargs="+", default=HELD_OUT, help="patterns in DATA")
    parser.add_argument("--weights", default="any", help="name of a file in the folder of weights")
    parser.add_argument("--weights-folder", type=Path, default=Path("resources/weights"))
    return parser.parse_args()


def reduced(paths: list[Path], ratio: int, gain: float) -> Iterator[ReducedScene]:
    """The scenes at that ratio, degraded with that gain; their profile is the default's."""
    for path in paths:
        pair = read_pair(path, np.float64)
        reference = crop_to_multiple(pair.ms[:, :EDGE, :EDGE], ratio)
        pan = reduce_pan(_over(pair, reference), pair.ratio)
        ms = reduce_ms(reference, ratio, [gain] * len(reference), "georeferenced")
        yield ReducedScene(pair.name, DEFAULT, ratio, "georeferenced", pan, ms, reference)


def _over(pair: PairFile, reference: np.ndarray) -> np.ndarray:
    """The pair's PAN over the MS pixels of `reference`."""
    height, width = (n * pair.ratio for n in reference.shape[1:])
    return pair.pan[:height, :width]


def gauged_over_plain(scene: ReducedScene, weights: Path) -> float:
    """ERGAS with the gauge over ERGAS without."""
    errors = []
    for known in (True, False):
        profile = replace(scene.sensor, gains_published=known)
        method = KSDiffMethod.from_file(weights, precision=torch.float32)
        fused = fuse_whole(replace(scene, sensor=profile), method)
        errors.append(ergas(scene.reference, fused, scene.ratio))
    return errors[0] / errors[1]


if __name__ == "__main__":
    main()
