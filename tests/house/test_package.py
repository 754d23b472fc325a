"""The zip that users install, and its way into a profile."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts import deploy, package

ROOT = Path(__file__).resolve().parents[2]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
SHIPPED = {
    ".py", ".txt", ".json", ".svg", ".png", ".qm", ".tif", ".md", ".safetensors", ".qml", ".model3",
    ".ui",
}  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist") / "ksdiff_qgis.zip"
    package.build(ROOT, target)
    return target


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_is_one_folder_with_what_the_plugin_needs(archive: Path) -> None:
    inside = names(archive)
    assert all(name.startswith("ksdiff_qgis/") for name in inside)
    assert len(inside) == len(set(inside))
    for needed in (
        "__init__.py",
        "metadata.txt",
        "LICENSE",
        "engine/ksdiff_engine/__init__.py",
        "engine/ksdiff_engine/worker.py",
        "resources/icons/ksdiff.svg",
        "i18n/ksdiff_de.qm",
        "resources/sample/pan.tif",
    ):
        assert f"ksdiff_qgis/{needed}" in inside


def test_carries_no_by_products(archive: Path) -> None:
    for name in names(archive):
        parts = name.split("/")
        assert not any(part.startswith((".", "__pycache__")) for part in parts), name
        assert Path(name).suffix in SHIPPED or parts[-1] == "LICENSE", name


def test_fits_the_plugin_repository(archive: Path) -> None:
    assert archive.stat().st_size <= package.LIMIT


def test_same_tree_gives_same_bytes(archive: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    package.build(ROOT, again)
    assert again.read_bytes() == archive.read_bytes()


def test_caches_and_hidden_files_stay_out(tmp_path: Path) -> None:
    for name in (
        "a.py",
        "a.pyc",
        "b.tif.aux.xml",
        "__pycache__/a.py",
        ".hidden",
        "sub/b.json",
        "sub/.git/x",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = {name for name, _ in package.files_below(tmp_path, "p/")}
    assert found == {"p/a.py", "p/sub/b.json"}


def test_deploy_replaces_the_old_version(archive: Path, tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    installed = deploy.deploy(archive, profile)
    (installed / "left_over.py").touch()
    other = installed.parent / "another_plugin"
    other.mkdir()

    assert deploy.deploy(archive, profile) == installed
    assert not (installed / "left_over.py").exists()
    assert sorted(path.name for path in installed.parent.iterdir()) == [
        "another_plugin",
        "ksdiff_qgis",
    ]


def test_deploy_replaces_a_link_without_following_it(archive: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "precious.py").touch()
    plugins = tmp_path / "profile" / "python" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "ksdiff_qgis").symlink_to(checkout)

    installed = deploy.deploy(archive, tmp_path / "profile")
    assert not installed.is_symlink()
    assert (checkout / "precious.py").exists()


def test_bundled_engine_finds_the_bundled_resources(archive: Path, tmp_path: Path) -> None:
    installed = deploy.deploy(archive, tmp_path)
    code = (
        "from ksdiff_engine import sensors, weights\n"
        "print(sensors.__file__)\n"
        "from ksdiff_engine._resources import resources_folder\n"
        "print(resources_folder())\n"
    )
    reply = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(installed / "engine"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    module, resources = reply.stdout.splitlines()
    assert Path(module).is_relative_to(installed)
    assert Path(resources) == installed / "resources"


def test_scanners_of_the_plugin_repository_find_nothing(archive: Path, tmp_path: Path) -> None:
    installed = deploy.deploy(archive, tmp_path)

    def scan(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *command, str(installed)], capture_output=True, text=True
        )

    bandit = scan("bandit", "--quiet", "--recursive")
    assert bandit.returncode == 0, bandit.stdout
    secrets = scan("detect_secrets", "scan", "--all-files")
    assert json.loads(secrets.stdout)["results"] == {}
    # Spaces around the colon of a slice are right where its ends are expressions (PEP 8).
    style = scan("flake8", "--isolated", "--max-line-length=120", "--extend-ignore=E203")
    assert style.returncode == 0, style.stdout + style.stderr


def test_findings_that_are_allowed_are_explained(archive: Path) -> None:
    explained = set(re.findall(r"^\| (B\d+),", CONTRIBUTING.read_text("utf-8"), re.MULTILINE))
    with zipfile.ZipFile(archive) as opened:
        sources = [opened.read(n).decode() for n in opened.namelist() if n.endswith(".py")]
    marks = [mark for source in sources for mark in re.findall(r"nosec(.*)", source)]
    assert {mark.strip() for mark in marks} == explained


def test_nothing_in_it_is_executable(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        for entry in opened.infolist():
            assert (entry.external_attr >> 16) & 0o111 == 0, entry.filename
