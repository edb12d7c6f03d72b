"""Accounts that have had an agent, on every store: claimed by one alone, never named in clear, found by any key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import delete, select, update

from bridge.connections.register import ConnectionRegister
from bridge.connections.rows import connection_versions, connections
from bridge.connections.secrets import KeyRing
from bridge.core.model import Secret
from bridge.provisioning.known_agents import KnownAgents, known_agents
from tests.contracts.customers import PUBLIC_URL, customer
from tests.contracts.emptied import emptied
from tests.contracts.together import together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.db import Database
    from bridge.provisioning.known_agents import State
    from tests.kit.clock import Clock

OLD, NEW = Secret("o" * 32), Secret("n" * 32)
ONLY_OLD, BOTH, ONLY_NEW = KeyRing([OLD]), KeyRing([NEW, OLD]), KeyRing([NEW])
LIN: Final = "Lin@contoso.example"


@pytest.fixture
def database(store: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    with emptied(store, request, known_agents, connection_versions, connections) as made:
        yield made


@pytest.fixture
def register(database: Database, clock: Clock) -> ConnectionRegister:
    made = ConnectionRegister(database, ONLY_OLD, PUBLIC_URL, clock)
    made.save(customer("contoso"), author="Lin", based_on=0)
    return made


@pytest.fixture
def known(database: Database, register: ConnectionRegister, clock: Clock) -> KnownAgents:
    del register
    return KnownAgents(database, ONLY_OLD, clock)


def rows(database: Database) -> list[Any]:
    with database.transaction() as transaction:
        return list(transaction.execute(select(known_agents)).all())


def test_an_account_is_known_by_its_connection_and_its_name_in_any_spelling(known: KnownAgents) -> None:
    known.remember("contoso", LIN)
    assert known.state("CONTOSO", LIN) == "known"
    assert [known.state("contoso", name) for name in (LIN.lower(), LIN.replace("@", "\uff20"))] == ["known"] * 2
    assert known.state("contoso", f"{LIN}.cn") is None
    assert known.state("globex", LIN) is None
    known.bar("contoso", LIN)
    assert (known.state("contoso", LIN), known.claim("contoso", LIN)) == ("barred", None)


def test_no_name_lies_open_in_the_database(known: KnownAgents, database: Database) -> None:
    known.remember("contoso", LIN)
    known.claim("contoso", "wang")
    assert "contoso.example" not in str(rows(database)).lower()
    assert "wang" not in str(rows(database))


def test_of_ten_who_claim_together_one_gets_it(known: KnownAgents) -> None:
    claims = together([lambda: known.claim("contoso", LIN)] * 10)
    assert sum(claim is not None for claim in claims) == 1
    assert known.state("contoso", LIN) == "claimed"


def test_a_claim_of_one_who_died_is_taken_over_once_and_with_the_same_token(known: KnownAgents, clock: Clock) -> None:
    first = known.claim("contoso", LIN)
    clock.advance(29)
    assert known.claim("contoso", LIN) is None
    clock.advance(2)
    later = [claim for claim in together([lambda: known.claim("contoso", LIN)] * 5) if claim]
    assert first is not None
    assert [claim.client_token for claim in later] == [first.client_token]
    known.release(first)
    assert known.claim("contoso", LIN) is None, "the one who died gives nothing away"
    known.release(later[0])
    assert known.claim("contoso", LIN) is not None


def test_an_administrators_word_lets_it_be_made_anew_under_another_token(known: KnownAgents) -> None:
    first = known.claim("contoso", LIN)
    known.bar("contoso", LIN)
    known.forget("contoso", LIN)
    assert known.state("contoso", LIN) == "free"
    again = known.claim("contoso", LIN)
    assert first is not None
    assert again is not None
    assert again.client_token != first.client_token
    known.forget("contoso", "never seen")
    assert known.state("contoso", "never seen") == "free"


@pytest.mark.parametrize("state", [None, "known", "free"], ids=["nothing", "known", "free"])
def test_what_came_to_nothing_is_taken_back(known: KnownAgents, state: State | None) -> None:
    known.restore("contoso", LIN, state)
    known.bar("contoso", LIN)
    known.restore("contoso", LIN, state)
    assert known.state("contoso", LIN) == state


def test_another_connection_of_the_name_inherits_nothing(
    known: KnownAgents, register: ConnectionRegister, database: Database
) -> None:
    known.remember("contoso", LIN)
    register.remove("contoso")
    register.save(customer("contoso"), author="Kim", based_on=0)
    assert known.state("contoso", LIN) is None
    known.forget_all("Contoso")
    assert rows(database) == []


class TestWhenTheKeyChanges:
    def test_a_row_is_found_by_either_key_and_rewritten_with_the_newest(
        self, known: KnownAgents, database: Database, clock: Clock
    ) -> None:
        known.remember("contoso", LIN)
        both, after = KnownAgents(database, BOTH, clock), KnownAgents(database, ONLY_NEW, clock)
        assert (both.state("contoso", LIN), both.claim("contoso", LIN)) == ("known", None)
        assert after.state("contoso", LIN) is None
        (row,) = rows(database)
        assert both.oldest_key(row.account_hash, row.sealed) == 1
        assert both.rekey(row.account_hash, row.sealed)
        assert not both.rekey(row.account_hash, row.sealed)
        (row,) = rows(database)
        assert (both.oldest_key(row.account_hash, row.sealed), after.state("contoso", LIN)) == (0, "known")

    def test_a_younger_row_of_the_same_account_wins(self, known: KnownAgents, database: Database, clock: Clock) -> None:
        known.remember("contoso", LIN)
        (old,) = rows(database)
        KnownAgents(database, ONLY_NEW, clock).bar("contoso", LIN)
        assert KnownAgents(database, BOTH, clock).rekey(old.account_hash, old.sealed)
        assert KnownAgents(database, ONLY_NEW, clock).state("contoso", LIN) == "barred"
        assert len(rows(database)) == 1

    def test_a_row_that_no_key_opens_is_lost(self, known: KnownAgents, database: Database, clock: Clock) -> None:
        known.remember("contoso", LIN)
        (row,) = rows(database)
        after = KnownAgents(database, ONLY_NEW, clock)
        assert after.oldest_key(row.account_hash, row.sealed) is None
        assert not after.rekey(row.account_hash, row.sealed)

    def test_a_row_with_another_ones_hash_counts_as_lost(self, known: KnownAgents, database: Database) -> None:
        known.remember("contoso", LIN)
        with database.transaction() as transaction:
            transaction.execute(update(known_agents).values(account_hash="0" * 64))
        (row,) = rows(database)
        assert known.oldest_key(row.account_hash, row.sealed) is None


def test_one_that_is_noted_by_two_at_once_is_there_once(known: KnownAgents, database: Database) -> None:
    together([lambda: known.remember("contoso", LIN)] * 5)
    assert [row.state for row in rows(database)] == ["known"]
    with database.transaction() as transaction:
        transaction.execute(delete(known_agents))
    assert known.state("contoso", LIN) is None
