"""The connections that a key is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from bridge.http.api import Call, Desk, Message, Nothing
from bridge.http.api_pages import Page, PageQuery, page_of
from bridge.http.current import services

if TYPE_CHECKING:
    from bridge.core.model import Connection

desk = Desk("connections", "Connections")


class ConnectionAnswer(Message):
    """One connection, as far as a platform may know it."""

    name: str = Field(examples=["contoso"])
    title: str = Field(description="What agents read on the sign-in page.", examples=["Contoso"])
    mode: Literal["oauth", "jwt", "frontend"] = Field(
        description="Tokens and hand-offs need mode `jwt`.", examples=["jwt"]
    )
    mapping_field: str = Field(description="Field of UserInfo that equals the AccountName.", examples=["email"])
    instance_id: str = Field(description="The contact center's instance, for the hotline SDK.", examples=["ccc_xp_1"])


class ConnectionPage(Page):
    """Connections, by name."""

    items: list[ConnectionAnswer]


@desk.operation("GET", "/connections", scope="", query=PageQuery, gives=ConnectionPage)
def list_connections(call: Call[Nothing, PageQuery]) -> ConnectionPage:
    """List the connections of this key.

    Those that are switched off are left out.
    """
    enabled = (one for one in services().connections.enabled() if call.key.is_for(one))
    items, following = page_of(sorted(enabled, key=lambda one: one.name.lower()), _place, call.query)
    return ConnectionPage(items=[_answer(one) for one in items], next_cursor=following)


@desk.operation("GET", "/connections/<connection>", scope="", gives=ConnectionAnswer)
def show_connection(call: Call[Nothing, Nothing]) -> ConnectionAnswer:
    """Show one connection."""
    return _answer(call.connection)


def _place(connection: Connection) -> str:
    return connection.name.lower()


def _answer(connection: Connection) -> ConnectionAnswer:
    return ConnectionAnswer(
        name=connection.name,
        title=connection.title,
        mode=connection.mode,
        mapping_field=connection.mapping_field,
        instance_id=connection.instance_id,
    )
