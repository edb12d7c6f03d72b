"""Agents' sessions over a store of their own, for the suites that are run on every store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.connections.secrets import KeyRing
from bridge.core.errors import BridgeError, SessionEnded
from bridge.core.model import AccountName, FuyunToken, Secret, TokenSet
from bridge.sessions.rows import Content, Resealed, SessionRow
from bridge.signin.agent_session import AgentSession, AgentSessions
from tests.kit.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sessions.rows import SessionStore

LIFETIME, IDLE = 43_200, 7_200
NOW = 1_900_000_000.25
ROW = SessionRow(
    id="a",
    format=1,
    sealed="sealed",
    about="about",
    sub_key="person",
    sid_key="provider session",
    connection_key="connection",
    generation=0,
    expires_at=NOW + 43_200,
    seen_at=NOW,
)
NEW = Content(format=2, sealed="new", generation=1)
RING = KeyRing([Secret("a" * 32)])
LIN = AgentSession(
    id="",
    connection="contoso",
    iss="https://idp.example",
    sub="sub-of-lin",
    sid="sid-of-lin",
    account_name=AccountName("lin@contoso.example"),
    display_name="Lin Example 王芳",
    tokens=TokenSet("at-of-lin", "rt-of-lin", "e.y.j-of-lin", 123),
    fuyun=FuyunToken("fuyun-of-lin", "bearer", 2_000_000_000, "hotline", "jti-1", "lin@contoso.example"),
    created_at=0,
    expires_at=0,
    end_session_origin="https://idp.example",
)


class Desk:
    """Sessions over a store of their own, on a clock that moves by hand."""

    def __init__(self, store: SessionStore, ring: KeyRing = RING, idle: float = IDLE) -> None:
        self.store, self.clock = store, Clock()
        self.sessions = AgentSessions(store, ring, lifetime=LIFETIME, idle=idle, now=self.clock)

    def begin(self, session: AgentSession = LIN) -> AgentSession:
        return self.sessions.begin(session, "Firefox on Linux")

    def row(self, session_id: str) -> SessionRow:
        row = self.store.get(session_id)
        assert row is not None
        return row

    def change(self, session_id: str, sealed: str) -> None:
        row = self.row(session_id)
        unchanged = (row.about, row.sub_key, row.sid_key, row.connection_key)
        assert self.store.reseal(row, Resealed(sealed, *unchanged))


def refused(act: Callable[[], object], error: type[BridgeError] = SessionEnded) -> BridgeError:
    with pytest.raises(BridgeError) as refusal:
        act()
    assert type(refusal.value) is error
    return refusal.value
