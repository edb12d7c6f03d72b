"""API keys in the console: who sees which, how one is made and shown once, and how one ends."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.access.rules import Allowed
from bridge.core.gate_errors import ApiKeyInvalid
from bridge.core.scopes import SCOPES
from bridge.web.admin.api_key_form import WORDS
from tests.kit.console_forms import shown, told
from tests.kit.desk import SHELL, act, administrator, allowing, form_token, operator, saved, table
from tests.kit.house import build_house, demo_settings
from tests.kit.platform import platform_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House

KEYS, NEW = "/admin/api-keys", "/admin/api-keys/new"
LIN = Allowed("contoso", "email", ("lin@contoso.example",))
A_DAY = 86_400
GOOD: dict[str, Any] = {"connection": ["contoso"], "scope": ["token", "calls"], "lifetime": "30"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A console for operators, and for Lin of Contoso, who administers Contoso."""
    built = build_house(allowing(demo_settings(tmp_path, connections=("contoso", "acme")), LIN))
    yield built
    built.services.database.close()


@pytest.fixture(scope="module")
def refused_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Browser]]:
    """A console where nothing that is tried succeeds, so that all rows share it."""
    built = build_house(demo_settings(tmp_path_factory.mktemp("refused"), connections=("contoso",)))
    yield built, operator(built)
    built.services.database.close()


@pytest.fixture
def desk(house: House) -> Browser:
    return operator(house)


@pytest.fixture
def lin(house: House) -> Browser:
    return administrator(house, "contoso")


