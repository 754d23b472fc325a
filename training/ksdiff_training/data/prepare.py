"""A user's own scenes, in PanCollection's layout: training, validation and test files.

Each scene is reduced by Wald's protocol with its sensor's MTF while it is read, patch by patch, so
that scenes may have any size. Patches with invalid pixels are left out. Patches of one acquisition
go to one file alone: neighbours that share haze, sun and season would flatter what is measured.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

from ksdiff_engine.filling import fill_nearest
from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.reduction import Axis as CoarseAxis
from ksdiff_engine.reduction import Reduction, ms_axes
from ksdiff_engine.resample import KERNEL_RADIUS, interpolation_matrix
from ksdiff_engine.sensors import AUTO

from .pancollection import Patch
from .rasters import MsGrid, Product, find_products, open_raster_pair
from .simulation import PHASES

SPLITS = ("train", "valid", "test")
FILES = {"train": "train_{}.h5", "valid": "valid_{}.h5", "test": "test_{}_multiExm1.h5"}
_GROWTH = 64  # patches by which a file grows at a time


@dataclass(frozen=True)
class SceneEntry:
    """Scenes of the list: the patterns of PAN and MS, as in a source of an experiment.

    sensor: the name of a profile, or ``auto``. acquisition: which the scenes belong to; each scene
    is its own unless given. split: the file that the scenes go to; else it is drawn.
    """

    pan: str
    ms: tuple[str, ...]
    sensor: str = AUTO
    acquisition: str = ""
    split: str = ""


@dataclass(frozen=True)
class SceneList:
    """What ``prepare`` reads: the scenes, and how they are cut.

    name: of the files. patch, test_patch: edge of the references of training and validation, and of
    the test file, MS pixels of the scenes. scale: the digital number of full scale; else that of
    the sensor's bit depth. convention: where a coarse pixel's centre lies in its block (a key of
    ``simulation.PHASES``); PanCollection's is ``benchmark``. seed: of the drawing of splits.
    """

    name: str
    scenes: tuple[SceneEntry, ...]
    patch: int = 64
    test_patch: int = 256
    scale: float | None = None
    convention: str = "benchmark"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.convention not in PHASES:
            raise ValueError(f"convention must be one of {tuple(PHASES)}, not {self.convention!r}")
        if not self.scenes:
            raise ValueError("the list names no scenes")
        unknown = {scene.split for scene in self.scenes} - {"", *SPLITS}
        if unknown:
            raise ValueError(f"split must be one of {SPLITS}, not {', '.join(sorted(unknown))}")


@dataclass(frozen=True)
class Acquisition:
    """Products that were taken together, and the file that they go to."""

    name: str
    split: str
    products: tuple[Product, ...]


def read_scene_list(path: Path) -> SceneList:
    """Read the YAML file. Raises ValueError that names the file and what is wrong with it."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("it is no mapping of keys to values")
        _check_keys(SceneList, values)
        scenes = values.get("scenes") or ()
        for entry in scenes:
            _check_keys(SceneEntry, entry)
        return SceneList(**{**values, "scenes": tuple(_entry(entry) for entry in scenes)})
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error


def _check_keys(kind: type, values: dict[str, Any]) -> None:
    unknown = sorted(set(values) - {entry.name for entry in fields(kind)})
    if unknown:
        raise ValueError(f"unknown keys in {kind.__name__}: {', '.join(unknown)}")


def _entry(values: dict[str, Any]) -> SceneEntry:
    ms = values.get("ms", ())
    return SceneEntry(**{**values, "ms": (ms,) if isinstance(ms, str) else tuple(ms)})


def acquisitions(scenes: SceneList, folder: Path) -> list[Acquisition]:
    """The acquisitions of the list, each with its split; paths are relative to `folder`.

    Where no scene names its split, a tenth of the acquisitions, at least one, goes to validation
    and as many to the test file. Raises ValueError where that needs more acquisitions than there
    are, where some scenes name a split and others do not, and where an acquisition is in two.
    """
    products: dict[str, list[Product]] = {}
    splits: dict[str, str] = {}
    for entry in scenes.scenes:
        for product in find_products(folder, entry.pan, entry.ms, entry.sensor):
            own = Path(product.pan).relative_to(folder).with_suffix("").as_posix()
            name = entry.acquisition or own
            products.setdefault(name, []).append(product)
            if splits.setdefault(name, entry.split) != entry.split:
                raise ValueError(f"the acquisition {name} is in two splits")
    if not any(splits.values()):
        splits = _drawn_splits(list(products), scenes.seed)
    elif not all(splits.values()):
        without = ", ".join(name for name, split in splits.items() if not split)
        raise ValueError(f"either all scenes name their split, or none: {without} do not")
    return [Acquisition(name, splits[name], tuple(products[name])) for name in products]


