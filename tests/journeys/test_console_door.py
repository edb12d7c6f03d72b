"""Who gets into the console: by the shell's link, by a rule about a connection's people, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.access.rules import Allowed
from tests.kit.desk import act, administrator, allowing, form_token, operator
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.browser import Browser
    from tests.kit.house import House

LIN_OF_CONTOSO = Allowed("contoso", "email", ("lin@contoso.example",))
LIN_OF_GLOBEX = Allowed("globex", "preferred_username", ("lin",), role="operator")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A console that one administrator of a connection and one operator may enter."""
    built = build_house(allowing(demo_settings(tmp_path), LIN_OF_CONTOSO, LIN_OF_GLOBEX))
    yield built
    built.services.database.close()


def is_inside(house: House, browser: Browser) -> bool:
    return browser.open("/admin/connections", follow=False).status_code == 200


class TestTheLinkOfTheShell:
    def test_lets_the_first_administrator_in(self, house: House) -> None:
        assert is_inside(house, operator(house))

    def test_is_good_once(self, house: House) -> None:
        link = f"/admin/enter/{house.services.admin_links.make()}"
        assert house.browser().open(link, follow=False).status_code == 303
        refused = house.browser().open(link)
        assert (refused.status_code, "admin_link_invalid" in refused.text) == (403, True)

    def test_is_good_for_a_quarter_of_an_hour(self, house: House) -> None:
        link = f"/admin/enter/{house.services.admin_links.make()}"
        house.clock.advance(901)
        assert house.browser().open(link).status_code == 403

    def test_is_not_used_up_by_whatever_looks_at_links_first(self, house: House) -> None:
        link = f"/admin/enter/{house.services.admin_links.make()}"
        browser = house.browser()
        browser.wire.head(f"{browser.origin}{link}", allow_redirects=False, timeout=30)
        assert house.browser().open(link, follow=False).status_code == 303

    def test_an_invented_one_is_refused_and_leaves_no_trace_in_the_database(self, house: House) -> None:
        assert house.browser().open("/admin/enter/invented").status_code == 403
        assert set(house.rows().values()) == {0}

    def test_its_session_ends_after_an_hour(self, house: House) -> None:
        browser = operator(house)
        house.clock.advance(3601)
        assert not is_inside(house, browser)


class TestPeopleOfAConnection:
    def test_whom_a_rule_lists_come_in_by_their_company_account(self, house: House) -> None:
        browser = administrator(house, "contoso")
        assert is_inside(house, browser)
        assert "Lin" in browser.open("/admin/connections").text or "lin@contoso" in browser.open("/admin").text

    def test_they_become_no_agents_by_that(self, house: House) -> None:
        browser = administrator(house, "contoso")
        assert browser.fetch("/session").status_code == 401
        assert browser.cookie("AC_TOKEN") is None
        assert house.rows()["agent_sessions"] == 0
        assert not [url for _, url in house.calls if "token_exchange" in url]

    def test_colleagues_whom_no_rule_lists_stay_outside(self, house: House) -> None:
        browser = house.browser()
        refused = browser.choose(browser.open("/login/contoso/admin"), "fang")
        assert (refused.status_code, "admin_not_allowed" in refused.text) == (403, True)
        assert not is_inside(house, browser)

    def test_a_connection_that_no_rule_names_is_no_way_in(self, house: House) -> None:
        refused = house.browser().open("/login/acme/admin", follow=False)
        assert refused.status_code == 403

    def test_an_agents_sign_in_opens_no_console_and_an_admins_no_phone(self, house: House) -> None:
        agent = house.browser()
        agent.sign_in("contoso")
        assert not is_inside(house, agent)
        assert administrator(house, "contoso").open("/softphone", follow=False).status_code == 303

    def test_both_can_be_open_in_one_browser(self, house: House) -> None:
        browser = administrator(house, "contoso")
        browser.sign_in("contoso")
        assert is_inside(house, browser)
        assert browser.fetch("/session").status_code == 200

    def test_the_session_lasts_a_working_day_and_no_longer(self, house: House) -> None:
        browser = administrator(house, "contoso")
        house.clock.advance(8 * 3600 - 60)
        assert is_inside(house, browser)
        house.clock.advance(61)
        assert not is_inside(house, browser)

    def test_who_loses_the_right_loses_the_session_at_once(self, house: House) -> None:
        browser = administrator(house, "contoso")
        house.services.admin_rules._allowed = (LIN_OF_GLOBEX,)
        assert not is_inside(house, browser)

    def test_signing_in_again_ends_the_former_session(self, house: House) -> None:
        browser = administrator(house, "contoso")
        former = house.browser()
        former.wire.cookies.update(browser.wire.cookies)
        back = browser.choose(browser.open("/login/contoso/admin?prompt=login"), "lin", follow=False)
        browser.open(back.headers["Location"], follow=False)
        assert (is_inside(house, browser), is_inside(house, former)) == (True, False)

    def test_they_come_back_to_the_page_that_they_asked_for(self, house: House) -> None:
        browser = house.browser()
        asked = browser.open("/admin/connections/contoso", follow=False)
        assert asked.headers["Location"] == "/admin/sign-in?next=%2Fadmin%2Fconnections%2Fcontoso"
        back = browser.choose(browser.open("/login/contoso/admin?next=/admin/connections/contoso"), "lin", follow=False)
        assert browser.open(back.headers["Location"], follow=False).headers["Location"] == "/admin/connections/contoso"

    def test_no_link_leads_them_away_from_the_console(self, house: House) -> None:
        browser = house.browser()
        page = browser.open("/login/contoso/admin?next=https%3A%2F%2Fevil.example%2F")
        back = browser.choose(page, "lin", follow=False)
        assert browser.open(back.headers["Location"], follow=False).headers["Location"] == "/admin"


def test_signing_out_ends_it(house: House) -> None:
    browser = operator(house)
    assert act(browser, "/admin/sign-out").status_code == 303
    assert not is_inside(house, browser)


@pytest.mark.parametrize(
    ("origin", "token"),
    [("https://evil.example", "own"), ("null", "own"), ("", "own"), ("own", "none"), ("own", "invented")],
)
def test_a_form_that_is_not_our_own_changes_nothing(house: House, origin: str, token: str) -> None:
    browser = operator(house)
    sent = {"own": form_token(browser), "none": "", "invented": "0" * 64}[token]
    headers = {"Origin": browser.origin if origin == "own" else origin}
    refused = browser.submit("/admin/sign-out", {"csrf_token": sent}, follow=False, **headers)
    assert (refused.status_code, is_inside(house, browser)) == (403, True)


def test_the_form_token_of_another_session_is_refused(house: House) -> None:
    browser, other = operator(house), operator(house)
    refused = browser.submit("/admin/sign-out", {"csrf_token": form_token(other)}, follow=False)
    assert refused.status_code == 403


def test_every_way_in_is_journaled(house: House) -> None:
    operator(house)
    administrator(house, "globex")
    told = [(record.event, record.connection, record.details["role"]) for record in house.journal()]
    assert told == [("admin_sign_in", "globex", "operator"), ("admin_sign_in", "", "operator")]
