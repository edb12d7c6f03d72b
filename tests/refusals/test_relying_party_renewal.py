"""The foundation's refresh token plan: what a refresh brings must be of the same sign-in (Core section 12.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests.journeys.steps import asked, records, refused, signed_in
from tests.refusals.relying_party import PLANS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.browser import Browser
    from tests.kit.house import House

ACCEPTED: Final = "oidcc-client-test-refresh-token"
REFUSED: Final = (502, "id_token_invalid")


@dataclass(frozen=True, slots=True)
class Row:
    """One misbehaviour of a refresh: the sandbox's fault, what the refusal names, and what the bridge asked until then.

    A key that does not fit makes the bridge look for new ones.
    """

    id: str
    fault: str
    received: str
    asked: tuple[str, ...] = ("token",)

    def __str__(self) -> str:
        return self.id


ROWS: Final = [
    Row(f"{ACCEPTED}-invalid-issuer", "wrong_iss", "https://evil.example"),
    Row(f"{ACCEPTED}-invalid-sub", "wrong_sub", "another sub"),
    # Two that the plan held once.
    Row(f"{ACCEPTED}-invalid-aud", "wrong_aud", "another-client"),
    Row(f"{ACCEPTED}-invalid-azp", "wrong_azp", "azp another-client"),
    Row("another nonce than at the sign-in", "wrong_nonce", "another nonce"),
    Row("no sub", "no_sub", "sub None"),
    Row("another access token's at_hash", "wrong_at_hash", "another at_hash"),
    Row("expired", "expired_id_token", "exp "),
    Row("unsigned", "alg_none", "none"),
    Row("signed by a stranger", "bad_signature", "another signature", ("token", "certs")),
]


@pytest.fixture(scope="module")
def agent(shared: House) -> Browser:
    """Somebody who is signed in, and must be so after every refusal."""
    return signed_in(shared)


@pytest.fixture(autouse=True)
def _nothing_misbehaves_afterwards(shared: House) -> Iterator[None]:
    yield
    shared.world.faults.clear()


def test_a_refresh_brings_a_token_that_is_good_at_userinfo(shared: House) -> None:
    browser, known = signed_in(shared), {one.id for one in records(shared)}
    before = {one.tokens.access_token for one in records(shared)}
    asked(shared)
    assert browser.post("/session/renew").status_code == 200
    assert asked(shared) == ["token", "token_exchange"]
    (fresh,) = [one.tokens for one in records(shared) if one.tokens.access_token not in before]
    assert shared.world.userinfo_by_token("globex", fresh.access_token) is not None
    assert {one.id for one in records(shared)} == known


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_refresh_with_a_bad_id_token_is_refused_and_exchanged_nowhere(
    shared: House, agent: Browser, row: Row
) -> None:
    before = agent.cookie("AC_TOKEN")
    shared.world.faults.set("token", row.fault)
    asked(shared)
    answer = agent.post("/session/renew")
    assert refused(answer) == REFUSED
    assert answer.json()["received"].startswith(row.received)
    assert tuple(asked(shared)) == row.asked
    assert agent.cookie("AC_TOKEN") == before
    assert agent.fetch("/session").status_code == 200


def test_every_module_of_the_plan_is_a_row() -> None:
    assert {ACCEPTED, *map(str, ROWS)} >= set(PLANS["oidcc-client-refreshtoken-test-plan"])
