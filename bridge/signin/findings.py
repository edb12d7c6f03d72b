"""What a rehearsal means, for people: its steps in plain words, the claims as a table, and what comes next."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from bridge.core import trace as steps
from bridge.core.every_error import every_error
from bridge.core.wording import said
from bridge.signin.advice.advise import advise
from bridge.signin.advice.contact_center import FROZEN, NO_AGENT
from bridge.upstream.client import asks_for_id_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.core.model import Connection
    from bridge.core.new_agent import NewAgent
    from bridge.core.trace import Step
    from bridge.core.wording import Sentence

State = Literal["ok", "failed", "open"]
Standing = Literal["there", "new", "gone", "open"]
"""Whether somebody has an agent: yes; no, and would get one; had one, who does not come back; nobody could tell."""
Next = Literal["activate", "agent", "choose", "portal", "edit", "again"]
"""What to do now: put it to use, make the agent or name another, choose another field, look into the portal, correct
the form, or only try again."""

_NAMES: Final[Mapping[str, Sentence]] = {
    steps.DISCOVERY: said("The provider can be found"),
    steps.RESPONSE: said("The provider sent the person back with a code"),
    steps.REDEEM: said("Client ID and secret are right: the code became a token"),
    steps.ID_TOKEN: said("The ID token is genuine"),
    steps.USERINFO: said("The user endpoint answers, for the very token that Fuyun gets"),
    steps.TENANT: said("The person belongs to an admitted organization"),
    steps.MAPPING: said("The mapping field names an account"),
    steps.AGENT: said("The contact center has this agent, and not frozen"),
    steps.EXCHANGE: said("Fuyun accepts the exchange (tried out, its token thrown away)"),
    steps.USER_NAME: said("Fuyun means the same agent"),
}
_FAILED: Final[Mapping[str, Sentence]] = {
    steps.DISCOVERY: said("The provider cannot be found"),
    steps.RESPONSE: said("The provider did not send the person back with a code"),
    steps.REDEEM: said("The code did not become a token"),
    steps.ID_TOKEN: said("The ID token is not accepted"),
    steps.USERINFO: said("The user endpoint gave no usable answer"),
    steps.TENANT: said("The person belongs to no admitted organization"),
    steps.MAPPING: said("The mapping field names no account"),
    steps.AGENT: said("The contact center did not confirm the agent"),
    steps.EXCHANGE: said("Fuyun refuses the exchange"),
    steps.USER_NAME: said("Fuyun means another agent"),
}
_NEXT: Final[Mapping[str, Next]] = {
    steps.MAPPING: "choose",
    "agent_unknown": "agent",
    "agent_frozen": "again",
    "exchange_rejected": "portal",
    "agent_mismatch": "portal",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One step as people read it.

    Args:
        state: ``open``: the walk ended before it.
        milliseconds: how long it took.
        advice: what to change; None where nothing failed.
    """

    name: str
    title: Sentence
    state: State
    milliseconds: int = 0
    code: str = ""
    expected: str = ""
    received: str = ""
    advice: Sentence | None = None


def tell(
    connection: Connection, taken: Sequence[Step], *, redirect_uri: str = "", account_name: str = ""
) -> list[Told]:
    """Return the steps that were taken and those that were not come to, in the road's order."""
    done = [
        Told(
            step.name,
            (_NAMES if step.code == steps.OK else _FAILED)[step.name],
            "ok" if step.code == steps.OK else "failed",
            round(step.seconds * 1000),
            step.code,
            step.expected,
            step.received,
            None
            if step.code == steps.OK
            else advise(connection, step, redirect_uri=redirect_uri, account_name=account_name),
        )
        for step in taken
    ]
    return done + [Told(name, _NAMES[name], "open") for name in _ahead(connection, taken)]


def next_step(taken: Sequence[Step]) -> Next:
    """Return what to do after a walk of these steps."""
    failed = next((step for step in taken if step.code != steps.OK), None)
    if failed is None:
        return "activate"
    if failed.code == "exchange_rejected" and (about_the_agent := _about_the_agent(failed.received)):
        return about_the_agent
    if failed.name in _NEXT or failed.code in _NEXT:
        return _NEXT.get(failed.name) or _NEXT[failed.code]
    may_pass = every_error()[failed.code].retryable and failed.name != steps.DISCOVERY
    return "again" if may_pass or failed.received == "access_denied" else "edit"


def standing(taken: Sequence[Step], new_agent: NewAgent) -> Standing:
    """Return what a first sign-in would meet, after a walk of these steps."""
    looked = next((step for step in taken if step.name == steps.AGENT), None)
    if looked is None or looked.code not in {steps.OK, "agent_unknown", "agent_frozen"}:
        return "open"
    if looked.code != "agent_unknown":
        return "there"
    return "gone" if new_agent.was_known or looked.received == "deleted" else "new"


def _about_the_agent(received: str) -> Next | None:
    """Return what to do where Fuyun took everything but the agent."""
    if re.match(NO_AGENT, received, re.IGNORECASE):
        return "agent"
    return "again" if re.match(FROZEN, received, re.IGNORECASE) else None


def rows(claims: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the claims as a table: dotted name and whole value, nothing left out."""
    return [(_writable(name), shown(value)) for name, value in flat(claims)]


def shown(value: object) -> str:
    """Return a claim's value as people read it."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _writable(text)


def flat(claims: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted name and value of every field, in the order in which they came."""
    for key, value in claims.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _ahead(connection: Connection, taken: Sequence[Step]) -> list[str]:
    if not any(step.code != steps.OK for step in taken):
        return []
    road = list(_road(connection))
    last = max((road.index(step.name) for step in taken if step.name in road), default=-1)
    return road[last + 1 :]


def _road(connection: Connection) -> Iterator[str]:
    if connection.idp.kind != "none":
        yield from _road_to_the_provider(connection)
    if connection.aiccs is not None and connection.instance_id:
        yield steps.AGENT
    yield from (steps.EXCHANGE, steps.USER_NAME)


def _road_to_the_provider(connection: Connection) -> Iterator[str]:
    yield from (steps.DISCOVERY, steps.RESPONSE, steps.REDEEM)
    if asks_for_id_token(connection.idp):
        yield steps.ID_TOKEN
    if connection.mode != "jwt" or not asks_for_id_token(connection.idp):
        yield steps.USERINFO
    yield from (steps.TENANT, steps.MAPPING)


def _writable(text: str) -> str:
    # JSON can name half a character (an emoji cut in two), which no page can be written with.
    return text.encode(errors="replace").decode()
