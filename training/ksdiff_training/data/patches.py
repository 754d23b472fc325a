"""Patches that are at reduced resolution already, as training samples are drawn from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from ksdiff_engine.model.features import Standardisation
from ksdiff_engine.sensors import gains_for

from .pancollection import PanCollectionFile
from .simulation import PHASES, Axis, Simulation, scene_statistics

# Of an acquisition, evenly spread; with 16 × 16 MS pixels each, as many as a scene of 256 × 256.
SAMPLED_PATCHES = 256


class PatchSimulations(Sequence[Simulation]):
    """The patches of a file in PanCollection's layout, read when they are asked for.

    Inference standardises by the statistics of a whole scene. A patch has none of its own that
    would do: a flat one, scaled to a deviation of 1, is noise. So they are gathered over patches of
    its acquisition, and where the file does not tell acquisitions apart, over the file, whose
    patches come from a few scenes of one sensor. The jitter of gain and offset stands for how far
    scenes lie from that mean.
    """

    def __init__(self, path: Path) -> None:
        """Raises ValueError for a file that is not usable, or has no reference."""
        self.file = PanCollectionFile(path)
        if not self.file.has_reference:
            raise ValueError(f"{path} is a full-resolution test file: it has no 'gt' to learn from")
        self.ratio = self.file.ratio
        gain = float(np.mean(gains_for(self.file.sensor, self.file.bands)))
        start = PHASES[self.file.convention](self.ratio)
        self._rows, self._columns = (
            Axis.make(n, self.ratio, start, gain, gain) for n in self.file.size
        )
        self._statistics = {
            int(number): self._gather(np.flatnonzero(self.file.acquisitions == number))
            for number in np.unique(self.file.acquisitions)
        }

    @property
    def bands(self) -> int:
        """How many bands a patch has."""
        return self.file.bands

    @property
    def pixels(self) -> int:
        """All values of all references, as ``ms.size`` of a pair at full resolution."""
        return len(self.file) * self.file.bands * self.file.size[0] * self.file.size[1]

    def __len__(self) -> int:
        return len(self.file)

    @overload
    def __getitem__(self, index: int) -> Simulation: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Simulation]: ...

    def __getitem__(self, index: int | slice) -> Simulation | Sequence[Simulation]:
        """Patch `index` as the simulation that it is."""
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        patch = self.file[index].scaled(self.file.scale)
        assert patch.gt is not None  # nosec B101
        low = self._pan_at_ms(patch.pan)
        return Simulation(
            reference=patch.gt,
            ms_up=patch.lms,
            pan=patch.pan,
            pan_low=(self._rows.interpolate @ low @ self._columns.interpolate.T).astype(np.float32),
            statistics=self._statistics[int(self.file.acquisitions[index])],
        )

    def spread(self, count: int) -> Iterable[Simulation]:
        """`count` patches, evenly spread over the file; all where it has no more."""
        for index in _spread(len(self), count):
            yield self[int(index)]

    def _pan_at_ms(self, pan: np.ndarray) -> np.ndarray:
        return self._rows.degrade_assumed @ pan @ self._columns.degrade_assumed.T

    def _gather(self, indices: np.ndarray) -> Standardisation:
        """Statistics over some of the patches `indices`."""
        patches = [
            self.file[int(index)].scaled(self.file.scale)
            for index in indices[_spread(len(indices), SAMPLED_PATCHES)]
        ]
        ms = np.concatenate([patch.ms for patch in patches], axis=1)
        pan = np.concatenate([self._pan_at_ms(patch.pan) for patch in patches])
        return scene_statistics(ms, pan, self.ratio)


def _spread(length: int, count: int) -> np.ndarray:
    """At most `count` whole numbers below `length`, evenly spread."""
    return np.unique(np.linspace(0, length - 1, min(length, count)).astype(int))
