"""The checks of the ID token, in order (OpenID Connect Core section 3.1.3.7)."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from authlib.oidc.core.util import create_half_hash
from joserfc import jws, jwt
from joserfc.errors import JoseError

from bridge.core.errors import IdTokenInvalid, showable
from bridge.core.model import VerifiedClaims
from bridge.core.protocol import SIGNING_ALGORITHMS, TENANT_PLACEHOLDER
from bridge.upstream.metadata import ProviderMetadata, issuer_matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from joserfc.jwk import Key, KeySet

_OTHER_TYPES: Final = frozenset({"logout+jwt", "at+jwt", "dpop+jwt", "secevent+jwt", "token-introspection+jwt"})
LEEWAY: Final = 120
"""Seconds by which the provider's clock may differ from ours."""
_LATEST: Final = 10**15
"""No time in seconds is later; JSON's numbers have no end."""

_KEY_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a good ID token says.

    Args:
        issuer: exact, or a template with ``{tenantid}``.
        nonce: None after a refresh, where no nonce was sent.
        access_token: of the same token answer, for ``at_hash``.
        now: epoch seconds.
    """

    issuer: str
    client_id: str
    nonce: str | None
    access_token: str
    now: float


class _Registry(jws.JWSRegistry):
    # Providers that send their certificate along (``x5c``, RFC 7515 section 4.1.6) need more than joserfc's 512 bytes.
    max_header_length = 16_384


def expect(metadata: ProviderMetadata, client_id: str, nonce: str | None, access_token: str, now: float) -> Expected:
    """Return the expectation for a token of this provider."""
    return Expected(metadata.issuer, client_id, nonce, access_token, now)


def verify(
    unverified_token: str,
    keys: KeySet,
    refetch: Callable[[KeySet], KeySet],
    algorithms: tuple[str, ...],
    expected: Expected,
) -> VerifiedClaims:
    """Return the claims of an ID token that passed every check.

    Args:
        keys: the provider's keys at hand.
        refetch: asked for newer keys when no key fits or the signature fails.
        algorithms: what the provider says it signs with; empty: says nothing.

    Raises:
        IdTokenInvalid: names the claim that failed, what was expected and what came.
    """
    header, claims = verify_signature(unverified_token, keys, refetch, algorithms)
    _check_type(header)
    check_parties(header, claims, expected)
    for check in (_sub, _azp, check_times, _nonce):
        check(claims, expected)
    _at_hash(claims, expected, header["alg"])
    return VerifiedClaims(claims)


def check_parties(header: dict[str, Any], claims: dict[str, Any], expected: Expected) -> None:
    """Check who signed and for whom; of an ID token and a logout token alike."""
    _check_key_issuer(header, claims)
    _iss(claims, expected)
    _aud(claims, expected)


def check_times(claims: dict[str, Any], expected: Expected) -> None:
    """Check `exp` and `iat`, which have to be there, and `nbf`."""
    for check in (_exp, _iat, _nbf):
        check(claims, expected)


def check_renewed(claims: VerifiedClaims, former_id_token: str) -> None:
    """Check that a refresh brought an ID token of the same sign-in (OpenID Connect Core section 12.2).

    Args:
        claims: of the new one; who is meant by `sub` is the caller's to compare.
        former_id_token: of the answer before, verified then; empty where there was none.

    Raises:
        IdTokenInvalid: names the claim that is another now.
    """
    former = _payload(former_id_token)
    for name in ("iss", "nonce"):
        # A nonce need not come again; a session whose last ID token had none has nothing to compare it with.
        if name in former and name in claims and claims[name] != former[name]:
            raise IdTokenInvalid(expected=f"the {name} of this session", received=f"another {name}")


def verify_signature(
    unverified_token: str, keys: KeySet, refetch: Callable[[KeySet], KeySet], algorithms: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token that one of the provider's keys signed; see `verify`."""
    header = _read_header(unverified_token)
    allowed = [name for name in SIGNING_ALGORITHMS if not algorithms or name in algorithms] or ["RS256"]
    if header.get("alg") not in allowed:
        raise IdTokenInvalid(expected=f"alg {' or '.join(allowed)}", received=showable(header.get("alg")))
    try:
        return _try_keys(unverified_token, header, keys, allowed)
    except IdTokenInvalid:
        newer = refetch(keys)
        if newer is keys:
            raise
        return _try_keys(unverified_token, header, newer, allowed)


def _read_header(unverified_token: str) -> dict[str, Any]:
    try:
        return dict(jws.extract_compact(unverified_token.encode("ascii"), registry=_Registry()).headers())
    except (JoseError, ValueError, TypeError, RecursionError) as fault:
        raise IdTokenInvalid(expected="a signed JWT", received="something else") from fault


