"""A sign-in that went well, and whom it replaces in the browser it came to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.core.errors import LoginRequired, SessionEnded, SessionMissing

if TYPE_CHECKING:
    from bridge.core.model import Identity
    from bridge.signin.agent_session import AgentSession, AgentSessions
    from bridge.signin.pending import PendingSignIn


@dataclass(frozen=True, slots=True)
class Arrival:
    """A new session, and where its agent wanted to go.

    Args:
        landing: a path of our own.
        former: the sessions that this one replaces; they end once the browser has the new one.
    """

    session: AgentSession
    landing: str
    former: frozenset[str]


class AnotherPerson(Exception):
    """A silent sign-in came back with somebody else than the one it was meant for."""


def check_same_person(sessions: AgentSessions, pending: PendingSignIn, identity: Identity) -> None:
    """Raise AnotherPerson where a silent sign-in was meant for somebody else, or for whose session is still alive."""
    if pending.prompt != "none":
        return
    if pending.person and not sessions.is_person(pending.person, identity.iss, identity.sub):
        raise AnotherPerson
    with suppress(SessionMissing, SessionEnded, LoginRequired):
        session = sessions.load(pending.former)
        if (session.iss, session.sub) != (identity.iss, identity.sub):
            raise AnotherPerson
