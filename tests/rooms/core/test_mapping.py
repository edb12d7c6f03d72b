"""The mapping: which values of UserInfo name an agent, and which are refused with what the admin needs to know."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.errors import MappingFieldMissing
from bridge.core.mapping import as_text, display_name, field_names, find_field, map_account

TAKEN = [
    ("lin@contoso.example", "lin@contoso.example"),
    ("  lin@contoso.example\n", "lin@contoso.example"),
    ("王芳", "王芳"),
    ("a" * 255, "a" * 255),
    ("Lin Example", "Lin Example"),
    ("Lin@Contoso.Example", "Lin@Contoso.Example"),
    (13800000000, "13800000000"),
    (0, "0"),
    (-7, "-7"),
    (13800000000.0, "13800000000"),
    (2**63, "9223372036854775808"),
]
REFUSED = [
    (None, "email as null"),
    ("", "email as empty text"),
    (" \t\n", "email as empty text"),
    ("a" * 256, "email as text that is no account name"),
    ("lin\ncontoso", "email as text that is no account name"),
    ("lin\x00", "email as text that is no account name"),
    ("lin\u200bcontoso", "email as text that is no account name"),
    ("\ud800", "email as text that is no account name"),
    (True, "email as true or false"),
    (False, "email as true or false"),
    ([], "email as a list"),
    (["lin@contoso.example"], "email as a list"),
    ({}, "email as an object"),
    ({"value": "lin@contoso.example"}, "email as an object"),
    (1.5, "email as a number that is not whole"),
    (float("inf"), "email as a number that is not whole"),
    (float("nan"), "email as a number that is not whole"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(("value", "account_name"), TAKEN)
def test_a_text_or_a_whole_number_names_the_agent(value: object, account_name: str) -> None:
    assert map_account({"email": value}, "email") == account_name


@pytest.mark.parametrize(("value", "received"), REFUSED)
def test_whatever_is_no_name_is_refused_and_told(value: object, received: str) -> None:
    with pytest.raises(MappingFieldMissing) as refusal:
        map_account({"sub": "1", "email": value}, "email")
    assert refusal.value.expected == "email"
    assert refusal.value.received.startswith(received)


def test_an_absent_field_is_told_with_the_fields_that_came() -> None:
    with pytest.raises(MappingFieldMissing) as refusal:
        map_account({"sub": "1", "name": "Lin", "address": {"country": "CN", "lines": []}}, "email")
    assert refusal.value.received == "sub, name, address.country, address.lines"


def test_values_of_other_fields_are_never_told() -> None:
    with pytest.raises(MappingFieldMissing) as refusal:
        map_account({"phone_number": "+8613800000000", "email": ["private@contoso.example"]}, "email")
    assert "private" not in str(refusal.value)
    assert "138" not in str(refusal.value)


def test_an_answer_without_any_field_is_told_as_such() -> None:
    with pytest.raises(MappingFieldMissing, match="received no fields"):
        map_account({}, "email")


def test_at_most_forty_fields_are_named() -> None:
    with pytest.raises(MappingFieldMissing) as refusal:
        map_account({f"field{number}": 1 for number in range(60)}, "email")
    assert refusal.value.received.endswith("field39 …")


def test_a_field_name_that_is_a_token_is_not_repeated() -> None:
    assert list(field_names({"eyJhbGciOiJIUzI1NiJ9.e30.x": 1, "a b": 2})) == [
        "str of 26 characters",
        "str of 3 characters",
    ]


def test_a_very_deep_answer_is_a_refusal_like_any_other() -> None:
    claims = json.loads('{"a":' * 900 + "1" + "}" * 900)
    with pytest.raises(MappingFieldMissing):
        map_account(claims, "email")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("custom_attributes.agent_account", "lin"),
        ("https://example.com/email", "flat"),
        ("a.b", "flat wins"),
        ("list.0", None),
        ("name.first", None),
        ("custom_attributes.", None),
        ("", None),
    ],
)
def test_a_dotted_path_leads_into_objects_only(path: str, value: object) -> None:
    claims = {
        "custom_attributes": {"agent_account": "lin"},
        "https://example.com/email": "flat",
        "a": {"b": "nested"},
        "a.b": "flat wins",
        "list": ["lin"],
        "name": "Lin",
    }
    found = find_field(claims, path)
    assert found == value if value else as_text(found) == ""


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Lin Example", "preferred_username": "lin"}, "Lin Example"),
        ({"name": " ", "preferred_username": "lin"}, "lin"),
        ({"name": ["Lin"]}, ""),
        ({"name": "x" * 300}, "x" * 255),
        ({"name": "Lin \ud83d"}, "Lin ?"),
    ],
)
def test_people_are_shown_by_a_name_that_can_be_shown(claims: dict[str, Any], name: str) -> None:
    assert display_name(claims) == name


@given(claims=st.dictionaries(st.text(), JSON, max_size=5), path=st.text(max_size=12) | st.just("email"))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_no_answer_brings_any_other_error_than_a_refusal(claims: dict[str, Any], path: str) -> None:
    try:
        name = map_account(claims, path)
    except MappingFieldMissing:
        return
    assert name.isprintable()
    assert name == name.strip()
    assert 0 < len(name) <= 255


@given(value=JSON, nested=st.booleans())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_every_value_in_the_field_is_a_clean_name_or_a_refusal(value: object, nested: bool) -> None:  # noqa: FBT001 — hypothesis gives it
    claims: dict[str, Any] = {"user": {"name": value}} if nested else {"user.name": value}
    try:
        name = map_account(claims, "user.name")
    except MappingFieldMissing:
        return
    assert name.isprintable()
    assert name == name.strip()
    assert 0 < len(name) <= 255
