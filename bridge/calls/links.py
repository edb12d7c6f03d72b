"""Links to recordings: where they may lead. A link is a secret: whoever has it can listen without being asked who."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from bridge.core.contact_center_errors import RecordingInvalid

if TYPE_CHECKING:
    from bridge.core.model import AiccsAccess

# So narrow that no two readers of an address can take two hosts out of it: no user name, no backslash, no space.
_LINK: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]{1,253})(?::(?P<port>[0-9]{1,5}))?(?P<rest>/[!-\[\]-~]*)", re.IGNORECASE
)
_PORTS: Final = {"http": "80", "https": "443"}


def fetchable(link: str, access: AiccsAccess) -> str:
    """Return a recording's link as it may be fetched: over TLS, except on this machine.

    The contact center gives links of plain http, whose signature covers neither scheme nor port.

    Raises:
        RecordingInvalid: it leads to a host where this connection's recordings may not lie.
    """
    parts = _LINK.fullmatch(link)
    if parts is None:
        raise RecordingInvalid(expected="the address of a recording", received="no plain one")
    scheme, host = parts["scheme"].lower(), parts["host"].lower().rstrip(".")
    port, rest = parts["port"] or _PORTS[scheme], parts["rest"].partition("#")[0]
    if scheme == "http" and not _is_loopback(host):
        scheme, port = "https", _PORTS["https"] if port == _PORTS["http"] else port
    usual = port == _PORTS[scheme]
    if not _is_own(scheme, host, port, access) and not (usual and _is_listed(host, access.recording_hosts)):
        raise RecordingInvalid(expected="a host among recording_hosts", received="another one")
    return f"{scheme}://{host}{'' if usual else f':{port}'}{rest}"


def _is_own(scheme: str, host: str, port: str, access: AiccsAccess) -> bool:
    name, _, own_port = access.endpoint.lower().partition(":")
    return (scheme, host, port) == (access.protocol, name, own_port or _PORTS[access.protocol])


def _is_listed(host: str, patterns: tuple[str, ...]) -> bool:
    return any(host.endswith(one[1:]) if one.startswith("*.") else host == one for one in patterns)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
