"""The plugin in a real QGIS window on a virtual screen: what a user sees and clicks.

The worker is the fake one: what is looked at is the window.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts import deploy, package
from tests.qgis.conftest import FAKE_WORKER, write_raster

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("desktop_script.py")
SECONDS = 150
# Debian's wrapper script "qgis" starts this program.
QGIS = shutil.which("qgis.bin") or shutil.which("qgis")
XVFB = shutil.which("xvfb-run")

pytestmark = [
    pytest.mark.skipif(QGIS is None, reason="QGIS's desktop (qgis.bin) is not installed"),
    pytest.mark.skipif(XVFB is None, reason="xvfb-run, a virtual screen, is not installed"),
]


def prepare(folder: Path) -> None:
    """Put scenes and a profile with the packaged plugin into the folder."""
    shutil.copytree(ROOT / "resources" / "sample", folder / "sample")
    (folder / "scenes").mkdir()
    for year in (2020, 2021):
        for kind, bands, size, pixel in (("PAN", 1, 40, 5), ("MS", 3, 10, 20)):
            image = np.full((bands, size, size), 100)
            write_raster(folder / "scenes" / f"{year}_{kind}.tif", image, pixel)
    archive = folder / "ksdiff_qgis.zip"
    package.build(ROOT, archive)
    profile = folder / "profiles" / "default"
    plugin = deploy.deploy(archive, profile)
    shutil.copy(FAKE_WORKER, plugin / "engine" / "ksdiff_engine" / "worker.py")
    settings = profile / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        "[PythonPlugins]\nksdiff_qgis=true\nprocessing=true\n"
        "[locale]\nuserLocale=en_US\noverrideFlag=true\n"
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Let QGIS run the script once; return its findings."""
    folder = tmp_path_factory.mktemp("desktop")
    prepare(folder)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    environment = {
        **kept,
        "KSDIFF_DESKTOP": str(folder),
        "KSDIFF_PYTHON": sys.executable,
        "QT_QPA_PLATFORM": "xcb",
        "XDG_RUNTIME_DIR": str(folder),
    }
    # timeout ends the whole group: xvfb-run, its server and QGIS.
    ended = subprocess.run(
        [
            *("timeout", "--kill-after=5", str(SECONDS)),
            *(XVFB, "-a", "-s", "-screen 0 1280x800x24"),
            *(QGIS, "--nologo", "--noversioncheck"),
            *("--profiles-path", str(folder), "--code", str(SCRIPT)),
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS + 30,
    )
    file = folder / "findings.json"
    assert file.exists(), f"{folder}: QGIS ended with {ended.returncode}.\n{ended.stderr[-3000:]}"
    findings = json.loads(file.read_text())
    assert "error" not in findings, f"{folder}:\n{findings['error']}"
    return findings


def test_the_plugin_is_loaded(seen):
    assert seen["loaded"]


def test_right_click_on_ms_fills_the_dialog_with_its_pan(seen):
    assert seen["entries for one layer"] == 1
    assert (seen["PAN"], seen["MS"]) == ("pan", ["ms"])
    assert not seen["blocks"]


def test_the_result_is_styled_and_lies_above_its_inputs(seen):
    assert seen["finished"] == [True]
    assert seen["tree"][0] == "ms pansharpened"
    assert sorted(seen["tree"][1:]) == ["ms", "pan"]
    assert seen["bands shown"] == [4, 1, 2]
    for colour in ("red", "green", "blue"):
        assert seen[f"{colour} stretch"] == seen[f"{colour} stretch of ms"]
    assert any(line.startswith("SHA-256 of the weights") for line in seen["history"])


def test_several_pairs_fill_the_batch_dialog_which_runs(seen):
    assert seen["entries for four layers"] == 1
    assert sorted(seen["batch"]) == [["2020_PAN", ["2020_MS"]], ["2021_PAN", ["2021_MS"]]]
    assert seen["tree after the batch"][:6] == [
        *("2021_MS pansharpened", "2021_MS", "2021_PAN"),
        *("2020_MS pansharpened", "2020_MS", "2020_PAN"),
    ]


def test_without_a_partner_the_message_bar_says_so(seen):
    assert "“2020_MS”" in seen["message"]
    assert "PAN needs one band" in seen["message"]


def test_without_an_engine_its_set_up_is_offered(seen):
    text, details = seen["without engine"]
    assert "not ready" in text
    assert "/no/such/python" in details


def test_later_versions_are_asked_for_the_context_menu(seen):
    if "slots after removal" not in seen:
        pytest.skip("this QGIS has the signal itself, and was right-clicked")
    assert seen["entries where asked, selected or not"] == [1, 0]
    assert seen["slots after removal"] == 0


def test_reloading_leaves_nothing_behind(seen):
    first = seen["traces"][0]
    receivers = first.pop("receivers")
    # In the Raster menu's submenu; a toolbar.
    assert first == {
        **{"actions": 1, "toolbars": 1, "menus": 1, "raster menu": 1},
        **{"context menu": 1, "providers": 1, "objects": 1},
    }
    for traces in seen["traces"][1:]:
        assert traces.pop("receivers") == receivers
        assert traces == first


def test_unloading_leaves_nothing_behind(seen):
    after = seen["traces after unload"]
    after.pop("receivers")
    assert set(after.values()) == {0}
