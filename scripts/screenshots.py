"""Take the tutorial's pictures, docs/images/tutorial: ``make screenshots``.

A real QGIS sharpens and measures the bundled sample on a virtual screen, as the tutorial tells.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))
from scripts import desktop  # noqa: E402

TARGET = ROOT / "docs" / "images" / "tutorial"
SCRIPT = Path(__file__).with_name("screenshots_in_qgis.py")
SECONDS = 900
LARGEST = 150_000  # bytes of a picture
GAP = 8  # pixels between two pictures beside each other
WHOLE = ("context-menu", "dialog", "log", "toolbox", "assess", "report-tables", "options")
# Photographs beside text: smaller as JPEG.
PHOTOGRAPHS = ("two-layers", "result", "report-crops")
BESIDE = {"closer": ("before", "after")}


def main() -> int:
    """Take all pictures; fail when QGIS did, or one is too large."""
    if desktop.QGIS is None or desktop.XVFB is None:
        print("screenshots: QGIS's desktop or xvfb-run is missing.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="ksdiff-") as folder:
        said = take(Path(folder))
        error = Path(folder, "error.txt")
        if error.exists() or not Path(folder, "options.png").exists():
            print(error.read_text() if error.exists() else said, file=sys.stderr)
            return 1
        files = list(publish(Path(folder)))
    for file in files:
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1e3:.0f} kB")
    return int(any(file.stat().st_size > LARGEST for file in files))


def take(folder: Path) -> str:
    """Let QGIS write its pictures into the folder; return what it said."""
    plugin = desktop.prepare(folder)
    profile = plugin.parents[2]
    (profile / "ksdiff").mkdir()
    (profile / "ksdiff" / "venv").symlink_to(Path(sys.prefix))
    shutil.copytree(ROOT / "resources" / "sample", folder / "sample")
    return desktop.run(SCRIPT, folder, seconds=SECONDS, screen="1100x700")


def publish(folder: Path) -> Iterator[Path]:
    """Write the pictures, made small, into the documentation; yield their files."""
    TARGET.mkdir(exist_ok=True)
    for name in WHOLE:
        with Image.open(folder / f"{name}.png") as picture:
            small = picture.convert("RGB").quantize(192, dither=Image.Dither.NONE)
        small.save(TARGET / f"{name}.png", optimize=True)
        yield TARGET / f"{name}.png"
    for name in PHOTOGRAPHS:
        with Image.open(folder / f"{name}.png") as picture:
            yield as_photograph(picture.convert("RGB"), name)
    for name, parts in BESIDE.items():
        yield as_photograph(beside([Image.open(folder / f"{part}.png") for part in parts]), name)


def as_photograph(picture: Image.Image, name: str) -> Path:
    """Write a picture as JPEG, as good as its size allows; return the file."""
    file = TARGET / f"{name}.jpg"
    for quality in (90, 85, 80, 75, 70):
        picture.save(file, quality=quality, optimize=True, subsampling=0 if quality > 80 else 2)
        if file.stat().st_size <= LARGEST:
            break
    return file


def beside(pictures: list[Image.Image]) -> Image.Image:
    """Join the middles of pictures of one size, so that the whole is as wide as one and a half."""
    width, height = pictures[0].size
    part = 2 * width // 3
    joined = Image.new("RGB", (2 * part + GAP, height), "white")
    for number, picture in enumerate(pictures):
        left = (width - part) // 2
        middle = picture.convert("RGB").crop((left, 0, left + part, height))
        joined.paste(middle, (number * (part + GAP), 0))
    return joined


if __name__ == "__main__":
    sys.exit(main())
