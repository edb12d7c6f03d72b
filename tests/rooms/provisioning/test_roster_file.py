"""A list of agents as a file: any spreadsheet's way of saving it is read, and each fault is told with its line."""

from __future__ import annotations

import csv
import io

import pytest

from bridge.aiccs.agents import Agent
from bridge.aiccs.skill_groups import SkillGroup
from bridge.core.contact_center_errors import RosterInvalid
from bridge.provisioning.lines import LARGEST, LONGEST_CELL, MOST_CELLS, MOST_LINES
from bridge.provisioning.roster_file import Row, cells_of, read_roster, write_roster

LIN = Row(2, "lin@contoso.example", "小林", ("客服热线", "Sales"))
TEXT = "account_name,display_name,skill_groups\nlin@contoso.example,小林,客服热线;Sales\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace(",", "\t"),
        'Account Name;Display-Name;Skill groups\nlin@contoso.example;小林;"客服热线; Sales"\n',
        "坐席账号,对外展示名,所属技能组\nlin@contoso.example , 小林,客服热线\uff1bSales\n",
        "No,技能组,E-mail,Name\n1,客服热线;Sales,lin@contoso.example,小林\n",
    ],
    ids=["comma", "crlf", "tab", "semicolon", "chinese", "other_order"],
)
def test_every_usual_way_of_saving_it_is_read(text: str, encoding: str) -> None:
    assert read_roster(text.encode(encoding)) == (LIN,)


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("lin,Lin,", Row(3, "lin", "Lin", ())),
        ("lin,,A", Row(3, "lin", "", ("A",))),
        ('"lin","Lin, of\u3000Contoso","A\nB"', Row(3, "lin", "Lin, of\u3000Contoso", ("A", "B"))),
        ("'+8613800000000,'=Lin,A", Row(3, "+8613800000000", "=Lin", ("A",))),
        (",Lin,A", Row(3, "", "Lin", ("A",), "the account name is missing")),
        ("kim,Kim,A", Row(3, "kim", "Kim", ("A",), "line 2 has this account already")),
        ("KIM,Kim,A", Row(3, "KIM", "Kim", ("A",), twin=2)),
        ("lin,Lin", Row(3, "lin", "Lin", (), "it has fewer cells than the first line")),
        (
            "l\u200bin,Lin,A",
            Row(3, "l\u200bin", "Lin", ("A",), "an account name is at most 255 printable characters"),
        ),
        (
            f"lin,{'x' * 129},A",
            Row(3, "lin", "x" * 129, ("A",), "a display name is at most 128 printable characters"),
        ),
    ],
    ids=["no_group", "no_name", "quoted", "guarded", "nameless", "twice", "case", "short", "unprintable", "long"],
)
def test_a_line_says_what_it_wants_or_what_is_wrong(line: str, row: Row) -> None:
    read = read_roster(f"account_name,display_name,skill_groups\nkim,Kim,A\n{line}\n".encode())
    assert read[1:] == (row,)


def test_a_column_that_is_missing_says_nothing() -> None:
    assert read_roster(b"e-mail\n\n,\nlin\n") == (Row(4, "lin"),)


@pytest.mark.parametrize(
    ("data", "received"),
    [
        (b"", "an empty file"),
        (b"\n , \n", "an empty file"),
        (b"who,what\nlin,1\n", "2 other heads in line 1"),
        (b"account,account\nlin,lin\n", "2 in line 1"),
        (b'account\n"lin\n', "others from line 2 on"),
        (b"PK\x03\x04\x00\x00", "something else"),
        (b"\xff\xff\xff", "something else"),
        (b"account\n" + b"a\n" * (MOST_LINES + 1), "more"),
        (b"a" * (LARGEST + 1), "a larger file"),
        (b"account\n" + b"," * MOST_CELLS, "more in line 2"),
        (b"account\na" + b"a" * LONGEST_CELL, "a longer one in line 2"),
        (b"a" * 200_000, "others from line 1 on"),
    ],
    ids=[
        "empty",
        "blank",
        "no_account",
        "twice",
        "open_quote",
        "xlsx",
        "bytes",
        "lines",
        "bytes_too_many",
        "cells",
        "cell",
        "first_cell",
    ],
)
def test_what_is_no_list_of_agents_is_refused_whole(data: bytes, received: str) -> None:
    with pytest.raises(RosterInvalid) as refusal:
        read_roster(data)
    assert refusal.value.received == received


def test_what_is_written_can_be_read_again_and_is_no_formula() -> None:
    groups = [
        SkillGroup(1, "a", "Sales"),
        SkillGroup(2, "b", "Twin"),
        SkillGroup(3, "c", "Twin"),
        SkillGroup(4, "d;e", "d;e"),
    ]
    names = ("Sales", "Twin", "d;e", "gone")
    agents = [
        Agent("+8613800000000", "=cmd()", "1", "0", names, (1, 2, 4, 9)),
        Agent("kim", "Kim", "2", "1"),
    ]
    data = b"".join(write_roster(agents, groups))
    assert data.startswith(b"\xef\xbb\xbf")
    heads, lin, kim = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert heads == ["account_name", "display_name", "skill_groups", "status"]
    assert lin == ["'+8613800000000", "'=cmd()", "Sales;#2;#4;#9", "active"]
    assert kim[3] == "frozen"
    assert read_roster(data) == (
        Row(2, "+8613800000000", "=cmd()", ("Sales", "#2", "#4", "#9")),
        Row(3, "kim", "Kim", ()),
    )


def test_any_table_is_read_cell_by_cell() -> None:
    assert cells_of(b"a;b;c\n 1;2;\n\n;;\n") == [("a", "b", "c"), ("1", "2", "")]
