"""Live sessions in the console: who is listed and how, what each act ends, and who may do none of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from bridge.access.rules import Allowed
from bridge.core.errors import StoreUnavailable
from bridge.sessions.database import DatabaseSessions
from bridge.web.admin import people
from tests.kit.desk import act, administrator, allowing, form_token, operator
from tests.kit.house import build_house, demo_settings
from tests.kit.seats import TOKENS, seated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.ops.trail import Record
    from tests.kit.browser import Browser
    from tests.kit.house import House

ALL, GLOBEX = "/admin/sessions", "/admin/connections/globex/sessions"
END, END_ALL = f"{GLOBEX}/end", f"{GLOBEX}/end-all"


def furnished(folder: Path) -> House:
    """Return a bridge with two companies, and Lin of Contoso who looks after Globex."""
    lin = Allowed("contoso", "email", ("lin@contoso.example",), "connection", ("globex",))
    return build_house(allowing(demo_settings(folder, connections=("contoso", "globex")), lin))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = furnished(tmp_path)
    yield built
    built.services.database.close()


@pytest.fixture
def console(house: House) -> Browser:
    return operator(house)


def living(house: House, connection: str = "globex") -> list[str]:
    return sorted(live.session.account_name for live in house.services.agent_sessions.of_connection(connection))


def ends(house: House) -> list[Record]:
    return [record for record in house.journal() if record.event == "sessions_ended"]


def plain(page: str) -> str:
    """Return what a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def offered(page: str, field: str) -> list[str]:
    """Return what the forms of a page would send in a field."""
    return re.findall(rf'name="{field}" value="([^"]+)"', page)


class TestTheList:
    def test_tells_people_by_name_with_their_sessions_newest_first(self, house: House, console: Browser) -> None:
        seated(house.services, "lin@globex.example", name="Lin Chen", device="Safari 18, iPhone")
        house.clock.advance(60)
        seated(house.services, "fang@globex.example", name="fang wei", device="")
        seated(house.services, "lin@globex.example", name="Lin Chen 陈琳")
        text = plain(console.open(ALL).text)
        told = ["People: 2, sessions: 3", "fang wei", "fang@globex.example", "Unknown device"]
        told += ["Lin Chen 陈琳", "lin@globex.example", "Chrome 131, Windows", "Safari 18, iPhone"]
        assert sorted(told, key=text.index) == told

    def test_tells_since_when_when_seen_and_until_when_at_most(self, house: House) -> None:
        session = seated(house.services, "lin")
        house.clock.advance(7200 - 60)
        house.services.agent_sessions.load(session.id)
        house.clock.advance(600 + 60)
        page = operator(house).open(GLOBEX).text
        assert re.findall(r'title="[0-9-]+ [0-9:]+ UTC">([^<]+)</time>', page) == ["2 h 10 min ago", "11 min ago"]
        (until,) = re.findall(r'<time[^>]*datetime="([^"]+)"[^>]*data-moment>', page)
        assert until.startswith("20")

    def test_holds_nothing_that_could_be_used_in_their_stead(self, house: House, console: Browser) -> None:
        session = seated(house.services, "lin", sub="sub-of-lin")
        page = console.open(ALL).text
        assert session.handle in page
        assert not [secret for secret in (session.id, "sub-of-lin", *TOKENS) if secret in page]

    def test_of_one_connection_has_its_own_people_only(self, house: House, console: Browser) -> None:
        seated(house.services, "lin")
        seated(house.services, "wang", "contoso")
        assert "Wang" not in console.open(GLOBEX).text
        assert "Wang" in console.open(ALL).text

    def test_is_found_by_name_and_by_account_whatever_the_case(self, house: House, console: Browser) -> None:
        seated(house.services, "agent-7", name="Lin Chen")
        seated(house.services, "agent-8", name="Fang Wei")
        for wanted, found in (("lin c", "Lin Chen"), ("AGENT-8", "Fang Wei")):
            text = plain(console.open(f"{ALL}?q={wanted}").text)
            assert "People: 1, sessions: 1" in text
            assert found in text
        assert "Nobody of that name is signed in" in console.open(f"{ALL}?q=nobody").text

    def test_shows_fifty_people_at_a_time_and_keeps_the_search(self, house: House, console: Browser) -> None:
        for number in range(51):
            seated(house.services, f"agent-{number:02}")
        first = console.open(f"{GLOBEX}?q=agent").text
        assert ("Agent-49" in first, "Agent-50" in first, "People: 51, sessions: 51" in first) == (True, False, True)
        (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
        second = console.open(following.replace("&amp;", "&")).text
        assert offered(second, "q") == ["agent", "agent"]  # the search, and the form that ends a session
        assert ("Agent-50" in second, 'rel="prev"' in second, 'rel="next"' in second) == (True, True, False)
        assert "Agent-50" in console.open(f"{GLOBEX}?page=999999").text

    def test_shows_a_name_with_half_a_character_in_it(self, house: House, console: Browser) -> None:
        seated(house.services, "lin", name="Lin \ud83d")
        assert "Lin ?" in console.open(ALL).text

    def test_says_so_where_nobody_is_signed_in(self, console: Browser) -> None:
        assert "As soon as an agent signs in" in console.open(ALL).text
        assert "There is nothing to end at this connection." in console.open(END_ALL).text

    def test_is_reached_from_the_connection_and_from_the_navigation(self, console: Browser) -> None:
        page = console.open("/admin/connections/globex").text
        assert f'href="{GLOBEX}"' in page
        assert re.search(rf'href="{ALL}" aria-current="page"', console.open(ALL).text)
        assert not re.search(rf'href="{ALL}" aria-current="page"', page)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7800, "2 h 10 min ago"),
        (86_399, "23 h 59 min ago"),
        (93_700, "1 d 2 h ago"),
    ],
)
def test_how_long_ago_is_told_to_the_minute(house: House, seconds: float, told: str) -> None:
    with house.app.test_request_context():
        assert people.age(seconds) == told


