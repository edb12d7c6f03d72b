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

    Nobody waits for what lies past the queue, and no lock is needed for it: who is about to wait says so before the
    last look, and who lays something past the queue looks for somebody afterwards, so that one of them sees the other.
    """

    def reset(self) -> None:
        """Begin without connections, as at first and in a forked process."""
        self._at_hand: deque[Connection] = deque()
        self._waiting: deque[None] = deque()
        super().reset()  # type: ignore[no-untyped-call]

    def get_connection(self, *_: Any, **__: Any) -> Connection:
        """Lend a connection; raises ConnectionError where none comes back in time, and what a new one does."""
        self._checkpid()
        try:
            connection = self._at_hand.pop()
        except IndexError:
            return self._from_queue()
        if not _is_spoilt(connection):
            return connection
        connection.disconnect()
        # The queue opens it anew to where sentinels point now; by itself it would go where it was.
        super().release(connection)  # type: ignore[no-untyped-call]
        return self._from_queue()

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        is_good = connection.is_connected and not connection.should_reconnect() and self.owns_connection(connection)
        if not is_good:
            super().release(connection)  # type: ignore[no-untyped-call]
            return
        self._at_hand.append(connection)
        if self._waiting:
            self._hand_over()

    def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 — redis-py's signature
        """Close the connections that nobody uses now, or all."""
        while self._at_hand:
            self._hand_over()
        super().disconnect(inuse_connections)

    def _from_queue(self) -> Connection:
        self._waiting.append(None)
        try:
            self._hand_over()
            return cast("Connection", super().get_connection())  # type: ignore[no-untyped-call]
        finally:
            self._waiting.pop()

    def _hand_over(self) -> None:
        """Put what came back last into the queue, where somebody may wait for it."""
        with suppress(IndexError):
            super().release(self._at_hand.pop())  # type: ignore[no-untyped-call]


def _is_spoilt(connection: Connection) -> bool:
    """Say whether the server has closed it, or sent what nobody waits for."""
    try:
        return connection.can_read()
    except (RedisError, OSError):
        return True
