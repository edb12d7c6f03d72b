"""Addresses an operator writes: which of them the bridge may use at all.

Plain http is for loopback hosts only; credentials, fragments and stray characters are refused everywhere.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bridge.core.wording import said

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_PRINTABLE: Final = re.compile(r"[!-\[\]-~]+")  # ASCII without space and backslash
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HIGHEST_PORT: Final = 65535


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine by its name or literal address; nothing is resolved."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_host(host: str) -> bool:
    """Tell whether `host` is a host name or a literal address."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return _HOST.fullmatch(host) is not None
    return True


def host_name(text: str) -> str:
    """Return `text` in lower case when it is a host's name alone, without scheme, port and path; else say why not."""
    if not _HOST.fullmatch(text):
        raise ValueError(said('must be a host name alone, such as "phone.contoso.example"'))
    return text.lower()


def absolute_url(text: str) -> str:
    """Return `text` when it is an https URL, or an http URL on a loopback host; else say why not."""
    _split(text)
    return text


def issuer_url(text: str) -> str:
    """Return `text` when it can be an issuer: a URL without query (OpenID Connect Discovery section 4.3)."""
    if _split(text).query or text.endswith("?"):
        raise ValueError(said("must have no query"))
    return text


def origin_url(text: str) -> str:
    """Return the origin that `text` names, as browsers write it; a path, query or fragment is refused."""
    parts = _split(text)
    if parts.path not in {"", "/"} or parts.query or text.endswith("?"):
        raise ValueError(said("must have no path and no query: https://host or https://host:port"))
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, _DEFAULT_PORTS[scheme]} else f":{parts.port}"
    return f"{scheme}://{shown}{port}"


def host_and_port(text: str) -> tuple[str, int]:
    """Split ``host:port``; a port is required, an IPv6 address stands in brackets."""
    host, separator, port = text.rpartition(":")
    if not separator or not is_host(host) or (":" in host and not host.startswith("[")):
        raise ValueError('must be "host:port", such as "127.0.0.1:8000"')
    if not port.isascii() or not port.isdecimal() or not 0 < int(port) <= _HIGHEST_PORT:
        raise ValueError(f"must have a port from 1 to {_HIGHEST_PORT}")
    return host.strip("[]"), int(port)


def _split(text: str) -> SplitResult:
    if not _PRINTABLE.fullmatch(text):
        raise ValueError(said("must be one URL in ASCII, without spaces or backslashes"))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as broken:
        raise ValueError(said("is no URL: %(reason)s", reason=str(broken))) from None
    if parts.scheme not in _DEFAULT_PORTS or not text.lower().startswith(f"{parts.scheme}://"):
        raise ValueError(said("must begin with https://"))
    _check_authority(parts, port)
    if "#" in text:
        raise ValueError(said("must have no fragment"))
    return parts


def _check_authority(parts: SplitResult, port: int | None) -> None:
    host = parts.hostname or ""
    if "@" in parts.netloc:
        raise ValueError(said("must hold no user name or password"))
    if not is_host(host) or port == 0:
        raise ValueError(said("names no host that can be reached"))
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(
            said("must begin with https://; plain http is for loopback hosts only, and %(host)s is none", host=host)
        )
