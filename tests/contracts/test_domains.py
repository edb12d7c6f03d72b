"""Who owns an e-mail domain, on every store: proven by the domain's own record, or by the operator's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.connections.domains import ConnectionDomains
from bridge.connections.register import ConnectionRegister
from bridge.connections.secrets import KeyRing
from bridge.core.model import Secret
from tests.contracts.customers import PUBLIC_URL, customer

if TYPE_CHECKING:
    from bridge.db import Database
    from tests.kit.clock import Clock

OLD, NEW = Secret("o" * 32), Secret("n" * 32)
Records = dict[str, list[str]]


@pytest.fixture
def told() -> Records:
    """What name servers tell, by domain."""
    return {}


@pytest.fixture
def domains(database: Database, told: Records, clock: Clock) -> ConnectionDomains:
    return domains_of(database, told, clock, OLD)


@pytest.fixture
def register(database: Database, clock: Clock) -> ConnectionRegister:
    return ConnectionRegister(database, KeyRing([OLD]), PUBLIC_URL, clock)


def domains_of(database: Database, told: Records, clock: Clock, *keys: Secret) -> ConnectionDomains:
    return ConnectionDomains(database, KeyRing(keys), lambda domain: told.get(domain, []), clock)


def test_a_domain_that_shows_the_record_is_owned(
    domains: ConnectionDomains, told: Records, register: ConnectionRegister
) -> None:
    before = register.revision()
    record = domains.record("Contoso", "contoso.example")
    told["contoso.example"] = ["v=spf1 -all", f" {record} "]
    assert domains.check("contoso", "contoso.example")
    assert domains.verified("CONTOSO") == {"contoso.example": "record"}
    assert register.verified_domains()["contoso"] == {"contoso.example"}
    assert register.revision() > before


@pytest.mark.parametrize(
    "shown",
    [[], ["hotline-bridge="], ["hotline-bridge=0123"], ["王"], ["v=spf1 -all"]],
    ids=["nothing", "no value", "another value", "other letters", "another record"],
)
def test_a_domain_that_does_not_is_not(domains: ConnectionDomains, told: Records, shown: list[str]) -> None:
    told["contoso.example"] = shown
    assert not domains.check("contoso", "contoso.example")
    assert domains.verified("contoso") == {}


def test_a_record_proves_one_domain_to_one_connection(domains: ConnectionDomains, told: Records) -> None:
    record = domains.record("contoso", "contoso.example")
    told.update({"contoso.example": [record], "globex.example": [record]})
    assert not domains.check("globex", "contoso.example")
    assert not domains.check("contoso", "globex.example")
    assert record.startswith("hotline-bridge=")
    assert record == domains.record("CONTOSO", "contoso.example")


def test_a_record_stays_good_when_the_keys_are_rotated(
    domains: ConnectionDomains, database: Database, told: Records, clock: Clock
) -> None:
    told["contoso.example"] = [domains.record("contoso", "contoso.example")]
    rotated = domains_of(database, told, clock, NEW, OLD)
    assert rotated.check("contoso", "contoso.example")
    assert rotated.record("contoso", "contoso.example") != told["contoso.example"][0]
    assert not domains_of(database, told, clock, NEW).check("contoso", "contoso.example")


def test_the_operators_word_counts_and_may_be_given_again(domains: ConnectionDomains) -> None:
    for _ in range(2):
        domains.accept("Contoso", "contoso.example", "operator")
    domains.accept("contoso", "shared.example", "record")
    domains.accept("globex", "shared.example", "operator")
    assert domains.verified("contoso") == {"contoso.example": "operator", "shared.example": "record"}
    assert domains.verified("globex") == {"shared.example": "operator"}


def test_the_files_domains_are_owned_and_the_consoles_are_not_yet(register: ConnectionRegister) -> None:
    register.provision([customer("globex")])
    register.save(customer(), author="Lin", based_on=0)
    register.activate("contoso", 1)
    assert register.verified_domains() == {"globex": {"globex.example"}}


def test_whoever_takes_a_name_over_proves_its_domains_anew(
    domains: ConnectionDomains, register: ConnectionRegister
) -> None:
    register.save(customer(), author="Lin", based_on=0)
    domains.accept("contoso", "contoso.example", "operator")
    register.remove("contoso")
    assert domains.verified("contoso") == {}
    assert register.verified_domains() == {}
