"""Two releases side by side: the former one out of the repository's history, the present one as it lies here."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
FORMER: Final = "7f0a809"
"""The commit of the release before this one."""
_PARTS: Final = ("bridge", "templates", "config")


@dataclass(frozen=True)
class Release:
    """One release that can be run from its folder, with what is installed here."""

    name: str
    folder: Path


def former(folder: Path, commit: str = FORMER, *more: str) -> Release:
    """Take a release out of git; nothing is fetched.

    Args:
        more: folders of it besides those that it needs.

    Raises:
        CalledProcessError: this checkout has no such commit.
    """
    told = subprocess.run(["git", "archive", commit, *_PARTS, *more], cwd=ROOT, capture_output=True, check=True)  # noqa: S607 — a developer's git
    with tarfile.open(fileobj=BytesIO(told.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return Release(f"{_version(folder)} ({commit})", folder)


def present(folder: Path) -> Release:
    """Copy what lies here: whoever works on meanwhile changes nothing that runs."""
    for part in _PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.orig"))
    return Release(f"{_version(folder)} (here)", folder)


def _version(folder: Path) -> str:
    found = re.search(r'__version__ = "([^"]+)"', (folder / "bridge/__init__.py").read_text("utf-8"))
    return found[1] if found else "?"
