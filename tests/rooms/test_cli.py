"""The command line: what each command prints, and with which exit code it ends."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

import bridge.app
import bridge.sandbox.app
from bridge import __version__, cli, running, serving
from bridge.cli_connections import opened
from bridge.sandbox.platforms import Platform, read_platform, write_platform
from bridge.sandbox.registrations import COMPANIES
from bridge.settings import load
from tests.kit.ports import free_port
from tests.rooms.configurations import GONE, SECRET, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

ROOT = Path(__file__).parents[2]
Calls = list[tuple[tuple[Any, ...], dict[str, Any]]]


def run(*arguments: str, env: dict[str, str | None] | None = None) -> Result:
    return CliRunner().invoke(cli.main, arguments, env={cli.CONFIG_VARIABLE: None, **(env or {})})


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Instead of serving: what would have been served."""
    calls: Calls = []
    monkeypatch.setattr(serving, "serve_wsgi", lambda *args, **kwargs: calls.append((args, kwargs)))
    monkeypatch.setattr("bridge.ops.logs.configure_logs", lambda *_: None)
    for name in (cli.CONFIG_VARIABLE, cli.SANDBOX_VARIABLE, "PROMETHEUS_MULTIPROC_DIR"):
        monkeypatch.setenv(name, "what the command sets is taken back")
    monkeypatch.setenv(cli.PLATFORM_VARIABLE, "")
    return calls


def test_the_version_is_told() -> None:
    assert run("--version").output == f"hotline-bridge, version {__version__}\n"


def test_help_names_every_command() -> None:
    told = run("-h").output
    assert all(f"\n  {command}" in told for command in ("check", "demo", "keys", "sandbox", "serve"))


def test_a_fresh_secret_key_is_long_enough_and_new_each_time() -> None:
    first, second = run("keys", "secret").output.strip(), run("keys", "secret").output.strip()
    assert len(first) >= 32
    assert first != second


