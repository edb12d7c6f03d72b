"""Who has the phone open, and the end of it: for a platform that signs its people out itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from bridge.core.mapping import account_name_of
from bridge.http.api import Call, Desk, Message, Nothing
from bridge.http.api_pages import Page, PageQuery, page_of
from bridge.http.current import services

if TYPE_CHECKING:
    from bridge.signin.agent_session import LiveSession

desk = Desk("sessions", "Sessions")


class SessionsQuery(PageQuery):
    """Whose sessions."""

    account_name: str = Field(default="", max_length=255, description="Only this agent's; empty: everybody's.")


class SessionAnswer(Message):
    """One signed-in agent in one browser; times are seconds since the epoch."""

    handle: str = Field(
        description="Names the session; it is no secret and opens nothing.", examples=["4208e554c00f8111"]
    )
    account_name: str = Field(examples=["lin@contoso.example"])
    display_name: str = Field(examples=["Lin"])
    device: str = Field(
        description="Browser and system, as the browser names itself; may be empty.", examples=["Chrome · Windows"]
    )
    signed_in_at: int = Field(examples=[1795378628])
    seen_at: int = Field(examples=[1795380428])
    ends_at: int = Field(description="At the latest.", examples=[1795421828])


class SessionPage(Page):
    """Sessions that are alive."""

    items: list[SessionAnswer]


class Ending(Message):
    """What was ended."""

    ended: int = Field(description="How many sessions; 0 where nobody was signed in.", examples=[1])


class EndingQuery(Message):
    """Whose sessions."""

    account_name: str = Field(
        min_length=1, max_length=255, description="The agent's AccountName.", examples=["lin@contoso.example"]
    )


@desk.operation("GET", "/connections/<connection>/sessions", scope="sessions", query=SessionsQuery, gives=SessionPage)
def list_sessions(call: Call[Nothing, SessionsQuery]) -> SessionPage:
    """List who has the phone open."""
    wanted = call.query.account_name
    found = [
        live
        for live in services().agent_sessions.of_connection(call.connection.name)
        if not wanted or live.session.account_name == wanted
    ]
    items, following = page_of(sorted(found, key=_place), _place, call.query)
    return SessionPage(items=[_answer(live) for live in items], next_cursor=following)


@desk.operation("DELETE", "/connections/<connection>/sessions", scope="sessions", query=EndingQuery, gives=Ending)
def end_sessions(call: Call[Nothing, EndingQuery]) -> Ending:
    """End every session of an agent.

    For the moment at which somebody signs out of the platform or leaves the company. An open page notices it within 30
    seconds; a call goes on until it is over. Fuyun's own token cannot be recalled: it is taken from the browser. A
    hand-off that was asked for before can still be taken within its 60 seconds: where that matters, ask again then.
    """
    account_name = account_name_of(call.query.account_name)
    ended = services().endings.by_platform(call.connection.name, account_name, actor=call.actor)
    return Ending(ended=ended)


def _place(live: LiveSession) -> str:
    return f"{live.session.account_name}\n{live.session.handle}"


def _answer(live: LiveSession) -> SessionAnswer:
    session = live.session
    return SessionAnswer(
        handle=session.handle,
        account_name=session.account_name,
        display_name=session.display_name,
        device=live.device,
        signed_in_at=int(session.created_at),
        seen_at=int(live.seen_at),
        ends_at=int(session.expires_at),
    )
