"""The checks of the logout token, in order (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.core.errors import IdTokenInvalid, LogoutTokenInvalid, showable
from bridge.upstream import id_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from joserfc.jwk import KeySet

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
OLDEST: Final = 600
"""Seconds after which a token is refused, whatever its `exp` says; the clocks' difference is within them.

Providers send a token within seconds of signing it and are asked to let it live two minutes (section 4). Ten leave room
for a provider's own second and third try, and bound how long the bridge has to remember each `jti`.
"""
_LONGEST: Final = 8192
_LONGEST_NAME: Final = 255
_TYPES: Final = frozenset({"jwt", "logout+jwt"})


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """What a provider says about sessions that are over.

    Args:
        sub: empty: the session is named by `sid` alone.
        sid: empty: every session of `sub` is over.
        issued_at: epoch seconds by the provider's clock; a session that began later is not meant.
        expires_at: epoch seconds; from then on this very token is refused, so its `jti` may be forgotten.
    """

    iss: str
    sub: str
    sid: str
    jti: str
    issued_at: int
    expires_at: int


def verify(
    unverified_token: str,
    keys: KeySet,
    refetch: Callable[[KeySet], KeySet],
    algorithms: tuple[str, ...],
    expected: id_token.Expected,
) -> LogoutToken:
    """Return what a logout token says after every check; whether its `jti` is new is the caller's to find out.

    Args:
        keys, refetch, algorithms: as for `id_token.verify`.
        expected: of which issuer, client and time count.

    Raises:
        LogoutTokenInvalid: names what failed, what was expected and what came.
    """
    if len(unverified_token) > _LONGEST:
        raise LogoutTokenInvalid(expected=f"at most {_LONGEST} characters", received=f"{len(unverified_token)}")
    try:
        header, claims = id_token.verify_signature(unverified_token, keys, refetch, algorithms)
        _check_type(header)
        id_token.check_parties(header, claims, expected)
        id_token.check_times(claims, expected)
        return _read(claims, expected)
    except IdTokenInvalid as fault:
        raise LogoutTokenInvalid(expected=fault.expected, received=fault.received) from fault


def _read(claims: dict[str, Any], expected: id_token.Expected) -> LogoutToken:
    _check_age(claims, expected)
    jti = _name(claims, "jti")
    _check_events(claims)
    if "nonce" in claims:
        # An ID token of the same key must not end a session (section 2.4).
        raise LogoutTokenInvalid(expected="no nonce", received="a nonce")
    sub, sid = _optional_name(claims, "sub"), _optional_name(claims, "sid")
    if not sub and not sid:
        raise LogoutTokenInvalid(expected="sub or sid", received="neither")
    ends = min(claims["exp"] + id_token.LEEWAY, claims["iat"] + OLDEST)
    return LogoutToken(claims["iss"], sub, sid, jti, int(claims["iat"]), math.ceil(ends))


def _check_type(header: dict[str, Any]) -> None:
    # Any other type is another kind of token by the same key (RFC 8725 section 3.11).
    typ = header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in _TYPES:
        raise LogoutTokenInvalid(expected="typ logout+jwt", received=f"typ {showable(typ)}")


def _check_age(claims: dict[str, Any], expected: id_token.Expected) -> None:
    if claims["iat"] <= expected.now - OLDEST:
        raise LogoutTokenInvalid(
            expected=f"iat within {OLDEST} seconds", received=f"iat {claims['iat']}, now {int(expected.now)}"
        )


def _check_events(claims: dict[str, Any]) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise LogoutTokenInvalid(expected=f"events with {EVENT}", received=f"events {showable(events)}")


def _optional_name(claims: dict[str, Any], name: str) -> str:
    return "" if claims.get(name) is None else _name(claims, name)


def _name(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    # Half a character, which JSON can name, and NUL are no text to a database.
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_NAME or not value.isprintable():
        raise LogoutTokenInvalid(
            expected=f"{name} of at most {_LONGEST_NAME} characters", received=f"{name} {showable(value)}"
        )
    return value
