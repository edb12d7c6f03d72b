"""``python -m tests.bench --profile``: where the CPU of a sign-in and of a signed-in request goes."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING, Final

from tests.bench.bridges import bridge_environment, serve
from tests.bench.browser import Browser
from tests.bench.flasks import granian
from tests.bench.load import run
from tests.bench.processes import LOCALHOST, ROOT, free_port, running, wait_until_listening
from tests.bench.world import Party

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.processes import Process
    from tests.bench.world import World

PATH: Final = "/profile"
_WARM_UP: Final = 20
_REQUEST_SECONDS: Final = 3.0
_MODES: Final = ("oauth", "jwt")


def write_profiles(world: World, sign_ins: int, folder: Path) -> list[Path]:
    """Return the files that tell, of each mode's sign-in and of ``GET /session``, the functions by own time."""
    port, name = free_port(), "profiled"
    config = world.folder / f"{name}.toml"
    serve(world, name, port, world.redis)
    command = granian("tests.bench.profiled:create_app", port)
    environment = {**bridge_environment(), "BRIDGE_CONFIG": str(config)}
    folder.mkdir(parents=True, exist_ok=True)
    with running(name, command, world.folder, environment) as server:
        wait_until_listening(server, port)
        written = [_sign_in_profile(server, port, mode, sign_ins, folder) for mode in _MODES]
        cookie = Browser(Party(name, server, port, f"/login/{_MODES[0]}")).sign_in().cookie
        _asked(port)
        answers = run(port, "/session", cookie, 1, _REQUEST_SECONDS)["requests"]
        return [*written, _written(folder / "profile-session.txt", f"{answers:.0f} times GET /session", port)]


def _sign_in_profile(server: Process, port: int, mode: str, sign_ins: int, folder: Path) -> Path:
    party = Party("profiled bridge", server, port, f"/login/{mode}")
    for agent in range(_WARM_UP):
        Browser(party, agent).sign_in()
    _asked(port)
    for agent in range(sign_ins):
        Browser(party, agent).sign_in()
    return _written(folder / f"profile-sign-in-{mode}.txt", f"{sign_ins} sign-ins in mode {mode}", port)


def _written(file: Path, what: str, port: int) -> Path:
    told = re.sub(r"\S+/site-packages/|\S+/lib/python3\.\d+/", "", _asked(port)).replace(f"{ROOT}/", "")
    file.write_text(f"{what}\n{told}", "utf-8")
    return file


def _asked(port: int) -> str:
    wire = http.client.HTTPConnection(LOCALHOST, port, timeout=30)
    try:
        wire.request("GET", PATH)
        return wire.getresponse().read().decode()
    finally:
        wire.close()
