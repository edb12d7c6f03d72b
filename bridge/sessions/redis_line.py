"""The line to Redis: few connections and short time-outs, one more try where one broke, and rest while it is dead."""

from __future__ import annotations

import threading
import time
from functools import cache
from hashlib import sha1
from typing import TYPE_CHECKING, Any, Final, TypeVar

from redis import Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionBroken
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as AnswerTooLate
from redis.retry import Retry
from redis.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

from bridge.core.errors import StoreUnavailable
from bridge.egress.trust import trusting
from bridge.sessions.redis_pool import LendingPool

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from bridge.sessions.redis_address import RedisAddress

Answer = TypeVar("Answer")

PATIENCE: Final = 2.0
"""Seconds for a connection, an answer, or a place among the connections."""
_WANTED: Final = "an answer of Redis, store.sessions"
CONNECTIONS: Final = 64
"""Of one line at most: a thread takes one while it asks, and more threads than that wait for one."""
_HEALTH_CHECK: Final = 30
_FAILURES: Final = 3
_REST: Final = 1.0
_PROTOCOL: Final = 2
"""RESP2, which every Redis speaks, and whatever stands in for one; RESP3 would only add a round trip."""


def send(client: Redis, *command: str | bytes | float) -> Any:
    """Send one command and return the answer as it came, where every microsecond counts.

    redis-py's own way to the same two calls times and counts each command for OpenTelemetry, which takes it as long
    again, whether anybody listens or not.
    """
    connection = client.connection_pool.get_connection()
    try:
        connection.send_command(*command)
        # Behind sentinels redis-py would keep the connection open, and who asks next would read what came too late.
        return connection.read_response(disconnect_on_error=True)
    finally:
        client.connection_pool.release(connection)


def run_script(client: Redis, script: str | bytes, keys: Sequence[str], *arguments: str | bytes | float) -> Any:
    """Run a script by its name, which a server that was started anew has forgotten."""
    try:
        return send(client, "EVALSHA", _name_of(script), len(keys), *keys, *arguments)
    except NoScriptError:
        return send(client, "EVAL", script, len(keys), *keys, *arguments)


@cache
def _name_of(script: str | bytes) -> str:
    text = script.encode() if isinstance(script, str) else script
    return sha1(text, usedforsecurity=False).hexdigest()


class RedisLine:
    """Asks one Redis; every trouble is StoreUnavailable, and a dead Redis costs nobody any time.

    After three failures in a row it is left alone for a second; then one caller finds out whether it is back.

    Args:
        ca_bundle: path of the authorities that may vouch for it; empty: the system's.
        patience: seconds for a connection or an answer.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        address: RedisAddress,
        *,
        ca_bundle: str = "",
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._rest = _Rest(clock)
        context = trusting(ca_bundle) if address.is_tls else None
        self._sentinels = _sentinels(address, context, patience)
        self._pool = _pool(address, context, patience, self._sentinels)
        self._client = Redis(connection_pool=self._pool)

    def ask(self, question: Callable[[Redis], Answer]) -> Answer:
        """Ask Redis something, once more where the connection broke at once.

        Args:
            question: may be put twice, so the second answer has to be the first one's.

        Raises:
            StoreUnavailable: no answer, a refusal, or no question because there was no answer lately.
        """
        self._rest.enter()
        is_answered: bool | None = None
        try:
            answer = self._twice(question)
            is_answered = True
        except RedisError as fault:
            is_answered = not isinstance(fault, (ConnectionBroken, AnswerTooLate))
            # Its text may repeat the question, and with it the id of a session.
            raise StoreUnavailable(expected=_WANTED, received=type(fault).__name__) from None
        finally:
            self._rest.leave(is_answered=is_answered)
        return answer

    @property
    def has_replicas(self) -> bool:
        """Whether sentinels may put a replica in the server's place."""
        return bool(self._sentinels.sentinels)

    def close(self) -> None:
        """Close all connections."""
        for client in self._sentinels.sentinels:
            client.close()
        self._pool.disconnect()

    def _twice(self, question: Callable[[Redis], Answer]) -> Answer:
        began = self._clock()
        try:
            return question(self._client)
        except ConnectionBroken:
            if self._clock() - began > self._patience / 2:
                raise
        except ResponseError as refusal:
            # The server was demoted: a new connection leads to the one that took its place.
            # redis-py takes the word away from what it knows as such; inside scripts Redis 7 says it itself.
            if not isinstance(refusal, ReadOnlyError) and "READONLY" not in str(refusal):
                raise
            self._pool.disconnect(inuse_connections=False)
        return question(self._client)


