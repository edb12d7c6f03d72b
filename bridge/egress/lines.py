"""Watched connections: opened within one time limit, guarded against private networks, cut when a call is overdue."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    InvalidChunkLength,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.response import HTTPResponse

from bridge.egress.addresses import Address, demand_public, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

_USUAL_PATIENCE: Final = 10.0
_LEAST_PATIENCE: Final = 0.001
_TICKETS: Final = 0.5
"""Seconds that they are waited for, more than any round trip; nobody waits for the line meanwhile."""
_NO_DELAY: Final = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

_current = threading.local()


def open_socket(host: str, port: int, seconds: float, *, public_only: bool) -> socket.socket:
    """Return a socket connected to one of the host's addresses.

    The name is resolved once, and what was checked is what is connected to: a second answer of a rebinding name server
    is never asked for.

    Args:
        seconds: for connecting to all addresses together; each but the last gets half of what is left.
        public_only: refuse the host when any of its addresses is private.

    Raises:
        PrivateAddress: only with `public_only`; no packet was sent.
        OSError: TimeoutError, socket.gaierror or why the last address failed.
        UnicodeError: no possible name.
    """
    flight: Flight | None = getattr(_current, "flight", None)
    left = flight.seconds_left() if flight else seconds
    addresses = resolve(host, port, left)
    if public_only:
        demand_public(addresses)
    give_up_at = time.monotonic() + min(seconds, flight.seconds_left() if flight else seconds)
    connected = _connect(addresses, give_up_at)
    connected.settimeout(seconds)
    return connected


def _connect(addresses: list[Address], give_up_at: float) -> socket.socket:
    failure = OSError("no address")
    for at, address in enumerate(addresses, 1):
        left = max(give_up_at - time.monotonic(), _LEAST_PATIENCE)
        try:
            return _connect_one(address, left if at == len(addresses) else left / 2)
        except OSError as fault:
            failure = fault
    raise failure


def _connect_one(address: Address, seconds: float) -> socket.socket:
    connected = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connected.setsockopt(*_NO_DELAY)
        connected.settimeout(seconds)
        connected.connect(address.target)
    except OSError:
        connected.close()
        raise
    return connected


class Watch:
    """Cuts the sockets of calls that are past their deadline.

    Read time-outs start anew with every byte, so a server that drips could hold a thread for hours; one watcher thread
    for all calls ends that at the cost of a dictionary entry a call.
    """

    _TICK: Final = 0.25

    def __init__(self) -> None:
        self._flights: dict[int, Flight] = {}
        self._waiting = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def until(self, give_up_at: float) -> Flight:
        """Return a context in which this thread's sockets are cut at `give_up_at` (monotonic seconds)."""
        return Flight(self, give_up_at)

    def enter(self, flight: Flight) -> None:
        """Begin to watch a call."""
        with self._lock:
            self._flights[id(flight)] = flight
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._patrol, name="outbound-watch", daemon=True)
                self._thread.start()
        self._waiting.set()

    def leave(self, flight: Flight) -> None:
        """Watch a call no longer."""
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


class Flight:
    """One call under watch; the connection it uses registers its socket here."""

    def __init__(self, watch: Watch, give_up_at: float) -> None:
        self.give_up_at = give_up_at
        self.is_cut = False
        self._watch = watch
        self._socket: socket.socket | None = None

    def __enter__(self) -> None:
        _current.flight = self
        self._watch.enter(self)

    def __exit__(self, *_: object) -> None:
        self.lands()
        _current.flight = None

    def seconds_left(self) -> float:
        """Return how long the call may still take."""
        return max(self.give_up_at - time.monotonic(), _LEAST_PATIENCE)

    def uses(self, connected: socket.socket | None) -> None:
        """Remember the socket to cut."""
        self._socket = connected

    def goes_on(self, give_up_at: float) -> Flight:
        """Return a call that is under watch from now on and uses the same socket: its body is read later, by and by.

        Whoever reads it says `lands` at the end.
        """
        longer = Flight(self._watch, give_up_at)
        longer.uses(self._socket)
        self._watch.enter(longer)
        return longer

    def lands(self) -> None:
        """Be watched no longer."""
        self._watch.leave(self)
        self._socket = None

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
    flight: Flight | None = getattr(_current, "flight", None)
    if flight is not None:
        flight.uses(connected)


