"""What reaches the caller: JSON answers, the faults of the line itself, and the checks of a form that came in."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import TYPE_CHECKING, Final

from flask import Response, request

from bridge.sandbox.grants import OAuthRefusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from bridge.sandbox.faults import Drawn, Fault
    from bridge.sandbox.world import World

FORM: Final = "application/x-www-form-urlencoded"
_GATEWAY_PAGE: Final = "<!doctype html><title>Blocked</title><h1>Your request was blocked</h1><p>Sandbox gateway.</p>"


def json_answer(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return JSON that nobody may store."""
    text = json.dumps(body, ensure_ascii=False)
    answer = Response(text, status, {"Cache-Control": "no-store", **(headers or {})}, content_type="application/json")
    answer.headers.setdefault("Pragma", "no-cache")
    return answer


def read_form() -> dict[str, str]:
    """Return the form of a token request: in the body, form encoded, each field once (RFC 6749 section 3.2)."""
    if request.mimetype != FORM:
        raise OAuthRefusal("invalid_request", f"The body must be {FORM}.")
    if request.args:
        raise OAuthRefusal("invalid_request", "Parameters belong into the body, not into the address.")
    return only_once(request.form.lists())


def only_once(fields: Iterable[tuple[str, list[str]]]) -> dict[str, str]:
    """Return each field's one value; a repeated field is a refusal."""
    single: dict[str, str] = {}
    for name, values in fields:
        if len(values) > 1:
            raise OAuthRefusal("invalid_request", f"The parameter {name} came more than once.")
        single[name] = values[0]
    return single


def clock(world: World, drawn: Drawn) -> float:
    """Return the time as this answer's server believes it to be."""
    return world.now() + (drawn["clock_off"].number("seconds", 3600) if "clock_off" in drawn else 0)


def staged(
    world: World,
    target: str,
    connection: str,
    answer: Callable[[Drawn], Response],
    *,
    among: Collection[str] | None = None,
) -> Response:
    """Answer, unless a fault of the line comes first."""
    drawn = world.faults.draw(target, connection, among)
    if "slow" in drawn:
        time.sleep(drawn["slow"].number("seconds", 5))
    response = next((_BROKEN[name](fault, world) for name, fault in drawn.items() if name in _BROKEN), None)
    if response is None:
        response = answer(drawn)
    if "drip" in drawn:
        _drip(response, drawn["drip"].number("seconds", 1))
    if "clock_off" in drawn and "werkzeug.socket" not in request.environ:  # that server writes its own Date
        response.headers["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(clock(world, drawn)))
    return response


def _drip(response: Response, seconds: float) -> None:
    body = response.get_data()

    def bytes_one_by_one() -> Iterator[bytes]:
        for octet in body:
            time.sleep(seconds)
            yield bytes([octet])

    response.response = bytes_one_by_one()
    response.headers["Content-Length"] = str(len(body))


def _text(fault: Fault, _: World) -> Response:
    return Response("The sandbox was told to fail.", int(fault.number("status", 500)), mimetype="text/plain")


def _throttled(fault: Fault, _: World) -> Response:
    body = {"error": "temporarily_unavailable", "error_description": "Too many requests."}
    return json_answer(body, 429, {"Retry-After": str(int(fault.number("seconds", 1)))})


def _html(fault: Fault, _: World) -> Response:
    return Response(_GATEWAY_PAGE, int(fault.number("status", 200)), mimetype="text/html")


def _redirect(_: Fault, world: World) -> Response:
    return Response("", 302, {"Location": f"{world.base_url}/sandbox/elsewhere"})


def _huge(fault: Fault, _: World) -> Response:
    filling = "x" * int(fault.number("bytes", 20_000_000))
    return json_answer({"filling": filling})


def hang_up() -> Response:
    """Close the connection without an answer."""
    error = ConnectionResetError("the sandbox was told to close the connection")
    if line := request.environ.get("werkzeug.socket"):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # say so with RST
        line.shutdown(socket.SHUT_RDWR)
    if "granian" not in str(request.environ.get("SERVER_SOFTWARE", "")).lower():
        raise error  # Werkzeug's server takes it for a dropped connection; PROPAGATE_EXCEPTIONS lets it out

    def breaks_off() -> Iterator[bytes]:
        # Granian makes a 500 of an early error, and closes the connection without an answer on a late one.
        yield b"{"
        raise error

    return Response(breaks_off(), 200, {"Content-Length": "100"}, content_type="application/json")


_BROKEN: Final[dict[str, Callable[[Fault, World], Response]]] = {
    "reset": lambda _, __: hang_up(),
    "http_500": _text,
    "throttled_429": _throttled,
    "html": _html,
    "redirect": _redirect,
    "empty": lambda _, __: Response(b"", 200, content_type="application/json"),
    "not_json": lambda _, __: Response('{"access_token": "broken', 200, content_type="application/json"),
    "json_list": lambda _, __: json_answer([]),
    "huge": _huge,
}
