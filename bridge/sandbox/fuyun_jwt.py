"""How Fuyun judges the JWT of a platform: only what its document asks for passes, and each refusal gives its reason.

What the real service does with further claims or header members is unknown. Here they are refused, so that nobody comes
to depend on their being ignored.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import jwt

from bridge.sandbox.grants import OAuthRefusal
from bridge.sandbox.keys import is_public_key, spki_pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.registrations import FuyunApplication

_ALGORITHM: Final = "RS256"
_HEADER: Final = frozenset({"alg", "typ"})
_CLAIMS: Final = frozenset({"iss", "exp", "jti", "user_name"})
_LONGEST_LIFE: Final = 86_400
_PER_SECOND: Final = {"seconds": 1, "milliseconds": 1000}
_MILLISECONDS_BEGIN: Final = 10**11
"""Read as seconds the year 5138, read as milliseconds 1973: no moment of a living JWT is taken for the other unit."""


def user_name_in(
    subject_token: str, app: FuyunApplication, now: float, is_first_use: Callable[[str, float], bool]
) -> str:
    """Return the account name that a platform's JWT vouches for.

    Args:
        app: has the registered issuer and public key.
        now: epoch seconds.
        is_first_use: remembers an id until a moment, in epoch seconds.

    Raises:
        OAuthRefusal: ``invalid_grant`` with the first thing that is wrong.
    """
    claims = _verified(subject_token, app.jwt_public_key)
    _judge(claims.get("iss") != app.jwt_issuer, "iss is not the registered one")
    expires_at = _expires_at(claims.get("exp"), app.exp_unit, now)
    user_name, jti = claims.get("user_name"), claims.get("jti")
    if not isinstance(user_name, str) or not user_name.strip():
        raise _refusal("user_name is missing or no text")
    if not isinstance(jti, str) or not jti:
        raise _refusal("jti is missing or no text")
    further = sorted(claims.keys() - _CLAIMS)
    _judge(bool(further), f"claim {', '.join(further)} is none of the documented ones")
    # Last, so that a JWT that is refused for another reason is not told to be a replay when it comes again.
    _judge(not is_first_use(f"{app.client_id} {jti}", expires_at), "jti was used before")
    return user_name


def _verified(subject_token: str, public_key: str) -> dict[str, Any]:
    _judge(not is_public_key(public_key), "no usable public key is registered")
    try:
        header = jwt.get_unverified_header(subject_token)
        _judge(header.get("alg") != _ALGORITHM, "alg is not RS256")
        payload = jwt.PyJWS().decode(subject_token, spki_pem(public_key), algorithms=[_ALGORITHM])
        claims = json.loads(payload)
    except jwt.InvalidSignatureError as error:
        raise _refusal("the signature does not fit the registered public key") from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise _refusal("subject token is no JWT") from error
    _judge(header.keys() != _HEADER or header["typ"] != "JWT", "the header is not alg RS256 and typ JWT alone")
    if not isinstance(claims, dict):
        raise _refusal("the claims are no object")
    return claims


def _expires_at(exp: object, unit: str, now: float) -> float:
    """Return the end of a JWT in epoch seconds."""
    if isinstance(exp, bool) or not isinstance(exp, int):
        raise _refusal("exp is missing or not a whole number")
    if unit == "seconds":
        _judge(exp > _MILLISECONDS_BEGIN, "exp is in milliseconds; seconds are expected")
    else:
        _judge(0 < exp < _MILLISECONDS_BEGIN, "exp is in seconds; milliseconds are expected")
    expires_at = exp / _PER_SECOND[unit]
    _judge(expires_at <= now, "exp is in the past")
    _judge(expires_at > now + _LONGEST_LIFE, "exp is more than a day ahead")
    return expires_at


def _judge(is_wrong: bool, reason: str) -> None:  # noqa: FBT001 — reads as a sentence
    if is_wrong:
        raise _refusal(reason)


def _refusal(reason: str) -> OAuthRefusal:
    return OAuthRefusal("invalid_grant", reason)
