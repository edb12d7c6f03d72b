"""One long story, listened to from all sides: what is secret stays on the wire."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import warnings
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import structlog
from sqlalchemy import text

from bridge.app import create_app
from bridge.ops.logs import configure_logs
from bridge.outbound import Outbound
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.world import demo_config
from bridge.settings import load
from tests.kit.clock import Clock
from tests.kit.house import BRIDGE, House
from tests.kit.listening import listening
from tests.kit.mounted import Mounted
from tests.kit.ports import free_port
from tests.kit.wiretap import Secrets, Wiretap, hear_browser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from requests import Response

    from tests.kit.browser import Browser

KINDS = ("contoso", "acme", "globex", "initech")
FUYUN_TOKEN = {"access_token", "cookie AC_TOKEN"}
EVERYWHERE = (
    ("exchange", "echo_token"),
    ("exchange", "wrong_user"),
    ("token", "invalid_grant"),
    ("userinfo", "bad_token"),
)
ONCE = (
    ("exchange", "success_false"),
    ("exchange", "html"),
    ("exchange", "reset"),
    ("token", "error_200"),
    ("token", "not_json"),
    ("token", "http_500"),
    ("token", "no_access_token"),
    ("userinfo", "no_email"),
    ("userinfo", "email_other"),
    ("userinfo", "json_list"),
    ("authorize", "error_access_denied"),
    ("authorize", "wrong_state"),
    ("authorize", "no_state"),
    ("authorize", "duplicate_code"),
    ("token", "wrong_nonce"),
    ("token", "wrong_aud"),
    ("token", "wrong_at_hash"),
    ("token", "alg_none"),
    ("token", "bad_signature"),
    ("token", "no_id_token"),
)


@dataclass
class Story:
    """What happened, and what was written about it.

    Args:
        answers: every answer of the bridge to a browser, in order.
    """

    secrets: Secrets = field(default_factory=Secrets)
    answers: list[Response] = field(default_factory=list)
    written: str = ""

    @property
    def lines(self) -> list[str]:
        return self.written.splitlines()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def hear(self, response: Response, **_options: Any) -> None:
        hear_browser(self.secrets, response)
        if str(response.url).startswith(BRIDGE):
            self.answers.append(response)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    told = Story()
    with pytest.MonkeyPatch.context() as patch, everything_written(folder / "written") as read:
        with _house(folder, told) as house:
            _tell(house, told, patch)
        told.written = read()
    return told


@contextmanager
def everything_written(path: Path) -> Iterator[Callable[[], str]]:
    """Catch what anything in this process writes to stdout, stderr or a logger, all of them at DEBUG."""
    with ExitStack() as held:
        file = held.enter_context(path.open("a", buffering=1, encoding="utf-8"))
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for descriptor in (1, 2):
            saved = os.dup(descriptor)
            held.callback(os.close, saved)
            held.callback(os.dup2, saved, descriptor)
            os.dup2(file.fileno(), descriptor)
        held.enter_context(redirect_stdout(file))
        held.enter_context(redirect_stderr(file))
        held.enter_context(_real_logs())
        yield lambda: path.read_text("utf-8")


@contextmanager
def _real_logs() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # Where another test has it captured, pytest has taken it back since, which logging does not notice.
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    configure_logs("debug")
    # Row by row would be DEBUG; nobody can configure that, and the set-up forbids it.
    names = ("urllib3", "sqlalchemy.engine", "werkzeug", "authlib", "alembic", "bridge", "flask", "requests")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.INFO if name == "sqlalchemy.engine" else logging.DEBUG)
    yield
    root.handlers[:], root.level = handlers, level
    for name, former in levels.items():
        logging.getLogger(name).setLevel(former)
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()


@contextmanager
def _house(folder: Path, story: Story) -> Iterator[House]:
    """A bridge that reaches its sandbox over real HTTP, so that the HTTP library has something to say."""
    port, clock = free_port(), Clock()
    address = f"http://localhost:{port}"
    sandbox = create_sandbox(address, now=clock)
    world = sandbox.extensions["world"]
    config = demo_config(address, BRIDGE, str(folder), jwt=("initech",), world=world)
    (folder / "bridge.toml").write_text(config, "utf-8")
    settings = load(folder / "bridge.toml", os.environ)
    for key in settings.secret_keys:
        story.secrets.add("secret_keys", key.reveal())
    for connection in settings.connections:
        story.secrets.add("client_secret", connection.idp.client_secret.reveal())
        story.secrets.add("client_secret", connection.fuyun.client_secret.reveal())
        if connection.jwt:
            for line in connection.jwt.private_key.reveal().splitlines()[1:-1]:
                story.secrets.add("private_key", line)
    app = create_app(settings, outbound=Outbound(adapter=Wiretap(story.secrets)), now=clock)
    adapter = Mounted()
    adapter.mount(BRIDGE, app)
    adapter.mount(address, sandbox)
    with listening(sandbox, port):
        house = House(app, settings, world, adapter, clock, [])
        yield house
        house.services.database.close()
        adapter.close()


def _browser(house: House, story: Story) -> Browser:
    browser = house.browser()
    browser.wire.hooks["response"].append(story.hear)
    return browser


def _tell(house: House, story: Story, patch: pytest.MonkeyPatch) -> None:
    for kind in KINDS:
        _a_good_day(house, _browser(house, story), kind)
        _bad_sign_ins(house, story, kind)
    _bad_requests(house, story)
    _bad_surprises(house, story, patch)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("a library says goodbye", DeprecationWarning, stacklevel=1)
    with house.services.database.transaction() as connection:
        for row in connection.execute(text("SELECT id, sealed, lock_owner FROM agent_sessions")):
            story.secrets.add("agent session id", row.id)
            story.secrets.add("sealed record", row.sealed)


def _a_good_day(house: House, browser: Browser, kind: str) -> None:
    assert browser.sign_in(kind, query="?login_hint=lin@contoso.example&next=/softphone?record=7").status_code == 200
    assert browser.post("/session/token").status_code == 200
    house.clock.advance(11)
    assert browser.post("/session/renew").status_code == 200
    browser.open("/language/zh?next=/softphone")
    browser.open(browser.post("/logout").headers["Location"])


def _bad_sign_ins(house: House, story: Story, kind: str) -> None:
    for target, fault in (*EVERYWHERE, *(ONCE if kind == "globex" else ())):
        house.world.faults.set(target, fault)
        browser = _browser(house, story)
        try:
            page = browser.begin(kind)
            if "<form" in page.text and "person" in page.text:
                browser.choose(page, "lin")
        finally:
            house.world.faults.clear()


def _bad_requests(house: House, story: Story) -> None:
    browser, other = _browser(house, story), _browser(house, story)
    browser.sign_in("globex")
    other.sign_in("globex")
    for token in ("invented", other.csrf_token()):
        wrong: Any = {"X-CSRF-Token": token}
        assert browser.post("/session/token", **wrong).status_code == 403
    assert browser.post("/session/renew", Origin="https://evil.example").status_code == 403
    browser.submit("/logout", {"csrf_token": "invented by somebody"})
    page = browser.begin("globex")
    house.clock.advance(700)
    browser.wire.cookies.clear()
    browser.choose(page, "lin")
    code = next(iter(story.secrets.by_kind["code"]))
    browser.open(f"/nowhere?code={code}&state={code}")
    browser.open(f"/callback/nobody?code={code}")
    browser.submit("/backchannel-logout/globex", {"logout_token": next(iter(story.secrets.by_kind["id_token"]))})


def _bad_surprises(house: House, story: Story, patch: pytest.MonkeyPatch) -> None:
    for kind in KINDS:
        browser = _browser(house, story)
        browser.sign_in(kind)
        _refused_renewal(house, browser, kind)

        browser.sign_in(kind)
        _unexpected_exception(house, story, browser, patch)

        _broken_database(house, browser)


def _refused_renewal(house: House, browser: Browser, kind: str) -> None:
    house.clock.advance(11)
    for target, fault in (("exchange", "echo_token"), ("token", "invalid_grant"), ("userinfo", "bad_token")):
        house.world.faults.set(target, fault)
        browser.post("/session/renew")
        house.world.faults.clear()


def _unexpected_exception(house: House, story: Story, browser: Browser, patch: pytest.MonkeyPatch) -> None:
    """A fault of our own whose message, and whose cause's, repeat everything there is."""

    def fail(_session_id: str) -> None:
        everything = " ".join(value for values in story.secrets.by_kind.values() for value in values)
        try:
            int(everything)
        except ValueError as fault:
            raise RuntimeError(f"renewal failed with {everything}") from fault

    with patch.context() as here:
        here.setattr(house.services.flow, "renew", fail)
        assert browser.post("/session/renew").status_code == 500


