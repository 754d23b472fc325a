"""What a set-up would do, what it says of failures; nothing is started but a fake nvidia-smi."""

from __future__ import annotations

import json
import os
import time
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from ksdiff_engine.errors import EnvironmentProblem, InputError
from ksdiff_qgis.setup import gpu
from ksdiff_qgis.setup.environment import (
    BasePython,
    Folders,
    Request,
    child_environment,
    constraints,
    make_plan,
)
from ksdiff_qgis.setup.failures import explain, redacted
from ksdiff_qgis.setup.gpu import Gpu

BASE = "/usr/bin/python3"
INDEX = "https://index.example/whl/{build}"
PASCAL = Gpu("GTX 1080", 8192, 580.1, 6.1)
AMPERE = Gpu("RTX 3060", 12288, 581.2, 8.6)
BLACKWELL_OLD_DRIVER = Gpu("RTX 5090", 32607, 565.0, 12.0)


def plan(request: Request, *gpus: Gpu, system: str = "linux", root: str = "/profile/ksdiff"):
    return make_plan(request, BASE, Folders(Path(root)), gpus, system)


def pip_commands(made) -> list[str]:
    return [" ".join(step.command) for step in made.steps if "pip" in step.command]


@pytest.mark.parametrize(
    ("given", "tag"),
    [
        (AMPERE, "cu130"),
        (Gpu("RTX 3060", 12288, 575.0, 8.6), "cu128"),
        (PASCAL, "cu126"),
        (Gpu("unknown", 0, 570.0, 0), "cu128"),
        (BLACKWELL_OLD_DRIVER, None),
        (Gpu("RTX 3060", 12288, 550.1, 8.6), "cu124"),
        (Gpu("K80", 12000, 470.2, 3.7), None),
    ],
)
def test_cuda_build_by_driver_and_card(given, tag):
    build = gpu.fitting((given,))
    assert (build.tag if build else None) == tag


