"""Peers that are no Python: fetched once, by this machine's own package managers, into ``build/peers``.

Nothing is installed outside that folder, no service is set up, and no test comes here; ``make clean`` removes it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from tests.bench.processes import ROOT
from tests.bench.world import NotHere

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_SHOWN: Final = "build/peers"
_PEERS: Final = ROOT / _SHOWN
_LONGEST: Final = 300.0
_MARK: Final = "complete"
_LAST_LINES: Final = 3


def installed(name: str, version: str, install: Callable[[Path], None]) -> Path:
    """Return the folder of a peer; `install` fills it when it is not there in this version.

    Raises:
        NotHere: it cannot be had, with the reason.
    """
    folder = _PEERS / name
    mark = folder / _MARK
    if not mark.exists() or mark.read_text("utf-8") != version:
        sys.stderr.write(f"Fetching {name} into {_SHOWN}/{name} (once)…\n")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        mark.write_text(version, "utf-8")
    return folder


def output_of(command: Sequence[str], folder: Path) -> str:
    """Return what a package manager prints; raises NotHere with what it complains of."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True, timeout=_LONGEST)
    except FileNotFoundError:
        raise NotHere(f"there is no {command[0]} on this machine") from None
    except subprocess.TimeoutExpired:
        raise NotHere(f"{command[0]} did not come to an end") from None
    except subprocess.CalledProcessError as refusal:
        said = " ".join(str(refusal.stderr).split("\n")[-_LAST_LINES:]).strip()
        raise NotHere(f"{command[0]} {command[1]} failed: {said}") from None
    return done.stdout
