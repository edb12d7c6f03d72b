"""Mode jwt in the console: connections without a provider, key pairs made here, the change of keys, and their test."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from bridge.connections.keys import load_private_key, public_base64
from bridge.sandbox.keys import new_rsa, private_pem, public_pem
from tests.kit.console_forms import sent, shown, told
from tests.kit.desk import act, operator, saved, table
from tests.kit.house import BRIDGE, build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from bridge.core.model import JwtSigning
    from tests.kit.browser import Browser
    from tests.kit.house import House

ISSUER = "https://crm.example.com"
NEW, EDIT, HERE = "/admin/connections/new?kind=none", "/admin/connections/own/edit", "/admin/connections/own"
GLOBEX = "/admin/connections/globex"
A_DAY = 86_400
FILLED = {
    "title": "Our CRM",
    "name": "own",
    "instance_id": "ccc_xp_1",
    "fuyun_client_id": "app",
    "fuyun_client_secret": "fuyun-secret-that-no-page-may-show",
    "jwt_issuer": ISSUER,
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build_house(demo_settings(tmp_path, connections=("contoso",)))
    yield built
    built.services.database.close()


@pytest.fixture
def desk(house: House) -> Browser:
    return operator(house)


@pytest.fixture
def globex(house: House) -> House:
    """A draft without a provider, whose public key Fuyun has."""
    house.world.use_jwt("globex", ISSUER, public_pem(_key().public_key()))
    saved(house, without_provider(), active=False)
    return house


def without_provider(**signing: Any) -> dict[str, Any]:
    signs = {"issuer": ISSUER, "private_key": private_pem(_key())} | signing
    return table("globex", mode="jwt", domains=[], idp={"kind": "none"}, jwt=signs)


def plain(page: Response) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.text)))


def signing_of(house: House, name: str = "own") -> JwtSigning:
    """Return how the newest version signs."""
    services = house.services
    signing = services.register.connection(name, services.register.entry(name).newest_version).jwt
    assert signing is not None
    return signing


def made(desk: Browser, **changes: str) -> None:
    key = {} if "make_key" in changes else {"jwt_private_key": private_pem(_key())}
    answer = sent(desk, NEW, FILLED | key | changes)
    assert answer.status_code == 303, told(answer)


def soon(house: House, days: float = 20) -> str:
    """Return a moment ahead as browsers send it."""
    return datetime.fromtimestamp(house.clock() + days * A_DAY, UTC).strftime("%Y-%m-%dT%H:%M")


class TestWithoutAProvider:
    def test_the_form_asks_for_nothing_of_a_provider_and_chooses_the_mode(self, house: House, desk: Browser) -> None:
        page = desk.open(NEW)
        assert not [name for name in shown(page) if name.startswith("idp_") or name in {"domains", "hosts"}]
        made(desk, mode="oauth")
        connection = house.services.register.connection("own", 1)
        assert (connection.idp.kind, connection.mode, connection.title) == ("none", "jwt", "Our CRM")

    def test_what_was_entered_is_shown_again_and_saving_it_changes_nothing(self, house: House, desk: Browser) -> None:
        made(desk)
        assert shown(desk.open(EDIT))["jwt_issuer"] == ISSUER
        assert sent(desk, EDIT, {}).status_code == 303
        assert house.services.register.entry("own").newest_version == 1

    def test_every_page_of_it_speaks_of_no_sign_in(self, globex: House, desk: Browser) -> None:
        globex.services.changes.activate("globex", 1, actor="lin", without_rehearsal=True)
        page = desk.open(GLOBEX)
        assert f"POST {BRIDGE}/api/v1/connections/globex/handoff" in plain(page)
        assert f"{BRIDGE}/login/globex" not in page.text
        for path in ("", "/portal", "/rehearsals", "/edit"):
            text = plain(desk.open(GLOBEX + path)).lower()
            assert "test with my account" not in text, path
            assert "mapping field" not in text, path
        assert "own software" in plain(desk.open("/admin/connections")).lower()

    def test_the_portal_comes_before_the_test(self, globex: House, desk: Browser) -> None:
        page = desk.open(GLOBEX)
        assert re.search(
            r"Copy to the Fuyun portal \(next\) (3 )?Test with an account name \(later\) (4 )?Activate",
            plain(page),
        )
        assert "Next: copy the public key and the issuer to Fuyun's portal" in plain(page)
        globex.services.changes.activate("globex", 1, actor="lin", without_rehearsal=True)
        saved(globex, without_provider() | {"instance_id": "ccc_xp_2"}, active=False)
        assert "Next: test it with an agent's account name" in plain(desk.open(GLOBEX))

    def test_nothing_is_discovered(self, desk: Browser) -> None:
        made(desk)
        token = shown(desk.open(EDIT))["csrf_token"]
        answer = desk.submit("/admin/connections/discover", {}, follow=False, **{"X-CSRF-Token": token})
        assert answer.status_code == 400


class TestKeyPairs:
    def test_one_made_here_shows_its_public_half_only(self, house: House, desk: Browser) -> None:
        made(desk, make_key="jwt.private_key")
        text = signing_of(house).private_key.reveal()
        assert load_private_key(text).key_size == 2048
        assert text != private_pem(_key())
        pages = [desk.open(f"{HERE}{path}").text for path in ("", "/edit", "/portal")]
        assert public_base64(load_private_key(text)) in pages[2]
        assert not [page for page in pages if "PRIVATE KEY-----\n" in page or text[40:80] in page]

    def test_what_was_typed_goes_before_one_made_here(self, house: House, desk: Browser) -> None:
        made(desk, jwt_private_key=private_pem(_key()), make_key="jwt.private_key")
        assert load_private_key(signing_of(house).private_key.reveal()).private_numbers() == _key().private_numbers()

    def test_none_is_made_after_an_old_sign_in(self, house: House, desk: Browser) -> None:
        made(desk)
        before = signing_of(house).private_key
        house.clock.advance(901)
        assert "without_secret" in sent(desk, EDIT, {"make_key": "jwt.private_key"}).headers["Location"]
        assert signing_of(house).private_key == before

    def test_a_moment_without_a_second_key_is_refused(self, house: House, desk: Browser) -> None:
        made(desk)
        refused = sent(desk, EDIT, {"jwt_next_key_from": soon(house)})
        assert (refused.status_code, list(told(refused))) == (422, ["jwt_next_private_key"])
        assert "Enter the next key, or let one be made here." in plain(refused)

    def test_the_wish_for_one_stays_ticked_on_a_form_that_was_refused(self, desk: Browser) -> None:
        refused = sent(desk, NEW, FILLED | {"make_key": "jwt.private_key", "jwt_lifetime": "long"})
        assert refused.status_code == 422
        assert re.findall(r'name="make_key" value="([^"]+)" checked', refused.text) == ["jwt.private_key"]
        assert (
            "Please enter it again" not in plain(refused).split("Private key", 1)[1].split("Replace the key by", 1)[0]
        )

    def test_the_present_key_can_go_once_the_next_has_taken_over(self, house: House, desk: Browser) -> None:
        made(desk)
        moment = soon(house)
        assert sent(desk, EDIT, {"make_key": "jwt.next_private_key", "jwt_next_key_from": moment}).status_code == 303
        both = signing_of(house)
        assert both.next_key_from == f"{moment}:00Z"
        assert shown(desk.open(EDIT))["jwt_next_key_from"] == f"{moment}:00"
        assert sent(desk, EDIT, {"forget": "jwt.private_key"}).status_code == 303
        alone = signing_of(house)
        assert (alone.private_key, bool(alone.next_private_key), alone.next_key_from) == (
            both.next_private_key,
            False,
            "",
        )

    def test_the_next_key_can_go_and_takes_its_moment_along(self, house: House, desk: Browser) -> None:
        made(desk)
        sent(desk, EDIT, {"jwt_next_private_key": private_pem(_next_key()), "jwt_next_key_from": soon(house)})
        before = signing_of(house)
        assert sent(desk, EDIT, {"forget": "jwt.next_private_key"}).status_code == 303
        after = signing_of(house)
        assert (after.private_key, bool(after.next_private_key), after.next_key_from) == (before.private_key, False, "")

    def test_neither_key_goes_with_another_issuer_unless_it_is_entered_again(self, house: House, desk: Browser) -> None:
        made(desk)
        sent(desk, EDIT, {"jwt_next_private_key": private_pem(_next_key()), "jwt_next_key_from": soon(house)})
        refused = sent(desk, EDIT, {"jwt_issuer": "https://elsewhere.example"})
        assert (refused.status_code, sorted(told(refused))) == (422, ["jwt_next_private_key", "jwt_private_key"])

    @pytest.mark.parametrize(("typed", "status"), [("yes", 303), ("no", 303), ("maybe", 422)])
    def test_milliseconds_are_a_choice_of_two(self, house: House, desk: Browser, typed: str, status: int) -> None:
        made(desk)
        assert sent(desk, EDIT, {"jwt_exp_in_milliseconds": typed}).status_code == status
        assert signing_of(house).exp_in_milliseconds is (typed == "yes")

    def test_the_calendar_tells_of_the_change_before_and_after(self, house: House) -> None:
        due = datetime.fromtimestamp(house.clock() + 60, UTC).isoformat()
        saved(house, without_provider(next_private_key=private_pem(_next_key()), next_key_from=due))
        assert "Change to the next private key — within 24 hours" in plain(operator(house).open("/admin/calendar"))
        assert "The next key takes over: within 24 hours" in plain(operator(house).open("/admin/connections"))
        house.clock.advance(61)
        desk = operator(house)
        assert "Change to the next private key — due" in plain(desk.open("/admin/calendar"))
        assert "The next key signs since 20" in plain(desk.open("/admin/connections"))
        assert "Make it the only one. Edit" in plain(desk.open(GLOBEX))


class TestATestWithAnAccountName:
    def tried(self, desk: Browser, account_name: str, **more: Any) -> Response:
        return act(desk, f"{GLOBEX}/rehearsals/account", {"account_name": account_name}, follow=True, **more)

    def test_that_goes_well_lets_the_version_be_activated(self, globex: House, desk: Browser) -> None:
        page = self.tried(desk, "lin")
        assert "The test went well to the very end" in plain(page)
        assert "AccountName that was tried lin" in plain(page)
        assert act(desk, f"{GLOBEX}/activate", {"version": "1"}).headers["Location"].endswith("done=activated")
        assert "hb-proof-proven" in desk.open(f"{GLOBEX}/portal").text

    def test_leaves_nothing_but_its_page(self, globex: House, desk: Browser) -> None:
        before = globex.rows()
        self.tried(desk, "lin")
        after = globex.rows()
        assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {"rehearsals": 1}

    def test_of_an_agent_who_is_not_there_says_so_and_opens_nothing(self, globex: House, desk: Browser) -> None:
        text = plain(self.tried(desk, "nobody"))
        assert "test with the AccountName of an agent that it has" in text
        assert "Create the agent or correct the name, then test again." in text
        assert "Choose another field" not in text
        assert "portal sheet" not in text.split("What to do now")[1].split("Step by step")[0]
        assert act(desk, f"{GLOBEX}/activate", {"version": "1"}).headers["Location"].endswith("done=untested")

    @pytest.mark.parametrize("typed", ["", " lin", "l\u0000in", "x" * 256], ids=["empty", "padded", "control", "long"])
    def test_of_what_is_no_account_name_asks_again(self, globex: House, desk: Browser, typed: str) -> None:
        page = self.tried(desk, typed)
        assert "Enter 1 to 255 characters" in plain(page)
        assert globex.services.rehearsals.of("globex") == []

    def test_is_not_for_connections_with_a_provider(self, house: House, desk: Browser) -> None:
        answer = act(desk, "/admin/connections/contoso/rehearsals/account", {"account_name": "lin"})
        assert (answer.status_code, house.services.rehearsals.of("contoso")) == (400, [])

    def test_takes_the_place_of_test_sign_ins_and_test_links(self, globex: House, desk: Browser) -> None:
        departure = desk.open("/login/globex/rehearsal", follow=False)
        assert departure.headers["Location"] == f"{GLOBEX}/rehearsals?version=1"
        assert act(desk, f"{GLOBEX}/test-link").status_code == 400
        assert "Invite a colleague" not in plain(desk.open(f"{GLOBEX}/rehearsals"))

    def test_needs_the_consoles_own_form(self, globex: House, desk: Browser) -> None:
        sent_from_elsewhere = {"account_name": "lin", "csrf_token": "invented"}
        answer = desk.submit(f"{GLOBEX}/rehearsals/account", sent_from_elsewhere, follow=False)
        assert (answer.status_code, globex.services.rehearsals.of("globex")) == (403, [])


@cache
def _key() -> Any:
    return new_rsa()


@cache
def _next_key() -> Any:
    return new_rsa()
