"""What ends one day, and how soon: secrets, keys and certificates, for the calendar and for `check`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.core.model import Connection

What = Literal["idp_secret", "fuyun_secret", "jwt_key", "certificate", "key_switch", "api_key"]
Level = Literal["ok", "soon", "urgent", "over", "unknown"]

SOON: Final = 30
"""Days before the end at which the first warning is given."""
URGENT: Final = 14
"""Days before the end at which the warning becomes urgent."""
LAST: Final = 3
"""Days before the end at which the last warning is given."""
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """One thing that ends.

    Args:
        connection: its name; empty for what belongs to the bridge itself.
        what: the kind of thing.
        ends_at: epoch seconds of its end, None where nobody knows.
        days: whole days that are left, negative after the end; None where nobody knows.
        host: of a certificate; of an API key its id.
    """

    connection: str
    what: What
    ends_at: float | None
    days: int | None
    host: str = ""

    @property
    def level(self) -> Level:
        """How urgent it is: ``soon`` from 30 days before, ``urgent`` from 14 days before, ``over`` after the end."""
        if self.days is None:
            return "unknown"
        if self.days < 0:
            return "over"
        return "urgent" if self.days <= URGENT else "soon" if self.days <= SOON else "ok"

    @property
    def is_imminent(self) -> bool:
        """Whether three days or fewer are left, or none."""
        return self.days is not None and self.days <= LAST

    @property
    def needs_attention(self) -> bool:
        """Whether a warning is due."""
        # Keys are made for 30 days, too: those would need somebody from their first day on.
        return self.level in (("urgent", "over") if self.what == "api_key" else ("soon", "urgent", "over"))


def deadlines(connections: Iterable[Connection], now: float) -> list[Deadline]:
    """Return what somebody entered a date for, or could, soonest first and unknown dates last.

    Args:
        now: epoch seconds.
    """
    return in_order(one for connection in connections for one in _of(connection, now))


def certificate(connection: str, host: str, ends_at: float | None, now: float) -> Deadline:
    """Return the deadline of a certificate.

    Args:
        connection: whose provider shows it; empty for the bridge's own.
        ends_at: epoch seconds, None where it could not be looked up.
        now: epoch seconds.
    """
    return _deadline(connection, "certificate", ends_at, now, host)


def switch_overs(connections: Iterable[Connection], now: float) -> list[Deadline]:
    """Return the moments at which a next private key takes over, also where that has happened: one key should go then.

    Args:
        now: epoch seconds.
    """
    found = [(one.name, one.jwt) for one in connections if one.mode == "jwt" and one.jwt is not None]
    return [
        _deadline(name, "key_switch", datetime.fromisoformat(signing.next_key_from).timestamp(), now)
        for name, signing in found
        if signing.next_private_key
    ]


def api_key(connection: str, key_id: str, ends_at: float, now: float) -> Deadline:
    """Return the end of an API key.

    Args:
        connection: the one that it is for; empty where there are several.
        ends_at: epoch seconds.
        now: epoch seconds.
    """
    return _deadline(connection, "api_key", ends_at, now, key_id)


def in_order(found: Iterable[Deadline]) -> list[Deadline]:
    """Return deadlines soonest first, unknown dates last."""
    return sorted(found, key=lambda one: (one.ends_at is None, one.ends_at or 0, one.connection.lower(), one.what))


def provider_address(connection: Connection) -> str:
    """Return an address of a connection's provider, whose certificate every sign-in depends on."""
    idp = connection.idp
    return idp.discovery_url or idp.token_endpoint or idp.authorization_endpoint


def _of(connection: Connection, now: float) -> Iterator[Deadline]:
    idp, fuyun, jwt = connection.idp, connection.fuyun, connection.jwt
    if idp.client_secret:
        yield _deadline(connection.name, "idp_secret", _end_of(idp.client_secret_expires), now)
    if fuyun.client_secret:
        yield _deadline(connection.name, "fuyun_secret", _end_of(fuyun.client_secret_expires), now)
    if jwt is not None:
        yield _deadline(connection.name, "jwt_key", _end_of(jwt.private_key_expires), now)


def _deadline(connection: str, what: What, ends_at: float | None, now: float, host: str = "") -> Deadline:
    days = None if ends_at is None else int((ends_at - now) // _DAY)
    return Deadline(connection, what, ends_at, days, host)


def _end_of(day: str) -> float | None:
    """Return the last second of an ISO date in UTC: the secret is good on the day that was entered."""
    if not day:
        return None
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)).timestamp() - 1
