"""Logout at the provider, begun by us (OpenID Connect RP-Initiated Logout 1.0 section 2)."""

from __future__ import annotations

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
    """Return where to send the browser so that the provider ends its session too; empty where it has no such place."""
    if not metadata.end_session_endpoint:
        return ""
    parameters = {
        "id_token_hint": id_token_hint,
        "client_id": idp.client_id,
        "post_logout_redirect_uri": post_logout_redirect_uri,
        "state": state,
    }
    given = [(name, value) for name, value in parameters.items() if value]
    return str(add_params_to_uri(metadata.end_session_endpoint, given))
