"""Logout at a provider, where browsers go: begun by the client (RP-Initiated Logout 1.0) or by the person here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from flask import Response, make_response, render_template, request

from bridge.sandbox.grants import OAuthRefusal
from bridge.sandbox.registrations import is_loopback, origin_of
from bridge.sandbox.wire import only_once

if TYPE_CHECKING:
    from bridge.sandbox.grants import BrowserSession
    from bridge.sandbox.idp_manner import Manner
    from bridge.sandbox.world import World

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; frame-src "
)


class Logout:
    """The end-session endpoint; at Salesforce the plain logout page."""

    def __init__(self, world: World, connection: str) -> None:
        self.world = world
        self.connection = connection

    def answer(self, tenant: str = "") -> Response:
        """End the browser's session here and send it on, if the target is one of the client's."""
        del tenant
        manner = self.world.manners[self.connection]
        try:
            parameters = only_once(request.values.lists())
            hint = self._hint(parameters.get("id_token_hint", ""))
            target = self._target(parameters)
        except OAuthRefusal as refusal:
            return make_response(render_template("refused.html", manner=manner, reason=refusal.description), 400)
        ended = self._end({request.cookies.get(f"sandbox_{self.connection}", ""), str(hint.get("sid", ""))})
        if target:
            # Whoever sends the browser back to itself has ended its own session: there is no other client to tell.
            response = Response(b"", 302, {"Location": target})
        else:
            response = signed_out(manner, self.world.front_doors(self.connection, ended))
        response.delete_cookie(f"sandbox_{self.connection}", path=manner.prefix)
        return response

    def _end(self, sids: set[str]) -> list[BrowserSession]:
        revoke = self.world.manners[self.connection].revokes_at_logout
        found = [self.world.grants[self.connection].close_session(sid, revoke=revoke) for sid in sids]
        return [session for session in found if session is not None]

    def _hint(self, token: str) -> dict[str, Any]:
        """Return the claims of the hint; it may be expired, but must be of our own making."""
        if not token:
            return {}
        claims = self.world.keys[self.connection].opened(token)
        if claims is None:
            raise OAuthRefusal("invalid_request", "id_token_hint was not issued here.")
        return claims

    def _target(self, parameters: dict[str, str]) -> str:
        address, state = parameters.get("post_logout_redirect_uri", ""), parameters.get("state", "")
        if not address:
            return ""
        registered = {origin_of(uri) for uri in self.world.client_of(self.connection).redirect_uris}
        if not is_loopback(address) and origin_of(address) not in registered:
            raise OAuthRefusal("invalid_request", "post_logout_redirect_uri is not one of the client's.")
        if not state:
            return address
        return address + ("&" if "?" in address else "?") + urlencode({"state": state})


def signed_out(manner: Manner, frames: list[str]) -> Response:
    """Return the provider's last page, which opens these addresses in frames (Front-Channel Logout 1.0 section 2)."""
    response = make_response(render_template("signed_out.html", manner=manner, frames=frames))
    origins = sorted({origin_of(frame) for frame in frames})
    response.headers["Content-Security-Policy"] = _POLICY + (" ".join(origins) or "'none'")
    return response
