"""A provider that tells us that somebody signed out there: server to server, or by a frame in the browser."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request

from bridge.core.errors import LogoutTokenInvalid, SessionEnded, SessionMissing
from bridge.http.cookies import clear_ac_token
from bridge.http.current import services
from bridge.http.guard import forget_session, require_session
from bridge.http.headers import allow_frames
from bridge.http.parameters import single
from bridge.http.problem import Context, in_context

if TYPE_CHECKING:
    from bridge.core.model import Connection

logout = Blueprint("logout", __name__)


@logout.post("/backchannel-logout/<name>")
def by_server(name: str) -> Response:
    """End the sessions that a logout token means (OpenID Connect Back-Channel Logout 1.0 section 2.5)."""
    connection = services().connections.get(name)
    in_context(Context("back_channel_logout", connection.name))
    token = single(request.form, "logout_token", refuse_as=LogoutTokenInvalid)["logout_token"]
    ended = services().endings.by_provider(connection.name, token)
    return jsonify(ended=ended)


@logout.get("/frontchannel-logout/<name>")
def by_frame(name: str) -> Response:
    """End a provider's session, of which its logout page tells in a frame (Front-Channel Logout 1.0 section 2)."""
    connection = services().connections.get(name)
    in_context(Context("front_channel_logout", connection.name))
    asked = single(request.args, "iss", "sid")
    origins = _origins(connection)
    allow_frames(origins)
    response = Response("", mimetype="text/html")
    if asked["iss"] or asked["sid"]:
        services().endings.by_frame(connection.name, asked["iss"], asked["sid"])
    elif request.headers.get("Sec-Fetch-Dest") in {"iframe", "frame"} and _referrer() in origins:
        # A provider that names no session means that of this browser; a mere link, or another site's frame, does not.
        _end_own(connection, response)
    return response


def _end_own(connection: Connection, response: Response) -> None:
    with suppress(SessionMissing, SessionEnded):
        current = require_session()
        if current.connection == connection.name:
            services().endings.by_frame_of_browser(current)
            forget_session()
            clear_ac_token(response, services().site)


def _origins(connection: Connection) -> list[str]:
    """Return where the provider's pages may lie: a frame of any other site shows nothing."""
    metadata = services().upstream.metadata(connection.idp)
    addresses = (metadata.issuer, metadata.authorization_endpoint, metadata.end_session_endpoint)
    return sorted({_origin(address) for address in addresses} - {""})


def _referrer() -> str:
    return _origin(request.headers.get("Referer", ""))


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else ""
