"""The token is renewed: once for all tabs, by whatever the provider gives, and never at the price of a session."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.core.model import JwtSigning, Secret
from bridge.sandbox.keys import new_rsa, private_pem, public_pem
from tests.journeys.steps import another_tab, asked, housed, records, refused, rehoused, signed_in
from tests.kit.house import change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.house import House


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


def old_tokens(house: House, connection: str) -> None:
    """Let the provider's access tokens expire, in its books and in ours."""
    house.world.grants[connection].expire_access_tokens()
    house.clock.advance(5000)


class TestOneRenewal:
    def test_it_gives_page_and_cookie_a_new_token(self, house: House) -> None:
        browser = signed_in(house)
        before = browser.cookie("AC_TOKEN")
        answer = browser.post("/session/renew")
        members = answer.json()
        assert answer.status_code == 200
        assert members["access_token"] == browser.cookie("AC_TOKEN") != before
        assert (members["token_type"], members["instance_id"]) == ("bearer", "ccc_xp_globex")
        assert 2_591_000 < members["expires_in"] <= 2_591_999
        assert claims_of(members["access_token"])["user_name"] == "lin"
        assert browser.post("/session/token").json()["access_token"] == members["access_token"]

    def test_it_costs_a_refresh_and_an_exchange(self, house: House) -> None:
        browser = signed_in(house)
        asked(house)
        browser.post("/session/renew")
        assert asked(house) == ["token", "token_exchange"]

    def test_a_result_younger_than_ten_seconds_is_answered_again(self, house: House) -> None:
        browser = signed_in(house)
        first = browser.post("/session/renew").json()["access_token"]
        asked(house)
        house.clock.advance(8)
        assert browser.post("/session/renew").json()["access_token"] == first
        assert asked(house) == []
        house.clock.advance(3)
        assert browser.post("/session/renew").json()["access_token"] != first
        assert asked(house) == ["token", "token_exchange"]

    def test_it_makes_the_session_no_longer(self, house: House) -> None:
        browser = signed_in(house)
        before = browser.fetch("/session").json()["session_expires_at"]
        house.clock.advance(600)
        browser.post("/session/renew")
        after = browser.fetch("/session").json()
        assert after["session_expires_at"] == before
        assert after["expires_at"] > before

    @pytest.mark.parametrize("connection", ["contoso", "acme", "globex"])
    def test_it_goes_on_for_a_whole_shift(self, house: House, connection: str) -> None:
        browser = signed_in(house, connection)
        seen = {browser.cookie("AC_TOKEN")}
        for _ in range(6):
            old_tokens(house, connection)
            assert browser.post("/session/renew").status_code == 200
            seen.add(browser.cookie("AC_TOKEN"))
        assert len(seen) == 7

    def test_a_rotating_refresh_token_is_kept_and_used_once(self, house: House) -> None:
        browser = signed_in(house, "globex")
        tokens = set()
        for _ in range(3):
            (record,) = records(house)
            tokens.add(record.tokens.refresh_token)
            house.clock.advance(60)
            browser.post("/session/renew")
        assert len(tokens) == 3

    def test_a_refresh_token_that_does_not_rotate_lives_on(self, house: House) -> None:
        browser = signed_in(house, "acme")
        (before,) = records(house)
        for _ in range(3):
            house.clock.advance(60)
            assert browser.post("/session/renew").status_code == 200
        (after,) = records(house)
        assert after.tokens.refresh_token == before.tokens.refresh_token
        assert after.tokens.access_token != before.tokens.access_token
        # Salesforce sends no new ID token either; the old one is the hint at logout.
        assert after.tokens.unverified_id_token == before.tokens.unverified_id_token != ""

    def test_without_a_session_there_is_nothing_to_renew(self, house: House) -> None:
        answer = house.browser().wire.post(
            f"{house.settings.public_url}/session/renew", headers={"Origin": house.settings.public_url}, timeout=5
        )
        assert refused(answer) == (401, "session_missing")

    @pytest.mark.parametrize(
        "headers", [{"X-CSRF-Token": "forged"}, {"X-CSRF-Token": ""}, {"Origin": "https://evil.example"}]
    )
    def test_a_foreign_page_cannot_renew(self, house: House, headers: dict[str, str]) -> None:
        browser = signed_in(house)
        asked(house)
        assert refused(browser.post("/session/renew", None, **headers)) == (403, "csrf_failed")
        assert asked(house) == []


