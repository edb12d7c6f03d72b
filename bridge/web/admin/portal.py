"""The portal sheet: every value that Fuyun's developer portal and the identity provider want, ready to be copied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request, url_for

from bridge.connections.keys import load_private_key, public_base64, public_pem
from bridge.core.trace import Trace
from bridge.http import console
from bridge.http.current import services
from bridge.http.parameters import version_in
from bridge.signin.checklist import checklist

if TYPE_CHECKING:
    from bridge.core.model import Connection, JwtSigning, Secret
    from bridge.signin.rehearsal import Rehearsal

portal = Blueprint("portal", __name__)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What the portal has one field for, in both forms: nobody knows whether it wants the lines around it.

    Args:
        switch_at: when the other key takes its turn or took it, epoch seconds; 0 where there is no other.
        is_due: whether the portal should have it now.
    """

    pem: str
    bare: str
    switch_at: float
    is_due: bool


@portal.get("/admin/connections/<name>/portal")
def sheet(name: str) -> str:
    """Show the sheet of one version, by default of the newest."""
    console.require_sight(name)
    entry = services().register.entry(name)
    connection = services().connections.version(entry.name, version_in(request.args) or entry.newest_version)
    trace = Trace()
    last = _last_rehearsal(connection)
    return render_template(
        "admin/portal/sheet.html",
        entry=entry,
        connection=connection,
        metadata=services().flow.look_up(connection, trace) if connection.idp.kind != "none" else None,
        trouble=trace.failed,
        now=services().now(),
        redirect_uri=services().flow.redirect_uri(connection),
        start_url=services().site.public_url + _way_in(connection),
        last=last,
        checklist=checklist(connection, last.steps if last else (), last.user_name if last else ""),
        keys=_public_keys(connection.jwt) if connection.mode == "jwt" and connection.jwt else [],
    )


def _way_in(connection: Connection) -> str:
    """Return where agents begin: a sign-in that ends at Fuyun is explained first."""
    return url_for("agent.about" if connection.mode == "frontend" else "agent.depart", name=connection.name)


def _last_rehearsal(connection: Connection) -> Rehearsal | None:
    """Return the last rehearsal of what this version does, with its steps."""
    digest = services().register.version(connection.name, connection.version).digest
    last = services().rehearsals.last_of(connection.name, digest)
    return services().rehearsals.get(last.id) if last else None


def _public_keys(signing: JwtSigning) -> list[PublicKey]:
    """Return the public keys, the one that the portal should have now first."""
    at = datetime.fromisoformat(signing.next_key_from).timestamp() if signing.next_key_from else 0.0
    due = signing.keys_at(services().now())
    return [_public_key(private_key, at, is_due=place == 0) for place, private_key in enumerate(due)]


def _public_key(private_key: Secret, switch_at: float, *, is_due: bool) -> PublicKey:
    key = load_private_key(private_key.reveal())
    return PublicKey(public_pem(key), public_base64(key), switch_at, is_due=is_due)
