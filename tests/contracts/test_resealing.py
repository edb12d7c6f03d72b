"""Resealing on every store: each record gets the newest key and stays what it was; what changed meanwhile is left."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from bridge.access.api_keys import ApiKeys, Wanted
from bridge.access.rules import Administrator, AdminRules
from bridge.access.sessions import AdminSessions
from bridge.connections.register import ConnectionRegister
from bridge.connections.rows import connection_versions
from bridge.connections.secrets import KeyRing
from bridge.core.errors import SessionEnded
from bridge.core.model import AccountName, FuyunToken, Secret, TokenSet
from bridge.core.trace import Trace
from bridge.db import Database
from bridge.provisioning.known_agents import KnownAgents
from bridge.sessions.database import DatabaseSessions
from bridge.sessions.rows import Blob, Resealed
from bridge.signin import resealing as rooms
from bridge.signin.agent_session import PURPOSE, AgentSession, AgentSessions
from bridge.signin.rehearsal import Rehearsals
from bridge.signin.resealing import Resealing
from tests.contracts.customers import PUBLIC_URL, SECRETS, customer, with_secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.sessions.rows import SessionStore
    from tests.kit.clock import Clock

OLD, NEW = Secret("o" * 32), Secret("n" * 32)
ONLY_OLD, BOTH, ONLY_NEW = KeyRing([OLD]), KeyRing([NEW, OLD]), KeyRing([NEW])
IDLE = 7200
LIN = AgentSession(
    id="",
    connection="contoso",
    iss="https://idp.example",
    sub="lin",
    sid="sid-1",
    account_name=AccountName("lin"),
    display_name="Lin 王芳",
    tokens=TokenSet("at", "rt", "e.y.j", 123),
    fuyun=FuyunToken("fuyun", "bearer", 2_000_000_000),
    created_at=0,
    expires_at=0,
)


@pytest.fixture
def beside(new_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """A database for what is not asked about."""
    made = Database(f"sqlite:///{shutil.copyfile(new_sqlite, tmp_path / 'beside.db')}")
    yield made
    made.close()


class Desk:
    """One store of sessions, worked on with one key ring after the other."""

    def __init__(self, store: SessionStore, database: Database, clock: Clock) -> None:
        self.store, self.database, self.clock = store, database, clock

    def sessions(self, ring: KeyRing) -> AgentSessions:
        return AgentSessions(self.store, ring, lifetime=43_200, idle=IDLE, now=self.clock)

    def resealing(self, ring: KeyRing = BOTH) -> Resealing:
        return Resealing(self.database, ring, self.store, self.sessions(ring))

    def counted(self, kind: str = "agent_sessions", ring: KeyRing = BOTH) -> tuple[list[int], int, int]:
        (count,) = (one for one in self.resealing(ring).count() if one.kind == kind)
        return list(count.by_key), count.lost, count.stale

    def resealed(self, kind: str = "agent_sessions", ring: KeyRing = BOTH) -> list[bool]:
        return list(self.resealing(ring).reseal(kind))

    def change(self, session_id: str, **values: str) -> None:
        row = self.store.get(session_id)
        assert row is not None
        as_it_is = Resealed(row.sealed, row.about, row.sub_key, row.sid_key, row.connection_key)
        assert self.store.reseal(row, replace(as_it_is, **values))

    def renew(self, kept: AgentSession, ring: KeyRing) -> AgentSession:
        sessions = self.sessions(ring)
        return sessions.renewed(kept, TokenSet("at-2"), kept.fuyun, sessions.claim_renewal(kept.id))


@pytest.fixture
def desk(session_store: SessionStore, beside: Database, clock: Clock) -> Desk:
    return Desk(session_store, beside, clock)


class TestAgentSessions:
    def test_each_gets_the_newest_key_and_is_found_as_before(self, desk: Desk) -> None:
        kept = [desk.sessions(ONLY_OLD).begin(one, "Firefox on Linux") for one in (LIN, replace(LIN, sid=""))]
        assert desk.counted() == ([0, 2], 0, 2)
        assert desk.resealed() == [True, True]
        assert desk.counted() == ([2, 0], 0, 0)
        assert desk.resealed() == []
        rotated = desk.sessions(ONLY_NEW)
        assert [rotated.load(one.id) for one in kept] == kept
        found = list(rotated.of_person("contoso", LIN.iss, "lin"))
        assert sorted(one.session.id for one in found) == sorted(one.id for one in kept)
        assert {one.device for one in found} == {"Firefox on Linux"}
        assert [one.session for one in rotated.of_provider_session("contoso", LIN.iss, "sid-1")] == kept[:1]
        assert len(list(rotated.of_connection("contoso"))) == 2

    def test_one_that_was_renewed_with_the_new_key_still_needs_the_old_one_to_be_found(self, desk: Desk) -> None:
        kept = desk.renew(desk.sessions(ONLY_OLD).begin(LIN), BOTH)
        assert desk.counted() == ([0, 1], 0, 1)
        assert desk.resealed() == [True]
        assert [one.session for one in desk.sessions(ONLY_NEW).of_person("contoso", LIN.iss, "lin")] == [kept]

    def test_one_that_is_renewed_meanwhile_is_left_to_the_next_run(self, desk: Desk) -> None:
        kept = desk.sessions(ONLY_OLD).begin(LIN)
        (record,) = desk.resealing()._agent_sessions()
        renewed = desk.renew(kept, ONLY_OLD)
        assert record.reseal() is False
        assert desk.resealed() == [True]
        assert desk.sessions(ONLY_NEW).load(kept.id) == renewed

    def test_one_that_ends_meanwhile_stays_ended_and_counts_no_more(self, desk: Desk) -> None:
        sessions = desk.sessions(ONLY_OLD)
        kept = sessions.begin(LIN)
        (record,) = desk.resealing()._agent_sessions()
        sessions.end(kept.id)
        assert record.reseal() is False
        assert desk.counted() == ([0, 0], 0, 0)
        with pytest.raises(SessionEnded):
            desk.sessions(BOTH).load(kept.id)

    def test_one_can_be_renewed_by_whoever_had_begun_before(self, desk: Desk) -> None:
        sessions = desk.sessions(BOTH)
        kept = desk.sessions(ONLY_OLD).begin(LIN)
        owner = sessions.claim_renewal(kept.id)
        desk.resealed()
        assert sessions.renewed(kept, TokenSet("at-2"), kept.fuyun, owner).tokens.access_token == "at-2"
        assert desk.sessions(ONLY_NEW).load(kept.id).generation == 1

    def test_what_no_key_opens_is_counted_until_it_is_over_and_left_alone(self, desk: Desk) -> None:
        kept = desk.sessions(ONLY_OLD).begin(LIN)
        assert desk.counted(ring=ONLY_NEW) == ([0], 1, 0)
        assert desk.resealed(ring=ONLY_NEW) == []
        assert desk.sessions(ONLY_OLD).load(kept.id) == kept
        desk.clock.advance(IDLE + 1)
        assert desk.counted(ring=ONLY_NEW) == ([0], 0, 0)

    def test_members_of_a_newer_release_stay(self, desk: Desk) -> None:
        kept = desk.sessions(ONLY_OLD).begin(LIN)
        row = desk.store.get(kept.id)
        assert row is not None
        newer = ONLY_OLD.open(PURPOSE, row.sealed) | {"of_tomorrow": 1}
        desk.change(kept.id, sealed=ONLY_OLD.seal(PURPOSE, newer))
        desk.resealed()
        row = desk.store.get(kept.id)
        assert row is not None
        assert ONLY_NEW.open(PURPOSE, row.sealed) == newer

    def test_a_row_of_an_older_release_gets_what_it_lacks(self, desk: Desk) -> None:
        kept = desk.sessions(ONLY_NEW).begin(LIN)
        desk.change(kept.id, about="", connection_key="")
        assert desk.counted() == ([1, 0], 0, 1)
        assert desk.resealed() == [True]
        assert desk.counted() == ([1, 0], 0, 0)
        assert [one.session for one in desk.sessions(ONLY_NEW).of_connection("contoso")] == [kept]


class TestBrowserSessions:
    @staticmethod
    def keep(desk: Desk, id_hash: str = "a", **content: Any) -> None:
        blob = Blob(id_hash, ONLY_OLD.seal("browser session", content).encode())
        desk.store.put_blob(blob, until=desk.clock() + 60, now=desk.clock())

    def read(self, desk: Desk, id_hash: str = "a") -> dict[str, Any]:
        sealed = desk.store.get_blob(id_hash, desk.clock())
        assert sealed is not None
        return ONLY_NEW.open("browser session", sealed.decode())

    def test_each_gets_the_newest_key(self, desk: Desk) -> None:
        self.keep(desk, agent="王芳")
        assert desk.counted("browser_sessions") == ([0, 1], 0, 1)
        assert desk.resealed("browser_sessions") == [True]
        assert desk.counted("browser_sessions") == ([1, 0], 0, 0)
        assert self.read(desk) == {"agent": "王芳"}

    def test_one_that_is_kept_anew_meanwhile_is_left_to_the_next_run(self, desk: Desk) -> None:
        self.keep(desk, agent="old")
        (record,) = desk.resealing()._browser_sessions()
        self.keep(desk, agent="new")
        assert record.reseal() is False
        assert desk.resealed("browser_sessions") == [True]
        assert self.read(desk) == {"agent": "new"}

    def test_garbage_is_lost(self, desk: Desk) -> None:
        desk.store.put_blob(Blob("a", b"\xff\x00"), until=desk.clock() + 60, now=desk.clock())
        assert desk.counted("browser_sessions") == ([0, 0], 1, 0)
        assert desk.resealed("browser_sessions") == []


class TestTables:
    @pytest.fixture
    def desk(self, database: Database, clock: Clock) -> Desk:
        return Desk(DatabaseSessions(database), database, clock)

    @staticmethod
    def register(desk: Desk, ring: KeyRing) -> ConnectionRegister:
        return ConnectionRegister(desk.database, ring, PUBLIC_URL, desk.clock)

    @staticmethod
    def console(desk: Desk, ring: KeyRing) -> AdminSessions:
        return AdminSessions(desk.database, ring, AdminRules([]), lifetime=3600, now=desk.clock)

    def test_every_version_of_every_connection_gets_the_newest_key(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rooms, "_PAGE", 2)
        before = self.register(desk, ONLY_OLD)
        for name in ("contoso", "globex"):
            before.save(customer(name), author="Lin", based_on=0)
            for number in (1, 2):
                before.save(with_secret(customer(name), f"hidden-{number}"), author="Lin", based_on=number)
        assert desk.counted("connection_secrets") == ([0, 6], 0, 6)
        assert desk.resealed("connection_secrets") == [True] * 6
        assert desk.counted("connection_secrets") == ([6, 0], 0, 0)
        after = self.register(desk, ONLY_NEW)
        for name in ("contoso", "globex"):
            told = [after.connection(name, number).idp.client_secret.reveal() for number in (1, 2, 3)]
            assert told == [SECRETS["idp.client_secret"], "hidden-1", "hidden-2"]

    def test_so_do_rehearsals_and_those_who_are_in_the_console(self, desk: Desk) -> None:
        done = Rehearsals(desk.database, ONLY_OLD, desk.clock).keep(customer(), "digest", Trace(), by="Lin")
        cookie, _ = self.console(desk, ONLY_OLD).begin(Administrator("Lin", "operator", desk.clock()))
        assert desk.resealed("rehearsals") == desk.resealed("admin_sessions") == [True]
        assert Rehearsals(desk.database, ONLY_NEW, desk.clock).get(done.id) == done
        assert self.console(desk, ONLY_NEW).load(cookie).name == "Lin"

    def test_so_do_api_keys_and_stay_the_keys_they_are(self, desk: Desk) -> None:
        self.register(desk, ONLY_OLD).save(customer(), author="Lin", based_on=0)
        before = ApiKeys(desk.database, ONLY_OLD, desk.clock)
        key, text = before.make(Wanted({"contoso": 1}, ("token",), 60, "Lin"))
        before.revoke(before.make(Wanted({"contoso": 1}, ("token",), 60, "Lin"))[0].id)
        assert desk.counted("api_keys") == ([0, 2], 0, 2)
        assert desk.resealed("api_keys") == [True, True]
        assert desk.counted("api_keys") == ([2, 0], 0, 0)
        after = ApiKeys(desk.database, ONLY_NEW, desk.clock)
        assert after.check(text, "203.0.113.7") == key
        assert sorted(one.revoked_at is None for one in after.every()) == [False, True]

    def test_so_do_accounts_that_have_had_an_agent_and_are_found_again(self, desk: Desk) -> None:
        names = [f"agent-{number}" for number in range(3)]
        for name in names:
            KnownAgents(desk.database, ONLY_OLD, desk.clock).remember("contoso", name)
        assert desk.counted("known_agents") == ([0, 3], 0, 3)
        assert desk.resealed("known_agents") == [True] * 3
        assert desk.counted("known_agents") == ([3, 0], 0, 0)
        after = KnownAgents(desk.database, ONLY_NEW, desk.clock)
        assert [after.state("contoso", name) for name in names] == ["known"] * 3

    def test_a_row_that_has_changed_meanwhile_is_left_alone(self, desk: Desk) -> None:
        self.register(desk, ONLY_OLD).save(customer(), author="Lin", based_on=0)
        (record,) = desk.resealing()._kinds["connection_secrets"]()
        with desk.database.transaction() as transaction:
            transaction.execute(update(connection_versions).values(sealed="other"))
        assert record.reseal() is False
        assert desk.counted("connection_secrets") == ([0, 0], 1, 0)
