"""The only way out: one pooled adapter for all rooms, with time limits, a size limit and no redirects.

Callers say what to send and which of their errors a failure is; nothing here knows whom it talks to.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import certifi
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from bridge.core.errors import BridgeError, showable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests.auth import AuthBase

_CHUNK: Final = 16_384
_CONNECTIONS_PER_HOST: Final = 64
_HOSTS: Final = 256
_AUTHORITY_END: Final = re.compile(r"[/?#]")


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits in seconds (`deadline`: one call in all, however slowly it drips) and the largest answer in bytes."""

    connect: float = 3.0
    read: float = 10.0
    deadline: float = 20.0
    size: int = 1_048_576


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read whole; the body is kept out of the text form. `date` is the server's clock (RFC 9110)."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    date: str = ""

    @property
    def kind(self) -> str:
        """The media type alone, as it may be shown."""
        media_type = self.content_type.partition(";")[0].strip()
        return showable(media_type) if media_type else "without a type"

    def json(self) -> Any:
        """Return the body as JSON; raises ValueError where it is none, or repeats a member or holds NaN."""
        return json.loads(self.body, object_pairs_hook=_unique_members, parse_constant=_refuse_constant)

    def json_object(self) -> dict[str, Any] | None:
        """Return the body as a JSON object, or None where it is anything else."""
        try:
            value = self.json()
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


@dataclass(frozen=True, slots=True)
class FailAs:
    """The two errors of the calling room: nobody answered, or the answer breaks a limit."""

    unreachable: type[BridgeError]
    invalid: type[BridgeError]


