"""The agent's session on every store: sealed rows, two lifetimes, tombstones, and one renewal at a time."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bridge.connections.secrets import KeyRing
from bridge.core.errors import LoginRequired, SessionEnded, SessionMissing, StoreUnavailable
from bridge.core.model import FuyunToken, Secret, TokenSet
from bridge.sessions.database import DatabaseSessions
from bridge.sessions.redis_store import RedisSessions
from bridge.sessions.rows import AFTERLIFE
from bridge.signin.agent_session import _LOCK_FOR, AgentSession
from tests.contracts.session_desk import IDLE, LIFETIME, LIN, RING, Desk, refused
from tests.contracts.together import together
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.db import Database
    from bridge.sessions.rows import SessionStore

HIDDEN = ["at-of-lin", "rt-of-lin", "e.y.j-of-lin", "fuyun-of-lin", "lin@contoso.example", "Lin Example", "sub-of-lin"]
NEW_TOKENS, NEW_FUYUN = TokenSet("at-2"), FuyunToken("fuyun-2", "bearer", 2_000_000_001)


@pytest.fixture
def desk(session_store: SessionStore) -> Desk:
    return Desk(session_store)


@pytest.fixture
def swept(database: Database) -> Desk:
    """A desk whose store sweeps; Redis forgets by itself."""
    return Desk(DatabaseSessions(database))


def count(database: Database) -> int:
    with database.transaction() as connection:
        return int(connection.execute(text("SELECT count(*) FROM agent_sessions")).scalar_one())


class TestKeeping:
    def test_a_session_is_kept_whole_under_an_id_of_its_own(self, desk: Desk) -> None:
        kept = desk.begin(replace(LIN, id="a wish"))
        assert len(kept.id) >= 43
        assert kept.expires_at == pytest.approx(desk.clock() + LIFETIME, abs=5)
        assert desk.sessions.load(kept.id) == kept
        assert replace(kept, id="", created_at=0, expires_at=0) == LIN

    def test_the_row_shows_neither_tokens_nor_people(self, desk: Desk) -> None:
        row = str(asdict(desk.row(desk.begin().id)))
        assert [secret for secret in [*HIDDEN, "contoso", "Firefox"] if secret in row] == []

    def test_a_ring_of_another_secret_reads_nothing(self, desk: Desk) -> None:
        kept = desk.begin()
        stranger = Desk(desk.store, KeyRing([Secret("b" * 32)]))
        assert "no key opens" in refused(lambda: stranger.sessions.load(kept.id)).received

    def test_a_rotation_keeps_sessions_alive(self, desk: Desk) -> None:
        kept = desk.begin()
        rotated = Desk(desk.store, KeyRing([Secret("b" * 32), Secret("a" * 32)]))
        assert rotated.sessions.load(kept.id) == kept

    def test_a_row_that_was_read_along_counts_for_its_own_session_alone(self, desk: Desk) -> None:
        mine, boss = desk.begin(), desk.begin(replace(LIN, sub="boss"))
        assert desk.sessions.load(mine.id, desk.row(mine.id)) == mine
        assert desk.sessions.load(mine.id, desk.row(boss.id)) == mine

    def test_a_row_whose_sealed_part_was_copied_from_another_is_refused(self, desk: Desk) -> None:
        mine, boss = desk.begin(), desk.begin(replace(LIN, sub="boss"))
        desk.change(mine.id, desk.row(boss.id).sealed)
        refused(lambda: desk.sessions.load(mine.id))
        assert desk.sessions.load(boss.id).sub == "boss"

    @pytest.mark.parametrize(
        "sealed",
        ["", "garbage", RING.seal("agent session", {}), RING.seal("browser session", {})],
        ids=["empty", "garbage", "without members", "of another purpose"],
    )
    def test_a_record_that_cannot_be_read_is_an_ended_session(self, desk: Desk, sealed: str) -> None:
        kept = desk.begin()
        desk.change(kept.id, sealed)
        refused(lambda: desk.sessions.load(kept.id))

    @pytest.mark.parametrize("changes", [{"tokens": {"a": 1}}, {"tokens": 5}, {"fuyun": None}, {"id": "another"}])
    def test_a_record_that_says_something_else_is_an_ended_session(
        self, desk: Desk, changes: dict[str, object]
    ) -> None:
        kept = desk.begin()
        record = RING.open("agent session", desk.row(kept.id).sealed)
        desk.change(kept.id, RING.seal("agent session", {**record, **changes}))
        refused(lambda: desk.sessions.load(kept.id))

    def test_what_a_newer_release_added_is_passed_over(self, desk: Desk) -> None:
        kept = desk.begin()
        record = RING.open("agent session", desk.row(kept.id).sealed)
        record["tokens"]["newer"] = record["fuyun"]["newer"] = record["newer"] = 1
        desk.change(kept.id, RING.seal("agent session", record))
        assert desk.sessions.load(kept.id) == kept

    def test_an_unknown_id_is_no_session(self, desk: Desk) -> None:
        refused(lambda: desk.sessions.load("unknown"), SessionMissing)


class TestLifetimes:
    def test_it_ends_by_age_however_busy(self, desk: Desk) -> None:
        kept = desk.begin()
        while desk.clock.moved + IDLE / 2 < LIFETIME:
            desk.clock.advance(IDLE / 2)
            desk.sessions.load(kept.id)
        desk.clock.advance(LIFETIME - desk.clock.moved + 1)
        assert "past its lifetime" in refused(lambda: desk.sessions.load(kept.id)).received

    def test_it_ends_by_idleness(self, desk: Desk) -> None:
        kept = desk.begin()
        desk.clock.advance(IDLE - 5)
        desk.sessions.load(kept.id)
        desk.clock.advance(IDLE + 1)
        assert "idle" in refused(lambda: desk.sessions.load(kept.id)).received

    def test_an_idle_session_does_not_come_back_by_being_asked_for(self, desk: Desk) -> None:
        kept = desk.begin()
        desk.clock.advance(IDLE + 1)
        for _ in range(2):
            refused(lambda: desk.sessions.load(kept.id))

    def test_activity_is_written_at_most_once_a_minute(self, desk: Desk) -> None:
        kept = desk.begin()
        began = desk.row(kept.id).seen_at
        for _ in range(5):
            desk.clock.advance(10)
            desk.sessions.load(kept.id)
        assert desk.row(kept.id).seen_at == began
        desk.clock.advance(10)
        desk.sessions.load(kept.id)
        assert desk.row(kept.id).seen_at > began + 55

    def test_where_idleness_is_short_it_is_written_more_often(self, desk: Desk) -> None:
        quick = Desk(desk.store, idle=40)
        kept = quick.begin()
        for _ in range(8):
            quick.clock.advance(11)
            quick.sessions.load(kept.id)

    def test_threads_at_once_may_all_note_the_activity(self, desk: Desk) -> None:
        kept = desk.begin()
        desk.clock.advance(100)
        assert together([lambda: desk.sessions.load(kept.id)] * 12) == [kept] * 12

    def test_many_may_begin_at_once_and_sweep_the_same_old_rows(self, swept: Desk, database: Database) -> None:
        for _ in range(8):
            swept.begin()
        swept.clock.advance(LIFETIME + AFTERLIFE + 1)
        assert len({session.id for session in together([swept.begin] * 8)}) == 8
        assert count(database) == 8

    def test_old_rows_are_swept_a_day_after_their_end(self, swept: Desk, database: Database) -> None:
        first = swept.begin()
        swept.clock.advance(LIFETIME + AFTERLIFE - 10)
        swept.begin()
        assert swept.store.get(first.id) is not None
        swept.clock.advance(20)
        swept.begin()
        assert swept.store.get(first.id) is None
        assert count(database) == 2


class TestEnding:
    def test_an_ended_session_leaves_a_tombstone_without_tokens(self, desk: Desk) -> None:
        kept = desk.begin()
        desk.sessions.end(kept.id)
        refused(lambda: desk.sessions.load(kept.id))
        row = desk.row(kept.id)
        assert (row.sealed, row.ended_code) == ("", "session_ended")

    def test_a_session_that_the_provider_ended_says_so_for_ever(self, desk: Desk) -> None:
        kept = desk.begin()
        desk.sessions.end(kept.id, LoginRequired)
        desk.sessions.end(kept.id)
        refused(lambda: desk.sessions.load(kept.id), LoginRequired)

    def test_only_a_session_without_a_successor_takes_its_cookies_along(self, desk: Desk) -> None:
        alone, succeeded = desk.begin(), desk.begin()
        desk.sessions.end(alone.id)
        desk.sessions.end(succeeded.id, replaced=True)
        assert refused(lambda: desk.sessions.load(alone.id)).ends_session
        assert not refused(lambda: desk.sessions.load(succeeded.id)).ends_session

    def test_ending_an_unknown_session_is_no_fault(self, desk: Desk) -> None:
        desk.sessions.end("unknown")

    def test_one_end_leaves_other_sessions_alone(self, desk: Desk) -> None:
        mine, other = desk.begin(), desk.begin()
        desk.sessions.end(mine.id)
        assert desk.sessions.load(other.id) == other


class TestRenewing:
    def test_one_may_renew_and_the_others_may_not(self, desk: Desk) -> None:
        kept = desk.begin()
        owner = desk.sessions.claim_renewal(kept.id)
        assert owner
        assert desk.sessions.claim_renewal(kept.id) == ""
        desk.sessions.release_renewal(kept.id, owner)
        assert desk.sessions.claim_renewal(kept.id)

    def test_of_many_at_once_exactly_one_may(self, desk: Desk) -> None:
        kept = desk.begin()
        owners = together([lambda: desk.sessions.claim_renewal(kept.id)] * 8)
        assert len([owner for owner in owners if owner]) == 1

    def test_nobody_else_can_release_it(self, desk: Desk) -> None:
        kept = desk.begin()
        desk.sessions.claim_renewal(kept.id)
        desk.sessions.release_renewal(kept.id, "somebody")
        desk.sessions.release_renewal(kept.id, "")
        assert desk.sessions.claim_renewal(kept.id) == ""

    def test_a_renewer_that_died_does_not_block_for_ever(self, desk: Desk) -> None:
        kept = desk.begin()
        desk.sessions.claim_renewal(kept.id)
        desk.clock.advance(_LOCK_FOR - 5)
        assert desk.sessions.claim_renewal(kept.id) == ""
        desk.clock.advance(6)
        assert desk.sessions.claim_renewal(kept.id)

    def test_whoever_waited_for_a_renewal_that_failed_does_not_try_again(self, desk: Desk) -> None:
        kept = desk.begin()
        owner = desk.sessions.claim_renewal(kept.id)
        assert desk.sessions.renewal_failure(kept.id) == ""
        desk.sessions.release_renewal(kept.id, owner, "idp_unreachable")
        assert desk.sessions.claim_renewal(kept.id, waited=True) == ""
        assert desk.sessions.renewal_failure(kept.id) == "idp_unreachable"
        assert desk.sessions.claim_renewal(kept.id)
        assert desk.sessions.renewal_failure(kept.id) == ""

    def test_neither_an_ended_nor_an_unknown_session_can_be_claimed(self, desk: Desk) -> None:
        kept = desk.begin()
        desk.sessions.end(kept.id)
        assert desk.sessions.claim_renewal(kept.id) == ""
        assert desk.sessions.claim_renewal("unknown") == ""

    def test_renewed_tokens_are_kept_and_counted(self, desk: Desk) -> None:
        kept = desk.begin()
        owner = desk.sessions.claim_renewal(kept.id)
        renewed = desk.sessions.renewed(kept, NEW_TOKENS, NEW_FUYUN, owner)
        assert (renewed.generation, renewed.tokens, renewed.fuyun) == (1, NEW_TOKENS, NEW_FUYUN)
        assert renewed.renewed_at == pytest.approx(desk.clock(), abs=5)
        assert desk.sessions.load(kept.id) == renewed
        assert renewed.expires_at == kept.expires_at

    def test_the_providers_new_tokens_are_kept_before_the_renewal_is_done(self, desk: Desk) -> None:
        kept = desk.begin()
        owner = desk.sessions.claim_renewal(kept.id)
        refreshed = desk.sessions.refreshed(kept, NEW_TOKENS, owner)
        desk.sessions.release_renewal(kept.id, owner, "exchange_unreachable")
        assert desk.sessions.load(kept.id) == refreshed == replace(kept, tokens=NEW_TOKENS)

    def test_nobody_keeps_tokens_of_an_ended_session(self, desk: Desk) -> None:
        kept = desk.begin()
        owner = desk.sessions.claim_renewal(kept.id)
        desk.sessions.end(kept.id)
        refused(lambda: desk.sessions.refreshed(kept, NEW_TOKENS, owner))
        assert desk.row(kept.id).sealed == ""

    def test_logout_wins_over_a_renewal_in_flight(self, desk: Desk) -> None:
        kept = desk.begin()
        owner = desk.sessions.claim_renewal(kept.id)
        desk.sessions.end(kept.id)
        refused(lambda: desk.sessions.renewed(kept, NEW_TOKENS, NEW_FUYUN, owner))
        desk.sessions.release_renewal(kept.id, owner)
        refused(lambda: desk.sessions.load(kept.id))
        assert desk.row(kept.id).sealed == ""

    def test_logout_wins_also_at_the_same_moment(self, desk: Desk) -> None:
        def renew(kept: AgentSession, owner: str) -> None:
            with suppress(SessionEnded):
                desk.sessions.renewed(kept, NEW_TOKENS, NEW_FUYUN, owner)

        for _ in range(5):
            kept = desk.begin()
            owner = desk.sessions.claim_renewal(kept.id)
            acts: list[Callable[[], object]] = [partial(renew, kept, owner), partial(desk.sessions.end, kept.id)]
            together(acts)
            refused(partial(desk.sessions.load, kept.id))
            assert desk.row(kept.id).sealed == ""

    def test_a_renewer_that_was_taken_for_dead_gets_what_the_other_one_kept(self, desk: Desk) -> None:
        kept = desk.begin()
        slow = desk.sessions.claim_renewal(kept.id)
        desk.clock.advance(_LOCK_FOR + 1)
        quick = desk.sessions.claim_renewal(kept.id)
        other = desk.sessions.renewed(kept, NEW_TOKENS, NEW_FUYUN, quick)
        late = desk.sessions.renewed(kept, TokenSet("at-late"), FuyunToken("fuyun-late", "bearer", 1), slow)
        assert late == other == desk.sessions.load(kept.id)


OUTAGES = {
    "tables": "DROP TABLE agent_sessions",
    "columns": "ALTER TABLE agent_sessions RENAME COLUMN id TO something",
}


@pytest.mark.parametrize("what", OUTAGES)
def test_an_outage_of_the_database_is_told_by_every_verb(swept: Desk, database: Database, what: str) -> None:
    kept = swept.begin()
    with database.transaction() as connection:
        connection.execute(text(OUTAGES[what]))
    told_by_every_verb(swept, kept)


def test_an_outage_of_redis_is_told_by_every_verb() -> None:
    told_by_every_verb(Desk(RedisSessions(f"redis://127.0.0.1:{free_port()}")), replace(LIN, id="of lin"))


def told_by_every_verb(desk: Desk, kept: AgentSession) -> None:
    sessions = desk.sessions
    for verb in (
        desk.begin,
        lambda: sessions.load(kept.id),
        lambda: sessions.end(kept.id),
        lambda: sessions.claim_renewal(kept.id),
        lambda: sessions.release_renewal(kept.id, "owner"),
        lambda: sessions.renewal_failure(kept.id),
        lambda: sessions.renewed(kept, NEW_TOKENS, NEW_FUYUN, ""),
        lambda: list(sessions.of_connection("contoso")),
    ):
        refused(verb, StoreUnavailable)
