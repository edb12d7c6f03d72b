"""What is allowed but seldom meant; `hotline-bridge check` tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.configuration.sections import Session
    from bridge.core.model import Connection

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
    if not idp.client_secret and connection.mode != "frontend":
        yield f"{place}.idp.client_secret", "is missing: the bridge is a public client, which many providers refuse"
