"""What it takes to set up the engine's environment: folders, sizes, commands. Starts nothing.

The environment is a virtual one *with system site packages* on QGIS's own Python, so that the
engine uses the very GDAL and numpy of QGIS. It is built as ``venv.part`` and takes its final name
once it has passed a test, so that a half-built one is never used and a working one is not lost.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ksdiff_engine.errors import EnvironmentProblem, InputError

from ..translation import tr
from .gpu import DEFAULT_CUDA, CudaBuild, Gpu, fitting

NETWORK = "torch>=2.1,<3"
FILES = "safetensors>=0.4,<1"
BUILDS = ("default", "cpu", "cuda")
BUILD_FIELD = "{build}"  # in an index's address: replaced by cpu, cu128 …
_KEPT = ("numpy", "scipy")  # QGIS's own, built to fit its GDAL
_OLDEST_PYTHON = (3, 9)

_GB = 10**9
# (download, disk during the set-up) in bytes. The disk holds the downloads, a copy of the largest
# while it is unpacked, and what is installed.
_SIZES = {"cpu": (int(0.2 * _GB), int(1.5 * _GB)), "cuda": (3 * _GB, 10 * _GB)}
_SPARE = int(0.2 * _GB)

# pip's configuration stays in force, but nothing may send packages elsewhere than into the venv.
_DROPPED = ("PYTHONPATH", "PIP_NO_CACHE_DIR", "PIP_CONSTRAINT", "PIP_REQUIRE_VIRTUALENV")

INSPECTION = """
import importlib.util, json, platform, struct, sys
def version(module):
    try:
        return __import__(module).__version__
    except Exception:
        return ""
