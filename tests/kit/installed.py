"""Try an installed bridge from outside: ``python -m tests.kit.installed COMMAND`` starts its demo and signs in."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.kit.browser import Browser
from tests.kit.ports import free_port
from tests.kit.processes import Command, is_closed


def sign_in_at_the_demo(program: list[str], folder: Path) -> None:
    """Start ``demo`` with `program`, sign in, end it with Ctrl-C; whatever is not as it should be is an AssertionError.

    Args:
        program: the command, such as ``["/opt/bridge/bin/hotline-bridge"]``.
        folder: an empty one, where the command is started.
    """
    port = free_port(beside=100)
    command = Command(["demo", "--port", str(port)], folder, program=program, cwd=folder)
    try:
        command.wait_until(lambda: "Ctrl-C" in command.written)
        assert f"http://127.0.0.1:{port}\n" in command.written
        browser = Browser(f"http://127.0.0.1:{port}")
        landed = browser.sign_in("contoso")
        assert landed.url == f"http://127.0.0.1:{port}/softphone", (landed.url, landed.status_code)
        assert browser.fetch("/session").json()["account_name"] == "lin@contoso.example"
        # Ctrl-C in a terminal reaches the whole group.
        assert command.end(signal.SIGINT, whole_group=True) < 10
        assert "Goodbye" in command.written
        assert command.process.returncode == 0
        assert not command.has_left_somebody()
    finally:
        if command.group():
            os.killpg(command.process.pid, signal.SIGKILL)
        command.process.wait()
    assert is_closed(port)
    assert is_closed(port + 100)
    assert [path.name for path in folder.iterdir()] == ["demo.log"], "its folder is gone"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as empty:
        sign_in_at_the_demo(sys.argv[1:], Path(empty))
    print("ok")  # noqa: T201 — what `make wheel` ends with
