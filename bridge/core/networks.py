"""Networks as people write them."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_network
from typing import Final

# IPv4 in the disguise of IPv6 (RFC 4291 section 2.5.5.2): requests over IPv4 are known by their IPv4 address.
_MAPPED: Final = IPv6Network("::ffff:0:0/96")


def network(text: str) -> str:
    """Return an address or a network in its usual spelling; raises ValueError for any other text."""
    written = ip_network(text, strict=False)
    if isinstance(written, IPv6Network) and written.subnet_of(_MAPPED):
        address = written.network_address.ipv4_mapped
        return str(ip_network(f"{address}/{written.prefixlen - _MAPPED.prefixlen}", strict=False))
    return str(written)
