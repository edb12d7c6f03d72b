"""Sessions in Redis: a hash for each session, browser and mark, and a set of session ids for each keyed hash.

Nothing stays behind: everything lives as long as it is of use, by the times that the callers bring. Scripts reach keys
that they find in rows, so this is for one Redis with its replicas, not for a cluster.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final, cast

from redis.exceptions import ResponseError

from bridge.core.errors import SessionEnded, StoreUnavailable
from bridge.sessions import redis_scripts as scripts
from bridge.sessions.redis_address import read_redis_address
from bridge.sessions.redis_line import PATIENCE, RedisLine, run_script, send
from bridge.sessions.rows import AFTERLIFE, JUMP, SKEW, Blob, SessionRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from redis import Redis

    from bridge.sessions.rows import Content, Resealed

_SESSION: Final = scripts.SESSION
_BROWSER: Final = "bridge:browser:"
_MARK: Final = "bridge:mark:"
_PAGE: Final = 200
_OLDEST: Final = 6
_SAMPLE: Final = 2_000
"""Sessions looked at for a count: takes Redis about 2 ms, and errs by two in a hundred."""
_REPLICA_TAKES: Final = 100
"""Milliseconds that a vital write waits for one replica; it counts without as well."""
_NUMBERS: Final[dict[str, type[int | float]]] = {
    "format": int,
    "generation": int,
    "expires_at": float,
    "seen_at": float,
    "ended_at": float,
    "lock_until": float,
}
_READ: Final[dict[str, type[int | float | str]]] = {name: _NUMBERS.get(name, str) for name in scripts.FIELDS}
_MISSING: Final[dict[str, Any]] = {name: read() for name, read in _READ.items()} | {"ended_at": None}


class RedisSessions:
    """The session store for many replicas; see `SessionStore` for its verbs.

    Args:
        url: see `read_redis_address`, whose ValueError it raises.
        ca_bundle: path of the authorities that may vouch for the server; empty: the system's.
        patience: seconds for a connection or an answer.
        clock: monotonic seconds.
    """

    place = "redis"

    def __init__(
        self,
        url: str,
        *,
        ca_bundle: str = "",
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line = RedisLine(read_redis_address(url), ca_bundle=ca_bundle, patience=patience, clock=clock)

    # Agents' sessions -------------------------------------------------------------------------------------------------

    def add(self, row: SessionRow, now: float) -> None:
        """Keep a new row."""
        fields = {name: value for name in _READ if (value := getattr(row, name)) is not None}
        seconds = _seconds(row.expires_at + AFTERLIFE, now)
        hashes = (row.sub_key, row.sid_key, row.connection_key)
        self._run(
            scripts.ADD,
            _SESSION + row.id,
            row.id,
            seconds,
            *hashes,
            *(part for pair in fields.items() for part in pair),
        )

    def get(self, session_id: str) -> SessionRow | None:
        """Return a row."""
        return _row(session_id, self._ask(lambda client: send(client, "HMGET", _SESSION + session_id, *_READ)))

    def touch(self, session_id: str, seen_at: float) -> None:
        """Note activity."""
        self._run(scripts.TOUCH, _SESSION + session_id, seen_at)

    def claim(self, session_id: str, owner: str, *, now: float, seconds: float, waited: bool) -> bool:
        """Let `owner` renew."""
        until = now + seconds
        # A claim from further ahead than any clock may be was made before the clock was put back.
        return self._run(scripts.CLAIM, _SESSION + session_id, owner, now, until + JUMP, until, int(waited))

    def release(self, session_id: str, owner: str, left: str) -> None:
        """End a claim."""
        self._run(scripts.RELEASE, _SESSION + session_id, owner, left)

    def rewrite(self, session_id: str, owner: str, generation: int, content: Content, *, until: float) -> bool:
        """Change the content of a claimed session."""
        new = (content.format, content.sealed, content.generation)
        return self._run(scripts.REWRITE, _SESSION + session_id, owner, generation, *new, until, is_vital=True)

    def bury(self, session_id: str, code: str, now: float) -> bool:
        """End a living session."""
        return self._run(scripts.BURY, _SESSION + session_id, session_id, now, code, token_urlsafe(8), is_vital=True)

    def find(self, key: str, now: float) -> Iterator[SessionRow]:
        """Return living sessions by a keyed hash."""
        name = scripts.BY_KEY + key
        ids = [one.decode("ascii", "replace") for one in self._ask(lambda client: client.smembers(name))] if key else []
        for place in range(0, len(ids), _PAGE):
            page = ids[place : place + _PAGE]
            rows = self._rows(page)
            gone = [one for one, row in zip(page, rows, strict=True) if row is None]
            if gone:
                self._forget(name, gone)
            for row in rows:
                if row and row.ended_at is None and row.expires_at > now:
                    yield row

    def _forget(self, name: str, gone: list[str]) -> None:
        with suppress(StoreUnavailable):  # what was asked for could be read, and the next reader may tidy up
            self._ask(lambda client: client.srem(name, *gone))

    def count(self, keys: Sequence[str], *, now: float, seen_since: float) -> Mapping[str, int]:
        """Count living sessions, of many by a random sample: to look at all would hold everybody else up."""
        found = self._together(
            list(keys),
            lambda pipe, key: pipe.eval(scripts.COUNT, 1, scripts.BY_KEY + key, _SESSION, now, seen_since, _SAMPLE),
        )
        return dict(zip(keys, map(int, found), strict=True))

    def every(self) -> Iterator[SessionRow]:
        """Return all rows with content."""
        for page in self._names(_SESSION):
            yield from (row for row in self._rows(page) if row and row.sealed)

    def reseal(self, row: SessionRow, resealed: Resealed) -> bool:
        """Replace sealed parts."""
        new = (resealed.sealed, resealed.about, resealed.sub_key, resealed.sid_key, resealed.connection_key)
        return self._run(scripts.RESEAL, _SESSION + row.id, row.id, row.sealed, row.about, *new)

    # Browsers' sessions -----------------------------------------------------------------------------------------------

    def get_blob(self, id_hash: str, now: float) -> bytes | None:
        """Return a browser's session."""
        sealed, until = self._ask(lambda client: send(client, "HMGET", _BROWSER + id_hash, "sealed", "expires_at"))
        return sealed if sealed is not None and _number(until) > now else None

    def get_both(self, id_hash: str, now: float) -> tuple[bytes | None, SessionRow | None]:
        """Return a browser's session, and the agent session that it named."""
        sealed, until, session_id, fields = self._ask(
            lambda client: run_script(client, scripts.GET_BOTH, (_BROWSER + id_hash,))
        )
        row = _row(session_id.decode("ascii", "replace"), fields)
        return (sealed, row) if sealed is not None and _number(until) > now else (None, None)

    def put_blob(self, blob: Blob, *, until: float, now: float) -> None:
        """Keep a browser's session."""
        seconds = _seconds(until, now)
        self._run(scripts.PUT_BLOB, _BROWSER + blob.id_hash, blob.sealed, until, seconds, blob.agent_session)

    def delete_blob(self, id_hash: str) -> None:
        """Forget a browser's session."""
        self._ask(lambda client: client.delete(_BROWSER + id_hash))

    def every_blob(self) -> Iterator[Blob]:
        """Return all browsers' sessions."""
        for page in self._names(_BROWSER):
            found = self._together(page, lambda pipe, one: pipe.hget(_BROWSER + one, "sealed"))
            yield from (Blob(one, sealed) for one, sealed in zip(page, found, strict=True) if sealed is not None)

    def reseal_blob(self, blob: Blob, sealed: bytes) -> bool:
        """Replace a browser's session."""
        return self._run(scripts.RESEAL_BLOB, _BROWSER + blob.id_hash, blob.sealed, sealed)

    # What may happen once ---------------------------------------------------------------------------------------------

    def is_first_use(self, mark: str, *, until: float, now: float) -> bool:
        """Remember a mark."""
        return self._run(scripts.USE, _mark(mark), token_urlsafe(8), now, until, _seconds(until + SKEW, now))

    def is_used(self, mark: str, now: float) -> bool:
        """Look for a mark."""
        until = self._ask(lambda client: client.hget(_mark(mark), "until"))
        return until is not None and _number(until) > now

    # The store itself -------------------------------------------------------------------------------------------------

    def ping(self) -> None:
        """Read a row: a server that still loads its data, or has lost its master, refuses that."""
        self.get("")

    def close(self) -> None:
        """Close all connections."""
        self._line.close()

    def doubts(self) -> list[str]:
        """Return what of the server's own configuration can lose sessions, in sentences.

        Returns:
            Nothing where the server does not tell its configuration.

        Raises:
            StoreUnavailable: it does not answer.
        """
        return _doubts(self._ask(_info))

    # Asking -----------------------------------------------------------------------------------------------------------

    def _ask(self, question: Callable[[Redis], Any]) -> Any:
        return self._line.ask(question)

    def _run(self, script: str, key: str, *arguments: str | bytes | float, is_vital: bool = False) -> bool:
        def question(client: Redis) -> object:
            if not (is_vital and self._line.has_replicas):
                return run_script(client, script, (key,), *arguments)
            # A replica that takes over a moment later must know of it: an ending, or a token that no longer comes back.
            with client.pipeline(transaction=False) as pipe:
                pipe.register_script(script)(keys=[key], args=arguments, client=pipe)
                pipe.wait(1, _REPLICA_TAKES)
                done = pipe.execute(raise_on_error=False)[0]
            if isinstance(done, Exception):
                raise done
            return done

        return bool(self._ask(question))

    def _rows(self, ids: list[str]) -> list[SessionRow | None]:
        found = self._together(ids, lambda pipe, one: pipe.hmget(_SESSION + one, *_READ))
        return [_row(one, values) for one, values in zip(ids, found, strict=True)]

    def _together(self, names: list[str], ask: Callable[[Any, str], object]) -> list[Any]:
        def question(client: Redis) -> list[Any]:
            with client.pipeline(transaction=False) as pipe:
                for one in names:
                    ask(pipe, one)
                return pipe.execute()

        return cast("list[Any]", self._ask(question))

    def _names(self, beginning: str) -> Iterator[list[str]]:
        """Yield what follows `beginning` in names of keys, page by page, none twice although SCAN may."""
        seen: set[str] = set()
        cursor = 0
        while True:
            cursor, found = self._scan(cursor, beginning)
            page = {name.decode().removeprefix(beginning) for name in found} - seen
            seen |= page
            yield sorted(page)
            if not cursor:
                return

    def _scan(self, cursor: int, beginning: str) -> tuple[int, list[bytes]]:
        answer: tuple[int, list[bytes]] = self._ask(
            lambda client: client.scan(cursor, match=f"{beginning}*", count=_PAGE)
        )
        return answer


