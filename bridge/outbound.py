"""The only way out: one pooled adapter for all rooms, with time limits, a size limit and no redirects.

Callers say what to send and which of their errors a failure is; nothing here knows whom it talks to.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import requests
from urllib3.exceptions import HTTPError

from bridge.core.errors import BridgeError
from bridge.egress.addresses import PrivateAddress
from bridge.egress.answer import Answer
from bridge.egress.breaker import Breakers, Tripped
from bridge.egress.faults import FailAs, reason
from bridge.egress.hosts import host_of, line_of, place_of
from bridge.egress.hurry import Hurry
from bridge.egress.limits import Limits
from bridge.egress.lines import Flight, Watch
from bridge.egress.pooled import PooledAdapter
from bridge.egress.prepared import headers_with, prepared
from bridge.egress.streamed import CHUNK, Due, Streamed, announced, pieces
from bridge.egress.trust import trusting
from bridge.egress.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from requests.adapters import BaseAdapter
    from requests.auth import AuthBase

    from bridge.egress.certificates import Place
    from bridge.egress.witness import Observer

__all__ = ["FailAs", "Guarded", "Limits", "Outbound", "PooledAdapter", "host_of"]

_CHUNK: Final = 16_384


@runtime_checkable
class Guarded(Protocol):
    """An adapter that knows where its hosts lie."""

    def to_public(self) -> BaseAdapter:
        """Return an adapter to public addresses alone, with connections of its own; it raises PrivateAddress."""
        ...

    def check_public(self, place: Place, seconds: float) -> None:
        """Resolve a host; raises PrivateAddress, and OSError or UnicodeError where there is no answer in time."""
        ...

    def certificate_expiry(self, place: Place, limits: Limits, *, public_only: bool) -> float | None:
        """Return the epoch seconds at which a host's certificate ends, or None; never raises."""
        ...


