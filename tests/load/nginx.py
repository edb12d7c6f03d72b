"""A real nginx in front of the replicas: the project's own example, with this test's addresses in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.bench.processes import LOCALHOST, ROOT, Process, free_port, running, wait_until_listening
from tests.load.faults import LoadFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

EXAMPLE: Final = ROOT / "config" / "nginx.example.conf"
_DESCRIPTORS: Final = 20_000
_LOG: Final = "load.log"
_SERVER: Final = re.compile(r"^    server [0-9.]+:8000(?P<options>[^;]*);\n", re.MULTILINE)
_ENTRY: Final = re.compile(
    r'(?P<address>\S+) \[[^]]*\] \S+ "\S+ /(?P<kind>[^/ ]*)\S*" [0-9]+ \S+ \S+ upstream (?P<replicas>.*)'
)
_REPLICA: Final = re.compile(r"[0-9.]+:[0-9]+")
_AROUND: Final = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
worker_processes {workers};
worker_rlimit_nofile {descriptors};
events {{ worker_connections {descriptors}; }}
http {{
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
"""
"""What a distribution's /etc/nginx/nginx.conf has around a site, with room for everybody's connection."""


@dataclass
class Turns:
    """Which replica answered what, as nginx saw it.

    Args:
        requests: by replica.
        crossed: sign-ins that began at one replica and were finished at another, of `pairs`.
        repeated: requests that nginx handed to a second replica because the first one gave none.
    """

    requests: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    crossed: int = 0
    repeated: int = 0


def nginx_binary() -> str:
    """Return the path of nginx.

    Raises:
        LoadFault: there is none.
    """
    # For users who are not root Debian's /usr/sbin is no place to look for commands.
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if not found:
        raise LoadFault("nginx is not installed; .ci/install-tools installs it.")
    return found


@contextmanager
def nginx(folder: Path, port: int, certificate: Path, replicas: Sequence[int]) -> Iterator[Process]:
    """Run it until the block ends.

    Args:
        certificate: file with key and chain of a server named localhost.
        replicas: their ports on loopback.
    """
    configuration = folder / "nginx.conf"
    adapted = site(EXAMPLE.read_text("utf-8"), folder, port, certificate, replicas)
    around = _AROUND.format(folder=folder, workers=1, descriptors=_DESCRIPTORS)
    configuration.write_text(f"{around}{adapted}}}\n", encoding="utf-8")
    command = [nginx_binary(), "-p", str(folder), "-c", str(configuration), "-e", str(folder / "nginx-error.log")]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    if tested.returncode:
        raise LoadFault(f"nginx refuses its configuration: {tested.stderr.strip()}")
    with running("nginx", command, folder, {"PATH": os.defpath}) as process:
        wait_until_listening(process, port)
        yield process


def read_turns(folder: Path, start: int = 0) -> Turns:
    """Read who answered what, from a byte of the log on."""
    turns, began = Turns(), dict[str, str]()
    with (folder / _LOG).open(encoding="utf-8", errors="replace") as log:
        log.seek(start)
        for entry in filter(None, map(_ENTRY.match, log)):
            replicas, address = _REPLICA.findall(entry["replicas"]), entry["address"]
            if not replicas:
                continue  # nginx answered itself
            turns.repeated += len(replicas) > 1
            turns.requests[replicas[-1]] += 1
            if entry["kind"] == "login":
                began[address] = replicas[-1]
            elif entry["kind"] == "callback" and address in began:
                turns.pairs += 1
                turns.crossed += began.pop(address) != replicas[-1]
    return turns


def log_size(folder: Path) -> int:
    """Return how long the log is."""
    return (folder / _LOG).stat().st_size


def site(example: str, folder: Path, port: int, certificate: Path, replicas: Sequence[int]) -> str:
    """Return the example with our addresses, names and files; whatever else it says is what is measured.

    Raises:
        LoadFault: it has no server to replace.
    """
    first = _SERVER.search(example)
    if first is None:
        raise LoadFault("The example for nginx names no replica.")
    servers = "".join(f"    server {LOCALHOST}:{one}{first['options']};\n" for one in replicas)
    text = _SERVER.sub("", example[: first.start()] + servers + _SERVER.sub("", example[first.start() :]))
    for wanted, ours in (
        (r"^    listen \[::\].*\n", ""),
        (r"(?<=^    listen )80;", f"{LOCALHOST}:{free_port()};"),
        (r"(?<=^    listen )443\b", f"{LOCALHOST}:{port}"),
        (r"(?<=^    ssl_certificate )[^;]*", f" {certificate}"),
        (r"(?<=^    ssl_certificate_key )[^;]*", f" {certificate}"),
        (r"(?<=^    access_log )/[^ ;]*", str(folder / _LOG)),
        (r"phone\.example\.com", "localhost"),
    ):
        text = re.sub(wanted, ours, text, flags=re.MULTILINE)
    return text
