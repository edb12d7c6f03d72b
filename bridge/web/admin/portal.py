"""The portal sheet: every value that Fuyun's developer portal and the identity provider want, ready to be copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Blueprint, render_template, request

from bridge.connections.keys import load_private_key
from bridge.core.trace import Trace
from bridge.http import console
from bridge.http.current import services
from bridge.http.parameters import version_in
from bridge.signin.checklist import checklist

if TYPE_CHECKING:
    from bridge.core.model import Connection, JwtSigning
    from bridge.signin.rehearsal import Rehearsal

portal = Blueprint("portal", __name__)


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
        metadata=services().flow.look_up(connection, trace),
        trouble=trace.failed,
        redirect_uri=services().flow.redirect_uri(connection),
        start_url=f"{services().site.public_url}/login/{connection.name}",
        last=last,
        checklist=checklist(connection, last.steps if last else (), last.user_name if last else ""),
        **_public_key(connection.jwt if connection.mode == "jwt" else None),
    )


def _last_rehearsal(connection: Connection) -> Rehearsal | None:
    """Return the last rehearsal of what this version does, with its steps."""
    digest = services().register.version(connection.name, connection.version).digest
    last = services().rehearsals.last_of(connection.name, digest)
    return services().rehearsals.get(last.id) if last else None


def _public_key(signing: JwtSigning | None) -> dict[str, Any]:
    """Return the public key in both forms: nobody knows whether the portal wants the lines around it."""
    if signing is None:
        return {"public_pem": "", "public_bare": ""}
    key = load_private_key(signing.private_key.reveal()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii").strip()
    return {"public_pem": pem, "public_bare": "".join(pem.splitlines()[1:-1])}
