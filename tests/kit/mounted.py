"""A requests adapter that calls WSGI applications instead of opening sockets."""

from __future__ import annotations

from email.message import Message
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests.adapters import BaseAdapter
from requests.cookies import extract_cookies_to_jar
from requests.models import Response
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPHeaderDict, HTTPResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app

from bridge.egress.addresses import PrivateAddress, is_public
from bridge.egress.certificates import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests.models import PreparedRequest

    from bridge.outbound import Limits


class Mounted(BaseAdapter):
    """Answers each origin with the application mounted there; whatever is not mounted refuses the connection.

    Args:
        private: host names that stand for a private network, besides the literal ones.
        certificates: host name to the epoch seconds at which its certificate ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self.applications: dict[str, Any] = {}
        self.private: set[str] = set()
        self.certificates: dict[str, float] = {}
        self.before: Callable[[PreparedRequest], None] = lambda _request: None

    def mount(self, origin: str, application: Any) -> None:
        """Answer ``http://host:port`` with a WSGI application."""
        self.applications[origin] = application

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        self.before(request)
        parts = urlsplit(str(request.url))
        application = self.applications.get(f"{parts.scheme}://{parts.netloc}")
        if application is None:
            raise ConnectionRefusedError(111, "Connection refused")
        body = request.body or b""
        builder = EnvironBuilder(
            path=parts.path or "/",
            query_string=parts.query,
            method=str(request.method),
            base_url=f"{parts.scheme}://{parts.netloc}",
            headers=list(request.headers.items()),
            data=body if isinstance(body, bytes) else str(body).encode(),
            environ_base={"REMOTE_ADDR": "127.0.0.1"},
        )
        iterable, status, headers = run_wsgi_app(application, builder.get_environ(), buffered=True)
        return _response(request, int(status.split()[0]), HTTPHeaderDict(list(headers)), b"".join(iterable))

    def to_public(self) -> BaseAdapter:
        """Return the same applications without those on private hosts."""
        return _PublicMounted(self)

    def check_public(self, place: Place, seconds: float) -> None:
        if place.host in self.private or not is_public(place.host):
            raise PrivateAddress

    def certificate_expiry(self, place: Place, limits: Limits, *, public_only: bool) -> float | None:
        is_hidden = public_only and (place.host in self.private or not is_public(place.host))
        return None if is_hidden else self.certificates.get(place.host)

    def close(self) -> None:
        """There is nothing to close."""


class _PublicMounted(BaseAdapter):
    def __init__(self, mounted: Mounted) -> None:
        super().__init__()
        self._mounted = mounted

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        parts = urlsplit(str(request.url))
        self._mounted.check_public(Place(parts.hostname or "", parts.port or 443), 0)
        return self._mounted.send(request, *args, **kwargs)

    def close(self) -> None:
        """There is nothing to close."""


class _Original:
    """The part of http.client's response that requests reads cookies from."""

    def __init__(self, headers: HTTPHeaderDict) -> None:
        self.msg = Message()
        for name, value in headers.iteritems():
            self.msg[name] = value

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        """There is nothing to close."""


def _response(request: PreparedRequest, status: int, headers: HTTPHeaderDict, body: bytes) -> Response:
    response = Response()
    response.status_code = status
    response.headers.update(headers)
    response.encoding = get_encoding_from_headers(response.headers)
    response.raw = HTTPResponse(
        body=BytesIO(body),
        headers=headers,
        status=status,
        preload_content=False,
        request_method=request.method,
        original_response=_Original(headers),  # type: ignore[arg-type]
    )
    response.request = request
    response.url = str(request.url)
    extract_cookies_to_jar(response.cookies, request, response.raw)  # type: ignore[no-untyped-call]
    return response
