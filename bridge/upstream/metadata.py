"""What is known of a provider: its discovery document and its keys, cached, and kept through an outage."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from bridge.core.errors import IdpAnswerInvalid, IdpUnreachable, showable
from bridge.core.protocol import MULTI_TENANT, TENANT_PLACEHOLDER
from bridge.egress.addresses import is_public
from bridge.outbound import FailAs, Outbound
from bridge.upstream.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bridge.core.model import IdentityProvider

IDP_FAILURES: Final = FailAs(IdpUnreachable, IdpAnswerInvalid, "discovery")
_KEY_FAILURES: Final = FailAs(IdpUnreachable, IdpAnswerInvalid, "jwks")
GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SERVER_ERROR: Final = 500
OK: Final = 200
# What stands in a policy header later; an IPv6 address has lost its brackets here.
_HOST: Final = re.compile(r"[A-Za-z0-9._:-]+")
_NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_ENDPOINTS: Final = (*_NEEDED, "userinfo_endpoint", "end_session_endpoint", "revocation_endpoint")


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """A provider's endpoints and abilities (OpenID Connect Discovery section 3, RFC 8414 section 2)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str = ""
    jwks_uri: str = ""
    end_session_endpoint: str = ""
    revocation_endpoint: str = ""
    token_endpoint_auth_methods: tuple[str, ...] = ()
    id_token_signing_algs: tuple[str, ...] = ()
    sends_iss_parameter: bool = False


class MetadataCache:
    """Discovery documents of all connections; an old one serves on while its provider is down."""

    def __init__(self, outbound: Outbound, clock: Callable[[], float] = time.monotonic) -> None:
        self._outbound = outbound
        self._shelf: Shelf[ProviderMetadata] = Shelf(clock)

    def get(self, idp: IdentityProvider) -> ProviderMetadata:
        """Return the provider's metadata, from the configuration alone where it names every endpoint.

        Raises:
            IdpUnreachable: no document now and none from before.
            IdpAnswerInvalid: the document is unusable or speaks for another issuer.
        """
        if not idp.discovery_url:
            given: dict[str, Any] = {"authorization_endpoint": "", "token_endpoint": "", **_given_endpoints(idp)}
            return ProviderMetadata(issuer=_expected_issuer(idp), **given)
        return self._shelf.get(idp, lambda: self._discover(idp), patience=self._outbound.seconds_left())

    def _discover(self, idp: IdentityProvider) -> ProviderMetadata:
        document = fetch_document(self._outbound, idp.discovery_url, public_only=idp.public_only)
        issuer = _checked_issuer(idp, document.get("issuer"))
        inside = not is_public(urlsplit(idp.discovery_url).hostname or "")
        endpoints = {name: _endpoint(document, name, inside=inside) for name in _ENDPOINTS} | _given_endpoints(idp)
        for name in _NEEDED:
            if not endpoints[name]:
                raise IdpAnswerInvalid(expected=f"{name} in the discovery document", received="none")
        return ProviderMetadata(
            issuer=issuer,
            token_endpoint_auth_methods=_texts(document.get("token_endpoint_auth_methods_supported")),
            id_token_signing_algs=_texts(document.get("id_token_signing_alg_values_supported")),
            sends_iss_parameter=document.get("authorization_response_iss_parameter_supported") is True,
            **endpoints,
        )


