"""The commands for skill groups, departments and numbers: what they tell and change, and how they end."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import structlog
from click.testing import CliRunner

from bridge import cli, rooms
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from bridge.sandbox.contact_center import ContactCenter
    from tests.kit.house import House

SURVEYED, RANGED, INBOUND = "05710000001", "05710000002", "4008000003"


@contextmanager
def furnished(folder: Path) -> Iterator[House]:
    """Give a bridge whose commands reach the same sandbox."""
    built = build_house(demo_settings(folder, connections=("contoso",)))
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rooms, "make_outbound", lambda _: built.services.outbound)
        patch.setenv(cli.CONFIG_VARIABLE, str(folder / "bridge.toml"))
        yield built
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()
    built.services.database.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with furnished(tmp_path) as built:
        yield built


@pytest.fixture(scope="module")
def refused_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A bridge where nothing that is tried succeeds, so that all rows share it."""
    with furnished(tmp_path_factory.mktemp("refused")) as built:
        yield built


@pytest.fixture
def center(house: House) -> ContactCenter:
    return house.world.contact_centers["ccc_xp_demo"]


def run(*arguments: str) -> Result:
    group, verb, *rest = arguments
    return CliRunner().invoke(cli.main, [group, verb, "--connection", "contoso", *rest])


def good(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def events(house: House) -> list[str]:
    told = [(one.event, one.actor) for one in reversed(house.journal())]
    assert {actor for _, actor in told} == {"operator at the command line"}
    return [event for event, _ in told]


def test_a_skill_group_is_made_changed_and_removed(house: House, center: ContactCenter) -> None:
    number = good("groups", "create", "Night", "--department", "销售部").splitlines()[-1]
    good("groups", "update", number, "--display-name", "Nights", "--description", "after six")
    (line,) = [line for line in good("groups", "list").splitlines() if line.startswith(number)]
    assert line.split() == [number, "Nights", "Night", "销售部", "hotline", "0", "after", "six"]
    told = {one["name"]: one for one in json.loads(good("groups", "list", "--json"))}
    assert (told["Night"]["agents"], told["售后"]["agents"]) == (0, len(center.members(1234002)))
    assert "is removed" in good("groups", "remove", "Nights", "--yes")
    assert "Night" not in good("groups", "list")
    assert events(house) == ["skill_group_created", "skill_group_changed", "skill_group_removed"]


def test_a_group_with_agents_stays_until_it_is_said_where_they_go(center: ContactCenter) -> None:
    refused = run("groups", "remove", "Sales", "--yes")
    assert (refused.exit_code, "--move-to GROUP" in refused.output, 1234003 in center.groups) == (1, True, True)
    told = good("groups", "remove", "Sales", "--move-to", "售后组", "--yes")
    assert "emma.reed@contoso.example: has left" in told
    assert center.agents["emma.reed@contoso.example"].groups == (1234002,)
    assert "has left" in good("groups", "remove", "售后", "--take-out", "--yes")
    assert list(center.groups) == [1234001]


def test_departments_are_made_renamed_and_deleted_after_their_empty_groups(house: House, center: ContactCenter) -> None:
    number = good("departments", "create", "Nights").splitlines()[-1]
    good("departments", "rename", number, "Late")
    good("groups", "create", "Late shift", "--department", "Late")
    assert f"{number}  Late    Late shift" in good("departments", "list")
    refused = run("departments", "delete", "Late", "--yes")
    assert (refused.exit_code, "--with-empty-groups" in refused.output) == (1, True)
    assert "Late shift: is removed" in good("departments", "delete", "Late", "--with-empty-groups", "--yes")
    stays = run("departments", "delete", "销售部", "--with-empty-groups", "--yes")
    assert (stays.exit_code, "Sales: refused" in stays.output, 11 in center.departments) == (1, True, True)
    assert [one["name"] for one in json.loads(good("departments", "list", "--json"))] == ["客服部", "销售部"]
    assert events(house)[-2:] == ["department_deleted", "department_emptied"]


def test_a_second_one_of_the_same_name_is_made_with_a_warning(house: House, center: ContactCenter) -> None:
    for kind, arguments, number in (
        ("skill group", ("groups", "create", "New", "--display-name", "Sales"), 1234003),
        ("department", ("departments", "create", "销售部"), 11),
    ):
        told = run(*arguments)
        name = arguments[-1]
        assert (told.exit_code, told.stderr.splitlines()[0]) == (
            0,
            f"warning: there is a {kind} {name} already, #{number}; this is another one.",
        )


def test_several_numbers_are_reset_with_a_line_each_and_1_where_one_failed(house: House, center: ContactCenter) -> None:
    asked = ("--description", "Main line", "--outbound", "--range", "销售部/Sales", "--survey-levels", "4")
    told = run("numbers", "reset", *asked, "--yes", RANGED, INBOUND, "999")
    assert told.exit_code == 1
    assert told.stdout.splitlines() == [f"{RANGED}: reset", f"{INBOUND}: reset"]
    assert "999: refused: " in told.stderr
    ranged, inbound = center.lines[RANGED], center.lines[INBOUND]
    assert (ranged.flow_id, ranged.inbound_evaluation, ranged.evaluation_level) == (123457, True, 4)
    assert [(one.department_id, one.group_ids) for one in inbound.ranges] == [(11, (1234003,))]
    assert (inbound.outbound, inbound.evaluation_level) == (True, 0)
    assert events(house) == ["hotline_number_reset"] * 2


def test_a_survey_that_is_on_demands_its_scale(center: ContactCenter) -> None:
    before = dict(center.lines)
    refused = run("numbers", "reset", "--description", "New", "--yes", INBOUND, SURVEYED)
    assert (refused.exit_code, f"--survey-levels is needed: {SURVEYED} has a survey" in refused.output) == (2, True)
    assert center.lines == before


def test_numbers_are_added_listed_and_deleted(house: House, center: ContactCenter) -> None:
    good(
        "numbers",
        "add",
        "02100000004",
        "--description",
        "Shanghai",
        "--outbound",
        "--all-departments",
        "--flow",
        "123456",
    )
    (line,) = good("numbers", "list", "021").splitlines()[1:]
    assert line.split()[:6] == ["02100000004", "Shanghai", "yes", "all", "departments", "默认流程"]
    again = run("numbers", "add", "02100000004", "--description", "Shanghai")
    assert (again.exit_code, "has 02100000004 already" in again.output) == (1, True)
    (told,) = json.loads(good("numbers", "list", "--json", RANGED))
    assert told["ranges"][0] == {"department": 10, "skill_groups": [1234002]}
    assert good("numbers", "delete", "--yes", "02100000004", RANGED).count(": deleted") == 2
    assert list(center.lines) == [SURVEYED, INBOUND]
    assert events(house) == ["hotline_number_added", *["hotline_number_deleted"] * 2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("groups", "remove", "Nowhere", "--yes"), "no skill group Nowhere"),
        (("groups", "remove", "Sales", "--move-to", "x", "--take-out"), "one of --move-to and --take-out"),
        (("groups", "update", "Sales"), "Say what to change"),
        (("groups", "create", " "), "readable characters"),
        (("departments", "rename", "Nowhere", "x"), "no department Nowhere"),
        (("numbers", "add", "+86", "--description", "x"), "digits only"),
        (("numbers", "add", "021000"), "--description is needed"),
        (
            ("numbers", "add", "021000", "--description", "x", "--outbound", "--range", "Nowhere"),
            "nothing that is there",
        ),
        (("numbers", "reset", INBOUND), "Say what to change"),
        (("numbers", "reset", "--all-departments", "--range", "x", INBOUND), "one of --all-departments and --range"),
    ],
    ids=lambda value: "_".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_meant_is_told(refused_at: House, arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code in {1, 2}
    assert told in result.output
    assert refused_at.journal() == []
