"""Account names that somebody writes out: taken exactly as they are, or refused without being repeated."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bridge.core.errors import RequestInvalid
from bridge.core.mapping import account_name_of

TAKEN = {
    "e-mail": "lin@contoso.example",
    "phone": "+86 138 0000 0000",
    "digits": "13800000000",
    "Chinese": "王芳",
    "Chinese outside the basic plane": "𠮷野",
    "one character": "a",
    "255 characters": "王" * 255,
    "blanks within": "Lin Example",
    "what queries and pages are made of": "<a href=\"?x=1&y='2'\">%00;--",
}
REFUSED = {
    "nothing": ("", "an empty text"),
    "white space": (" \t\n", "an empty text"),
    "a blank before": (" lin", "white space around it"),
    "a line end": ("lin\n", "white space around it"),
    "256 characters": ("a" * 256, "256 characters"),
    "a zero byte": ("lin\x00", "a character that cannot be printed"),
    "a line end within": ("lin\nfang", "a character that cannot be printed"),
    "delete": ("lin\x7ffang", "a character that cannot be printed"),
    "control of the second set": ("lin\x85fang", "a character that cannot be printed"),
    "zero width": ("lin\u200bfang", "a character that cannot be printed"),
    "from right to left": ("lin\u202efang", "a character that cannot be printed"),
    "ideographic space": ("陈\u3000琳", "a character that cannot be printed"),
    "half a character": ("lin\ud800", "a character that cannot be printed"),
}


@pytest.mark.parametrize("what", TAKEN)
def test_a_name_is_taken_exactly_as_it_is(what: str) -> None:
    assert account_name_of(TAKEN[what]) == TAKEN[what]


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_name_is_refused_with_what_is_wrong(what: str) -> None:
    text, received = REFUSED[what]
    with pytest.raises(RequestInvalid) as refusal:
        account_name_of(text)
    assert refusal.value.received == received
    assert "1 to 255 printable characters" in refusal.value.expected


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=255))
def test_whatever_can_be_printed_is_a_name(name: str) -> None:
    assume(name.isprintable())  # Python and Hypothesis may know different versions of Unicode
    assert account_name_of(name) == name


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=100), st.characters(categories=("Cc", "Cf", "Cs", "Zl", "Zp")), st.text(max_size=100))
def test_one_character_that_cannot_be_printed_is_enough_to_refuse(before: str, sign: str, after: str) -> None:
    with pytest.raises(RequestInvalid):
        account_name_of(f"{before}{sign}{after}")
