"""Requests that two servers in a row may read in two ways (request smuggling, RFC 9112 section 11.2) are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import after_this_request, request

from bridge.core.errors import PageUnknown, RequestInvalid
from bridge.http.address import names_one_host

if TYPE_CHECKING:
    from flask import Flask, Response

_LENGTH_REQUIRED: Final = 411


def install(app: Flask) -> None:
    """Let `app` refuse what its proxy may have read otherwise, before any of its own checks."""
    app.before_request(refuse_second_readings)


def refuse_second_readings() -> None:
    """Refuse a body without a length, several hosts, and a path whose slashes a rule of the proxy would not match.

    Raises:
        RequestInvalid: 411 for Transfer-Encoding, which browsers and clients of small bodies do not send (RFC 9112
            section 6.3 permits it); 400 for a second Host (section 3.2).
        PageUnknown: ``//admin`` would be ``/admin`` here and something else to a proxy that keeps ``/admin`` shut.
    """
    environ = request.environ
    if "HTTP_TRANSFER_ENCODING" in environ:
        after_this_request(hang_up)
        raise RequestInvalid(expected="Content-Length", received="Transfer-Encoding", status=_LENGTH_REQUIRED)
    if not names_one_host(environ):
        raise RequestInvalid(expected="one Host", received="several")
    if environ["PATH_INFO"].startswith("//"):
        raise PageUnknown


def hang_up(response: Response) -> Response:
    """Close the line after this answer."""
    # Whatever follows on this line, somebody in front may take for a part of this request.
    response.headers["Connection"] = "close"
    return response
