"""How often anybody may ask: budgets for each address, account, connection, session and API key.

A whole call center sits behind one address. So whatever goes well has a budget that no call center spends, and what is
refused has a small one, which only further refusals are charged to. Who counts is told in `counting`.
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from flask import after_this_request, current_app, request
from limits import parse_many

from bridge.core.errors import CsrfFailed, RateLimited, StateUnknown
from bridge.core.mapping import folded
from bridge.http.address import client_address
from bridge.http.counting import Wanted, counter_for
from bridge.http.current import services

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask import Flask, Response
    from limits import RateLimitItem

    from bridge.http.counting import Counter, Had

Budget: TypeAlias = Literal[
    "sign_ins", "login_hint", "connection", "refused_codes", "failures", "session", "console", "api_key", "api_failures"
]
"""What is counted, by its key in ``[limits]``."""
_EXTENSION: Final = "bridge.limits"
_NETWORK_OF_ONE: Final = 64
"""Bits that are one customer's in IPv6 (RFC 6177): counted one by one, nobody would ever run out of addresses."""
_MOST_WAITING: Final = 4096
_SAID: Final[Mapping[Budget, str]] = {
    "sign_ins": "sign-ins from one address",
    "login_hint": "sign-ins of one account",
    "connection": "sign-ins of one connection",
    "refused_codes": "codes refused from one address",
    "failures": "refused from one address",
    "session": "tokens of one session",
    "console": "in the console from one address",
    "api_key": "with one API key",
    "api_failures": "refused from one address",
}


@dataclass(frozen=True, slots=True)
class _Till:
    """Where requests are paid for.

    Args:
        budgets: what there is in which windows; none: no limit.
        waiting: whose arrivals have to wait, until which monotonic second. In this process alone: it learns of a budget
            that others have spent by the first that it counts itself.
        over: sign-ins that ended with a refused code, by their states; in this process alone too.
    """

    counter: Counter
    budgets: Mapping[Budget, Sequence[RateLimitItem]]
    waiting: dict[str, float] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)


def install(app: Flask, budgets: Mapping[Budget, str], *, sessions_url: str, ca_bundle: str = "") -> None:
    """Let `app` have its limits.

    Args:
        budgets: as in ``20/second; 600/minute``; empty or missing: no limit.
        sessions_url: where sessions are: ``database``, or the address of the Redis that counts.
        ca_bundle: path of the authorities that may vouch for Redis; empty: the system's.
    """
    items = {name: sorted(parse_many(text)) for name, text in budgets.items() if text}
    app.extensions[_EXTENSION] = _Till(counter_for(sessions_url, ca_bundle), items)


# Agents ---------------------------------------------------------------------------------------------------------------


def spend_on_departure(connection: str = "", login_hint: str = "") -> None:
    """Count one sign-in that begins.

    Args:
        login_hint: whom it is for, if anybody said. Counted apart for each address: a stranger who knocks at somebody's
            account without end shuts nobody out but themselves.

    Raises:
        RateLimited: its address has spent its budget, or that for this account.
    """
    address = source_of(client_address())
    payers: dict[Budget, str] = {"sign_ins": address}
    if login_hint:
        payers["login_hint"] = _of_account(f"{address} {connection.lower()} {folded(login_hint)}")
    _spend(payers)


def await_turn(connection: str, state: str) -> None:
    """Refuse a sign-in that comes back to a connection, or from an address, which has spent its budget lately.

    Raises:
        RateLimited: with the time to wait.
        StateUnknown: its code was refused before. Whoever kept its cookie could go on inventing codes, where each is to
            cost a departure.
    """
    if state in _till().over:
        raise StateUnknown(expected="a sign-in that is under way", received="one whose code was refused")
    waiting, now = _till().waiting, time.monotonic()
    for whose, expected in ((connection.lower(), "fewer sign-ins"), (_place(connection), "codes of the provider")):
        left = waiting.get(whose, 0.0) - now
        if left > 0:
            raise RateLimited(expected=expected, received="too many", retry_after=int(left) + 1)


def count_redeemed(connection: str) -> None:
    """Count one code that the provider took; only its own people can spend this budget.

    Where it is spent, the next ones wait: this one is past the provider already.
    """
    _count_towards_wait({"connection": connection.lower()}, connection.lower())


def count_refused_code(connection: str, state: str) -> None:
    """Count one code that the provider refused; too many of them, and the next from there are not shown to it.

    Anybody who has begun a sign-in can bring an invented code, and a provider may lose patience with us.

    Args:
        state: of the sign-in, which this browser began and which is over now.
    """
    over = _till().over
    if len(over) >= _MOST_WAITING:
        over.clear()
    over.add(state)
    _count_towards_wait({"refused_codes": _place(connection)}, _place(connection))