print(json.dumps({
    "version": sys.version_info[:3], "bits": 8 * struct.calcsize("P"),
    "machine": platform.machine(),
    "venv": all(importlib.util.find_spec(m) for m in ("venv", "ensurepip")),
    "packages": {m: version(m) for m in sys.argv[1:]},
}))
"""


@dataclass(frozen=True)
class Folders:
    """Everything that the set-up writes, in one folder of the QGIS profile."""

    root: Path

    @property
    def environment(self) -> Path:
        return self.root / "venv"

    @property
    def unfinished(self) -> Path:
        return self.root / "venv.part"

    @property
    def outdated(self) -> Path:
        return self.root / "venv.old"

    @property
    def downloads(self) -> Path:
        return self.root / "downloads"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def constraints(self) -> Path:
        return self.root / "constraints.txt"

    @property
    def log(self) -> Path:
        return self.root / "setup.log"

    @property
    def lock(self) -> Path:
        return self.root / "setup.lock"


@dataclass(frozen=True)
class BasePython:
    """What the Python that the environment stands on said about itself."""

    path: str
    version: tuple[int, int, int]
    bits: int
    machine: str
    venv: bool
    packages: Mapping[str, str]

    @classmethod
    def from_answer(cls, path: str, answer: str) -> BasePython:
        """Read what ``INSPECTION`` printed; ``ValueError`` when it is something else."""
        try:
            said = json.loads(answer.strip().splitlines()[-1])
            major, minor, micro = said["version"]
            return cls(
                path,
                (major, minor, micro),
                said["bits"],
                said["machine"],
                bool(said["venv"]),
                dict(said["packages"]),
            )
        except (LookupError, TypeError) as error:
            raise ValueError(f"unexpected answer {answer!r}") from error

    def check(self) -> None:
        """Raise ``EnvironmentProblem`` when PyTorch cannot be installed for this Python."""
        if self.version < _OLDEST_PYTHON:
            raise EnvironmentProblem(
                tr(
                    "{path} is Python {version}; the engine needs 3.9.",
                    path=self.path,
                    version=".".join(map(str, self.version)),
                ),
                hint=tr("Choose a newer Python that has PyTorch."),
            )
        if self.bits != 64:
            raise EnvironmentProblem(
                tr("{path} has {bits} bits; PyTorch needs 64.", path=self.path, bits=self.bits),
                hint=tr("Install QGIS for 64 bits."),
            )
        if not self.venv:
            raise EnvironmentProblem(
                tr(
                    "{path} cannot make virtual environments: it lacks venv or ensurepip.",
                    path=self.path,
                ),
                hint=tr(
                    "On Debian and Ubuntu install the package python3-venv; elsewhere choose a "
                    "Python that has PyTorch already."
                ),
            )


@dataclass(frozen=True)
class Request:
    """What the user wants.

    build: ``default`` (what the package index hands out), ``cpu``, or ``cuda`` (the one that fits
    the driver). wheels: a folder of wheels to install from, without a network. index: the address
    of a package index for PyTorch; ``{build}`` in it stands for ``cpu``, ``cu128`` and so on.
    """

    build: str = "default"
    wheels: str = ""
    index: str = ""


@dataclass(frozen=True)
class Step:
    """One command, what it does in words, and the exit of the progress bar (0 to 1)."""

    title: str
    command: tuple[str, ...]
    until: float


@dataclass(frozen=True)
class Plan:
    """What will be done. download and disk in bytes; notes are for the user, before the click."""

    folders: Folders
    base: str
    build: str
    download: int
    disk: int
    notes: tuple[str, ...]
    steps: tuple[Step, ...] = field(repr=False)

    def summary(self) -> str:
        """Return what the user should know before saying yes."""
        source = (
            tr("downloads {size}", size=_size(self.download))
            if self.download
            else tr("downloads nothing")
        )
        first = tr(
            "This makes the environment {environment} on {base}, installs "
            "PyTorch ({build}) and safetensors into it, {source} and needs "
            "{disk} of disk. QGIS itself stays as it is.",
            environment=self.folders.environment,
            base=self.base,
            build=self.build,
            source=source,
            disk=_size(self.disk),
        )
        return "\n".join((first, *self.notes))

    def check_disk(self, free: int) -> None:
        """Raise ``EnvironmentProblem`` when the free bytes do not suffice."""
        if free < self.disk:
            raise EnvironmentProblem(
                tr(
                    "The set-up needs {disk} of disk; {root} has {free:.1f} GB free.",
                    disk=_size(self.disk),
                    root=self.folders.root,
                    free=free / _GB,
                ),
                hint=tr("Free some space, or choose the CPU build.")
                if self.disk > _SIZES["cpu"][1]
                else tr("Free some space."),
            )


def python_in(environment: Path) -> Path:
    """Return the Python of a virtual environment."""
    if os.name == "nt":
        return environment / "Scripts" / "python.exe"
    return environment / "bin" / "python"


def make_plan(
    request: Request,
    base: str,
    folders: Folders,
    gpus: Sequence[Gpu] = (),
    system: str = sys.platform,
) -> Plan:
    """Decide how PyTorch is installed.

    Raises ``InputError`` when the request cannot be met: a build that the package index does not
    hand out on this system is refused, rather than replaced by another.
    """
    if request.build not in BUILDS:
        raise InputError(
            tr(
                "Build {build!r} is none of {builds}.",
                build=request.build,
                builds=", ".join(BUILDS),
            )
        )
    if request.wheels:
        return _offline_plan(request, base, folders)
    cuda = fitting(gpus)
    build, notes = _choose_build(request, gpus, cuda, system)
    index = request.index.replace(BUILD_FIELD, build)
    download, disk = _SIZES["cpu" if build == "cpu" else "cuda"]
    # Two commands: an index for builds of PyTorch need not have safetensors.
    own_index = ("--index-url", index) if index else ()
    steps = (
        Step(tr("Making the environment"), _make(base, folders), 0.05),
        Step(tr("Installing PyTorch"), _pip(folders, *own_index, NETWORK), 0.9),
        Step(tr("Installing safetensors"), _pip(folders, FILES), 0.93),
    )
    return Plan(folders, base, build, download, disk, notes, steps)


def child_environment(folders: Folders, worker: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables for venv and pip, made from those of a worker.

    Downloads and temporary files go beside the environment: its disk was checked, and a small
    /tmp cannot fill up.
    """
    kept = {key: value for key, value in worker.items() if key.upper() not in _DROPPED}
    temporary = str(folders.temporary)
    return {
        "PIP_DEFAULT_TIMEOUT": "60",
        **kept,
        "PIP_CACHE_DIR": str(folders.downloads),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONUNBUFFERED": "1",
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), temporary),
    }


def constraints(base: BasePython) -> str:
    """Return pip's constraints: numpy and scipy stay what they are in QGIS."""
    return "".join(f"{name}=={base.packages[name]}\n" for name in _KEPT if base.packages.get(name))


def inspection_command(python: str) -> tuple[str, ...]:
    """Return the command whose answer :meth:`BasePython.from_answer` reads."""
    return (python, "-c", INSPECTION, *_KEPT)


def _choose_build(
    request: Request, gpus: Sequence[Gpu], cuda: CudaBuild | None, system: str
) -> tuple[str, tuple[str, ...]]:
    """Return the tag of the build, and notes for the user."""
    plain = "cpu" if system in ("win32", "darwin") else "cuda"  # what the index hands out
    if request.build == "default" and not request.index:
        return plain, _notes_on_default(plain, gpus, cuda)
    if request.build == "cuda":
        _check_cuda(gpus, cuda, system)
    tag = cuda.tag if cuda and request.build != "cpu" else "cpu"
    if request.index:
        # A default build from an index that holds all builds, or one only, is anybody's guess.
        known = request.build != "default" or BUILD_FIELD in request.index
        return (tag if known else plain), ()
    if request.build != plain:
        raise InputError(
            tr(
                "On this system the package index hands out PyTorch for {kind} only; "
                "the build {tag} needs an index of its own.",
                kind=plain.upper(),
                tag=tag,
            ),
            hint=tr(
                "Give the address that PyTorch's installation page names, or a folder of wheels."
            )
            if plain == "cpu"
            else tr(
                "Give the address that PyTorch's installation page names, or a folder of wheels, "
                "or take the default build."
            ),
        )
    return plain, _notes_on_default(plain, gpus, cuda)


