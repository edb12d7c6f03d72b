"""What browsers, platforms and providers ask of the bridge: whole requests, through every layer of the application.

A seed is a request as HTTP has it: method and target, header fields, an empty line, the body. ``@KEY@`` and its like
stand for what the house has given out: an API key, a console's cookie and form token, a state and its sealed cookie.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO, StringIO
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from werkzeug.test import run_wsgi_app

from bridge.checks.scene import Scene
from bridge.core.landing import own_path, safe_landing
from bridge.egress.answer import Answer
from bridge.http.address import UNKNOWN, client_address
from bridge.settings import Limits
from bridge.signin.pending import PendingSignIn
from bridge.upstream.metadata import KeyCache, MetadataCache
from tests.fuzz.answering import way_out
from tests.kit.desk import form_token, operator
from tests.kit.house import BRIDGE, SANDBOX, build_house, demo_settings
from tests.kit.platform import platform_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.kit.house import House

CONNECTION: Final = "globex"
_FIELD: Final = re.compile(rb"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]{1,60}):[ \t]*(?P<value>[^\r\0]*)")
_UNLIMITED: Final = Limits(**dict.fromkeys(Limits.model_fields, ""))
_PROXIES: Final = ("127.0.0.0/8", "10.0.0.0/8")
_OUR_FAULT: Final = 500
_AGES: Final = 10**12
_UNREACHABLE: Final = {502, 503, 504}


@dataclass(frozen=True, slots=True)
class Heard:
    """What the bridge answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def code(self) -> str:
        """The problem's code, empty where it is no problem document."""
        try:
            return str(json.loads(self.body)["code"])
        except (ValueError, LookupError, TypeError):
            return ""


def request(data: bytes) -> Heard:
    """Any request is answered: never with a fault of ours, a header that breaks off, or a way to another site."""
    heard = _ask(data)
    assert heard.status < _OUR_FAULT or (heard.status in _UNREACHABLE and heard.code != "internal_error"), heard
    for name, value in heard.headers:
        assert value.encode("latin-1"), name
        assert value.isprintable(), (name, value)
        if name == "Location":
            there = urlsplit(urljoin(f"{BRIDGE}/", value))
            assert f"{there.scheme}://{there.netloc}" in {BRIDGE, SANDBOX}, value
    return heard


def cookies(data: bytes) -> None:
    """Cookies that the bridge did not give open nothing: neither the phone, nor the console."""
    for path in (b"/session", b"/admin/connections", b"/callback/globex?state=x&code=y"):
        heard = request(b"GET %s\nAccept: application/json\nCookie: %s\n\n" % (path, data.replace(b"\n", b" ")))
        assert heard.status in {302, 303, 400, 401, 403}, heard


def landing(data: bytes) -> None:
    """Where a sign-in lands is a path of our own, however a browser or a proxy reads it."""
    text = data.decode("utf-8", "replace")
    for path in (safe_landing(text), own_path(text, "/")):
        there = urlsplit(urljoin(f"{BRIDGE}/", path))
        assert f"{there.scheme}://{there.netloc}" == BRIDGE, path
        assert path.isprintable()
        seen = unquote_to_bytes(path.partition("?")[0]).decode("latin-1")
        assert seen.startswith("/")
        assert not seen.startswith(("//", "/\\"))


def forwarded_for(data: bytes) -> None:
    """Whose request it is can always be told: the peer, or whom trusted proxies vouch for, as a valid address."""
    text = data.decode("latin-1").replace("\n", ",")
    for peer in ("192.0.2.7", "127.0.0.1", "unix:"):
        environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": text}
        with _house().app.test_request_context("/", environ_overrides=environ):
            found = client_address()
        assert str(ip_address(found)) == found
        assert found == {"192.0.2.7": "192.0.2.7", "unix:": UNKNOWN}.get(peer, found)


def server_date(data: bytes) -> None:
    """The clock of another server is told as an offset, or not at all."""
    scene = Scene(_house().services, way_out(), MetadataCache(way_out()), KeyCache(way_out()))
    answer = Answer(200, "", b"", {"Date": data.decode("latin-1")})
    offset = scene.offset("idp.example.com", answer)
    assert offset is None or abs(offset) < _AGES


def _ask(data: bytes) -> Heard:
    for mark, given in _given_out().items():
        data = data.replace(mark, given)
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    environ = {**_request_line(first), **_fields(lines), "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    chunks, status, headers = run_wsgi_app(_house().app, environ, buffered=True)
    return Heard(int(status.split()[0]), list(headers), b"".join(chunks))


def _request_line(line: bytes) -> dict[str, Any]:
    method, _, target = line.partition(b" ")
    path, _, query = target.partition(b"?")
    return {
        "REQUEST_METHOD": method.decode("latin-1") if method.isalpha() else "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path if path.startswith(b"/") else b"/" + path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": urlsplit(BRIDGE).netloc,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.errors": StringIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _fields(lines: Sequence[bytes]) -> dict[str, str]:
    """Return header fields as WSGI has them: those of one name are one (PEP 3333, RFC 9110 section 5.3)."""
    fields: dict[str, str] = {}
    for found in filter(None, map(_FIELD.fullmatch, lines)):
        name = found["name"].decode("ascii").upper().replace("-", "_")
        key = name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}"
        value = found["value"].decode("latin-1")
        fields[key] = f"{fields[key]},{value}" if key in fields else value
    return fields


@cache
def _house() -> House:
    settings = demo_settings(Path(_folder().name))
    server = settings.server.model_copy(update={"trusted_proxies": _PROXIES})
    return build_house(replace(settings, limits=_UNLIMITED, server=server))


@cache
def _given_out() -> dict[bytes, bytes]:
    """Return what stands for each mark."""
    house = _house()
    console = operator(house)
    pending = house.services.pending
    state = pending.new_state(0)
    begun = PendingSignIn(CONNECTION, state, "nonce", "verifier", landing="/softphone", version=1)
    given = {
        "@KEY@": platform_of(house, "contoso", CONNECTION).key,
        "@ADMIN@": str(console.cookie("bridge_admin")),
        "@CSRF@": form_token(console),
        "@STATE@": state,
        "@PENDING@": pending.seal(begun),
    }
    return {name.encode(): value.encode() for name, value in given.items()}


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fuzz-")
