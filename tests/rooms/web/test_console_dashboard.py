"""The dashboard in the console: its periods, its figures, and charts that the page's policy lets through."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from bridge.aiccs.calls import Call, Calls
from bridge.calls import overview
from bridge.core.errors import ContactCenterUnreachable
from bridge.sandbox.call_stories import DIALLED, GAVE_UP_IN_QUEUE
from bridge.web.admin.charts import Chart, Series, drawn, lines
from tests.kit.contact_pages import plain, staffed_house
from tests.kit.desk import operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.sandbox.calls import CallLog
    from tests.kit.browser import Browser
    from tests.kit.house import House

HERE = "/admin/connections/contoso/dashboard"
CHINA = timezone(timedelta(hours=8))
BARS = Chart("c", "Title", "What <it> says", ["09:00", "10:00"], [Series("In & out", "in", [3, 0])])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with staffed_house(tmp_path) as built:
        yield built


@pytest.fixture
def log(house: House) -> CallLog:
    found: CallLog = house.world.calls["ccc_xp_demo"]
    found.clear()
    return found


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A bridge whose contact center has had no call, for all who only look."""
    with staffed_house(tmp_path_factory.mktemp("looked-at")) as built:
        built.world.calls["ccc_xp_demo"].clear()
        yield built


@pytest.fixture(scope="module")
def reader(looked_at: House) -> Browser:
    return operator(looked_at)


@pytest.fixture
def console(house: House) -> Browser:
    return operator(house)


def test_counts_the_calls_of_its_days_with_a_table_behind_each_chart(log: CallLog, console: Browser) -> None:
    agents = list(log.center.agents)
    log.transfer(log.add(agents[0]), agents[1])
    log.add(course=DIALLED)
    log.add(course=GAVE_UP_IN_QUEUE)
    answer = console.open(f"{HERE}?period=week")
    page, told = answer.text, plain(answer)
    assert "Calls 3 2 in, 1 out Answered 1 50% of inbound Missed 1 Mean wait 0:20" in told
    assert "2 inbound and 1 outbound calls; 1 times a call was handed on." in told
    assert (page.count("hb-graph-wide"), page.count("hb-graph-narrow"), page.count("<details")) == (5, 5, 5)
    assert [re.search(rf"Day {heads} [0-9]{{2}}-", told) is None for heads in ("Inbound Outbound", "Handed on")] == [
        False,
        False,
    ]
    assert f"agent={agents[1]}" in page
    assert re.search(r'<time|style="|<script(?! type="module")|<style|<!--', page.split("hb-chart-grid")[1]) is None


def test_tells_what_the_agents_do_and_does_without_where_nobody_can(
    house: House, log: CallLog, console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.world.contact_centers["ccc_xp_demo"].states[next(iter(log.center.agents))] = ("AgentBreak", 3)
    told = plain(console.open(HERE))
    assert ("Agents at this moment" in told, "of these: In a meeting" in told) == (True, True)

    def broken(*_: object) -> None:
        raise ContactCenterUnreachable

    monkeypatch.setattr(type(house.services.overviews), "states", broken)
    log.add()
    page = console.open(f"{HERE}?period=week")
    assert "Nobody can tell at this moment what the agents do." in plain(page)
    assert f"agent={next(iter(log.center.agents.values())).agent_id}" in page.text


def test_says_that_it_is_bounded_in_calls_and_agents(
    log: CallLog, console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "MOST_CALLS", 1)
    monkeypatch.setattr(overview, "MOST_AGENTS", 1)
    log.add()
    log.add()
    told = plain(console.open(f"{HERE}?period=week"))
    assert "Not all calls are counted" in told
    assert re.search(r"hotline-bridge calls export --connection contoso --from [0-9-]{10} --to [0-9-]{10}", told)
    assert re.search(r"Of \d+ agents, 1 were asked about", told)


@pytest.mark.parametrize(
    ("query", "days"),
    [("", 0), ("?period=yesterday", 0), ("?period=week", 6), ("?period=nonsense", 0)],
    ids=["today", "yesterday", "week", "nonsense"],
)
def test_a_period_is_counted_on_the_contact_centers_clock(
    looked_at: House, reader: Browser, query: str, days: int
) -> None:
    page = reader.open(HERE + query).text
    first, last = (
        re.search(rf'name="{name}" type="date" required value="([^"]+)"', page) for name in ("since", "until")
    )
    assert first is not None
    assert last is not None
    last_day = datetime.fromtimestamp(looked_at.clock(), CHINA).date() - timedelta(days=query.endswith("yesterday"))
    assert (first[1], last[1]) == (str(last_day - timedelta(days=days)), str(last_day))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=2026-10-01&until=2026-11-01", "At most 31 days"),
        ("since=2026-11-02&until=2026-11-01", "before the first one"),
        ("since=x", "Enter days such as"),
    ],
    ids=["too long", "backwards", "no day"],
)
def test_a_period_that_cannot_be_shown_is_explained(reader: Browser, query: str, said: str) -> None:
    assert said in reader.open(f"{HERE}?{query}").text


