"""Fuyun's own two callbacks, to which a provider sends the browser without the bridge: open API, and XP workbench.

Either one takes any code that its client can redeem: nothing ties the `state` to the browser that brings it, and so
whoever has a code of their own can sign somebody else's browser in with it (login CSRF, RFC 6749 section 10.12). The
document says nothing that would prevent it.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, make_response, render_template, request

from bridge.sandbox.fuyun import LIFETIME, BusinessRefusal, minted, refusing, working_agent
from bridge.sandbox.grants import OAuthRefusal
from bridge.sandbox.idp_userinfo import userinfo_answer
from bridge.sandbox.wire import json_answer, only_once
from bridge.sandbox.world import account_at

if TYPE_CHECKING:
    from bridge.sandbox.grants import Grant
    from bridge.sandbox.people import Agent
    from bridge.sandbox.registrations import FuyunApplication
    from bridge.sandbox.world import World

COOKIE: Final = "AC_TOKEN"


def fuyun_callbacks(world: World) -> Blueprint:
    """Return the routes at which Fuyun waits for codes."""
    room = Blueprint("fuyun_callback", __name__)
    desk = Callbacks(world)
    room.add_url_rule("/oauth/callback/<app_name>", "open_api", desk.open_api, methods=["GET"])
    room.add_url_rule("/workbench/callback/<app_name>", "workbench", desk.workbench, methods=["GET"])
    return room


class Callbacks:
    """Redeems codes with what the portal knows: the provider's client, its user endpoint, the mapping field."""

    def __init__(self, world: World) -> None:
        self.world = world

    def open_api(self, app_name: str) -> Response:
        """Answer the documented JSON, and set the token as a cookie of this host."""
        return refusing(lambda: self._handed_out(app_name))

    def workbench(self, app_name: str) -> Response:
        """Show the workbench of the agent, or why there is none."""
        try:
            app = self._application(app_name)
            agent = self._agent(app, self.world.workbench_callback(app_name))
        except (OAuthRefusal, BusinessRefusal) as refusal:
            return make_response(render_template("workbench.html", reason=str(refusal)), refusal.status)
        answer = make_response(render_template("workbench.html", agent=agent, manner=self.world.manners[app_name]))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _handed_out(self, app_name: str) -> Response:
        app = self._application(app_name)
        agent = self._agent(app, self.world.fuyun_callback(app_name))
        body = minted(self.world, app, agent.account_name, app.scope, self.world.now())
        response = json_answer(body)
        # The document names the cookie alone; its attributes are those that a careful server would choose.
        response.set_cookie(
            COOKIE,
            body["access_token"],
            LIFETIME,
            path="/",
            secure=self.world.base_url.startswith("https://"),
            httponly=True,
            samesite="Lax",
        )
        return response

    def _application(self, app_name: str) -> FuyunApplication:
        if app_name not in self.world.manners:
            raise BusinessRefusal("AppNotFound", "No application has this name.", 404)
        app = self.world.fuyun_of(app_name)
        if app.mode != "oauth":
            # The portal shows the two redirect URLs in sign-in mode OAuth, where it knows a provider.
            raise BusinessRefusal("AppModeInvalid", "The application's sign-in mode is not OAuth.")
        return app

    def _agent(self, app: FuyunApplication, redirect_uri: str) -> Agent:
        asked = only_once(request.args.lists())
        if "error" in asked:
            raise OAuthRefusal(asked["error"], asked.get("error_description", ""))
        if not asked.get("code"):
            raise OAuthRefusal("invalid_request", "Missing parameter: code")
        grant = self._redeemed(app.app_name, asked["code"], redirect_uri)
        return working_agent(self.world, self._account_name(app, grant))

    def _redeemed(self, app_name: str, code: str, redirect_uri: str) -> Grant:
        client = self.world.client_of(app_name)
        if "invalid_client" in self.world.faults.peek("token", app_name):
            raise OAuthRefusal("invalid_client", "The provider does not know the client that the portal has.", 401)
        grants = self.world.grants[app_name]
        return grants.redeem(code, client_id=client.client_id, redirect_uri=redirect_uri, code_verifier="")

    def _account_name(self, app: FuyunApplication, grant: Grant) -> str:
        access_token = secrets.token_urlsafe(32)
        lifetime = self.world.manners[app.app_name].access_token_lifetime
        self.world.grants[app.app_name].issue_access(access_token, grant, lifetime)
        faults = self.world.faults.peek("userinfo", app.app_name)
        document = userinfo_answer(self.world, app.app_name, access_token, faults)
        if document is None:
            raise OAuthRefusal("invalid_grant", "The user endpoint refused the access token.")
        return account_at(document, app.mapping_field)