class TestOnlyThePersonCanHelp:
    def test_a_definite_refusal_ends_the_session_for_good(self, house: House) -> None:
        browser = signed_in(house)
        tab = another_tab(house, browser)
        house.world.grants["globex"].revoke_refresh_tokens()
        answer = browser.post("/session/renew")
        assert refused(answer) == (401, "login_required")
        assert answer.json()["login_url"] == f"{house.settings.public_url}/login"
        assert browser.cookie("AC_TOKEN") is None
        assert browser.cookie("bridge_session") is None
        for _ in range(2):
            assert refused(another_tab(house, tab).fetch("/session")) == (401, "login_required")
        assert records(house) == []

    def test_somebody_who_left_the_company_is_noticed(self, house: House) -> None:
        browser = signed_in(house, "contoso")
        house.world.dismiss("lin")
        assert refused(browser.post("/session/renew")) == (401, "login_required")

    def test_a_refusal_is_told_by_its_code_whatever_its_status(self, house: House) -> None:
        browser = signed_in(house)
        house.world.faults.set("token", "error_200")
        assert refused(browser.post("/session/renew")) == (401, "login_required")

    def test_without_a_refresh_token_a_valid_access_token_is_used(self, house: House) -> None:
        house.world.faults.set("token", "no_refresh_token")
        browser = signed_in(house)
        asked(house)
        assert browser.post("/session/renew").status_code == 200
        assert asked(house) == ["token_exchange"]

    def test_without_a_refresh_token_an_expired_access_token_needs_the_person(self, house: House) -> None:
        house.world.faults.set("token", "no_refresh_token")
        browser = signed_in(house)
        old_tokens(house, "globex")
        asked(house)
        assert refused(browser.post("/session/renew")) == (401, "login_required")
        assert asked(house) == []

    def test_where_no_expiry_is_known_the_exchange_tells_that_the_token_is_dead(self, house: House) -> None:
        house.world.faults.set("token", "no_refresh_token")
        browser = signed_in(house, "acme")
        assert browser.post("/session/renew").status_code == 200
        old_tokens(house, "acme")
        assert refused(browser.post("/session/renew")) == (401, "login_required")

    def test_without_expiry_and_with_a_refresh_token_it_just_goes_on(self, house: House) -> None:
        house.world.faults.set("token", "no_expires_in")
        browser = signed_in(house)
        old_tokens(house, "globex")
        assert browser.post("/session/renew").status_code == 200

    def test_plain_oauth_without_refresh_tokens_goes_on_while_its_token_is_good(self, house: House) -> None:
        browser = signed_in(house, "initech")
        assert browser.post("/session/renew").status_code == 200
        house.world.grants["initech"].expire_access_tokens()
        house.clock.advance(60)
        assert refused(browser.post("/session/renew")) == (401, "login_required")


