"""The coverage report as a file for spreadsheets, and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bridge.core.spreadsheet import MARK, csv_line
from bridge.provisioning.verdicts import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.provisioning.coverage import Coverage, Idle, Person

_HEADS: Final = ("account_name", "verdict", "agents", "likeness", "staff_list", "last_sign_in", "outcome", "advice")
_NOBODY: Final = "agent_without_person"


def lines(coverage: Coverage) -> Iterator[bytes]:
    """Yield the file in UTF-8: the heads, a line for each person, then one for each agent without a person."""
    yield (MARK + csv_line(_HEADS)).encode()
    for person in coverage.people:
        yield csv_line(_of_person(person)).encode(errors="replace")
    for idle in coverage.idle:
        near = "; ".join(idle.near)
        yield csv_line((idle.agent.account_name, _NOBODY, near, "", "", "", "", "")).encode(errors="replace")


def document(coverage: Coverage) -> dict[str, Any]:
    """Return the report as one JSON object; moments are RFC 3339 in UTC."""
    return {
        "counts": coverage.counts(),
        "staff": coverage.staff,
        "staff_without_agent": coverage.staff_without_agent,
        "agents": coverage.agents,
        "not_looked_up": coverage.unasked,
        "not_compared": coverage.uncompared,
        "repeated_in_staff_list": list(coverage.repeated),
        "people": [_document_of(person) for person in coverage.people],
        "agents_without_person": [_idle(idle) for idle in coverage.idle],
    }


def _of_person(person: Person) -> tuple[str, ...]:
    return (
        person.name,
        person.verdict,
        "; ".join(agent.account_name for agent in person.agents),
        "" if person.score is None else f"{person.score}%",
        "yes" if person.is_staff else "no",
        _moment(person.seen_at) or "",
        person.code,
        str(MEANINGS[person.verdict].advice),
    )


def _document_of(person: Person) -> dict[str, Any]:
    return {
        "account_name": person.name,
        "verdict": person.verdict,
        "agents": [agent.account_name for agent in person.agents],
        "likeness": person.score,
        "staff_list": person.is_staff,
        "last_sign_in": _moment(person.seen_at),
        "outcome": person.code or None,
    }


def _idle(idle: Idle) -> dict[str, Any]:
    agent = idle.agent
    return {
        "account_name": agent.account_name,
        "display_name": agent.display_name,
        "is_frozen": agent.is_frozen,
        "near": list(idle.near),
    }


def _moment(epoch: float | None) -> str | None:
    return None if epoch is None else f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%dT%H:%M:%SZ}"
