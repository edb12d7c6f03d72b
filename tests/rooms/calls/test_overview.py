"""What a dashboard asks for: bounded, kept for a moment, and for nobody else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bridge.aiccs.agents import Agent, LiveState
from bridge.aiccs.calls import Call, CallSearch
from bridge.aiccs.instance import Instance
from bridge.calls import overview
from bridge.calls.overview import Kept, Landmarks, Overviews, Patient
from bridge.core.errors import AgentUnknown, ContactCenterUnreachable
from bridge.core.model import AiccsAccess, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


INSTANCE = Instance(AiccsAccess(Secret("id"), Secret("secret")), "ccc_xp_demo")
SINCE, UNTIL = 1000.0, 87_400.0


class Center:
    """Stands in for the contact center, and counts what it is asked."""

    def __init__(self, *, calls: int = 3, agents: int = 3) -> None:
        self.many, self.asked = calls, list[str]()
        self.agents = SimpleNamespace(everyone=self.everyone, live_state=self.live_state)
        self.calls = SimpleNamespace(search=self.search)
        self.skill_groups = self.numbers = SimpleNamespace(every=self.broken)
        self.staff = [Agent(f"agent-{number}", "", str(number), "0") for number in range(agents)]

    def search(self, _instance: Instance, wanted: CallSearch) -> Iterator[Call]:
        self.asked.append(f"{wanted.since:.0f}-{wanted.until:.4f}")
        for number in range(self.many):
            yield Call(str(number), str(number), "inbound", "normal", "", "", SINCE + number)

    def everyone(self, _instance: Instance) -> list[Agent]:
        self.asked.append("everyone")
        return [*self.staff, Agent("frozen", "", "99", "1")]

    def live_state(self, _instance: Instance, account_name: str) -> LiveState:
        if account_name == "agent-1":
            raise AgentUnknown
        return LiveState("AgentBreak", 2) if account_name == "agent-2" else LiveState("AgentReady")

    def broken(self, _instance: Instance) -> Iterator[Any]:
        self.asked.append("landmarks")
        raise ContactCenterUnreachable


class Watch:
    def __init__(self) -> None:
        self.at = 5000.0

    def __call__(self) -> float:
        return self.at


def desk(center: Center, watch: Watch) -> Overviews:
    return Overviews(center, watch)  # type: ignore[arg-type] # the part of it that is asked


def test_figures_are_asked_for_once_a_minute_for_each_period_and_connection() -> None:
    center, watch = Center(), Watch()
    overviews = desk(center, watch)
    found = [overviews.of("contoso", INSTANCE, SINCE, UNTIL) for _ in range(3)]
    assert (found[0].figures.total.calls, found[0].is_whole, len(center.asked)) == (3, True, 1)
    overviews.of("globex", INSTANCE, SINCE, UNTIL)
    overviews.of("contoso", INSTANCE, SINCE + 1, UNTIL)
    assert len(center.asked) == 3
    watch.at += 60
    assert overviews.of("contoso", INSTANCE, SINCE, UNTIL).made_at == watch.at
    assert center.asked[0] == "1000-87399.9995"


def test_figures_of_more_calls_than_a_page_counts_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "MOST_CALLS", 2)
    found = desk(Center(), Watch()).of("contoso", INSTANCE, SINCE, UNTIL)
    assert (found.figures.rows, found.is_whole) == (2, False)


def test_nobody_waits_for_rows_for_ever() -> None:
    moments = iter([1.0, 2.0, 3.0])
    patient = Patient(list(Center().search(INSTANCE, CallSearch(0, 1))), 10, 2.5, lambda: next(moments))
    assert [call.id for call in patient] == ["0", "1"]
    assert not patient.is_whole


def test_an_agent_that_cannot_be_told_does_not_spoil_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    center, watch = Center(agents=5), Watch()
    overviews = desk(center, watch)
    found = overviews.states("contoso", INSTANCE)
    assert found.counts == {("AgentReady", None): 3, ("AgentBreak", 2): 1}
    assert (found.asked, found.agents, found.untold) == (5, 5, 1)
    assert (found.accounts["3"], found.accounts["99"]) == ("agent-3", "frozen")
    monkeypatch.setattr(overview, "MOST_AGENTS", 2)
    assert overviews.states("contoso", INSTANCE) is found
    watch.at += 15
    assert (overviews.states("contoso", INSTANCE).asked, center.asked) == (2, ["everyone", "everyone"])


def test_agents_who_do_not_come_in_time_are_counted_as_untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "wait", lambda looks, **_: [look.cancel() for look in looks])
    found = desk(Center(agents=40), Watch()).states("contoso", INSTANCE)
    assert found.untold > 0


def test_calls_are_shown_without_landmarks_where_those_cannot_be_told() -> None:
    center = Center()
    overviews = desk(center, Watch())
    assert overviews.landmarks("contoso", INSTANCE) == Landmarks({}, frozenset())
    overviews.landmarks("contoso", INSTANCE)
    assert center.asked == ["landmarks", "landmarks"]


def test_what_is_kept_makes_room_and_nothing_from_the_future_is_believed() -> None:
    watch, kept = Watch(), Kept(Watch(), most=2)
    for key in "abc":
        kept.get(key, 60, lambda key=key: key.upper())  # type: ignore[misc]
    assert kept.get("c", 60, lambda: "new") == "C"
    assert kept.get("a", 60, lambda: "new") == "new"
    kept = Kept(watch)
    kept.get("a", 60, lambda: "old")
    watch.at -= 10
    assert kept.get("a", 60, lambda: "new") == "new"
