"""How the OpenAPI's parameters are read: the SDK spells lists in three ways, and truth in Python's."""

from __future__ import annotations

import pytest

from bridge.sandbox.aiccs_wire import ApiRefusal, Given, one_page, pages_of


def given(**values: str) -> Given:
    return Given("ccc_xp_demo", values, {}, "contoso")


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ({}, []),
        ({"Ids": ""}, []),
        ({"Ids.1": "7", "Ids.10": "9", "Ids.2": "8", "Ids.x": "1", "IdsOther.1": "1"}, [7, 8, 9]),
        ({"Ids": "[7, 8]"}, [7, 8]),
        ({"Ids": '["7"]'}, [7]),
        ({"Ids": "7, 8"}, [7, 8]),
    ],
    ids=["none", "empty", "numbered", "json", "json_texts", "commas"],
)
def test_a_list_is_read_in_each_of_its_spellings(values: dict[str, str], numbers: list[int]) -> None:
    assert given(**values).numbers("Ids") == numbers


@pytest.mark.parametrize("text", ["[7", "x", "[1.5]"])
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(ApiRefusal, match="InvalidParameter"):
        given(Ids=text).numbers("Ids")


@pytest.mark.parametrize("text", ["{}", "[1]", "7"])
def test_what_is_no_list_of_objects_is_refused(text: str) -> None:
    with pytest.raises(ApiRefusal, match="InvalidParameter"):
        given(Rows=text).rows("Rows")


@pytest.mark.parametrize(("text", "meant"), [("True", True), ("true", True), ("False", False), ("", False)])
def test_truth_is_read_whatever_its_case(text: str, *, meant: bool) -> None:
    assert given(Flag=text).flag("Flag") is meant


def test_a_page_outside_of_all_is_empty_and_none_is_smaller_than_one_row() -> None:
    assert (one_page("abcde", 3, 2), one_page("abcde", 4, 2), one_page("ab", 0, 0)) == (["e"], [], ["a"])
    assert (pages_of("abcde", 2), pages_of("", 2)) == (3, 0)
