"""Answers that are given again, on every store: each errand is done once, by one, and forgotten in time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import select, update

from bridge.access.answers import KeptAnswer, KeptAnswers, api_answers, errand
from bridge.connections.secrets import KeyRing
from bridge.core.gate_errors import IdempotencyConflict, IdempotencyKeyReused
from bridge.core.model import Secret
from tests.contracts.emptied import emptied
from tests.contracts.together import together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.db import Database
    from tests.kit.clock import Clock

OLD, NEW = Secret("o" * 32), Secret("n" * 32)
ONE: Final = errand("key-1", "once", "POST /token\nlin")
ANOTHER: Final = errand("key-1", "once", "POST /token\nkim")
ANSWER: Final = {"access_token": "a-token-that-no-row-may-tell", "account_name": "王芳"}


@pytest.fixture
def database(store: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    with emptied(store, request, api_answers) as made:
        yield made


@pytest.fixture
def answers(database: Database, clock: Clock) -> KeptAnswers:
    return KeptAnswers(database, KeyRing([OLD]), clock)


def rows(database: Database) -> list[Any]:
    with database.transaction() as transaction:
        return list(transaction.execute(select(api_answers)).all())


def attempt(answers: KeptAnswers) -> str:
    try:
        return "does it" if answers.begin(ONE) is None else "gets it"
    except IdempotencyConflict:
        return "waits"


def test_what_was_answered_is_answered_again(answers: KeptAnswers) -> None:
    assert answers.begin(ONE) is None
    answers.keep(ONE, ANSWER)
    assert [answers.begin(ONE) for _ in range(2)] == [KeptAnswer(ANSWER, 0)] * 2


def test_what_nobody_knows_the_end_of_is_kept_as_such(answers: KeptAnswers) -> None:
    assert answers.begin(ONE) is None
    answers.keep(ONE, {"expected": "an answer", "received": "none in time"}, is_uncertain=True)
    kept = KeptAnswer({"expected": "an answer", "received": "none in time"}, 0, is_uncertain=True)
    assert answers.begin(ONE) == kept


def test_of_ten_at_once_one_does_it(answers: KeptAnswers) -> None:
    assert sorted(together([partial(attempt, answers)] * 10)) == ["does it", *["waits"] * 9]


def test_another_request_with_the_same_key_is_refused_at_any_time(answers: KeptAnswers) -> None:
    answers.begin(ONE)
    for _ in range(2):
        with pytest.raises(IdempotencyKeyReused):
            answers.begin(ANOTHER)
        answers.keep(ONE, ANSWER)


@pytest.mark.parametrize("other", [("key-2", "once"), ("key-1", "twice"), ("key-1\nonce", ""), ("", "key-1\nonce")])
def test_whoever_uses_another_key_asks_for_something_else(answers: KeptAnswers, other: tuple[str, str]) -> None:
    answers.begin(ONE)
    answers.keep(ONE, ANSWER)
    differs = errand(*other, "POST /token\nlin")
    assert answers.begin(differs) is None


def test_what_failed_can_be_tried_again(answers: KeptAnswers) -> None:
    answers.begin(ONE)
    answers.drop(ONE)
    assert answers.begin(ANOTHER) is None


def test_what_died_with_its_process_is_free_after_ninety_seconds(answers: KeptAnswers, clock: Clock) -> None:
    answers.begin(ONE)
    clock.advance(85)
    assert attempt(answers) == "waits"
    clock.advance(6)
    assert attempt(answers) == "does it"


def test_an_answer_is_forgotten_after_an_hour(answers: KeptAnswers, database: Database, clock: Clock) -> None:
    answers.begin(ONE)
    answers.keep(ONE, ANSWER)
    clock.advance(3595)
    assert attempt(answers) == "gets it"
    clock.advance(10)
    assert answers.begin(errand("key-2", "any", "any")) is None
    assert [row.id_hash for row in rows(database)] == [errand("key-2", "any", "any").id_hash]


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_one_that_was_thought_dead_leaves_alone_who_took_its_place(
    answers: KeptAnswers, database: Database, clock: Clock, ends: str
) -> None:
    answers.begin(ONE)
    clock.advance(91)
    answers.begin(ANOTHER)
    if ends == "well":
        answers.keep(ONE, ANSWER)
    else:
        answers.drop(ONE)
    assert [(row.fingerprint, row.sealed) for row in rows(database)] == [(ANOTHER.fingerprint, "")]


def test_of_two_tries_of_one_request_the_late_one_does_not_free_the_place(answers: KeptAnswers, clock: Clock) -> None:
    late, present = (errand("key-1", "once", "POST /token\nlin") for _ in range(2))
    answers.begin(late)
    clock.advance(91)
    assert answers.begin(present) is None
    answers.drop(late)
    assert attempt(answers) == "waits"


def test_what_is_over_sooner_is_forgotten_sooner(answers: KeptAnswers, clock: Clock) -> None:
    answers.begin(ONE)
    answer: dict[str, Any] = {**ANSWER, "expires_at": int(clock()) + 60}
    answers.keep(ONE, answer)
    clock.advance(50)
    assert answers.begin(ONE) == KeptAnswer(answer, 50)
    clock.advance(11)
    assert answers.begin(ONE) is None


class TestKeptUnderSeal:
    def test_no_row_tells_what_was_asked_or_answered(self, answers: KeptAnswers, database: Database) -> None:
        answers.begin(ONE)
        answers.keep(ONE, ANSWER)
        (row,) = rows(database)
        assert not any(word in str(row) for word in ("a-token", "王芳", "lin", "once", "key-1"))

    def test_an_answer_that_was_put_into_another_row_is_given_to_nobody(
        self, answers: KeptAnswers, database: Database
    ) -> None:
        other = errand("key-2", "once", "POST /token\nlin")
        for one in (ONE, other):
            answers.begin(one)
        answers.keep(ONE, ANSWER)
        (sealed,) = (row.sealed for row in rows(database) if row.sealed)
        with database.transaction() as transaction:
            transaction.execute(update(api_answers).values(sealed=sealed))
        assert answers.begin(ONE) == KeptAnswer(ANSWER, 0)
        with pytest.raises(IdempotencyKeyReused):
            answers.begin(other)

    def test_one_outlives_the_change_of_keys_and_is_not_done_again_without_them(
        self, answers: KeptAnswers, database: Database, clock: Clock
    ) -> None:
        answers.begin(ONE)
        answers.keep(ONE, ANSWER)
        assert KeptAnswers(database, KeyRing([NEW, OLD]), clock).begin(ONE) == KeptAnswer(ANSWER, 0)
        with pytest.raises(IdempotencyKeyReused):
            KeptAnswers(database, KeyRing([NEW]), clock).begin(ONE)
