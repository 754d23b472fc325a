"""What pip, venv and Python say when a set-up fails, in one sentence with one remedy each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ksdiff_engine.errors import EnvironmentProblem

from ..translation import tr, translatable

_LOG_TAIL = 200  # lines of output that are searched
_KILLED = (-9, 137)
_END_OF_NAME = r"""(?=[\\/\s"',;:)\]]|$)"""


@dataclass(frozen=True)
class Failure:
    """One usual failure: its name, what betrays it, what happened, what helps."""

    name: str
    pattern: str
    message: str
    hint: str


# In this order: pip ends many failures with "No matching distribution", or with a network error
# whose cause is a proxy or a certificate, so that causes stand before consequences.
FAILURES = (
    Failure(
        "venv",
        r"No module named '?(venv|ensurepip)|ensurepip is not available",
        translatable("This Python cannot make virtual environments: it lacks venv or ensurepip."),
        translatable(
            "On Debian and Ubuntu install the package python3-venv; elsewhere choose a Python that "
            "has PyTorch already."
        ),
    ),
    Failure(
        "disk",
        r"No space left on device|\[Errno 28\]|WinError 112|not enough space on the disk"
        r"|Disk quota exceeded|\[Errno 122\]",
        translatable("The disk is full."),
        translatable("Free some space and start the set-up again; it goes on where it stopped."),
    ),
    Failure(
        "long path",
        r"Long Path support|WinError 206|filename or extension is too long",
        translatable("A file name became too long for Windows."),
        translatable(
            "Enable long paths (Windows group policy “Enable Win32 long paths”), then start again."
        ),
    ),
    Failure(
        "lock",
        r"WinError 32\b|WinError 5\b|being used by another process|Access is denied",
        translatable(
            "Windows refused access to a file, mostly because a virus scanner or another program "
            "holds it."
        ),
        translatable(
            "Close other QGIS windows, let the virus scanner pass over the folder, then start "
            "again."
        ),
    ),
    Failure(
        "read-only",
        r"Read-only file system|\[Errno 30\]|Permission denied|\[Errno 13\]|PermissionError",
        translatable("The folder of the engine cannot be written."),
        translatable("Check who owns the folder of the QGIS profile, then start again."),
    ),
    Failure(
        "proxy",
        r"ProxyError|Tunnel connection failed|407 Proxy|Cannot connect to proxy",
        translatable("The proxy refused the connection."),
        translatable(
            "Give the proxy with its user name in the environment variable HTTPS_PROXY or in pip's "
            "configuration, restart QGIS and start again; or install from a folder of wheels."
        ),
    ),
    Failure(
        "certificate",
        r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError|SSLError|certificate verify failed",
        translatable(
            "The package index's certificate is not trusted, mostly because a firewall puts its "
            "own in place."
        ),
        translatable(
            "Name your organisation's certificates in the environment variable PIP_CERT, restart "
            "QGIS and start again; or install from a folder of wheels."
        ),
    ),
    Failure(
        "index",
        r"HTTP error 40[134]|40[134] Client Error",
        translatable("The package index refused to hand out the packages."),
        translatable("Check the address of the package index."),
    ),
    Failure(
        "network",
        r"NewConnectionError|name resolution|getaddrinfo failed|Name or service not known"
        r"|nodename nor servname|Connection refused|Network is unreachable|No route to host"
        r"|ConnectTimeout|Read timed out|ReadTimeoutError|IncompleteRead|RemoteDisconnected"
        r"|Connection aborted|Connection reset|Connection broken",
        translatable("The package index cannot be reached, or the connection broke."),
        translatable(
            "Check the network and start again, what was downloaded is kept; or install from a "
            "folder of wheels."
        ),
    ),
    Failure(
        "download",
        r"DO NOT MATCH THE HASHES|BadZipFile|is not a valid wheel|has an invalid wheel",
        translatable("A downloaded file is damaged."),
        translatable("Remove the environment, then set it up again."),
    ),
    Failure(
        "architecture",
        r"incompatible architecture|Exec format error|\[Errno 8\]|Bad CPU type|WinError 193"
        r"|not a valid Win32 application|wrong ELF class",
        translatable("The Python or a library was built for another kind of processor."),
        translatable(
            "On a Mac with Apple silicon use QGIS and Python for arm64 both, elsewhere 64 bits "
            "both."
        ),
    ),
    Failure(
        "libraries",
        r"DLL load failed|WinError 126|WinError 127|WinError 1114|Error loading \"?.*\.dll",
        translatable("PyTorch is installed, but Windows cannot load its libraries."),
        translatable(
            "Install Microsoft's current Visual C++ Redistributable (x64), restart, then start "
            "again."
        ),
    ),
    Failure(
        "libraries",
        r"cannot open shared object file|version `GLIBC|undefined symbol|image not found"
        r"|Library not loaded|Symbol not found",
        translatable("PyTorch is installed, but the system cannot load its libraries."),
        translatable(
            "Remove the environment and set it up again; if it fails again, this system is too old "
            "for this PyTorch."
        ),
    ),
    Failure(
        "no fitting package",
        r"No matching distribution found|Could not find a version that satisfies"
        r"|not a supported wheel on this platform|no matching distributions available",
        translatable("No package was found that fits this Python and system."),
        translatable(
            "Check the network and the address of the package index; a folder of wheels needs "
            "those of torch, safetensors and all they need, for this system and version of Python."
        ),
    ),
    Failure(
        "conflict",
        r"ResolutionImpossible|conflicting dependencies",
        translatable("The packages exclude one another, as QGIS's own numpy and scipy must stay."),
        translatable("Choose a Python that has PyTorch already, e.g. of conda."),
    ),
    Failure(
        "broken environment",
        r"No module named '?pip|failed to locate pyvenv|No Python at|Fatal Python error: init",
        translatable("The environment is broken."),
        translatable("Remove it, then set it up again."),
    ),
)


def explain(doing: str, output: str, code: int | None = None) -> EnvironmentProblem:
    """Return the error for a step of the set-up that failed.

    doing: what was being done ("Installing PyTorch"). output: what was printed. code: the exit
    code, where there is one. What is not recognised is told by its last line.
    """
    tail = "\n".join(output.splitlines()[-_LOG_TAIL:])
    for failure in FAILURES:
        if re.search(failure.pattern, tail):
            return EnvironmentProblem(
                tr("{doing} failed. {message}", doing=doing, message=tr(failure.message)),
                hint=tr(failure.hint),
            )
    if code in _KILLED:
        return EnvironmentProblem(
            tr(
                "{doing} was killed by the operating system, most likely because memory ran out.",
                doing=doing,
            ),
            hint=tr("Close other programs, then start again."),
        )
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    said = f": {lines[-1]}" if lines else "."
    ended = "" if code is None else tr(" (exit code {code})", code=code)
    return EnvironmentProblem(
        tr("{doing} failed{ended}{said}", doing=doing, ended=ended, said=said),
        hint=tr("The log has the details."),
    )


def redacted(text: str) -> str:
    """Return the text without the user's name in paths and without passwords in addresses.

    Python's messages double the backslashes of Windows' paths, and Windows shortens names
    ("JOHNDO~1"). Drives of a user's own carry the name, too ("/media/john/disk").
    """
    home = Path.home()
    text = re.sub(r"(\w+://)[^/\s@]+@", r"\1***@", text)
    if not home.name:  # the root folder, as in some containers
        return text
    folder = "".join(rf"[\\/]+{re.escape(part)}" for part in home.parts[1:])
    path = rf"(?<![\w.]){re.escape(home.drive)}{folder}{_END_OF_NAME}"
    text = re.sub(path, "~", text, flags=re.IGNORECASE)
    short = re.escape(home.name.replace(" ", "")[:6])
    name = rf"(?<=[\\/])({re.escape(home.name)}|{short}~\d){_END_OF_NAME}"
    return re.sub(name, "***", text, flags=re.IGNORECASE)
