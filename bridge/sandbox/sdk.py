"""The stand-in for the hotline JS SDK: its files, and the check of the token it was given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jwt
from flask import Blueprint, Response, request

from bridge.sandbox.call_stories import phone_course
from bridge.sandbox.wire import json_answer
from bridge.sandbox.world import FUYUN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.sandbox.people import Agent
    from bridge.sandbox.world import World

_FOLDER: Final = Path(__file__).parent / "assets" / "sdk"
_CHAPTERS: Final = ("shapes.js", "line.js", "agent.js", "panel.js", "boot.js")
_EVERYBODY: Final = {"Access-Control-Allow-Origin": "*"}
_GLOBALS: Final = {
    "react.js": 'window.React = { version: "17.0.2-sandbox" };\n',
    "react-dom.js": 'window.ReactDOM = { version: "17.0.2-sandbox", render() {} };\n',
    "antd.js": 'window.antd = { version: "4.17.3-sandbox" };\n',
    "antd.css": "/* the stand-in needs no antd */\n",
}
_TYPES: Final = {".js": "text/javascript", ".css": "text/css"}


def hotline_sdk(world: World) -> Blueprint:
    """Return the routes below ``/sdk/``."""
    room = Blueprint("sdk", __name__)

    @room.get("/sdk/hotline-client-ui/index.js")
    def script() -> Response:
        chapters = (f"// {name}\n{(_FOLDER / name).read_text(encoding='utf-8')}" for name in _CHAPTERS)
        return _file('(() => {\n"use strict";\n' + "\n".join(chapters) + "})();\n", ".js")

    @room.get("/sdk/hotline-client-ui/index.css")
    def style() -> Response:
        return _file((_FOLDER / "panel.css").read_text(encoding="utf-8"), ".css")

    @room.get("/sdk/<name>")
    def vendor_global(name: str) -> Response:
        if name not in _GLOBALS:
            return Response("No such file.", 404, _EVERYBODY, mimetype="text/plain")
        return _file(_GLOBALS[name], Path(name).suffix)

    @room.route("/sdk/check", methods=["POST", "OPTIONS"])
    def check() -> Response:
        if request.method == "OPTIONS":
            allowed = {"Access-Control-Allow-Headers": "Authorization, Content-Type", "Access-Control-Max-Age": "600"}
            return Response(b"", 204, {**_EVERYBODY, **allowed})
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.form.get("token", "")
        status, body = _checked(world, token, request.form.get("instanceId", ""))
        return json_answer(body, status, _EVERYBODY)

    @room.post("/sdk/calls")
    def ended_call() -> Response:
        status = _written_down(world, request.form)
        return json_answer({}, status, _EVERYBODY)

    return room


def _file(text: str, suffix: str) -> Response:
    headers = {**_EVERYBODY, "Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(text, 200, headers, content_type=f"{_TYPES[suffix]}; charset=utf-8")


def _checked(world: World, token: str, instance_id: str) -> tuple[int, dict[str, Any]]:
    if instance_id not in world.instance_ids:
        return 401, {"code": "InstanceUnknown", "message": "instanceId is not the instance of this contact center."}
    claims = _claims(world, token)
    if claims is None:
        return 401, {"code": "TokenInvalid", "message": "The token is not one of Fuyun's."}
    if claims["exp"] <= world.now():
        return 401, {"code": "TokenExpired", "message": "The token has expired."}
    agent = world.agents.get(str(claims.get("user_name")))
    if agent is None or agent.frozen:
        return 401, {"code": "AgentUnavailable", "message": "The agent does not exist or is frozen."}
    return 200, {"code": "OK", "agent": _profile(agent)}


def _written_down(world: World, form: Mapping[str, str]) -> int:
    """Put a call that ended at a phone into the call log of the agent whose token the phone holds."""
    claims = _claims(world, form.get("token", ""))  # an expired one too: a call goes on when its token expires
    agent = world.agents.get(str(claims.get("user_name"))) if claims else None
    if agent is None:
        return 401
    try:
        ids = {"acid": str(int(form["acId"])), "connection_id": str(int(form["connId"]))}
        talked = int(form["talked"]) if form.get("talked") else None
        course = phone_course(form["direction"], form["ended_by"], int(form["rang"]), talked)
    except (KeyError, ValueError):
        return 400
    log, sides = world.calls[agent.instance_id], {"line": form.get("line", ""), "customer": form.get("number", "")}
    log.add(agent.account_name, course=course, ended=0, **sides, **ids)
    return 200


def _claims(world: World, token: str) -> dict[str, Any] | None:
    options: Any = {"verify_exp": False, "verify_aud": False}
    try:
        return dict(jwt.decode(token, world.keys[FUYUN].current.public, ["RS256"], options=options))
    except jwt.PyJWTError:
        return None


def _profile(agent: Agent) -> dict[str, Any]:
    return {"aid": str(agent.agent_id), "accountName": agent.account_name, "displayName": agent.display_name}
