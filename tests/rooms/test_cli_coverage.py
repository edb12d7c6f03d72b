"""The command for the coverage report: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
import logging
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

    from tests.kit.house import House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A bridge at which Lin signed in, whose commands reach the same sandbox."""
    built = build_house(demo_settings(tmp_path, connections=("contoso",)))
    built.browser().sign_in("contoso", "lin")
    monkeypatch.setattr(rooms, "make_outbound", lambda _: built.services.outbound)
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield built
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()
    built.services.database.close()


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        cli.main,
        ["agents", "coverage", "--connection", "contoso", *arguments],
        env={cli.CONFIG_VARIABLE: str(folder / "bridge.toml")},
    )


def staff(folder: Path, text: str) -> str:
    path = folder / "staff.csv"
    path.write_text(text, "utf-8")
    return str(path)


def test_sign_ins_alone_are_compared_and_nobody_is_missed(house: House, tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("1 people, 0 of them in the staff list; 15 agents.\n\nMaps: 1\n")
    assert "Agents without a person: 14" in result.output
    (record,) = [one for one in house.journal() if one.event == "coverage_report"]
    assert (record.actor, record.details["agents"]) == ("operator at the command line", 15)


def test_staff_who_do_not_map_are_told_with_what_to_do_and_end_it_with_1(house: House, tmp_path: Path) -> None:
    listed = staff(
        tmp_path, "姓名,E-mail\n林,lin@contoso.example\n,Chen.Jei@contoso.example\n,\x1b[31m@x\n,lin@contoso.example\n"
    )
    result = run(tmp_path, "--staff", listed, "--csv", str(tmp_path / "out.csv"))
    assert result.exit_code == 1
    for told in (
        "column E-mail is taken for the AccountName",
        "An AccountName cannot be changed",
        "Chen.Jei@contoso.example  chen.jie@contoso.example  88%",
        "Several lines of the staff list have one name and would be one agent: lin@contoso.example",
    ):
        assert told in result.output, told
    assert "\x1b" not in result.output
    assert "chen.jie@contoso.example" in (tmp_path / "out.csv").read_text("utf-8-sig")


def test_whoever_maps_is_listed_when_asked(house: House, tmp_path: Path) -> None:
    assert "Maps: 1\n  --all lists them.\n" in run(tmp_path).stdout
    assert "lin@contoso.example  lin@contoso.example" in run(tmp_path, "--all").stdout


def test_json_has_the_same_and_everybody_mapping_ends_it_with_0(house: House, tmp_path: Path) -> None:
    listed = staff(tmp_path, "lin@contoso.example\nwang.fang@contoso.example\n")
    result = run(tmp_path, "--staff", listed, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["staff"], told["staff_without_agent"], told["counts"]["maps"]) == (2, 0, 2)


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize(
    ("text", "options", "code", "said"),
    [
        ("first,last\na,b\n", [], 1, "say with --column which one should equal AccountName: first, last"),
        ("first,last\na,b\n", ["--column", "mail"], 1, "there is no column mail, only: first, last"),
        ("", [], 1, "roster_invalid"),
        (None, ["--column", "mail"], 2, "--column names a column of the --staff file"),
    ],
    ids=["no-likely-column", "another-column", "empty", "no-file"],
)
def test_a_list_that_cannot_be_used_says_why(
    tmp_path: Path, text: str | None, options: list[str], code: int, said: str
) -> None:
    chosen = [] if text is None else ["--staff", staff(tmp_path, text)]
    result = run(tmp_path, *chosen, *options)
    assert (result.exit_code, said in result.output) == (code, True), result.output
