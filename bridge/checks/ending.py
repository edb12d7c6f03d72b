"""What ends one day, as findings: a warning in time, a fault only afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.checks.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.connections.expiry import Deadline

_ENDING: Final = {
    "idp_secret": "idp.client_secret",
    "fuyun_secret": "fuyun.client_secret",
    "jwt_key": "jwt.private_key",
    "certificate": "certificate",
}
_REPLACED: Final = {
    "idp_secret": "Make a new one at the provider, enter it with its date, then delete the old one there.",
    "fuyun_secret": "Make a new one in Fuyun's developer portal and enter it here with its date.",
    "jwt_key": "Make the next key: `hotline-bridge keys new`; the README tells how it takes over.",
    "certificate": "Tell whoever runs that server: browsers and the bridge refuse it from that day on.",
}


def expiring(found: Iterable[Deadline]) -> Iterator[Finding]:
    """Yield what ends soon as a warning, and what has ended as a fault."""
    for one in found:
        if one.days is not None and one.needs_attention:
            name = f"{'' if one.connection else 'public_url.'}{_ENDING[one.what]}"
            when = "has ended" if one.days < 0 else "ends today" if one.days == 0 else f"ends in {one.days} days"
            what = f"{one.host}: {when}" if one.host else when
            yield Finding(name, what, "fault" if one.days < 0 else "warn", one.connection, _REPLACED[one.what])
