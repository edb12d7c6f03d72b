"""What the README tells platforms works as it stands there: its commands in a shell, its client at a served bridge."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests

from bridge.sandbox.demo import demo_config
from bridge.sandbox.registrations import INSTANCE_ID
from bridge.settings import load
from tests.kit.api_examples import furnish_examples
from tests.kit.house import SANDBOX, build_house
from tests.kit.listening import listening
from tests.kit.platform import platform_of
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.house import House

ROOT: Final = Path(__file__).parents[2]
SECTION: Final = (ROOT / "README.md").read_text("utf-8").partition("## For platforms: the API")[2].partition("\n## ")[0]
BLOCKS: Final = re.findall(r"^```(\w+)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
PUBLIC_URL: Final = "https://phone.example.com"
COMMAND: Final = 'hotline-bridge() { "$PYTHON" -m bridge "$@"; }\n'
LIN: Final = "lin@contoso.example"

needs_curl = pytest.mark.skipif(
    not shutil.which("curl"), reason="curl is not installed (as root: apt-get install curl)"
)


def blocks(language: str) -> str:
    return "\n".join(text for spoken, text in BLOCKS if spoken == language)


@dataclass
class Portal:
    """Takes down what a connection registers at Fuyun."""

    registered: list[tuple[str, str, str]] = field(default_factory=list)

    def register(self, connection: str, redirect_uri: str) -> None:
        """Say nothing: addresses at this machine need none."""

    def use_jwt(self, connection: str, issuer: str, public_key: str) -> None:
        self.registered.append((connection, issuer, public_key))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme") / "bridge.toml"


@pytest.fixture(scope="module")
def served(config: Path) -> Iterator[House]:
    """A bridge on a port of this machine, whose contoso is in mode jwt."""
    port, portal = free_port(), Portal()
    chosen: dict[str, Any] = {"connections": ("contoso",), "jwt": ("contoso",), "world": portal}
    config.write_text(demo_config(SANDBOX, f"http://127.0.0.1:{port}", str(config.parent), **chosen), encoding="utf-8")
    house = build_house(load(config, os.environ))
    for application in portal.registered:
        house.world.use_jwt(*application)
    with listening(house.app, port):
        yield house
    house.services.database.close()


@needs_curl
def test_the_commands_make_a_key_and_use_it(served: House, config: Path) -> None:
    commands = blocks("sh")
    assert commands.count(PUBLIC_URL) == 1
    script = COMMAND + commands.replace(PUBLIC_URL, served.settings.public_url)
    wanted = {"PYTHON": sys.executable, "BRIDGE_CONFIG": str(config), "PATH": os.environ["PATH"], "NO_PROXY": "*"}
    shell = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(shell, cwd=ROOT, env=wanted, capture_output=True, text=True, timeout=60, check=True)
    token, handoff, sessions, ended = map(json.loads, done.stdout.splitlines())
    assert (token["account_name"], token["token_type"]) == (LIN, "bearer")
    assert served.browser().open(handoff["url"], follow=False).status_code < 400
    assert sessions == {"items": [], "next_cursor": None}
    assert ended == {"ended": 0}


@needs_curl
def test_every_sample_of_the_document_is_answered_well(served: House, tmp_path: Path) -> None:
    furnish_examples(served.world)
    agents = served.world.contact_centers[INSTANCE_ID].agents
    lin = agents[LIN]
    key = platform_of(served, "contoso").key
    paths = requests.get(f"{served.settings.public_url}/api/v1/openapi.json", timeout=30).json()["paths"]
    samples = [one["x-codeSamples"][0]["source"] for item in paths.values() for one in item.values()]
    script = "\n".join(sample.replace("curl", "curl --fail", 1) for sample in samples)
    wanted = {"API_KEY": key, "PATH": os.environ["PATH"], "NO_PROXY": "*"}
    shell = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(shell, cwd=tmp_path, env=wanted, capture_output=True, text=True, timeout=60, check=True)
    assert len(done.stdout.splitlines()) == len(samples) - 1
    assert (tmp_path / "recording.wav").read_bytes().startswith(b"RIFF")
    # One of the samples has deleted the agent.
    agents[LIN] = lin


@pytest.fixture(scope="module")
def client_file(config: Path) -> Path:
    path = config.parent / "platform_client.py"
    path.write_text(blocks("python"), encoding="utf-8")
    return path


@pytest.fixture
def client(client_file: Path) -> Any:
    """The README's client as a module."""
    spec = importlib.util.spec_from_file_location("platform_client", client_file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_client_is_typed(client_file: Path) -> None:
    mypy = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(client_file)]
    told = subprocess.run(mypy, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert told.returncode == 0, told.stdout


class TestTheClient:
    @pytest.fixture
    def bridge(self, client: Any, served: House) -> Any:
        key = platform_of(served, "contoso", scopes=("token",)).key
        return client.HotlineBridge(served.settings.public_url, "contoso", key)

    @pytest.fixture
    def slept(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """How long the client would have slept."""
        seconds: list[float] = []
        monkeypatch.setattr(client, "time", type("Clock", (), {"sleep": staticmethod(seconds.append)}))
        return seconds

    def test_gets_tokens_and_hand_offs(self, bridge: Any, served: House) -> None:
        assert bridge.token(LIN)["account_name"] == LIN
        assert bridge.handoff(LIN, "Lin").startswith(f"{served.settings.public_url}/handoff/contoso/")

    def test_raises_a_refusal_by_its_code(self, bridge: Any, client: Any, slept: list[float]) -> None:
        with pytest.raises(client.Refused, match="agent_unknown") as caught:
            bridge.token("nobody@contoso.example")
        assert (caught.value.code, caught.value.status, slept) == ("agent_unknown", 403, [])

    def test_tries_again_as_late_as_it_is_told_and_does_nothing_twice(
        self, bridge: Any, served: House, slept: list[float]
    ) -> None:
        served.world.faults.set("exchange", "http_500", times=1, status=503)
        sent: list[str] = []
        bridge._wire.hooks["response"] = lambda answer, **_: sent.append(answer.request.headers["Idempotency-Key"])
        assert bridge.token(LIN)["account_name"] == LIN
        assert slept == [5]
        assert (len(sent), len(set(sent))) == (2, 1)
