"""A platform and the contact center: it keeps places in step, finds its calls and fetches their recordings."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.sandbox.call_stories import DIALLED, RANG_IN_VAIN
from bridge.sandbox.registrations import INSTANCE_ID
from tests.journeys.steps import refused
from tests.kit.house import change
from tests.kit.platform import platform_of
from tests.kit.signing import as_new, signing_house, signing_settings, standing_house

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.sandbox.calls import CallLog
    from tests.kit.house import House
    from tests.kit.platform import Platform

LIN: Final = "lin@contoso.example"
CUSTOMER: Final = "13912345678"
MASKED: Final = "139****5678"
CALLS: Final = "/connections/contoso/calls"
GROUPS: Final = "/connections/contoso/skill-groups"
DEPARTMENTS: Final = "/connections/contoso/departments"
NUMBERS: Final = "/connections/contoso/numbers"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from standing_house(tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(standing: House) -> House:
    """One house for all tests, whose contact center is as new for each."""
    return as_new(standing)


@pytest.fixture
def platform(house: House) -> Platform:
    return platform_of(house, "contoso")


@pytest.fixture
def log(house: House) -> CallLog:
    """Contoso's call log, with no calls in it."""
    found = house.world.calls[INSTANCE_ID]
    found.clear()
    return found


def get(platform: Platform, path: str) -> Any:
    answer = platform.ask("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def acts(house: House, platform: Platform) -> list[tuple[str, dict[str, Any]]]:
    """Return what the platform did, newest first."""
    records = [one for one in house.journal() if one.actor == f"API key {platform.key_id}"]
    return [(one.event, dict(one.details)) for one in records]


class TestCalls:
    def test_are_told_newest_first_with_masked_numbers(self, platform: Platform, log: CallLog) -> None:
        log.add(LIN, ended=600, customer=CUSTOMER)
        log.add(LIN, course=DIALLED, ended=300, customer=CUSTOMER)
        told = get(platform, CALLS)
        assert told["next_cursor"] is None
        assert [one["direction"] for one in told["items"]] == ["outbound", "inbound"]
        assert (told["items"][0]["callee"], told["items"][1]["caller"]) == (MASKED, MASKED)
        assert CUSTOMER not in str(told)
        assert told["items"][1]["is_answered"] is True
        assert told["items"][1]["skill_group_id"] in log.center.groups

    def test_tell_the_companys_own_numbers_whole(self, platform: Platform, log: CallLog) -> None:
        own = next(number for number in log.center.lines if number.startswith("0"))
        log.add(LIN, line=own, ended=600)
        log.add(LIN, line="02188880000", ended=300)
        assert [one["callee"] for one in get(platform, CALLS)["items"]] == ["021****0000", own]

    def test_come_once_each_although_others_come_in_meanwhile(self, platform: Platform, log: CallLog) -> None:
        ids = {log.add(LIN, ended=60 * number).id for number in range(1, 8)}
        told, query = [], "?limit=3"
        while True:
            page = get(platform, f"{CALLS}{query}")
            told += [one["id"] for one in page["items"]]
            if page["next_cursor"] is None:
                break
            query = f"?limit=3&cursor={page['next_cursor']}"
            log.add(LIN, ended=30)
            log.add(LIN, ended=65)
        assert len(told) == len(set(told))
        assert ids <= set(told)

    def test_go_on_with_our_own_cursor_and_the_same_parameters_alone(self, platform: Platform, log: CallLog) -> None:
        for number in range(1, 4):
            log.add(LIN, ended=60 * number)
        query = "limit=1&direction=inbound"
        cursor = get(platform, f"{CALLS}?{query}")["next_cursor"]
        assert len(get(platform, f"{CALLS}?{query}&cursor={cursor}")["items"]) == 1
        years = base64.urlsafe_b64encode(b'[0,32503680000,32503680000,""]').decode().rstrip("=")
        for forged in (f"limit=1&cursor={cursor}", f"{query}&cursor={cursor[:-9]}AAAAAAAA=", f"{query}&cursor={years}"):
            assert refused(platform.ask("GET", f"{CALLS}?{forged}")) == (400, "request_invalid"), forged

    def test_are_found_by_all_that_is_asked(self, house: House, platform: Platform, log: CallLog) -> None:
        log.add("chen.jie@contoso.example", ended=500)
        wanted = log.add(LIN, course=RANG_IN_VAIN, ended=400, customer=CUSTOMER)
        other = log.add(LIN, course=DIALLED, ended=200)
        now = int(house.clock())
        for query, expected in (
            (f"account_name={LIN}", [other.id, wanted.id]),
            ("direction=inbound&result=TouchRingCallLoss", [wanted.id]),
            (f"caller={CUSTOMER}", [wanted.id]),
            (f"callee={CUSTOMER}", []),
            (f"skill_group_id={wanted.group_id}&account_name={LIN}", [wanted.id]),
            (f"from={wanted.created_at}&to={wanted.created_at + 1}", [wanted.id]),
            (f"from={now - 86400}&to={wanted.created_at}&direction=outbound", []),
        ):
            assert [one["id"] for one in get(platform, f"{CALLS}?{query}")["items"]] == expected, query

    def test_of_an_agent_nobody_knows_are_refused_rather_than_everybodys(self, platform: Platform) -> None:
        assert refused(platform.ask("GET", f"{CALLS}?account_name=nobody")) == (404, "agent_unknown")

    def test_of_a_period_that_ends_before_it_begins_are_refused(self, platform: Platform) -> None:
        assert refused(platform.ask("GET", f"{CALLS}?from=2000000000&to=1900000000")) == (400, "request_invalid")

    def test_of_a_transfer_have_all_their_rows_in_one(self, platform: Platform, log: CallLog) -> None:
        first, second = log.transfer(log.add(LIN, ended=900), "chen.jie@contoso.example")
        whole = get(platform, f"{CALLS}/{first.acid}")
        assert [one["id"] for one in whole["rows"]] == [first.id, second.id]
        assert refused(platform.ask("GET", f"{CALLS}/77")) == (404, "call_unknown")

    @pytest.mark.parametrize(
        "query",
        [
            "from=2026-11-20T09:00:00",
            "from=yesterday",
            "from=2026-11-20T09:00:01Z&to=2026-11-20T09:00:00Z",
            "to=2026-13-20T09:00:00Z",
            "cursor=WzFd",
            "cursor=WzksMSwxLCJ4Il0",
            "direction=sideways",
            "result=good",
            "caller=12ab",
            "numbers=some",
        ],
    )
    def test_that_are_asked_for_in_another_way_are_refused(self, platform: Platform, query: str) -> None:
        assert refused(platform.ask("GET", f"{CALLS}?{query}")) == (400, "request_invalid")

    def test_between_moments_of_rfc_3339_are_those_of_the_seconds(self, platform: Platform, log: CallLog) -> None:
        log.add(LIN, ended=60)
        assert len(get(platform, f"{CALLS}?from=2020-01-01T00:00:00%2B08:00&to=2099-01-01T00:00:00.5Z")["items"]) == 1
        assert get(platform, f"{CALLS}?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z")["items"] == []


class TestWholeNumbers:
    def test_are_told_to_a_key_that_may_and_journaled(self, house: House, platform: Platform, log: CallLog) -> None:
        row = log.add(LIN, customer=CUSTOMER)
        assert get(platform, f"{CALLS}?numbers=whole")["items"][0]["caller"] == CUSTOMER
        assert get(platform, f"{CALLS}/{row.acid}?numbers=whole")["rows"][0]["caller"] == CUSTOMER
        (one, of_call), (other, of_period) = acts(house, platform)
        assert one == other == "numbers_unmasked"
        assert (of_call["call"], of_period["calls"]) == (row.acid, 1)
        assert CUSTOMER not in str([of_call, of_period])

    def test_that_are_searched_by_are_journaled_without_them(
        self, house: House, platform: Platform, log: CallLog
    ) -> None:
        log.add(LIN, customer=CUSTOMER)
        (one,) = get(platform, f"{CALLS}?caller={CUSTOMER}")["items"]
        ((event, details),) = acts(house, platform)
        assert (one["caller"], event, details["calls"]) == (MASKED, "calls_searched_by_number", 1)
        assert CUSTOMER not in str(details)

    def test_are_refused_to_others(self, house: House, log: CallLog) -> None:
        row = log.add(LIN, customer=CUSTOMER)
        platform = platform_of(house, "contoso", scopes=("calls",))
        by_number = (f"{CALLS}?caller={CUSTOMER}", f"{CALLS}?callee={CUSTOMER}")
        for path in (f"{CALLS}?numbers=whole", f"{CALLS}/{row.acid}?numbers=whole", *by_number):
            assert refused(platform.ask("GET", path)) == (403, "api_key_forbidden")
        assert acts(house, platform) == []


class TestRecordings:
    def test_are_fetched_through_the_bridge_whole_or_in_parts(
        self, house: House, platform: Platform, log: CallLog
    ) -> None:
        row = log.add(LIN)
        told = get(platform, f"{CALLS}/{row.acid}/recordings")
        assert told["state"] == "ready"
        (one,) = told["items"]
        assert one["recording_id"] == row.connection_id
        assert one["path"] == f"/api/v1{CALLS}/{row.acid}/recordings/{row.connection_id}"
        assert "oss" not in str(told).lower()
        path = one["path"].removeprefix("/api/v1")
        platform.ask("GET", path, Range="bytes=1-")
        whole, part = platform.ask("GET", path), platform.ask("GET", path, Range="bytes=4-11")
        assert (whole.status_code, whole.headers["Content-Type"], whole.content[:4]) == (200, "audio/wav", b"RIFF")
        assert whole.headers["Cache-Control"] == "private, no-store"
        assert (part.status_code, part.content) == (206, whole.content[4:12])
        assert part.headers["Content-Range"] == f"bytes 4-11/{len(whole.content)}"
        (opened,) = [one for one in house.journal() if one.details.get("api_key") == platform.key_id]
        assert (opened.event, opened.details["call"]) == ("recording_opened", row.acid)

    def test_that_are_not_ready_are_a_state(self, platform: Platform, log: CallLog) -> None:
        row, vain = log.add(LIN, ended=5), log.add(LIN, course=RANG_IN_VAIN, ended=5)
        assert get(platform, f"{CALLS}/{row.acid}/recordings") == {"state": "not_ready", "items": []}
        assert get(platform, f"{CALLS}/{vain.acid}/recordings") == {"state": "none", "items": []}
        answer = platform.ask("GET", f"{CALLS}/{row.acid}/recordings/{row.connection_id}")
        assert (*refused(answer), int(answer.headers["Retry-After"]) > 0) == (404, "recording_not_ready", True)

    def test_of_another_call_are_no_recordings_of_this_one(self, platform: Platform, log: CallLog) -> None:
        row, other = log.add(LIN), log.add(LIN)
        answer = platform.ask("GET", f"{CALLS}/{row.acid}/recordings/{other.connection_id}")
        assert refused(answer) == (404, "recording_missing")


class TestSkillGroups:
    def test_are_made_changed_and_removed(self, house: House, platform: Platform) -> None:
        made = platform.ask("POST", GROUPS, {"name": "german", "department_id": 10}).json()
        assert (made["name"], made["display_name"]) == ("german", "german")
        of_department = get(platform, f"{GROUPS}?department_id=10")["items"]
        assert made in of_department
        path = f"{GROUPS}/{made['skill_group_id']}"
        changed = platform.ask("PUT", path, {"display_name": "German", "description": "DACH"}).json()
        assert changed == made | {"display_name": "German", "description": "DACH"}
        assert platform.ask("DELETE", path).json()["removed"] == 1
        assert refused(platform.ask("DELETE", path)) == (404, "skill_group_unknown")
        events = [event for event, _ in acts(house, platform)]
        assert events == ["skill_group_removed", "skill_group_changed", "skill_group_created"]

    def test_with_agents_are_removed_once_it_is_said_where_those_go(self, house: House, platform: Platform) -> None:
        center = house.world.contact_centers[INSTANCE_ID]
        group, target, _ = center.groups
        for agent in [*center.members(group)[2:], *center.members(target)[1:]]:
            center.dismiss(agent.account_name)
        members = len(center.members(group))
        assert refused(platform.ask("DELETE", f"{GROUPS}/{group}")) == (409, "skill_group_in_use")
        both = platform.ask("DELETE", f"{GROUPS}/{group}?move_to={target}&take_out=true")
        assert refused(both) == (400, "request_invalid")
        assert refused(platform.ask("DELETE", f"{GROUPS}/{group}?move_to=999")) == (404, "skill_group_unknown")
        done = platform.ask("DELETE", f"{GROUPS}/{group}?move_to={target}").json()
        assert done == {"removed": 1, "led_out": members, "waiting": 0, "refused": []}
        assert group not in center.groups
        assert len(center.members(target)) >= members
        left = platform.ask("DELETE", f"{GROUPS}/{target}?take_out=true").json()
        assert (left["removed"], center.members(target)) == (1, [])

    @pytest.mark.parametrize("given", ["x", "0", "-1", "12345678901234567890", "\uff11"])
    def test_have_whole_numbers(self, platform: Platform, given: str) -> None:
        for path, code in ((GROUPS, "skill_group_unknown"), (DEPARTMENTS, "department_unknown")):
            assert refused(platform.ask("DELETE", f"{path}/{given}")) == (404, code)


def test_departments_are_made_renamed_and_deleted_when_they_are_empty(house: House, platform: Platform) -> None:
    made = platform.ask("POST", DEPARTMENTS, {"name": "Night"}).json()
    path = f"{DEPARTMENTS}/{made['department_id']}"
    assert platform.ask("PUT", path, {"name": "Nights"}).json() == made | {"name": "Nights"}
    assert "Nights" in [one["name"] for one in get(platform, DEPARTMENTS)["items"]]
    assert platform.ask("DELETE", path).json() == {"removed": 1}
    assert refused(platform.ask("PUT", path, {"name": "Nights"})) == (404, "department_unknown")
    assert refused(platform.ask("DELETE", f"{DEPARTMENTS}/10")) == (409, "department_in_use")
    events = [event for event, _ in acts(house, platform)]
    assert events == ["department_deleted", "department_renamed", "department_created"]


class TestNumbers:
    def test_are_added_set_anew_and_deleted(self, house: House, platform: Platform) -> None:
        settings = {"description": "Night", "inbound_survey": True, "survey_levels": 3, "flow_id": 123457}
        added = platform.ask("POST", NUMBERS, {"number": "4008000009", **settings}).json()
        assert added["all_departments"] is True
        line = house.world.contact_centers[INSTANCE_ID].lines["4008000009"]
        assert (line.evaluation_level, line.flow_id, line.outbound_all) == (3, 123457, True)
        path = f"{NUMBERS}/4008000009"
        ranges = [{"department_id": 11, "skill_group_ids": []}]
        new = {"description": "Day", "outbound": True, "all_departments": False, "ranges": ranges}
        told = platform.ask("PUT", path, new).json()
        # What was left out has its default, and is not what it was.
        assert (told["inbound_survey"], told["flow_id"], told["ranges"]) == (False, None, ranges)
        (listed,) = (one for one in get(platform, NUMBERS)["items"] if one["number"] == "4008000009")
        assert (listed["description"], listed["ranges"], listed["flow_name"]) == ("Day", ranges, "")
        assert platform.ask("DELETE", path).json() == {"removed": 1}
        assert refused(platform.ask("PUT", path, new)) == (404, "hotline_number_unknown")
        events = [event for event, _ in acts(house, platform)]
        assert events == ["hotline_number_deleted", "hotline_number_reset", "hotline_number_added"]

    @pytest.mark.parametrize(
        "settings",
        [
            {"description": "x", "inbound_survey": True},
            {"description": "x", "outbound": True, "all_departments": False},
            {"description": "x", "survey_levels": 6},
            {"description": ""},
            {},
        ],
        ids=["survey without scale", "outbound without range", "scale of six", "no description", "nothing"],
    )
    def test_are_not_set_by_half(self, house: House, platform: Platform, settings: dict[str, Any]) -> None:
        before = dict(house.world.contact_centers[INSTANCE_ID].lines)
        assert refused(platform.ask("PUT", f"{NUMBERS}/4008000003", settings)) == (400, "request_invalid")
        assert house.world.contact_centers[INSTANCE_ID].lines == before


def test_a_contact_center_that_two_connections_share_is_nobodys_to_look_into(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = signing_settings(tmp_path_factory.mktemp("house"))
    contoso = next(one for one in settings.connections if one.name == "contoso")
    shared = change(settings, "acme", lambda one: replace(one, aiccs=contoso.aiccs, instance_id=contoso.instance_id))
    house = signing_house(shared)
    platform = platform_of(house, "contoso")
    for path in (CALLS, f"{CALLS}/1", f"{CALLS}/1/recordings/2", GROUPS, DEPARTMENTS, NUMBERS):
        assert refused(platform.ask("GET", path))[1] in {"contact_center_shared", "page_unknown"}, path
    assert house.calls == []
    house.services.database.close()
