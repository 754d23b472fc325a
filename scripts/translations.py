"""Bring the translations up to date: ksdiff_qgis/i18n/*.ts from the sources, the .qm from them.

    make translations

Every text in ``tr("…")`` and ``translatable("…")`` of the plugin, and what people read of the
models that come with it, stands in each .ts file, in the order of the sources. What is new is
marked as unfinished; what the sources no longer have is dropped. The .ts files are edited by hand
or in Qt Linguist; another language begins as an empty file ``ksdiff_<language>.ts``. lrelease, of
Qt, makes the .qm files, which are part of the repository so that the package can be built, and the
plugin run, where there is no lrelease.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = ROOT / "ksdiff_qgis"
FOLDER = PLUGIN / "i18n"
MODELS = ROOT / "resources" / "models"
CONTEXT = "KSDiff"
MARKS = ("tr", "translatable")
LRELEASE = ("/usr/lib/qt5/bin/lrelease", "lrelease", "lrelease-qt5", "lrelease-qt6")


def main() -> int:
    """Update all languages; fail where lrelease is missing."""
    lrelease = next(filter(None, map(shutil.which, LRELEASE)), None)
    if lrelease is None:
        print("lrelease is missing (Debian: qttools5-dev-tools).", file=sys.stderr)
        return 1
    texts = all_texts()
    for file in sorted(FOLDER.glob("ksdiff_*.ts")):
        translations = read(file)
        write(file, texts, translations)
        unfinished = sum(not translations.get(text) for text in texts)
        print(f"{file.relative_to(ROOT)}: {len(texts)} texts, {unfinished} to be translated")
        command = [lrelease, "-silent", "-nounfinished", str(file)]
        subprocess.run(command, check=True)
    return 0


def all_texts() -> dict[str, list[str]]:
    """Return the texts, each with the files that have it, in their order."""
    texts: dict[str, list[str]] = {}
    for path in (*sorted(PLUGIN.rglob("*.py")), *sorted(MODELS.glob("*.model3"))):
        content = path.read_text(encoding="utf-8")
        for text in (literals if path.suffix == ".py" else texts_of_model)(content):
            files = texts.setdefault(text, [])
            name = path.relative_to(ROOT).as_posix()
            if name not in files:
                files.append(name)
    return texts


def literals(source: str) -> Iterator[str]:
    """Yield the literals that a module marks as texts, in their order."""
    calls = [
        node.args[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKS and node.args
    ]
    for argument in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def texts_of_model(content: str) -> Iterator[str]:
    """Yield the title, group and help of a model, and its parameters' titles and help."""
    options = {option.get("name"): option for option in ET.fromstring(content)}
    wanted = [options["model_name"], options["model_group"], *options["help"]]
    for parameter in options["parameterDefinitions"]:
        wanted += [o for o in parameter if o.get("name") in ("description", "help")]
    yield from filter(None, (option.get("value") for option in wanted))


def read(file: Path) -> dict[str, str]:
    """Return the finished translations of a .ts file by their texts."""
    if not file.stat().st_size:
        return {}
    return {
        message.findtext("source", ""): translation.text or ""
        for message in ET.parse(file).iter("message")
        if (translation := message.find("translation")) is not None
        and translation.get("type") is None
    }


def write(file: Path, texts: dict[str, list[str]], translations: dict[str, str]) -> None:
    """Write a .ts file with these texts."""
    language = file.stem.partition("_")[2]
    root = ET.Element("TS", version="2.1", language=language, sourcelanguage="en")
    context = ET.SubElement(root, "context")
    ET.SubElement(context, "name").text = CONTEXT
    for text, names in texts.items():
        message = ET.SubElement(context, "message")
        for name in names:
            ET.SubElement(message, "location", filename=f"../../{name}")
        ET.SubElement(message, "source").text = text
        translation = ET.SubElement(message, "translation")
        if translations.get(text):
            translation.text = translations[text]
        else:
            translation.set("type", "unfinished")
    ET.indent(root, " " * 4)
    content = ET.tostring(root, encoding="unicode")
    head = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n'
    file.write_text(f"{head}{content}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
