"""How connections to Redis are lent, which happens at each question."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from redis import BlockingConnectionPool
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Connection


class LendingPool(BlockingConnectionPool):
    """Lends the connection that came back last, past the queue of redis-py as long as nobody waits there.

    redis-py counts each loan for OpenTelemetry, whether anybody listens or not: that takes longer than the question.
    """

    def reset(self) -> None:
        """Begin without connections, as at first and in a forked process."""
        self._at_hand: deque[Connection] = deque()
        super().reset()  # type: ignore[no-untyped-call]

    def get_connection(self, *_: Any, **__: Any) -> Connection:
        """Lend a connection; raises ConnectionError where none comes back in time, and what a new one does."""
        self._checkpid()
        try:
            connection = self._at_hand.pop()
        except IndexError:
            return cast("Connection", super().get_connection())  # type: ignore[no-untyped-call]
        if _is_spoilt(connection):
            connection.disconnect()  # the next command opens it anew
        return connection

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        is_good = connection.is_connected and not connection.should_reconnect() and self.owns_connection(connection)
        # While the queue has something left nobody waits for what is laid past it.
        if is_good and self.pool.queue:
            self._at_hand.append(connection)
        else:
            super().release(connection)  # type: ignore[no-untyped-call]

    def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 — redis-py's signature
        """Close the connections that nobody uses now, or all."""
        with suppress(IndexError):
            while True:
                super().release(self._at_hand.pop())  # type: ignore[no-untyped-call]
        super().disconnect(inuse_connections)


def _is_spoilt(connection: Connection) -> bool:
    """Say whether the server has closed it, or sent what nobody waits for."""
    try:
        return connection.can_read()
    except (RedisError, OSError):
        return True