def _broken_database(house: House, browser: Browser) -> None:
    browser.fetch("/session")
    with house.services.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE agent_sessions RENAME TO elsewhere"))
    try:
        assert browser.fetch("/session").status_code == 503
        assert browser.sign_in("globex").status_code == 503
    finally:
        with house.services.database.engine.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO agent_sessions"))


# The log --------------------------------------------------------------------------------------------------------------


def test_the_story_is_worth_listening_to(story: Story) -> None:
    assert story.secrets.by_kind.keys() >= {
        "access_token", "refresh_token", "id_token", "subject_token", "code", "code_verifier", "nonce", "state",
        "client_secret", "secret_keys", "private_key", "csrf_token", "bearer", "basic",
        "cookie bridge_session", "cookie bridge_signin_", "cookie AC_TOKEN", "agent session id", "sealed record",
        "id_token_hint", "sid",
    }  # fmt: skip
    codes = {event.get("code") for event in story.events}
    assert codes >= {
        "ok", "exchange_rejected", "exchange_unreachable", "exchange_answer_invalid", "agent_mismatch", "csrf_failed",
        "state_unknown", "state_expired", "idp_error", "idp_answer_invalid", "idp_unreachable", "id_token_invalid",
        "userinfo_invalid", "mapping_field_missing", "internal_error", "store_unavailable", "login_required",
    }  # fmt: skip
    told = story.written
    assert "BEGIN (implicit)" in told, "SQLAlchemy speaks"
    assert "POST /oauth/token_exchange" in told, "urllib3 speaks"
    assert "a library says goodbye" in told, "Python warns"


