"""Rehearsals and test links on every store: sealed, bound to what they proved, good for a while."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from bridge.connections.secrets import KeyRing
from bridge.core import trace as steps
from bridge.core.errors import MappingFieldMissing, PageUnknown
from bridge.core.gate_errors import RehearsalLinkInvalid
from bridge.core.model import Secret
from bridge.core.trace import Trace
from bridge.signin.rehearsal import Rehearsals, rehearsal_links, rehearsals
from tests.contracts.customers import customer

if TYPE_CHECKING:
    from bridge.db import Database
    from tests.kit.clock import Clock

DAY = 86_400
RING = KeyRing([Secret("a" * 32)])
CONTOSO = replace(customer("Contoso"), version=3)


@pytest.fixture
def kept(database: Database, clock: Clock) -> Rehearsals:
    return Rehearsals(database, RING, clock)


def good() -> Trace:
    trace = Trace(account_name="lin@contoso.example", user_name="lin@contoso.example")
    with trace.step(steps.REDEEM):
        trace.claims["userinfo"] = {"email": "lin@contoso.example", "name": "王芳", "half": "\ud83d"}
    return trace


def failed() -> Trace:
    trace = good()
    with pytest.raises(MappingFieldMissing), trace.step(steps.MAPPING):
        raise MappingFieldMissing(expected="email", received="oid, name")
    return trace


def test_a_rehearsal_comes_back_whole(kept: Rehearsals, clock: Clock) -> None:
    done = kept.keep(CONTOSO, "digest", good(), by="Lin")
    assert kept.get(done.id) == done
    assert (done.key, done.version, done.digest, done.by) == ("contoso", 3, "digest", "Lin")
    assert (done.code, done.is_good) == ("ok", True)
    assert done.at == pytest.approx(clock(), abs=5)
    assert done.claims["userinfo"]["name"] == "王芳"


def test_the_first_step_that_failed_is_its_outcome(kept: Rehearsals) -> None:
    done = kept.get(kept.keep(CONTOSO, "digest", failed(), by="Lin").id)
    assert (done.code, done.is_good) == ("mapping_field_missing", False)
    assert [(step.name, step.code, step.expected, step.received) for step in done.steps] == [
        ("redeem", "ok", "", ""),
        ("mapping", "mapping_field_missing", "email", "oid, name"),
    ]


def test_what_the_provider_said_is_sealed_and_in_no_list(kept: Rehearsals, database: Database) -> None:
    done = kept.keep(CONTOSO, "digest", good(), by="Lin")
    with database.transaction() as transaction:
        whole = repr(transaction.execute(select(rehearsals)).all())
    (listed,) = kept.of("CONTOSO")
    assert (listed.id, listed.claims, listed.steps) == (done.id, {}, ())
    assert not any("lin@contoso.example" in text or "王芳" in text for text in (whole, repr(listed)))
    assert "王芳" not in repr(done)


def test_the_last_one_of_what_it_proved_counts(kept: Rehearsals, clock: Clock) -> None:
    kept.keep(CONTOSO, "digest", good(), by="Lin")
    clock.advance(1)
    last = kept.keep(CONTOSO, "digest", failed(), by="Kim")
    clock.advance(1)
    kept.keep(CONTOSO, "other digest", good(), by="Lin")
    found = kept.last_of("contoso", "digest")
    assert found
    assert (found.id, found.is_good) == (last.id, False)
    assert kept.last_of("contoso", "unheard of") is None
    assert kept.last_of("globex", "digest") is None


def test_they_are_listed_newest_first_and_go_after_a_month(kept: Rehearsals, clock: Clock) -> None:
    first = kept.keep(CONTOSO, "digest", good(), by="first")
    clock.advance(29 * DAY)
    kept.keep(CONTOSO, "digest", good(), by="second")
    assert [one.by for one in kept.of("contoso")] == ["second", "first"]
    clock.advance(2 * DAY)
    kept.keep(CONTOSO, "digest", good(), by="third")
    assert [one.by for one in kept.of("contoso")] == ["third", "second"]
    with pytest.raises(PageUnknown):
        kept.get(first.id)


def test_of_each_connection_the_newest_fifty_stay(kept: Rehearsals, clock: Clock) -> None:
    kept.keep(replace(CONTOSO, name="globex"), "digest", good(), by="other")
    for number in range(52):
        clock.advance(1)
        kept.keep(CONTOSO, "digest", good(), by=str(number))
    assert [one.by for one in kept.of("contoso")] == [str(number) for number in reversed(range(2, 52))]
    assert len(kept.of("globex")) == 1


@pytest.mark.parametrize("rehearsal_id", ["", "never made", "x" * 500])
def test_an_invented_one_is_an_unknown_page(kept: Rehearsals, rehearsal_id: str) -> None:
    with pytest.raises(PageUnknown):
        kept.get(rehearsal_id)


def test_of_another_row_it_is_not_shown(kept: Rehearsals, database: Database) -> None:
    mine, theirs = kept.keep(CONTOSO, "d", good(), by="me"), kept.keep(CONTOSO, "d", failed(), by="them")
    with database.transaction() as transaction:
        sealed = transaction.execute(select(rehearsals.c.sealed).where(rehearsals.c.id == theirs.id)).scalar_one()
        transaction.execute(update(rehearsals).where(rehearsals.c.id == mine.id).values(sealed=sealed))
    with pytest.raises(PageUnknown):
        kept.get(mine.id)


def test_without_its_key_nobody_reads_it(kept: Rehearsals, database: Database, clock: Clock) -> None:
    done = kept.keep(CONTOSO, "digest", good(), by="Lin")
    other = Rehearsals(database, KeyRing([Secret("b" * 32)]), clock)
    with pytest.raises(PageUnknown):
        other.get(done.id)


def test_a_test_link_is_good_for_a_day_as_often_as_it_is_opened(
    kept: Rehearsals, clock: Clock, database: Database
) -> None:
    token = kept.new_link("Contoso", 3, made_by="Lin")
    links = [kept.link(token) for _ in range(2)]
    assert [(link.key, link.version, link.made_by) for link in links] == [("contoso", 3, "Lin")] * 2
    with database.transaction() as transaction:
        assert token not in repr(transaction.execute(select(rehearsal_links)).all())
    clock.advance(DAY - 10)
    kept.link(token)
    clock.advance(11)
    with pytest.raises(RehearsalLinkInvalid):
        kept.link(token)
    kept.new_link("contoso", 3, made_by="Lin")
    with database.transaction() as transaction:
        assert len(transaction.execute(select(rehearsal_links)).all()) == 1


@pytest.mark.parametrize("token", ["", "never made", "\0", "\ud83d"])
def test_an_invented_link_leads_nowhere(kept: Rehearsals, token: str) -> None:
    with pytest.raises(RehearsalLinkInvalid):
        kept.link(token)