class Outbound:
    """Sends requests of all rooms over shared, pooled keep-alive connections.

    A host that does not answer costs the others nothing: it holds few threads, and after some failures in a row it is
    left alone for a while (see `Breakers`).

    Args:
        ca_bundle: path of a CA file; empty: the system's authorities (``SSL_CERT_FILE`` counts), else certifi's.
        limits: time and size limits of every call.
        adapter: another transport (tests mount applications here), guarded only if it is `Guarded`; default: the
            pooled adapter.
        allow_private: the deployment lets ``public_only`` calls into private networks, and over plain http.
        clock: monotonic seconds, by which hosts are left alone.
    """

    def __init__(
        self,
        *,
        ca_bundle: str = "",
        limits: Limits | None = None,
        adapter: BaseAdapter | None = None,
        allow_private: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self._watch = Watch()
        self._breakers = Breakers(self.limits.per_host, clock)
        self._hurry = Hurry()
        self._witness = Witness(self._breakers)
        self._guards = not allow_private
        # No session of requests: it would remember one customer's cookies for another, and read proxies and .netrc,
        # whose credentials nobody configured here.
        self._transport = adapter or PooledAdapter(trusting(ca_bundle))
        self._public_transport = self._transport
        if self._guards and isinstance(self._transport, Guarded):
            # Lines of its own: what was opened without the guard must not be used again under it.
            self._public_transport = self._transport.to_public()

    def get(
        self, url: str, fail_as: FailAs, *, headers: Mapping[str, str] | None = None, public_only: bool = False
    ) -> Answer:
        """Send a GET; see `send`."""
        return self.send("GET", url, fail_as, headers=headers, public_only=public_only)

    def send(
        self,
        method: str,
        url: str,
        fail_as: FailAs,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        auth: AuthBase | Callable[[Any], Any] | None = None,
        public_only: bool = False,
    ) -> Answer:
        """Send one request and return its answer, whatever its status.

        Redirects are never followed: a 3xx is an answer like any other, for the caller to refuse.

        Args:
            form: sent as ``application/x-www-form-urlencoded`` in the body.
            auth: signs the prepared request (client authentication).
            public_only: the address comes from somebody who must not reach private networks through us: https, and
                public addresses alone.

        Raises:
            fail_as.unreachable: time-out, refused or reset connection, failed TLS; or the host was not asked, because
                it gave no answers lately or too few yet.
            fail_as.invalid: the answer is larger than the limit or cannot be decoded, or the host is private.
        """
        with self._witness.of(method, url, fail_as) as call, self._failing(url, fail_as) as flight:
            request = prepared(method, url, headers_with(headers), form, auth)
            transport = self._transport_for(request, fail_as, public_only=public_only)
            with self._counting(request):
                return call.answered(self._receive(transport, request, flight, fail_as))

    @contextmanager
    def stream(
        self,
        url: str,
        fail_as: FailAs,
        *,
        headers: Mapping[str, str] | None = None,
        public_only: bool = False,
        largest: int,
        deadline: float,
    ) -> Iterator[Streamed]:
        """Send a GET and give its answer while its body still comes; guarded as `send`, whose arguments these are.

        What the caller's own use of the body raises passes through as it is.

        Args:
            largest: bytes of the body at most, instead of the usual limit.
            deadline: seconds for the whole body, instead of the usual one; until it begins, the usual one counts.

        Raises:
            fail_as.unreachable: as `send`; also while the body is read, where it breaks off or is late.
            fail_as.invalid: as `send`; also while the body is read, where it is too large.
        """
        with self._witness.of("GET", url, fail_as) as call, self._failing(url, fail_as) as flight:
            request = prepared("GET", url, headers_with(headers), None, None)
            transport = self._transport_for(request, fail_as, public_only=public_only)
            with self._counting(request):
                response = transport.send(request, stream=True, timeout=self._patience(flight))
            call.status = response.status_code
            body = flight.goes_on(time.monotonic() + min(deadline, self._hurry.seconds_left()))
        try:
            length = announced(response.headers)
            watched = partial(_translated, body, _expected(url), fail_as)
            chunks = pieces(response.iter_content(CHUNK), Due(largest, length), body, watched, fail_as)
            yield Streamed(
                response.status_code, response.headers.get("Content-Type", ""), length, chunks, response.headers
            )
        finally:
            body.lands()
            response.close()

    def get_ready(self, url: str, *, public_only: bool = False) -> None:
        """Open a connection to a host that will be called soon, in the background and only where none is open."""
        transport = self._public_transport if public_only and self._guards else self._transport
        if isinstance(transport, PooledAdapter) and not self._breakers.is_tripped(line_of(url)):
            with suppress(requests.RequestException, HTTPError, ValueError):
                transport.get_ready(url, self.limits.connect)

    def in_a_hurry(self, seconds: float) -> AbstractContextManager[None]:
        """Return a context inside which all requests of this thread together take at most `seconds`.

        Of nested ones the sooner end counts. What is not answered by then is unreachable, which is not held against the
        host; what begins later is not even sent.
        """
        return self._hurry.within(seconds)

    def seconds_left(self) -> float:
        """Return how long this thread's requests may take from now on."""
        return self._hurry.seconds_left()

    def circuits(self) -> Mapping[str, str]:
        """Return how the hosts called lately are: ``closed`` (all is well), ``open`` or ``half_open``."""
        return self._breakers.states()

    def check_public(self, url: str, fail_as: FailAs) -> None:
        """Refuse an address that a ``public_only`` call would refuse, without connecting to it.

        The name is resolved, in a worker thread that may take the connect time limit. A good end is a hint for whoever
        types the address, no permission: each call checks again.

        Raises:
            fail_as.unreachable: the name is unknown or not resolved in time.
            fail_as.invalid: the address is private or without TLS.
        """
        if not self._guards:
            return
        with self._failing(url, fail_as) as flight:
            request = prepared("GET", url, {}, None, None)
            _demand_https(request, fail_as)
            if isinstance(self._transport, Guarded):
                seconds = min(self.limits.connect, flight.seconds_left())
                self._transport.check_public(place_of(str(request.url)), seconds)

    def certificate_expiry(self, url: str, *, public_only: bool = False) -> float | None:
        """Return the epoch seconds at which the certificate of the URL's host ends; never raises.

        A handshake tells it, even of a certificate that is not trusted; the answer is kept for an hour. It is asked for
        also where calls fail: this may tell why.

        Returns:
            None for http, and where there is no certificate to be had.
        """
        try:
            address = str(prepared("GET", url, {}, None, None).url)
            place = place_of(address)
        except (requests.RequestException, HTTPError, UnicodeError):
            return None
        if not address.startswith("https://") or not isinstance(self._transport, Guarded):
            return None
        return self._transport.certificate_expiry(place, self.limits, public_only=public_only and self._guards)

    def observed_by(self, observer: Observer) -> None:
        """Tell `observer` of every call from now on."""
        self._witness.observer = observer

    @contextmanager
    def _failing(self, url: str, fail_as: FailAs) -> Iterator[Flight]:
        left, expected = self._hurry.seconds_left(), _expected(url)
        if not left:
            raise fail_as.unreachable(expected=expected, received="none in time")
        flight = self._watch.until(time.monotonic() + min(self.limits.deadline, left))
        with _translated(flight, expected, fail_as), flight:
            yield flight

    def _transport_for(self, request: requests.PreparedRequest, fail_as: FailAs, *, public_only: bool) -> BaseAdapter:
        if not (public_only and self._guards):
            return self._transport
        _demand_https(request, fail_as)
        return self._public_transport

    def _patience(self, flight: Flight) -> tuple[float, float]:
        left = flight.seconds_left()
        return min(self.limits.connect, left), min(self.limits.read, left)

    @contextmanager
    def _counting(self, request: requests.PreparedRequest) -> Iterator[None]:
        wait = min(self.limits.wait, self._hurry.seconds_left())
        with self._breakers.passing(line_of(str(request.url)), wait) as passage:
            try:
                yield
            except (PrivateAddress, ValueError):
                raise  # nothing was sent: an impossible address or header
            except (BridgeError, requests.exceptions.ContentDecodingError):
                passage.answered()
                raise
            except (requests.RequestException, HTTPError, OSError):
                if self._hurry.seconds_left():
                    passage.failed()
                raise
            passage.answered()

    def _receive(
        self, transport: BaseAdapter, request: requests.PreparedRequest, flight: Flight, fail_as: FailAs
    ) -> Answer:
        limits = self.limits
        with transport.send(request, stream=True, timeout=self._patience(flight)) as response:
            body = bytearray()
            for chunk in response.iter_content(_CHUNK):
                body += chunk
                if len(body) > limits.size:
                    raise fail_as.invalid(expected=f"at most {limits.size} bytes", received="a larger answer")
            if flight.is_cut:
                # Where nothing says how long headers or body are, their end and a cut look the same.
                raise requests.Timeout
            return Answer(
                response.status_code,
                response.headers.get("Content-Type", ""),
                bytes(body),
                response.headers,
            )

    def close(self) -> None:
        """Close all pooled connections."""
        self._transport.close()
        self._public_transport.close()


@contextmanager
def _translated(flight: Flight, expected: str, fail_as: FailAs) -> Iterator[None]:
    """Turn what a call can end in into the two errors of the calling room."""
    try:
        yield
    except Tripped as refusal:
        raise fail_as.unreachable(expected=expected, received=str(refusal)) from refusal
    except PrivateAddress as fault:
        raise fail_as.invalid(expected="a public address", received="a private one") from fault
    except requests.Timeout as fault:
        raise fail_as.unreachable(expected=expected, received="none in time") from fault
    except requests.exceptions.ContentDecodingError as fault:
        raise fail_as.invalid(expected=expected, received="one that cannot be decoded") from fault
    except (requests.RequestException, HTTPError, OSError, UnicodeError) as fault:
        received = "none in time" if flight.is_cut else reason(fault)
        raise fail_as.unreachable(expected=expected, received=received) from fault


def _expected(url: str) -> str:
    return f"an answer from {host_of(url)}"


def _demand_https(request: requests.PreparedRequest, fail_as: FailAs) -> None:
    # The prepared address is the one that is connected to, whatever another reader makes of the given one.
    if not str(request.url).startswith("https://"):
        raise fail_as.invalid(expected="an https address", received="another one")
