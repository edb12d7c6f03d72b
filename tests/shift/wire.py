"""One browser's way to the bridge: its cookies and its scripts' requests, with nothing that takes time."""

from __future__ import annotations

import io
import json
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shift.replicas import Balancer


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and JSON members of an answer; `seconds` is the time that it took, by the real clock."""

    status: int
    body: dict[str, Any] = field(repr=False)
    seconds: float

    @property
    def is_temporary(self) -> bool:
        """The same question may well be answered in a moment."""
        return self.status == 429 or self.status >= 500


class Wire:
    """What all tabs of a browser share.

    Args:
        origin: of the bridge.
        cookies: name to value.
        heard: is told each reply.
    """

    def __init__(
        self, balancer: Balancer, origin: str, cookies: dict[str, str], heard: Callable[[Reply], None]
    ) -> None:
        self.cookies = cookies
        self._balancer = balancer
        self._origin = origin
        self._heard = heard

    def copy(self) -> Wire:
        """Return a browser with the cookies of this one as they are now."""
        return Wire(self._balancer, self._origin, dict(self.cookies), self._heard)

    def ask(self, method: str, path: str, csrf_token: str = "") -> Reply:
        """Ask like a script of the page."""
        started = time.perf_counter()
        head: list[tuple[str, list[tuple[str, str]]]] = []
        answer = self._balancer(
            self._environ(method, path, csrf_token), lambda status, headers, _=None: head.append((status, headers))
        )
        ((status, headers),) = head
        for name, value in headers:
            if name == "Set-Cookie":
                self._keep(value)
        kind = next((value for name, value in headers if name == "Content-Type"), "")
        body = json.loads(b"".join(answer)) if "json" in kind else {}
        reply = Reply(int(status.split()[0]), body, time.perf_counter() - started)
        self._heard(reply)
        return reply

    def _keep(self, header: str) -> None:
        name, _, value = header.partition(";")[0].partition("=")
        if "Max-Age=0" in header:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    def _environ(self, method: str, path: str, csrf_token: str) -> dict[str, Any]:
        address = urlsplit(self._origin)
        return {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": address.hostname,
            "SERVER_PORT": str(address.port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": "0",
            "HTTP_HOST": address.netloc,
            "HTTP_ACCEPT": "application/json",
            "HTTP_SEC_FETCH_MODE": "cors",
            "HTTP_ORIGIN": self._origin,
            "HTTP_X_CSRF_TOKEN": csrf_token,
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": address.scheme,
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
