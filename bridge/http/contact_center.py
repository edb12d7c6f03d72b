"""Whose contact center it is: nobody looks into one that several connections share, except who may see them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import url_for

from bridge.aiccs.instance import Instance, instance_of, is_shared
from bridge.core.contact_center_errors import ContactCenterShared
from bridge.http import console
from bridge.http.current import services
from bridge.http.hurry import hurry_up
from bridge.http.problem import Context, in_context

if TYPE_CHECKING:
    from bridge.access.rules import Administrator
    from bridge.core.model import Connection


@dataclass(frozen=True, slots=True)
class Place:
    """The contact center that a page of the console speaks of, and who looks at it."""

    connection: Connection
    instance: Instance
    admin: Administrator

    @property
    def name(self) -> str:
        """The connection's name, as it stands in addresses."""
        return self.connection.name


def own_instance(connection: Connection) -> Instance:
    """Return the contact center of a connection for somebody who has a right to this connection alone.

    Raises:
        ConnectionModeUnsuited: the connection has no access to one.
        ContactCenterShared: another connection reaches the same one with the same access key, or would once it is
            switched on.
    """
    hurry_up()
    instance = instance_of(connection)
    if is_shared(connection, services().connections.active_and_newest()):
        raise ContactCenterShared(expected="an instance of this connection alone", received="a shared one")
    return instance


def place_in_sight(name: str) -> Place:
    """Return a connection's contact center for a page of the console, also of a connection that is a draft still.

    Raises:
        AdminSignInRequired, AdminNotAllowed: as `console.require_sight`.
        ConnectionUnknown: nobody has this name.
        ConnectionModeUnsuited, ContactCenterShared: as `own_instance`; operators see shared ones.
    """
    in_context(Context("console", retry_url=url_for("connections.overview")))
    admin = console.require_sight(name)
    entry = services().register.entry(name)
    in_context(Context("console", entry.name, retry_url=url_for("connections.page", name=entry.name)))
    version = entry.active_version or entry.newest_version
    connection = services().connections.version(entry.name, version)
    hurry_up()
    instance = instance_of(connection) if admin.is_operator else own_instance(connection)
    return Place(connection, instance, admin)


def place_to_change(name: str) -> Place:
    """Return a connection's contact center for a form of the console; raises CsrfFailed, and as `place_in_sight`."""
    place = place_in_sight(name)
    console.require_own_form()
    return place
