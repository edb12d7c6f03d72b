"""What is remembered of rehearsals: sealed, for a while, and never another connection's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.connections.secrets import KeyRing
from bridge.core import trace as steps
from bridge.core.errors import IdpUnreachable, PageUnknown
from bridge.core.gate_errors import RehearsalLinkInvalid
from bridge.core.model import NO_SECRET, Connection, FuyunApp, IdentityProvider, Secret
from bridge.core.trace import Trace
from bridge.signin.rehearsal import Rehearsals, rehearsal_links, rehearsals

if TYPE_CHECKING:
    from tests.kit.house import House

CONNECTION = Connection(
    "Globex", "Globex", IdentityProvider(kind="oidc", client_id="c"), FuyunApp("app", NO_SECRET), version=3
)
DIGEST = "d" * 64


@pytest.fixture
def store(house: House) -> Rehearsals:
    return house.services.rehearsals


def walked(*, failing: bool = False) -> Trace:
    trace = Trace(account_name="lin", user_name="lin")
    trace.claims["userinfo"] = {"sub": "1", "email": "lin@globex.example", "groups": ["a"]}
    with trace.step(steps.DISCOVERY):
        pass
    if failing:
        with pytest.raises(IdpUnreachable), trace.step(steps.REDEEM):
            raise IdpUnreachable(expected="a token", received="none in time")
    return trace


def test_what_was_kept_comes_back_whole(store: Rehearsals) -> None:
    kept = store.keep(CONNECTION, DIGEST, walked(), by="lin")
    assert store.get(kept.id) == kept
    assert (kept.key, kept.version, kept.is_good, kept.by) == ("globex", 3, True, "lin")
    assert kept.claims["userinfo"]["groups"] == ["a"]


def test_the_first_step_that_failed_gives_the_code(store: Rehearsals) -> None:
    kept = store.keep(CONNECTION, DIGEST, walked(failing=True), by="lin")
    assert (kept.code, kept.is_good) == ("idp_unreachable", False)
    assert store.get(kept.id).steps[-1].received == "none in time"


def test_no_claim_lies_open_in_the_database(house: House, store: Rehearsals) -> None:
    store.keep(CONNECTION, DIGEST, walked(), by="somebody")
    with house.services.database.transaction() as transaction:
        row = transaction.execute(rehearsals.select()).one()
    assert "lin@globex.example" not in str(row)


def test_the_list_holds_no_claims(store: Rehearsals) -> None:
    store.keep(CONNECTION, DIGEST, walked(), by="lin")
    assert [one.claims for one in store.of("GLOBEX")] == [{}]


def test_the_last_of_a_digest_counts(house: House, store: Rehearsals) -> None:
    store.keep(CONNECTION, DIGEST, walked(), by="lin")
    house.clock.advance(1)
    last = store.keep(CONNECTION, DIGEST, walked(failing=True), by="lin")
    house.clock.advance(1)
    store.keep(CONNECTION, "e" * 64, walked(), by="lin")
    found = store.last_of("globex", DIGEST)
    assert found is not None
    assert found.id == last.id
    assert store.last_of("globex", "f" * 64) is None


def test_another_connections_rehearsals_stay_apart(store: Rehearsals) -> None:
    store.keep(CONNECTION, DIGEST, walked(), by="lin")
    assert store.of("contoso") == []
    assert store.last_of("contoso", DIGEST) is None


def test_an_unknown_one_is_no_page(store: Rehearsals) -> None:
    with pytest.raises(PageUnknown):
        store.get("invented")


def test_what_was_sealed_by_other_keys_is_no_page(house: House, store: Rehearsals) -> None:
    kept = store.keep(CONNECTION, DIGEST, walked(), by="lin")
    others = Rehearsals(house.services.database, KeyRing((Secret("x" * 48),)), house.clock)
    with pytest.raises(PageUnknown):
        others.get(kept.id)


def test_one_seal_in_anothers_row_is_no_page(house: House, store: Rehearsals) -> None:
    one, other = (store.keep(CONNECTION, DIGEST, walked(), by="lin") for _ in range(2))
    with house.services.database.transaction() as transaction:
        sealed = transaction.execute(rehearsals.select().where(rehearsals.c.id == one.id)).one().sealed
        transaction.execute(rehearsals.update().where(rehearsals.c.id == other.id).values(sealed=sealed))
    with pytest.raises(PageUnknown):
        store.get(other.id)


def test_after_thirty_days_it_goes(house: House, store: Rehearsals) -> None:
    old = store.keep(CONNECTION, DIGEST, walked(), by="lin")
    house.clock.advance(30 * 86_400 + 1)
    store.keep(CONNECTION, DIGEST, walked(), by="lin")
    with pytest.raises(PageUnknown):
        store.get(old.id)


def test_the_newest_fifty_stay(house: House, store: Rehearsals) -> None:
    for _ in range(52):
        store.keep(CONNECTION, DIGEST, Trace(), by="lin")
        house.clock.advance(1)
    assert len(store.of("globex")) == 50


def test_a_link_says_what_it_leads_to(store: Rehearsals) -> None:
    link = store.link(store.new_link("Globex", 3, made_by="lin"))
    assert (link.key, link.version, link.made_by) == ("globex", 3, "lin")


def test_a_links_token_lies_nowhere(house: House, store: Rehearsals) -> None:
    token = store.new_link("globex", 3, made_by="lin")
    with house.services.database.transaction() as transaction:
        assert token not in str(transaction.execute(rehearsal_links.select()).one())


def test_a_link_ends_after_a_day_and_makes_room(house: House, store: Rehearsals) -> None:
    token = store.new_link("globex", 3, made_by="lin")
    house.clock.advance(86_400)
    with pytest.raises(RehearsalLinkInvalid):
        store.link(token)
    house.clock.advance(1)
    store.new_link("globex", 3, made_by="lin")
    assert house.rows()["rehearsal_links"] == 1
