"""The register on every store: unaltered versions, sealed secrets, the file's word, and one writer at a time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from bridge.connections import queries
from bridge.connections import register as registers
from bridge.connections.register import ConnectionRegister
from bridge.connections.rows import connection_versions, connections
from bridge.connections.secrets import KeyRing
from bridge.core.errors import BridgeError, ConnectionUnknown
from bridge.core.keeping_errors import ConnectionChanged, ConnectionReadOnly
from bridge.core.model import Secret
from bridge.db import metadata
from tests.contracts.customers import PUBLIC_URL, SECRETS, customer, with_secret
from tests.contracts.together import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.connections.rows import Version
    from bridge.db import Database
    from tests.kit.clock import Clock

OLD, NEW = Secret("o" * 32), Secret("n" * 32)


@pytest.fixture
def register(database: Database, clock: Clock) -> ConnectionRegister:
    return ConnectionRegister(database, KeyRing([OLD]), PUBLIC_URL, clock)


def saved(register: ConnectionRegister, name: str = "contoso", *, active: bool = False, **changes: Any) -> Version:
    """Save a new connection, and activate it."""
    version = register.save(customer(name, **changes), author="Lin", based_on=0)
    if active:
        register.activate(name, version.number)
    return version


def rows_of(database: Database) -> str:
    """Everything that the database holds, as text."""
    with database.transaction() as transaction:
        return repr([transaction.execute(table.select()).all() for table in metadata.sorted_tables])


class TestSaving:
    def test_a_new_connection_is_a_draft_that_signs_nobody_in(self, register: ConnectionRegister, clock: Clock) -> None:
        version = saved(register, "Contoso")
        assert (version.name, version.number, version.author, version.act) == ("Contoso", 1, "Lin", "created")
        assert version.made_at == pytest.approx(clock(), abs=5)
        entry = register.entry("cONTOSO")
        assert (entry.name, entry.origin, entry.state) == ("Contoso", "console", "draft")
        assert (entry.active_version, entry.newest_version, entry.has_draft) == (0, 1, True)
        assert register.live() == []

    def test_comes_back_whole(self, register: ConnectionRegister) -> None:
        register.save(customer(), author="Lin", based_on=0, public_only=False)
        assert register.connection("CONTOSO", 1) == customer(version=1, enabled=False)

    def test_from_the_console_every_address_of_it_must_be_public(self, register: ConnectionRegister) -> None:
        saved(register)
        found = register.connection("contoso", 1)
        assert found.aiccs
        assert (found.idp.public_only, found.fuyun.public_only, found.aiccs.public_only) == (True, True, True)

    def test_each_change_is_a_version_with_its_author_and_none_is_altered(self, register: ConnectionRegister) -> None:
        saved(register)
        register.save(customer(title="Second"), author="Wang 王芳", based_on=1)
        third = register.save(customer(title="Third"), author="Kim", based_on=2)
        told = [(one.number, one.author, one.document["title"], one.act) for one in register.history("contoso")]
        assert told == [
            (3, "Kim", "Third", "saved"),
            (2, "Wang 王芳", "Second", "saved"),
            (1, "Lin", "Title of contoso", "created"),
        ]
        assert register.version("contoso", 3) == third

    def test_the_same_content_again_makes_no_version(self, register: ConnectionRegister) -> None:
        first, before = saved(register), register.revision()
        assert register.save(customer(), author="Kim", based_on=1) == first
        assert register.revision() == before

    @pytest.mark.parametrize("based_on", [0, 1, 3])
    def test_whoever_saw_another_version_overwrites_nothing(self, register: ConnectionRegister, based_on: int) -> None:
        saved(register)
        register.save(customer(title="Second"), author="Kim", based_on=1)
        with pytest.raises(ConnectionChanged):
            register.save(customer(title="Late"), author="Lin", based_on=based_on)
        assert len(register.history("contoso")) == 2

    @pytest.mark.parametrize("is_new", [True, False], ids=["a new name", "a new version"])
    def test_of_two_that_save_at_once_one_is_told(self, register: ConnectionRegister, is_new: bool) -> None:  # noqa: FBT001 — parametrised
        if not is_new:
            saved(register)
        done = together([partial(attempt, partial(_save, register, title, int(not is_new))) for title in ("A", "B")])
        assert sorted(done) == ["connection_changed", "done"]
        assert len(register.history("contoso")) == (1 if is_new else 2)

    def test_whoever_saves_while_another_does_is_not_overwritten(
        self, register: ConnectionRegister, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        saved(register)
        look, quicker = queries.newest_row, [partial(_save, register, "Quicker", 1)]

        def late(transaction: Any, key: str) -> Any:
            if quicker:
                quicker.pop()()
            return look(transaction, key)

        monkeypatch.setattr(registers, "newest_row", late)
        with pytest.raises(ConnectionChanged):
            _save(register, "Slower", 1)
        assert [one.author for one in register.history("contoso")] == ["Quicker", "Lin"]

    def test_the_callback_follows_the_address_of_the_bridge_but_a_chosen_one_stays(
        self, register: ConnectionRegister, database: Database, clock: Clock
    ) -> None:
        saved(register)
        chosen = replace(customer("globex").fuyun, redirect_url="https://elsewhere.example/callback")
        saved(register, "globex", fuyun=chosen)
        moved = ConnectionRegister(database, KeyRing([OLD]), "https://new.example", clock)
        assert moved.connection("contoso", 1).fuyun.redirect_url == "https://new.example/callback/contoso"
        assert moved.connection("globex", 1).fuyun.redirect_url == "https://elsewhere.example/callback"

    def test_what_differs_is_told_key_by_key_without_secrets(self, register: ConnectionRegister) -> None:
        saved(register)
        register.save(with_secret(customer(mapping_field="upn"), "another"), author="Kim", based_on=1)
        told = [(one.key, one.before, one.after, one.is_secret) for one in register.changes("contoso", 1, 2)]
        assert told == [
            ("idp.client_secret", "********", "********", True),
            ("mapping_field", "email", "upn", False),
        ]
        assert {"name", "idp.kind", "aiccs.access_key_secret"} <= {one.key for one in register.changes("contoso", 0, 1)}


def _save(register: ConnectionRegister, title: str, based_on: int) -> Version:
    return register.save(customer(title=title), author=title, based_on=based_on)


def attempt(act: Callable[[], object]) -> str:
    try:
        act()
    except BridgeError as refusal:
        return refusal.code
    return "done"


class TestStates:
    def test_an_active_connection_signs_people_in_by_the_chosen_version(self, register: ConnectionRegister) -> None:
        saved(register, active=True)
        register.save(customer(title="Draft"), author="Kim", based_on=1)
        (live,) = register.live()
        assert (live.title, live.version, live.enabled) == ("Title of contoso", 1, True)
        register.activate("Contoso", 2)
        (live,) = register.live()
        assert (live.title, live.version) == ("Draft", 2)

    def test_a_connection_that_is_switched_off_is_there_but_closed(self, register: ConnectionRegister) -> None:
        saved(register, active=True)
        register.deactivate("contoso")
        assert [(one.name, one.enabled) for one in register.live()] == [("contoso", False)]
        assert register.entry("contoso").state == "inactive"

    def test_a_draft_that_is_switched_off_stays_a_draft(self, register: ConnectionRegister) -> None:
        saved(register)
        register.deactivate("contoso")
        assert register.entry("contoso").state == "draft"

    def test_a_removed_connection_is_out_of_sight_and_its_name_is_free_again(
        self, register: ConnectionRegister
    ) -> None:
        saved(register, active=True)
        register.remove("contoso")
        assert (register.entries(), register.live()) == ([], [])
        with pytest.raises(ConnectionUnknown):
            register.entry("contoso")
        version = saved(register, "Contoso", title="Another")
        assert (version.number, register.entry("contoso").name) == (2, "Contoso")
        assert (register.entry("contoso").state, register.entry("contoso").active_version) == ("draft", 0)

    def test_an_old_version_comes_back_as_the_newest_with_its_secrets(self, register: ConnectionRegister) -> None:
        saved(register, active=True)
        register.save(with_secret(customer(title="Second"), "another"), author="Kim", based_on=1)
        again = register.roll_back("contoso", 1, author="Wang")
        assert (again.number, again.author, again.act) == (3, "Wang", "rolled_back")
        found = register.connection("contoso", 3)
        assert (found.title, found.idp.client_secret.reveal()) == ("Title of contoso", SECRETS["idp.client_secret"])
        assert register.entry("contoso").active_version == 1

    @pytest.mark.parametrize(
        "act",
        [
            lambda register: register.entry("nobody"),
            lambda register: register.history("nobody"),
            lambda register: register.version("contoso", 2),
            lambda register: register.connection("contoso", 0),
            lambda register: register.secrets("contoso", 9),
            lambda register: register.activate("contoso", 2),
            lambda register: register.deactivate("nobody"),
            lambda register: register.remove("nobody"),
            lambda register: register.roll_back("contoso", 5, author="Lin"),
        ],
        ids=["entry", "history", "version", "connection", "secrets", "activate", "deactivate", "remove", "roll back"],
    )
    def test_what_is_not_there_is_unknown(
        self, register: ConnectionRegister, act: Callable[[ConnectionRegister], object]
    ) -> None:
        saved(register)
        with pytest.raises(ConnectionUnknown):
            act(register)
        assert register.entry("contoso").state == "draft"

    def test_every_change_raises_the_revision(self, register: ConnectionRegister) -> None:
        acts: list[Callable[[], object]] = [
            partial(saved, register),
            partial(register.activate, "contoso", 1),
            partial(register.save, customer(title="Second"), author="Kim", based_on=1),
            partial(register.roll_back, "contoso", 1, author="Kim"),
            partial(register.deactivate, "contoso"),
            partial(register.remove, "contoso"),
            partial(register.provision, [customer("globex")]),
        ]
        seen = [register.revision()]
        for act in acts:
            act()
            seen.append(register.revision())
        assert seen == sorted(set(seen))


class TestTheFile:
    def test_its_connections_are_active_in_its_order_and_read_only(self, register: ConnectionRegister) -> None:
        saved(register, "aardvark")
        given = [customer("globex"), customer("contoso"), customer("closed", enabled=False)]
        told = register.provision(given)
        assert told == [(name, "provisioned") for name in ("globex", "contoso", "closed")]
        assert [(one.name, one.state) for one in register.entries()] == [
            ("globex", "active"),
            ("contoso", "active"),
            ("closed", "inactive"),
            ("aardvark", "draft"),
        ]
        assert [one.is_read_only for one in register.entries()] == [True, True, True, False]
        assert register.live()[1] == customer("contoso", version=1)

    def test_provisioning_again_changes_nothing(self, register: ConnectionRegister) -> None:
        given = [customer("globex"), customer("contoso", enabled=False)]
        register.provision(given)
        before = register.revision()
        assert register.provision(given) == []
        assert (register.revision(), len(register.history("globex"))) == (before, 1)

    def test_what_changed_in_it_is_a_new_version_and_in_use_at_once(self, register: ConnectionRegister) -> None:
        register.provision([customer()])
        assert register.provision([customer(mapping_field="upn")]) == [("contoso", "provisioned")]
        assert [(one.mapping_field, one.version) for one in register.live()] == [("upn", 2)]

    @pytest.mark.parametrize(
        "act",
        [
            lambda register: register.save(customer(title="Mine"), author="Lin", based_on=1),
            lambda register: register.activate("contoso", 1),
            lambda register: register.deactivate("contoso"),
            lambda register: register.remove("contoso"),
            lambda register: register.roll_back("contoso", 1, author="Lin"),
        ],
        ids=["save", "activate", "deactivate", "remove", "roll back"],
    )
    def test_nobody_else_changes_them(
        self, register: ConnectionRegister, act: Callable[[ConnectionRegister], object]
    ) -> None:
        register.provision([customer()])
        before = register.revision()
        with pytest.raises(ConnectionReadOnly):
            act(register)
        assert register.revision() == before

    def test_it_takes_over_a_connection_of_the_console(self, register: ConnectionRegister) -> None:
        saved(register, active=True, title="Of the console")
        assert register.provision([customer("Contoso", title="Of the file")]) == [("Contoso", "provisioned")]
        (entry,) = register.entries()
        assert (entry.name, entry.origin, entry.active_version) == ("Contoso", "file", 2)
        assert [one.title for one in register.live()] == ["Of the file"]

    def test_what_has_left_it_is_gone_and_may_come_back(self, register: ConnectionRegister) -> None:
        register.provision([customer("globex"), customer("contoso")])
        assert register.provision([customer("globex")]) == [("contoso", "left_the_file")]
        assert [one.name for one in register.entries()] == ["globex"]
        assert register.provision([customer("globex"), customer("contoso")]) == [("contoso", "provisioned")]
        assert [one.state for one in register.entries()] == ["active", "active"]

    def test_its_addresses_may_be_private(self, register: ConnectionRegister) -> None:
        register.provision([customer()])
        assert register.live()[0].idp.public_only is False


class TestSecrets:
    def test_stand_nowhere_in_the_database_nor_in_any_text(
        self, register: ConnectionRegister, database: Database
    ) -> None:
        with capture_logs() as lines:
            version = saved(register, active=True)
            register.provision([customer("globex")])
        shown = [
            rows_of(database),
            repr(version),
            str(version),
            repr(register.connection("contoso", 1)),
            repr(register.live()),
            repr(register.changes("contoso", 0, 1)),
            repr(register.secrets("contoso", 1)),
            repr(lines),
        ]
        assert [value for value in SECRETS.values() for text in shown if value in text] == []
        assert {key: value.reveal() for key, value in register.secrets("contoso", 1).items()} == SECRETS

    def test_stay_in_no_file_of_the_database(
        self, register: ConnectionRegister, database: Database, store: str
    ) -> None:
        if store != "sqlite":
            pytest.skip("only SQLite's database is a file that the test may read")
        saved(register, active=True)
        path = str(database.engine.url.database)
        database.close()
        with open(path, "rb") as file:  # noqa: PTH123 — the URL's path as it stands
            whole = file.read()
        assert b"contoso" in whole
        assert [value for value in SECRETS.values() if value.encode() in whole] == []

    def test_of_another_row_are_not_lent_to_whoever_swaps_them(
        self, register: ConnectionRegister, database: Database
    ) -> None:
        saved(register, active=True)
        saved(register, "mallory", active=True)
        _copy_sealed(database, "contoso", "mallory")
        with pytest.raises(ConnectionUnknown, match="another's"):
            register.connection("mallory", 1)
        with capture_logs() as lines:
            assert [one.name for one in register.live()] == ["contoso"]
        assert [(line["event"], line["connection"]) for line in lines] == [("connection_unreadable", "mallory")]

    def test_of_an_older_version_are_not_put_under_a_newer_one(
        self, register: ConnectionRegister, database: Database
    ) -> None:
        saved(register)
        register.save(with_secret(customer(), "another"), author="Kim", based_on=1)
        with database.transaction() as transaction:
            sealed = transaction.execute(select(connection_versions.c.sealed).where(_numbered(1))).scalar_one()
            transaction.execute(update(connection_versions).where(_numbered(2)).values(sealed=sealed))
        with pytest.raises(ConnectionUnknown):
            register.connection("contoso", 2)

    def test_stay_readable_when_the_keys_are_rotated_until_the_old_one_goes(
        self, register: ConnectionRegister, database: Database, clock: Clock
    ) -> None:
        saved(register, active=True)
        both = ConnectionRegister(database, KeyRing([NEW, OLD]), PUBLIC_URL, clock)
        assert both.live()[0].idp.client_secret.reveal() == SECRETS["idp.client_secret"]
        both.save(customer(title="Second"), author="Kim", based_on=1)
        only_new = ConnectionRegister(database, KeyRing([NEW]), PUBLIC_URL, clock)
        assert only_new.connection("contoso", 2).title == "Second"
        with pytest.raises(ConnectionUnknown, match="secrets that a key opens"):
            only_new.connection("contoso", 1)

    def test_that_no_key_opens_any_more_can_be_entered_anew(
        self, register: ConnectionRegister, database: Database, clock: Clock
    ) -> None:
        saved(register, active=True)
        other = ConnectionRegister(database, KeyRing([NEW]), PUBLIC_URL, clock)
        with capture_logs():
            assert other.live() == []
        other.save(customer(), author="Kim", based_on=1)
        assert other.connection("contoso", 2).idp.client_secret.reveal() == SECRETS["idp.client_secret"]

    def test_a_document_of_another_release_closes_one_door_only(
        self, register: ConnectionRegister, database: Database
    ) -> None:
        saved(register, active=True)
        saved(register, "globex", active=True)
        with database.transaction() as transaction:
            transaction.execute(update(connection_versions).where(_numbered(1)).values(document='{"unheard": 1}'))
        with capture_logs():
            assert [one.name for one in register.live()] == ["globex"]


def _numbered(number: int) -> Any:
    return (connection_versions.c.key == "contoso") & (connection_versions.c.number == number)


def _copy_sealed(database: Database, source: str, target: str) -> None:
    table = connection_versions
    with database.transaction() as transaction:
        sealed = transaction.execute(select(table.c.sealed).where(table.c.key == source)).scalar_one()
        transaction.execute(update(table).where(table.c.key == target).values(sealed=sealed))


def test_a_rehearsal_is_worth_nothing_after_a_change_that_matters(register: ConnectionRegister) -> None:
    proven = saved(register)
    titled = register.save(customer(title="Only a title", domains=()), author="Kim", based_on=1)
    mapped = register.save(customer(mapping_field="upn"), author="Kim", based_on=2)
    secret = register.save(with_secret(customer(), "another"), author="Kim", based_on=3)
    assert titled.digest == proven.digest
    assert len({proven.digest, mapped.digest, secret.digest}) == 3


def test_the_state_of_a_row_is_not_shared_between_names(register: ConnectionRegister, database: Database) -> None:
    saved(register, active=True)
    saved(register, "globex", active=True)
    register.remove("globex")
    with database.transaction() as transaction:
        found = transaction.execute(select(connections.c.key, connections.c.state)).all()
    assert {row.key: row.state for row in found} == {"contoso": "active", "globex": "removed"}
