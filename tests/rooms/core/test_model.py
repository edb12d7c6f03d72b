"""The nouns: frozen, and silent about their secrets."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from bridge.core.model import NO_SECRET, FuyunApp, FuyunToken, Secret, SubjectToken, TokenSet

HIDDEN = "nobody-may-read-this"


def test_a_secret_shows_a_mask_in_every_text_form() -> None:
    secret = Secret(HIDDEN)
    assert [str(secret), repr(secret), f"{secret}", "%s" % secret] == ["********"] * 4  # noqa: UP031 — log lines do so
    assert secret.reveal() == HIDDEN


def test_an_empty_secret_says_that_it_is_empty() -> None:
    assert not NO_SECRET
    assert str(NO_SECRET) == "(empty)"


def test_secrets_are_equal_by_their_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert {Secret("a"), Secret("a")} == {Secret("a")}


@pytest.mark.parametrize(
    "noun",
    [
        TokenSet(HIDDEN, HIDDEN, HIDDEN),
        FuyunToken(HIDDEN, "bearer", 1),
        SubjectToken(HIDDEN, "contoso"),
        FuyunApp("client", Secret(HIDDEN)),
    ],
    ids=lambda noun: type(noun).__name__,
)
def test_no_noun_prints_what_it_keeps_secret(noun: object) -> None:
    assert HIDDEN not in repr(noun)


def test_nouns_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        TokenSet("a").access_token = "b"  # type: ignore[misc]
