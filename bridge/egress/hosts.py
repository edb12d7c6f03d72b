"""Hosts of addresses, as they are shown, counted and connected to."""

from __future__ import annotations

import re
from typing import Final

from urllib3.util import parse_url

from bridge.egress.certificates import Place

_HTTPS: Final = 443
_AUTHORITY_END: Final = re.compile(r"[/?#]")


def host_of(url: str) -> str:
    """Return scheme and host of a URL as it may be shown; path and query can hold what must not be."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{_AUTHORITY_END.split(rest, maxsplit=1)[0].rpartition('@')[2]}"


def line_of(url: str) -> str:
    """Return scheme, host and port in one spelling, without the usual port."""
    host = host_of(url)
    return host.removesuffix(":443" if host.startswith("https:") else ":80")


def place_of(url: str) -> Place:
    """Return host and port to connect to."""
    parts = parse_url(url)
    return Place((parts.host or "").strip("[]"), parts.port or _HTTPS)