def _count_towards_wait(payers: Mapping[Budget, str], whose: str) -> None:
    try:
        _spend(payers)
    except RateLimited as fault:
        waiting = _till().waiting
        if len(waiting) >= _MOST_WAITING:
            waiting.clear()
        waiting[whose] = time.monotonic() + fault.retry_after


def spend_on_failure() -> None:
    """Count one request that was refused for what it brought; good ones from there are never refused for it.

    Raises:
        RateLimited: too many came from there.
    """
    _spend({"failures": source_of(client_address())})


def spend_on_session(session_id: str) -> None:
    """Count one token that is handed out to a page; raises RateLimited where its session has spent its budget."""
    _spend({"session": sha256(session_id.encode()).hexdigest()})


def spend_on_console() -> None:
    """Count one request for the console.

    Raises:
        RateLimited: its address has spent its budget.
        CsrfFailed: another site's page made the browser ask, and would spend its person's budget.
    """
    sent = request.headers
    if sent.get("Sec-Fetch-Site") == "cross-site" and sent.get("Sec-Fetch-Mode") != "navigate":
        raise CsrfFailed(expected="a page of the bridge", received="a request of another site's page")
    _spend({"console": source_of(client_address())})


# The API --------------------------------------------------------------------------------------------------------------


def spend_on_key(key_id: str) -> None:
    """Count one request with a good API key; its answer will tell what is left.

    Args:
        key_id: names the key and is no secret.

    Raises:
        RateLimited: the key has spent its budget.
    """
    had = _take({"api_key": key_id}, looks=True)
    after_this_request(partial(_tell, [one for _, one in had]))
    _demand(had)


def spend_on_wrong_key(address: str) -> None:
    """Count one request whose API key was refused, or that had none; good keys are never refused for it.

    Args:
        address: whoever sent it.

    Raises:
        RateLimited: too many came from there.
    """
    _spend({"api_failures": source_of(address)})


# Counting -------------------------------------------------------------------------------------------------------------


def _spend(payers: Mapping[Budget, str]) -> None:
    _demand(_take(payers))


def _take(payers: Mapping[Budget, str], *, looks: bool = False) -> list[tuple[Budget, Had]]:
    till = _till()
    wanted = [
        (budget, Wanted(item, item.key_for(whose, budget)))
        for budget, whose in payers.items()
        for item in till.budgets.get(budget, ())
    ]
    had = till.counter.take([one for _, one in wanted], looks=looks) if wanted else []
    return [(budget, one) for (budget, _), one in zip(wanted, had, strict=True)]


def _demand(had: Sequence[tuple[Budget, Had]]) -> None:
    for budget, one in had:
        if not one.is_counted:
            limit = f"at most {one.wanted.item} {_SAID[budget]}"
            raise RateLimited(expected=limit, received="one more", retry_after=one.reset)


def _till() -> _Till:
    return cast("_Till", current_app.extensions[_EXTENSION])


def source_of(address: str) -> str:
    """Return whom an address is counted as."""
    one = ip_address(address)
    return str(ip_network((one, _NETWORK_OF_ONE), strict=False)) if isinstance(one, IPv6Address) else address


def _place(connection: str) -> str:
    return f"{connection.lower()} {source_of(client_address())}"


def _of_account(whose: str) -> str:
    # Keyed: who signs in where is not to be read in a store of counts.
    key = services().key_ring.signing_keys("limits")[-1]
    return hmac.new(key, whose.encode(errors="surrogatepass"), sha256).hexdigest()


def _tell(left: Sequence[Had], response: Response) -> Response:
    """Tell a client what is left for it, in the fields of draft-ietf-httpapi-ratelimit-headers (revision 8 and later).

    The `X-RateLimit-` fields that many others send have room for one budget only, and their Reset is a date here and
    a number of seconds there.
    """
    if left:
        items = [(_named(one.wanted.item), one) for one in left]
        response.headers["RateLimit-Policy"] = ", ".join(
            f'"{name}";q={one.wanted.item.amount};w={one.wanted.item.get_expiry()}' for name, one in items
        )
        response.headers["RateLimit"] = ", ".join(f'"{name}";r={one.remaining};t={one.reset}' for name, one in items)
    return response


def _named(item: RateLimitItem) -> str:
    return f"{item.multiples}-{item.GRANULARITY.name}"
