"""What is allowed but seldom meant; `hotline-bridge check` and the console tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bridge.core.protocol import MULTI_TENANT
from bridge.core.wording import said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.configuration.sections import Admin, Server, Session
    from bridge.core.model import Connection, IdentityProvider
    from bridge.core.wording import Sentence

_SHARED_HOSTS: Final = {"login.salesforce.com", "test.salesforce.com"}
_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}
_DELIVERED: Final = {"email", "sub"}
_CHOSEN_BY_TENANTS: Final = {"email", "preferred_username", "upn"}
_LONG_FOR_A_JWT: Final = 600
"""Seconds that are more than enough for one exchange and a clock that is off."""


def doubts_of_session(session: Session) -> Iterator[tuple[str, Sentence]]:
    """Yield key and sentence of each doubtful session setting."""
    if not session.ac_token_cookie.http_only:
        yield (
            "session.ac_token_cookie.http_only",
            said("every script of the page, and of its guests, can read the Fuyun token"),
        )
    if session.idle > session.lifetime:
        yield "session.idle", said("is longer than lifetime, so it never ends a session")


def doubts_of_server(server: Server, public_url: str) -> Iterator[tuple[str, Sentence]]:
    """Yield each doubtful setting of the server process, whose address is `public_url`."""
    if not server.ops_bind and public_url.startswith("https:") and server.host not in _LOOPBACK:
        yield (
            "server.ops_bind",
            said(
                "is empty, and bind is no loopback address: whoever reaches this port reads /metrics, which names the "
                "connections; give it an address of its own"
            ),
        )
    for at, network in enumerate(server.trusted_proxies):
        if network.endswith("/0"):
            yield (
                f"server.trusted_proxies[{at}]",
                said("trusts everybody: each caller can then choose the address that limits and API keys see"),
            )


def doubts_of_admin(admin: Admin, connections: tuple[Connection, ...]) -> Iterator[tuple[str, Sentence]]:
    """Yield each doubtful rule of who may enter the console."""
    known = {connection.name.casefold() for connection in connections}
    for at, rule in enumerate(admin.allow):
        place = f"admin.allow[{at}]"
        if rule.connection.casefold() not in known:
            yield (
                f"{place}.connection",
                said("names no connection of this file: nobody comes in by it until the console has one of this name"),
            )
        if rule.role == "operator" and rule.connections:
            yield f"{place}.connections", said("has no effect with role operator, which administers every connection")
            continue
        for position, name in enumerate(rule.connections):
            if name.casefold() not in known:
                yield (
                    f"{place}.connections[{position}]",
                    said("names no connection of this file: it waits until the console has one of this name"),
                )


def doubts_of_connections(connections: tuple[Connection, ...]) -> Iterator[tuple[str, Sentence]]:
    """Yield key and sentence of each doubtful setting of the file's connections."""
    if not any(connection.enabled for connection in connections):
        yield (
            "connections",
            said("none is enabled in this file: people come in through connections of the console only"),
        )
    for connection in connections:
        for key, sentence in doubts_of_connection(connection):
            yield f"connections.{connection.name}.{key}", sentence


def doubts_of_connection(connection: Connection) -> Iterator[tuple[str, Sentence]]:
    """Yield key, relative to the connection, and sentence of each doubtful setting of it."""
    idp = connection.idp
    yield from _doubts_of_fuyuns_callbacks(connection)
    if not connection.instance_id and connection.mode != "frontend":
        yield (
            "instance_id",
            said("is missing: the softphone cannot start without the contact center's instance"),
        )
    yield from _doubts_of_people(connection)
    if idp.kind not in {"oauth2", "none"} and "openid" not in idp.scope.split():
        yield (
            "idp.scope",
            said("lacks openid: no ID token is asked for, so nonce, audience and tenant go unchecked"),
        )
    if idp.kind != "microsoft" and _spans_microsoft_tenants(idp):
        yield (
            "idp.kind",
            said("Microsoft for all tenants needs kind microsoft and allowed_tenants: any tenant can claim any e-mail"),
        )
    if not idp.client_secret and connection.mode != "frontend" and idp.kind != "none":
        yield (
            "idp.client_secret",
            said("is missing: the bridge is a public client, which many providers refuse"),
        )
    if connection.mode == "jwt" and connection.jwt and connection.jwt.lifetime > _LONG_FOR_A_JWT:
        yield (
            "jwt.lifetime",
            said("is above ten minutes: whoever overhears a JWT can use it that long, and Fuyun may refuse it"),
        )
    if connection.aiccs and not connection.instance_id:
        yield "aiccs", said("has no effect without instance_id: the OpenAPI is asked about one instance")


def _doubts_of_fuyuns_callbacks(connection: Connection) -> Iterator[tuple[str, Sentence]]:
    """Yield what is unsafe or mistaken about sign-ins that end at Fuyun instead of here."""
    fuyun = connection.fuyun
    if connection.mode == "frontend":
        # RFC 6749 section 10.12
        yield (
            "mode",
            said(
                "a forged link can sign an agent in as somebody else (login CSRF), and the bridge cannot prevent it in "
                "mode frontend; prefer mode oauth, in which it checks"
            ),
        )
    if fuyun.workbench_redirect_url and fuyun.workbench_redirect_url == fuyun.frontend_redirect_url:
        yield (
            "fuyun.workbench_redirect_url",
            said(
                "is the same as frontend_redirect_url: the portal shows two, the first for Fuyun's open API, which "
                "belongs there, and the second for the workbench"
            ),
        )


def _doubts_of_people(connection: Connection) -> Iterator[tuple[str, Sentence]]:
    """Yield what lets the wrong people in, or nobody."""
    idp, field = connection.idp, connection.mapping_field
    if idp.kind == "salesforce" and urlsplit(idp.issuer).hostname in _SHARED_HOSTS and not idp.organization_id:
        yield (
            "idp.organization_id",
            said("is missing: people of any Salesforce org can come in through this host"),
        )
    if idp.kind != "microsoft" or connection.mode == "frontend":
        return
    if connection.mode == "oauth" and field not in _DELIVERED:
        yield (
            "mapping_field",
            said("Microsoft's UserInfo, which Fuyun reads, never has this field; email and sub it has"),
        )
    if field in _CHOSEN_BY_TENANTS and len(idp.allowed_tenants) > 1:
        yield (
            "mapping_field",
            said(
                "the administrators of each allowed tenant can give their people any %(field)s, and so let them sign "
                'in as an agent of another tenant ("nOAuth"): make one connection for each tenant, or in mode jwt map '
                "a field that nobody can change, such as oid",
                field=field,
            ),
        )


def _spans_microsoft_tenants(idp: IdentityProvider) -> bool:
    parts = urlsplit(idp.authorization_endpoint or idp.issuer)
    tenant = parts.path.strip("/").partition("/")[0]
    return "login.microsoftonline." in (parts.hostname or "") and tenant in MULTI_TENANT