class _Rest:
    """Says when a dead Redis may be asked again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0
        self._probe = 0

    def enter(self) -> None:
        """Let a caller through; raises StoreUnavailable while Redis rests, and while somebody else finds out."""
        with self._lock:
            if self._failures < _FAILURES:
                return
            if self._probe or self._clock() < self._until:
                raise StoreUnavailable(expected=_WANTED, received="nothing lately, so it was not asked")
            self._probe = threading.get_ident()

    def leave(self, *, is_answered: bool | None) -> None:
        """Learn how a call ended, nothing where that is None."""
        with self._lock:
            if self._probe == threading.get_ident():
                self._probe = 0
            if is_answered:
                self._failures = 0
            elif is_answered is False:
                self._failures += 1
                self._until = self._clock() + _REST


class _Trusting(SSLConnection):
    """Trusts the authorities of one context alone, made once; redis-py would add the system's to ours each time."""

    def __init__(self, context: ssl.SSLContext, **options: Any) -> None:
        self._context = context
        super().__init__(**options)

    def _wrap_socket_with_ssl(self, sock: Any) -> ssl.SSLSocket:
        return self._context.wrap_socket(sock, server_hostname=self.host)


class _TrustingBehindSentinels(_Trusting, SentinelManagedSSLConnection):
    """Likewise, to wherever the sentinels point."""


class _SentinelPool(SentinelConnectionPool, LendingPool):
    """As many connections as another pool has, to wherever the sentinels point."""

    def owns_connection(self, connection: Any) -> bool:
        """Keep a connection that leads nowhere yet: redis-py would replace it, and remember both."""
        leads_nowhere = connection._sock is None  # noqa: SLF001 — older releases have no other way to ask
        return leads_nowhere or bool(super().owns_connection(connection))  # type: ignore[no-untyped-call]


def _options(patience: float, username: str, password: str) -> dict[str, Any]:
    return {
        "socket_timeout": patience,
        "socket_connect_timeout": patience,
        "health_check_interval": _HEALTH_CHECK,
        "protocol": _PROTOCOL,
        "retry": Retry(NoBackoff(), 0),
        "timeout": patience,
        "max_connections": CONNECTIONS,
        "username": username or None,
        "password": password or None,
    }


def _pool(address: RedisAddress, context: ssl.SSLContext | None, patience: float, sentinels: Sentinel) -> LendingPool:
    options = _options(patience, address.username, address.password) | {"db": address.db}
    if address.socket:
        return LendingPool(connection_class=UnixDomainSocketConnection, path=address.socket, **options)  # type: ignore[no-untyped-call]
    if not address.service:
        return _direct(address.hosts[0], context, options)
    options |= {"socket_keepalive": True} | ({"context": context} if context else {})
    kind = _TrustingBehindSentinels if context else SentinelManagedConnection
    return _SentinelPool(address.service, sentinels, connection_class=kind, **options)  # type: ignore[no-untyped-call]


def _direct(host: tuple[str, int], context: ssl.SSLContext | None, options: dict[str, Any]) -> LendingPool:
    options |= {"socket_keepalive": True, "host": host[0], "port": host[1]} | ({"context": context} if context else {})
    return LendingPool(connection_class=_Trusting if context else Connection, **options)  # type: ignore[no-untyped-call]


def _sentinels(address: RedisAddress, context: ssl.SSLContext | None, patience: float) -> Sentinel:
    """Return those who know where the server is; nobody where the address says it itself."""
    known = Sentinel([])
    # Half the patience for each: one that is dead has to leave time for the next.
    options = _options(patience / 2, address.sentinel_username, address.sentinel_password)
    hosts = address.hosts if address.service else ()
    known.sentinels = [Redis(connection_pool=_direct(host, context, dict(options))) for host in hosts]
    return known
