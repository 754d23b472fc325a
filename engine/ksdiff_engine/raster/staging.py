"""Where a result grows before it takes its final name: a hidden folder beside the target."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid

from osgeo import gdal

from ..errors import OutputError
from .gdal_guard import gdal_failures, quoted

SIDE_FILES = (".aux.xml", ".ovr", ".msk")  # of a former file at the target; wrong for the new one


def is_virtual(path: str) -> bool:
    """True for names that only GDAL's virtual file systems know."""
    return path.startswith("/vsi")


def check_target(path: str) -> None:
    """Raise OutputError unless a file of this name can be written: the folder is there and open."""
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise OutputError(
            f"The folder {folder} for {os.path.basename(path)} does not exist.",
            hint="Create it, or choose another folder.",
        )
    if os.path.isdir(path):
        raise OutputError(f"{path} is a folder.", hint="Choose a file name in it.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            f"The folder {folder} cannot be written to.",
            hint="Choose another folder or change its permissions.",
        )


def staging_for(target: str) -> Staging:
    """A new staging folder for `target`; raises OutputError when it cannot be made."""
    return VirtualStaging(target) if is_virtual(target) else Staging(os.path.realpath(target))


class Staging:
    """A folder ``.<name>.<pid>.*.part`` beside the target, on the same file system.

    A folder rather than a file, because drivers write side files whose names follow the main one.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        parent, self.name = os.path.split(target)
        try:
            self.folder = tempfile.mkdtemp(prefix=_prefix(self.name), suffix=".part", dir=parent)
        except OSError as error:
            raise OutputError(
                f"The folder {parent} cannot be written to: {error.strerror}.",
                hint="Choose another folder or change its permissions.",
            ) from error

    def path(self, name: str = "") -> str:
        """A file in the folder; without a name the one that becomes the target."""
        return os.path.join(self.folder, name or self.name)

    def publish(self) -> None:
        """Move everything beside the target, the target itself last, and remove the folder."""
        names = sorted(os.listdir(self.folder), key=lambda name: name == self.name)
        parent = os.path.dirname(self.target)
        try:
            for name in names:
                os.replace(os.path.join(self.folder, name), os.path.join(parent, name))
        except OSError as error:
            raise OutputError(
                f"{self.target} cannot be replaced: {error.strerror}.",
                hint="Close the file in other programs, or choose another name.",
            ) from error
        for suffix in SIDE_FILES:
            if self.name + suffix not in names:
                with contextlib.suppress(OSError):
                    os.remove(self.target + suffix)
        self.discard()

    def discard(self) -> None:
        """Remove the folder and what is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def free_bytes(self) -> int | None:
        """Space left where the result grows; None when unknown."""
        with contextlib.suppress(OSError):
            return shutil.disk_usage(self.folder).free
        return None


class VirtualStaging(Staging):
    """The same on one of GDAL's virtual file systems, such as /vsimem/."""

    def __init__(self, target: str) -> None:
        self.target = target
        parent, self.name = target.rsplit("/", 1)
        self.folder = f"{parent}/{_prefix(self.name)}{uuid.uuid4().hex[:8]}.part"
        with gdal_failures() as failures:
            failed = gdal.Mkdir(self.folder, 0o755)
        if failures or failed:
            raise OutputError(
                f"The folder {parent} cannot be written to: {quoted(failures)}",
                hint="Choose another folder.",
            )

    def path(self, name: str = "") -> str:
        return f"{self.folder}/{name or self.name}"

    def publish(self) -> None:
        parent = self.target.rsplit("/", 1)[0]
        failed = True
        with gdal_failures() as failures:
            found = [name for name in gdal.ReadDir(self.folder) or () if name not in (".", "..")]
            names = sorted(found, key=lambda name: name == self.name)
            failed = any(gdal.Rename(self.path(name), f"{parent}/{name}") for name in names)
        if failed or failures:
            raise OutputError(
                f"{self.target} cannot be replaced: {quoted(failures)}",
                hint="Choose another name.",
            )
        with gdal_failures():
            for suffix in SIDE_FILES:
                if self.name + suffix not in names and gdal.VSIStatL(self.target + suffix):
                    gdal.Unlink(self.target + suffix)
        self.discard()

    def discard(self) -> None:
        with gdal_failures():
            gdal.RmdirRecursive(self.folder)

    def free_bytes(self) -> int | None:
        return None


def _prefix(name: str) -> str:
    return f".{name[:100]}.{os.getpid()}."
