"""Administrators of one customer meet nothing of another: every route of the console, tried as the wrong one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bridge.access.rules import Allowed
from bridge.app import CONSOLE
from tests.kit.desk import administrator, allowing, form_token, saved, table
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Rule

    from tests.kit.browser import Browser
    from tests.kit.house import House

LIN = Allowed("contoso", "email", ("lin@contoso.example",))
# Open to whoever holds a link or a sign-in of their own, whatever the connection is.
OPEN = {"door.sign_in", "door.enter", "door.depart", "rehearsals.invite", "rehearsals.result"}
OF_NOBODY_IN_PARTICULAR = {"door.console_home", "door.again", "door.sign_out"}
OWN_LIST = {
    "connections.overview",
    "records.overview",
    "records.export",
    "records.calendar",
    "records.trace",
    "sessions.overview",
    "api_keys.overview",
    "api_keys.ask_to_revoke",
    "api_keys.revoke",
}
OPERATORS = {"editing.new", "editing.create", "api_keys.new", "api_keys.make"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A console with another customer's connection beside the one of its administrator."""
    settings = demo_settings(tmp_path_factory.mktemp("isolation"), connections=("contoso", "acme"))
    built = build_house(allowing(settings, LIN))
    saved(built, table("globex", title="A rival of Contoso"))
    yield built
    built.services.database.close()


@pytest.fixture(scope="module")
def lin(house: House) -> Browser:
    """The administrator of contoso."""
    return administrator(house, "contoso")


def rules(house: House) -> list[Rule]:
    names = {blueprint.name for blueprint in CONSOLE}
    return [rule for rule in house.app.url_map.iter_rules() if rule.endpoint.partition(".")[0] in names]


def address(rule: Rule, name: str) -> str:
    told = {"name": name, "domain": "globex.example", "reference": "ABCDEFGH23"}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda place: told.get(place[1], "1"), rule.rule)


def asked(browser: Browser, rule: Rule, name: str) -> int:
    if "POST" in (rule.methods or set()):
        fields = {"csrf_token": form_token(browser), "version": "1", "based_on": "1", "override": "yes", "field": "sub"}
        return browser.submit(address(rule, name), fields, follow=False).status_code
    return browser.open(address(rule, name), follow=False).status_code


def test_no_route_with_a_connection_in_it_answers_for_another_customers(house: House, lin: Browser) -> None:
    tried = [rule for rule in rules(house) if "<name>" in rule.rule and rule.endpoint not in OPEN]
    assert len(tried) >= 15
    answers = {(rule.endpoint, name): asked(lin, rule, name) for rule in tried for name in ("globex", "GLOBEX", "acme")}
    assert {what: status for what, status in answers.items() if status != 403} == {}


def test_whether_a_connection_exists_is_not_told_either(house: House, lin: Browser) -> None:
    tried = [rule for rule in rules(house) if "<name>" in rule.rule and rule.endpoint not in OPEN]
    assert {asked(lin, rule, "nobody") for rule in tried} == {403}


def test_what_makes_connections_is_for_operators(house: House, lin: Browser) -> None:
    tried = [rule for rule in rules(house) if rule.endpoint in OPERATORS]
    assert {asked(lin, rule, "") for rule in tried} == {403}


def test_lists_hold_the_own_connection_only(lin: Browser, house: House) -> None:
    house.browser().sign_in("globex")
    pages = ("connections", "sessions", "api-keys", "journal", "journal.csv", "calendar")
    for path in (f"/admin/{page}" for page in pages):
        page = lin.open(path)
        assert page.status_code == 200
        assert not re.search("globex|rival", page.text, re.IGNORECASE), path


def test_the_trace_behind_anothers_reference_is_unknown(lin: Browser, house: House) -> None:
    house.browser().sign_in("globex", "nora")
    (record, *_) = [one for one in house.journal() if one.connection == "globex"]
    page = lin.open(f"/admin/journal/{record.reference}")
    assert (page.status_code, "globex" in page.text) == (404, False)


def test_a_rehearsal_of_another_customer_is_not_shown(lin: Browser, house: House) -> None:
    operator = house.browser()
    operator.open(f"/admin/enter/{house.services.admin_links.make()}")
    page = operator.choose(operator.open("/login/globex/rehearsal"), "lin")
    assert page.status_code == 200
    done = house.services.rehearsals.of("globex")[0]
    assert lin.open(f"/rehearsals/{done.id}").status_code == 403


def test_strangers_are_sent_to_the_consoles_door(house: House) -> None:
    closed = [rule for rule in rules(house) if rule.endpoint not in OPEN]
    stranger = house.browser()
    for rule in closed:
        if "POST" in (rule.methods or set()):
            answer = stranger.submit(address(rule, "contoso"), {}, follow=False)
        else:
            answer = stranger.open(address(rule, "contoso"), follow=False)
        assert (rule.endpoint, answer.status_code) == (rule.endpoint, 303)
        assert answer.headers["Location"].startswith("/admin/sign-in"), rule.endpoint


def test_every_route_of_the_console_is_on_one_of_the_lists(house: House) -> None:
    without_name = {rule.endpoint for rule in rules(house) if "<name>" not in rule.rule}
    assert without_name <= OPEN | OF_NOBODY_IN_PARTICULAR | OWN_LIST | OPERATORS | {"editing.discover"}