def test_no_line_holds_a_secret(story: Story) -> None:
    search = story.secrets.search()
    leaks = [(kinds, line[:400]) for line in story.lines if (kinds := search.kinds_in(line))]
    assert leaks == []


def test_every_line_is_one_json_object(story: Story) -> None:
    assert [line for line in story.lines if not line.startswith("{")] == []
    assert all({"event", "level", "timestamp"} <= event.keys() for event in story.events)


def test_a_reference_on_a_page_or_in_a_problem_leads_to_its_line_in_the_log(story: Story) -> None:
    logged = {event["reference"]: event for event in story.events if event.get("reference")}
    told = [one for one in map(_code_and_reference, story.answers) if one]
    assert len(told) > 50
    assert len({reference for _, reference in told}) == len(told), "each is given once"
    assert [(code, reference) for code, reference in told if logged[reference]["code"] != code] == []


def test_an_unexpected_exception_is_told_with_its_cause_and_place_but_without_what_it_quoted(story: Story) -> None:
    told = [event["exception"] for event in story.events if event["event"] == "surprise"]
    assert len(told) == len(KINDS)
    for exception in told:
        assert "ValueError: invalid literal for int() with base 10: '********" in exception
        assert "which led to:" in exception
        assert "RuntimeError: renewal failed with ********" in exception
        assert "in fail" in exception


# What browsers see ----------------------------------------------------------------------------------------------------


