"""The plugin in German: what people read changes, what programs read does not."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ksdiff_engine import weights
from scripts import translations
from tests.qgis.conftest import check, create

ENGINE = Path(__file__).resolve().parents[2] / "engine" / "ksdiff_engine"
GERMAN = translations.read(translations.FOLDER / "ksdiff_de.ts")


@pytest.fixture
def speak(provider: Any) -> Iterator[Callable[[str], None]]:
    """Let QGIS have the language that the fixture is called with; back to English afterwards."""
    from qgis.core import QgsSettings

    from ksdiff_qgis import translation

    def switch(locale: str) -> None:
        QgsSettings().setValue("locale/overrideFlag", True)
        QgsSettings().setValue("locale/userLocale", locale)
        translation.install()
        provider.refreshAlgorithms()

    yield switch
    QgsSettings().remove("locale")
    translation.remove()
    provider.refreshAlgorithms()


def shown(algorithm: Any) -> list[str]:
    """Return what people read of an algorithm."""
    parameters = algorithm.parameterDefinitions()
    texts = [algorithm.displayName(), algorithm.group(), algorithm.shortDescription()]
    texts += [
        text for parameter in parameters for text in (parameter.description(), parameter.help())
    ]
    texts += [output.description() for output in algorithm.outputDefinitions()]
    return [text for text in texts if text]


def fixed(algorithm: Any) -> list[Any]:
    """Return what programs read of an algorithm."""
    from qgis.core import QgsProcessingParameterEnum

    parameters = algorithm.parameterDefinitions()
    return [
        *(algorithm.id(), algorithm.groupId(), algorithm.tags()),
        *((parameter.name(), parameter.defaultValue()) for parameter in parameters),
        *(p.options() for p in parameters if isinstance(p, QgsProcessingParameterEnum)),
        *(output.name() for output in algorithm.outputDefinitions()),
    ]


def test_all_that_people_read_is_german(provider, speak):
    speak("en")
    before = {a.id(): (shown(a), fixed(a)) for a in provider.algorithms()}
    speak("de")
    after = {a.id(): (shown(a), fixed(a)) for a in provider.algorithms()}
    for name, (english, static) in before.items():
        assert after[name][0] == [GERMAN.get(text, text) for text in english]
        assert set(english) - set(GERMAN) == set(), name
        assert after[name][1] == static


def test_help_is_german(speak):
    speak("de")
    text = create("pansharpen").shortHelpString()
    assert "Diffusionsmodell" in text
    assert "Auswahlwerte werden mit Namen angegeben" in text


def test_messages_are_german(speak, scene, worker_python):
    speak("de")
    good, message = check(
        create("classicalpansharpen"), scene.parameters(PAN=scene.ms, MS=[scene.pan])
    )
    assert not good
    assert message == (
        "PAN: 'ms' hat 4 Kanäle; ein panchromatisches Raster hat einen. "
        "Seinen Kanal in PAN_BAND angeben oder ein anderes Raster wählen."
    )


@pytest.mark.parametrize(
    ("locale", "title"),
    [("de_AT", "Verfahren vergleichen"), ("en", "Compare methods"), ("ja", "Compare methods")],
)
def test_the_language_is_that_of_qgis(speak, locale, title):
    speak(locale)
    assert create("comparemethods").displayName() == title


def test_after_the_plugin_texts_are_english_again(speak):
    from ksdiff_qgis import translation

    speak("de")
    translation.remove()
    assert create("comparemethods").displayName() == "Compare methods"


def test_results_of_a_german_qgis_are_known_as_results():
    from ksdiff_qgis.roles import Role, role

    for name in ("{name} pansharpened", GERMAN["{name} pansharpened"]):
        assert role(name.format(name="ms_2020")) is Role.RESULT


def test_progress_is_german(speak):
    from ksdiff_qgis import engine_texts

    speak("de")
    assert engine_texts.in_language("Fusing tile 3 of 40") == "Kachel 3 von 40 wird fusioniert"
    assert engine_texts.in_language("Loading vhr_x4 on cuda") == "vhr_x4 wird auf cuda geladen"
    for unknown in ("Something rare happened.", "MS was moved accordingly. Something else too."):
        assert engine_texts.in_language(unknown) == unknown
    for known in engine_texts.KNOWN:
        assert engine_texts.in_language(known) == GERMAN[known]


@pytest.mark.parametrize(
    ("english", "german"),
    [
        (
            "made for any number of bands, ratio 2; its training data do not include landsat-8-9",
            "gemacht für beliebig viele Kanäle, Verhältnis 2; die Trainingsdaten enthalten "
            "landsat-8-9 nicht",
        ),
        ("“Red (OLI 4)”, description of a band", "„Red (OLI 4)“, Beschreibung eines Kanals"),
        (
            "PAN lies 1.20 PAN pixels left and 0.31 below of MS; 90% of 40 windows agree. "
            "MS was moved accordingly.",
            "PAN ist gegen MS um 1.20 PAN-Pixel nach links und 0.31 nach unten versetzt; 90% von "
            "40 Fenstern stimmen überein. MS wurde entsprechend verschoben.",
        ),
    ],
)
def test_what_is_said_at_every_run_is_german_to_its_parts(speak, english, german):
    from ksdiff_qgis import engine_texts

    speak("de")
    assert engine_texts.in_language(english) == german


def example(node: ast.AST) -> str:
    """Return a literal, the fields of an f-string filled in; empty for what is none."""
    if isinstance(node, ast.JoinedStr):
        return "".join(p.value if isinstance(p, ast.Constant) else "7" for p in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def calls(file: str, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of functions in a file of the engine, by the functions' names."""
    for node in ast.walk(ast.parse((ENGINE / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
            yield node


def findings() -> Iterator[str]:
    """Yield what the engine says of weights, sensor and registration, all its wordings."""
    from ksdiff_engine.registration import Registration

    yield from (example(call.args[0]) for call in calls("registration.py", "_Unmeasurable"))
    for node in ast.walk(ast.parse((ENGINE / "registration.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "doubts":
            yield from (example(doubt.elts[1]) for doubt in node.value.elts)
    for x, y in itertools.product((-2.0, 2.0), repeat=2):
        for doubt in ("", "it changes with every attempt"):
            yield Registration((x, y), 0.9, 0.1, 40, 1.5, doubt).describe()
    yield Registration((0.0, 0.0), 0.9, 0.1, 40, None, "").describe()
    yield Registration(None, 0.0, None, 0, None, "this was not asked for").describe()
    yield from (example(call.args[1]) for call in calls("sensor_hints.py", "Clue"))
    for call in calls("sensor_hints.py", "replace"):
        yield from (k.value.value for k in call.keywords if isinstance(k.value, ast.Constant))
    for entry in weights.catalogue(weights.weights_folders(())):
        yield f"made for {entry.fits}"


@pytest.mark.parametrize("text", sorted(set(filter(None, findings()))))
def test_findings_of_the_engine_are_known(speak, text):
    from ksdiff_qgis import engine_texts

    speak("de")
    clue = f"“WV03”, {text}"  # how the engine gives the origin of a clue
    assert (engine_texts.in_language(text), engine_texts.in_language(clue)) != (text, clue)


def progress_texts() -> Iterator[str]:
    """Yield what the engine's sources say of progress: sentences that go with a fraction."""
    for path in ENGINE.rglob("*.py"):
        if path.name == "batch.py":  # speaks to a shell alone
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and len(node.args) == 2 and not node.keywords:
                text = example(node.args[1])
                if re.match(r"[A-Z][a-z]+ \w", text):
                    yield text


@pytest.mark.parametrize("text", sorted(set(progress_texts())))
def test_progress_of_the_engine_is_known(qgis, text):
    from ksdiff_qgis import engine_texts

    assert any(pattern.fullmatch(text) for _, pattern in engine_texts._patterns())
