"""Every text of the plugin goes through tr(), and every language has all of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from scripts import translations

SOURCES = sorted(translations.PLUGIN.rglob("*.py"))
LANGUAGES = sorted(translations.FOLDER.glob("*.ts"))
ADVICE = "run `make translations`, then translate what is unfinished in ksdiff_qgis/i18n"

# English in every language: a report for developers, search words, programs inside strings, and
# what the code itself gets wrong.
NOT_FOR_USERS = {"diagnostics.py"}
NO_TEXTS = {"TAGS", "INSPECTION", "_PROBE", "_IMAGE"}
NO_TEXTS_IN = {"ValueError", "compile", "search", "sub", "tags"}
PROGRAMS = ("import ", "from importlib")
# Where a single word is a text as well: the positions of the arguments, by the name of the call.
SHOWN = {
    **dict.fromkeys(("QGroupBox", "QPushButton", "QLabel", "addItem", "addRow", "addButton"), (0,)),
    **dict.fromkeys(("setWindowTitle", "setText", "setToolTip", "setPlainText"), (0,)),
    **dict.fromkeys(("setPlaceholderText", "setSpecialValueText", "setSuffix"), (0,)),
    **dict.fromkeys(("pushInfo", "pushWarning", "setProgressText", "say", "Step"), (0,)),
    **dict.fromkeys(("EngineError", "InputError", "OutputError", "EnvironmentProblem"), (0,)),
    **dict.fromkeys(("choice", "described", "stack", "QAction", "progress"), (1,)),
    "Failure": (2, 3),
}
SENTENCE = re.compile(r"[A-Za-z]{2,}[,:]? [\w(]*[a-z]")
WORD = re.compile(r"[A-Za-z]{3,}")


def call_name(node: ast.AST | None) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def is_mark(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") in translations.MARKS


def unmarked(source: str) -> Iterator[str]:
    """Yield ``line: text`` for each literal that people read and that is not marked."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            values = [part.value for part in node.values if isinstance(part, ast.Constant)]
            text = "{}".join(map(str, values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        ancestors = list(ancestors_of(node, parents))
        if not is_exempt(node, text, ancestors) and is_text(node, text, ancestors[0]):
            yield f"{node.lineno}: {text!r}"


def ancestors_of(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while node in parents:
        node = parents[node]
        yield node


def is_text(node: ast.AST, text: str, parent: ast.AST) -> bool:
    name = call_name(parent)
    positions: tuple[int, ...] = SHOWN.get(name, ())
    if name.startswith(("QgsProcessingParameter", "QgsProcessingOutput")):
        positions = (1,)
    arguments = parent.args if isinstance(parent, ast.Call) else []
    shown = any(i < len(arguments) and arguments[i] is node for i in positions)
    return bool((WORD if shown else SENTENCE).search(text))


def is_exempt(node: ast.AST, text: str, ancestors: list[ast.AST]) -> bool:
    if isinstance(ancestors[0], (ast.Expr, ast.JoinedStr)) or text.startswith(PROGRAMS):
        return True  # a docstring; a part of what was looked at whole
    if call_name(ancestors[0]) == "Failure":  # its name and its pattern come first
        return node in ancestors[0].args[:2]
    for ancestor in ancestors:
        if is_mark(ancestor) or call_name(ancestor) in NO_TEXTS_IN:
            return True
        if isinstance(ancestor, ast.FunctionDef) and ancestor.name in NO_TEXTS_IN:
            return True
        if isinstance(ancestor, ast.Assign):
            return any(getattr(target, "id", "") in NO_TEXTS for target in ancestor.targets)
    return False


def misplaced(source: str) -> Iterator[str]:
    """Yield where tr() runs before the language is known, and what no tool can collect."""
    tree = ast.parse(source)
    at_call_time = {
        node
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.Lambda))
        for statement in (function.body if isinstance(function.body, list) else [function.body])
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if not is_mark(node):
            continue
        kind, argument = call_name(node), node.args[0]
        if (kind == "tr") != (node in at_call_time):
            yield f"{node.lineno}: {kind}() {'at import' if kind == 'tr' else 'in a function'}"
        if not isinstance(argument, (ast.Constant, ast.Name, ast.Attribute)):
            yield f"{node.lineno}: {kind}() of {ast.unparse(argument)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(path.parents[1])))
def test_every_text_is_marked(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    if path.name not in NOT_FOR_USERS:
        assert list(unmarked(source)) == []
    assert list(misplaced(source)) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('x = "Choose another file."', 1),
        ('x = f"{name} cannot be read"', 1),
        ('QPushButton("Remove")', 1),
        ('QgsProcessingParameterBand(BAND, "Band")', 1),
        ('raise InputError("Broken")', 1),
        ('x = tr("Choose another file.")', 0),
        ('TAGS = ("spatial distortion",)', 0),
        ('x = "ksdiff/index_url"', 0),
        ('x = f"{a}: {b}"', 0),
    ],
)
def test_the_check_finds_what_it_is_for(line: str, found: int) -> None:
    assert len(list(unmarked(line))) == found


def test_texts_are_looked_up_when_they_are_shown() -> None:
    assert list(misplaced('TITLE = tr("Title")')) == ["1: tr() at import"]
    assert list(misplaced('def f(a=tr("now")): pass')) == ["1: tr() at import"]
    assert list(misplaced('def f(): return translatable("x")')) == [
        "1: translatable() in a function"
    ]
    assert list(misplaced('def f(): return tr("a" + b)')) == ["1: tr() of 'a' + b"]


@pytest.mark.parametrize("file", LANGUAGES, ids=lambda file: file.name)
def test_every_language_is_complete(file: Path) -> None:
    finished = {text for text, translated in translations.read(file).items() if translated.strip()}
    texts = set(translations.all_texts())
    assert texts - finished == set(), ADVICE
    assert finished - texts == set(), ADVICE


@pytest.mark.parametrize("file", LANGUAGES, ids=lambda file: file.name)
def test_translations_keep_fields_edges_and_ids(file: Path) -> None:
    for text, translated in translations.read(file).items():
        assert fields(translated) == fields(text), text
        assert edges(translated) == edges(text), text
        assert ids(translated) == ids(text), text


def fields(text: str) -> list[tuple[str, str, str]]:
    parts = Formatter().parse(text)
    return sorted((name, spec, conversion or "") for _, name, spec, conversion in parts if name)


def edges(text: str) -> tuple[bool, ...]:
    """Say of both ends whether they are space, and of the end whether it is a full stop."""
    return text[0].isspace(), text[-1].isspace(), text.endswith("."), text.count("\n\n") > 0


def ids(text: str) -> list[str]:
    """Return what must stand in every language: ids, variables, settings, file names."""
    return sorted(re.findall(r"ksdiff:\w+|\b[A-Z]+_[A-Z_]+\b|\b[A-Z]+=\w+|\*\.\w+|\S+\.md", text))


@pytest.mark.parametrize("file", LANGUAGES, ids=lambda file: file.name)
def test_what_qt_reads_is_up_to_date(file: Path) -> None:
    core = pytest.importorskip("qgis.PyQt.QtCore")
    translator = core.QTranslator()
    assert translator.load(str(file.with_suffix(".qm")))
    for text, translated in translations.read(file).items():
        assert translator.translate(translations.CONTEXT, text.encode()) == translated, ADVICE
