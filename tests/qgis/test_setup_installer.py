"""Set-ups that really happen: pip and venv run, wheels are small fakes, failures are real ones."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ksdiff_engine.errors import Cancelled, EngineError, EnvironmentProblem
from ksdiff_qgis.setup import installer
from ksdiff_qgis.setup.environment import Folders, Plan, Request, make_plan, python_in

ROOT = Path(__file__).resolve().parents[2]
BASE = os.path.join(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
CLOSED = "http://127.0.0.1:9/simple"  # the discard port, where nobody listens
FOUND = {
    "problem": "",
    "versions": {"torch": "2.9.0"},
    "device": {"name": "cpu", "memory": 0, "threads": 1},
}

pytestmark = pytest.mark.skipif(os.name == "nt", reason="small disks are made with Linux's mount")


class Listener:
    """Keeps what is said; cancels once a line holds ``cancel_at``."""

    def __init__(self, cancel_at: str = "\0") -> None:
        self.lines: list[str] = []
        self.fractions: list[float] = []
        self._cancel_at = cancel_at

    def say(self, line: str) -> None:
        self.lines.append(line)

    def progress(self, fraction: float, title: str) -> None:
        self.fractions.append(fraction)

    def is_cancelled(self) -> bool:
        return any(self._cancel_at in line for line in self.lines)


def write_wheel(
    folder: Path, name: str, version: str, payload: int = 0, requires: str = ""
) -> None:
    """Write a wheel of one module, with so many zeros beside it."""
    needed = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{name}/__init__.py": f"__version__ = {version!r}\n".encode(),
        f"{name}/zeros": bytes(payload),
        f"{name}-{version}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}".encode()
        ),
        f"{name}-{version}.dist-info/WHEEL": (
            b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = f"{name}-{version}.dist-info/RECORD"
    lines = [f"{path},,{len(data)}" for path, data in files.items()]
    files[record] = "\n".join([*lines, f"{record},,"]).encode()
    with zipfile.ZipFile(
        folder / f"{name}-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED
    ) as archive:
        for path, data in files.items():
            archive.writestr(path, data)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("wheels")
    write_wheel(folder, "torch", "2.9.0")
    write_wheel(folder, "safetensors", "0.5.0")
    return str(folder)


@pytest.fixture(scope="module")
def empty_environment(tmp_path_factory) -> Path:
    """An environment with pip and nothing else, made once: that takes the most time."""
    folder = tmp_path_factory.mktemp("empty") / "venv.part"
    subprocess.run([BASE, "-m", "venv", "--system-site-packages", str(folder)], check=True)
    return folder


@pytest.fixture(autouse=True)
def network(monkeypatch, tmp_path) -> None:
    """Let pip know of no index but what a test names."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_INDEX_URL", CLOSED)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def passing(monkeypatch) -> None:
    """Let every environment pass the engine's test, which fake wheels cannot."""
    monkeypatch.setattr(installer, "run_selftest", lambda *_, **__: dict(FOUND))


@pytest.fixture
def folders(tmp_path, empty_environment) -> Folders:
    """Folders in which a set-up stopped before it installed anything."""
    made = Folders(tmp_path / "profile é" / "ksdiff")
    made.root.mkdir(parents=True)
    shutil.copytree(empty_environment, made.unfinished, symlinks=True)
    return made


def offline(folders: Folders, wheels: str) -> Plan:
    return make_plan(Request(wheels=wheels), BASE, folders)


def online(folders: Folders) -> Plan:
    """Plan an installation from PIP_INDEX_URL that looks small to the check of the disk."""
    return replace(make_plan(Request(), BASE, folders, system="win32"), disk=10**6)


def install(plan: Plan, listener: Listener | None = None):
    return installer.install(plan, os.environ, listener or Listener())


def downloaded(listener: Listener, wheel: str) -> bool:
    return any("Downloading" in line and wheel in line for line in listener.lines)


def left(folders: Folders) -> set[str]:
    return {path.name for path in folders.root.iterdir()}


