"""Which addresses are public, and which ones a name stands for."""

from __future__ import annotations

import socket
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import count
from threading import Thread
from typing import Any, Final, NamedTuple

from urllib3.util.connection import allowed_gai_family

_IPV4: Final = 4
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""RFC 6052 section 2.1: the last 32 bits are an IPv4 address."""
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
"""RFC 4291 section 2.4, all that IANA hands out; outside lie IPv4-compatible, site-local and local NAT64 addresses."""
_NOT_PUBLIC: Final = (
    IPv4Network("192.0.0.0/24"),  # RFC 6890; `is_global` of older Pythons holds some of these for public
    IPv4Network("192.88.99.0/24"),  # RFC 7526: relays of 6to4
    IPv4Network("168.63.129.16/32"),  # Azure's own services beside every machine, at an address that looks public
    IPv6Network("3fff::/20"),  # RFC 9637
)


class PrivateAddress(Exception):
    """A host that has to be public lies in a private network; on purpose this tells no address."""


class Address(NamedTuple):
    """One address of a host, as `socket.connect` wants it."""

    family: socket.AddressFamily
    target: tuple[Any, ...]


def is_public(host: str) -> bool:
    """Say whether a host may be in the public internet, as far as its text tells.

    An IP address is judged in every spelling that resolvers take (``127.1``, ``0x7f000001``, ``[::ffff:7f00:1]``). Of
    names only localhost is known to be private: for the rest see `demand_public`.
    """
    name = host.strip("[]").rstrip(".").lower()
    address = _literal(name)
    if address is None:
        return bool(name) and name != "localhost" and not name.endswith(".localhost")
    return _is_public(address)


def demand_public(addresses: list[Address]) -> None:
    """Raise PrivateAddress unless all of a host's addresses are public; one private one spoils the name."""
    # Whoever may mix both kinds in an answer could otherwise wait for the public one to fail.
    for address in addresses:
        found = _literal(str(address.target[0]))
        if found is None or not _is_public(found):
            raise PrivateAddress


def resolve(host: str, port: int, seconds: float) -> list[Address]:
    """Return a host's addresses, IPv6 and IPv4 in turn, from one question to the resolver.

    The system's resolver knows no time limit: it is asked in a thread of its own, which is left behind when it hangs.

    Args:
        seconds: how long to wait for it.

    Raises:
        socket.gaierror: an unknown name.
        TimeoutError: no answer in time.
        UnicodeError: no possible name.
    """
    name = host.strip("[]")
    literal = _literal(name)
    if literal is not None and "%" not in name:
        return [_address(literal, port)]
    name.encode("idna")
    answer: Future[list[Address]] = Future()

    def ask() -> None:
        try:
            answer.set_result(_ask(name, port))
        except BaseException as fault:  # noqa: BLE001 — whatever it is, it belongs to who asked
            answer.set_exception(fault)

    Thread(target=ask, name="egress-resolve", daemon=True).start()
    return answer.result(seconds)


def _ask(name: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(name, port, allowed_gai_family(), socket.SOCK_STREAM)
    # In turn (RFC 8305 section 4): where a network loses all of IPv6, the second try reaches the host.
    places = {family: count() for family, *_ in found}
    ranked = [(next(places[family]), Address(family, target)) for family, _, _, _, target in found]
    return [address for _, address in sorted(ranked, key=lambda pair: pair[0])]


def _address(literal: IPv4Address | IPv6Address, port: int) -> Address:
    family = socket.AF_INET if literal.version == _IPV4 else socket.AF_INET6
    return Address(family, (str(literal), port))


def _literal(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name))
    except (OSError, ValueError):
        return None


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        carried = _carried(address)
        if carried is not None:
            return _is_public(carried)
        if address not in _GLOBAL_UNICAST:
            return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _NOT_PUBLIC)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address to which packets for this one really go (mapped, 6to4, NAT64)."""
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour
