"""What Qt 6 (QGIS 4) refuses and Qt 5 lets pass; imports are judged by ruff (TID251)."""

from __future__ import annotations

import ast
import enum
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("qgis.gui")

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path
    for folder in ("ksdiff_qgis", "scripts", "tests/qgis")
    for path in (ROOT / folder).rglob("*.py")
)
RENAMED = {"exec_": "exec", "print_": "print"}


def imported_from_qgis(tree: ast.AST) -> dict[str, Any]:
    """Return what the names stand for that a module takes from qgis, PyQt included."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qgis."):
            module = importlib.import_module(node.module)
            for name in node.names:
                names[name.asname or name.name] = getattr(module, name.name, None)
    return names


def is_enumeration(kind: type) -> bool:
    """Whether a type is one of Python's enumerations or of sip's, whose values are numbers."""
    return issubclass(kind, enum.Enum) or (
        issubclass(kind, int) and kind.__module__.startswith(("PyQt", "qgis"))
    )


def faults(source: str) -> Iterator[str]:
    """Yield ``line: what to write`` for each use that Qt 6 refuses."""
    tree = ast.parse(source)
    names = imported_from_qgis(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        if node.attr in RENAMED:
            yield f"{node.lineno}: write {RENAMED[node.attr]}() for {node.attr}()"
        owner = names.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if isinstance(owner, type) and not is_enumeration(owner):
            kind = type(getattr(owner, node.attr, None))
            if is_enumeration(kind):
                scoped = f"{owner.__name__}.{kind.__name__}.{node.attr}"
                yield f"{node.lineno}: write {scoped} for {owner.__name__}.{node.attr}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_runs_on_qt6(path: Path) -> None:
    assert list(faults(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Qt.Horizontal", ["2: write Qt.Orientation.Horizontal for Qt.Horizontal"]),
        ("QgsTask.CanCancel", ["2: write QgsTask.Flag.CanCancel for QgsTask.CanCancel"]),
        ("QDialog().exec_()", ["2: write exec() for exec_()"]),
        ("Qt.Orientation.Horizontal", []),
        ("QgsMapLayerType.RasterLayer", []),
        ("Qgis.QGIS_VERSION_INT", []),
    ],
)
def test_the_check_finds_what_it_is_for(line: str, found: list[str]) -> None:
    imports = (
        "from qgis.core import Qgis, QgsMapLayerType, QgsTask; "
        "from qgis.PyQt.QtCore import Qt; from qgis.PyQt.QtWidgets import QDialog"
    )
    assert list(faults(f"{imports}\n{line}")) == found
