"""The journal's rows on every store: found by everything, bounded in time and number, whatever people are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.ops import trail as trails
from bridge.ops.journal import new_reference
from bridge.ops.trail import Record, Search, Trail

if TYPE_CHECKING:
    from bridge.db import Database
    from tests.kit.clock import Clock

DAY = 86_400


@pytest.fixture
def trail(database: Database, clock: Clock) -> Trail:
    return Trail(database, retention=30 * DAY, per_connection=1000, now=clock)


def kept(trail: Trail, clock: Clock, person: str = "", *, connection: str = "contoso", **more: Any) -> None:
    given = {"at": clock(), "event": "sign_in", "code": "ok", **more}
    trail.add(Record(connection=connection, person=person, **given))


def people(found: list[Record]) -> list[str]:
    return [one.person or one.actor for one in found]


def test_a_record_comes_back_as_it_was(trail: Trail, clock: Clock) -> None:
    details = {"steps": [{"name": "redeem", "seconds": 0.25, "code": "ok"}], "claims": {"userinfo": {"姓名": "文"}}}
    given = Record(clock(), "sign_in", "contoso", "ok", "ABCDEFGH23", "lin", "", 0.5, details)
    trail.add(given)
    (found,) = trail.search(Search())
    assert found == Record(**{name: getattr(given, name) for name in Record.__slots__ if name != "id"}, id=found.id)
    assert trail.under("ABCDEFGH23") == [found]
    assert trail.under("abcdefgh23") == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (Search(), ["kim", "Wang", "Lin 100%_", "王芳", "lin"]),
        (Search(connections=["contoso"]), ["Wang", "王芳", "lin"]),
        (Search(connections=["contoso", "globex"]), ["kim", "Wang", "Lin 100%_", "王芳", "lin"]),
        (Search(connections=["Contoso"]), []),
        (Search(connections=[]), []),
        (Search(text="LIN"), ["Lin 100%_", "lin"]),
        (Search(text="王"), ["王芳"]),
        (Search(text="wan"), ["Wang"]),
        (Search(text="100%_"), ["Lin 100%_"]),
        (Search(text="%"), ["Lin 100%_"]),
        (Search(text="_"), ["Lin 100%_"]),
        (Search(text="' OR 1=1 --"), []),
        (Search(text=" ref2 "), ["王芳"]),
        (Search(text="ref"), []),
        (Search(event="connection_saved"), ["Wang"]),
        (Search(code="ok"), ["kim", "Wang", "lin"]),
        (Search(code="failed"), ["Lin 100%_", "王芳"]),
        (Search(code="idp_error"), ["王芳"]),
        (Search(text="lin", connections=["globex"], code="failed"), ["Lin 100%_"]),
    ],
    ids=str,
)
def test_it_is_searched_by_everything(trail: Trail, clock: Clock, search: Search, found: list[str]) -> None:
    kept(trail, clock, "lin", reference="REF1")
    kept(trail, clock, "王芳", reference="REF2", code="idp_error")
    kept(trail, clock, "Lin 100%_", reference="REF3", connection="globex", code="agent_unknown")
    kept(trail, clock, event="connection_saved", actor="Wang", reference="REF4")
    kept(trail, clock, "kim", connection="globex")
    assert people(trail.search(search)) == found


def test_times_are_from_and_before(trail: Trail, clock: Clock) -> None:
    now = float(int(clock()))
    for second in range(4):
        kept(trail, clock, f"at {second}", at=now + second)
    assert people(trail.search(Search(since=now + 1, until=now + 3))) == ["at 2", "at 1"]


def test_pages_follow_one_another_without_gap_or_twin(trail: Trail, clock: Clock) -> None:
    for number in range(7):
        kept(trail, clock, str(number))
    first = trail.search(Search(), limit=3)
    kept(trail, clock, "meanwhile")
    second = trail.search(Search(before_id=first[-1].id), limit=3)
    assert (people(first), people(second)) == (["6", "5", "4"], ["3", "2", "1"])


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 7])
def test_every_record_is_given_once_a_page_at_a_time(
    trail: Trail, clock: Clock, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trails, "_PAGE", 3)
    monkeypatch.setattr(Trail.search, "__defaults__", (3,))
    for number in range(rows):
        kept(trail, clock, str(number))
    assert people(list(trail.every(Search()))) == [str(number) for number in reversed(range(rows))]


def test_what_is_older_than_the_retention_goes(database: Database, clock: Clock) -> None:
    trail = Trail(database, retention=30 * DAY, per_connection=1000, now=clock)
    kept(trail, clock, "old")
    clock.advance(31 * DAY)
    kept(trail, clock, "young")
    after_a_restart = Trail(database, retention=30 * DAY, per_connection=1000, now=clock)
    kept(after_a_restart, clock, "youngest")
    assert people(trail.search(Search())) == ["youngest", "young"]


def test_a_busy_connection_drives_out_its_own_rows_only(database: Database, clock: Clock) -> None:
    trail = Trail(database, retention=DAY, per_connection=3, now=clock)
    for number in range(5):
        trail._added = 0  # it tidies at its first row
        kept(trail, clock, str(number))
        kept(trail, clock, f"quiet {number}", connection="globex")
    assert people(trail.search(Search(connections=["contoso"]))) == ["4", "3", "2"]
    assert len(trail.search(Search(connections=["globex"]))) == 5


def test_what_strangers_cause_is_kept_once_a_minute(trail: Trail, clock: Clock) -> None:
    def seldom(**more: Any) -> None:
        given = {"event": "sign_in", "connection": "contoso", "code": "idp_unreachable", **more}
        trail.add(Record(at=clock(), **given), seldom=True)

    for _ in range(5):
        seldom()
    assert len(trail.search(Search())) == 1
    seldom(connection="globex")
    seldom(code="idp_error")
    clock.advance(61)
    seldom()
    assert len(trail.search(Search())) == 4


def test_what_several_workers_tell_is_kept_once(trail: Trail, clock: Clock) -> None:
    def told(**more: Any) -> None:
        given = {"event": "recording_opened", "connection": "contoso", "code": "ok", "details": {"call": "7"}, **more}
        trail.add(Record(at=clock(), reference=new_reference(), **given), once_in=600)

    for _ in range(3):
        told(person="lin")
    told(person="maria")
    told(person="lin", details={"call": "8"})
    assert len(trail.search(Search())) == 3
    clock.advance(601)
    told(person="lin")
    assert len(trail.search(Search())) == 4


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("nul \0 inside", "nul  inside"),
        ("half \ud83d", "half ?"),
        ("😀 王芳", "😀 王芳"),
        ("'; DROP TABLE journal; --", "'; DROP TABLE journal; --"),
        ("x" * 1000, "x" * 320),
    ],
    ids=["nul", "half a character", "emoji", "sql", "long"],
)
def test_people_may_be_called_anything(trail: Trail, clock: Clock, name: str, shown: str) -> None:
    kept(trail, clock, name, actor=name, details={"role": name})
    (found,) = trail.search(Search())
    assert (found.person, found.actor, found.details) == (shown, shown, {"role": name})


def test_sign_ins_of_a_day_are_counted_and_the_last_good_one_is_known(trail: Trail, clock: Clock) -> None:
    now = float(int(clock()))
    for at, connection, code in [(10.0, "contoso", "ok"), (20.0, "contoso", "idp_error"), (30.0, "Globex", "ok")]:
        kept(trail, clock, at=now + at, connection=connection, code=code)
    kept(trail, clock, at=now + 40, event="admin_sign_in")
    assert trail.sign_ins(now + 15) == [("contoso", now + 20, False), ("Globex", now + 30, True)]
    assert trail.last_success() == {"contoso": now + 10, "Globex": now + 30}


@pytest.mark.parametrize(
    ("person", "asked", "has_arrived"),
    [
        ("Kim@contoso.example", "kim@CONTOSO.example", True),
        ("kim\uff20contoso.example", "kim@contoso.example", True),
        ("kim@contoso.example", "\uff2bim\uff20contoso.example", True),
        ("Ärger@contoso.example", "ärger@contoso.example", True),
        ("王芳", "王芳", True),
        ("kim@contoso.example", "kim@contoso.example.cn", False),
        ("Ärger", "arger", False),
        ("王芳", "王方", False),
    ],
)
def test_who_arrived_is_known_in_any_spelling(
    trail: Trail, clock: Clock, person: str, asked: str, *, has_arrived: bool
) -> None:
    kept(trail, clock, person, event="token_issued")
    kept(trail, clock, asked, code="agent_unknown")
    kept(trail, clock, asked, connection="globex")
    kept(trail, clock, asked, event="agent_created")
    assert trail.has_arrived("contoso", asked) is has_arrived
