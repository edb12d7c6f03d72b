"""Which parts of the outside world misbehave right now, how, for whom and how often."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection

WIRE: Final = {
    "slow": "answers after `seconds` (5)",
    "drip": "sends the body byte by byte, `seconds` (1) apart",
    "http_500": "answers `status` (500) with a short text",
    "throttled_429": "answers 429 with Retry-After `seconds` (1)",
    "html": "answers an HTML page of a gateway with `status` (200)",
    "redirect": "answers 302 to a login page",
    "empty": "answers 200 with an empty body",
    "not_json": "answers JSON that breaks off",
    "json_list": "answers a JSON list",
    "huge": "answers `bytes` (20000000) of JSON",
    "reset": "closes the connection without an answer",
    "clock_off": "its clock, tokens and Date header are off by `seconds` (3600)",
}
"""Faults of any server; every target knows them."""

_ID_TOKEN: Final = {
    "no_id_token": "leaves the ID token out",
    "wrong_nonce": "another nonce in the ID token",
    "no_nonce": "no nonce in the ID token",
    "wrong_aud": "the ID token is for another client",
    "wrong_azp": "two audiences, authorized party is another client",
    "wrong_iss": "the ID token names another issuer",
    "wrong_at_hash": "the ID token belongs to another access token",
    "expired_id_token": "the ID token expired ten minutes ago",
    "future_iat": "the ID token was issued an hour from now",
    "wrong_sub": "the ID token speaks of another subject",
    "no_sub": "no subject in the ID token",
    "no_sid": "no session id in the ID token",
    "foreign_tenant": "the ID token is of another tenant or organization",
    "alg_none": "the ID token is unsigned",
    "alg_hs256": "HS256 with the client secret, or the public key (`key` = public)",
    "bad_signature": "signed by a key that is not the published one",
    "unknown_kid": "signed by a key nobody published",
}

_OWN: Final[dict[str, dict[str, str]]] = {
    "discovery": {
        "wrong_iss": "the document names another issuer",
        "no_endpoints": "the document names no token endpoint",
    },
    "jwks": {"no_keys": "an empty key set"},
    "authorize": {
        "error_access_denied": "sends the browser back with access_denied",
        "foreign_iss_parameter": "another issuer in the `iss` parameter",
        "no_iss_parameter": "leaves the `iss` parameter out",
        "duplicate_code": "sends the code twice",
        "wrong_state": "sends another state back",
        "no_state": "sends no state back",
    },
    "token": {
        **_ID_TOKEN,
        "invalid_grant": "refuses with invalid_grant",
        "invalid_client": "refuses with invalid_client",
        "error_200": "says invalid_grant with HTTP 200, as old GitHub did",
        "no_access_token": "leaves the access token out",
        "no_refresh_token": "leaves the refresh token out",
        "no_expires_in": "leaves expires_in out",
        "expires_in_text": "gives expires_in as text",
    },
    "userinfo": {
        "wrong_sub": "speaks of another subject",
        "no_sub": "names no subject",
        "no_email": "leaves the mapping field and e-mail out",
        "email_null": "null in the mapping field and e-mail",
        "email_list": "a list in the mapping field and e-mail",
        "email_empty": "an empty text in the mapping field and e-mail",
        "email_number": "a number in the mapping field and e-mail",
        "email_other": "somebody else's account in the mapping field and e-mail",
        "bad_token": "refuses the access token",
    },
    "exchange": {
        "wrong_user": "answers a token for somebody else",
        "unknown_agent": "knows no such agent",
        "frozen_agent": "says the agent is frozen",
        "success_false": "says Success:false with HTTP `status` (200)",
        "invalid_grant": "refuses with invalid_grant",
        "invalid_client": "refuses with invalid_client",
        "boot_401": "answers 401 in Spring Boot's shape",
        "echo_token": "repeats the subject token in the error",
        "no_access_token": "leaves the access token out",
    },
    "aiccs": {
        "throttled_user": "answers 429 with the code Throttling.User, to come again after `milliseconds` (untold)",
        "refused_key": "knows no such access key",
        "no_permission": "says that the access key may not do this",
        "success_false": "says Success:false and SystemError with HTTP `status` (200)",
        "unknown_agent": "knows no such agent",
        "frozen_agent": "says the agent is frozen",
        "deleted_agent": "says the agent is deleted",
        "no_data": "says Success:true without an agent",
        "write_lost": "does what is asked, and closes the connection without an answer",
    },
    "recordings": {
        "expired_link": "says that the link has expired",
        "cut_short": "sends half of what it promised, and closes the connection",
    },
}

TARGETS: Final = {target: {**WIRE, **own} for target, own in _OWN.items()}
"""Target → fault → what it does."""

_NUMBERS: Final = frozenset({"seconds", "milliseconds", "status", "bytes"})


class UnknownFault(ValueError):
    """No such target, or this target has no such fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One active fault.

    Args:
        times: how many more requests it meets; None for all.
        connection: only requests of this connection; empty for all.
        settings: `seconds`, `status` and the like.
    """

    target: str
    name: str
    times: int | None = None
    connection: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    def number(self, setting: str, default: float) -> float:
        """Return a numeric setting."""
        return float(self.settings.get(setting, default))


Drawn = dict[str, Fault]
"""The faults that one request met, by name."""


class Faults:
    """The active faults; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[Fault] = []

    def set(self, target: str, fault: str, *, times: int | None = None, connection: str = "", **settings: Any) -> Fault:
        """Switch a fault on; the same fault of the same target and connection is replaced."""
        if fault not in TARGETS.get(target, {}):
            raise UnknownFault(f"target {target!r} has no fault {fault!r}")
        if times is not None and times < 1:
            raise ValueError("times must be at least 1")
        for name in _NUMBERS & settings.keys():
            float(settings[name])  # a text that is no number is refused here, not in the request that meets the fault
        fresh = Fault(target, fault, times, connection, settings)
        with self._lock:
            self._active = [*self._without(target, fault, connection), fresh]
        return fresh

    def clear(self, target: str | None = None, fault: str | None = None, connection: str | None = None) -> None:
        """Switch off what matches; without arguments everything."""
        with self._lock:
            self._active = self._without(target, fault, connection)

    def active(self) -> list[Fault]:
        """Return the faults that are on."""
        with self._lock:
            return list(self._active)

    def draw(self, target: str, connection: str, among: Collection[str] | None = None) -> Drawn:
        """Return the faults that this request meets, and count it against their `times`."""
        met: Drawn = {}
        with self._lock:
            for position, fault in enumerate(self._active):
                if self._meets(fault, target, connection, among):
                    met[fault.name] = fault
                    if fault.times is not None:
                        self._active[position] = replace(fault, times=fault.times - 1)
            self._active = [fault for fault in self._active if fault.times is None or fault.times > 0]
        return met

    def peek(self, target: str, connection: str) -> Drawn:
        """Return the faults that a request would meet, without counting it."""
        return {fault.name: fault for fault in self.active() if self._meets(fault, target, connection, None)}

    @staticmethod
    def _meets(fault: Fault, target: str, connection: str, among: Collection[str] | None) -> bool:
        return (
            fault.target == target and fault.connection in {"", connection} and (among is None or fault.name in among)
        )

    def _without(self, target: str | None, name: str | None, connection: str | None) -> list[Fault]:
        return [
            fault
            for fault in self._active
            if (target is not None and fault.target != target)
            or (name is not None and fault.name != name)
            or (connection is not None and fault.connection != connection)
        ]
