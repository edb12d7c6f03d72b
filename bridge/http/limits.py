"""How often the API may be asked: so many requests with one key, and so many wrong keys from one address.

Flask-Limiter counts, in Redis where sessions are there and else in this process. While Redis is away each process
counts for itself; the API goes on.

The strategy is its sliding window counter: two numbers for each budget, however large, and Redis's clock alone, where
the moving window would keep a moment for each request by the clocks of replicas. It lets nobody have two budgets at
the turn of a window, as a fixed one would.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import structlog
from flask import current_app, g
from flask_limiter import Limiter, RateLimitExceeded
from limits.storage import MemoryStorage, RedisStorage

from bridge.core.errors import RateLimited, StoreUnavailable
from bridge.sessions.redis_address import read_redis_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response
    from flask_limiter import RequestLimit

_Window: TypeAlias = tuple[int, float, int, float]
"""Requests and seconds left of the window before, and of this one, which the library gives twice its length."""
_EXTENSION: Final = "bridge.limits"
_STRATEGY: Final = "sliding-window-counter"
_PREFIX: Final = "bridge:limit:"
_PATIENCE: Final = 0.25
"""Seconds for Redis: a count is worth less than an answer."""
_NETWORK_OF_ONE: Final = 64
"""Bits that are one customer's in IPv6 (RFC 6177): counted one by one, nobody would ever run out of addresses."""


@dataclass(frozen=True, slots=True)
class _Tills:
    """Where requests are paid for; each raises RateLimitExceeded."""

    limiter: Limiter
    of_key: Callable[[], None]
    of_failures: Callable[[], None]


def install(app: Flask, *, api_key: str, api_failures: str, sessions_url: str, ca_bundle: str = "") -> None:
    """Let the API of `app` have its limits.

    Args:
        api_key: requests with one key, as in ``20/second; 600/minute``; empty: no limit.
        api_failures: wrong keys from one address, likewise.
        sessions_url: where sessions are: ``database``, or the address of the Redis that counts.
        ca_bundle: path of the authorities that may vouch for Redis; empty: the system's.
    """
    is_alone = sessions_url == "database"
    limiter = Limiter(
        _spender,
        app=app,
        strategy=_STRATEGY,
        storage_uri=f"{(_CountsHere if is_alone else _CountsInRedis).STORAGE_SCHEME[0]}://",
        storage_options={} if is_alone else {"url": sessions_url, "ca_bundle": ca_bundle},
        # One budget for whatever is asked, even where no route is.
        request_identifier=lambda: "api",
    )
    # Nothing is counted before somebody spends; most requests are none of the API's.
    limiter.request_filter(lambda: "spender" not in g)
    # The journal has a line for each refusal already.
    logging.getLogger("flask-limiter").setLevel(logging.WARNING)

    @limiter.shared_limit(api_key, "api_key")
    def of_key() -> None: ...

    @limiter.shared_limit(api_failures, "api_failures")
    def of_failures() -> None: ...

    app.extensions[_EXTENSION] = _Tills(limiter, of_key, of_failures)
    app.after_request(_tell)


def spend_on_key(key_id: str) -> None:
    """Count one request with a good API key; its answer will tell what is left.

    Args:
        key_id: names the key and is no secret.

    Raises:
        RateLimited: the key has spent its budget.
    """
    tills = _tills()
    try:
        _spend(tills.of_key, key_id, "with one API key")
    finally:
        g.rate_limits = [_Left.of(limit) for limit in tills.limiter.current_limits]


def spend_on_failure(address: str) -> None:
    """Count one request whose API key was refused, or that had none; good keys are never refused for it.

    Args:
        address: whoever sent it.

    Raises:
        RateLimited: too many came from there.
    """
    source = ip_address(address)
    whose = str(ip_network((source, _NETWORK_OF_ONE), strict=False)) if isinstance(source, IPv6Address) else address
    _spend(_tills().of_failures, whose, "refused from one address")


def _tills() -> _Tills:
    return cast("_Tills", current_app.extensions[_EXTENSION])


def _spender() -> str:
    return cast("str", g.spender)


