"""Our own commands as processes of their own, as an operator starts them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
_PATIENCE = 60.0
_A_MOMENT = 5.0
_TICK = 0.05


class Command:
    """One ``hotline-bridge …`` that runs, in a process group of its own; all that it writes is in `written`."""

    def __init__(
        self, arguments: list[str], folder: Path, *, program: list[str] | None = None, cwd: Path = ROOT
    ) -> None:
        self.log = folder / f"{arguments[0]}.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [*(program or [sys.executable, "-u", "-m", "bridge"]), *arguments],
                cwd=cwd,
                env=environment | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def written(self) -> str:
        """Everything on standard output and standard error so far."""
        return self.log.read_text("utf-8", "replace")

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return once `ready` says so; fails when the process ends before, or after a minute."""
        give_up_at = time.monotonic() + _PATIENCE
        while not ready():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.written}"
            assert time.monotonic() < give_up_at, f"not ready after {_PATIENCE} seconds:\n{self.written}"
            time.sleep(_TICK)

    def end(self, number: signal.Signals, *, whole_group: bool = False) -> float:
        """Send a signal, to the group as a terminal does or to the process alone; returns the seconds until its end."""
        started = time.monotonic()
        (os.killpg if whole_group else os.kill)(self.process.pid, number)
        self.process.wait(_PATIENCE)
        return time.monotonic() - started

    def has_left_somebody(self) -> bool:
        """Tell whether any process of the group still runs a moment after its end."""
        give_up_at = time.monotonic() + _A_MOMENT
        while self.group() and time.monotonic() < give_up_at:
            time.sleep(_TICK)
        return bool(self.group())

    def group(self) -> list[int]:
        """Return the living processes of the group; a dead one that nobody has buried is none."""
        states = (_state(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdecimal())
        return [pid for pid, state, group in states if group == self.process.pid and state not in {"Z", "X"}]


def _state(pid: int) -> tuple[int, str, int]:
    try:
        _, _, rest = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")
    except OSError:
        return pid, "X", 0
    state, _parent, group, *_ = rest.split()
    return pid, state, int(group)


@contextmanager
def running(arguments: list[str], folder: Path, *, program: list[str] | None = None) -> Iterator[Command]:
    """Run a command, of ours or of another `program`; whatever is left of it at the end is killed."""
    command = Command(arguments, folder, program=program)
    try:
        yield command
    finally:
        if command.group():
            os.killpg(command.process.pid, signal.SIGKILL)
        command.process.wait()


def answers(url: str) -> bool:
    """Tell whether a server answers this address with 200."""
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def is_closed(port: int) -> bool:
    """Tell whether nobody listens at the loopback's port."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) != 0