@pytest.fixture(scope="module")
def shared_by_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from housed(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def shared(shared_by_all: House) -> House:
    """A house without faults."""
    shared_by_all.world.faults.clear()
    return shared_by_all


PASSING = [
    ("token", "http_500", 504, "idp_unreachable"),
    ("token", "reset", 504, "idp_unreachable"),
    ("token", "html", 502, "idp_answer_invalid"),
    ("token", "empty", 502, "idp_answer_invalid"),
    ("token", "not_json", 502, "idp_answer_invalid"),
    ("token", "redirect", 502, "idp_answer_invalid"),
    ("token", "no_access_token", 502, "idp_answer_invalid"),
    ("token", "throttled_429", 400, "idp_error"),
    ("token", "invalid_client", 400, "idp_error"),
    ("token", "bad_signature", 502, "id_token_invalid"),
    ("token", "wrong_aud", 502, "id_token_invalid"),
    ("token", "expired_id_token", 502, "id_token_invalid"),
    ("token", "wrong_at_hash", 502, "id_token_invalid"),
    ("exchange", "http_500", 504, "exchange_unreachable"),
    ("exchange", "throttled_429", 504, "exchange_unreachable"),
    ("exchange", "reset", 504, "exchange_unreachable"),
    ("exchange", "html", 502, "exchange_answer_invalid"),
    ("exchange", "redirect", 502, "exchange_answer_invalid"),
    ("exchange", "invalid_grant", 502, "exchange_rejected"),
    ("exchange", "frozen_agent", 502, "exchange_rejected"),
    ("exchange", "success_false", 502, "exchange_rejected"),
    ("exchange", "wrong_user", 403, "agent_mismatch"),
]


@pytest.mark.parametrize(("target", "fault", "status", "code"), PASSING)
def test_any_other_failure_leaves_the_session_and_the_old_token(
    shared: House, target: str, fault: str, status: int, code: str
) -> None:
    browser = signed_in(shared, "contoso")
    before = browser.cookie("AC_TOKEN")
    shared.world.faults.set(target, fault)
    answer = browser.post("/session/renew")
    assert refused(answer) == (status, code)
    assert (answer.headers.get("Retry-After") is not None) is (status == 504)
    assert browser.cookie("AC_TOKEN") == before
    assert browser.post("/session/token").json()["access_token"] == before
    shared.world.faults.clear()
    assert browser.post("/session/renew").json()["access_token"] != before


@pytest.mark.parametrize("fault", ["http_500", "reset", "invalid_grant"])
def test_a_rotated_refresh_token_survives_a_failure_of_fuyun(shared: House, fault: str) -> None:
    browser = signed_in(shared, "globex")
    shared.world.faults.set("exchange", fault)
    assert browser.post("/session/renew").status_code in {502, 504}
    shared.world.faults.clear()
    for _ in range(2):
        assert browser.post("/session/renew").status_code == 200
        shared.clock.advance(60)


def test_a_refreshed_id_token_of_somebody_else_is_refused(house: House) -> None:
    browser = signed_in(house, "contoso")
    (record,) = records(house)
    house.world.people["lin"] = replace(house.world.people["lin"], sub="somebody-else")
    answer = browser.post("/session/renew")
    assert refused(answer) == (502, "id_token_invalid")
    assert answer.json()["received"] == "another sub"
    (kept,) = records(house)
    assert (kept.fuyun, kept.generation, kept.sub) == (record.fuyun, record.generation, record.sub)


class TestModeJwt:
    @pytest.fixture
    def minting(self, house: House) -> Iterator[House]:
        key = new_rsa()
        signing = JwtSigning("https://crm.example.com", Secret(private_pem(key)))
        built = rehoused(house, lambda old: change(old, "globex", lambda one: replace(one, mode="jwt", jwt=signing)))
        built.world.use_jwt("globex", signing.issuer, public_pem(key.public_key()))
        yield built
        built.services.database.close()

    def test_a_token_is_minted_anew_after_the_provider_was_asked(self, minting: House) -> None:
        browser = signed_in(minting)
        before = browser.cookie("AC_TOKEN")
        asked(minting)
        assert browser.post("/session/renew").json()["access_token"] != before
        assert asked(minting) == ["token", "token_exchange"]

    def test_somebody_who_left_gets_no_more_tokens(self, minting: House) -> None:
        browser = signed_in(minting)
        minting.world.dismiss("lin")
        assert refused(browser.post("/session/renew")) == (401, "login_required")

    def test_without_a_refresh_token_it_is_minted_until_the_sessions_end(self, minting: House) -> None:
        minting.world.faults.set("token", "no_refresh_token")
        browser = signed_in(minting)
        asked(minting)
        for _ in range(4):
            old_tokens(minting, "globex")
            assert browser.post("/session/renew").status_code == 200
        assert asked(minting) == ["token_exchange"] * 4

    def test_a_refusal_of_fuyun_ends_nothing(self, minting: House) -> None:
        minting.world.faults.set("token", "no_refresh_token")
        browser = signed_in(minting)
        minting.world.faults.set("exchange", "invalid_grant")
        assert refused(browser.post("/session/renew")) == (502, "exchange_rejected")
        minting.world.faults.clear()
        assert browser.post("/session/renew").status_code == 200


def test_while_fuyun_is_down_the_provider_is_asked_once_and_not_for_every_try(house: House) -> None:
    browser = signed_in(house)
    house.world.faults.set("exchange", "http_500")
    before = house.world.count("/token")
    for _ in range(4):
        assert refused(browser.post("/session/renew")) == (504, "exchange_unreachable")
        house.clock.advance(15)
    assert house.world.count("/token") == before + 1
    house.world.faults.clear()
    assert browser.post("/session/renew").status_code == 200
    assert house.world.count("/token") == before + 1
    house.clock.advance(15)
    assert browser.post("/session/renew").status_code == 200
    assert house.world.count("/token") == before + 2


def test_the_provider_has_its_say_again_after_two_minutes(house: House) -> None:
    browser = signed_in(house)
    house.world.faults.set("exchange", "http_500", times=1)
    before = house.world.count("/token")
    browser.post("/session/renew")
    house.clock.advance(121)
    assert browser.post("/session/renew").status_code == 200
    assert house.world.count("/token") == before + 2


def test_a_refreshed_id_token_that_fails_its_checks_is_not_passed_over_by_the_next_try(house: House) -> None:
    browser = signed_in(house)
    house.world.faults.set("token", "bad_signature")
    for _ in range(2):
        assert refused(browser.post("/session/renew")) == (502, "id_token_invalid")
        house.clock.advance(15)
