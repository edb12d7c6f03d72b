"""Parameters: each at most once, and none longer than it can be."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict

from bridge.core.errors import IdpAnswerInvalid, RequestInvalid
from bridge.http.parameters import LENGTHS, single


def test_what_was_asked_for_is_given_and_what_is_absent_is_empty() -> None:
    given = MultiDict([("next", "/softphone"), ("other", "x")])
    assert single(given, "next", "login_hint") == {"next": "/softphone", "login_hint": ""}


@pytest.mark.parametrize("values", [("a", "b"), ("a", "a"), ("", "")])
def test_twins_are_refused(values: tuple[str, str]) -> None:
    with pytest.raises(RequestInvalid) as refusal:
        single(MultiDict([("code", value) for value in values]), "code")
    assert (refusal.value.expected, refusal.value.received, refusal.value.status) == ("code once", "2 times", 400)


def test_twins_of_what_nobody_asked_for_do_not_matter() -> None:
    assert single(MultiDict([("x", "1"), ("x", "2")]), "code") == {"code": ""}


@pytest.mark.parametrize(("name", "length"), LENGTHS.items())
def test_a_value_may_be_as_long_as_its_limit_and_no_longer(name: str, length: int) -> None:
    assert single(MultiDict([(name, "a" * length)]), name)[name]
    with pytest.raises(RequestInvalid, match=f"at most {length} characters") as refusal:
        single(MultiDict([(name, "a" * (length + 1))]), name)
    assert "aaa" not in str(refusal.value)


def test_another_error_may_be_wished_for_and_is_the_requests_fault_then() -> None:
    with pytest.raises(IdpAnswerInvalid) as refusal:
        single(MultiDict([("code", "a"), ("code", "b")]), "code", refuse_as=IdpAnswerInvalid)
    assert refusal.value.status == 400
