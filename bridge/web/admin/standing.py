"""How a connection stands: sign-ins by the hour, its test, what runs out, and what somebody should look after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from bridge.connections.expiry import LAST, SOON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.connections.rows import Entry, Version
    from bridge.signin.rehearsal import Rehearsal

Outcome = Literal["good", "failed", "missing"]
Tone = Literal["good", "info", "warn", "stop"]

_HOUR: Final = 3600
_HOURS: Final = 24
_POOR: Final = 80
_DATES: Final = (
    "idp.client_secret_expires",
    "fuyun.client_secret_expires",
    "jwt.private_key_expires",
    "jwt.next_key_from",
)


@dataclass(frozen=True, slots=True)
class Hour:
    """Sign-ins of one hour that began `at`, in epoch seconds."""

    at: float
    good: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """How many there were."""
        return self.good + self.failed


@dataclass(frozen=True, slots=True)
class Day:
    """Sign-ins of the last 24 hours, the running one last."""

    hours: tuple[Hour, ...]

    @property
    def good(self) -> int:
        """How many went well."""
        return sum(hour.good for hour in self.hours)

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(hour.failed for hour in self.hours)

    @property
    def rate(self) -> int | None:
        """Percent that went well, None where nobody signed in; below 100 as long as one failed."""
        total = self.good + self.failed
        return self.good * 100 // total if total else None


@dataclass(frozen=True, slots=True)
class Expiry:
    """A date on which a secret or key runs out.

    Args:
        key: of the setting that says so.
        days: until then, negative afterwards.
    """

    key: str
    on: date
    days: int

    @property
    def is_near(self) -> bool:
        """Whether it is time to think of a new one."""
        return self.days <= SOON

    @property
    def tone(self) -> Tone:
        """How loudly to say so."""
        return "stop" if self.days <= LAST else "warn" if self.is_near else "info"


@dataclass(frozen=True, slots=True)
class Proof:
    """How the last rehearsal of a version went; of it or of one that signs people in alike."""

    outcome: Outcome
    last: Rehearsal | None = None


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing that needs somebody's attention.

    Args:
        what: ``ready``, ``draft_waits``, ``untested``, ``test_failed``, ``expires``, ``all_failed``, ``many_failed``,
            ``unreadable``, ``doubts``, ``domain_open``.
        key: the setting concerned, where there is one.
        count: what the sentence counts: days, sign-ins, settings, domains.
    """

    what: str
    tone: Tone
    key: str = ""
    count: int = 0


def since_when(now: float) -> float:
    """Return when the first of the last 24 hours began, epoch seconds."""
    return now // _HOUR * _HOUR - (_HOURS - 1) * _HOUR


def days_by_connection(sign_ins: Iterable[tuple[str, float, bool]], now: float) -> dict[str, Day]:
    """Return each connection's day, by lower-case name.

    Args:
        sign_ins: connection, epoch seconds, success.
        now: epoch seconds.
    """
    counts: dict[str, list[list[int]]] = {}
    begin = since_when(now)
    for name, at, went_well in sign_ins:
        hour = int((at - begin) // _HOUR)
        if 0 <= hour < _HOURS:
            counts.setdefault(name.lower(), [[0, 0] for _ in range(_HOURS)])[hour][not went_well] += 1
    return {name: _day(begin, hours) for name, hours in counts.items()}


def quiet_day(now: float) -> Day:
    """Return a day on which nobody signed in."""
    return _day(since_when(now), [[0, 0]] * _HOURS)


def expiries(document: Mapping[str, Any], now: float) -> list[Expiry]:
    """Return the dates that somebody entered, the nearest first; what is no date is left out."""
    today = datetime.fromtimestamp(now, UTC).date()
    found = [(key, _date(document, key)) for key in _DATES]
    return sorted((Expiry(key, on, (on - today).days) for key, on in found if on), key=lambda one: one.days)


def test_of(rehearsals: Sequence[Rehearsal], digest: str) -> Proof:
    """Return how the last rehearsal of `digest` by an administrator went.

    Args:
        rehearsals: of one connection, newest first.
    """
    # Who holds a test link may try it out, but decides about nothing.
    last = next((done for done in rehearsals if done.digest == digest and not done.link), None)
    if last is None:
        return Proof("missing")
    return Proof("good" if last.is_good else "failed", last)


def matters(entry: Entry, version: Version, test: Proof, day: Day, now: float) -> list[Matter]:
    """Return what needs attention, the most urgent first.

    Args:
        version: what sign-ins use, or where nothing was ever activated the draft.
        test: of the newest version.
    """
    found = [*_matters_of_test(entry, test), *_matters_of_day(entry, day)]
    found += [Matter("expires", one.tone, one.key, one.days) for one in expiries(version.document, now) if one.is_near]
    order = {"stop": 0, "warn": 1, "good": 2, "info": 3}
    return sorted(found, key=lambda matter: order[matter.tone])


def like_which(versions: Sequence[Version]) -> dict[int, int]:
    """Return for each version the newest older one that signs people in alike; 0 where there is none.

    Args:
        versions: newest first.
    """
    return {
        version.number: next((older.number for older in versions[at + 1 :] if older.digest == version.digest), 0)
        for at, version in enumerate(versions)
    }


def _matters_of_test(entry: Entry, test: Proof) -> list[Matter]:
    if test.outcome == "failed":
        return [Matter("test_failed", "warn")]
    if entry.has_draft:
        return [Matter("ready", "good") if test.outcome == "good" else Matter("draft_waits", "warn")]
    if test.outcome == "missing" and not entry.is_read_only:
        return [Matter("untested", "warn")]
    return []


def _matters_of_day(entry: Entry, day: Day) -> list[Matter]:
    if entry.state != "active" or day.rate is None or day.rate >= _POOR:
        return []
    return [Matter("many_failed", "warn", count=day.failed) if day.good else Matter("all_failed", "stop")]


def _day(begin: float, hours: Sequence[Sequence[int]]) -> Day:
    return Day(tuple(Hour(begin + at * _HOUR, good, failed) for at, (good, failed) in enumerate(hours)))


def _date(document: Mapping[str, Any], key: str) -> date | None:
    part, _, name = key.partition(".")
    try:
        # Of a moment its day.
        return date.fromisoformat((document.get(part) or {}).get(name, "")[:10])
    except ValueError:
        return None