def test_own_days_are_shown_by_days_or_by_hours(house: House, log: CallLog, console: Browser) -> None:
    log.add()
    today = datetime.fromtimestamp(house.clock(), CHINA).date()
    assert "Calls by the day" in console.open(f"{HERE}?since={today - timedelta(days=9)}&until={today}").text
    one = console.open(f"{HERE}?since={today - timedelta(days=1)}&until={today}").text
    assert ("Calls by the hour" in one, f'value="{today}"' in one) == (True, True)


@pytest.mark.parametrize(
    ("period", "offered"),
    [("today", ["yesterday", "week"]), ("yesterday", ["week"]), ("week", [])],
    ids=["today", "yesterday", "week"],
)
def test_days_without_calls_offer_others_in_the_place_of_empty_charts(
    reader: Browser, period: str, offered: list[str]
) -> None:
    page = reader.open(f"{HERE}?period={period}").text
    assert re.findall(r'hb-button-plain" href="[^"]+period=(\w+)"', page) == offered
    assert ("No calls in this period." in page, page.count("hb-graph-wide")) == (True, 1)


def test_calls_whose_direction_is_not_told_stand_in_tile_and_chart(
    house: House, log: CallLog, console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = Call("1", "1", "", "normal", "", "", house.clock() - 60)
    monkeypatch.setattr(Calls, "search", lambda *_: iter([strange]))
    told = plain(console.open(f"{HERE}?period=week"))
    assert "Calls 1 0 in, 0 out, 1 not told" in told
    assert "Day Inbound Outbound Direction not told" in told


class TestCharts:
    def test_hold_nothing_that_the_policy_would_refuse(self) -> None:
        for chart in (BARS, Chart("d", "T", "S", ["one", "two"], BARS.series, is_lying=True)):
            svg = drawn(chart)
            assert re.search(r"<style|<script|style=|<!--|https?://|<defs", svg) is None
            assert 'class="hb-graph-bars hb-graph-in"' in svg

    def test_are_named_and_their_texts_cannot_break_out(self) -> None:
        svg = drawn(BARS)
        assert '<desc id="c-wide-told">What &lt;it&gt; says</desc>' in svg
        assert re.search(r"09:00 (·|&#183;) In &amp; out: 3", svg)
        assert svg.count("<rect") == 6  # two grounds and one bar in each size: nothing is drawn for nothing

    def test_leave_room_for_labels_of_wide_letters(self) -> None:
        def room(label: str) -> float:
            chart = Chart("d", "T", "S", [label], [Series("x", "in", [3])], is_lying=True)
            ground = re.search(r'<g transform="translate\((\d+)', drawn(chart))
            return float(ground[1]) if ground else 0

        assert room("话后处理") - room("abcd") >= 4 * 12 * 0.4

    def test_that_lie_have_their_values_along_the_axis(self) -> None:
        lying = Chart("d", "T", "S", ["one"], [Series("x", "in", [3])], is_lying=True)
        assert re.findall(r"<text[^>]*>([0-9])</text>", drawn(lying)) == ["0", "1", "2", "3"] * 2

    @pytest.mark.parametrize(
        ("most", "last", "step"), [(0, 1, 1), (1, 1, 1), (5, 5, 1), (6, 6, 2), (48, 50, 10), (1001, 1500, 500)]
    )
    def test_lines_are_round_and_whole(self, most: float, last: int, step: int) -> None:
        assert (lines(most)[-1], lines(most)[1]) == (last, step)

    def test_without_values_there_is_nothing_to_draw(self) -> None:
        assert Chart("e", "T", "S", ["a"], [Series("x", "in", [0])]).is_empty
        assert not BARS.is_empty