def plain(page: Response) -> str:
    """Return what a page says, without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.text)))


def sent(desk: Browser, **changes: Any) -> Response:
    """Open the form and send it as a good one with `changes`."""
    hidden = shown(desk.open(NEW))
    carried = {name: hidden[name] for name in ("csrf_token", "form")}
    return desk.submit(NEW, carried | GOOD | changes, follow=False)


def key_in(page: Response) -> str:
    (found,) = re.findall(r">(hlb_[0-9a-f_]+)<", page.text)
    return str(found)


def ended(desk: Browser, key_id: str, **more: Any) -> Response:
    return act(desk, f"{KEYS}/{key_id}/revoke", **more)


def acts(house: House) -> list[tuple[str, str, str, str]]:
    """Return event, connection, actor and key of what was done with keys, in order."""
    records = [one for one in house.journal()[::-1] if one.event.startswith("api_key")]
    return [(one.event, one.connection, one.actor, one.details["api_key"]) for one in records]


class TestTheList:
    def test_tells_what_each_key_is_for(self, house: House, desk: Browser) -> None:
        platform_of(house, "contoso", "acme", scopes=("token", "calls"), networks=("203.0.113.0/24",))
        text = plain(desk.open(KEYS))
        for word in ("contoso", "acme", "Act for agents", "Read calls", "203.0.113.0/24", "by operator", "never"):
            assert word in text
        assert "Look up agents" not in text

    @pytest.mark.parametrize(
        ("days", "word"), [(40, "Good"), (14.5, "14 days left"), (1.5, "1 day left"), (0.5, "Ends within a day")]
    )
    def test_says_ahead_that_a_key_ends(self, house: House, desk: Browser, days: float, word: str) -> None:
        platform_of(house, "contoso", lifetime=days * A_DAY)
        assert word in plain(desk.open(KEYS))

    def test_has_ended_keys_apart_and_without_a_button(self, house: House) -> None:
        platform_of(house, "contoso", lifetime=60)
        revoked = platform_of(house, "contoso").key_id
        house.services.api_keys.revoke(revoked)
        house.clock.advance(61)
        page = operator(house).open(KEYS)
        assert "Keys that have ended (2)" in plain(page)
        assert "/revoke" not in page.text

    def test_says_so_where_there_is_none(self, desk: Browser, lin: Browser) -> None:
        assert "Make one where a CRM's own back end" in plain(desk.open(KEYS))
        assert "An operator of this service can make a key." in plain(lin.open(KEYS))

    def test_is_a_section_of_the_navigation(self, desk: Browser) -> None:
        assert re.search(rf'href="{KEYS}" aria-current="page"', desk.open(NEW).text)

    def test_every_scope_is_told_in_words(self) -> None:
        assert list(WORDS) == list(SCOPES)


class TestAnAdministratorOfOneConnection:
    def test_sees_and_ends_what_is_theirs_alone(self, house: House, lin: Browser) -> None:
        own, strange = platform_of(house, "contoso"), platform_of(house, "acme")
        page = lin.open(KEYS).text
        assert (own.key_id in page, strange.key_id in page) == (True, False)
        assert ended(lin, own.key_id).headers["Location"] == f"{KEYS}?done=revoked"
        assert own.ask("GET", "/connections").status_code == 401

    def test_learns_of_a_shared_key_that_it_is_shared_and_no_more(self, house: House, lin: Browser) -> None:
        shared = platform_of(house, "contoso", "acme")
        for path in (KEYS, f"{KEYS}/{shared.key_id}/revoke"):
            page = lin.open(path)
            assert "only an operator can revoke it" in plain(page)
            assert "acme" not in page.text.lower()
            assert ">test<" not in page.text
        assert ended(lin, shared.key_id).status_code == 403
        assert shared.ask("GET", "/connections").status_code == 200

    @pytest.mark.parametrize("key_id", ["", "0" * 12, "%00", "x"])
    def test_cannot_tell_anothers_key_from_one_that_never_was(self, house: House, lin: Browser, key_id: str) -> None:
        path = f"{KEYS}/{key_id or platform_of(house, 'acme').key_id}/revoke"
        assert (lin.open(path).status_code, act(lin, path).status_code) == (404, 404)

    def test_of_a_later_connection_of_the_name_sees_nothing_of_the_former(self, house: House) -> None:
        saved(house, table("globex"))
        former = platform_of(house, "globex").key_id
        house.services.changes.remove("globex", actor=SHELL)
        saved(house, table("globex"))
        desk = operator(house)
        assert "a connection that was removed" in plain(desk.open(KEYS))
        assert ended(desk, former).status_code == 303
        assert acts(house) == [("api_key_revoked", "", SHELL, former)]

    def test_makes_none(self, house: House, lin: Browser) -> None:
        assert lin.open(NEW).status_code == 403
        answer = act(lin, NEW, GOOD | {"form": "x" * 20})
        assert (answer.status_code, house.services.api_keys.every()) == (403, [])
        assert NEW not in lin.open(KEYS).text


class TestMakingOne:
    def test_shows_it_once_and_in_no_other_place(self, house: House, desk: Browser) -> None:
        answer = sent(desk, label=" CRM ", networks="203.0.113.7\n2001:db8::1/64, 10.1.2.3/8")
        text = key_in(answer)
        key = house.services.api_keys.check(text, "10.9.9.9")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert (key.label, key.scopes, dict(key.connections)) == ("CRM", ("token", "calls"), {"contoso": 1})
        assert key.networks == ("203.0.113.7/32", "2001:db8::/64", "10.0.0.0/8")
        assert key.expires_at - key.made_at == 30 * A_DAY
        assert acts(house) == [("api_key_made", "contoso", SHELL, key.id)]
        pages = [desk.open(path).text for path in (KEYS, NEW, "/admin/journal", f"{KEYS}/{key.id}/revoke")]
        assert text not in "".join([*pages, str(house.journal()), str(answer.headers)])

    def test_reloading_the_answer_makes_no_second_one(self, house: House, desk: Browser) -> None:
        hidden = shown(desk.open(NEW))
        form = GOOD | {name: hidden[name] for name in ("csrf_token", "form")}
        first, again = (desk.submit(NEW, form, follow=False) for _ in range(2))
        assert key_in(first).startswith("hlb_")
        assert (again.status_code, again.headers["Location"]) == (303, f"{KEYS}?done=sent_before")
        assert len(house.services.api_keys.every()) == 1
        assert "a key is shown only once" in plain(desk.open(again.headers["Location"]))

    def test_writes_one_record_for_each_connection(self, house: House, desk: Browser) -> None:
        key_in(sent(desk, connection=["contoso", "acme"]))
        assert [(event, connection) for event, connection, _, _ in acts(house)] == [
            ("api_key_made", "contoso"),
            ("api_key_made", "acme"),
        ]

    def test_a_key_until_a_day_is_good_all_that_day(self, house: House, desk: Browser) -> None:
        last = datetime.fromtimestamp(house.services.now() + 10 * A_DAY, UTC).date().isoformat()
        key_in(sent(desk, lifetime="date", until=last))
        (key,) = house.services.api_keys.every()
        assert datetime.fromtimestamp(key.expires_at, UTC).isoformat()[:19] == f"{last}T23:59:59"

    @pytest.mark.parametrize(
        ("changes", "field", "sentence"),
        [
            pytest.param({"connection": []}, "connection", "at least one connection", id="no connection"),
            pytest.param({"connection": ["gone"]}, "connection", "is gone", id="a connection that is gone"),
            pytest.param({"scope": []}, "scope", "at least one thing", id="no scope"),
            pytest.param({"scope": ["root"]}, "scope", "at least one thing", id="an invented scope"),
            pytest.param({"lifetime": "99999"}, "lifetime", "how long", id="a strange lifetime"),
            pytest.param({"lifetime": "date", "until": ""}, "until", "the last day", id="no day"),
            pytest.param({"lifetime": "date", "until": "31.1.2027"}, "until", "the last day", id="no ISO day"),
            pytest.param({"lifetime": "date", "until": "2020-01-01"}, "until", "from today on", id="a day gone by"),
            pytest.param({"lifetime": "date", "until": "9999-12-31"}, "until", "ten years", id="the end of time"),
            pytest.param({"networks": "10.0.0.0/33"}, "networks", "10.0.0.0/33 is no address", id="no network"),
            pytest.param({"networks": "crm.example"}, "networks", "crm.example is no", id="a host name"),
            pytest.param({"networks": "10.0.0.1 " * 101}, "networks", "At most 100", id="too many networks"),
            pytest.param({"label": "x" * 81}, "label", "At most 80", id="a long label"),
            pytest.param({"label": "a\u202eb"}, "label", "on one line", id="a label that reads backwards"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(
        self, refused_at: tuple[House, Browser], changes: dict[str, Any], field: str, sentence: str
    ) -> None:
        house, desk = refused_at
        answer = sent(desk, **changes)
        assert answer.status_code == 422
        assert sentence in told(answer)[field]
        assert house.services.api_keys.every() == []

    def test_an_old_sign_in_makes_none_and_loses_nothing_that_was_typed(self, house: House, desk: Browser) -> None:
        house.clock.advance(901)
        answer = sent(desk, label="李 & Co", networks="10.0.0.0/8")
        assert (answer.status_code, house.services.api_keys.every()) == (422, [])
        assert "No key was made yet" in plain(answer)
        link = next(part.split('"')[0] for part in answer.text.split('href="') if part.startswith("/admin/again"))
        (back,) = parse_qs(urlsplit(unescape(link)).query)["next"]
        page = operator(house).open(back)
        assert shown(page)["label"] == "李 & Co"
        assert "10.0.0.0/8</textarea>" in page.text
        assert re.findall(r'value="(\w+)"\s+checked', page.text) == ["contoso", "token", "calls", "30"]

    def test_needs_the_consoles_own_form(self, house: House, desk: Browser) -> None:
        for form in ({"csrf_token": ""}, {"csrf_token": form_token(desk), "form": ""}):
            assert desk.submit(NEW, GOOD | form, follow=False).status_code in {400, 403}
        forged = GOOD | {"csrf_token": form_token(desk), "form": "x" * 20}
        assert desk.submit(NEW, forged, follow=False, Origin="https://evil.example").status_code == 403
        assert house.services.api_keys.every() == []


class TestTheEndOfOne:
    def test_is_asked_for_once_more_and_refuses_the_key_at_once(self, house: House, desk: Browser) -> None:
        crm = platform_of(house, "contoso", "acme")
        page = desk.open(f"{KEYS}/{crm.key_id}/revoke")
        assert "This cannot be undone." in plain(page)
        done = act(desk, f"{KEYS}/{crm.key_id}/revoke", follow=True)
        assert "Whatever uses it is refused from now on." in plain(done)
        with pytest.raises(ApiKeyInvalid):
            house.services.api_keys.check(crm.key, "127.0.0.1")
        assert acts(house) == [("api_key_revoked", name, SHELL, crm.key_id) for name in ("contoso", "acme")]

    def test_that_has_come_already_is_no_fault(self, house: House, desk: Browser) -> None:
        key_id = platform_of(house, "contoso").key_id
        answers = [ended(desk, key_id).headers["Location"] for _ in range(2)]
        assert answers == [f"{KEYS}?done=revoked", f"{KEYS}?done=nothing"]
        assert len(acts(house)) == 1
        assert "There is nothing to revoke any more." in plain(desk.open(f"{KEYS}/{key_id}/revoke"))

    def test_needs_a_new_sign_in_and_leads_back_to_the_question(self, house: House, desk: Browser) -> None:
        crm = platform_of(house, "contoso")
        house.clock.advance(901)
        assert ended(desk, crm.key_id).headers["Location"] == f"/admin/again?next={KEYS}/{crm.key_id}/revoke"
        assert house.services.api_keys.find(crm.key_id).revoked_at is None

    def test_needs_the_consoles_own_form(self, house: House, desk: Browser) -> None:
        key_id = platform_of(house, "contoso").key_id
        answer = desk.submit(f"{KEYS}/{key_id}/revoke", {"csrf_token": "invented"}, follow=False)
        assert (answer.status_code, house.services.api_keys.find(key_id).revoked_at) == (403, None)


class TestTheCalendar:
    def test_has_the_end_of_each_living_key_of_ones_own(self, house: House, desk: Browser, lin: Browser) -> None:
        own, shared = platform_of(house, "contoso", lifetime=5 * A_DAY), platform_of(house, "contoso", "acme")
        gone = platform_of(house, "contoso")
        house.services.api_keys.revoke(gone.key_id)
        ids = [(one.key_id in page.text) for page in map(_calendar, (desk, lin)) for one in (own, shared, gone)]
        assert ids == [True, True, False, True, False, False]

    @pytest.mark.parametrize(("days", "is_told"), [(30, False), (14, True)])
    def test_asks_for_nobody_from_a_keys_first_day_on(
        self, house: House, desk: Browser, days: int, *, is_told: bool
    ) -> None:
        key_id = platform_of(house, "contoso", lifetime=days * A_DAY).key_id
        assert bool(re.search(f"contoso: API key.* {key_id} —", plain(_calendar(desk)))) is is_told


def _calendar(browser: Browser) -> Response:
    return browser.open("/admin/calendar")