def _payload(token: str) -> dict[str, Any]:
    try:
        claims = json.loads(jws.extract_compact(token.encode("ascii"), registry=_Registry()).payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _try_keys(
    unverified_token: str, header: dict[str, Any], keys: KeySet, allowed: list[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    kid = header.get("kid")
    candidates = [key for key in keys if _fits(key, header["alg"], kid)]
    if not candidates:
        raise IdTokenInvalid(expected="a key of the provider", received=f"kid {showable(kid)}")
    registry = _Registry(algorithms=allowed, strict_check_header=False)
    for key in candidates:
        try:
            token = jwt.decode(unverified_token, key, registry=registry)
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
        return {**token.header, "key_issuer": key.get("issuer")}, token.claims
    raise IdTokenInvalid(expected="a signature by the provider's key", received="another signature")


def _fits(key: Key, alg: str, kid: object) -> bool:
    if key.key_type != _KEY_TYPES[alg[:2]] or key.get("alg") not in {None, alg}:
        return False
    # Without a kid in the header every key may be the one; a key that was published without kid has a computed one.
    return kid is None or key.kid == kid


def _check_type(header: dict[str, Any]) -> None:
    # Another kind of token by the same key must not pass for an ID token (RFC 8725 section 3.11).
    typ = str(header.get("typ", "JWT")).lower().removeprefix("application/")
    if typ in _OTHER_TYPES:
        raise IdTokenInvalid(expected="typ JWT", received=f"typ {showable(typ)}")


def _check_key_issuer(header: dict[str, Any], claims: dict[str, Any]) -> None:
    # Microsoft: a key with a concrete member `issuer` is good for that tenant only.
    key_issuer = header["key_issuer"]
    if isinstance(key_issuer, str) and not issuer_matches(key_issuer, str(claims.get("iss"))):
        raise IdTokenInvalid(expected=f"a token of {key_issuer}", received=f"iss {showable(claims.get('iss'))}")


def _iss(claims: dict[str, Any], expected: Expected) -> None:
    iss = claims.get("iss")
    if not isinstance(iss, str) or not issuer_matches(expected.issuer, iss):
        raise IdTokenInvalid(expected=f"iss {expected.issuer}", received=showable(iss))
    if TENANT_PLACEHOLDER in expected.issuer and iss != expected.issuer.replace(
        TENANT_PLACEHOLDER, str(claims.get("tid"))
    ):
        raise IdTokenInvalid(expected=f"iss of tenant {showable(claims.get('tid'))}", received=showable(iss))


def _sub(claims: dict[str, Any], _expected: Expected) -> None:
    sub = claims.get("sub")
    if not isinstance(sub, str) or not sub.strip():
        raise IdTokenInvalid(expected="sub", received=f"sub {showable(sub)}")


def _aud(claims: dict[str, Any], expected: Expected) -> None:
    aud = claims.get("aud")
    audiences = aud if isinstance(aud, list) else [aud]
    if expected.client_id not in audiences:
        raise IdTokenInvalid(expected=f"aud {expected.client_id}", received=showable(aud))


def _azp(claims: dict[str, Any], expected: Expected) -> None:
    azp, aud = claims.get("azp"), claims.get("aud")
    needed = isinstance(aud, list) and len(aud) > 1
    if (azp is not None or needed) and azp != expected.client_id:
        raise IdTokenInvalid(expected=f"azp {expected.client_id}", received=f"azp {showable(azp)}")


def _exp(claims: dict[str, Any], expected: Expected) -> None:
    if _seconds(claims, "exp") <= expected.now - LEEWAY:
        raise IdTokenInvalid(expected="exp in the future", received=f"exp {claims['exp']}, now {int(expected.now)}")


def _iat(claims: dict[str, Any], expected: Expected) -> None:
    if _seconds(claims, "iat") > expected.now + LEEWAY:
        raise IdTokenInvalid(expected="iat in the past", received=f"iat {claims['iat']}, now {int(expected.now)}")


def _nbf(claims: dict[str, Any], expected: Expected) -> None:
    if "nbf" in claims and _seconds(claims, "nbf") > expected.now + LEEWAY:
        raise IdTokenInvalid(expected="nbf in the past", received=f"nbf {claims['nbf']}, now {int(expected.now)}")


def _nonce(claims: dict[str, Any], expected: Expected) -> None:
    if expected.nonce is None:
        return
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not _equal(nonce, expected.nonce):
        raise IdTokenInvalid(expected="the nonce of this sign-in", received="no nonce" if nonce is None else "another")


def _at_hash(claims: dict[str, Any], expected: Expected, alg: str) -> None:
    at_hash = claims.get("at_hash")
    if at_hash is None:
        return
    computed = create_half_hash(expected.access_token, "EdDSA" if alg.startswith("Ed") else alg)
    if not isinstance(at_hash, str) or not _equal(at_hash, computed.decode("ascii")):
        raise IdTokenInvalid(expected="at_hash of the access token", received="another at_hash")


def _equal(received: str, expected: str) -> bool:
    # JSON can name half a character, which UTF-8 by the book cannot write.
    return hmac.compare_digest(received.encode(errors="surrogatepass"), expected.encode())


def _seconds(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    # NaN, which Python's JSON reader lets through, is neither before nor after anything.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LATEST:
        raise IdTokenInvalid(expected=f"{name} in seconds", received=f"{name} {showable(value)}")
    return float(value)
