"""Logout at a provider: started by the client (RP-Initiated Logout 1.0), or told to it (Back-Channel Logout 1.0)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

from flask import Response, make_response, render_template, request

from bridge.sandbox.grants import OAuthRefusal
from bridge.sandbox.registrations import is_loopback, origin_of
from bridge.sandbox.wire import only_once

if TYPE_CHECKING:
    from bridge.sandbox.world import World

_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_PATIENCE: Final = 5
_MINUTES_TWO: Final = 120


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
        for sid in {request.cookies.get(f"sandbox_{self.connection}", ""), str(hint.get("sid", ""))}:
            self.world.grants[self.connection].close_session(sid, revoke=manner.revokes_at_logout)
        if target:
            response = Response(b"", 302, {"Location": target})
        else:
            response = make_response(render_template("signed_out.html", manner=manner))
        response.delete_cookie(f"sandbox_{self.connection}", path=manner.prefix)
        return response

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


def logout_token(world: World, connection: str, person_key: str, sid: str = "", **overrides: object) -> str:
    """Return a logout token for a person, or for one of their sessions; `overrides` None drops a claim."""
    manner, client = world.manners[connection], world.client_of(connection)
    person = world.people[person_key]
    claims: dict[str, object] = {
        "iss": manner.issuer(manner.tenant_of(person)),
        "sub": manner.subject(person, client.client_id),
        "aud": client.client_id,
        "iat": int(world.now()),
        "exp": int(world.now()) + _MINUTES_TWO,
        "jti": str(uuid.uuid4()),
        "events": {_EVENT: {}},
        **({"sid": sid} if sid else {}),
        **overrides,
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return world.keys[connection].current.sign(present, typ="logout+jwt")


def send_logout_tokens(world: World, connection: str, person_key: str) -> list[dict[str, object]]:
    """End a person's sessions at the provider and post a logout token for each to the bridge last seen."""
    grants, sent = world.grants[connection], []
    address = world.last_redirect_uri.get(connection, "").replace("/callback/", "/backchannel-logout/")
    for session in grants.sessions():
        if session.person_key == person_key:
            grants.close_session(session.sid, revoke=True)
            if is_loopback(address):
                token = logout_token(world, connection, person_key, session.sid)
                sent.append({"to": address, "status": _post(address, {"logout_token": token})})
    return sent


def _post(address: str, form: dict[str, str]) -> int:
    """Return the status of the answer; 0 where nobody answered."""
    wanted = HttpRequest(address, data=urlencode(form).encode(), method="POST")  # noqa: S310 — loopback, checked above
    try:
        with urlopen(wanted, timeout=_PATIENCE) as answer:  # noqa: S310 — as above
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (URLError, TimeoutError, ConnectionError):
        return 0
