"""Build dist/ksdiff_qgis.zip: one folder with the plugin, the engine and the resources.

    ksdiff_qgis/*.py …            the plugin
    ksdiff_qgis/metadata.txt, LICENSE
    ksdiff_qgis/engine/ksdiff_engine/…
    ksdiff_qgis/resources/…

The engine finds the resources two folders above itself, here as in the repository. The same tree
gives the same bytes: names are sorted and times fixed.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "dist" / "ksdiff_qgis.zip"
PLUGIN = "ksdiff_qgis"
LIMIT = 25_000_000  # bytes; what plugins.qgis.org accepts
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip file can state
NOT_SHIPPED = (".pyc", ".aux.xml", "~", ".ts")  # of a translation, the .qm is


def main() -> int:
    """Write the package; fail when it is too large for the plugin repository."""
    TARGET.parent.mkdir(exist_ok=True)
    build(ROOT, TARGET)
    size = TARGET.stat().st_size
    if size > LIMIT:
        print(f"{TARGET}: {size} bytes, but plugins.qgis.org takes {LIMIT}.", file=sys.stderr)
        return 1
    print(f"{TARGET.relative_to(ROOT)}: {size / 1e6:.2f} MB")
    return 0


def build(root: Path, target: Path) -> None:
    """Zip the plugin of the repository `root` into `target`."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted(contents(root)):
            entry = zipfile.ZipInfo(f"{PLUGIN}/{name}", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())


def contents(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name inside the plugin's folder, file) for everything that is shipped."""
    yield from files_below(root / PLUGIN, "")
    yield from files_below(root / "engine" / "ksdiff_engine", "engine/ksdiff_engine/")
    yield from files_below(root / "resources", "resources/")
    for name in ("metadata.txt", "LICENSE"):
        yield name, root / name


def files_below(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    """Yield the files of `folder`, caches and hidden files left out."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(is_private(part) for part in parts):
            yield prefix + "/".join(parts), path


def is_private(part: str) -> bool:
    """Whether a file or folder of this name is a by-product or a source of what is shipped."""
    return part.startswith(".") or part == "__pycache__" or part.endswith(NOT_SHIPPED)


if __name__ == "__main__":
    sys.exit(main())
