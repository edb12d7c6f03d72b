"""The texts of failures: one for each code, in both languages, and each complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask_babel import force_locale

from bridge.core.every_error import every_error
from bridge.http.texts import explain, explained_codes

if TYPE_CHECKING:
    from flask import Flask


def test_every_code_has_a_text_of_its_own_and_no_text_is_without_a_code() -> None:
    assert explained_codes() == set(every_error())


@pytest.mark.parametrize("code", sorted(every_error()))
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_a_text_is_complete_in_both_languages(app: Flask, code: str, locale: str) -> None:
    with app.test_request_context(), force_locale(locale):
        text = explain(code)
        parts = [str(part) for part in (text.title, text.detail, text.who, text.advice)]
    assert all(parts)
    assert all(any("一" <= character <= "鿿" for character in part) for part in parts) is (locale == "zh")


def test_an_unknown_code_is_told_as_a_fault_of_our_own() -> None:
    assert explain("something_new") is explain("internal_error")
