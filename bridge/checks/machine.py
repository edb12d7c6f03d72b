"""The machine that the bridge runs on: its files, its limits."""

from __future__ import annotations

import resource
import stat
import tomllib
from typing import TYPE_CHECKING, Any, Final

from bridge.checks.finding import Finding
from bridge.checks.lines import TO_POSTGRESQL, to_redis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bridge.checks.scene import Scene

_SPARE: Final = 512
"""Connections of agents' browsers, or of the proxy, beside those that are being answered; and open files."""


def look(scene: Scene) -> Iterator[Finding]:
    """Yield who else may read our secrets, and whether we may open enough files."""
    yield from _open_files(scene.deployment.threads)
    if scene.deployment.config:
        yield from _readable(scene.deployment.config)


def _open_files(threads: int) -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A thread that signs somebody in holds the browser's line and one to another server.
    needed = 2 * threads + TO_POSTGRESQL + to_redis(threads) + _SPARE
    if soft == resource.RLIM_INFINITY or soft >= needed:
        yield Finding("machine.open_files", f"{'any number' if soft < 0 else soft} may be open in a process")
        return
    what = f"{soft} may be open in a process; {needed} are wanted"
    advice = "Raise it where the bridge is started: LimitNOFILE= in the systemd unit, or ulimit -n."
    yield Finding("machine.open_files", what, "warn", advice=advice)


def _readable(config: Path) -> Iterator[Finding]:
    files = [config, *secret_files(config)]
    open_to_all = [path for path in files if is_open(path)]
    # The file itself may be read by anybody who likes, as long as its secrets lie elsewhere.
    if open_to_all and not (open_to_all == [config] and not _holds_secrets(config)):
        what = f"everybody on this machine can read {', '.join(map(str, open_to_all))}"
        advice = "Let only the bridge's user read it: chmod 600; in Kubernetes, defaultMode: 0400 of the volume."
        yield Finding("machine.secret_files", what, "warn", advice=advice)
    else:
        yield Finding("machine.secret_files", "only the bridge and its group can read secrets")


def secret_files(config: Path) -> list[Path]:
    """Return the files that a configuration's ``{ file = "…" }`` name, relative to it."""
    found = dict.fromkeys(one["file"] for one in _tables(_document(config)) if _names_a_file(one))
    return [config.absolute().parent / name for name in found]


def _names_a_file(table: dict[str, Any]) -> bool:
    return set(table) == {"file"} and isinstance(table["file"], str)


def _document(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _tables(value: object) -> Iterator[dict[str, Any]]:
    members: Iterable[object] = ()
    if isinstance(value, dict):
        yield value
        members = value.values()
    elif isinstance(value, list):
        members = value
    for member in members:
        yield from _tables(member)


def _holds_secrets(config: Path) -> bool:
    named = ("client_secret", "access_key_secret", "private_key", "next_private_key")
    document = _document(config)
    if any(isinstance(one, str) for one in document.get("secret_keys", [])):
        return True
    return any(isinstance(table.get(name), str) for table in _tables(document) for name in named)


def is_open(path: Path) -> bool:
    """Say whether everybody on this machine can read a file: it, and every folder on the way to it."""
    try:
        is_readable = bool(path.stat().st_mode & stat.S_IROTH)
        return is_readable and all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)
    except OSError:
        return False
