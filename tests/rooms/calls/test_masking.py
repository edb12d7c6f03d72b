"""Phone numbers as everybody may see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.calls.masking import masked, without_numbers
from tests.kit.invented_calls import invented_call


@pytest.mark.parametrize(
    ("number", "seen"),
    [
        ("13800000000", "138****0000"),
        (" 138 0013 8000 ", "138****8000"),
        ("+8613800138000", "+86138****8000"),
        ("+86 138-0013-8000", "+86 138****8000"),
        ("008613800138000", "0086138****8000"),
        ("05710000001", "057****0001"),
        ("4001234567", "****67"),
        ("95188", "****88"),
        ("110", "****"),
        ("", ""),
        ("-", "****"),
        ("anonymous", "****us"),
    ],
    ids=[
        "mobile",
        "spaces",
        "country",
        "country-spaces",
        "zeros",
        "city",
        "service",
        "five",
        "three",
        "empty",
        "sign",
        "word",
    ],
)
def test_a_number_keeps_too_little_to_be_called(number: str, seen: str) -> None:
    assert masked(number) == seen


def test_a_call_loses_its_numbers_and_keeps_its_names() -> None:
    call = replace(invented_call(1, 0.0), caller="13800138000", callee="05710000001", trunk="02188880000")
    shown = without_numbers(replace(call, member_name="李雷", agent_name="13 Anna"))
    assert (shown.caller, shown.callee, shown.trunk) == ("138****8000", "057****0001", "021****0000")
    assert (shown.member_name, shown.agent_name) == ("李雷", "13 Anna")


def test_a_member_named_by_the_number_is_masked_too() -> None:
    assert (
        without_numbers(replace(invented_call(1, 0.0), member_name="+86 13800138000")).member_name == "+86 138****8000"
    )


def test_the_companys_own_numbers_stay_readable() -> None:
    shown = without_numbers(invented_call(1, 0.0), frozenset({"05710000001"}))
    assert (shown.caller, shown.callee) == ("138****0001", "05710000001")
