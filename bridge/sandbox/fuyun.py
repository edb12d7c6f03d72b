"""Fuyun's IDP: the token exchange, and the token that it hands out."""

from __future__ import annotations

import hmac
import secrets
import uuid
from typing import TYPE_CHECKING, Any, Final

import jwt
from flask import Blueprint, Response, request

from bridge.sandbox.fuyun_jwt import user_name_in
from bridge.sandbox.grants import OAuthRefusal
from bridge.sandbox.idp import basic_pair
from bridge.sandbox.idp_userinfo import userinfo_answer
from bridge.sandbox.registrations import is_admitted
from bridge.sandbox.wire import clock, json_answer, read_form, staged
from bridge.sandbox.world import FUYUN, account_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.faults import Drawn
    from bridge.sandbox.people import Agent
    from bridge.sandbox.registrations import FuyunApplication
    from bridge.sandbox.world import World

ISSUER: Final = "http://developer.rhinokeen.com"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
LIFETIME: Final = 2591999


class BusinessRefusal(Exception):
    """A refusal in the shape of Alibaba's business interfaces."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code = code
        self.message = message
        self.status = status
        super().__init__(f"{code}: {message}")


def token_exchange(world: World) -> Blueprint:
    """Return Fuyun's routes."""
    room = Blueprint("fuyun", __name__)
    desk = Exchange(world)
    room.add_url_rule("/oauth/token_exchange", "exchange", desk.answer, methods=["POST"])
    return room


class Exchange:
    """Trades a subject token for a Fuyun token."""

    def __init__(self, world: World) -> None:
        self.world = world

    def answer(self) -> Response:
        """Answer `POST /oauth/token_exchange`."""
        client_id, _ = basic_pair(request.headers.get("Authorization", ""))
        app = self.world.fuyun_apps.get(client_id)

        def answer(drawn: Drawn) -> Response:
            return refusing(lambda: self._exchange(drawn))

        return staged(self.world, "exchange", app.app_name if app else "", answer)

    def _exchange(self, drawn: Drawn) -> Response:
        if "boot_401" in drawn:
            return json_answer(_boot_body(), 401)
        app = self._authenticated(drawn)
        form = read_form()
        self._check_form(form, app)
        subject_token = form["subject_token"]
        _refuse_as_told(drawn, subject_token)
        now = clock(self.world, drawn)
        account_name = self._mapped(subject_token, app, now)
        working_agent(self.world, account_name)
        named = "somebody.else@contoso.example" if "wrong_user" in drawn else account_name
        body = minted(self.world, app, named, form["scope"], now)
        if "no_access_token" in drawn:
            del body["access_token"]
        return json_answer(body)

    def _authenticated(self, drawn: Drawn) -> FuyunApplication:
        client_id, client_secret = basic_pair(request.headers.get("Authorization", ""))
        app = self.world.fuyun_apps.get(client_id)
        expected = app.client_secret if app else secrets.token_urlsafe(16)
        proved = hmac.compare_digest(expected.encode(), client_secret.encode())
        if not proved or app is None or "invalid_client" in drawn:
            raise OAuthRefusal("invalid_client", "Bad client credentials", 401)
        return app

    def _check_form(self, form: dict[str, str], app: FuyunApplication) -> None:
        missing = [name for name in ("scope", "redirect_url", "subject_token", "subject_issuer") if not form.get(name)]
        if form.get("grant_type") != TOKEN_EXCHANGE:
            raise OAuthRefusal("unsupported_grant_type", f"Unsupported grant type: {form.get('grant_type', '')}")
        if missing:
            raise OAuthRefusal("invalid_request", f"Missing parameter: {missing[0]}")
        if not set(form["scope"].split(",")) <= set(app.scope.split(",")):
            raise OAuthRefusal("invalid_scope", "Invalid scope; scopes are separated by commas.")
        unregistered = not app.redirect_urls and self.world.any_loopback
        if not is_admitted(form["redirect_url"], app.redirect_urls, app.app_name, any_loopback=unregistered):
            raise OAuthRefusal("invalid_grant", "Redirect URI mismatch.")
        if form["subject_issuer"] != (app.app_name if app.mode == "oauth" else app.jwt_issuer):
            raise OAuthRefusal("invalid_grant", "subject_issuer is not the registered one")

    def _mapped(self, subject_token: str, app: FuyunApplication, now: float) -> str:
        if app.mode == "jwt":
            return user_name_in(subject_token, app, now, self.world.is_first_use)
        # Fuyun asks the same user endpoint as the bridge, so it meets the same faults there.
        faults = self.world.faults.peek("userinfo", app.app_name)
        document = userinfo_answer(self.world, app.app_name, subject_token, faults)
        if document is None:
            raise OAuthRefusal("invalid_grant", "subject token is invalid")
        return account_at(document, app.mapping_field)


def working_agent(world: World, account_name: str) -> Agent:
    """Return the agent of this account name; raises BusinessRefusal where there is none, or a frozen one."""
    agent = world.agents.get(account_name)
    if agent is None:
        raise BusinessRefusal("NoAgentFound", "The specified agent does not exist.")
    if agent.frozen:
        raise BusinessRefusal("AgentFrozen", "The specified agent is frozen.")
    return agent


def minted(world: World, app: FuyunApplication, user_name: str, scope: str, now: float) -> dict[str, Any]:
    """Return the documented answer with a fresh token for an agent; `now` in epoch seconds."""
    jti = str(uuid.uuid4())
    claims = {
        "iss": ISSUER,
        "exp": int(now) + LIFETIME,
        "user_name": user_name,
        "jti": jti,
        "client_id": app.client_id,
        "scope": scope.split(","),
    }
    return {
        "access_token": jwt.encode(claims, world.keys[FUYUN].current.private, algorithm="RS256"),
        "token_type": "bearer",
        "expires_in": LIFETIME,
        "scope": scope,
        "iss": ISSUER,
        "jti": jti,
    }


def refusing(answer: Callable[[], Response]) -> Response:
    """Return the answer, or its refusal in the shape of Spring or of Alibaba's business interfaces."""
    try:
        return answer()
    except OAuthRefusal as refusal:
        return json_answer({"error": refusal.error, "error_description": refusal.description}, refusal.status)
    except BusinessRefusal as refusal:
        return json_answer(_business_body(refusal.code, refusal.message), refusal.status)


def _refuse_as_told(drawn: Drawn, subject_token: str) -> None:
    if "echo_token" in drawn:
        raise OAuthRefusal("invalid_token", f"Invalid access token: {subject_token}", 401)
    if "invalid_grant" in drawn:
        raise OAuthRefusal("invalid_grant", "subject token is invalid")
    if "success_false" in drawn:
        status = int(drawn["success_false"].number("status", 200))
        raise BusinessRefusal("SystemError", "The system is busy.", status)
    if "unknown_agent" in drawn:
        raise BusinessRefusal("NoAgentFound", "The specified agent does not exist.")
    if "frozen_agent" in drawn:
        raise BusinessRefusal("AgentFrozen", "The specified agent is frozen.")


def _business_body(code: str, message: str) -> dict[str, Any]:
    return {"Success": False, "Code": code, "Message": message, "RequestId": str(uuid.uuid4()).upper()}


def _boot_body() -> dict[str, Any]:
    return {
        "timestamp": "2026-11-22T08:00:00.000+00:00",
        "status": 401,
        "error": "Unauthorized",
        "message": "Unauthorized",
        "path": "/oauth/token_exchange",
    }
