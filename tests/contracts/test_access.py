"""Who may enter the console, on every store: links for one use, sessions that end with the right, rules and roles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from bridge.access.links import AdminLinks, admin_links
from bridge.access.rules import Administrator, AdminRules, Allowed
from bridge.access.sessions import AdminSessions, admin_sessions
from bridge.connections.secrets import KeyRing
from bridge.core.errors import BridgeError
from bridge.core.gate_errors import AdminLinkInvalid, AdminNotAllowed, AdminSignInRequired
from bridge.core.model import Secret
from tests.contracts.together import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.db import Database
    from tests.kit.clock import Clock

OLD, NEW = Secret("o" * 32), Secret("n" * 32)
MAIL = "wang@contoso.example"
OF_CONTOSO = Allowed("contoso", "email", (MAIL,))
OPERATORS = Allowed("Globex", "groups", ("hotline",), role="operator")


def attempt(act: Callable[[], object]) -> str:
    try:
        act()
    except BridgeError as refusal:
        return refusal.code
    return "done"


class TestLinks:
    @pytest.fixture
    def links(self, database: Database, clock: Clock) -> AdminLinks:
        return AdminLinks(database, KeyRing([OLD]), clock)

    def test_a_link_is_good_once(self, links: AdminLinks) -> None:
        token = links.make()
        links.use(token)
        with pytest.raises(AdminLinkInvalid):
            links.use(token)

    def test_of_two_that_open_it_at_once_one_comes_in(self, links: AdminLinks) -> None:
        token = links.make()
        done = together([partial(attempt, partial(links.use, token)) for _ in range(4)])
        assert sorted(done) == ["admin_link_invalid"] * 3 + ["done"]

    @pytest.mark.parametrize(("seconds", "outcome"), [(890, "done"), (901, "admin_link_invalid")])
    def test_a_link_is_good_for_a_quarter_of_an_hour(
        self, links: AdminLinks, clock: Clock, seconds: int, outcome: str
    ) -> None:
        token = links.make()
        clock.advance(seconds)
        assert attempt(partial(links.use, token)) == outcome

    @pytest.mark.parametrize("token", ["", "never made", "\0", "\ud83d", "x" * 10_000])
    def test_whatever_else_is_brought_is_refused(self, links: AdminLinks, token: str) -> None:
        links.make()
        assert attempt(partial(links.use, token)) == "admin_link_invalid"

    def test_links_are_each_for_themselves_and_old_ones_are_swept(
        self, links: AdminLinks, clock: Clock, database: Database
    ) -> None:
        first, second = links.make(), links.make()
        links.use(first)
        links.use(second)
        clock.advance(901)
        third = links.make()
        with database.transaction() as transaction:
            rows = transaction.execute(select(admin_links)).all()
        assert len(rows) == 1
        assert third not in repr(rows)


class TestRules:
    def test_a_person_whom_a_rule_names_administers_the_connection_they_come_through(self) -> None:
        admin = AdminRules([OF_CONTOSO]).recognise("contoso", {"email": MAIL, "sub": "1"}, 7.0)
        assert (admin.name, admin.role, admin.connections) == (MAIL, "connection", ("contoso",))
        assert (admin.signed_in_at, admin.grounds) == (7.0, {"email": MAIL})
        assert [admin.may_see(name) for name in ("contoso", "CONTOSO", "globex", "")] == [True, True, False, False]

    def test_an_operator_administers_everything(self) -> None:
        admin = AdminRules([OPERATORS]).recognise("globex", {"groups": "hotline", "name": "Lin"}, 0)
        assert (admin.is_operator, admin.connections, admin.may_see("whatever")) == (True, (), True)

    def test_rights_add_up_and_the_largest_counts(self) -> None:
        more = Allowed("contoso", "email", (MAIL,), connections=("Acme", "globex"))
        admin = AdminRules([OF_CONTOSO, more]).recognise("contoso", {"email": MAIL}, 0)
        assert admin.connections == ("acme", "contoso", "globex")
        top = Allowed("contoso", "email", (MAIL,), role="operator")
        assert AdminRules([OF_CONTOSO, top]).recognise("contoso", {"email": MAIL}, 0).is_operator

    @pytest.mark.parametrize(
        ("connection", "claims"),
        [
            ("globex", {"email": MAIL}),
            ("contoso", {}),
            ("contoso", {"email": ""}),
            ("contoso", {"email": None}),
            ("contoso", {"email": [MAIL]}),
            ("contoso", {"email": {"x": MAIL}}),
            ("contoso", {"email": True}),
            ("contoso", {"email": "kim@contoso.example"}),
            ("contoso", {"email": f"{MAIL}.evil.example"}),
            ("contoso", {"upn": MAIL, "preferred_username": MAIL}),
        ],
        ids=[
            "other connection",
            "none",
            "empty",
            "null",
            "list",
            "object",
            "boolean",
            "other",
            "longer",
            "other claim",
        ],
    )
    def test_nobody_else_is_recognised(self, connection: str, claims: dict[str, Any]) -> None:
        with pytest.raises(AdminNotAllowed):
            AdminRules([OF_CONTOSO]).recognise(connection, claims, 0)

    @pytest.mark.parametrize(
        ("claim", "value", "is_recognised"),
        [("email", "Wang@Contoso.Example", True), ("sub", "ABC", False), ("sub", "abc", True)],
        ids=["mailboxes differ by no case", "subjects do", "the same subject"],
    )
    def test_values_are_compared_as_their_kind_demands(self, claim: str, value: str, is_recognised: bool) -> None:  # noqa: FBT001 — parametrised
        rules = AdminRules([Allowed("contoso", claim, (MAIL, "abc"))])
        outcome = attempt(partial(rules.recognise, "Contoso", {claim: value}, 0))
        assert outcome == ("done" if is_recognised else "admin_not_allowed")

    def test_no_rule_lets_nobody_in(self) -> None:
        assert AdminRules([]).ways_in == []
        with pytest.raises(AdminNotAllowed):
            AdminRules([]).recognise("contoso", {"email": MAIL}, 0)

    def test_the_ways_in_are_told_once_each(self) -> None:
        assert AdminRules([OPERATORS, OF_CONTOSO, OPERATORS]).ways_in == ["globex", "contoso"]

    @pytest.mark.parametrize(
        ("rule", "more"),
        [
            (OF_CONTOSO, False),
            (Allowed("Contoso", "email", (MAIL,), connections=("CONTOSO",)), False),
            (Allowed("contoso", "email", (MAIL,), connections=("contoso", "globex")), True),
            (Allowed("contoso", "email", (MAIL,), role="operator"), True),
            (OPERATORS, False),
        ],
        ids=["itself", "itself by name", "another too", "operators", "another's operators"],
    )
    def test_a_connection_that_vouches_for_more_than_itself_is_known(self, rule: Allowed, more: bool) -> None:  # noqa: FBT001 — parametrised
        assert AdminRules([rule]).is_trusted_with_more("CONTOSO") is more


class TestSessions:
    @pytest.fixture
    def sessions(self, database: Database, clock: Clock) -> AdminSessions:
        return sessions_of(database, clock)

    def test_gives_back_who_came_in(self, sessions: AdminSessions, clock: Clock) -> None:
        admin = recognised(clock)
        session_id, lifetime = sessions.begin(admin)
        assert (sessions.load(session_id), lifetime) == (admin, 28_800)

    def test_keeps_neither_the_id_nor_the_person_readable(
        self, sessions: AdminSessions, clock: Clock, database: Database
    ) -> None:
        session_id, _ = sessions.begin(recognised(clock))
        with database.transaction() as transaction:
            whole = repr(transaction.execute(select(admin_sessions)).all())
        assert session_id not in whole
        assert MAIL not in whole

    def test_ends_at_its_time_whatever_happens(self, sessions: AdminSessions, clock: Clock) -> None:
        session_id, lifetime = sessions.begin(recognised(clock))
        clock.advance(lifetime - 10)
        sessions.load(session_id)
        clock.advance(11)
        with pytest.raises(AdminSignInRequired):
            sessions.load(session_id)

    def test_of_the_command_lines_link_lasts_an_hour(self, sessions: AdminSessions, clock: Clock) -> None:
        session_id, lifetime = sessions.begin(Administrator("operator at the command line", "operator", clock()))
        assert lifetime == 3600
        assert sessions.load(session_id).is_operator

    @pytest.mark.parametrize("session_id", ["", "never begun", "\0", "\ud83d"])
    def test_whatever_else_is_brought_opens_nothing(self, sessions: AdminSessions, session_id: str) -> None:
        with pytest.raises(AdminSignInRequired):
            sessions.load(session_id)

    def test_ends_by_signing_out(self, sessions: AdminSessions, clock: Clock) -> None:
        first, second = sessions.begin(recognised(clock))[0], sessions.begin(recognised(clock))[0]
        sessions.end(first)
        with pytest.raises(AdminSignInRequired):
            sessions.load(first)
        assert sessions.load(second).name == MAIL

    def test_a_new_one_ends_the_browsers_former_one(self, sessions: AdminSessions, clock: Clock) -> None:
        former, _ = sessions.begin(recognised(clock))
        sessions.begin(recognised(clock), former=former)
        with pytest.raises(AdminSignInRequired):
            sessions.load(former)

    def test_ends_when_the_rule_goes(self, sessions: AdminSessions, clock: Clock, database: Database) -> None:
        session_id, _ = sessions.begin(recognised(clock))
        with pytest.raises(AdminSignInRequired, match="a right that has ended"):
            sessions_of(database, clock, OPERATORS).load(session_id)

    def test_follows_a_rule_that_changes(self, sessions: AdminSessions, clock: Clock, database: Database) -> None:
        session_id, _ = sessions.begin(recognised(clock))
        wider = Allowed("contoso", "email", (MAIL,), connections=("acme",))
        assert sessions_of(database, clock, wider).load(session_id).connections == ("acme",)
        top = Allowed("contoso", "email", (MAIL,), role="operator")
        assert sessions_of(database, clock, top).load(session_id).is_operator

    def test_a_row_that_was_swapped_is_nobodys(self, sessions: AdminSessions, clock: Clock, database: Database) -> None:
        operator, _ = sessions.begin(Administrator("operator at the command line", "operator", clock()))
        mine, _ = sessions.begin(recognised(clock))
        with database.transaction() as transaction:
            rows = transaction.execute(select(admin_sessions)).all()
            for row, other in zip(rows, reversed(rows), strict=True):
                there = admin_sessions.c.id_hash == row.id_hash
                transaction.execute(update(admin_sessions).where(there).values(sealed=other.sealed))
        for session_id in (operator, mine):
            with pytest.raises(AdminSignInRequired):
                sessions.load(session_id)

    def test_stays_open_when_the_keys_are_rotated(
        self, sessions: AdminSessions, clock: Clock, database: Database
    ) -> None:
        session_id, _ = sessions.begin(recognised(clock))
        token = sessions.csrf_token(session_id)
        rotated = AdminSessions(database, KeyRing([NEW, OLD]), AdminRules([OF_CONTOSO]), lifetime=60, now=clock)
        assert rotated.load(session_id).name == MAIL
        assert rotated.owns(session_id, token)
        assert rotated.csrf_token(session_id) != token
        gone = AdminSessions(database, KeyRing([NEW]), AdminRules([OF_CONTOSO]), lifetime=60, now=clock)
        assert not gone.owns(session_id, token)
        with pytest.raises(AdminSignInRequired):
            gone.load(session_id)

    def test_forms_belong_to_their_session(self, sessions: AdminSessions, clock: Clock) -> None:
        mine, other = sessions.begin(recognised(clock))[0], sessions.begin(recognised(clock))[0]
        assert sessions.owns(mine, sessions.csrf_token(mine))
        for token in ("", "x", "王", sessions.csrf_token(other), sessions.csrf_token(mine)[:-1]):
            assert not sessions.owns(mine, token)

    def test_those_that_came_through_a_connection_end_together(self, sessions: AdminSessions, clock: Clock) -> None:
        first, second = sessions.begin(recognised(clock))[0], sessions.begin(recognised(clock))[0]
        operator, _ = sessions.begin(Administrator("operator at the command line", "operator", clock()))
        sessions.end_all("CONTOSO")
        for session_id in (first, second):
            with pytest.raises(AdminSignInRequired):
                sessions.load(session_id)
        assert sessions.load(operator).is_operator

    def test_old_ones_are_swept(self, sessions: AdminSessions, clock: Clock, database: Database) -> None:
        sessions.begin(recognised(clock))
        clock.advance(28_801)
        sessions.begin(recognised(clock))
        with database.transaction() as transaction:
            assert len(transaction.execute(select(admin_sessions)).all()) == 1


def recognised(clock: Clock) -> Administrator:
    return AdminRules([OF_CONTOSO]).recognise("contoso", {"email": MAIL}, clock())


def sessions_of(database: Database, clock: Clock, *rules: Allowed) -> AdminSessions:
    return AdminSessions(database, KeyRing([OLD]), AdminRules(rules or [OF_CONTOSO]), lifetime=28_800, now=clock)