def _check_cuda(gpus: Sequence[Gpu], cuda: CudaBuild | None, system: str) -> None:
    if system == "darwin":
        raise InputError(
            tr("There is no PyTorch with CUDA for macOS."), hint=tr("Take the default build.")
        )
    if not gpus:
        raise InputError(
            tr("No NVIDIA GPU was found (nvidia-smi is missing or does not answer)."),
            hint=tr("Install NVIDIA's driver, or take the CPU build."),
        )
    if cuda is None:
        raise InputError(
            tr(
                "{name} with driver {driver:g} fits no CUDA build of PyTorch.",
                name=gpus[0].name,
                driver=gpus[0].driver,
            ),
            hint=tr("Update NVIDIA's driver to 580 or newer, or take the CPU build."),
        )


def _notes_on_default(plain: str, gpus: Sequence[Gpu], cuda: CudaBuild | None) -> tuple[str, ...]:
    if plain == "cpu":
        if not gpus or cuda is None:
            return ()
        return (
            tr(
                "This build uses the processor alone. For {name} choose the build cuda "
                "({tag}), with the address of its index.",
                name=gpus[0].name,
                tag=cuda.tag,
            ),
        )
    if not gpus:
        return (
            tr(
                "On Linux the package index hands out PyTorch with CUDA, though no NVIDIA GPU was "
                "found here. The smaller CPU build needs the address of its index."
            ),
        )
    if cuda is not DEFAULT_CUDA:
        best = tr(" or take the build cuda ({tag}) from its index", tag=cuda.tag) if cuda else ""
        return (
            tr(
                "{name} with driver {driver:g} may not run the current build "
                "(CUDA 13, driver {needed:g} or newer): the processor would be used. "
                "Update the driver{best}.",
                name=gpus[0].name,
                driver=gpus[0].driver,
                needed=DEFAULT_CUDA.driver,
                best=best,
            ),
        )
    return ()


def _offline_plan(request: Request, base: str, folders: Folders) -> Plan:
    folder = Path(request.wheels).expanduser().absolute()
    wheels = sorted(folder.glob("*.whl")) if folder.is_dir() else []
    lacking = [n for n in ("torch", "safetensors") if not any(_is(w, n) for w in wheels)]
    if lacking:
        raise InputError(
            tr(
                "The folder {folder} holds no wheel of {packages}.",
                folder=folder,
                packages=tr(" and ").join(lacking),
            ),
            hint=tr(
                "Fill it on a computer with a network: pip download -d FOLDER torch safetensors."
            ),
        )
    build = tr(" or ").join(w.name.split("-")[1] for w in wheels if _is(w, "torch"))
    source = ("--no-index", "--find-links", str(folder))
    steps = (
        Step(tr("Making the environment"), _make(base, folders), 0.1),
        Step(tr("Installing PyTorch"), _pip(folders, *source, NETWORK, FILES), 0.93),
    )
    return Plan(folders, base, build, 0, _unpacked(wheels) + _SPARE, (), steps)


def _unpacked(wheels: Sequence[Path]) -> int:
    """Return the bytes that the large ones take, unpacked and as pip's copies."""
    large = ("torch", "triton", "nvidia", "cuda", "safetensors")
    total = 0
    for wheel in wheels:
        if wheel.name.startswith(large):
            try:
                with ZipFile(wheel) as archive:
                    total += sum(entry.file_size for entry in archive.infolist())
            except (OSError, BadZipFile) as error:
                raise InputError(
                    tr("The wheel {wheel} cannot be read: {error}.", wheel=wheel, error=error),
                    hint=tr("Copy it again."),
                ) from error
    return total


def _is(wheel: Path, name: str) -> bool:
    return wheel.name.partition("-")[0].lower() == name


def _make(base: str, folders: Folders) -> tuple[str, ...]:
    return (base, "-m", "venv", "--system-site-packages", str(folders.unfinished))


def _pip(folders: Folders, *arguments: str) -> tuple[str, ...]:
    return (
        str(python_in(folders.unfinished)),
        *("-m", "pip", "install", "--no-user", "--no-input", "--only-binary", ":all:"),
        *("--no-warn-script-location", "--progress-bar", "off"),
        *("--constraint", str(folders.constraints), *arguments),
    )


def _size(count: int) -> str:
    if count >= _GB:
        return tr("up to {size:.1f} GB", size=count / _GB)
    return tr("about {size:.0f} MB", size=count / 10**6)