def _opened(line: HTTPConnection, *, public_only: bool) -> socket.socket:
    # What a pool knows of failures are urllib3's own.
    seconds = float(line.timeout or _USUAL_PATIENCE)
    try:
        # `host` has lost a final dot, which tells the resolver not to try the machine's own domain.
        return open_socket(line._dns_host, line.port, seconds, public_only=public_only)  # noqa: SLF001
    except socket.gaierror as fault:
        raise NameResolutionError(line.host, line, fault) from fault
    except TimeoutError as fault:
        raise ConnectTimeoutError(line, "no connection in time") from fault
    except OSError as fault:
        raise NewConnectionError(line, str(fault)) from fault
    except UnicodeError as fault:
        raise LocationParseError(line.host) from fault


class _Measured(HTTPResponse):
    """A response that takes no chunk of less than nothing.

    urllib3 and http.client read ``-1`` as a length (RFC 9112 section 7.1 knows digits alone), and then all that comes
    at once, past every limit of size.
    """

    def _update_chunk_length(self) -> None:
        super()._update_chunk_length()
        if self.chunk_left is not None and self.chunk_left < 0:
            self.close()
            raise InvalidChunkLength(self, b"less than nothing")


def _measured(response: HTTPResponse) -> HTTPResponse:
    # urllib3's connections make their responses themselves, of one class.
    response.__class__ = _Measured
    return response


class _HttpLine(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _opened(self, public_only=False)

    def getresponse(self) -> Any:
        _register(self.sock)
        return _measured(super().getresponse())


class _HttpsLine(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _opened(self, public_only=False)

    def getresponse(self) -> Any:
        _register(self.sock)
        return _measured(super().getresponse())


class _PublicLine(_HttpsLine):
    def _new_conn(self) -> socket.socket:
        return _opened(self, public_only=True)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpLine


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsLine


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicLine


def get_ready(pool: HTTPConnectionPool, seconds: float) -> None:
    """Open a connection of a pool in the background, unless one is open; whatever fails is the next caller's to tell.

    Args:
        seconds: for connecting, and for each step of the handshake.
    """
    line: Any = pool._get_conn(timeout=_LEAST_PATIENCE)  # noqa: SLF001 — as a call takes one, and gives it back
    if line.is_connected:
        pool._put_conn(line)  # noqa: SLF001 — likewise
        return

    def open_it() -> None:
        try:
            line.timeout = seconds
            line.connect()
            _swallow_tickets(line)
        except Exception:  # noqa: BLE001 — nobody asked for anything yet
            line.close()
        pool._put_conn(line)  # noqa: SLF001 — likewise

    threading.Thread(target=open_it, name="egress-ready", daemon=True).start()


def _swallow_tickets(line: Any) -> None:
    """Take in the session tickets that follow a handshake of TLS 1.3 (RFC 8446 section 4.6.1).

    A pool takes a line on which something lies unread for one that was dropped.
    """
    if isinstance(line.sock, ssl.SSLSocket):
        line.sock.settimeout(_TICKETS)
        with suppress(TimeoutError):
            line.sock.recv(1)
            line.close()  # hung up, or speaks before it is asked


POOLS: Final[Mapping[str, type[HTTPConnectionPool]]] = {"http": _HttpPool, "https": _HttpsPool}
"""Pools of lines to any host, by scheme."""
PUBLIC_POOLS: Final[Mapping[str, type[HTTPConnectionPool]]] = {"https": _PublicPool}
"""Pools of lines to public addresses alone; plain http is left out."""
