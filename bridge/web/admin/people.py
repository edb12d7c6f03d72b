"""Who is signed in, as the console tells it: people with their sessions, found by name, a page of them at a time."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from flask_babel import gettext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bridge.signin.agent_session import AgentSession, LiveSession

PAGE: Final = 50
"""People on one page."""
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Seat:
    """One session of a person, without anything that could be used in their stead; times are epoch seconds.

    Args:
        until: the latest moment at which it ends.
    """

    handle: str
    device: str
    since: float
    seen_at: float
    until: float


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in at a connection.

    Args:
        key: names the person to a form of the console; the provider's own names stay behind.
        seats: the newest first.
    """

    key: str
    connection: str
    display_name: str
    account_name: str
    seats: tuple[Seat, ...]


@dataclass(frozen=True, slots=True)
class Crowd:
    """One page of all people found.

    Args:
        people: of this page.
        sessions: how many all of them have; `persons` how many there are.
        number: of this page, from 1 to `last`.
    """

    people: Sequence[Person]
    persons: int
    sessions: int
    number: int
    last: int


def signed_in(found: Iterable[LiveSession]) -> list[Person]:
    """Return everybody with their sessions, by name."""
    by_person: dict[tuple[str, str], list[LiveSession]] = {}
    for live in found:
        by_person.setdefault((live.session.connection, key_of(live.session)), []).append(live)
    people = [_person(key, lives) for (_, key), lives in by_person.items()]
    return sorted(people, key=lambda one: (one.display_name.casefold(), one.account_name, one.connection, one.key))


def matching(people: Iterable[Person], text: str) -> Iterator[Person]:
    """Yield those whose name or account has `text` in it, whatever the case."""
    wanted = text.casefold()
    for one in people:
        if wanted in one.display_name.casefold() or wanted in one.account_name.casefold():
            yield one


def crowd(people: Sequence[Person], number: int) -> Crowd:
    """Return the page of this number, or the nearest that there is."""
    last = max(-(-len(people) // PAGE), 1)
    number = min(max(number, 1), last)
    sessions = sum(len(one.seats) for one in people)
    return Crowd(people[(number - 1) * PAGE : number * PAGE], len(people), sessions, number, last)


def key_of(session: AgentSession) -> str:
    """Return what names the person behind a session."""
    return sha256(f"{session.iss}\n{session.sub}".encode(errors="surrogatepass")).hexdigest()[:16]


def age(seconds: float) -> str:
    """Return how long ago something was, to the minute."""
    if seconds < _MINUTE:
        return str(gettext("just now"))
    if seconds < _HOUR:
        return str(gettext("%(minutes)s min ago", minutes=int(seconds // _MINUTE)))
    hours, minutes = int(seconds // _HOUR), int(seconds % _HOUR // _MINUTE)
    if seconds < _DAY:
        return str(gettext("%(hours)s h %(minutes)s min ago", hours=hours, minutes=minutes))
    return str(gettext("%(days)s d %(hours)s h ago", days=hours // 24, hours=hours % 24))


def _person(key: str, lives: Iterable[LiveSession]) -> Person:
    newest_first = sorted(lives, key=lambda live: live.session.created_at, reverse=True)
    newest = newest_first[0].session
    account_name = _legible(newest.account_name)
    return Person(
        key=key,
        connection=newest.connection,
        display_name=_legible(newest.display_name) or account_name,
        account_name=account_name,
        seats=tuple(map(_seat, newest_first)),
    )


def _seat(live: LiveSession) -> Seat:
    session = live.session
    return Seat(session.handle, live.device, session.created_at, live.seen_at, session.expires_at)


def _legible(text: str) -> str:
    # Names that people give themselves may hold half a character, which no page can be written with.
    return text.encode(errors="replace").decode()
