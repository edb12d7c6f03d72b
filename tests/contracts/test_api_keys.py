"""API keys on every store: shown once, bound to what they were made for, noticed at once when they end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import event, insert, select, update
from sqlalchemy.exc import OperationalError

from bridge.access.api_keys import PREFIX, ApiKeys, Wanted, api_keys
from bridge.connections.register import ConnectionRegister
from bridge.connections.rows import connection_versions, connections
from bridge.connections.secrets import KeyRing
from bridge.core.gate_errors import ApiKeyForbidden, ApiKeyInvalid
from bridge.core.model import Secret
from bridge.db import Database, metadata
from tests.contracts.customers import PUBLIC_URL, customer
from tests.contracts.emptied import emptied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kit.clock import Clock

OLD, NEW = Secret("o" * 32), Secret("n" * 32)
RING: Final = KeyRing([OLD])
DAY: Final = 86_400.0
SOMEWHERE: Final = "203.0.113.7"
CONTOSO: Final = {"contoso": 1}


@pytest.fixture
def database(store: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    with emptied(store, request, api_keys, connection_versions, connections) as made:
        yield made


@pytest.fixture
def register(database: Database, clock: Clock) -> ConnectionRegister:
    made = ConnectionRegister(database, RING, PUBLIC_URL, clock)
    made.provision([customer("contoso"), customer("globex")])
    return made


@pytest.fixture
def keys(database: Database, register: ConnectionRegister, clock: Clock) -> ApiKeys:
    del register
    return ApiKeys(database, RING, clock)


def wanted(**changes: Any) -> Wanted:
    return replace(Wanted(CONTOSO, ("token",), DAY, "operator"), **changes)


def rows(database: Database) -> list[Any]:
    with database.transaction() as transaction:
        return list(transaction.execute(select(api_keys).order_by(api_keys.c.id)).all())


def write(database: Database, key_id: str, **values: Any) -> None:
    with database.transaction() as transaction:
        transaction.execute(update(api_keys).where(api_keys.c.id == key_id).values(values))


def test_a_key_is_known_again_with_all_that_it_was_made_for(keys: ApiKeys, clock: Clock) -> None:
    asked = wanted(scopes=("agents", "token"), label="CRM 王芳", networks=("203.0.113.0/24",))
    key, text = keys.make(asked)
    assert keys.check(text, SOMEWHERE) == key
    assert (key.connections, key.scopes, key.networks) == (CONTOSO, ("token", "agents"), ("203.0.113.0/24",))
    assert (key.label, key.made_by, key.expires_at - key.made_at) == ("CRM 王芳", "operator", DAY)
    assert (key.is_alive(clock()), key.reaches("CONTOSO"), key.reaches("globex")) == (True, True, False)
    assert text.startswith(f"{PREFIX}{key.id}_")
    with pytest.raises(ApiKeyForbidden, match="sessions"):
        key.check_scope("sessions")


def test_the_database_has_a_hash_of_it_and_nothing_that_it_could_be_told_from(
    keys: ApiKeys, database: Database
) -> None:
    texts = [keys.make(wanted())[1] for _ in range(3)]
    with database.transaction() as transaction:
        cells = [
            str(cell) for table in metadata.sorted_tables for row in transaction.execute(table.select()) for cell in row
        ]
    assert len(cells) > 3 * len(api_keys.columns)
    for text in texts:
        secret = text.rpartition("_")[2]
        assert [
            cell for cell in cells if text in cell or secret in cell or secret[:32] in cell or secret[32:] in cell
        ] == []


JUNK: Final[dict[str, Callable[[str], str]]] = {
    "nothing": lambda _text: "",
    "the prefix": lambda _text: PREFIX,
    "without its secret": lambda text: text.rpartition("_")[0] + "_",
    "without its prefix": lambda text: text.removeprefix(PREFIX),
    "its hash": lambda _text: f"{PREFIX}{'a' * 64}",
    "longer": lambda text: f"{text}0",
    "shorter": lambda text: text[:-1],
    "in capitals": lambda text: text.upper(),
    "padded": lambda text: f" {text}",
    "with NUL": lambda text: f"{text}\0",
    "half a character": lambda text: f"{text[:-1]}\ud83d",
    "endless": lambda _text: PREFIX + "a" * 10_000,
    "SQL": lambda _text: f"{PREFIX}' OR 1=1 --",
    "wildcard": lambda text: text[:-1] + "%",
}


def test_whatever_only_resembles_it_is_no_key(keys: ApiKeys) -> None:
    _, text = keys.make(wanted())
    for name, changed in JUNK.items():
        with pytest.raises(ApiKeyInvalid, match="API key") as refusal:
            raise AssertionError(f"{name}: {keys.check(changed(text), SOMEWHERE)}")
        assert text.rpartition("_")[2][:16] not in f"{refusal.value} {refusal.value.received}"


class TestWhoeverCanWriteRows:
    """Has a small key of his own and wants what another one opens."""

    @pytest.fixture
    def mine(self, keys: ApiKeys) -> tuple[str, str]:
        key, text = keys.make(wanted())
        return key.id, text

    @pytest.fixture
    def other(self, keys: ApiKeys, database: Database) -> Any:
        key, _ = keys.make(wanted(connections={"globex": 1}, scopes=("token", "sessions"), lifetime=900 * DAY))
        return next(row for row in rows(database) if row.id == key.id)

    def test_gets_nothing_by_a_sealed_part_that_is_copied(
        self, keys: ApiKeys, database: Database, mine: tuple[str, str], other: Any
    ) -> None:
        write(database, mine[0], sealed=other.sealed)
        with pytest.raises(ApiKeyInvalid):
            keys.check(mine[1], SOMEWHERE)

    def test_gets_nothing_by_his_hash_in_anothers_row(
        self, keys: ApiKeys, database: Database, mine: tuple[str, str], other: Any
    ) -> None:
        own = next(row for row in rows(database) if row.id == mine[0])
        write(database, mine[0], key_hash="0" * 64)
        write(database, other.id, key_hash=own.key_hash)
        with pytest.raises(ApiKeyInvalid):
            keys.check(mine[1], SOMEWHERE)

    def test_gets_nothing_by_a_row_under_another_id(
        self, keys: ApiKeys, database: Database, mine: tuple[str, str]
    ) -> None:
        write(database, mine[0], id="f" * 12)
        with pytest.raises(ApiKeyInvalid):
            keys.check(mine[1], SOMEWHERE)

    def test_gets_no_key_by_a_row_of_his_own(self, keys: ApiKeys, database: Database, mine: tuple[str, str]) -> None:
        own = next(row for row in rows(database) if row.id == mine[0])
        forged = KeyRing([NEW]).seal("api key", {"id": "forged", "scopes": ["token"]})
        for number, sealed in enumerate(
            (forged, RING.seal("browser session", {}), RING.seal("api key", {}), "junk", "")
        ):
            row = {**own._mapping, "id": f"forged{number}", "key_hash": f"{number}" * 64, "sealed": sealed}
            with database.transaction() as transaction:
                transaction.execute(insert(api_keys).values(row))
        assert [key.id for key in keys.every()] == [mine[0]]
        with pytest.raises(ApiKeyInvalid):
            keys.find("forged0")

    def test_cannot_prolong_it(self, keys: ApiKeys, database: Database, mine: tuple[str, str], clock: Clock) -> None:
        write(database, mine[0], expires_at=clock() + 900 * DAY)
        clock.advance(DAY)
        with pytest.raises(ApiKeyInvalid, match="expired"):
            keys.check(mine[1], SOMEWHERE)


class TestItsEnd:
    @pytest.fixture
    def replica(self, database: Database, clock: Clock) -> Iterator[ApiKeys]:
        """Another replica over the same database."""
        made = Database(database.engine.url.render_as_string(hide_password=False))
        yield ApiKeys(made, RING, clock)
        made.close()

    def test_comes_at_its_second(self, keys: ApiKeys, clock: Clock) -> None:
        _, text = keys.make(wanted(lifetime=100.0))
        clock.advance(95)
        keys.check(text, SOMEWHERE)
        clock.advance(5)
        with pytest.raises(ApiKeyInvalid, match="expired"):
            keys.check(text, SOMEWHERE)

    def test_is_the_same_moment_on_every_replica_when_it_is_revoked(self, keys: ApiKeys, replica: ApiKeys) -> None:
        key, text = keys.make(wanted())
        _, other = keys.make(wanted())
        replica.check(text, SOMEWHERE)
        assert keys.revoke(key.id) is True
        for one in (keys, replica):
            with pytest.raises(ApiKeyInvalid, match="revoked"):
                one.check(text, SOMEWHERE)
            assert one.still(key.id) is None
            assert one.check(other, SOMEWHERE).reaches("contoso")
        assert (replica.revoke(key.id), replica.revoke("nobodys")) == (False, False)
        assert replica.find(key.id).revoked_at is not None

    def test_is_told_for_ninety_days(self, keys: ApiKeys, clock: Clock) -> None:
        key, _ = keys.make(wanted())
        clock.advance(90 * DAY)
        latest, _ = keys.make(wanted())
        assert [one.id for one in keys.every()] == [latest.id, key.id]
        clock.advance(2 * DAY)
        last, _ = keys.make(wanted())
        assert [one.id for one in keys.every()] == [last.id, latest.id]


class TestItsLastUse:
    @pytest.fixture
    def updates(self, database: Database) -> Iterator[list[str]]:
        """What was changed, statement by statement."""
        told: list[str] = []

        def hear(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
            if statement.startswith("UPDATE"):
                told.append(statement)

        event.listen(database.engine, "before_cursor_execute", hear)
        yield told
        event.remove(database.engine, "before_cursor_execute", hear)

    def test_is_written_once_a_minute(self, keys: ApiKeys, clock: Clock, updates: list[str]) -> None:
        key, text = keys.make(wanted())
        assert keys.find(key.id).used_at is None
        for _ in range(3):
            keys.check(text, SOMEWHERE)
            clock.advance(15)
        assert len(updates) == 1
        clock.advance(20)
        keys.check(text, SOMEWHERE)
        assert len(updates) == 2
        assert keys.find(key.id).used_at == pytest.approx(clock(), abs=5)

    def test_is_no_reason_to_refuse_where_nothing_can_be_written(self, keys: ApiKeys, database: Database) -> None:
        def refuse(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
            if statement.startswith("UPDATE"):
                raise OperationalError(statement, {}, OSError("read-only"))

        key, text = keys.make(wanted())
        event.listen(database.engine, "before_cursor_execute", refuse)
        assert keys.check(text, SOMEWHERE).id == key.id
        event.remove(database.engine, "before_cursor_execute", refuse)
        assert keys.find(key.id).used_at is None

    def test_counts_from_a_network_in_whatever_spelling_of_its_address(self, keys: ApiKeys, clock: Clock) -> None:
        key, text = keys.make(wanted(networks=("203.0.113.0/24", "2001:db8::/32")))
        for address in ("::ffff:203.0.113.9", "2001:DB8:0::1", SOMEWHERE):
            keys.check(text, address)
        assert keys.find(key.id).used_at == pytest.approx(clock(), abs=5)

    @pytest.mark.parametrize("address", [SOMEWHERE, "::1", "", "unix:"])
    def test_is_none_where_it_was_refused(self, keys: ApiKeys, address: str) -> None:
        key, text = keys.make(wanted(networks=("198.51.100.0/24",)))
        with pytest.raises(ApiKeyForbidden, match="networks"):
            keys.check(text, address)
        assert keys.find(key.id).used_at is None


class TestItsConnections:
    def test_are_not_those_that_have_taken_the_name(self, keys: ApiKeys, register: ConnectionRegister) -> None:
        before = register.connection("contoso", 1)
        _, text = keys.make(wanted(connections={"contoso": 1, "globex": 1}))
        register.provision([customer("globex")])
        assert keys.check(text, SOMEWHERE).connections == {"globex": 1}
        register.provision([customer("Contoso", title="Somebody else"), customer("globex")])
        entry = register.entry("contoso")
        after = register.connection("contoso", entry.active_version)
        assert keys.check(text, SOMEWHERE).connections == {"globex": 1}
        # A replica that has not looked for a second still has the former one at hand.
        newer, _ = keys.make(wanted(connections={entry.name: entry.first_version}))
        assert (newer.is_for(after), newer.is_for(before)) == (True, False)

    def test_stay_what_they_are_when_they_change(self, keys: ApiKeys, register: ConnectionRegister) -> None:
        key, text = keys.make(wanted())
        register.provision([customer("contoso", title="New"), customer("globex")])
        kept, again = keys.check(text, SOMEWHERE), keys.still(key.id)
        assert (kept.connections, again and again.connections) == (CONTOSO, CONTOSO)
        assert kept.is_for(register.connection("contoso", 2))
        assert not kept.is_for(register.connection("globex", 1))


def test_it_is_good_while_any_secret_of_the_ring_opens_it(keys: ApiKeys, database: Database, clock: Clock) -> None:
    key, text = keys.make(wanted())
    assert ApiKeys(database, KeyRing([NEW, OLD]), clock).check(text, SOMEWHERE).id == key.id
    with pytest.raises(ApiKeyInvalid):
        ApiKeys(database, KeyRing([NEW]), clock).check(text, SOMEWHERE)
