"""Agents who are signed in, without the way there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.core.model import AccountName, FuyunToken, TokenSet
from bridge.signin.agent_session import AgentSession

if TYPE_CHECKING:
    from bridge.services import Services

TOKENS = ("at-of-a-seat", "rt-of-a-seat", "fuyun-of-a-seat")


def seated(
    services: Services,
    account_name: str,
    connection: str = "globex",
    *,
    name: str = "",
    sub: str = "",
    device: str = "Chrome 131, Windows",
) -> AgentSession:
    """Begin a session of somebody; by default the provider knows them by their account."""
    access_token, refresh_token, fuyun_token = TOKENS
    session = AgentSession(
        id="",
        connection=connection,
        iss="https://idp.example",
        sub=sub or account_name,
        sid="",
        account_name=AccountName(account_name),
        display_name=name or account_name.partition("@")[0].title(),
        tokens=TokenSet(access_token, refresh_token),
        fuyun=FuyunToken(fuyun_token, "bearer", 4_000_000_000),
        created_at=0.0,
        expires_at=0.0,
    )
    return services.agent_sessions.begin(session, device)
