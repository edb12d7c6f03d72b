"""Mints ID tokens, and spoils them as the active faults demand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any, Final

from bridge.sandbox.idp_microsoft import STRANGER_TENANT
from bridge.sandbox.idp_salesforce import STRANGER_ORGANIZATION
from bridge.sandbox.keys import public_pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.faults import Drawn, Fault
    from bridge.sandbox.grants import Grant
    from bridge.sandbox.idp_manner import Manner
    from bridge.sandbox.keys import KeyRing
    from bridge.sandbox.people import Person
    from bridge.sandbox.registrations import OAuthClient

Claims = dict[str, Any]

_LIFETIME: Final = 3600


def left_half_hash(value: str) -> str:
    """Return at_hash of an access token (OpenID Connect Core section 3.1.3.6)."""
    return _base64url(hashlib.sha256(value.encode("ascii")).digest()[:16])


def id_token_claims(
    manner: Manner, person: Person, grant: Grant, now: float, access_token: str, *, renewed: bool
) -> Claims:
    """Return the claims of a correct ID token; a renewed one carries no nonce."""
    claims: Claims = {
        "iss": manner.issuer(grant.tenant),
        "aud": grant.client_id,
        "sub": manner.subject(person, grant.client_id),
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + _LIFETIME,
        "auth_time": grant.auth_time,
        "sid": grant.sid,
        **manner.identity_claims(person, grant),
    }
    if grant.nonce and not renewed:
        claims["nonce"] = grant.nonce
    if manner.has_at_hash:
        claims["at_hash"] = left_half_hash(access_token)
    return claims


def _foreign_tenant(claims: Claims) -> None:
    if "tid" in claims:
        claims["iss"] = claims["iss"].replace(claims["tid"], STRANGER_TENANT)
        claims["tid"] = STRANGER_TENANT
    elif claims["sub"].startswith("https://login.salesforce.com/id/"):
        claims["sub"] = f"https://login.salesforce.com/id/{STRANGER_ORGANIZATION}/{claims['sub'].rsplit('/')[-1]}"
    else:
        claims["iss"] = f"{claims['iss']}/strangers"


_SPOILED: Final[dict[str, Callable[[Claims], object]]] = {
    "wrong_nonce": lambda claims: claims.update(nonce="a-nonce-of-somebody-else"),
    "no_nonce": lambda claims: claims.pop("nonce", None),
    "wrong_aud": lambda claims: claims.update(aud="another-client"),
    "wrong_azp": lambda claims: claims.update(aud=[claims["aud"], "another-client"], azp="another-client"),
    "wrong_iss": lambda claims: claims.update(iss="https://evil.example"),
    "wrong_at_hash": lambda claims: claims.update(at_hash=left_half_hash("another-access-token")),
    "expired_id_token": lambda claims: claims.update(
        iat=claims["iat"] - 4200, nbf=claims["iat"] - 4200, exp=claims["iat"] - 600
    ),
    "future_iat": lambda claims: claims.update(iat=claims["iat"] + 3600, exp=claims["exp"] + 3600),
    "wrong_sub": lambda claims: claims.update(sub="somebody-else"),
    "no_sub": lambda claims: claims.pop("sub", None),
    "no_sid": lambda claims: claims.pop("sid", None),
    "foreign_tenant": _foreign_tenant,
}


def spoil(claims: Claims, drawn: Drawn) -> Claims:
    """Apply the faults that concern claims."""
    for name in drawn.keys() & _SPOILED.keys():
        _SPOILED[name](claims)
    return claims


def sign(claims: Claims, keys: KeyRing, client: OAuthClient, drawn: Drawn) -> str:
    """Sign with the provider's key, or as a fault demands."""
    if "alg_none" in drawn:
        return _signing_input(claims, {"alg": "none", "typ": "JWT"}) + "."
    if "alg_hs256" in drawn:
        return _hs256(claims, keys, client, drawn["alg_hs256"])
    if "bad_signature" in drawn:
        return keys.rogue().sign(claims)
    if "unknown_kid" in drawn:
        return keys.rogue("nobody-published-this").sign(claims)
    return keys.current.sign(claims)


def _hs256(claims: Claims, keys: KeyRing, client: OAuthClient, fault: Fault) -> str:
    with_public_key = fault.settings.get("key") == "public"
    secret = public_pem(keys.current.public) if with_public_key else client.client_secret
    head = _signing_input(claims, {"alg": "HS256", "typ": "JWT", "kid": keys.current.kid})
    return f"{head}.{_base64url(hmac.digest(secret.encode(), head.encode(), 'sha256'))}"


def _signing_input(claims: Claims, header: Claims) -> str:
    return ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
