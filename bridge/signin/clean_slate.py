"""The end of everything that a database from another day would bring back to life: sessions, and links into the house.

A session that has ended since would be alive again, and one that was renewed since has a refresh token that a provider
takes for a stolen one when it comes a second time (RFC 9700, section 4.14.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import delete

from bridge.access.links import admin_links
from bridge.access.sessions import admin_sessions
from bridge.signin.rehearsal import rehearsal_links

if TYPE_CHECKING:
    from bridge.db import Database
    from bridge.sessions.rows import SessionStore
    from bridge.signin.agent_session import AgentSessions

_OF_ADMINISTRATORS: Final = (admin_sessions, admin_links, rehearsal_links)


def end_everything(database: Database, store: SessionStore, sessions: AgentSessions) -> tuple[int, int]:
    """End every session of agents and administrators, and every link that lets somebody in.

    Returns:
        How many sessions of agents, and how many of administrators.

    Raises:
        StoreUnavailable: some may have ended.
    """
    of_agents = sum(sessions.end(row.id) for row in store.every())
    with database.transaction() as connection:
        ended = [connection.execute(delete(table)).rowcount for table in _OF_ADMINISTRATORS]
    return of_agents, ended[0]
