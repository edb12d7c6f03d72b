"""What stays of a sign-in: a row with its steps from a redeemed code on, and nothing of a stranger's noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.core.errors import StoreUnavailable
from tests.journeys.steps import signed_in

if TYPE_CHECKING:
    from tests.kit.house import House

ROAD = ["response", "redeem", "id_token", "userinfo", "tenant", "mapping", "exchange", "user_name"]


def test_a_sign_in_leaves_its_steps_its_person_and_the_types_of_what_the_provider_said(house: House) -> None:
    signed_in(house, "contoso")
    (record,) = house.journal()
    assert (record.event, record.connection, record.code, record.person) == (
        "sign_in",
        "contoso",
        "ok",
        "lin@contoso.example",
    )
    assert len(record.reference) == 10
    assert [step["name"] for step in record.details["steps"]] == ROAD
    assert record.details["claims"]["userinfo"]["email"] == "e-mail address at contoso.example"
    assert record.details["claims"]["id_token"]["exp"] == "number"
    assert "Lin" not in str(record.details)


def test_a_refusal_after_the_code_was_redeemed_is_kept_under_the_reference_that_the_person_sees(house: House) -> None:
    page = house.browser().sign_in("contoso", "bo")
    (record,) = house.journal()
    assert record.reference in page.text
    assert (record.code, record.details["steps"][-1]["name"]) == ("mapping_field_missing", "mapping")
    assert record.details["steps"][-1]["expected"] == "email"


@pytest.mark.parametrize(
    "path",
    [
        "/callback/globex?state=invented&code=x",
        "/callback/globex?state=invented&error=access_denied",
        "/login/nobody",
        "/admin/enter/invented",
        "/test/invented",
    ],
)
def test_a_strangers_noise_leaves_no_row(house: House, path: str) -> None:
    house.browser().open(path)
    assert house.journal() == []


@pytest.mark.parametrize("brought", ["code=invented", "error=access_denied"])
def test_neither_does_an_invented_answer_to_a_genuine_departure(house: House, brought: str) -> None:
    browser = house.browser()
    departure = browser.open("/login/globex", follow=False).headers["Location"]
    state = departure.partition("state=")[2].partition("&")[0]
    browser.open(f"/callback/globex?state={state}&{brought}")
    assert house.journal() == []


def test_a_client_secret_that_went_bad_is_seen_without_a_row_for_each_try(house: House) -> None:
    house.world.faults.set("token", "invalid_client", times=3, connection="globex")
    for _ in range(3):
        house.browser().sign_in("globex")
    (record,) = house.journal()
    assert (record.code, record.details["steps"][-1]["received"]) == ("idp_error", "invalid_client")
    house.clock.advance(61)
    house.world.faults.set("token", "invalid_client", times=1, connection="globex")
    house.browser().sign_in("globex")
    assert len(house.journal()) == 2


def test_a_journal_that_cannot_be_written_costs_nobody_the_sign_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_args: object, **_more: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(house.services.trail, "add", gone)
    assert signed_in(house, "globex").fetch("/session").status_code == 200
