"""Logout at the provider, begun by us (OpenID Connect RP-Initiated Logout 1.0 section 2)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING

from authlib.common.urls import add_params_to_uri

if TYPE_CHECKING:
    from bridge.core.model import IdentityProvider
    from bridge.upstream.metadata import ProviderMetadata


def end_session_url(
    metadata: ProviderMetadata,
    idp: IdentityProvider,
    *,
    post_logout_redirect_uri: str,
    id_token_hint: str,
    state: str,
) -> str:
    """Return where to send the browser so that the provider ends its session too; empty where it has no such place.

    Args:
        id_token_hint: the ID token of the sign-in, verified then; empty where there was none.
    """
    if not metadata.end_session_endpoint:
        return ""
    parameters = {
        "id_token_hint": id_token_hint,
        "logout_hint": _login_hint(id_token_hint),
        "client_id": idp.client_id,
        "post_logout_redirect_uri": post_logout_redirect_uri,
        "state": state,
    }
    given = [(name, value) for name, value in parameters.items() if value]
    return str(add_params_to_uri(metadata.end_session_endpoint, given))


def _login_hint(id_token: str) -> str:
    """Return the claim `login_hint`, by which Microsoft signs out without asking which account is meant."""
    try:
        payload = id_token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        login_hint = claims.get("login_hint")
    except (IndexError, ValueError, AttributeError, RecursionError):
        return ""
    # Half a character, which JSON can name, fits into no address.
    return login_hint if isinstance(login_hint, str) and login_hint.isprintable() else ""