def test_nvidia_smi_is_read():
    answer = "NVIDIA H200, 143771, 570.86.15, 9.0\nOld, [N/A], 470.1, [N/A]\nno table\n"
    assert gpu.parse(answer) == (
        Gpu("NVIDIA H200", 143771, 570.86, 9.0),
        Gpu("Old", 0, 470.1, 0.0),
    )


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    def make(script: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return make


def test_nvidia_smi_that_hangs_counts_as_none(nvidia_smi, monkeypatch):
    nvidia_smi("exec sleep 60")
    monkeypatch.setattr(gpu, "_TIMEOUT", 0.3)
    begin = time.monotonic()
    assert gpu.find_gpus() == ()
    assert time.monotonic() - begin < 5


def test_nvidia_smi_that_does_not_know_the_compute_capability(nvidia_smi):
    nvidia_smi('case "$1" in *compute_cap*) exit 2;; esac; echo "Quadro, 4096, 471.11"')
    assert gpu.find_gpus() == (Gpu("Quadro", 4096, 471.11, 0.0),)


def test_default_on_linux_states_its_size_and_that_no_gpu_is_there():
    made = plan(Request())
    assert made.build == "cuda"
    text = made.summary()
    for stated in ("up to 3.0 GB", "up to 10.0 GB", "/profile/ksdiff/venv", "no NVIDIA GPU"):
        assert stated in text
    assert not any("--index-url" in command for command in pip_commands(made))


def test_default_on_linux_warns_of_an_old_driver():
    text = plan(Request(), PASCAL).summary()
    assert "GTX 1080" in text
    assert "cu126" in text
    assert plan(Request(), AMPERE).notes == ()


def test_default_elsewhere_is_small_and_points_to_cuda():
    made = plan(Request(), AMPERE, system="win32")
    assert (made.build, made.download) == ("cpu", 200_000_000)
    assert "cu130" in made.summary()


@pytest.mark.parametrize(
    ("request_", "gpus", "system", "said"),
    [
        (Request("cpu"), (), "linux", "needs an index of its own"),
        (Request("cuda"), (AMPERE,), "win32", "cu130 needs an index"),
        (Request("cuda"), (), "linux", "No NVIDIA GPU"),
        (Request("cuda"), (BLACKWELL_OLD_DRIVER,), "linux", "fits no CUDA build"),
        (Request("cuda", index=INDEX), (AMPERE,), "darwin", "no PyTorch with CUDA for macOS"),
        (Request("rocm"), (), "linux", "none of default, cpu, cuda"),
    ],
)
def test_what_cannot_be_had_is_refused(request_, gpus, system, said):
    with pytest.raises(InputError, match=said) as caught:
        plan(request_, *gpus, system=system)
    assert caught.value.hint or "none of" in said


def test_index_serves_torch_alone_and_gets_the_build():
    made = plan(Request("cuda", index=INDEX), AMPERE, system="win32")
    torch, safetensors = pip_commands(made)
    assert "--index-url https://index.example/whl/cu130 torch" in torch
    assert "--index-url" not in safetensors
    assert "index.example/whl/cpu" in pip_commands(plan(Request("cpu", index=INDEX), AMPERE))[0]


def test_pip_builds_nothing_and_keeps_numpy():
    for command in pip_commands(plan(Request())):
        assert "--only-binary :all:" in command
        assert "--constraint /profile/ksdiff/constraints.txt" in command
        assert "--no-user" in command
    base = BasePython(BASE, (3, 11, 2), 64, "x86_64", True, {"numpy": "1.24.2", "scipy": ""})
    assert constraints(base) == "numpy==1.24.2\n"


def wheel(folder: Path, name: str, size: int = 10) -> None:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("payload", b"0" * size)


def test_wheels_are_checked_and_measured(tmp_path):
    wheel(tmp_path, "torch-2.9.0-cp311-cp311-linux_x86_64.whl", 5_000_000)
    with pytest.raises(InputError, match="no wheel of safetensors"):
        plan(Request(wheels=str(tmp_path)))
    wheel(tmp_path, "safetensors-0.5.0-cp38-abi3-linux_x86_64.whl")
    made = plan(Request(wheels=str(tmp_path)))
    assert (made.build, made.download, made.disk) == ("2.9.0", 0, 205_000_010)
    assert f"--no-index --find-links {tmp_path}" in pip_commands(made)[0]
    (tmp_path / "torch-2.9.1-cp311-cp311-linux_x86_64.whl").write_bytes(b"cut short")
    with pytest.raises(InputError, match=r"torch-2\.9\.1.*cannot be read"):
        plan(Request(wheels=str(tmp_path)))


def test_disk_is_checked():
    made = plan(Request())
    made.check_disk(10_000_000_000)
    with pytest.raises(EnvironmentProblem, match=r"up to 10\.0 GB.*has 4\.2 GB free") as caught:
        made.check_disk(4_200_000_000)
    assert "CPU" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": (3, 8, 1)}, "3.8.1"),
        ({"bits": 32}, "32 bits"),
        ({"venv": False}, "lacks venv or ensurepip"),
    ],
)
def test_base_python_is_checked(change, said):
    good = {"version": (3, 12, 1), "bits": 64, "machine": "arm64", "venv": True, "packages": {}}
    BasePython.from_answer(BASE, f"noise\n{json.dumps(good)}\n").check()
    with pytest.raises(EnvironmentProblem, match=said):
        BasePython.from_answer(BASE, json.dumps({**good, **change})).check()
    with pytest.raises(ValueError, match="unexpected answer"):
        BasePython.from_answer(BASE, "[1]")


