"""Whoever asks too often: told so with the time to wait, and nobody else is made to pay for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from structlog.testing import capture_logs

from tests.kit.desk import operator
from tests.kit.house import build_house, demo_settings
from tests.kit.platform import platform_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from requests.models import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House

HERE: Final = {"X-Forwarded-For": "192.0.2.1"}
ELSEWHERE: Final = {"X-Forwarded-For": "192.0.2.2"}
ISSUER: Final = "http%3A%2F%2Flocalhost%3A5100%2Foidc"


def limited(folder: Path, **budgets: str) -> House:
    """Return a house behind a proxy, with no other limits than these; two companies can sign in."""
    settings = demo_settings(folder, connections=("globex", "contoso"))
    none = dict.fromkeys(dict(settings.limits), "")
    server = settings.server.model_copy(update={"trusted_proxies": ("127.0.0.0/8",)})
    limits = settings.limits.model_copy(update=none | budgets)
    return build_house(replace(settings, limits=limits, server=server))


def departs(browser: Browser) -> Response:
    return browser.open("/login/globex", follow=False, **HERE)


def asks_by_mail(browser: Browser) -> Response:
    return browser.open("/login?login_hint=somebody@contoso.example", follow=False, **HERE)


def departs_for_lin(browser: Browser) -> Response:
    return browser.open("/login/contoso?login_hint=Lin@contoso.example", follow=False, **HERE)


def invents_a_callback(browser: Browser) -> Response:
    return browser.open("/callback/globex?state=invented&code=invented", follow=False, **HERE)


def guesses_a_link(browser: Browser) -> Response:
    return browser.open("/admin/enter/guessed", follow=False, **HERE)


def guesses_a_connection(browser: Browser) -> Response:
    return browser.open("/login/guessed", follow=False, **HERE)


def forges_a_logout_token(browser: Browser) -> Response:
    form = {"logout_token": "e30.e30.invented"}
    return browser.wire.post(f"{browser.origin}/backchannel-logout/contoso", data=form, headers=HERE)


def names_a_foreign_issuer(browser: Browser) -> Response:
    return browser.open("/login/globex/initiate?iss=https%3A%2F%2Fevil.example", follow=False, **HERE)


def guesses_an_api_key(browser: Browser) -> Response:
    return browser.wire.get(f"{browser.origin}/api/v1/connections", headers=HERE | {"Authorization": "Bearer guessed"})


def looks_at_the_console(browser: Browser) -> Response:
    return browser.open("/admin/sign-in", follow=False, **HERE)


ASKED: Final[list[tuple[str, Callable[[Browser], Response]]]] = [
    ("sign_ins", departs),
    ("sign_ins", asks_by_mail),
    ("login_hint", departs_for_lin),
    ("failures", invents_a_callback),
    ("failures", guesses_a_link),
    ("failures", guesses_a_connection),
    ("failures", forges_a_logout_token),
    ("failures", names_a_foreign_issuer),
    ("api_failures", guesses_an_api_key),
    ("console", looks_at_the_console),
]


@pytest.mark.parametrize(("budget", "ask"), ASKED, ids=[ask.__name__ for _, ask in ASKED])
def test_whoever_has_spent_a_budget_waits(tmp_path: Path, budget: str, ask: Callable[[Browser], Response]) -> None:
    house = limited(tmp_path, **{budget: "2/day"})
    answers = [ask(house.browser()) for _ in range(3)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 86_400
    assert "rate_limited" in answers[-1].text


SOON_ALIKE: Final[list[tuple[str, str, int]]] = [
    ("/admin/sign-in", "rate_limited", 1),
    ("/nowhere", "page_unknown", 10),
    ("/session", "session_missing", 10),
    ("/login/guessed", "connection_unknown", 10),
    ("/callback/globex?state=invented&code=invented", "state_unknown", 10),
    ("/api/v1/connections", "api_key_invalid", 10),
]


@pytest.mark.parametrize(("path", "code", "lines"), SOON_ALIKE, ids=[code for _, code, _ in SOON_ALIKE])
def test_a_stranger_fills_no_log_and_is_counted_all_the_same(tmp_path: Path, path: str, code: str, lines: int) -> None:
    house = limited(tmp_path, console="0/day")
    script = house.app.test_client()
    with capture_logs() as written:
        here = [script.get(path, headers=HERE | {"Sec-Fetch-Mode": "cors"}).json for _ in range(14)]
        there = [script.get(path, headers=ELSEWHERE | {"Sec-Fetch-Mode": "cors"}).json for _ in range(2)]
    told = [line["reference"] for line in written if line.get("code") == code]
    refused = [[one["reference"] for one in some if one and one.get("code") == code] for some in (here, there)]
    assert told == refused[0][:lines] + refused[1][:lines]
    assert set(refused[0]) <= set(told)
    told = [line for line in house.services.metrics.exposition().decode().splitlines() if f'code="{code}"' in line]
    counted = sum(float(line.rpartition(" ")[2]) for line in told if line.startswith("bridge_events_total"))
    assert counted == len(refused[0]) + len(refused[1]) >= 14


def test_another_address_goes_on(tmp_path: Path) -> None:
    house = limited(tmp_path, sign_ins="1/day", failures="1/day", console="1/day")
    for path in ("/login/globex", "/login/guessed", "/admin/sign-in"):
        told = [house.browser().open(path, follow=False, **whose).status_code for whose in (HERE, HERE, ELSEWHERE)]
        assert told[1] == 429 != told[2] == told[0], path


def test_one_account_is_knocked_at_from_one_address_only_so_often_and_nobody_else_is_shut_out(tmp_path: Path) -> None:
    house = limited(tmp_path, login_hint="1/day")
    path = "/login/contoso?login_hint={}@contoso.example"
    told = [
        house.browser().open(path.format(who), follow=False, **whose).status_code
        for who, whose in (("lin", HERE), ("LIN", HERE), ("maria", HERE), ("lin", ELSEWHERE))
    ]
    assert told == [302, 429, 302, 302]


@pytest.mark.parametrize(("budget", "path"), [("sign_ins", "/login?login_hint=a"), ("console", "/admin/connections")])
def test_pictures_in_another_sites_page_spend_nothing_of_their_readers(tmp_path: Path, budget: str, path: str) -> None:
    house = limited(tmp_path, **{budget: "1/day"})
    picture = HERE | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert {house.browser().open(path, follow=False, **picture).status_code for _ in range(3)} <= {401, 403}
    assert house.browser().open(path, follow=False, **HERE).status_code in {200, 303}


def test_what_was_refused_is_never_charged_to_what_is_good(tmp_path: Path) -> None:
    house = limited(tmp_path, failures="1/day")
    assert [invents_a_callback(house.browser()).status_code for _ in range(3)] == [400, 429, 429]
    browser = house.browser()
    browser.wire.headers.update(HERE)
    assert browser.sign_in("globex", "lin").url.endswith("/softphone")


def test_codes_that_a_provider_refuses_are_soon_not_shown_to_it_any_more(tmp_path: Path) -> None:
    house = limited(tmp_path, refused_codes="2/day")

    def brings_an_invented_code(**whose: str) -> int:
        browser = house.browser()
        away = browser.open("/login/globex", follow=False, **whose).headers["Location"]
        state = away.partition("state=")[2].partition("&")[0]
        return browser.open(
            f"/callback/globex?state={state}&code=invented&iss={ISSUER}", follow=False, **whose
        ).status_code

    assert [brings_an_invented_code(**HERE) for _ in range(5)] == [400, 400, 400, 429, 429]
    assert len([url for _, url in house.calls if url.endswith("/token")]) == 3
    assert brings_an_invented_code(**ELSEWHERE) == 400


def test_a_sign_in_shows_its_provider_one_refused_code_whatever_its_browser_keeps(tmp_path: Path) -> None:
    house = limited(tmp_path)
    browser = house.browser()
    state = browser.open("/login/globex", follow=False).headers["Location"].partition("state=")[2].partition("&")[0]
    kept = browser.wire.cookies.copy()
    told = []
    for number in range(3):
        browser.wire.cookies.update(kept)
        path = f"/callback/globex?state={state}&code=invented{number}&iss={ISSUER}"
        told.append(browser.fetch(path).json()["code"])
    assert told == ["idp_error", "state_unknown", "state_unknown"]
    assert len([url for _, url in house.calls if url.endswith("/token")]) == 1


def test_a_connection_whose_people_have_spent_its_budget_waits_and_another_goes_on(tmp_path: Path) -> None:
    house = limited(tmp_path, connection="1/day")
    names = ("globex", "globex", "globex", "contoso")
    assert [house.browser().sign_in(name, "lin").status_code for name in names] == [200, 200, 429, 200]


def test_a_stranger_with_a_genuine_sign_in_spends_nothing_of_a_connection(tmp_path: Path) -> None:
    house = limited(tmp_path, connection="1/day", failures="2/day")
    stranger = house.browser()
    away = stranger.open("/login/globex", follow=False, **HERE).headers["Location"]
    path = (
        f"/callback/globex?state={away.partition('state=')[2].partition('&')[0]}&code=x&iss=https%3A%2F%2Fevil.example"
    )
    kept = stranger.wire.cookies.copy()
    told = []
    for _ in range(4):
        stranger.wire.cookies.update(kept)
        told.append(stranger.open(path, follow=False, **HERE).status_code)
    assert told == [502, 502, 429, 429]
    assert house.browser().sign_in("globex", "lin").status_code == 200


def test_invented_callbacks_spend_nothing_of_a_connection(tmp_path: Path) -> None:
    house = limited(tmp_path, connection="1/day")
    assert {invents_a_callback(house.browser()).status_code for _ in range(3)} == {400}
    assert house.browser().sign_in("globex", "lin").status_code == 200


@pytest.mark.parametrize("path", ["/session/token", "/session/renew"])
def test_a_session_is_handed_so_many_tokens_and_another_is_not_made_to_wait(tmp_path: Path, path: str) -> None:
    house = limited(tmp_path, session="2/day")
    one, other = house.browser(), house.browser()
    for browser in (one, other):
        browser.sign_in("globex", "lin")
    assert [one.post(path).status_code for _ in range(3)] == [200, 200, 429]
    assert [other.post(path).status_code, one.fetch("/session").status_code] == [200, 200]


def test_a_key_is_told_what_is_left_for_it_and_another_one_goes_on(tmp_path: Path) -> None:
    house = limited(tmp_path, api_key="2/day")
    one, other = platform_of(house, "globex"), platform_of(house, "globex")
    answers = [one.ask("GET", "/connections") for _ in range(3)]
    left = [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert left == ['"1-day";r=1', '"1-day";r=0', '"1-day";r=0']
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"1-day";q=2;w=86400'}
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 86_400
    assert other.ask("GET", "/connections").headers["RateLimit"].startswith('"1-day";r=1;')


def test_a_good_key_does_not_wait_for_those_who_guess_beside_it(tmp_path: Path) -> None:
    house = limited(tmp_path, api_failures="1/day")
    told = [guesses_an_api_key(house.browser()).status_code for _ in range(3)]
    assert told == [401, 429, 429]
    platform = platform_of(house, "globex")
    platform.wire.headers.update(HERE)
    assert platform.ask("GET", "/connections").status_code == 200


def test_an_administrator_may_look_around_as_people_do(tmp_path: Path) -> None:
    house = build_house(demo_settings(tmp_path))
    browser = operator(house)
    assert {browser.open("/admin/connections").status_code for _ in range(60)} == {200}


def test_usual_limits_leave_room_for_3000_sign_ins_a_minute_of_one_address_and_one_connection(tmp_path: Path) -> None:
    usual = demo_settings(tmp_path).limits
    for budget in (usual.sign_ins, usual.connection):
        number, _, unit = budget.partition("/")
        assert (unit, int(number) >= 3_000) == ("minute", True)
