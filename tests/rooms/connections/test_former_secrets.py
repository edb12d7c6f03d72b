"""Which former client secret stands beside the one in force, and for whom there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select, update

from bridge.connections.document import split
from bridge.connections.former_secrets import former_secrets
from bridge.connections.register import ConnectionRegister
from bridge.connections.rows import connection_versions
from bridge.connections.secrets import KeyRing
from bridge.core.model import NO_SECRET, Connection, Secret
from bridge.db import Database, metadata
from tests.contracts.customers import PUBLIC_URL, customer, with_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database("sqlite://")
    metadata.create_all(made.engine)
    yield made
    made.close()


@pytest.fixture
def register(database: Database) -> ConnectionRegister:
    return ConnectionRegister(database, KeyRing([Secret("o" * 32)]), PUBLIC_URL, lambda: 0)


def changed(secret: str, **idp: Any) -> Connection:
    """Return the customer with a secret, and other things of the provider altered."""
    made = with_secret(customer(), secret)
    return replace(made, idp=replace(made.idp, **idp))


def drafted(register: ConnectionRegister, connection: Connection) -> int:
    newest = [entry.newest_version for entry in register.entries()]
    return register.save(connection, author="Lin", based_on=newest[0] if newest else 0).number


def activated(register: ConnectionRegister, *connections: Connection) -> int:
    """Bring one version after another into force; return the last one's number."""
    number = 0
    for connection in connections:
        number = drafted(register, connection)
        register.activate("contoso", number)
    return number


def brought_back(register: ConnectionRegister, number: int) -> None:
    register.activate("contoso", register.roll_back("contoso", number, author="Lin").number)


def tried(register: ConnectionRegister) -> tuple[str, str]:
    """Return the secret in force and the former one."""
    (live,) = register.live()
    return live.idp.client_secret.reveal(), live.idp.former_client_secret.reveal()


def test_a_new_connection_has_none(register: ConnectionRegister) -> None:
    activated(register, changed("a"))
    assert tried(register) == ("a", "")


def test_a_draft_changes_nothing_and_is_read_without_any(register: ConnectionRegister) -> None:
    activated(register, changed("a"))
    number = drafted(register, changed("b"))
    assert tried(register) == ("a", "")
    assert register.connection("contoso", number).idp.former_client_secret == NO_SECRET
    register.activate("contoso", number)
    # A rehearsal reads it this way too: it shall tell whether the new one works.
    assert register.connection("contoso", number).idp.former_client_secret == NO_SECRET
    assert tried(register) == ("b", "a")


STORIES: dict[str, tuple[Callable[[ConnectionRegister], object], tuple[str, str]]] = {
    "another title": (lambda it: activated(it, replace(changed("b"), title="Another")), ("b", "a")),
    "the same version again": (lambda it: it.activate("contoso", 2), ("b", "a")),
    "switched off": (lambda it: it.deactivate("contoso"), ("b", "a")),
    "a second mistake": (lambda it: activated(it, changed("c")), ("c", "a")),
    "the old one entered again": (lambda it: activated(it, changed("a")), ("a", "")),
    "the old version brought back": (lambda it: brought_back(it, 1), ("a", "")),
    "the old version activated": (lambda it: it.activate("contoso", 1), ("a", "")),
    "another client_id": (lambda it: activated(it, changed("c", client_id="other")), ("c", "")),
    "the same secret for another client_id": (lambda it: activated(it, changed("b", client_id="other")), ("b", "")),
    "another issuer": (lambda it: activated(it, changed("c", issuer="https://other.example")), ("c", "")),
    "another token endpoint": (lambda it: activated(it, changed("c", token_endpoint="https://x.example/t")), ("c", "")),
    "no secret any more": (lambda it: activated(it, changed("")), ("", "")),
    "no secret for a while": (lambda it: activated(it, changed(""), changed("c")), ("c", "")),
    "another client for a while": (
        lambda it: activated(it, changed("c", client_id="other"), changed("d")),
        ("d", ""),
    ),
    "a draft between": (
        lambda it: drafted(it, changed("never in force")) and activated(it, changed("c")),
        ("c", "a"),
    ),
    "taken over by the file": (lambda it: it.provision([changed("c")]), ("c", "a")),
    "proven": (lambda it: it.forget_former_secret("contoso", 2), ("b", "")),
    "proven and changed again": (
        lambda it: it.forget_former_secret("contoso", 2) and activated(it, changed("c")),
        ("c", "b"),
    ),
}


@pytest.mark.parametrize(("act", "found"), STORIES.values(), ids=STORIES)
def test_after_a_change_of_the_secret_comes(
    register: ConnectionRegister, act: Callable[[ConnectionRegister], object], found: tuple[str, str]
) -> None:
    activated(register, changed("a"), changed("b"))
    act(register)
    assert tried(register) == found


def test_the_next_owner_of_a_name_inherits_none(register: ConnectionRegister) -> None:
    activated(register, changed("a"), changed("b"))
    register.remove("contoso")
    register.activate("contoso", register.save(changed("c"), author="Kim", based_on=0).number)
    assert tried(register) == ("c", "")


def test_a_connection_that_comes_back_to_the_file_has_none(register: ConnectionRegister) -> None:
    for given in ([changed("a")], [changed("b")], [], [changed("c")]):
        register.provision(given)
    assert tried(register) == ("c", "")


def test_whoever_can_write_rows_has_no_secret_sent_to_another_provider(
    register: ConnectionRegister, database: Database
) -> None:
    activated(register, changed("a"), changed("b", client_id="other"))
    with database.transaction() as transaction:
        transaction.execute(insert(former_secrets).values(key="contoso", version=2, former=1))
    assert tried(register) == ("b", "")


def test_a_former_version_that_no_key_opens_leaves_the_present_one(
    register: ConnectionRegister, database: Database
) -> None:
    activated(register, changed("a"), changed("b"))
    first = (connection_versions.c.key == "contoso") & (connection_versions.c.number == 1)
    with database.transaction() as transaction:
        transaction.execute(update(connection_versions).where(first).values(sealed="dropped"))
    assert tried(register) == ("b", "")


def test_a_row_holds_numbers_and_no_document_tells_of_it(register: ConnectionRegister, database: Database) -> None:
    activated(register, changed("a"), changed("b"))
    with database.transaction() as transaction:
        assert [tuple(row) for row in transaction.execute(select(former_secrets)).all()] == [("contoso", 2, 1)]
    version, (live,) = register.version("contoso", 2), register.live()
    document, secrets = split(live, version.document, _secrets_of(register))
    assert document["idp"] == version.document["idp"]
    assert secrets["idp.client_secret"] == "b"
    assert [one.key for one in register.changes("contoso", 1, 2)] == ["idp.client_secret"]


def _secrets_of(register: ConnectionRegister) -> dict[str, str]:
    return {key: value.reveal() for key, value in register.secrets("contoso", 2).items()}