def _drawn_splits(names: Sequence[str], seed: int) -> dict[str, str]:
    if len(names) < len(SPLITS):
        raise ValueError(
            f"{len(names)} acquisitions ({', '.join(names)}) are too few for training, validation "
            "and test, since none may be in two of them. Add others, or name the split of every "
            "scene: a file without scenes is not written."
        )
    held_out = max(1, round(len(names) / 10))
    order = np.random.default_rng(seed).permutation(sorted(names)).tolist()
    return {
        name: "valid" if place < held_out else "test" if place < 2 * held_out else "train"
        for place, name in enumerate(order)
    }


def prepare(
    scenes: SceneList, folder: Path, output: Path, say: Callable[[str], None] = lambda line: None
) -> list[Path]:
    """Write the files of the list into the new folder `output`; returns their paths.

    All are written, or none: they take shape beside `output`, which appears at the end. Raises
    FileExistsError when it holds something already, ValueError or InputError that names the scene
    which cannot be used.
    """
    if output.exists() and any(output.iterdir()):
        raise FileExistsError(f"{output} is not empty; choose a new folder")
    groups = acquisitions(scenes, folder)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        names = [
            _write_split(split, chosen, scenes, partial, say)
            for split in SPLITS
            if (chosen := [group for group in groups if group.split == split])
        ]
        partial.chmod(0o755)  # mkdtemp lets nobody but its owner in
        if output.exists():
            output.rmdir()
        os.replace(partial, output)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return [output / name for name in names]


def _write_split(
    split: str,
    groups: Sequence[Acquisition],
    scenes: SceneList,
    folder: Path,
    say: Callable[[str], None],
) -> str:
    """One file with the patches of its acquisitions; returns its name."""
    size = scenes.test_patch if split == "test" else scenes.patch
    name = FILES[split].format(scenes.name)
    with PatchWriter(folder / name, scenes, split) as writer:
        for group in groups:
            counts: Counter[str] = Counter()
            for product in group.products:
                with open_raster_pair(product) as grid:
                    writer.describe(grid, product)
                    for patch in reduced_patches(grid, size, scenes.convention):
                        counts["skipped" if patch is None else "written"] += 1
                        if patch is not None:
                            writer.add(patch, group.name)
            if not counts["written"]:
                raise ValueError(
                    f"{group.name} has no {size} × {size} MS pixels without nodata; choose a "
                    f"smaller {'test_patch' if split == 'test' else 'patch'}, or leave it out"
                )
            say(f"{name}: {group.name}, {counts['written']} patches, {counts['skipped']} skipped")
    return name


def reduced_patches(grid: MsGrid, size: int, convention: str) -> Iterator[Patch | None]:
    """The patches of a scene at reduced resolution, row by row; None for one with invalid pixels.

    A patch's `gt` are `size` × `size` pixels of the scene's MS, side by side from its upper left
    corner; `ms` is blurred by the MTF of each band, `pan` reduced bicubically, as the toolbox does.
    Raises ValueError when `size` does not divide by the ratio.
    """
    if size % grid.ratio:
        raise ValueError(f"a patch of {size} does not divide by the ratio {grid.ratio}")
    reduction = _SceneReduction.of(grid, convention)
    rows, columns = grid.window.height // size, grid.window.width // size
    for row in range(rows):
        for column in range(columns):
            yield reduction.patch(column * size, row * size, size)


