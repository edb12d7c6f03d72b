"""Staff lists: which column counts, and lists of one column without a head."""

from __future__ import annotations

import tracemalloc

import pytest

from bridge.core.contact_center_errors import RosterInvalid
from bridge.provisioning.lines import MOST_CELLS
from bridge.provisioning.staff_list import read_staff_list

COLUMNS: dict[str, tuple[str, str | None]] = {
    "the mapping field's": ("name,email,agent_account", "agent_account"),
    "the mapping field's last step, spelt otherwise": ("e-mail,Agent Account", "Agent Account"),
    "account before e-mail": ("email,AccountName", "AccountName"),
    "e-mail": ("姓名,E-Mail", "E-Mail"),
    "Chinese": ("姓名;手机号;邮箱", "邮箱"),
    "a phone where there is nothing better": ("姓名\t手机号", "手机号"),
    "none": ("first,last", None),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_the_likely_column_is(case: str) -> None:
    heads, column = COLUMNS[case]
    assert (
        read_staff_list(f"{heads}\na,b\n".encode(), "profile.agent_account").likely_column("profile.agent_account")
        == column
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("lin@a.example\nfang@a.example\n", ("lin@a.example", "fang@a.example")),
        ("E-mail\nlin@a.example\n\n", ("lin@a.example",)),
    ],
    ids=["without-a-head", "with-a-head"],
)
def test_a_list_of_one_column_needs_no_head(text: str, names: tuple[str, ...]) -> None:
    listed = read_staff_list(text.encode("utf-8-sig"), "email")
    column = listed.likely_column("email")
    assert column is not None
    assert listed.names(column) == names


def test_columns_are_found_whatever_their_case_and_each_has_a_name_of_its_own() -> None:
    listed = read_staff_list("邮箱,,邮箱\na,b,c\nd\n".encode("gb18030"), "email")
    assert listed.columns == ("邮箱", "(2)", "邮箱 (3)")
    assert (listed.names("邮箱"), listed.names("邮箱 (3)")) == (("a", "d"), ("c",))
    named = read_staff_list(b"Mail,Name\na,b\n", "email")
    assert (named.named("MAIL"), named.named("Name"), named.named("other")) == ("Mail", "Name", None)


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(RosterInvalid):
        read_staff_list(b"\xff\xff\x00", "email")


def test_one_long_line_makes_the_others_no_longer() -> None:
    heads = ",".join(["a"] * MOST_CELLS)
    tracemalloc.start()
    listed = read_staff_list(f"{heads}\nx\n".encode() + b"y\n" * 4_000, "email")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(listed.columns), len(set(listed.columns)), len(listed.rows)) == (MOST_CELLS, MOST_CELLS, 4_001)
    assert (listed.names("a")[:2], listed.names("a (2)")) == (("x", "y"), ())
    assert peak < 3_000_000
