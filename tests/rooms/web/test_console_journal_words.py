"""What the journal calls acts, and what it says they were done to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.ops.trail import Record
from bridge.web.admin import told
from tests.kit.desk import operator

if TYPE_CHECKING:
    from tests.kit.house import House


WRITTEN = re.compile(
    r"(?:record_act|record_issue|journaled|note|_note|noted_if_uncertain|_journal)\(\s*(?:\w+, )?\"(\w+)\""
)


def test_every_act_that_is_written_down_has_words_and_can_be_searched_for() -> None:
    bridge = Path(told.__file__).parents[2]
    events = {name for file in bridge.rglob("*.py") for name in WRITTEN.findall(file.read_text("utf-8"))}
    assert {"agents_import_begun", "agents_imported", "agent_allowed", "hotline_number_added"} <= events
    assert events - told.EVENTS.keys() == set()


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"agent": "lin"}, "lin"),
        ({"skill_group": "Sales", "skill_group_id": 7}, "Sales"),
        ({"skill_group_id": 7}, "#7"),
        ({"number": "05710000001"}, "05710000001"),
        ({"account_name": "nora"}, ""),
        ({"rows": 7}, ""),
    ],
    ids=["agent", "name", "id", "number", "the person's own", "none"],
)
def test_the_list_says_what_an_act_was_done_to(details: dict[str, Any], words: str) -> None:
    record = Record(0.0, "agent_updated", "contoso", "ok", "R", person="nora", details=details)
    assert told.subject(record) == words


def test_the_subject_stands_in_its_row(house: House) -> None:
    house.services.journal.record_act("agent_deleted", actor="lin", connection="contoso", agent="kim <k>")
    assert '<span class="hb-records-why hb-soft">kim &lt;k&gt;</span>' in operator(house).open("/admin/journal").text
