"""How imports of agents lie in the database, and the nouns that come out of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text

from bridge.core.wording import Sentence
from bridge.db import metadata
from bridge.provisioning.bulk import Profile, Step
from bridge.provisioning.carrying_out import Outcome
from bridge.provisioning.roster_file import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.provisioning.bulk import Wishes

Stage = Literal["looking", "asking", "running", "over"]
"""``looking``: accounts are looked up; ``asking``: somebody has to say yes; ``running``; ``over``."""
State = Literal["unknown", "ready", "begun", "over"]
"""Of a row. ``unknown``: to be looked up; ``ready``: to be done; ``begun``: sent perhaps; ``over``."""

agent_imports: Final = Table(
    "agent_imports",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("connection", String(16), nullable=False, index=True),
    Column("first_version", Integer, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("made_at", Float, nullable=False),
)
agent_import_rows: Final = Table(
    "agent_import_rows",
    metadata,
    Column("import_id", String(32), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("act", String(16), nullable=False),
    Column("result", String(16), nullable=False),
    Column("owner", String(32), nullable=False),
    Column("claimed_at", Float, nullable=False),
    Column("sealed", Text, nullable=False),
    Index("ix_agent_import_rows_state", "import_id", "state"),
)


@dataclass(frozen=True, slots=True)
class Job:
    """One import; moments are epoch seconds.

    Args:
        instance_id: of the contact center that was compared, the only one that may be changed.
        file: what the list was called; empty where it was pasted.
        groups: the contact center's skill groups when it began: number, name and display name.
        counts: rows by state, act and result.
    """

    id: str
    connection: str
    instance_id: str
    stage: Stage
    made_at: float
    author: str
    wishes: Wishes
    groups: tuple[tuple[int, str, str], ...]
    counts: Mapping[tuple[str, str, str], int]
    file: str = ""

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        """How many rows have still to be looked up, or to be done."""
        states = {"unknown"} if self.stage == "looking" else {"ready", "begun"}
        return sum(count for (state, _, _), count in self.counts.items() if state in states)

    @property
    def needed(self) -> int:
        """How many rows change something, done or not."""
        return self.acting("create") + self.acting("update") + self.acting("delete")

    @property
    def was_stopped(self) -> bool:
        """Whether it ran before, and waits now with a part of its rows done, or sent perhaps."""
        touched = self.ending("done") + self.ending("refused") + self.ending("uncertain")
        return self.stage == "asking" and touched > 0

    def acting(self, act: str) -> int:
        """Return how many rows are of an act."""
        return sum(count for (_, one, _), count in self.counts.items() if one == act)

    def ending(self, result: str, act: str = "") -> int:
        """Return how many rows ended so, all or those of one act."""
        return sum(
            count for (_, one, ended), count in self.counts.items() if ended == result and (not act or one == act)
        )


def packed(outcome: Outcome, row: Row | None = None) -> dict[str, Any]:
    """Return what is sealed of a row: what became of it, and the file's own words while it is not looked up."""
    record = asdict(outcome)
    record["step"]["why"] = _sentence(outcome.step.why)
    return record | ({"row": asdict(row)} if row else {})


def outcome_in(record: Mapping[str, Any]) -> Outcome:
    """Return what became of a row."""
    step = dict(record["step"])
    made = Step(
        step["line"],
        step["account_name"],
        step["act"],
        _profile(step["before"]),
        _profile(step["after"]),
        Sentence(*step["why"]) if step["why"] else "",
    )
    return Outcome(made, record["result"], record["code"], record["told"])


def row_in(record: Mapping[str, Any]) -> Row:
    """Return the file's own words of a row that has to be looked up."""
    row = record["row"]
    groups = None if row["skill_groups"] is None else tuple(row["skill_groups"])
    return Row(row["line"], row["account_name"], row["display_name"], groups)


def _profile(record: Mapping[str, Any] | None) -> Profile | None:
    if record is None:
        return None
    return Profile(record["display_name"], tuple(record["group_ids"]), tuple(record["groups"]))


def _sentence(why: str) -> list[object]:
    """Return a sentence so that it can be said in another language later."""
    if isinstance(why, Sentence):
        return [why.template, dict(why.values)]
    return []
