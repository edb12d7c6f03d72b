"""How a connection stands: sign-ins by the hour, its test, what runs out, and what somebody should look after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from bridge.connections.expiry import LAST, SOON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.connections.rows import Entry, Version
    from bridge.signin.rehearsal import Rehearsal

Outcome = Literal["good", "failed", "missing"]
Tone = Literal["good", "info", "warn", "stop"]

_HOUR: Final = 3600
_A_DAY: Final = 86_400
_SWITCH: Final = "jwt.next_key_from"
_HOURS: Final = 24
_POOR: Final = 80
_DATES: Final = (
    "idp.client_secret_expires",
    "fuyun.client_secret_expires",
    "jwt.private_key_expires",
    _SWITCH,
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
        days: whole ones until then, as the calendar counts them: a day that was entered lasts to its end.
    """

    key: str
    on: date
    days: int

    @property
    def is_switched(self) -> bool:
        """Whether the next private key has taken over: it should be the only one now."""
        return self.key == _SWITCH and self.days < 0

    @property
    def is_near(self) -> bool:
        """Whether it is time to think of a new one."""
        return self.days <= SOON

    @property
    def tone(self) -> Tone:
        """How loudly to say so."""
        if self.is_switched:
            return "warn"
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
        what: ``ready``, ``draft_waits``, ``to_activate``, ``untested``, ``test_failed``, ``expires``,
            ``key_switched``, ``all_failed``, ``many_failed``, ``unreadable``, ``doubts``, ``domain_open``.
        key: the setting, domain or day concerned, where there is one.
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
    found = [(key, _end(document, key)) for key in _DATES if key != _SWITCH or document.get("mode") == "jwt"]
    dated = (Expiry(key, end.date(), int((end.timestamp() - now) // _A_DAY)) for key, end in found if end)
    return sorted(dated, key=lambda one: one.days)


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


def can_be_tested(version: Version) -> bool:
    """Say whether sign-ins by a version come back, so that one could be tried out; those of mode frontend do not."""
    return bool(version.document.get("mode") != "frontend")


def matters(
    entry: Entry, version: Version, test: Proof, day: Day, now: float, *, is_testable: bool = True
) -> list[Matter]:
    """Return what needs attention, the most urgent first.

    Args:
        version: what sign-ins use, or where nothing was ever activated the draft.
        test: of the newest version.
        is_testable: whether the newest version can be tested at all.
    """
    found = [*_matters_of_test(entry, test, is_testable=is_testable), *_matters_of_day(entry, day)]
    found += [_matter_of_date(one) for one in expiries(version.document, now) if one.is_near]
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


def _matter_of_date(one: Expiry) -> Matter:
    if one.is_switched:
        return Matter("key_switched", one.tone, one.on.isoformat())
    return Matter("expires", one.tone, one.key, one.days)


def _matters_of_test(entry: Entry, test: Proof, *, is_testable: bool) -> list[Matter]:
    if not is_testable:
        return [Matter("to_activate", "warn")] if entry.has_draft else []
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


def _end(document: Mapping[str, Any], key: str) -> datetime | None:
    """Return a moment itself, or the last second of a day in UTC: a secret is good on the day that was entered."""
    part, _, name = key.partition(".")
    try:
        found = datetime.fromisoformat((document.get(part) or {}).get(name, ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC) + timedelta(days=1, seconds=-1)
