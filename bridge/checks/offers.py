"""What a provider's discovery document offers against what the connection asks for (RFC 8414 section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.checks.finding import Finding
from bridge.core import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.core.model import Connection, IdentityProvider

# OpenID Connect Core sections 3.1.2.1, 5.4 and 11. Scopes of a provider's own are seldom listed.
_COMMON: Final = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})
_OURS: Final = ("client_secret_basic", "client_secret_post")


def compared(connection: Connection, document: dict[str, Any]) -> Iterator[Finding]:
    """Yield what the provider does not offer although the connection asks for it; else one sentence of what it does.

    Args:
        document: the discovery document; what it does not list is not judged.
    """
    if not document:
        return
    idp, found = connection.idp, False
    for level, what, advice in _missing(idp, document):
        found = True
        yield Finding("offers", what, level, connection.name, advice)
    if not found:
        yield Finding("offers", _told(document), connection=connection.name)


def _missing(idp: IdentityProvider, document: dict[str, Any]) -> Iterator[tuple[Any, str, str]]:
    if (types := _listed(document, "response_types_supported")) and "code" not in types:
        yield "fault", "no response type code", "Let the provider allow the authorization code flow for this client."
    if (methods := _listed(document, "code_challenge_methods_supported")) and "S256" not in methods:
        yield "warn", "PKCE without S256, which the bridge always uses", "Try a sign-in: `connections test --link`."
    if (
        (modes := _listed(document, "response_modes_supported"))
        and idp.response_mode
        and idp.response_mode not in modes
    ):
        advice = "Leave idp.response_mode empty."
        yield "fault", f"no response mode {idp.response_mode}, only {', '.join(modes)}", advice
    scopes = _listed(document, "scopes_supported")
    if scopes and (missing := sorted((set(idp.scope.split()) & _COMMON) - set(scopes))):
        advice = "Take it out of idp.scope, or let the provider allow it: some refuse a sign-in for it."
        yield "warn", f"no scope {', '.join(missing)}", advice
    yield from _of_authentication(idp, document)
    yield from _of_tokens(idp, document)


def _of_authentication(idp: IdentityProvider, document: dict[str, Any]) -> Iterator[tuple[Any, str, str]]:
    methods = _listed(document, "token_endpoint_auth_methods_supported")
    if not methods:
        return
    if not idp.client_secret:
        if "none" not in methods:
            yield "warn", f"no public clients, only {', '.join(methods)}", "Enter idp.client_secret."
    elif idp.token_endpoint_auth_method and idp.token_endpoint_auth_method not in methods:
        advice = "Leave idp.token_endpoint_auth_method empty."
        yield "fault", f"no {idp.token_endpoint_auth_method}, only {', '.join(methods)}", advice
    elif not set(_OURS) & set(methods):
        advice = "Let the provider allow one of these two for this client."
        yield "warn", f"neither {' nor '.join(_OURS)}, only {', '.join(methods)}", advice


def _of_tokens(idp: IdentityProvider, document: dict[str, Any]) -> Iterator[tuple[Any, str, str]]:
    wanted, signed = idp.id_token_signed_response_alg, _listed(document, "id_token_signing_alg_values_supported")
    if wanted and signed and wanted not in signed:
        advice = "Enter one of these in idp.id_token_signed_response_alg, or leave it empty."
        yield "fault", f"no ID tokens with {wanted}, only {', '.join(signed)}", advice
    grants = _listed(document, "grant_types_supported")
    if grants and "offline_access" in idp.scope.split() and protocol.REFRESH_TOKEN not in grants:
        advice = "Let the provider allow refresh tokens, or agents sign in again whenever their token ends."
        yield "warn", "no refresh tokens", advice


def _told(document: dict[str, Any]) -> str:
    """Say which of the abilities that make a difference to agents there are."""
    has_iss = document.get("authorization_response_iss_parameter_supported") is True
    parts = [
        "code flow",
        "PKCE S256" if "S256" in _listed(document, "code_challenge_methods_supported") else "PKCE not announced",
        "iss parameter" if has_iss else "no iss parameter",
        "signs out at the provider" if document.get("end_session_endpoint") else "no sign-out at the provider",
    ]
    return ", ".join(parts)


def _listed(document: dict[str, Any], name: str) -> list[str]:
    value = document.get(name)
    # What a stranger wrote goes to a terminal: words of the standards alone.
    return [one for one in value if isinstance(one, str) and one.isascii()] if isinstance(value, list) else []