class TestServe:
    def test_hands_the_settings_to_the_server(
        self, tmp_path: Path, served: Calls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        port = free_port()
        server = {"bind": f"localhost:{port}", "threads": 7, "workers": 2, "drain": "5s"}
        written(tmp_path, {"server": server})
        monkeypatch.chdir(tmp_path)
        result = run("serve", "--config", "bridge.toml")
        assert result.exit_code == 0, result.output
        ((arguments, options),) = served
        assert arguments == ("bridge.cli:bridge_of_worker", "127.0.0.1", port, serving.Shape(2, 7))
        assert options["drain"] == 5
        assert result.stderr == "", "it serves only once it says so in the log"
        facts = {"release": __version__, "public_url": "https://phone.example.com", "bind": f"localhost:{port}"}
        assert options["diary"].facts == facts

    def test_reads_the_file_anew_when_it_is_asked_to(self, tmp_path: Path, served: Calls) -> None:
        changes: dict[str, Any] = {"server": {"bind": f"127.0.0.1:{free_port()}", "workers": 1}}
        config = written(tmp_path, changes)
        assert run("serve", "--config", str(config)).exit_code == 0
        renew = served[0][1]["renew"]
        changes["server"] |= {"workers": 3, "threads": 9}
        written(tmp_path, changes)
        with capture_logs() as lines:
            assert renew() == serving.Shape(3, 9)
            changes["server"]["bind"] = f"127.0.0.1:{free_port()}"
            written(tmp_path, changes)
            assert renew() == serving.Shape(3, 9)
            written(tmp_path, {"session.idel": "2h"})
            assert renew() is None
        assert [line["event"] for line in lines] == ["reload_incomplete", "reload_refused"]
        assert "change at a restart only" in lines[0]["reason"]
        assert f"{config}: session.idel: is no key that the bridge knows" in lines[1]["faults"][0]

    def test_tells_the_desk_for_probes_to_read_it_anew_too(
        self, tmp_path: Path, served: Calls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[tuple[int, int]] = []
        desks: list[Any] = []

        def beside(work: Any) -> AbstractContextManager[int]:
            desks.append(work)
            return nullcontext(4711)

        monkeypatch.setattr(serving, "beside", beside)
        monkeypatch.setattr("os.kill", lambda *call: told.append(call))
        ops = free_port()
        server = {"bind": f"127.0.0.1:{free_port()}", "ops_bind": f"127.0.0.1:{ops}"}
        assert run("serve", "--config", str(written(tmp_path, {"server": server}))).exit_code == 0
        shape = served[0][1]["renew"]()
        assert shape == serving.Shape(1, 32)
        shape.settle(are_ready=False)
        assert told == [], "it would tell of other stores than the workers use"
        shape.settle(are_ready=True)
        assert told == [(4711, signal.SIGHUP)]
        desks[0]()
        arguments, options = served[1]
        assert arguments == ("bridge.cli:ops_of_worker", "127.0.0.1", ops, serving.Shape(threads=cli.OPS_THREADS))
        assert options["told"] is served[0][1]["board"]
        with capture_logs() as lines:
            options["diary"].tell("reloaded")
        assert lines == [{"event": "reloaded", "process": "ops", "log_level": "info"}]

    def test_tells_its_workers_the_absolute_path(
        self, tmp_path: Path, served: Calls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written(tmp_path, {"server": {"bind": f"127.0.0.1:{free_port()}"}})
        monkeypatch.chdir(tmp_path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(cli.CONFIG_VARIABLE, "bridge.toml")
            cli.main(["serve"], standalone_mode=False)
            assert os.environ[cli.CONFIG_VARIABLE] == str(tmp_path / "bridge.toml")

    def test_warns_of_what_is_doubtful(self, tmp_path: Path, served: Calls) -> None:
        changes = {"server": {"bind": f"127.0.0.1:{free_port()}"}, "connections.0.instance_id": ""}
        config = written(tmp_path, changes)
        assert (
            f"warning: {config}: connections.contoso.instance_id: is missing"
            in run("serve", "--config", str(config)).stderr
        )

    def test_tells_every_fault_as_file_key_message_and_does_not_serve(self, tmp_path: Path, served: Calls) -> None:
        config = written(tmp_path, {"public_url": GONE, "session.idel": "2h", "secret_keys": [SECRET[:9]]})
        result = run("serve", "--config", str(config))
        assert result.exit_code == 1
        assert served == []
        assert result.stdout == ""
        assert result.stderr.splitlines() == [
            f"{config}: public_url: is required",
            f"{config}: secret_keys[0]: must be at least 32 characters; `hotline-bridge keys secret` prints a good one",
            f"{config}: session.idel: is no key that the bridge knows; did you mean idle?",
        ]

    def test_takes_the_file_from_the_environment(self, tmp_path: Path, served: Calls) -> None:
        result = run("serve", env={cli.CONFIG_VARIABLE: str(tmp_path / "elsewhere.toml")})
        assert result.stderr == f"{tmp_path}/elsewhere.toml: cannot be read: No such file or directory\n"

    def test_takes_the_documented_file_else(
        self, tmp_path: Path, served: Calls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert run("serve").stderr == "config/bridge.toml: cannot be read: No such file or directory\n"

    def test_says_that_the_port_is_in_use(self, tmp_path: Path, served: Calls) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            result = run("serve", "--config", str(written(tmp_path, {"server": {"bind": f"127.0.0.1:{port}"}})))
        assert (result.exit_code, served) == (1, [])
        assert (
            result.stderr
            == f"Port {port} of 127.0.0.1 is in use already; end the other program or choose another port.\n"
        )

    def test_says_that_the_host_is_not_here(self, tmp_path: Path, served: Calls) -> None:
        result = run("serve", "--config", str(written(tmp_path, {"server": {"bind": "nowhere.invalid:8000"}})))
        assert (result.exit_code, served) == (1, [])
        assert "Cannot listen at nowhere.invalid port 8000: " in result.stderr

    def test_makes_the_bridge_in_its_worker_by_what_it_has_read_itself(
        self, tmp_path: Path, served: Calls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(serving, "hear_signals", lambda: None)
        monkeypatch.setattr(bridge.app, "from_environment", lambda read: read.server.threads)
        server = {"bind": f"127.0.0.1:{free_port()}", "threads": 7}
        config = written(tmp_path, {"server": server})
        assert run("serve", "--config", str(config)).exit_code == 0
        monkeypatch.setenv(cli.CONFIG_VARIABLE, str(config))
        written(tmp_path, {"server": server | {"threads": 9}})
        assert cli.bridge_of_worker() == 7, "until a reload"  # type: ignore[comparison-overlap]
        renew = served[0][1]["renew"]
        renew().settle(are_ready=True)
        written(tmp_path, {"session.idel": "2h"})
        renew()
        assert cli.bridge_of_worker() == 9, "a faulty file changes nothing"  # type: ignore[comparison-overlap]
        written(tmp_path, {"server": server | {"threads": 11}})
        refused = renew()
        assert cli.bridge_of_worker() == 11, "the first workers find out whether it is good"  # type: ignore[comparison-overlap]
        refused.settle(are_ready=False)
        assert cli.bridge_of_worker() == 9, "none of them started"  # type: ignore[comparison-overlap]


class TestSandbox:
    def test_is_served_on_loopback_by_one_process(self, served: Calls) -> None:
        port = free_port()
        result = run("sandbox", "--port", str(port))
        assert f"http://localhost:{port}" in result.stdout
        (call,) = served
        shape = serving.Shape(threads=cli.SANDBOX_THREADS)
        assert call == (("bridge.cli:sandbox_of_worker", "127.0.0.1", port, shape), {})

    def test_is_made_in_its_worker(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(serving, "hear_signals", lambda: None)
        monkeypatch.setattr(bridge.sandbox.app, "create_sandbox", lambda base_url, **_: f"a sandbox at {base_url}")
        monkeypatch.setenv(cli.SANDBOX_VARIABLE, "http://localhost:5100")
        assert cli.sandbox_of_worker() == "a sandbox at http://localhost:5100"  # type: ignore[comparison-overlap]

    def test_tells_its_worker_which_file_names_the_crms_bridge(self, tmp_path: Path, served: Calls) -> None:
        path = tmp_path / "crm.json"
        write_platform(path, Platform("http://127.0.0.1:5000", "crm", "a key"))
        for asked, env in ((("--platform", str(path)), {}), ((), {cli.PLATFORM_VARIABLE: str(path)})):
            os.environ[cli.PLATFORM_VARIABLE] = ""
            with pytest.MonkeyPatch.context() as patch:
                for name, value in env.items():
                    patch.setenv(name, value)
                cli.main(["sandbox", "--port", str(free_port()), *asked], standalone_mode=False)
                assert os.environ[cli.PLATFORM_VARIABLE] == str(path)
        assert len(served) == 2

    def test_refuses_a_file_that_names_none(self, tmp_path: Path, served: Calls) -> None:
        result = run("sandbox", "--port", str(free_port()), "--platform", str(tmp_path / "none.json"))
        assert (result.exit_code, served) == (1, [])
        assert "none.json: must be a JSON object with bridge_url, connection and api_key" in result.stderr


class Demo:
    """A running demo, with its own group of processes as in a terminal."""

    def __init__(self) -> None:
        self.port = free_port(beside=100)
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "bridge", "demo", "--port", str(self.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        self.told = ""

    def until_ready(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.told += line
            if "Ctrl-C" in line:
                return
        raise AssertionError(self.told)

    def folder(self) -> Path:
        return Path(self.told.partition("logs and data:")[2].split()[0])

    def logs(self) -> str:
        return "\n".join(path.read_text("utf-8") for path in self.folder().glob("*.log"))

    def rest(self) -> str:
        rest, _ = self.process.communicate(timeout=60)
        return rest

    def child(self, command: str) -> int:
        """The process of one of our commands, as Linux tells it."""
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split():
            if command.encode() in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
                return int(child)
        raise AssertionError(f"no child runs {command}")


@contextmanager
def demo() -> Iterator[Demo]:
    running_demo = Demo()
    try:
        running_demo.until_ready()
        yield running_demo
    finally:
        running_demo.process.terminate()
        running_demo.process.communicate(timeout=60)


def get(port: int, path: str) -> tuple[int, bytes]:
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    caller.request("GET", path)
    answer = caller.getresponse()
    body = answer.read()
    caller.close()
    return answer.status, body


def answers(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def leads_an_agent_to_the_company_and_keeps_connections_open(it: Demo) -> None:
    caller = http.client.HTTPConnection("127.0.0.1", it.port, timeout=30)
    for _ in range(2):
        caller.request("GET", "/login?login_hint=lin@contoso.example")
        answer = caller.getresponse()
        answer.read()
        assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/login/contoso")
        assert caller.sock is not None
    caller.close()
    status, body = get(it.port, "/session")
    assert (status, json.loads(body or "{}").get("code")) == (401, "session_missing"), it.logs()
    assert b"lin@contoso.example" in get(it.port + 100, "/")[1]


class TestDemo:
    @pytest.mark.parametrize("taken", [0, 100])
    def test_says_that_a_port_is_in_use(self, taken: int) -> None:
        port = free_port(beside=100)
        with socket.create_server(("127.0.0.1", port + taken)):
            result = run("demo", "--port", str(port))
        assert result.exit_code == 1
        assert f"Port {port + taken} of 127.0.0.1 is in use already" in result.stderr

    def test_gives_both_a_throw_away_configuration(self, monkeypatch: pytest.MonkeyPatch) -> None:
        port, started = free_port(beside=100), dict[str, list[str]]()

        @contextmanager
        def children(commands: dict[str, list[str]], folder: Path) -> Iterator[list[running.Child]]:
            started.update(commands)
            assert load(folder / "bridge.toml", {}).public_url == f"http://127.0.0.1:{port}"
            assert folder.stat().st_mode & 0o77 == 0
            yield []

        monkeypatch.setattr(running, "children", children)
        monkeypatch.setattr(running, "wait_until_answering", lambda _children, _addresses: None)
        monkeypatch.setattr(running, "wait_until_one_ends", lambda _children: signal.raise_signal(signal.SIGTERM))
        handler = signal.getsignal(signal.SIGTERM)
        try:
            result = run("demo", "--port", str(port))
        finally:
            signal.signal(signal.SIGTERM, handler)
        assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Goodbye; the demo's data is removed.")
        assert started["sandbox"] == ["sandbox", "--port", str(port + 100)]
        assert not Path(started["bridge"][-1]).exists()

    def test_gives_the_crm_of_the_whole_demo_a_key_that_is_good_from_the_start(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        port = free_port(beside=100)

        @contextmanager
        def children(commands: dict[str, list[str]], folder: Path) -> Iterator[list[running.Child]]:
            platform = read_platform(commands["sandbox"][-1])
            assert platform
            private = {path.name for path in folder.iterdir() if path.stat().st_mode & 0o77 == 0}
            assert private >= {"bridge.db", "crm.json", "crm.pem"}
            assert [one.name for one in load(folder / "bridge.toml", {}).connections] == [*COMPANIES, "crm"]
            with opened(folder / "bridge.toml") as services:
                key = services.api_keys.check(platform.api_key, "127.0.0.1")
                assert (platform.connection, key.scopes, list(key.connections)) == ("crm", ("token",), ["crm"])
            yield []

        monkeypatch.setattr(running, "children", children)
        monkeypatch.setattr(running, "wait_until_answering", lambda _children, _addresses: None)
        monkeypatch.setattr(running, "wait_until_one_ends", lambda _children: signal.raise_signal(signal.SIGINT))
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            result = run("demo", "--all", "--port", str(port))
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Goodbye; the demo's data is removed.")
        assert f"http://localhost:{port + 100}/crm\n" in result.stdout

    def test_runs_both_until_it_is_ended(self) -> None:
        with demo() as it:
            assert f"http://127.0.0.1:{it.port}" in it.told
            assert get(it.port, "/healthz")[0] == 200
            assert get(it.port + 100, "/")[0] == 200
            folder = it.folder()
            assert (folder / "bridge.toml").exists()
            it.process.terminate()
            assert "Goodbye" in it.rest()
            assert it.process.returncode == 0
            assert not folder.exists()
            assert not answers(it.port)
            assert not answers(it.port + 100)

    def test_leads_agents_over_kept_connections_until_one_of_both_dies_and_says_so(self) -> None:
        with demo() as it:
            leads_an_agent_to_the_company_and_keeps_connections_open(it)
            os.kill(it.child("sandbox"), signal.SIGTERM)
            assert "The sandbox ended with exit code 0, so all of it ends." in it.rest()
            assert it.process.returncode == 1
            assert not it.folder().exists()
            assert not answers(it.port)