def test_environment_of_pip(tmp_path):
    worker = {
        **{"PYTHONPATH": "/engine", "PIP_NO_CACHE_DIR": "1", "HTTPS_PROXY": "http://proxy"},
        **{"PIP_CERT": "/certs.pem", "PIP_INDEX_URL": "https://mirror", "PIP_DEFAULT_TIMEOUT": "9"},
    }
    made = child_environment(Folders(tmp_path), worker)
    assert "PYTHONPATH" not in made
    assert "PIP_NO_CACHE_DIR" not in made
    for kept in ("HTTPS_PROXY", "PIP_CERT", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT"):
        assert made[kept] == worker[kept]
    assert made["TMPDIR"] == made["TEMP"] == str(tmp_path / "tmp")
    assert made["PIP_CACHE_DIR"] == str(tmp_path / "downloads")


# As pip 23 to 25, Python 3.9 to 3.12 and PyTorch's users printed them.
SAID = [
    ("The virtual environment was not created because ensurepip is not available.", "venv"),
    ("/usr/bin/python3: No module named venv", "venv"),
    ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk is full"),
    ("OSError: [WinError 112] There is not enough space on the disk", "disk is full"),
    ("ERROR: [Errno 30] Read-only file system: '/p/ksdiff'", "cannot be written"),
    ("PermissionError: [Errno 13] Permission denied: 'C:\\\\x'", "cannot be written"),
    ("ERROR: [WinError 5] Access is denied: 'C:\\\\x\\\\torch.dll'", "virus scanner"),
    ("[WinError 32] The process cannot access the file: it is being used by another process",
     "virus scanner"),
    ("HINT: This error might have occurred since this system does not have Windows Long Path "
     "support enabled.", "too long for Windows"),
    ("WARNING: Retrying after ProxyError('Cannot connect to proxy.', OSError('Tunnel connection "
     "failed: 407 Proxy Authentication Required'))\nERROR: No matching distribution", "proxy"),
    ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
     "failed: self-signed certificate in chain'))\nERROR: No matching distribution found for torch",
     "certificate"),
    ("NewConnectionError('<x>: Failed to establish a new connection: [Errno -2] Name or service "
     "not known')\nERROR: No matching distribution found for torch", "cannot be reached"),
    ("pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.", "cannot be reached"),
    ("ERROR: HTTP error 403 while getting https://index.example/torch.whl", "refused to hand out"),
    ("ERROR: Could not find a version that satisfies the requirement torch (from versions: none)\n"
     "ERROR: No matching distribution found for torch", "fits this Python and system"),
    ("ERROR: Cannot install torch==2.9.0 because these package versions have conflicting "
     "dependencies.\nAdditionally, some packages in these conflicts have no matching distributions "
     "available for your environment:\n    triton\nERROR: ResolutionImpossible: for help visit",
     "fits this Python and system"),
    ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "damaged"),
    ("ImportError: dlopen(x.so): (mach-o file, but is an incompatible architecture (have "
     "'x86_64', need 'arm64'))", "another kind of processor"),
    ("OSError: [WinError 126] The specified module could not be found. Error loading "
     "\"C:\\\\torch\\\\fbgemm.dll\" or one of its dependencies.", "Windows cannot load"),
    ("OSError: libcudart.so.13: cannot open shared object file", "system cannot load"),
    ("ERROR: ResolutionImpossible: for help visit", "exclude one another"),
    ("/p/venv.part/bin/python: No module named pip", "is broken"),
]  # fmt: skip


@pytest.mark.parametrize(("output", "said"), SAID)
def test_usual_failures_have_a_sentence_and_a_remedy(output, said):
    error = explain("Installing PyTorch", f"Collecting torch\n{output}\n", 1)
    assert error.message.startswith("Installing PyTorch failed.")
    assert said in error.message
    assert len(error.hint) > 20
    assert error.kind == "environment"


def test_unusual_failures_are_told_by_their_last_line():
    error = explain("Installing PyTorch", "one\nTypeError: of pip itself\n\n", 2)
    assert str(error).startswith(
        "Installing PyTorch failed (exit code 2): TypeError: of pip itself"
    )
    assert "memory" in explain("Installing PyTorch", "Installing collected packages", -9).message


@pytest.mark.parametrize(
    ("home", "text", "safe"),
    [
        (PurePosixPath("/home/jane"), "/home/jane/.local", "~/.local"),
        (PurePosixPath("/home/jane"), "in '/home/jane'", "in '~'"),
        (PurePosixPath("/home/jane"), "/home/janet/x /mnt/home/x", "/home/janet/x /mnt/home/x"),
        (PurePosixPath("/home/jane"), "file:///home/jane/a", "file:~/a"),
        (PurePosixPath("/home/jane"), "/media/jane/disk/pan.tif", "/media/***/disk/pan.tif"),
        (PurePosixPath("/home/jane"), "https://jane:secret@proxy:8/x", "https://***@proxy:8/x"),
        (PurePosixPath("/"), "/usr/bin/python3", "/usr/bin/python3"),
        (PureWindowsPath(r"C:\Users\Jane Doe"), r"C:\Users\Jane Doe\x", r"~\x"),
        (PureWindowsPath(r"C:\Users\Jane Doe"), r"'C:\\Users\\jane doe\\x'", r"'~\\x'"),
        (PureWindowsPath(r"C:\Users\Jane Doe"), "c:/users/jane doe/x", "~/x"),
        (PureWindowsPath(r"C:\Users\Jane Doe"), r"C:\Users\JANEDO~1\x", r"C:\Users\***\x"),
        (PureWindowsPath(r"C:\Users\Jane Doe"), r"D:\Jane Doe\wheels", r"D:\***\wheels"),
    ],
)
def test_names_and_passwords_are_redacted(monkeypatch, home, text, safe):
    monkeypatch.setattr(Path, "home", lambda: home)
    assert redacted(text) == safe
