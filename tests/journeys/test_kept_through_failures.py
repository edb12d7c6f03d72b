"""A renewal that fails half-way loses nothing that it already got."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.journeys.steps import records, signed_in

if TYPE_CHECKING:
    from tests.kit.house import House


@pytest.mark.parametrize("fault", ["http_500", "html", "success_false", "invalid_grant", "wrong_user", "throttled_429"])
def test_a_rotated_refresh_token_survives_a_failed_exchange(house: House, fault: str) -> None:
    browser = signed_in(house, "globex")
    house.world.faults.set("exchange", fault, times=1)
    assert browser.post("/session/renew").status_code >= 400
    assert browser.fetch("/session").status_code == 200
    assert browser.post("/session/renew").status_code == 200
    (record,) = records(house)
    assert record.generation == 1


@pytest.mark.parametrize("fault", ["success_false", "invalid_client", "frozen_agent"])
def test_a_refusal_that_says_nothing_of_the_token_ends_no_session(house: House, fault: str) -> None:
    browser = signed_in(house, "initech")
    house.world.faults.set("exchange", fault, times=1)
    answer = browser.post("/session/renew")
    assert (answer.status_code, answer.json()["code"]) == (502, "exchange_rejected")
    assert browser.cookie("AC_TOKEN")
    assert browser.fetch("/session").status_code == 200


def test_a_sign_in_that_only_the_person_can_renew_keeps_the_phone_until_then(house: House) -> None:
    browser = signed_in(house, "initech")
    house.world.faults.set("exchange", "invalid_grant", times=1)
    assert browser.post("/session/renew").json()["code"] == "login_required"
    assert browser.cookie("AC_TOKEN")
    assert browser.fetch("/session").status_code == 200


def test_a_late_answer_of_a_replaced_session_takes_nothing_from_the_new_one(house: House) -> None:
    browser = signed_in(house, "globex")
    old = house.browser()
    old.wire.cookies.update(browser.wire.cookies)
    browser.sign_in("globex")
    answer = old.fetch("/session")
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
    assert "Set-Cookie" not in answer.headers