class Outbound:
    """Sends requests of all rooms over shared, pooled keep-alive connections.

    Args:
        ca_bundle: path of a CA file; empty: the system's authorities (``SSL_CERT_FILE`` counts), else certifi's.
        limits: time and size limits of every call.
        adapter: another transport (tests mount applications here); default: the pooled adapter.
    """

    def __init__(
        self, *, ca_bundle: str = "", limits: Limits | None = None, adapter: BaseAdapter | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._watch = _Watch()
        # No session of requests: it would remember one customer's cookies for another, and read proxies and .netrc,
        # whose credentials nobody configured here.
        self._transport = adapter or PooledAdapter(_trusting(ca_bundle))

    def get(self, url: str, fail_as: FailAs, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a GET; see `send`."""
        return self.send("GET", url, fail_as, headers=headers)

    def send(
        self,
        method: str,
        url: str,
        fail_as: FailAs,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        auth: AuthBase | Callable[[Any], Any] | None = None,
    ) -> Answer:
        """Send one request and return its answer, whatever its status.

        Redirects are never followed: a 3xx is an answer like any other, for the caller to refuse.

        Args:
            form: sent as ``application/x-www-form-urlencoded`` in the body.
            auth: signs the prepared request (client authentication).

        Raises:
            fail_as.unreachable: time-out, refused or reset connection, failed TLS.
            fail_as.invalid: the answer is larger than the limit or cannot be decoded.
        """
        flight = self._watch.until(time.monotonic() + self.limits.deadline)
        expected = f"an answer from {host_of(url)}"
        try:
            with flight:
                answer = self._receive(_prepared(method, url, _headers(headers), form, auth), fail_as)
        except requests.Timeout as fault:
            raise fail_as.unreachable(expected=expected, received="none in time") from fault
        except requests.exceptions.ContentDecodingError as fault:
            raise fail_as.invalid(expected=expected, received="one that cannot be decoded") from fault
        except (requests.RequestException, HTTPError, OSError, UnicodeError) as fault:
            received = "none in time" if flight.is_cut else _reason(fault)
            raise fail_as.unreachable(expected=expected, received=received) from fault
        if flight.is_cut:
            # Where nothing says how long headers or body are, their end and a cut look the same.
            raise fail_as.unreachable(expected=expected, received="none in time")
        return answer

    def _receive(self, request: requests.PreparedRequest, fail_as: FailAs) -> Answer:
        limits = self.limits
        with self._transport.send(
            request, stream=True, timeout=(min(limits.connect, limits.deadline), min(limits.read, limits.deadline))
        ) as response:
            body = bytearray()
            for chunk in response.iter_content(_CHUNK):
                body += chunk
                if len(body) > limits.size:
                    raise fail_as.invalid(expected=f"at most {limits.size} bytes", received="a larger answer")
            return Answer(
                response.status_code,
                response.headers.get("Content-Type", ""),
                bytes(body),
                response.headers.get("Date", ""),
            )

    def close(self) -> None:
        """Close all pooled connections."""
        self._transport.close()


class PooledAdapter(HTTPAdapter):
    """Keeps connections alive, with one TLS context parsed once.

    requests hands the CA file's path to every new connection, which parses it again (23 ms of CPU): here the pool's key
    carries the ready context instead, and the path is never set. The context itself demands a trusted certificate.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=_HOSTS, pool_maxsize=_CONNECTIONS_PER_HOST)
        self.poolmanager.pool_classes_by_scheme = {"http": _WatchedHttpPool, "https": _WatchedHttpsPool}

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[Any, Any]:
        """Return the pool's key: scheme, host, port and the one shared context."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._context} if host["scheme"] == "https" else {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the connection as it is: its context has the authorities and demands a certificate."""


def host_of(url: str) -> str:
    """Return scheme and host of a URL as it may be shown; path and query can hold what must not be."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{_AUTHORITY_END.split(rest, maxsplit=1)[0].rpartition('@')[2]}"


def _trusting(ca_bundle: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_bundle or None)
    known = ssl.get_default_verify_paths()
    if not (ca_bundle or known.cafile or known.capath):
        # Slim containers come without the system's authorities.
        context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _headers(given: Mapping[str, str] | None) -> dict[str, str]:
    # identity: a compressed answer could unfold to far more than the size limit while it is read
    return {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "hotline-bridge"} | dict(
        given or {}
    )


def _prepared(
    method: str,
    url: str,
    headers: Mapping[str, str],
    form: Mapping[str, str] | None,
    auth: AuthBase | Callable[[Any], Any] | None,
) -> requests.PreparedRequest:
    # Step by step: `Request.prepare` also looks for parameters, files and cookies, which takes as long as all the rest.
    request = requests.PreparedRequest()
    request.method = method
    request.prepare_url(url, None)
    request.prepare_headers(headers)
    if form:
        request.body = urlencode(form)
        request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        request.prepare_content_length(request.body)
    if auth:
        request.prepare_auth(auth)
    return request


def _reason(fault: Exception) -> str:
    text = repr(fault)
    for sign, reason in (
        ("Read timed out", "none in time"),
        ("SSLError", "a failed TLS handshake"),
        ("NameResolutionError", "an unknown host name"),
        ("refused", "a refused connection"),
    ):
        if sign in text:
            return reason
    return "a broken connection"


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers of one document may take different twins of a member: refuse instead of choosing.
    members = dict(pairs)
    if len(members) != len(pairs):
        message = "a member is repeated"
        raise ValueError(message)
    return members


def _refuse_constant(constant: str) -> None:
    message = f"{constant} is no JSON"
    raise ValueError(message)


class _Watch:
    """Cuts the sockets of calls that are past their deadline.

    Read time-outs start anew with every byte, so a server that drips could hold a thread for hours; one watcher thread
    for all calls ends that at the cost of a dictionary entry a call.
    """

    _TICK: Final = 0.25

    def __init__(self) -> None:
        self._flights: dict[int, _Flight] = {}
        self._waiting = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def until(self, give_up_at: float) -> _Flight:
        """Return a context in which this thread's sockets are cut at `give_up_at` (monotonic seconds)."""
        return _Flight(self, give_up_at)

    def enter(self, flight: _Flight) -> None:
        with self._lock:
            self._flights[id(flight)] = flight
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._patrol, name="outbound-watch", daemon=True)
                self._thread.start()
        self._waiting.set()

    def leave(self, flight: _Flight) -> None:
        with self._lock:
            self._flights.pop(id(flight), None)

    def _patrol(self) -> None:
        while True:
            self._waiting.wait()
            time.sleep(self._TICK)
            with self._lock:
                overdue = [flight for flight in self._flights.values() if flight.give_up_at < time.monotonic()]
                if not self._flights:
                    self._waiting.clear()
            for flight in overdue:
                flight.cut()


_current = threading.local()


class _Flight:
    """One call under watch; the connection it uses registers its socket here."""

    def __init__(self, watch: _Watch, give_up_at: float) -> None:
        self.give_up_at = give_up_at
        self.is_cut = False
        self._watch = watch
        self._socket: socket.socket | None = None

    def __enter__(self) -> None:
        _current.flight = self
        self._watch.enter(self)

    def __exit__(self, *_: object) -> None:
        self._watch.leave(self)
        _current.flight = None
        self._socket = None

    def uses(self, connected: socket.socket | None) -> None:
        """Remember the socket to cut."""
        self._socket = connected

    def cut(self) -> None:
        """End both directions of the socket, which wakes the thread that reads it."""
        connected = self._socket
        if connected is not None:
            self.is_cut = True
            try:
                connected.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


def _register(connected: socket.socket | None) -> None:
    flight: _Flight | None = getattr(_current, "flight", None)
    if flight is not None:
        flight.uses(connected)


class _WatchedHttpConnection(HTTPConnection):
    def getresponse(self) -> Any:
        _register(self.sock)
        return super().getresponse()


class _WatchedHttpsConnection(HTTPSConnection):
    def getresponse(self) -> Any:
        _register(self.sock)
        return super().getresponse()


class _WatchedHttpPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHttpConnection


class _WatchedHttpsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHttpsConnection
