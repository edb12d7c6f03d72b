"""One identity provider over HTTP: discovery, keys, token, UserInfo and revocation; see ``idp_manners`` for whose."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from flask import Blueprint, Response, request

from bridge.sandbox.grants import Grant, OAuthRefusal
from bridge.sandbox.idp_authorize import Authorization
from bridge.sandbox.idp_logout import Logout
from bridge.sandbox.idp_microsoft import Microsoft
from bridge.sandbox.idp_tokens import id_token_claims, sign, spoil
from bridge.sandbox.idp_userinfo import userinfo_answer
from bridge.sandbox.wire import clock, json_answer, read_form, staged

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.faults import Drawn
    from bridge.sandbox.people import Person
    from bridge.sandbox.registrations import OAuthClient
    from bridge.sandbox.world import World

Json = dict[str, Any]

_BEARER: Final = "Bearer "


def identity_provider(world: World, connection: str) -> Blueprint:
    """Return the routes of the provider that this connection uses."""
    provider = Provider(world, connection)
    room = Blueprint(f"idp_{connection}", __name__)
    manner = world.manners[connection]
    for path, view, methods in (
        (manner.paths.discovery, provider.discovery, ["GET"]),
        (manner.paths.jwks, provider.jwks, ["GET"]),
        (manner.paths.authorize, Authorization(world, connection).answer, ["GET", "POST"]),
        (manner.paths.token, provider.token, ["POST"]),
        (manner.paths.userinfo, provider.userinfo, ["GET", "POST"]),
        (manner.paths.revoke, provider.revoke, ["POST"]),
        (manner.paths.logout, Logout(world, connection).answer, ["GET", "POST"]),
    ):
        if path:
            room.add_url_rule(path.replace("{tenant}", "<tenant>"), view.__qualname__.replace(".", "_"), view,
                              methods=methods)  # fmt: skip
    return room


class Provider:
    """The endpoints that servers call."""

    def __init__(self, world: World, connection: str) -> None:
        self.world = world
        self.connection = connection

    def discovery(self, tenant: str = "") -> Response:
        """Return the metadata (OpenID Connect Discovery section 4)."""
        manner = self.world.manners[self.connection]
        if isinstance(manner, Microsoft) and not manner.knows(tenant):
            return json_answer({"error": "invalid_tenant", "error_description": "AADSTS90002: Tenant not found."}, 400)

        def answer(drawn: Drawn) -> Response:
            document = manner.discovery(tenant)
            if "wrong_iss" in drawn:
                document["issuer"] = "https://evil.example"
            if "no_endpoints" in drawn:
                del document["token_endpoint"]
            return json_answer(document)

        return staged(self.world, "discovery", self.connection, answer)

    def jwks(self, tenant: str = "") -> Response:
        """Return the published keys."""
        del tenant

        def answer(drawn: Drawn) -> Response:
            keys = {"keys": []} if "no_keys" in drawn else self.world.keys[self.connection].key_set()
            return json_answer(self.world.manners[self.connection].key_set(keys))

        return staged(self.world, "jwks", self.connection, answer)

    def token(self, tenant: str = "") -> Response:
        """Redeem a code or a refresh token (RFC 6749 section 4.1.3 and 6)."""
        del tenant
        return staged(self.world, "token", self.connection, self._refusing(self._tokens))

    def userinfo(self) -> Response:
        """Return who the access token stands for."""
        return staged(self.world, "userinfo", self.connection, self._userinfo)

    def revoke(self, tenant: str = "") -> Response:
        """Forget a token (RFC 7009); an unknown one is no error."""
        del tenant

        def answer(_: Drawn) -> Response:
            form = read_form()
            client = authenticate(form, self.world)
            self.world.grants[self.connection].revoke(form.get("token", ""), client.client_id)
            return Response(b"", 200)

        return self._refusing(answer)({})

    def _refusing(self, answer: Callable[[Drawn], Response]) -> Callable[[Drawn], Response]:
        def refusing(drawn: Drawn) -> Response:
            try:
                return answer(drawn)
            except OAuthRefusal as refusal:
                return self._refused(refusal, drawn)

        return refusing

    def _refused(self, refusal: OAuthRefusal, drawn: Drawn) -> Response:
        status, body = self.world.manners[self.connection].token_refusal(refusal)
        headers = {"WWW-Authenticate": 'Basic realm="sandbox"'} if refusal.error == "invalid_client" else {}
        return json_answer(body, 200 if "error_200" in drawn else status, headers)

    def _tokens(self, drawn: Drawn) -> Response:
        form = read_form()
        client = authenticate(form, self.world)
        if client.connection != self.connection or "invalid_client" in drawn:
            raise OAuthRefusal("invalid_client", "The client is unknown here or its secret is wrong.", 401)
        if "invalid_grant" in drawn or "error_200" in drawn:
            raise OAuthRefusal("invalid_grant", "The sandbox was told to refuse.")
        if form.get("grant_type") == "authorization_code":
            return self._redeemed(self._redeem(form, client), drawn, renewed=False)
        if form.get("grant_type") == "refresh_token":
            return self._redeemed(self._refresh(form, client), drawn, renewed=True)
        raise OAuthRefusal("unsupported_grant_type", "Only authorization_code and refresh_token are served.")

    def _redeem(self, form: dict[str, str], client: OAuthClient) -> Grant:
        return self.world.grants[self.connection].redeem(
            form.get("code", ""),
            client_id=client.client_id,
            redirect_uri=form.get("redirect_uri", ""),
            code_verifier=form.get("code_verifier", ""),
        )

    def _refresh(self, form: dict[str, str], client: OAuthClient) -> Grant:
        grant = self.world.grants[self.connection].refresh(
            form.get("refresh_token", ""),
            client_id=client.client_id,
            rotation=self.world.manners[self.connection].rotation,
            grace=self.world.rotation_grace,
        )
        if not set(form.get("scope", "").split()) <= set(grant.scopes):
            raise OAuthRefusal("invalid_scope", "A refresh cannot widen the scope.")
        return grant

    def _redeemed(self, grant: Grant, drawn: Drawn, *, renewed: bool) -> Response:
        manner, now = self.world.manners[self.connection], clock(self.world, drawn)
        person = self.world.person(self.connection, grant.person_key)
        if person is None:
            raise OAuthRefusal("invalid_grant", "The account no longer exists.")
        access_token = manner.access_token(person)
        self.world.grants[self.connection].issue_access(access_token, grant, manner.access_token_lifetime)
        body: Json = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": manner.access_token_lifetime,
            **manner.token_extras(person, grant, now),
        }
        if manner.refresh_scopes & set(grant.scopes) and not (renewed and manner.rotation == "keeps"):
            body["refresh_token"] = manner.refresh_token()
            self.world.grants[self.connection].issue_refresh(body["refresh_token"], grant)
        if manner.speaks_openid and not (renewed and manner.rotation == "keeps"):
            body["id_token"] = self._id_token(person, grant, access_token, drawn, renewed=renewed)
        return json_answer(_spoiled(body, drawn))

    def _id_token(self, person: Person, grant: Grant, access_token: str, drawn: Drawn, *, renewed: bool) -> str:
        manner, now = self.world.manners[self.connection], clock(self.world, drawn)
        claims = id_token_claims(manner, person, grant, now, access_token, renewed=renewed)
        client = self.world.client_of(self.connection)
        return sign(spoil(claims, drawn), self.world.keys[self.connection], client, drawn)

    def _userinfo(self, drawn: Drawn) -> Response:
        manner = self.world.manners[self.connection]
        header = request.headers.get("Authorization", "")
        token = header.removeprefix(_BEARER) if header.startswith(_BEARER) else ""
        document = userinfo_answer(self.world, self.connection, token, drawn)
        if document is None:
            status, body = manner.userinfo_refusal()
            if isinstance(body, str):
                return Response(body if token else "Missing_OAuth_Token", status, mimetype="text/plain")
            return json_answer(body, status, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return json_answer(document)


def _spoiled(body: Json, drawn: Drawn) -> Json:
    for fault, member in (
        ("no_access_token", "access_token"),
        ("no_refresh_token", "refresh_token"),
        ("no_expires_in", "expires_in"),
        ("no_id_token", "id_token"),
    ):
        if fault in drawn:
            body.pop(member, None)
    if "expires_in_text" in drawn and body.get("expires_in"):
        body["expires_in"] = str(body["expires_in"])
    return {name: value for name, value in body.items() if value is not None}


def authenticate(form: dict[str, str], world: World) -> OAuthClient:
    """Return the client that proved itself by exactly one of client_secret_basic and client_secret_post."""
    header = request.headers.get("Authorization", "")
    if header and "client_secret" in form:
        raise OAuthRefusal("invalid_request", "The client used more than one way to authenticate.")
    if header:
        client_id, client_secret = (unquote_plus(part) for part in basic_pair(header))
    else:
        client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
    client = world.clients.get(client_id)
    # The comparison runs for unknown clients too, so that time tells nothing.
    expected = client.client_secret if client else secrets.token_urlsafe(16)
    if not hmac.compare_digest(expected.encode(), client_secret.encode()) or client is None:
        raise OAuthRefusal("invalid_client", "The client is unknown or its secret is wrong.", 401)
    if form.get("client_id", client_id) != client_id:
        raise OAuthRefusal("invalid_request", "client_id differs from the authenticated client.")
    return client


def basic_pair(header: str) -> tuple[str, str]:
    """Return user and password of a Basic header; two empty texts for anything else."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (name, password) if colon else ("", "")
