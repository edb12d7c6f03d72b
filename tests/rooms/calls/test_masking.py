"""Phone numbers as everybody may see them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.calls.masking import masked, without_numbers, without_numbers_in
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
        ("2345678", "****78"),
        ("23456", "****56"),
        ("400-123-4567", "400-123-4567"),
        ("+864001234567", "+864001234567"),
        ("8008100001", "8008100001"),
        ("95188", "95188"),
        ("10086", "10086"),
        ("04001234567", "040****4567"),
        ("40012345678", "400****5678"),
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
        "seven",
        "five",
        "service",
        "service-country",
        "free",
        "company",
        "carrier",
        "city-like-service",
        "longer-than-service",
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


TEXTS = {
    "behind a name": ("张三13912345678", "张三139****5678"),
    "scheme": ("tel:13912345678", "tel:139****5678"),
    "before a place": ("13912345678(北京)", "139****5678(北京)"),
    "full width": ("\uff11\uff13\uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", "139****5678"),
    "other script": ("\u0661\u0663\u0669\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", "139****5678"),
    "commas": ("call 139\uff0c1234\uff0c5678!", "call 139****5678!"),
    "full stops": ("139.1234.5678", "139****5678"),
    "unseen": ("139\u200b1234\u200b5678", "139****5678"),
    "dashes": ("139\u20131234 - 5678", "139****5678"),
    "country": ("+8613912345678", "+86139****5678"),
    "spoken": ("我的电话一三九\uff0c幺二三四\uff0c五六七八。", "我的电话139****5678。"),
    "half spoken": ("1三9一2三4五6七8", "139****5678"),
    "service": ("dial 400-820-8820 or 13912345678", "dial 400-820-8820 or 139****5678"),
    "seven": ("room 8888001", "room ****01"),
    "six": ("room 888001 at 12:30:45", "room 888001 at 12:30:45"),
    "years": ("二〇二六年十一月", "二〇二六年十一月"),
    "other signs": ("\uff08一\uff09客服", "\uff08一\uff09客服"),
    "own": ("hotline 0571-0000001", "hotline 0571-0000001"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_number_in_any_text_is_masked(case: str) -> None:
    text, seen = TEXTS[case]
    assert without_numbers_in(text, frozenset({"05710000001"})) == seen


def test_every_text_of_a_call_is_looked_through_and_no_id_is() -> None:
    number, kept = "13912345678", "139****5678"
    ids: dict[str, Any] = dict.fromkeys(("id", "call_id", "agent_id", "member_id", "group_id"), number)
    names = ("agent_name", "group_name", "member_name", "transferred_from", "transferred_to")
    texts: dict[str, Any] = dict.fromkeys(names, number)
    shown = without_numbers(replace(invented_call(1, 0.0), **ids, **texts))
    assert {getattr(shown, name) for name in ids} == {number}
    assert {getattr(shown, name) for name in names} == {kept}
    legs = replace(invented_call(1, 0.0), transferred_from="acc1c58d255a0a961", transferred_to="10009060001")
    assert without_numbers(legs).transferred_from == "acc1c58d255a0a961"
    assert without_numbers(legs).transferred_to == "10009060001"