class TestEnding:
    def test_one_session_leaves_the_persons_others(self, house: House, console: Browser) -> None:
        seated(house.services, "lin")
        gone = seated(house.services, "lin", device="Safari 18, iPhone")
        page = act(console, END, {"handle": gone.handle}, follow=True).text
        assert "The session has ended." in page
        assert "iPhone" not in page
        assert living(house) == ["lin"]

    def test_a_person_loses_all_sessions_and_a_namesake_none(self, house: House, console: Browser) -> None:
        for device in ("Chrome 131, Windows", "Safari 18, iPhone"):
            seated(house.services, "lin", device=device)
        seated(house.services, "lin", sub="another lin")
        (person,) = offered(console.open(GLOBEX).text, "person")
        assert "All sessions of this person have ended." in act(console, END, {"person": person}, follow=True).text
        assert living(house) == ["lin"]

    def test_all_of_a_connection_spares_the_others(self, house: House, console: Browser) -> None:
        for account in ("lin", "fang", "fang"):
            seated(house.services, account)
        seated(house.services, "wang", "contoso")
        question = plain(console.open(END_ALL).text)
        assert "People: 2, sessions: 3" in question
        assert "Whoever is in a call finishes it" in question
        assert "All sessions of this connection have ended." in act(console, END_ALL, follow=True).text
        assert (living(house), living(house, "contoso")) == ([], ["wang"])

    def test_all_of_a_connection_asks_for_a_new_sign_in_first(self, house: House, console: Browser) -> None:
        seated(house.services, "lin")
        house.clock.advance(901)
        answer = act(console, END_ALL)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/admin/again?next={END_ALL}")
        assert living(house) == ["lin"]
        act(console, END, {"handle": offered(console.open(GLOBEX).text, "handle")[0]})
        assert living(house) == []

    def test_what_has_ended_meanwhile_is_no_fault_and_no_record(self, house: House, console: Browser) -> None:
        session = seated(house.services, "lin")
        house.services.agent_sessions.end(session.id)
        for path, field in ((END, {"handle": session.handle}), (END, {"person": "0" * 16}), (END_ALL, {})):
            assert "There was nothing to end any more." in act(console, path, field, follow=True).text
        assert ends(house) == []

    def test_leads_back_to_the_same_list(self, house: House, console: Browser) -> None:
        session = seated(house.services, "lin")
        answer = act(console, END, {"handle": session.handle, "everywhere": "yes", "q": "l i", "page": "2"})
        assert answer.headers["Location"] == f"{ALL}?done=ended&q=l+i&page=2"
        assert act(console, END, {"handle": "gone"}).headers["Location"] == f"{GLOBEX}?done=nothing"

    def test_is_for_the_connections_own_administrator_too(self, house: House) -> None:
        lin = administrator(house, "contoso")
        session = seated(house.services, "fang")
        assert "The session has ended." in act(lin, END, {"handle": session.handle}, follow=True).text
        (record,) = ends(house)
        assert (record.connection, "Lin" in record.actor or "lin" in record.actor) == ("globex", True)

    def test_is_one_record_that_reads_well(self, house: House, console: Browser) -> None:
        for account in ("lin", "lin", "fang"):
            seated(house.services, account)
        act(console, END_ALL)
        (record,) = ends(house)
        assert record.details == {"sessions": 3, "people": "fang, lin"}
        text = plain(console.open(f"/admin/journal/{record.reference}").text)
        for words in ("Sessions of agents ended", "Sessions 3", "People fang, lin", "operator at the command line"):
            assert words in text


