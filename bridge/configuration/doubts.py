"""What is allowed but seldom meant; `hotline-bridge check` tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bridge.core.protocol import MULTI_TENANT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.configuration.sections import Admin, Egress, Server, Session
    from bridge.core.model import Connection, IdentityProvider

_SHARED_HOSTS: Final = {"login.salesforce.com", "test.salesforce.com"}
_DELIVERED: Final = {"email", "sub"}


def doubts_of_session(session: Session) -> Iterator[tuple[str, str]]:
    """Yield key and sentence of each doubtful session setting."""
    if not session.ac_token_cookie.http_only:
        yield (
            "session.ac_token_cookie.http_only",
            "every script of the page, and of its guests, can read the Fuyun token",
        )
    if session.idle > session.lifetime:
        yield "session.idle", "is longer than lifetime, so it never ends a session"


def doubts_of_unused(
    server: Server, egress: Egress, admin: Admin, aiccs: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """Yield each setting that is understood but has nothing to act on in this release."""
    unused = {
        "server.trusted_proxies": server.trusted_proxies,
        "egress.allow_private": egress.allow_private,
        "admin.allow": admin.allow,
        **{f"connections.{name}.aiccs": True for name in aiccs},
    }
    for key, value in unused.items():
        if value:
            yield key, "has no effect in this release: nothing in it uses this setting yet"


def _spans_microsoft_tenants(idp: IdentityProvider) -> bool:
    parts = urlsplit(idp.authorization_endpoint or idp.issuer)
    tenant = parts.path.strip("/").partition("/")[0]
    return "login.microsoftonline." in (parts.hostname or "") and tenant in MULTI_TENANT


def doubts_of_connections(connections: tuple[Connection, ...]) -> Iterator[tuple[str, str]]:
    """Yield key and sentence of each doubtful connection setting."""
    if not any(connection.enabled for connection in connections):
        yield "connections", "none is enabled: nobody can sign in"
    for connection in connections:
        yield from _doubts(connection)


def _doubts(connection: Connection) -> Iterator[tuple[str, str]]:
    place, idp = f"connections.{connection.name}", connection.idp
    if not connection.instance_id:
        yield f"{place}.instance_id", "is missing: the softphone cannot start without the contact centre's instance"
    if idp.kind == "salesforce" and urlsplit(idp.issuer).hostname in _SHARED_HOSTS and not idp.organization_id:
        yield f"{place}.idp.organization_id", "is missing: people of any Salesforce org can come in through this host"
    if idp.kind == "microsoft" and connection.mode == "oauth" and connection.mapping_field not in _DELIVERED:
        yield (
            f"{place}.mapping_field",
            "Microsoft's UserInfo, which Fuyun reads, never has this field; email and sub it has",
        )
    if idp.kind != "oauth2" and "openid" not in idp.scope.split():
        yield f"{place}.idp.scope", "lacks openid: no ID token is asked for, so nonce, audience and tenant go unchecked"
    if idp.kind != "microsoft" and _spans_microsoft_tenants(idp):
        yield (
            f"{place}.idp.kind",
            "Microsoft for all tenants needs kind microsoft and allowed_tenants: any tenant can claim any e-mail",
        )
    if not idp.client_secret and connection.mode != "frontend":
        yield f"{place}.idp.client_secret", "is missing: the bridge is a public client, which many providers refuse"
