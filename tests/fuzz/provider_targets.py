"""What an identity provider sends: discovery document, key set, tokens, UserInfo, logout tokens."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import TYPE_CHECKING, Final

from joserfc.jwk import KeySet, OKPKey

from bridge.core.errors import BridgeError, IdTokenInvalid, LogoutTokenInvalid, TenantNotAllowed
from bridge.core.mapping import display_name, map_account
from bridge.core.model import IdentityProvider, Secret
from bridge.upstream import id_token, logout_token
from bridge.upstream.client import UpstreamClient
from bridge.upstream.logout import end_session_url
from bridge.upstream.metadata import KeyCache, MetadataCache, ProviderMetadata
from bridge.upstream.tenant import check_tenant
from tests.fuzz.answering import ORIGIN, server, way_out

if TYPE_CHECKING:
    from typing import Any

NOW: Final = 1_790_000_060
ISSUER: Final = f"{ORIGIN}/realms/crm"
CLIENT: Final = "hotline-bridge"
NONCE: Final = "n-0S6_WzA2Mj"
ACCESS_TOKEN: Final = "at-invented"
_ALGORITHMS: Final = ("RS256", "PS512", "ES256", "ES384", "ES512", "Ed25519")
_GIVEN: Final = IdentityProvider(
    "oidc",
    CLIENT,
    Secret("a secret of the client"),
    ISSUER,
    authorization_endpoint=f"{ORIGIN}/authorize",
    token_endpoint=f"{ORIGIN}/token",
    userinfo_endpoint=f"{ORIGIN}/userinfo",
    jwks_uri=f"{ORIGIN}/jwks",
    scope="openid",
)
_FOUND: Final = IdentityProvider(
    "oidc", CLIENT, issuer=ISSUER, discovery_url=f"{ORIGIN}/.well-known/openid-configuration", public_only=True
)
_MICROSOFT: Final = IdentityProvider("microsoft", CLIENT, tenant="common", allowed_tenants=("a" * 8,))
_METADATA: Final = ProviderMetadata(ISSUER, f"{ORIGIN}/authorize", f"{ORIGIN}/token", end_session_endpoint=ORIGIN)


def discovery(data: bytes) -> None:
    """A discovery document leads to https addresses outside alone, or is refused."""
    server().reply = data
    try:
        found = MetadataCache(way_out()).get(_FOUND)
    except BridgeError as refusal:
        assert_told(refusal)
        return
    assert found.issuer == ISSUER
    endpoints = (found.authorization_endpoint, found.token_endpoint, found.userinfo_endpoint, found.jwks_uri)
    for endpoint in filter(None, (*endpoints, found.end_session_endpoint, found.revocation_endpoint)):
        assert endpoint.lower().startswith("https://"), endpoint
        assert endpoint.isascii(), endpoint
        assert endpoint.isprintable(), endpoint


def jwks(data: bytes) -> None:
    """A key set gives public keys of the three kinds, none of which verifies what it did not sign."""
    server().reply = data
    try:
        keys = KeyCache(way_out()).get(_GIVEN, _GIVEN.jwks_uri)
    except BridgeError as refusal:
        assert_told(refusal)
        return
    assert {key.key_type for key in keys} <= {"RSA", "EC", "OKP"}
    for algorithm in _ALGORITHMS:
        forged = f"{_base64url(json.dumps({'alg': algorithm}).encode())}.e30.{'A' * 86}"
        refused = _verified(forged, keys)
        assert refused is None, refused


def token_answer(data: bytes) -> None:
    """A token answer gives an access token that fits into a header, or is refused."""
    server().reply = data
    upstream = UpstreamClient(way_out(), MetadataCache(way_out()), KeyCache(way_out()), lambda: NOW)
    try:
        tokens = upstream.redeem(_GIVEN, "code", "verifier", "https://bridge.example/callback/crm")
    except BridgeError as refusal:
        assert_told(refusal)
        return
    assert tokens.access_token
    assert tokens.access_token.isascii()
    assert tokens.access_token.isprintable()
    assert tokens.expires_at is None or NOW < tokens.expires_at < 2 * NOW
    assert all(isinstance(one, str) for one in (tokens.refresh_token, tokens.unverified_id_token))


def userinfo(data: bytes) -> None:
    """A UserInfo answer names an account that can be printed, or none."""
    server().reply = data
    upstream = UpstreamClient(way_out(), MetadataCache(way_out()), KeyCache(way_out()), lambda: NOW)
    try:
        read_person(upstream.userinfo(_GIVEN, ACCESS_TOKEN))
    except BridgeError as refusal:
        assert_told(refusal)


def id_token_of(data: bytes) -> None:
    """An ID token is good only where issuer, audience and nonce are; else it is refused.

    Data that has a line break is header and claims, which the provider's key signs; any other is a token as it came.
    """
    claims = _verified(token := _token(data), _keys())
    if claims is None:
        return
    assert claims["iss"] == ISSUER
    assert CLIENT in (claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]])
    assert claims["nonce"] == NONCE
    leads = end_session_url(_METADATA, _GIVEN, post_logout_redirect_uri=ORIGIN, id_token_hint=token, state="s")
    assert leads.startswith(ORIGIN)
    assert leads.isprintable()
    try:
        read_person(claims)
    except BridgeError as refusal:
        assert_told(refusal)


def logout_token_of(data: bytes) -> None:
    """A logout token says in plain text whose sessions are over, or is refused; data as for `id_token_of`."""
    expected = id_token.Expected(ISSUER, CLIENT, None, "", NOW)
    try:
        told = logout_token.verify(_token(data), _keys(), lambda keys: keys, (), expected)
    except LogoutTokenInvalid as refusal:
        assert_told(refusal)
        return
    assert (told.sub or told.sid).isprintable()
    assert told.jti.isprintable()
    assert told.issued_at <= NOW + id_token.LEEWAY
    assert told.expires_at <= NOW + id_token.LEEWAY + logout_token.OLDEST


def signed_seeds() -> list[bytes]:
    """Return a good token of each kind, as the provider sends it."""
    return [_token(b"\n".join([b'{"alg":"Ed25519"}', json.dumps(one).encode()])).encode() for one in (_ID, _LOGOUT)]


def read_person(claims: dict[str, Any]) -> None:
    """Read claims as a sign-in does."""
    display_name(claims).encode()
    try:
        check_tenant(_MICROSOFT, claims)
    except TenantNotAllowed as refusal:
        assert_told(refusal)
    name = map_account(claims, "email")
    assert 0 < len(name) <= 255
    assert name.isprintable()


def assert_told(refusal: BridgeError) -> None:
    """Require of a refusal what a log line and an error page can hold: short, one line, without controls."""
    told = f"{refusal.description}{refusal.expected}{refusal.received}"
    assert len(told) < 10_000
    assert told.encode()
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in told), told


_ID: Final[dict[str, Any]] = {
    "iss": ISSUER,
    "sub": "248289761001",
    "aud": CLIENT,
    "nonce": NONCE,
    "iat": NOW - 60,
    "exp": NOW + 300,
    "email": "lin@contoso.example",
    "login_hint": "O.CiQ",
}
_LOGOUT: Final[dict[str, Any]] = {
    "iss": ISSUER,
    "sub": "248289761001",
    "aud": CLIENT,
    "iat": NOW - 60,
    "exp": NOW + 60,
    "jti": "bWJq",
    "events": {logout_token.EVENT: {}},
}


def _verified(token: str, keys: KeySet) -> dict[str, Any] | None:
    expected = id_token.Expected(ISSUER, CLIENT, NONCE, ACCESS_TOKEN, NOW)
    try:
        claims = id_token.verify(token, keys, lambda same: same, (), expected)
        id_token.check_renewed(claims, token)
    except IdTokenInvalid as refusal:
        assert_told(refusal)
        return None
    return dict(claims)


def _token(data: bytes) -> str:
    header, broken, payload = data.partition(b"\n")
    if not broken:
        return data.decode("utf-8", "replace")
    signed = f"{_base64url(header)}.{_base64url(payload)}"
    private: Any = _key().private_key
    return f"{signed}.{_base64url(private.sign(signed.encode()))}"


@cache
def _key() -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": "published"})


@cache
def _keys() -> KeySet:
    public: Any = _key().as_dict(private=False)
    return KeySet([OKPKey.import_key(public)])


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
