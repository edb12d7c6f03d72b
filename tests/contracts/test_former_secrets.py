"""Former client secrets on every store: kept over restarts, and forgotten once, for good, on all replicas."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from bridge.connections.register import ConnectionRegister
from bridge.connections.secrets import KeyRing
from bridge.core.model import Secret
from tests.contracts.customers import PUBLIC_URL, customer, with_secret
from tests.contracts.together import together

if TYPE_CHECKING:
    from bridge.db import Database
    from tests.kit.clock import Clock

NAMES = ("contoso", "globex")


@pytest.fixture
def register(database: Database, clock: Clock) -> ConnectionRegister:
    """A register of two customers whose secrets were changed in the file."""
    made = _register(database, clock)
    for secret in ("a", "b", "b"):
        made.provision([with_secret(customer(name), secret) for name in NAMES])
    return made


def _register(database: Database, clock: Clock) -> ConnectionRegister:
    return ConnectionRegister(database, KeyRing([Secret("o" * 32)]), PUBLIC_URL, clock)


def former(register: ConnectionRegister) -> dict[str, str]:
    return {one.name: one.idp.former_client_secret.reveal() for one in register.live()}


def test_another_replica_and_the_next_start_try_it_too(
    register: ConnectionRegister, database: Database, clock: Clock
) -> None:
    assert former(register) == former(_register(database, clock)) == {"contoso": "a", "globex": "a"}


def test_it_is_forgotten_once_by_all_that_see_the_new_one_work(
    register: ConnectionRegister, database: Database, clock: Clock
) -> None:
    before = register.revision()
    done = together([partial(register.forget_former_secret, "Contoso", 2)] * 4)
    assert sorted(done) == [False, False, False, True]
    assert register.revision() == before + 1
    assert former(_register(database, clock)) == {"contoso": "", "globex": "a"}


def test_a_replica_that_comes_late_leaves_a_newer_change_alone(register: ConnectionRegister) -> None:
    register.provision([with_secret(customer(), "c")])
    assert not register.forget_former_secret("contoso", 2)
    assert former(register) == {"contoso": "a"}


def test_two_who_activate_a_version_at_once_keep_the_same_one(database: Database, clock: Clock) -> None:
    register = _register(database, clock)
    for number, secret in enumerate("ab"):
        register.save(with_secret(customer(), secret), author="Lin", based_on=number)
    register.activate("contoso", 1)
    together([partial(register.activate, "contoso", 2)] * 3)
    assert former(register) == {"contoso": "a"}
