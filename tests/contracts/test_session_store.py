"""What a store of sessions promises, whichever it is: each verb of `SessionStore`, also when many ask at once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from bridge.sessions.rows import FAILED, SKEW, Blob, Resealed, SessionRow
from tests.contracts.session_desk import NEW, NOW, ROW
from tests.contracts.together import together

if TYPE_CHECKING:
    from bridge.sessions.rows import SessionStore

SECONDS = 45.0
ANEW = Resealed(sealed="anew", about="about anew", sub_key="p2", sid_key="s2", connection_key="c2")


def kept(store: SessionStore, row: SessionRow = ROW) -> SessionRow:
    store.add(row, NOW)
    return row


def read(store: SessionStore, session_id: str = "a") -> SessionRow:
    row = store.get(session_id)
    assert row is not None
    return row


def claims(
    store: SessionStore, owner: str = "me", *, later: float = 0, waited: bool = False, session_id: str = "a"
) -> bool:
    return store.claim(session_id, owner, now=NOW + later, seconds=SECONDS, waited=waited)


def found(store: SessionStore, key: str, later: float = 0) -> list[str]:
    return sorted(row.id for row in store.find(key, NOW + later))


class TestCounting:
    def test_only_what_lives_and_was_seen_lately_counts_by_its_connection(self, session_store: SessionStore) -> None:
        for number in range(5):
            kept(session_store, replace(ROW, id=f"alive{number}"))
        kept(session_store, replace(ROW, id="other", connection_key="other"))
        kept(session_store, replace(ROW, id="idle", seen_at=NOW - 100))
        kept(session_store, replace(ROW, id="old", expires_at=NOW - 1))
        kept(session_store, replace(ROW, id="ended"))
        session_store.bury("ended", "session_ended", NOW)
        keys = [ROW.connection_key, "other", "none"]
        counted = session_store.count(keys, now=NOW, seen_since=NOW - 50)
        assert counted == {ROW.connection_key: 5, "other": 1, "none": 0}

    def test_of_very_many_it_is_told_about_how_many(
        self, session_store: SessionStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bridge.sessions.redis_store._SAMPLE", 4)
        for number in range(8):
            kept(session_store, replace(ROW, id=f"alive{number}"))
        assert session_store.count([ROW.connection_key], now=NOW, seen_since=0)[ROW.connection_key] == 8


class TestRows:
    def test_a_row_is_given_back_as_it_was_kept(self, session_store: SessionStore) -> None:
        assert read(session_store, kept(session_store).id) == ROW
        second = replace(
            ROW, id="b", about="", sid_key="", connection_key="", ended_at=NOW + 0.5, ended_code="x", lock_owner="me"
        )
        assert read(session_store, kept(session_store, second).id) == second

    def test_an_unknown_row_is_none(self, session_store: SessionStore) -> None:
        assert session_store.get("a") is None

    def test_activity_is_noted(self, session_store: SessionStore) -> None:
        kept(session_store)
        session_store.touch("a", NOW + 60.125)
        assert read(session_store) == replace(ROW, seen_at=NOW + 60.125)

    def test_activity_neither_makes_a_row_nor_changes_an_ended_one(self, session_store: SessionStore) -> None:
        session_store.touch("a", NOW)
        assert session_store.get("a") is None
        kept(session_store)
        session_store.bury("a", "session_ended", NOW)
        session_store.touch("a", NOW + 60)
        assert read(session_store).seen_at == NOW


class TestClaims:
    def test_one_owner_at_a_time(self, session_store: SessionStore) -> None:
        kept(session_store)
        assert claims(session_store, "first")
        assert not claims(session_store, "second")
        row = read(session_store)
        assert (row.lock_owner, row.lock_until) == ("first", NOW + SECONDS)

    def test_of_many_at_once_exactly_one(self, session_store: SessionStore) -> None:
        for name in "abcde":
            kept(session_store, replace(ROW, id=name))
            acts = [partial(claims, session_store, str(number), session_id=name) for number in range(8)]
            assert sum(together(acts)) == 1

    def test_a_claim_ends_by_itself(self, session_store: SessionStore) -> None:
        kept(session_store)
        claims(session_store, "first")
        assert not claims(session_store, "second", later=SECONDS - 1)
        assert claims(session_store, "second", later=SECONDS + 1)

    def test_a_clock_that_was_put_back_locks_nothing_for_hours(self, session_store: SessionStore) -> None:
        kept(session_store)
        claims(session_store, "first", later=7200)
        assert claims(session_store, "second")

    def test_clocks_may_differ_by_some_seconds(self, session_store: SessionStore) -> None:
        kept(session_store)
        claims(session_store, "first", later=SKEW - 1)
        assert not claims(session_store, "second")

    def test_a_released_one_is_free_at_once(self, session_store: SessionStore) -> None:
        kept(session_store)
        claims(session_store, "first")
        session_store.release("a", "first", "")
        assert read(session_store) == ROW
        assert claims(session_store, "second")

    def test_only_its_owner_releases_it(self, session_store: SessionStore) -> None:
        kept(session_store)
        claims(session_store, "first")
        session_store.release("a", "second", "")
        session_store.release("unknown", "second", "")
        assert not claims(session_store, "second")

    def test_a_failure_is_the_answer_for_those_who_waited(self, session_store: SessionStore) -> None:
        kept(session_store)
        claims(session_store, "first")
        session_store.release("a", "first", f"{FAILED}idp_unreachable")
        assert read(session_store).lock_owner == f"{FAILED}idp_unreachable"
        assert not claims(session_store, "second", waited=True)
        assert claims(session_store, "second")

    def test_whoever_waited_for_a_success_may_claim(self, session_store: SessionStore) -> None:
        kept(session_store)
        claims(session_store, "first")
        session_store.release("a", "first", "")
        assert claims(session_store, "second", waited=True)

    def test_neither_an_ended_nor_an_unknown_session_is_claimed(self, session_store: SessionStore) -> None:
        kept(session_store)
        session_store.bury("a", "session_ended", NOW)
        assert not claims(session_store)
        assert not claims(session_store, session_id="unknown")
        assert session_store.get("unknown") is None


class TestRewriting:
    def test_the_owner_changes_the_content_and_goes_on_owning(self, session_store: SessionStore) -> None:
        kept(session_store)
        claims(session_store)
        assert session_store.rewrite("a", "me", 0, NEW, until=NOW + 90)
        expected = replace(ROW, format=2, sealed="new", generation=1, lock_owner="me", lock_until=NOW + 90)
        assert read(session_store) == expected
        assert not claims(session_store, "second", later=SECONDS + 1)

    @pytest.mark.parametrize(
        ("session_id", "owner", "generation"), [("b", "me", 0), ("a", "you", 0), ("a", "", 0), ("a", "me", 1)]
    )
    def test_nobody_else_does_and_no_other_generation(
        self, session_store: SessionStore, session_id: str, owner: str, generation: int
    ) -> None:
        kept(session_store)
        claims(session_store)
        assert not session_store.rewrite(session_id, owner, generation, NEW, until=NOW + 90)
        assert read(session_store).sealed == "sealed"

    def test_a_newer_claim_wins(self, session_store: SessionStore) -> None:
        kept(session_store)
        claims(session_store, "slow")
        claims(session_store, "quick", later=SECONDS + 1)
        assert not session_store.rewrite("a", "slow", 0, NEW, until=NOW + 90)
        assert session_store.rewrite("a", "quick", 0, NEW, until=NOW + 90)

    def test_an_ended_session_stays_empty(self, session_store: SessionStore) -> None:
        kept(session_store)
        claims(session_store)
        session_store.bury("a", "session_ended", NOW)
        assert not session_store.rewrite("a", "me", 0, NEW, until=NOW + 90)
        assert read(session_store).sealed == ""


class TestEnding:
    def test_the_content_is_erased_and_the_end_is_remembered(self, session_store: SessionStore) -> None:
        kept(session_store)
        claims(session_store)
        assert session_store.bury("a", "login_required", NOW + 5)
        assert read(session_store) == replace(ROW, sealed="", about="", ended_at=NOW + 5, ended_code="login_required")

    def test_a_session_ends_once(self, session_store: SessionStore) -> None:
        kept(session_store)
        session_store.bury("a", "login_required", NOW)
        assert not session_store.bury("a", "session_ended", NOW)
        assert not session_store.bury("unknown", "session_ended", NOW)
        assert read(session_store).ended_code == "login_required"

    def test_of_many_at_once_exactly_one_ends_it(self, session_store: SessionStore) -> None:
        kept(session_store)
        assert sum(together([partial(session_store.bury, "a", "session_ended", NOW)] * 8)) == 1

    def test_it_wins_over_a_rewrite_at_the_same_moment(self, session_store: SessionStore) -> None:
        for name in "abcde":
            kept(session_store, replace(ROW, id=name))
            claims(session_store, session_id=name)
            rewrite = partial(session_store.rewrite, name, "me", 0, NEW, until=NOW + 90)
            together([rewrite, partial(session_store.bury, name, "session_ended", NOW)])
            row = read(session_store, name)
            assert (row.sealed, row.ended_at, row.lock_owner) == ("", NOW, "")


class TestFinding:
    @pytest.mark.parametrize("key", ["person", "provider session", "connection"])
    def test_sessions_are_found_by_each_key(self, session_store: SessionStore, key: str) -> None:
        for name in "ab":
            kept(session_store, replace(ROW, id=name))
        kept(session_store, replace(ROW, id="c", sub_key="x", sid_key="y", connection_key="z"))
        assert found(session_store, key) == ["a", "b"]
        assert next(iter(session_store.find("x", NOW))).id == "c"

    def test_no_key_finds_nothing(self, session_store: SessionStore) -> None:
        kept(session_store, replace(ROW, sid_key=""))
        assert found(session_store, "") == found(session_store, "unknown") == []

    def test_what_has_ended_or_is_too_old_is_not_found(self, session_store: SessionStore) -> None:
        for name in "ab":
            kept(session_store, replace(ROW, id=name))
        session_store.bury("a", "session_ended", NOW)
        assert found(session_store, "person") == ["b"]
        assert found(session_store, "person", later=43_201) == []

    def test_whoever_goes_through_them_may_end_them(self, session_store: SessionStore) -> None:
        for number in range(201):
            kept(session_store, replace(ROW, id=f"{number:03}"))
        ended = [row.id for row in session_store.find("connection", NOW) if session_store.bury(row.id, "x", NOW)]
        assert len(set(ended)) == len(ended) == 201
        assert found(session_store, "connection") == []

    def test_every_row_with_content_is_told_once(self, session_store: SessionStore) -> None:
        for number in range(300):
            kept(session_store, replace(ROW, id=f"{number:03}"))
        session_store.bury("007", "session_ended", NOW)
        rows = list(session_store.every())
        assert len(rows) == 299
        assert {row.id for row in rows} == {f"{number:03}" for number in range(300)} - {"007"}
        assert rows[0] == replace(ROW, id=rows[0].id)


class TestResealing:
    def test_what_is_sealed_changes_and_is_found_by_the_new_keys_alone(self, session_store: SessionStore) -> None:
        kept(session_store)
        assert session_store.reseal(read(session_store), ANEW)
        row = read(session_store)
        assert row == replace(ROW, sealed="anew", about="about anew", sub_key="p2", sid_key="s2", connection_key="c2")
        assert [found(session_store, key) for key in ("p2", "s2", "c2")] == [["a"]] * 3
        assert [found(session_store, key) for key in ("person", "provider session", "connection")] == [[]] * 3

    def test_a_row_that_has_changed_meanwhile_is_left_alone(self, session_store: SessionStore) -> None:
        before = kept(session_store)
        claims(session_store)
        session_store.rewrite("a", "me", 0, NEW, until=NOW + 90)
        assert not session_store.reseal(before, ANEW)
        session_store.bury("a", "session_ended", NOW)
        assert not session_store.reseal(before, ANEW)
        assert read(session_store).sealed == ""

    def test_activity_and_a_claim_are_no_change(self, session_store: SessionStore) -> None:
        before = kept(session_store)
        claims(session_store)
        session_store.touch("a", NOW + 60)
        assert session_store.reseal(before, ANEW)
        row = read(session_store)
        assert (row.lock_owner, row.seen_at, row.generation) == ("me", NOW + 60, 0)

    def test_no_renewal_is_lost_that_comes_at_the_same_moment(self, session_store: SessionStore) -> None:
        for name in "abcde":
            before = kept(session_store, replace(ROW, id=name))
            claims(session_store, session_id=name)
            rewrite = partial(session_store.rewrite, name, "me", 0, NEW, until=NOW + 90)
            assert together([rewrite, partial(session_store.reseal, before, ANEW)])[0]
            assert read(session_store, name).sealed == "new"


class TestBrowsers:
    def test_what_was_put_is_given_back_until_it_is_too_old(self, session_store: SessionStore) -> None:
        session_store.put_blob(Blob("a", b"sealed"), until=NOW + 60, now=NOW)
        assert session_store.get_blob("a", NOW + 59) == b"sealed"
        assert session_store.get_blob("a", NOW + 61) is None
        assert session_store.get_blob("b", NOW) is None

    def test_an_agents_session_comes_along_or_has_to_be_asked_for(self, session_store: SessionStore) -> None:
        session_store.add(ROW, NOW)
        session_store.put_blob(Blob("a", b"sealed", ROW.id), until=NOW + 60, now=NOW)
        sealed, beside = session_store.get_both("a", NOW + 59)
        assert sealed == b"sealed"
        assert beside in (ROW, None)
        assert session_store.get_both("a", NOW + 61) == session_store.get_both("b", NOW) == (None, None)

    def test_the_last_one_counts(self, session_store: SessionStore) -> None:
        session_store.put_blob(Blob("a", b"first"), until=NOW + 60, now=NOW)
        session_store.put_blob(Blob("a", b"second"), until=NOW + 120, now=NOW)
        assert session_store.get_blob("a", NOW + 90) == b"second"

    def test_the_first_may_come_from_several_at_once(self, session_store: SessionStore) -> None:
        for name in "abcde":
            together([partial(session_store.put_blob, Blob(name, b"sealed"), until=NOW + 60, now=NOW)] * 6)
        assert sorted(blob.id_hash for blob in session_store.every_blob()) == [*"abcde"]

    def test_what_was_deleted_is_gone_and_deleting_twice_is_no_fault(self, session_store: SessionStore) -> None:
        session_store.put_blob(Blob("a", b"sealed"), until=NOW + 60, now=NOW)
        session_store.delete_blob("a")
        session_store.delete_blob("a")
        assert session_store.get_blob("a", NOW) is None

    def test_every_one_is_told_once(self, session_store: SessionStore) -> None:
        for number in range(201):
            session_store.put_blob(Blob(f"{number:03}", b"sealed"), until=NOW + 60, now=NOW)
        blobs = list(session_store.every_blob())
        assert sorted(blob.id_hash for blob in blobs) == [f"{number:03}" for number in range(201)]
        assert {blob.sealed for blob in blobs} == {b"sealed"}

    def test_one_that_is_still_as_it_was_is_resealed(self, session_store: SessionStore) -> None:
        blob = Blob("a", b"sealed")
        session_store.put_blob(blob, until=NOW + 60, now=NOW)
        assert session_store.reseal_blob(blob, b"anew")
        assert not session_store.reseal_blob(blob, b"another")
        assert not session_store.reseal_blob(Blob("b", b"sealed"), b"anew")
        assert session_store.get_blob("a", NOW + 59) == b"anew"
        assert session_store.get_blob("a", NOW + 61) is None
        assert session_store.get_blob("b", NOW) is None


class TestMarks:
    def test_a_mark_is_good_once_until_its_time_is_over(self, session_store: SessionStore) -> None:
        assert session_store.is_first_use("m", until=NOW + 60, now=NOW)
        assert not session_store.is_first_use("m", until=NOW + 90, now=NOW + 59)
        assert session_store.is_first_use("other", until=NOW + 60, now=NOW)
        assert session_store.is_first_use("m", until=NOW + 120, now=NOW + 61)

    def test_a_mark_can_be_looked_for_without_being_used(self, session_store: SessionStore) -> None:
        assert not session_store.is_used("m", NOW)
        assert session_store.is_first_use("m", until=NOW + 60, now=NOW)
        assert [session_store.is_used("m", NOW + after) for after in (1, 59, 61)] == [True, True, False]

    def test_of_many_at_once_exactly_one_is_the_first(self, session_store: SessionStore) -> None:
        for mark in "abcde":
            assert sum(together([partial(session_store.is_first_use, mark, until=NOW + 60, now=NOW)] * 8)) == 1


def test_a_store_that_works_says_so(session_store: SessionStore) -> None:
    session_store.ping()
    session_store.close()