REFUSED: dict[str, tuple[str, dict[str, str], int]] = {
    "no token": (END, {"csrf_token": ""}, 403),
    "an invented token": (END, {"csrf_token": "0" * 64}, 403),
    "another site": (END, {"Origin": "https://evil.example"}, 403),
    "no origin": (END, {"Origin": ""}, 403),
    "another site, for all": (END_ALL, {"Origin": "https://evil.example"}, 403),
    "no token, for all": (END_ALL, {"csrf_token": ""}, 403),
    "nobody named": (END, {"handle": ""}, 400),
    "two ways of naming": (END, {"person": "0" * 16}, 400),
    "another's connection": (END.replace("globex", "contoso"), {}, 403),
    "another's connection, for all": (END_ALL.replace("globex", "contoso"), {}, 403),
    "an unknown connection": (END.replace("globex", "nobody"), {}, 403),
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Browser, str]]:
    """A house with an agent at each company, the browser of Globex' administrator, and the handle of one agent."""
    built = furnished(tmp_path_factory.mktemp("guarded"))
    seated(built.services, "wang", "contoso")
    yield built, administrator(built, "contoso"), seated(built.services, "fang").handle
    built.services.database.close()


@pytest.mark.parametrize("case", REFUSED)
def test_no_session_ends_by(guarded: tuple[House, Browser, str], case: str) -> None:
    (path, sent, status), (house, lin, handle) = REFUSED[case], guarded
    fields = {"csrf_token": form_token(lin), "handle": handle, **sent}
    headers = {"Origin": fields.pop("Origin")} if "Origin" in fields else {}
    assert lin.submit(path, fields, follow=False, **headers).status_code == status
    assert (living(house), living(house, "contoso")) == (["fang"], ["wang"])


@pytest.mark.parametrize("path", [GLOBEX, END_ALL])
def test_a_connection_that_does_not_exist_is_unknown_to_operators(console: Browser, path: str) -> None:
    assert console.open(path.replace("globex", "nobody")).status_code == 404


def test_to_look_at_an_act_ends_nothing(house: House, console: Browser) -> None:
    handle = seated(house.services, "fang").handle
    assert console.open(f"{END}?handle={handle}").status_code == 405
    assert console.open(END_ALL).status_code == 200
    assert living(house) == ["fang"]


def test_without_the_session_store_these_pages_say_so_and_the_others_work(
    house: House, console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(*_: Any) -> Any:
        raise StoreUnavailable(received="no answer")

    token = form_token(console)
    monkeypatch.setattr(DatabaseSessions, "find", find)
    answers = [console.open(path) for path in (ALL, GLOBEX, END_ALL)]
    answers.append(console.submit(END, {"csrf_token": token, "handle": "x"}))
    assert {(one.status_code, one.headers["Retry-After"]) for one in answers} == {(503, "5")}
    assert all(f'href="{back}"' in one.text for one, back in zip(answers, [ALL, GLOBEX, GLOBEX, GLOBEX], strict=True))
    assert console.open("/admin/connections/globex").status_code == 200