def _spend(till: Callable[[], None], whose: str, what: str) -> None:
    g.spender = whose
    try:
        till()
    except RateLimitExceeded:
        spent = _tills().limiter.current_limit
        assert spent is not None  # noqa: S101 — the one that was exceeded
        raise RateLimited(
            expected=f"at most {spent.limit} {what}", received="one more", retry_after=_Left.of(spent).reset
        ) from None


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left of one budget.

    Args:
        name: its window.
        quota: requests in a window of `window` seconds.
        reset: whole seconds until there is more.
    """

    name: str
    quota: int
    window: int
    remaining: int
    reset: int

    @classmethod
    def of(cls, spent: RequestLimit) -> _Left:
        """Ask the store."""
        limit, reset = spent.limit, spent.window.reset_time - time.time()
        return cls(
            name=f"{limit.multiples}-{limit.GRANULARITY.name}",
            quota=limit.amount,
            window=limit.get_expiry(),
            remaining=spent.remaining,
            reset=max(1, math.ceil(reset)),
        )


def _tell(response: Response) -> Response:
    """Tell a client what is left for it, in the fields of draft-ietf-httpapi-ratelimit-headers (revision 8 and later).

    The `X-RateLimit-` fields that many others send have room for one budget only, and their Reset is a date here and
    a number of seconds there.
    """
    left: list[_Left] = g.get("rate_limits", [])
    if left:
        response.headers["RateLimit-Policy"] = ", ".join(f'"{one.name}";q={one.quota};w={one.window}' for one in left)
        response.headers["RateLimit"] = ", ".join(f'"{one.name}";r={one.remaining};t={one.reset}' for one in left)
    return response


class _CountsHere(MemoryStorage):
    """Counts in this process."""

    STORAGE_SCHEME = ["bridge+memory"]  # noqa: RUF012 — where the library looks for it

    def __init__(self, uri: str, *, wrap_exceptions: bool = False) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._turn = Lock()

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` more, unless that is too much; at the same time learn what is left."""
        is_counted, window = self._count(key, limit, expiry, amount)
        g.windows = g.get("windows", {}) | {key: window}
        return is_counted

    def get_sliding_window(self, key: str, expiry: int) -> _Window:  # noqa: ARG002 — the library's signature
        """Return what was learned when this request was counted: a second question could be answered elsewhere."""
        return cast("_Window", g.windows[key])

    def _count(self, key: str, limit: int, expiry: int, amount: int) -> tuple[bool, _Window]:
        # The library's own locks let threads that come together be counted once, or refuse all of them.
        with self._turn:
            is_counted = super().acquire_sliding_window_entry(key, limit, expiry, amount)
            return is_counted, super().get_sliding_window(key, expiry)


class _CountsInRedis(_CountsHere):
    """Counts in Redis, and in this process while Redis is away."""

    STORAGE_SCHEME = ["bridge+redis"]  # noqa: RUF012 — likewise

    def __init__(self, uri: str, *, url: str, ca_bundle: str, wrap_exceptions: bool = False) -> None:
        from bridge.sessions.redis_line import RedisLine  # noqa: PLC0415 — takes a quarter of a second to load

        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._line = RedisLine(read_redis_address(url), ca_bundle=ca_bundle, patience=_PATIENCE)
        self._is_away = False

    def _count(self, key: str, limit: int, expiry: int, amount: int) -> tuple[bool, _Window]:
        try:
            # Where an answer got lost it may count twice.
            answer = self._line.ask(lambda redis: _ask(redis, key, limit, expiry, amount))
        except StoreUnavailable as fault:
            self._note(is_away=True, what=fault.received)
            return super()._count(key, limit, expiry, amount)
        self._note(is_away=False, what="an answer")
        return answer

    def _note(self, *, is_away: bool, what: str) -> None:
        """Say once that things have changed."""
        if is_away != self._is_away:
            self._is_away = is_away
            where = "in_each_process" if is_away else "in_redis"
            structlog.get_logger("bridge").warning("limits_counted", where=where, received=what)


def _ask(redis: Any, key: str, limit: int, expiry: int, amount: int) -> tuple[bool, _Window]:
    """Run the library's own two scripts; return whether there was room, and counts and seconds of both windows."""
    # One hash tag for both, as the library writes them.
    keys = (f"{_PREFIX}{{{key}}}/-1", f"{_PREFIX}{{{key}}}")
    both = redis.pipeline(transaction=False)
    both.eval(RedisStorage.SCRIPT_ACQUIRE_SLIDING_WINDOW, len(keys), *keys, limit, expiry, amount)
    both.eval(RedisStorage.SCRIPT_SLIDING_WINDOW, len(keys), *keys, expiry)
    is_counted, (before, before_ms, now, now_ms) = both.execute()
    return bool(is_counted), (int(before or 0), max(0, before_ms) / 1000, int(now or 0), max(0, now_ms) / 1000)
