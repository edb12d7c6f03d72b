"""What somebody asks an API key for: the form as it came in, and everything that is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from bridge.access.api_keys import LONGEST_LABEL, Wanted
from bridge.core.networks import network
from bridge.core.scopes import SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask_babel.speaklater import LazyString
    from werkzeug.datastructures import MultiDict

WORDS: Final[dict[str, tuple[LazyString, LazyString]]] = {
    "token": (
        _("Act for agents"),
        _("Gets a Fuyun token or a signed-in phone for any agent of the connection. Only for your own back end."),
    ),
    "sessions": (_("See and end sessions"), _("Tells who is signed in at the phone, and can sign people out.")),
    "agents": (
        _("Look up agents"),
        _("Reads agents, skill groups, departments and hotline numbers. The connection needs an access key for it."),
    ),
    "agents:write": (
        _("Manage agents"),
        _("Creates, changes and deletes agents, skill groups, departments and hotline numbers."),
    ),
    "calls": (_("Read calls"), _("Reads call details and fetches recordings; phone numbers come masked.")),
    "calls:numbers": (
        _("See whole phone numbers"),
        _("With it, calls can be read with whole phone numbers. Each time stands in the journal."),
    ),
}
"""What each scope is called, and what it opens."""
DAYS: Final = ("30", "90", "180", "365")
"""Days that a key can be good for, to choose from."""
BY_DATE: Final = "date"

_USUAL: Final = "90"
_LONGEST_DAYS: Final = 3650
_MOST_NETWORKS: Final = 100
_DAY: Final = 86_400
_LONGEST_TEXT: Final = 8192
_BETWEEN: Final = re.compile(r"[\s,;、，；]+")  # noqa: RUF001 — commas and semicolons as Chinese keyboards type them


@dataclass(frozen=True, slots=True)
class Asked:
    """The form, as it was typed.

    Args:
        lifetime: one of `DAYS`, or `BY_DATE`.
        until: ISO date of the last day, with `BY_DATE`.
        networks: between spaces, commas or lines.
    """

    label: str = ""
    connections: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    lifetime: str = _USUAL
    until: str = ""
    networks: str = ""

    def filters(self) -> dict[str, Any]:
        """Return what an address has to say so that the form shows it again; none of it is secret."""
        told = {
            "label": self.label,
            "connection": list(self.connections),
            "scope": list(self.scopes),
            "lifetime": "" if self.lifetime == _USUAL else self.lifetime,
            "until": self.until,
            "networks": self.networks,
        }
        return {name: value for name, value in told.items() if value}


@dataclass(slots=True)
class Judged:
    """What a form gives: the key to make, or sentences at its fields."""

    wanted: Wanted | None = None
    faults: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, name: str, sentence: str) -> None:
        """Put a sentence at a field."""
        self.faults.setdefault(name, []).append(sentence)


def asked_in(given: MultiDict[str, str]) -> Asked:
    """Return the form that a request brings."""
    return Asked(
        label=given.get("label", "").strip()[:_LONGEST_TEXT],
        connections=tuple(dict.fromkeys(given.getlist("connection"))),
        scopes=tuple(scope for scope in SCOPES if scope in given.getlist("scope")),
        lifetime=given.get("lifetime", _USUAL),
        until=given.get("until", "").strip(),
        networks=given.get("networks", "").strip()[:_LONGEST_TEXT],
    )


def judge(asked: Asked, grants: Mapping[str, int], *, author: str, now: float) -> Judged:
    """Return the key that a form asks for, or what is wrong with it.

    Args:
        grants: every connection with its first version.
        now: epoch seconds.
    """
    judged = Judged()
    if len(asked.label) > LONGEST_LABEL or not asked.label.isprintable():
        judged.refuse("label", gettext("At most %(most)s characters on one line.", most=LONGEST_LABEL))
    if not asked.connections:
        judged.refuse("connection", gettext("Choose at least one connection."))
    for name in asked.connections:
        if name not in grants:
            judged.refuse("connection", gettext("A chosen connection is gone. Choose again."))
    if not asked.scopes:
        judged.refuse("scope", gettext("Choose at least one thing that the key may do."))
    lifetime, networks = _lifetime(asked, now, judged), _networks(asked.networks, judged)
    if not judged.faults:
        chosen = {name: grants[name] for name in asked.connections}
        judged.wanted = Wanted(chosen, asked.scopes, lifetime, author, asked.label, networks)
    return judged


def _lifetime(asked: Asked, now: float, judged: Judged) -> float:
    """Return the seconds for which a key is good: to the end of the last day, UTC, where that was chosen."""
    if asked.lifetime in DAYS:
        return float(int(asked.lifetime) * _DAY)
    if asked.lifetime != BY_DATE:
        judged.refuse("lifetime", gettext("Choose how long the key is good."))
        return 0.0
    try:
        end = datetime.strptime(asked.until, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1, seconds=-1)
    except (ValueError, OverflowError):
        judged.refuse("until", gettext("Enter the last day, such as 2027-01-31."))
        return 0.0
    lifetime = end.timestamp() - now
    if not 0 < lifetime <= _LONGEST_DAYS * _DAY:
        judged.refuse("until", gettext("Must be a day from today on, at most ten years ahead."))
    return lifetime


def _networks(text: str, judged: Judged) -> tuple[str, ...]:
    found = dict[str, None]()
    written = [one for one in _BETWEEN.split(text) if one]
    if len(written) > _MOST_NETWORKS:
        judged.refuse("networks", gettext("At most %(most)s networks.", most=_MOST_NETWORKS))
        return ()
    for one in written:
        try:
            found[network(one)] = None
        except ValueError:
            judged.refuse(
                "networks",
                gettext("%(text)s is no address or network, such as 203.0.113.7 or 203.0.113.0/24.", text=one[:80]),
            )
    return tuple(found)
