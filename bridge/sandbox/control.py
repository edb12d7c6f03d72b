"""The control desk: what the world looks like now, and the switches for faults, keys and agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from bridge.sandbox.call_search import Wanted
from bridge.sandbox.demo import written_down
from bridge.sandbox.faults import TARGETS, Fault, UnknownFault
from bridge.sandbox.idp_logout import signed_out
from bridge.sandbox.keys import is_public_key
from bridge.sandbox.registrations import COMPANIES, EXP_UNITS
from bridge.sandbox.wire import json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Response as AnyResponse

    from bridge.sandbox.world import Request, World

_OWN_WORDS: Final = frozenset({"target", "fault", "times", "connection", "back"})


def control(world: World) -> Blueprint:
    """Return the page at ``/`` and the routes below ``/sandbox/``."""
    room = Blueprint("control", __name__)
    desk = Desk(world)
    room.before_request(_refuse_foreign_pages)
    room.add_url_rule("/", "page", desk.page)
    room.add_url_rule("/sandbox/companies/<name>.toml", "by_hand", desk.by_hand)
    room.add_url_rule("/sandbox/faults", "faults", desk.faults, methods=["GET", "POST", "DELETE"])
    room.add_url_rule("/sandbox/faults/off", "off", desk.off, methods=["POST"])
    room.add_url_rule("/sandbox/rotate-keys", "rotate", desk.rotate, methods=["POST"])
    room.add_url_rule("/sandbox/reset", "reset", desk.reset, methods=["POST"])
    room.add_url_rule("/sandbox/agents", "agents", desk.agents, methods=["POST"])
    room.add_url_rule("/sandbox/portal", "portal", desk.portal, methods=["POST"])
    room.add_url_rule("/sandbox/settings", "settings", desk.settings, methods=["POST"])
    room.add_url_rule("/sandbox/backchannel-logout", "backchannel", desk.backchannel, methods=["POST"])
    room.add_url_rule("/sandbox/frontchannel-logout", "frontchannel", desk.frontchannel, methods=["POST"])
    room.add_url_rule("/sandbox/leave", "leave", desk.leave, methods=["POST"])
    room.add_url_rule("/sandbox/requests", "requests", desk.requests)
    room.add_url_rule("/sandbox/elsewhere", "elsewhere", lambda: Response("Sandbox: elsewhere.", mimetype="text/plain"))
    return room


def _refuse_foreign_pages() -> AnyResponse | None:
    # A page on the internet must not be able to switch faults on a developer's machine.
    if request.method != "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        return json_answer({"error": "cross_site"}, 403)
    return None


class Desk:
    """The views; each POST takes JSON from programs and forms from the page."""

    def __init__(self, world: World) -> None:
        self.world = world

    def page(self) -> AnyResponse:
        """Show everything on one page."""
        with self.world.lock:
            requests = list(self.world.requests)[-15:]
            centers = [self._center_row(instance_id) for instance_id in self.world.contact_centers]
        return make_response(
            render_template(
                "control.html",
                world=self.world,
                companies=COMPANIES.values(),
                centers=centers,
                targets=TARGETS,
                exp_units=EXP_UNITS,
                active=self.world.faults.active(),
                requests=[_request_row(one) for one in reversed(requests)],
            )
        )

    def _center_row(self, instance_id: str) -> dict[str, Any]:
        center = self.world.contact_centers[instance_id]
        return {
            "instance_id": instance_id,
            "agents": len(center.agents),
            "groups": len(center.groups),
            "lines": len(center.lines),
            "calls": len(self.world.calls[instance_id].search(Wanted())),
        }

    def by_hand(self, name: str) -> AnyResponse:
        """Show what somebody enters at a console for a company; its secrets are known to everybody."""
        if name not in COMPANIES:
            return Response("No such company.", 404, mimetype="text/plain")
        return Response(written_down(COMPANIES[name], self.world.base_url), mimetype="text/plain")

    def faults(self) -> AnyResponse:
        """List, set or clear faults."""
        if request.method == "DELETE":
            self.world.faults.clear()
        if request.method == "POST":
            try:
                self._set(_fields())
            except (UnknownFault, ValueError, KeyError, TypeError) as error:
                return json_answer({"error": "unknown_fault", "error_description": str(error)}, 400)
        return self._done({"faults": [_fault_row(one) for one in self.world.faults.active()], "known": TARGETS})

    def _set(self, fields: Mapping[str, Any]) -> None:
        times = fields.get("times")
        settings = {name: value for name, value in fields.items() if name not in _OWN_WORDS and value != ""}
        self.world.faults.set(
            str(fields["target"]),
            str(fields["fault"]),
            times=int(times) if times not in {None, ""} else None,
            connection=str(fields.get("connection") or ""),
            **settings,
        )

    def off(self) -> AnyResponse:
        """Switch one fault off, or all without a name."""
        fields = _fields()
        self.world.faults.clear(fields.get("target"), fields.get("fault"), fields.get("connection"))
        return self._done({"faults": [_fault_row(one) for one in self.world.faults.active()]})

    def rotate(self) -> AnyResponse:
        """Give one provider, or all, a new signing key."""
        fields = _fields()
        keep_old, same_kid = bool(fields.get("keep_old")), bool(fields.get("same_kid"))
        self.world.rotate_keys(fields.get("connection") or None, keep_old=keep_old, same_kid=same_kid)
        return self._done({name: self.world.keys[name].current.kid for name in COMPANIES})

    def reset(self) -> AnyResponse:
        """Begin anew, in the portal too."""
        self.world.reset()
        return self._done({"reset": True})

    def agents(self) -> AnyResponse:
        """Freeze or thaw an agent."""
        fields = _fields()
        account_name, frozen = str(fields.get("account_name", "")), str(fields.get("frozen", "")).lower()
        if account_name not in self.world.agents:
            return json_answer({"error": "unknown_agent"}, 404)
        self.world.freeze(account_name, frozen=frozen in {"1", "true", "on"})
        return self._done({"account_name": account_name, "frozen": self.world.agents[account_name].frozen})

    def portal(self) -> AnyResponse:
        """Put a Fuyun application into mode jwt, as its owner does in the developer portal."""
        fields = _fields()
        connection, issuer = str(fields.get("connection", "")), str(fields.get("issuer", ""))
        public_key, unit = str(fields.get("public_key", "")), str(fields.get("exp_unit") or "seconds")
        if connection not in COMPANIES or not issuer or unit not in EXP_UNITS or not is_public_key(public_key):
            return json_answer({"error": "unknown_setting"}, 400)
        self.world.use_jwt(connection, issuer, public_key)
        self.world.expect_exp_in(connection, unit)
        return self._done({"connection": connection, "mode": "jwt", "issuer": issuer, "exp_unit": unit})

    def settings(self) -> AnyResponse:
        """Switch silent single sign-on at the providers, and the grace for replaced refresh tokens."""
        fields = _fields()
        if "single_sign_on" in fields:
            self.world.single_sign_on = str(fields["single_sign_on"]).lower() in {"1", "true", "on"}
        if "rotation_grace" in fields:
            seconds = str(fields["rotation_grace"])
            if not seconds.isdecimal():
                return json_answer({"error": "unknown_setting"}, 400)
            self.world.rotation_grace = int(seconds)
        shown = {"single_sign_on": self.world.single_sign_on, "rotation_grace": self.world.rotation_grace}
        return self._done(shown)

    def backchannel(self) -> AnyResponse:
        """Let a provider tell the bridge, server to server, that a person signed out."""
        connection, person = self._whom()
        if not person:
            return json_answer({"error": "unknown_person"}, 404)
        return self._done({"sent": self.world.sign_out(connection, person)})

    def frontchannel(self) -> AnyResponse:
        """Sign a person out at a provider, whose page tells the bridge through this very browser."""
        connection, person = self._whom()
        if not person:
            return json_answer({"error": "unknown_person"}, 404)
        frames = self.world.front_doors(connection, self.world.grants[connection].end_sessions(person))
        if request.is_json:
            return json_answer({"frames": frames})
        return signed_out(self.world.manners[connection], frames)

    def leave(self) -> AnyResponse:
        """Let a person leave the company."""
        _, person = self._whom()
        if not person:
            return json_answer({"error": "unknown_person"}, 404)
        return self._done({"sent": self.world.leave(person)})

    def _whom(self) -> tuple[str, str]:
        """Return the connection and the person that a request means; no person where there is none like that."""
        fields = _fields()
        connection, person = str(fields.get("connection", "globex")), str(fields.get("person", ""))
        known = connection in COMPANIES and person in self.world.people
        return connection, person if known else ""

    def requests(self) -> AnyResponse:
        """List what came in: names of fields only, since values hold tokens."""
        with self.world.lock:
            rows = [_request_row(one) for one in self.world.requests]
        return json_answer({"requests": rows})

    @staticmethod
    def _done(body: object) -> AnyResponse:
        if request.method == "POST" and not request.is_json and request.form.get("back"):
            return redirect(url_for("control.page") + "#" + request.form["back"], 303)
        return json_answer(body)


def _fields() -> Mapping[str, Any]:
    if request.is_json:
        body = request.get_json()
        return body if isinstance(body, dict) else {}
    return request.form


def _fault_row(fault: Fault) -> dict[str, Any]:
    return {
        "target": fault.target,
        "fault": fault.name,
        "times": fault.times,
        "connection": fault.connection or None,
        **fault.settings,
    }


def _request_row(one: Request) -> dict[str, Any]:
    return {
        "method": one.method,
        "path": one.path,
        "query": sorted(one.query),
        "form": sorted(one.form),
        "scheme": one.scheme,
        "at": int(one.at),
    }