class KeyCache:
    """Signing keys of all providers, parsed once; fetched anew on an unknown kid, but not at a stranger's will."""

    def __init__(self, outbound: Outbound, clock: Callable[[], float] = time.monotonic) -> None:
        self._outbound = outbound
        self._shelf: Shelf[KeySet] = Shelf(clock)

    def get(self, idp: IdentityProvider, jwks_uri: str) -> KeySet:
        """Return the provider's keys; raises IdpUnreachable or IdpAnswerInvalid where there are none at all."""
        return self._shelf.get(idp, lambda: self._fetch(idp, jwks_uri), patience=self._outbound.seconds_left())

    def refetch(self, idp: IdentityProvider, jwks_uri: str, seen: KeySet, *, asker: str = "") -> KeySet:
        """Return newer keys than `seen`: asks once at once, then at most once a minute per connection.

        Sign-ins that arrive while the keys are on their way wait for that answer instead of asking again.

        Args:
            asker: whose minute it is: what any stranger may send must not use up the sign-ins' one.
        """
        return self._shelf.renew(idp, seen, lambda: self._fetch(idp, jwks_uri), asker=asker)

    def _fetch(self, idp: IdentityProvider, jwks_uri: str) -> KeySet:
        members = self._document(idp, jwks_uri).get("keys")
        if not isinstance(members, list):
            raise IdpAnswerInvalid(expected="a key set (RFC 7517 section 5)", received="a document without keys")
        keys = list(_usable_keys(members))
        if not keys:
            raise IdpAnswerInvalid(expected="a public signing key", received=f"{len(members)} keys, none usable")
        return KeySet(keys)

    def _document(self, idp: IdentityProvider, jwks_uri: str) -> dict[str, Any]:
        return fetch_document(self._outbound, jwks_uri, public_only=idp.public_only, fail_as=_KEY_FAILURES)


def fetch_document(
    outbound: Outbound, url: str, *, public_only: bool, fail_as: FailAs = IDP_FAILURES
) -> dict[str, Any]:
    """Return the JSON object at `url`; see `Outbound.send` for `public_only`.

    Raises:
        IdpUnreachable: no answer, or HTTP 5xx.
        IdpAnswerInvalid: a redirect, another status, no JSON object, or a private address.
    """
    answer = outbound.get(url, fail_as, public_only=public_only)
    if answer.status >= SERVER_ERROR:
        raise IdpUnreachable(expected="a JSON document", received=f"HTTP {answer.status}")
    document = answer.json_object()
    if answer.status != OK or document is None:
        raise IdpAnswerInvalid(expected="a JSON document", received=f"HTTP {answer.status} {answer.kind}")
    return document


def issuer_matches(template: str, issuer: str) -> bool:
    """Compare an issuer exactly; ``{tenantid}`` in the template stands for any GUID."""
    if TENANT_PLACEHOLDER not in template:
        return issuer == template
    before, after = template.split(TENANT_PLACEHOLDER, 1)
    middle = issuer[len(before) : len(issuer) - len(after)]
    return issuer == f"{before}{middle}{after}" and bool(GUID.fullmatch(middle))


def _expected_issuer(idp: IdentityProvider) -> str:
    return idp.issuer.replace(TENANT_PLACEHOLDER, idp.tenant) if GUID.fullmatch(idp.tenant) else idp.issuer


def _checked_issuer(idp: IdentityProvider, issuer: object) -> str:
    # Authlib compares the document's issuer with nothing (OpenID Connect Discovery section 4.3 demands it).
    expected = _expected_issuer(idp)
    spans_tenants = idp.tenant in MULTI_TENANT and issuer == expected
    if isinstance(issuer, str) and (spans_tenants or issuer_matches(expected, issuer)):
        return issuer
    raise IdpAnswerInvalid(expected=f"issuer {expected}", received=showable(issuer))


def _endpoint(document: dict[str, Any], name: str, *, inside: bool) -> str:
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not _is_safe(value, inside=inside):
        raise IdpAnswerInvalid(expected=f"{name} as an https address", received=showable(value))
    return value


def _is_safe(url: str, *, inside: bool) -> bool:
    """Judge an address of a discovery document: a provider outside must not send us into the private network."""
    # urlsplit drops line breaks and tabs silently.
    if not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if not host or not _HOST.fullmatch(host) or parts.username is not None or not (inside or is_public(host)):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _given_endpoints(idp: IdentityProvider) -> dict[str, str]:
    return {name: getattr(idp, name) for name in _ENDPOINTS if getattr(idp, name)}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _usable_keys(members: Iterable[object]) -> Iterator[Key]:
    # RFC 7517 section 5: keys that are not understood are passed over. A symmetric key in a public set is a trap.
    for member in members:
        if not isinstance(member, dict) or member.get("use") == "enc":
            continue
        if str(member.get("kty")) not in {"RSA", "EC", "OKP"}:
            continue
        try:
            yield JWKRegistry.import_key(member)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