def test_from_nothing_to_an_environment_and_back(tmp_path, wheels, passing):
    folders = Folders(tmp_path / "not there" / "ksdiff")
    listener = Listener()
    assert install(offline(folders, wheels), listener) == FOUND
    assert left(folders) == {"venv", "setup.log", "setup.lock", "constraints.txt"}
    python = str(python_in(folders.environment))
    code = "import torch as t, numpy as n; print(t.__version__, t.__file__, n.__file__, sep='|')"
    answer = subprocess.check_output([python, "-I", "-c", code], text=True)
    version, torch, numpy = answer.split("|")
    assert version == "2.9.0"
    assert torch.startswith(str(folders.environment))
    assert not numpy.startswith(str(folders.environment))
    assert "numpy==" in folders.constraints.read_text()
    assert listener.fractions == sorted(listener.fractions)
    assert listener.fractions[-1] == 1.0
    assert "Successfully installed" in folders.log.read_text()
    installer.remove(folders)
    assert left(folders) == set()
    installer.remove(folders)


def test_a_new_environment_replaces_the_old_one(folders, wheels, passing):
    folders.environment.mkdir()
    (folders.environment / "old").touch()
    listener = Listener()
    install(offline(folders, wheels), listener)
    assert any("is completed" in line for line in listener.lines)
    assert not (folders.environment / "old").exists()
    assert not folders.outdated.exists()


def test_one_that_fails_its_test_does_not_replace_a_working_one(folders, wheels):
    folders.environment.mkdir()
    with pytest.raises(EnvironmentProblem, match="The test of the new environment failed"):
        install(offline(folders, wheels))  # a torch without any content
    assert folders.environment.is_dir()
    assert not folders.unfinished.exists()
    assert "Failed:" in folders.log.read_text()


def test_waits_for_running_jobs(folders, wheels, passing, monkeypatch):
    jobs = [1, 1, 1, 0, 0]
    monkeypatch.setattr(installer, "running_jobs", lambda: jobs.pop(0) if jobs else 0)
    listener = Listener()
    install(offline(folders, wheels), listener)
    assert any("A KSDiff job is running" in line for line in listener.lines)
    assert folders.environment.is_dir()
    monkeypatch.setattr(installer, "running_jobs", lambda: 1)
    with pytest.raises(EnvironmentProblem, match="job is running"):
        installer.remove(folders)
    assert folders.environment.is_dir()


def test_cancelled_and_resumed(folders, wheels, passing):
    begin = time.monotonic()
    with pytest.raises(Cancelled, match="goes on where it stopped"):
        install(offline(folders, wheels), Listener(cancel_at="Installing PyTorch:"))
    assert time.monotonic() - begin < 30
    assert not folders.environment.exists()
    assert not folders.temporary.exists()
    install(offline(folders, wheels))
    assert folders.environment.is_dir()


def test_killed_half_way_and_resumed(tmp_path, wheels, passing):
    folders = Folders(tmp_path / "ksdiff")
    code = (
        "import os, sys; from pathlib import Path\n"
        "from tests.qgis import test_setup_installer as t\n"
        f"t.install(t.offline(t.Folders(Path({str(folders.root)!r})), {wheels!r}))\n"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "engine")])
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    for _ in range(600):
        if folders.unfinished.is_dir():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert folders.unfinished.is_dir()
    for _ in range(100):  # the child of the killed one ends by itself, then the lock is free
        try:
            install(offline(folders, wheels))
            break
        except EnvironmentProblem as error:
            if "Another set-up" not in str(error):
                raise
            time.sleep(0.5)
    assert python_in(folders.environment).exists()


def test_a_broken_environment_is_made_anew(folders, wheels, passing):
    python = python_in(folders.unfinished)
    python.unlink()
    python.symlink_to("/no/such/python")
    (folders.unfinished / "remnant").touch()
    install(offline(folders, wheels))
    assert not (folders.environment / "remnant").exists()


def test_two_at_once(folders, wheels):
    with (
        installer.SetupLock(folders.lock),
        pytest.raises(EnvironmentProblem, match="Another set-up"),
    ):
        install(offline(folders, wheels))


