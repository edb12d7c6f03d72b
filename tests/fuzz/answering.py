"""A server that answers whatever it is asked with the bytes at hand, behind the bridge's real way out."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from bridge.outbound import Outbound
from tests.kit.mounted import Mounted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

ORIGIN: Final = "https://idp.example.com"
_BROKEN: Final = re.compile(r"[\r\n\0]")
_FIELD: Final = re.compile(r"(?P<name>[A-Za-z-]{1,40}): ?(?P<value>.*)")
_STATUS: Final = re.compile(r"[2-5][0-9]{2}")


class Answering:
    """Answers with `reply`: a status, a line for each header field, an empty line, and the body."""

    def __init__(self) -> None:
        self.reply = b""

    def __call__(self, _environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        head, _, body = self.reply.partition(b"\n\n")
        status, *lines = head.decode("latin-1").split("\n")
        fields = [(found["name"], _BROKEN.sub("", found["value"])) for found in map(_FIELD.fullmatch, lines) if found]
        start_response(f"{status if _STATUS.fullmatch(status) else 200} So", fields)
        return [body]


@cache
def server() -> Answering:
    """Return the one server, at `ORIGIN` and wherever else somebody mounts it."""
    return Answering()


@cache
def way_out() -> Outbound:
    """Return a way out that leads to the server alone."""
    adapter = Mounted()
    adapter.mount(ORIGIN, server())
    return Outbound(adapter=adapter)
