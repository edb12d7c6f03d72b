"""What lies ahead of a session: when to renew it, and until when nobody has to sign in again."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.core.model import Mode
    from bridge.signin.agent_session import AgentSession

_ASSUMED: Final = 3600
"""Seconds that an access token is taken to live where nobody says (Salesforce sends no ``expires_in``)."""
_EARLY: Final = (120.0, 180.0)
"""Seconds before the end at which a renewal is due: at least, and how much more at most."""
_EARLY_SHARE: Final = (0.2, 0.3)
"""The same for tokens of a short life, as shares of it."""


def renew_at(session: AgentSession, mode: Mode) -> int:
    """Return the epoch second at which a renewal is due; 0 where the session ends before, or nothing can be renewed.

    Not only before Fuyun's token ends: the upstream access token ends first, and refreshing it is how the bridge hears
    that somebody has left the company. Each session has a moment of its own, the same for all its tabs and replicas, so
    that a call centre that came at nine does not renew as one.
    """
    issued = session.renewed_at or session.created_at
    end = _next_end(session, mode, issued)
    if not end or end >= session.expires_at:
        return 0
    share = _spread(session)
    early = min(_EARLY[0] + share * _EARLY[1], (end - issued) * (_EARLY_SHARE[0] + share * _EARLY_SHARE[1]))
    return int(end - early)


def signed_in_until(session: AgentSession, mode: Mode) -> int:
    """Return the epoch second until which the agent works without a new sign-in, as far as anybody can know."""
    if session.tokens.refresh_token or mode == "jwt":
        return int(session.expires_at)
    return int(min(session.expires_at, session.fuyun.expires_at))


def _next_end(session: AgentSession, mode: Mode, issued: float) -> float:
    """Return the end of whatever ends first; 0 where no renewal could help any more."""
    tokens, fuyun_end = session.tokens, float(session.fuyun.expires_at)
    if tokens.refresh_token:
        return min(fuyun_end, tokens.expires_at or issued + _ASSUMED)
    if mode == "jwt" or tokens.expires_at is None:
        return fuyun_end
    # Without a refresh token the access token can be exchanged once more, as long as it is good: the last chance.
    can_help = fuyun_end < session.expires_at and tokens.expires_at > issued + _EARLY[0]
    return min(fuyun_end, tokens.expires_at) if can_help else 0.0


def _spread(session: AgentSession) -> float:
    digest = sha256(f"{session.id}:{session.generation}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