def test_no_network(folders):
    with pytest.raises(EnvironmentProblem, match="cannot be reached") as caught:
        install(online(folders))
    assert "folder of wheels" in caught.value.hint
    assert folders.unfinished.is_dir()


def test_proxy_that_does_not_answer(folders, monkeypatch):
    monkeypatch.setenv("PIP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.invalid/simple")
    with pytest.raises(EnvironmentProblem, match="proxy"):
        install(online(folders))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, for a certificate, is absent")
def test_certificate_that_nobody_trusts(folders, tmp_path, monkeypatch):
    with served(tmp_path, secure=True) as address:
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        with pytest.raises(EnvironmentProblem, match="certificate"):
            install(online(folders))


def test_downloads_are_kept_for_the_next_try(folders, tmp_path, passing, monkeypatch):
    """The first try gets torch and not what it needs; the second does not download torch again."""
    index = tmp_path / "index"
    for name in ("torch", "safetensors", "needed_by_torch"):
        (index / "simple" / name.replace("_", "-")).mkdir(parents=True)
    write_wheel(index / "simple" / "torch", "torch", "2.9.0", 20_000, requires="needed-by-torch")
    write_wheel(index / "simple" / "safetensors", "safetensors", "0.5.0")
    with served(index) as address:
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        monkeypatch.setenv("PIP_TRUSTED_HOST", "localhost")  # what is not encrypted is not kept
        first, second = Listener(), Listener()
        with pytest.raises(EnvironmentProblem, match="Installing PyTorch failed"):
            install(online(folders), first)
        write_wheel(index / "simple" / "needed-by-torch", "needed_by_torch", "1.0")
        install(online(folders), second)
    assert folders.environment.is_dir()
    assert downloaded(first, "torch-2.9.0")
    assert downloaded(second, "needed_by_torch-1.0")
    assert not downloaded(second, "torch-2.9.0")
    assert not folders.downloads.exists()


def test_disk_too_small(tmp_path, wheels):
    with mounted(tmp_path / "small", "size=30m") as small:
        plan = replace(offline(Folders(small / "ksdiff"), wheels), disk=10**9)
        with pytest.raises(EnvironmentProblem, match=r"has 0\.0 GB free"):
            install(plan)


def test_disk_that_fills_up(tmp_path, empty_environment):
    large = tmp_path / "wheels"
    large.mkdir()
    write_wheel(large, "torch", "2.9.0", payload=80_000_000)
    write_wheel(large, "safetensors", "0.5.0")
    with mounted(tmp_path / "small", "size=60m") as small:
        folders = Folders(small / "ksdiff")
        folders.root.mkdir()
        shutil.copytree(empty_environment, folders.unfinished, symlinks=True)
        with pytest.raises(EnvironmentProblem, match="The disk is full") as caught:
            install(replace(offline(folders, str(large)), disk=10**6))
        assert "goes on where it stopped" in caught.value.hint
        assert not folders.environment.exists()


def test_read_only_folder(tmp_path, wheels):
    with (
        mounted(tmp_path / "fixed", "ro") as fixed,
        pytest.raises(EnvironmentProblem, match="cannot be written"),
    ):
        install(offline(Folders(fixed / "ksdiff"), wheels))


def test_base_python_that_is_gone(folders, wheels):
    with pytest.raises(EngineError, match=r"/no/such/python cannot be started"):
        install(replace(offline(folders, wheels), base="/no/such/python"))


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """Mount a file system in memory; skip the test where that is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("a small disk is a tmpfs mount, which needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def served(folder: Path, *, secure: bool = False) -> Iterator[str]:
    """Serve a folder on a free port; yield its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_args) -> None:
            pass

        def end_headers(self) -> None:
            # As package indexes do, whose files never change; pip keeps what may be kept.
            if self.path.endswith(".whl"):
                self.send_header("Cache-Control", "max-age=365000000, immutable")
                self.send_header("ETag", hashlib.sha256(self.path.encode()).hexdigest())
            super().end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if secure:
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
                *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
                *("-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        # By name: some versions of pip do not check the certificate of a bare address.
        yield f"{'https' if secure else 'http'}://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