def _mark(mark: str) -> str:
    return _MARK + sha256(mark.encode(errors="surrogatepass")).hexdigest()


def _number(until: bytes | None) -> float:
    try:
        return float(until or 0)
    except ValueError:
        return 0.0


def _seconds(until: float, now: float) -> int:
    return max(1, math.ceil(until - now))


def _row(session_id: str, values: list[bytes | None]) -> SessionRow | None:
    """Return what a hash holds, None where there is none; what another release left out has its default.

    Args:
        values: of the fields in `_READ`, in its order.
    """
    if not any(values):
        return None
    try:
        known = {name: _READ[name](value.decode()) for name, value in zip(_READ, values, strict=False) if value}
    except ValueError:
        # Nobody but a hand at the server writes such a thing: over for its agent, and no obstacle for all others.
        known = {"ended_at": 0.0, "ended_code": SessionEnded.code}
    return SessionRow(id=session_id, **(_MISSING | known))


def _info(client: Redis) -> dict[str, Any]:
    try:
        return client.info()
    except ResponseError:  # whoever lends out a Redis may keep that to themselves
        return {}


def _doubts(info: dict[str, Any]) -> list[str]:
    doubts = []
    version = str(info.get("redis_version", ""))
    if version.partition(".")[0].isdecimal() and int(version.partition(".")[0]) < _OLDEST:
        doubts.append(f"this Redis has version {version}: the bridge is tested with version {_OLDEST} and newer")
    if info.get("aof_enabled") == 0:
        doubts.append("a restart of this Redis signs everybody out: switch on appendonly")
    if info.get("role") == "master" and info.get("connected_slaves") and not info.get("min_slaves_good_slaves"):
        doubts.append("a failover of this Redis may forget its last moment: set min-replicas-to-write to 1")
    if info.get("maxmemory") and info.get("maxmemory_policy", "noeviction") != "noeviction":
        doubts.append("this Redis may forget sessions when it is full: set maxmemory-policy to noeviction")
    return doubts
