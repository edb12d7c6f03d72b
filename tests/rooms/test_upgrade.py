"""What `make upgrade` would tell of a release that breaks the one before it."""

from __future__ import annotations

from tests.upgrade.balancer import Balancer, Seat
from tests.upgrade.tally import Tally

OLD, NEW = "old", "new"


def whole() -> Tally:
    tally = Tally()
    for one in (OLD, NEW):
        tally.kept["console session", one] = tally.kept["API key", one] = 1
        for other in (OLD, NEW):
            tally.renewed[one, other] = tally.finished[one, other] = 1
    return tally


def test_only_a_roll_in_which_every_way_was_gone_without_a_fault_is_whole() -> None:
    assert [*whole().broken((OLD, NEW))] == []
    spoilt = whole()
    spoilt.lost.append("agent000")
    del spoilt.renewed[NEW, OLD], spoilt.kept["API key", OLD]
    found = [*spoilt.broken((OLD, NEW))]
    assert found == ["something failed", "no renewal from new to old", "API key never seen by old"]
    assert "LOST   agent000" in [*spoilt.report()]


def test_a_replica_that_is_taken_out_gets_no_request() -> None:
    first, second = Seat("http://127.0.0.1:1", is_in=True), Seat("http://127.0.0.1:2", is_in=True)
    balancer = Balancer([first, second])
    balancer.take_out(first)
    assert {balancer.enter().url for _ in range(3)} == {second.url}