def test_no_refusal_shows_a_secret(story: Story) -> None:
    # The token against forged requests is the reader's own, and stands in every page of a session.
    search = story.secrets.search(allowed=("csrf_token",))
    refusals = [answer for answer in story.answers if answer.status_code >= 400 and not _is_nowhere(answer)]
    assert {answer.headers["Content-Type"].partition(";")[0] for answer in refusals} == {
        "text/html",
        "application/problem+json",
    }
    assert [_told(answer, kinds) for answer in refusals if (kinds := search.kinds_in(answer.text))] == []


def test_no_page_shows_a_secret(story: Story) -> None:
    search = story.secrets.search(allowed=("csrf_token",))
    pages = [answer for answer in story.answers if answer.status_code == 200 and "csrf-token" in answer.text]
    assert len(pages) > len(KINDS)
    assert [_told(page, kinds) for page in pages if (kinds := search.kinds_in(page.text))] == []


def test_a_problem_holds_not_even_the_token_against_forged_requests(story: Story) -> None:
    search = story.secrets.search()
    problems = [answer for answer in story.answers if "problem" in answer.headers["Content-Type"]]
    assert [_told(problem, kinds) for problem in problems if (kinds := search.kinds_in(problem.text))] == []


def test_a_good_answer_holds_what_it_is_for_and_nothing_else(story: Story) -> None:
    search = story.secrets.search()
    purposes = {"/session": {"csrf_token"}, "/session/token": FUYUN_TOKEN, "/session/renew": FUYUN_TOKEN}
    good = [
        one for one in story.answers if one.status_code == 200 and one.headers["Content-Type"] == "application/json"
    ]
    assert {urlsplit(str(one.url)).path for one in good} == purposes.keys()
    assert [
        one.url for one in good if not set(search.kinds_in(one.text)) <= purposes[urlsplit(str(one.url)).path]
    ] == []


def test_an_address_holds_what_the_protocol_needs_there_and_nothing_else(story: Story) -> None:
    search = story.secrets.search()
    for answer in story.answers:
        where, onwards = urlsplit(str(answer.request.url)), urlsplit(answer.headers.get("Location", ""))
        if where.path.startswith("/callback/"):
            assert set(search.kinds_in(where.query)) <= {"code", "state", "sid"}, "what the provider sent"
        elif where.path in {"/nowhere", "/logged-out"}:
            assert set(search.kinds_in(where.query)) <= {"code", "state"}, "what somebody else put there"
        else:
            assert search.kinds_in(where.query) == [], where.path
        if where.path.startswith("/login/"):
            assert set(search.kinds_in(onwards.query)) <= {"state", "nonce"}, "the authorization request"
        elif where.path == "/logout":
            assert set(search.kinds_in(onwards.query)) <= {"id_token", "id_token_hint", "state"}, (
                "the provider's logout"
            )
        else:
            assert search.kinds_in(onwards.query) == [], where.path


def test_no_header_but_the_cookies_and_the_way_on_holds_a_secret(story: Story) -> None:
    search = story.secrets.search()
    for answer in story.answers:
        others = [
            f"{name}: {value}" for name, value in answer.headers.items() if name not in {"Location", "Set-Cookie"}
        ]
        assert search.kinds_in("\n".join(others)) == []


def test_no_address_is_told_to_other_sites(story: Story) -> None:
    assert {answer.headers["Referrer-Policy"] for answer in story.answers} == {"same-origin"}


def test_no_answer_is_kept_by_a_cache(story: Story) -> None:
    assert {answer.headers["Cache-Control"] for answer in story.answers} == {"no-store"}


def _code_and_reference(answer: Response) -> tuple[str, str] | None:
    if "problem" in answer.headers["Content-Type"]:
        return answer.json()["code"], answer.json()["reference"]
    found = re.findall(r'<code class="hb-code">(\w+)</code>', answer.text)
    return (found[1], found[0]) if answer.status_code >= 400 and found else None


def _is_nowhere(answer: Response) -> bool:
    # Somebody made this address up and put a code into it; its page may lead back there.
    return urlsplit(str(answer.request.url)).path == "/nowhere"


def _told(answer: Response, kinds: list[str]) -> str:
    return f"{answer.request.method} {urlsplit(str(answer.request.url)).path} {answer.status_code}: {', '.join(kinds)}"
