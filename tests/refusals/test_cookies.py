"""The cookies of a sign-in: where they go, who may read them, how large they are, what old ones are worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import pytest

from bridge.sessions.database import agent_sessions
from tests.kit.hostile import Does, Provider, connection, having
from tests.kit.house import BRIDGE, SECURE_BRIDGE, build_house, change, demo_settings
from tests.refusals.refused import PROBLEM, SESSION_ENDED, SESSION_MISSING, assert_refused, beside, come_back

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests.models import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House

SESSION: Final = {BRIDGE: "bridge_session", SECURE_BRIDGE: "__Host-bridge_session"}
LIFETIME: Final = 12 * 3600
A_KILOBYTE: Final = 1024


@dataclass(frozen=True, slots=True)
class Sent:
    """One ``Set-Cookie`` header."""

    name: str
    value: str
    attributes: dict[str, str]
    size: int


def cookies_of(answer: Response) -> dict[str, Sent]:
    """Return an answer's ``Set-Cookie`` headers by the cookie's name; each name at most once."""
    lines: list[str] = answer.raw.headers.getlist("Set-Cookie")
    sent = [_read(line) for line in lines]
    assert len({one.name for one in sent}) == len(sent)
    return {one.name: one for one in sent}


def _read(line: str) -> Sent:
    first, *rest = (part.strip() for part in line.split(";"))
    name, _, value = first.partition("=")
    pairs = (part.partition("=") for part in rest)
    return Sent(name, value, {key.lower(): text for key, _, text in pairs}, len(f"Set-Cookie: {line}\r\n"))


def house_at(folder: Path, public_url: str, **idp: Any) -> House:
    settings = demo_settings(folder, public_url)
    built = build_house(change(settings, "globex", lambda one: replace(one, idp=replace(one.idp, **idp))))
    built.world.register("globex", f"{public_url}/callback/globex")
    return built


@pytest.fixture(params=[BRIDGE, SECURE_BRIDGE], ids=["loopback", "https"], scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[House]:
    built = house_at(tmp_path_factory.mktemp("house"), request.param)
    yield built
    built.services.database.close()


def arrival(browser: Browser) -> Response:
    return browser.open(come_back(browser, "globex"), follow=False)


# Attributes -----------------------------------------------------------------------------------------------------------


def test_the_pending_sign_in_goes_to_its_own_callback_only(house: House, browser: Browser) -> None:
    sent = cookies_of(browser.open("/login/globex", follow=False))
    pending = sent.pop("bridge_signin_0").attributes
    assert (pending["path"], pending["max-age"], pending["samesite"]) == ("/callback/globex", "600", "Lax")
    slot = sent.pop("bridge_signin_slot").attributes
    assert (slot["path"], slot["samesite"]) == ("/login/globex", "Lax")
    for attributes in (pending, slot):
        assert "httponly" in attributes
        assert "domain" not in attributes
        assert ("secure" in attributes) == (house.settings.public_url == SECURE_BRIDGE)
    assert sent == {}


def test_a_sign_in_sets_session_and_token_and_takes_the_pending_one_back(house: House, browser: Browser) -> None:
    sent = cookies_of(arrival(browser))
    session = sent.pop(SESSION[house.settings.public_url]).attributes
    assert (session["path"], session["samesite"]) == ("/", "Lax")
    token = sent.pop("AC_TOKEN").attributes
    assert (token["path"], token["samesite"]) == ("/", "Lax")
    assert LIFETIME - 60 < int(token["max-age"]) <= LIFETIME
    gone = sent.pop("bridge_signin_0")
    assert (gone.value, gone.attributes["max-age"], gone.attributes["path"]) == ("", "0", "/callback/globex")
    remembered = sent.pop("bridge_connection")
    assert (remembered.value, remembered.attributes["path"]) == ("globex", "/login")
    for attributes in (session, token, gone.attributes, remembered.attributes):
        assert "httponly" in attributes
        assert "domain" not in attributes
        assert ("secure" in attributes) == (house.settings.public_url == SECURE_BRIDGE)
    assert sent == {}


def test_logout_takes_back_what_the_sign_in_gave_in_a_way_browsers_accept(house: House, browser: Browser) -> None:
    given = cookies_of(arrival(browser))
    taken = cookies_of(browser.submit("/logout", {"csrf_token": browser.csrf_token()}, follow=False))
    for name in (SESSION[house.settings.public_url], "AC_TOKEN"):
        assert taken[name].value == ""
        assert taken[name].attributes["max-age"] == "0"
        # `__Host-` cookies are deleted only by a header that names Secure and the path "/".
        for attribute in ("secure", "path", "domain"):
            assert taken[name].attributes.get(attribute) == given[name].attributes.get(attribute)


def test_a_forwarded_scheme_makes_no_cookie_secure_or_insecure(house: House, browser: Browser) -> None:
    headers = {"X-Forwarded-Proto": "http" if house.settings.public_url == SECURE_BRIDGE else "https"}
    sent = cookies_of(browser.open("/login/globex", follow=False, **headers))
    is_secure = "secure" in sent["bridge_signin_0"].attributes
    assert is_secure == (house.settings.public_url == SECURE_BRIDGE)


def test_form_post_alone_makes_the_pending_cookie_cross_site(tmp_path: Path) -> None:
    house = house_at(tmp_path, SECURE_BRIDGE, response_mode="form_post")
    sent = cookies_of(house.browser().open("/login/globex", follow=False))
    pending = sent["bridge_signin_0"].attributes
    assert (pending["samesite"], "secure" in pending, "httponly" in pending) == ("None", True, True)
    assert sent["bridge_signin_slot"].attributes["samesite"] == "Lax"
    house.services.database.close()


def test_the_token_cookie_follows_the_configuration(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path, SECURE_BRIDGE)
    cookie = settings.session.ac_token_cookie.model_copy(update={"http_only": False, "domain": ".example.com"})
    session = settings.session.model_copy(update={"ac_token_cookie": cookie})
    house = build_house(replace(settings, session=session))
    house.world.register("globex", f"{SECURE_BRIDGE}/callback/globex")
    browser = house.browser()
    token = cookies_of(arrival(browser))["AC_TOKEN"].attributes
    assert (token["domain"].lstrip("."), "httponly" in token, "secure" in token) == ("example.com", False, True)
    taken = cookies_of(browser.submit("/logout", {"csrf_token": browser.csrf_token()}, follow=False))["AC_TOKEN"]
    assert taken.attributes["domain"] == token["domain"]
    house.services.database.close()


# Size -----------------------------------------------------------------------------------------------------------------


GROUPS: Final = [str(UUID(int=number)) for number in range(200)]
NEXT: Final = {
    "no next": "",
    "a next of 2,000 letters": "?next=/" + "x" * 1999,
    "a record's address": "?next=/softphone%3Frecord%3D4711%26number%3D13800000000%26campaign%3Dautumn",
}


@pytest.mark.parametrize("named", NEXT)
def test_a_sign_in_sets_less_than_a_kilobyte_also_with_200_groups(tmp_path: Path, named: str) -> None:
    provider = Provider(connection("r0"), Does(claims=having(groups=GROUPS), userinfo=having(groups=GROUPS)))
    house = beside(tmp_path, [provider])
    browser = house.browser()
    departure = browser.open(f"/login/r0{NEXT[named]}", follow=False)
    landed = browser.open(provider.come_back(departure.headers["Location"]), follow=False)
    assert landed.status_code == 303
    for answer in (departure, landed):
        assert sum(sent.size for sent in cookies_of(answer).values() if sent.name != "AC_TOKEN") < A_KILOBYTE
    house.services.database.close()


def test_the_largest_pending_sign_in_fits_into_one_cookie(browser: Browser, house: House) -> None:
    record = "".join(chr(0x4E00 + (at * 7919) % 20000) for at in range(2000))
    for wanted in (record, record[:800], "".join(format(at * 2654435761 % 4294967296, "08x") for at in range(249))):
        sent = cookies_of(browser.open(f"/login/globex?next=/softphone?{wanted[:1980]}", follow=False))
        assert all(len(one.name) + len(one.value) <= 4096 for one in sent.values())


# Old and foreign sessions ---------------------------------------------------------------------------------------------


def test_the_session_id_is_new_at_every_sign_in_and_the_old_one_worth_nothing(house: House, browser: Browser) -> None:
    name = SESSION[house.settings.public_url]
    browser.sign_in("globex")
    first = str(browser.cookie(name))
    browser.sign_in("globex")
    assert browser.cookie(name) not in {None, first}
    assert_refused(ask_with(house, name, first), SESSION_ENDED)
    assert browser.fetch("/session").status_code == 200


def test_a_second_sign_in_ends_the_first_session_itself(house: House, browser: Browser) -> None:
    before = living(house)
    for _ in range(3):
        browser.sign_in("globex")
    assert living(house) == before + 1


def living(house: House) -> int:
    """Count the sessions that hold tokens."""
    with house.services.database.transaction() as transaction:
        return len(transaction.execute(agent_sessions.select().where(agent_sessions.c.sealed != "")).all())


@pytest.mark.parametrize("planted", ["planted-by-somebody", "x" * 8000, "\u00ff\u00fe", "../../etc/passwd", "0"])
def test_a_planted_session_id_is_never_taken_over(house: House, browser: Browser, planted: str) -> None:
    name = SESSION[house.settings.public_url]
    host = house.settings.public_url.split("//")[1].split(":")[0]
    browser.wire.cookies.set(name, planted, domain=host, path="/", secure=house.settings.public_url == SECURE_BRIDGE)
    assert_refused(browser.fetch("/session"), SESSION_MISSING)
    sent = cookies_of(arrival(browser))
    assert sent[name].value not in {"", planted}
    assert_refused(ask_with(house, name, planted), SESSION_MISSING)


def test_a_logged_out_session_is_worth_nothing(house: House, browser: Browser) -> None:
    name = SESSION[house.settings.public_url]
    browser.sign_in("globex")
    old = str(browser.cookie(name))
    browser.submit("/logout", {"csrf_token": browser.csrf_token()}, follow=False)
    assert_refused(ask_with(house, name, old), SESSION_ENDED)


def test_no_secret_stands_in_a_cookie(tmp_path: Path) -> None:
    provider = Provider(connection("r0"), Does())
    house = beside(tmp_path, [provider])
    browser = house.browser()
    departure = browser.open("/login/r0", follow=False)
    landed = browser.open(provider.come_back(departure.headers["Location"]), follow=False)
    token = cookies_of(landed)["AC_TOKEN"].value
    sent = [one.value for answer in (departure, landed) for one in cookies_of(answer).values() if one.value != token]
    assert [secret for secret in provider.secrets if any(secret in value for value in sent)] == []
    house.services.database.close()


def ask_with(house: House, name: str, session_id: str) -> Response:
    """Ask who is signed in with this session id alone."""
    headers = {**PROBLEM, "Cookie": f"{name}={session_id}".encode("latin-1", "replace").decode("latin-1")}
    return house.browser().wire.get(f"{house.settings.public_url}/session", headers=headers, timeout=30)
