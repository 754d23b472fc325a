"""Hooks of mkdocs: links out of docs/, which GitHub follows, are made to work on the site too.

Figures of the algorithms' help become files of the site; what else lies outside of docs/ is linked
in the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
_HELP = "resources/help/"
_LINK = re.compile(r"\]\((\.\./[^)#\s]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the figures of the algorithms' help, and the icon."""
    for figure in (*sorted((ROOT / _HELP).glob("*.png")), ROOT / "resources/icons/ksdiff.svg"):
        name = f"help/{figure.name}"
        files.append(File.generated(config, name, abs_src_path=str(figure)))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Return the page with its links out of docs/ replaced."""
    folder = posixpath.dirname(f"docs/{page.file.src_uri}")

    def on_the_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[1]))
        if target.startswith("docs/"):
            return link[0]
        if not (ROOT / target).exists():
            raise FileNotFoundError(f"{page.file.src_uri}: {link[1]} does not exist.")
        if target.startswith(_HELP):
            help_page = posixpath.relpath(f"docs/help/{Path(target).name}", folder)
            return f"]({help_page}"
        return f"]({config['repo_url']}/blob/main/{target}"

    return _LINK.sub(on_the_site, markdown)
