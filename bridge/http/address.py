"""Addresses at both ends of a request: ours is `public_url` alone, whatever it claims; and whose request it is."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from flask import request

from bridge.http.current import services

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_ASKED: Final = "bridge.asked_host"
_ASCII: Final = "".join(map(chr, range(128)))
UNKNOWN: Final = "0.0.0.0"  # noqa: S104 — nothing listens here: RFC 1122 section 3.2.1.3 gives it to nobody as a source
"""Whose request it is where the server does not say: an address that no request comes from."""
_MOST_HOPS: Final = 20
_HOP: Final = re.compile(r"\[(?P<six>[^\]]*)\](?::[0-9]{1,5})?|(?P<four>[0-9.]+):[0-9]{1,5}|(?P<bare>.*)", re.DOTALL)


class PublicAddress:
    """Replaces a request's Host and scheme before anything reads them: a stranger writes both as he likes.

    The server's word that a body ends by itself is taken away too: where a client hangs up in the middle, Granian's
    body just ends, and half a form would count for a whole one. Werkzeug then holds the body to its Content-Length.

    Bytes of the query that should have been escaped are (RFC 3986 section 2.1): Werkzeug takes them for UTF-8, and
    fails wherever it reads others, on the error page too.
    """

    def __init__(self, application: WSGIApplication, public_url: str) -> None:
        parts = urlsplit(public_url)
        self._application = application
        self._address = {"HTTP_HOST": parts.netloc, "wsgi.url_scheme": parts.scheme}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Hand the request on."""
        environ[_ASKED] = environ.get("HTTP_HOST", "")
        environ.update(self._address)
        environ["QUERY_STRING"] = _escaped(environ.get("QUERY_STRING", ""))
        environ.pop("wsgi.input_terminated", None)
        return self._application(environ, start_response)


@lru_cache(maxsize=1024)
def is_trusted_proxy(peer: str, trusted_proxies: tuple[str, ...]) -> bool:
    """Say whether `peer`, as the server names it, lies in `server.trusted_proxies`."""
    found = _address(peer)
    return found is not None and any(found in network for network in _networks(trusted_proxies))


def asked_host() -> str:
    """Return the host name that this request named, in lower case: a hint about what is wanted, never proof."""
    return str(request.environ.get(_ASKED, "")).rpartition("]")[2].partition(":")[0].lower()


def names_one_host(environ: WSGIEnvironment) -> bool:
    """Say whether a request has at most one Host header; servers join several with commas."""
    return "," not in environ.get(_ASKED, "")


def client_address() -> str:
    """Return the address of whoever sent this request, as `ipaddress` writes it; always a valid one.

    That is the peer. Where the peer lies in `server.trusted_proxies`, it is the right-most address of X-Forwarded-For
    that does not: each trusted proxy vouches for the address to its left, nobody for those further on. Where the
    header is missing, or a proxy wrote no address, it is the last proxy that was vouched for. No other header counts.
    """
    trusted = _networks(services().site.trusted_proxies)
    found = _address(request.environ.get("REMOTE_ADDR", ""))
    for hop in _hops():
        if found is None or hop is None or not any(found in network for network in trusted):
            break
        found = hop
    return str(found or UNKNOWN)


def _escaped(query: str) -> str:
    return query if query.isascii() else quote(query, _ASCII, encoding="latin-1")


def _hops() -> Iterator[IPv4Address | IPv6Address | None]:
    """Yield who asked whom, nearest first; several lines of the header are one by now (RFC 9110 section 5.3)."""
    written = request.environ.get("HTTP_X_FORWARDED_FOR", "")
    return map(_address, reversed(written.rsplit(",", _MOST_HOPS)[-_MOST_HOPS:]))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with or without a port."""
    match = _HOP.fullmatch(text.strip())
    written = (match["six"] or match["four"] or match["bare"] or "") if match else ""
    try:
        # A zone (RFC 4007 section 11) may be any text, and says nothing outside the machine that wrote it.
        address = ip_address(written.partition("%")[0])
    except ValueError:
        return None
    # Where we listen at [::], IPv4 arrives in this disguise (RFC 4291 section 2.5.5.2).
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


@cache
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)
