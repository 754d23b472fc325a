"""Install dist/ksdiff_qgis.zip into a QGIS profile.

Usage: python scripts/deploy.py PROFILE, the folder that QGIS shows under
Settings → User Profiles → Open Active Profile Folder.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "dist" / "ksdiff_qgis.zip"
PLUGIN = "ksdiff_qgis"


def main() -> int:
    """Deploy into the profile named on the command line."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    installed = deploy(PACKAGE, Path(sys.argv[1]).expanduser())
    print(f"Installed {installed}. Restart QGIS and enable the plugin under Plugins → Manage.")
    return 0


def deploy(package: Path, profile: Path) -> Path:
    """Replace the plugin in `profile` (made if missing) by `package`; return its new folder.

    The old version leaves only when the new one is fully unpacked. A link that a developer put in
    its place is replaced, never followed.
    """
    plugins = profile / "python" / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    installed = plugins / PLUGIN
    with tempfile.TemporaryDirectory(prefix=".ksdiff-", dir=plugins) as staging:
        with zipfile.ZipFile(package) as archive:
            archive.extractall(staging)
        if installed.is_symlink():
            installed.unlink()
        elif installed.exists():
            shutil.move(installed, Path(staging) / "old")
        shutil.move(Path(staging) / PLUGIN, installed)
    return installed


if __name__ == "__main__":
    sys.exit(main())