@dataclass(frozen=True)
class _SceneReduction:
    """A scene's MS as the reference, and what is made of it; windows count from the MS window."""

    grid: MsGrid
    pan: Reduction
    ms: Reduction
    start: float

    @classmethod
    def of(cls, grid: MsGrid, convention: str) -> _SceneReduction:
        start = PHASES[convention](grid.ratio)
        # A coarse pixel's centre lies `start` fine pixels from its block's edge, not in its middle.
        column, row = (n + start - grid.ratio / 2 for n in (grid.window.column, grid.window.row))
        columns, rows = ms_axes(grid.pair)
        pair = grid.pair
        return cls(
            grid=grid,
            # In the pair's grid; the raster begins `pan_column`, `pan_row` further up left.
            pan=Reduction(
                pair.pan,
                CoarseAxis(columns.origin + pair.pan_column, columns.ratio),
                CoarseAxis(rows.origin + pair.pan_row, rows.ratio),
            ),
            ms=Reduction(
                pair.ms,
                CoarseAxis(column, grid.ratio),
                CoarseAxis(row, grid.ratio),
                grid.gains,
            ),
            start=start,
        )

    def patch(self, column: int, row: int, size: int) -> Patch | None:
        """The patch at `column`, `row` of the MS window; None when one of its pixels is invalid."""
        window = Window(self.grid.window.column + column, self.grid.window.row + row, size, size)
        reference, valid = self.grid.pair.ms.read(window)
        if not valid.all():
            return None
        pan, valid = self.pan.read(window)
        if not valid.all():
            return None
        ratio = self.grid.ratio
        reach = KERNEL_RADIUS + 1
        low = Window(column // ratio, row // ratio, size // ratio, size // ratio)
        ms, valid = self.ms.read(low.expanded(reach))
        inner = (slice(reach, reach + low.height), slice(reach, reach + low.width))
        if not valid[inner].all():
            return None
        # The neighbours help to interpolate, where there are any.
        ms = fill_nearest(ms, valid, 2 * reach, np.zeros(len(ms)))
        positions = (np.arange(size) + 0.5 - self.start) / ratio + reach
        matrix = interpolation_matrix(ms.shape[1], positions).astype(np.float32)
        return Patch(pan[0], ms[:, inner[0], inner[1]], matrix @ ms @ matrix.T, reference)


class PatchWriter:
    """Writes a file in PanCollection's layout, float32, patch by patch. A context manager.

    Attributes of the file: ``sensor``, ``scale``, ``ratio``, ``convention``, ``ms_gains``,
    ``split``, ``acquisitions`` (names) and ``protocol``; beside the images the data set
    ``acquisition`` has the index of each patch's acquisition.
    """

    def __init__(self, path: Path, scenes: SceneList, split: str) -> None:
        self._file = h5py.File(path, "w")
        self._scenes = scenes
        self._names: list[str] = []
        self._numbers: list[int] = []
        self._described: dict[str, Any] = {}
        self._file.attrs["split"] = split

    def __enter__(self) -> PatchWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._finish()
        self._file.close()

    def describe(self, grid: MsGrid, product: Product) -> None:
        """Take in a scene. Raises ValueError unless it is of the other scenes' kind."""
        kind = {
            "sensor": grid.profile.name,
            "ratio": grid.ratio,
            "ms_gains": grid.gains,
            "scale": self._scale(grid, product),
        }
        if self._described and kind != self._described:
            raise ValueError(
                f"{product.pan} is of another kind than the scenes before it: {kind} instead of "
                f"{self._described}; give each sensor a list of its own"
            )
        self._described = kind

    def add(self, patch: Patch, acquisition: str) -> None:
        """Append a patch."""
        if acquisition not in self._names:
            self._names.append(acquisition)
        assert patch.gt is not None  # nosec B101
        images = {"pan": patch.pan[None], "ms": patch.ms, "lms": patch.lms, "gt": patch.gt}
        count = len(self._numbers)
        for key, image in images.items():
            if key not in self._file:
                self._file.create_dataset(
                    key,
                    shape=(0, *image.shape),
                    maxshape=(None, *image.shape),
                    chunks=(1, *image.shape),
                    dtype=np.float32,
                    compression="gzip",
                    compression_opts=1,
                    shuffle=True,
                )
            if count == len(self._file[key]):
                self._file[key].resize(count + _GROWTH, axis=0)
            self._file[key][count] = image
        self._numbers.append(self._names.index(acquisition))

    def _finish(self) -> None:
        """Cut what has grown too far, and write what the file says about itself."""
        for key in list(self._file):
            self._file[key].resize(len(self._numbers), axis=0)
        self._file["acquisition"] = np.array(self._numbers, dtype=np.int64)
        self._file.attrs.update(self._described)
        self._file.attrs["acquisitions"] = self._names
        self._file.attrs["convention"] = self._scenes.convention
        self._file.attrs["protocol"] = "Wald: MS by the sensor's MTF (Gaussian), PAN bicubic"

    def _scale(self, grid: MsGrid, product: Product) -> float:
        if self._scenes.scale is not None:
            return float(self._scenes.scale)
        if grid.profile.bit_depth is None:
            raise ValueError(
                f"the sensor of {product.pan} is not known, nor its bits: name it (sensor), or the "
                "digital number of full scale (scale)"
            )
        return 2.0**grid.profile.bit_depth - 1
