"""A sign-in that went well, and whom it replaces in the browser it came to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bridge.connections.document import counterparts
from bridge.core.errors import LoginRequired, SessionEnded, SessionMissing
from bridge.core.model import TokenSet
from bridge.signin.agent_session import AgentSession

if TYPE_CHECKING:
    from bridge.core.model import AccountName, Connection, FuyunToken, Identity
    from bridge.signin.agent_session import AgentSessions
    from bridge.signin.pending import PendingSignIn


_NO_TOKENS: Final = TokenSet("")


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


def new_session(
    connection: Connection,
    identity: Identity,
    account_name: AccountName,
    fuyun: FuyunToken,
    *,
    tokens: TokenSet = _NO_TOKENS,
    end_session_endpoint: str = "",
) -> AgentSession:
    """Return the session of somebody who has just arrived, for `AgentSessions.begin` to keep.

    Args:
        tokens: the provider's; none where no provider was asked.
        end_session_endpoint: of the provider; empty where it has none.
    """
    parts = urlsplit(end_session_endpoint)
    return AgentSession(
        id="",
        connection=connection.name,
        iss=identity.iss,
        sub=identity.sub,
        sid=identity.sid,
        account_name=account_name,
        display_name=identity.display_name or account_name,
        tokens=tokens,
        fuyun=fuyun,
        created_at=0,
        expires_at=0,
        counterparts=counterparts(connection),
        end_session_origin=f"{parts.scheme}://{parts.netloc}" if parts.netloc else "",
    )


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
