"""The SDK's stand-in: its files, the check of the token, and the phone in a real browser."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, Response
from werkzeug.serving import make_server

from bridge.sandbox.app import create_sandbox
from bridge.sandbox.call_search import Wanted
from tests.rooms.sandbox.party import Clock, Party, body_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask.testing import FlaskClient
    from playwright.sync_api import Browser, Page

    from bridge.sandbox.world import World

    Parties = Callable[[str], Party]

FILES = ("react.js", "react-dom.js", "antd.js", "antd.css", "hotline-client-ui/index.js", "hotline-client-ui/index.css")


@pytest.mark.parametrize("name", FILES)
def test_the_files_may_be_loaded_from_any_page(http: FlaskClient, name: str) -> None:
    answer = http.get(f"/sdk/{name}")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert answer.mimetype == ("text/css" if name.endswith(".css") else "text/javascript")


def test_an_unknown_file_is_not_found(http: FlaskClient) -> None:
    assert http.get("/sdk/moment.js").status_code == 404


def test_the_script_needs_nothing_a_strict_policy_forbids(http: FlaskClient) -> None:
    script = http.get("/sdk/hotline-client-ui/index.js").get_data(as_text=True)
    assert not re.findall(
        r"\beval\(|new Function|innerHTML|\.style\b|setAttribute\(\"style|\bon(click|submit)=", script
    )


def checked(http: FlaskClient, token: str, instance_id: str = "ccc_xp_demo") -> tuple[int, str]:
    answer = http.post("/sdk/check", data={"token": token, "instanceId": instance_id})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    return answer.status_code, body_of(answer)["code"]


def test_a_token_of_fuyun_is_accepted_with_the_agents_profile(party: Parties, http: FlaskClient) -> None:
    answer = http.post("/sdk/check", data={"token": party("contoso").fuyun_token(), "instanceId": "ccc_xp_demo"})
    profile = {"aid": "25780001", "accountName": "lin@contoso.example", "displayName": "小林"}
    assert body_of(answer) == {"code": "OK", "agent": profile}


def test_the_token_may_come_as_a_bearer(party: Parties, http: FlaskClient) -> None:
    headers = {"Authorization": f"Bearer {party('contoso').fuyun_token()}"}
    assert http.post("/sdk/check", data={"instanceId": "ccc_xp_demo"}, headers=headers).status_code == 200
    assert http.options("/sdk/check").headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"


def test_a_foreign_instance_is_refused(party: Parties, http: FlaskClient) -> None:
    assert checked(http, party("contoso").fuyun_token(), "ccc_xp_other") == (401, "InstanceUnknown")


def test_tokens_that_fuyun_did_not_issue_are_refused(party: Parties, http: FlaskClient) -> None:
    tokens = party("contoso").tokens()
    for token in ("", "garbage", tokens["access_token"], tokens["id_token"]):
        assert checked(http, token) == (401, "TokenInvalid")


def test_an_expired_token_is_refused(party: Parties, http: FlaskClient, clock: Clock) -> None:
    token = party("contoso").fuyun_token()
    clock.advance(2591999)
    assert checked(http, token) == (401, "TokenExpired")


def test_an_agent_who_was_frozen_or_deleted_since_is_refused(party: Parties, http: FlaskClient, world: World) -> None:
    token = party("contoso").fuyun_token()
    world.freeze("lin@contoso.example")
    assert checked(http, token) == (401, "AgentUnavailable")
    world.remove_agent("lin@contoso.example")
    assert checked(http, token) == (401, "AgentUnavailable")


# In a browser, on a page of another origin with a strict policy -------------------------------------------------------

PAGE = """<!doctype html><title>page</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="{sdk}/hotline-client-ui/index.css">
<div id="phone"></div><script src="{sdk}/hotline-client-ui/index.js"></script><script src="/boot.js"></script>"""
BOOT = """
window.seen = [];
window.start = (token, instanceId = "ccc_xp_demo") => HotlineClientUi.renderClient(document.getElementById("phone"), {
  config: { instanceId, token },
  onLoginError: (error) => seen.push("onLoginError " + error.message.split(":")[0]),
  onClientOnline: (client) => {
    window.client = client;
    seen.push("onClientOnline");
    for (const name of NAMES) client.on(name, (...details) => { seen.push(name); window.last = { name, details }; });
  },
  onAgentOnline: (agent) => { window.agent = agent; seen.push("onAgentOnline"); return agent.checkIn(); },
});
const NAMES = ["AgentReady", "AgentAcw", "AgentLeaveChannel", "AgentCallInboundEstablish", "AgentCallHeld",
  "AgentCallOutBoundEstablish", "AgentReconnect", "AgentCallReconnect", "UnHandleEvent", "TokenExpired",
  "SystemCallRinging", "SystemCallDialOut", "AfterCallHangup"];
"""


def serve(app: Flask) -> tuple[str, Callable[[], None]]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(60)

    return f"http://127.0.0.1:{server.server_port}", stop


def page_of_the_bridge(sdk: str) -> Flask:
    app = Flask("page")
    origin = sdk.removesuffix("/sdk")

    @app.get("/")
    def page() -> Response:
        sources = f"script-src 'self' {origin}; style-src {origin}; connect-src {origin}; img-src data:"
        return Response(PAGE.format(sdk=sdk), headers={"Content-Security-Policy": f"default-src 'none'; {sources}"})

    @app.get("/boot.js")
    def boot() -> Response:
        return Response(BOOT, mimetype="text/javascript")

    return app


@pytest.fixture(scope="module")
def outside() -> Iterator[tuple[str, Flask]]:
    sandbox = create_sandbox("http://localhost:5100")
    sandbox_url, stop_sandbox = serve(sandbox)
    page_url, stop_page = serve(page_of_the_bridge(f"{sandbox_url}/sdk"))
    yield page_url, sandbox
    stop_page()
    stop_sandbox()


@pytest.fixture(scope="module")
def opened(chromium_browser: Browser) -> Iterator[Page]:
    context = chromium_browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def phone(opened: Page, outside: tuple[str, Flask]) -> Page:
    """The page with Lin's phone, ready for calls."""
    opened.goto(outside[0])
    opened.evaluate("token => start(token)", new_token(outside[1]))
    until(opened, "HotlineSandbox.state()?.status === 'AgentReady'")
    return opened


def new_token(sandbox: Flask, person: str = "lin") -> str:
    return Party(sandbox.extensions["world"], sandbox.test_client(), "contoso").fuyun_token(person)


def state(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("HotlineSandbox.state()")
    return found


def until(page: Page, expression: str) -> None:
    """Wait for an expression of the page; Playwright's own wait_for_function needs the eval that the policy forbids."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"{expression} did not come true; state {state(page)}")


def wait(page: Page, condition: str) -> None:
    """Wait for a condition on the phone's state `s`."""
    until(page, f"(() => {{ const s = HotlineSandbox.state(); return {condition}; }})()")


@pytest.mark.browser
def test_the_client_comes_online_before_the_agent(phone: Page) -> None:
    assert phone.evaluate("seen.slice(0, 3)") == ["onClientOnline", "onAgentOnline", "AgentReady"]
    assert phone.evaluate("client.context.config.instanceId") == "ccc_xp_demo"
    assert state(phone)["accountName"] == "lin@contoso.example"


@pytest.mark.browser
def test_a_person_takes_holds_and_ends_a_call_by_the_buttons(phone: Page) -> None:
    phone.get_by_role("button", name="Incoming call").click()
    assert phone.evaluate("last.name") == "SystemCallRinging"
    assert phone.evaluate("last.details[0].callDirection") == 0
    phone.get_by_role("button", name="Answer").click()
    phone.get_by_role("button", name="Hold").click()
    phone.get_by_role("button", name="Retrieve").click()
    phone.get_by_role("button", name="Hang up", exact=True).click()
    wait(phone, "s.status === 'AgentAcw' && s.phase === 'none'")
    until(phone, "seen.includes('AfterCallHangup')")
    phone.get_by_role("button", name="Ready").click()
    wait(phone, "s.status === 'AgentReady'")


@pytest.mark.browser
def test_a_person_dials_and_the_other_side_hangs_up(phone: Page, outside: tuple[str, Flask]) -> None:
    log = outside[1].extensions["world"].calls["ccc_xp_demo"]
    log.clear()
    phone.get_by_label("Number to call").fill("13800000002")
    phone.get_by_role("button", name="Call", exact=True).click()
    wait(phone, "s.phase === 'talking'")
    assert phone.evaluate("seen.includes('AgentCallOutBoundEstablish')")
    with phone.expect_response("**/sdk/calls"):
        phone.evaluate("HotlineSandbox.remoteHangUp()")
    assert phone.evaluate("seen.includes('AgentLeaveChannel') && !seen.includes('AfterCallHangup')")
    (written,) = log.search(Wanted())
    assert (written.called_number, written.servicer_name, written.hang_up_role) == ("13800000002", "小林", 2)


@pytest.mark.browser
def test_after_expiry_no_new_call_until_another_good_token_came(phone: Page, outside: tuple[str, Flask]) -> None:
    phone.evaluate("HotlineSandbox.tokenExpired()")
    assert phone.evaluate("last.name") == "TokenExpired"
    assert phone.evaluate("agent.dial('10086').catch(error => error.message)").startswith("TokenExpired")
    assert phone.evaluate("HotlineSandbox.incoming()")
    assert phone.evaluate("agent.answer().catch(error => error.message)").startswith("TokenExpired")
    phone.evaluate("client.updateToken(client.context.config.token)")
    phone.evaluate("client.updateToken('garbage')")
    phone.evaluate("token => client.updateToken(token)", new_token(outside[1], "fang"))
    assert state(phone)["expired"]
    phone.evaluate("token => client.updateToken(token)", new_token(outside[1]))
    assert not state(phone)["expired"]
    phone.evaluate("agent.answer()")
    assert state(phone)["phase"] == "talking"


@pytest.mark.browser
def test_a_call_survives_the_expiry_of_the_token(phone: Page) -> None:
    phone.evaluate("HotlineSandbox.incoming()")
    phone.evaluate("agent.answer()")
    phone.evaluate("HotlineSandbox.tokenExpired()")
    assert state(phone)["phase"] == "talking"
    phone.get_by_role("button", name="Hang up", exact=True).click()
    wait(phone, "s.phase === 'none'")


@pytest.mark.browser
def test_a_dropped_connection_returns_with_state_and_call(phone: Page) -> None:
    phone.evaluate("HotlineSandbox.incoming()")
    phone.evaluate("agent.answer()")
    phone.get_by_role("button", name="Drop connection").click()
    assert state(phone)["online"] is False
    wait(phone, "s.online")
    assert phone.evaluate("last.name") == "AgentCallReconnect"
    assert phone.evaluate("typeof last.details[0]") == "number"


@pytest.mark.browser
def test_a_connection_given_up_says_so(phone: Page) -> None:
    phone.evaluate("HotlineSandbox.dropConnection({ giveUp: true })")
    until(phone, "seen.includes('UnHandleEvent')")
    assert state(phone)["online"] is False


@pytest.mark.browser
def test_listeners_can_be_disposed_one_by_one_or_all(phone: Page) -> None:
    phone.evaluate("window.heard = 0; window.one = client.on('TokenExpired', () => { heard += 1; }); one.dispose()")
    phone.evaluate("client.on('TokenExpired', () => { heard += 10; }); HotlineSandbox.tokenExpired()")
    assert phone.evaluate("heard") == 10
    phone.evaluate("client.removeAllListeners(); HotlineSandbox.tokenExpired()")
    assert phone.evaluate("heard") == 10


@pytest.mark.browser
@pytest.mark.parametrize(
    ("token", "instance_id", "error"),
    [
        ("", "ccc_xp_demo", "ConfigInvalid"),
        ("t", "", "ConfigInvalid"),
        ("t", "ccc_xp_other", "InstanceUnknown"),
        ("garbage", "ccc_xp_demo", "TokenInvalid"),
    ],
)
def test_a_rejected_start_reports_a_login_error(
    opened: Page, outside: tuple[str, Flask], token: str, instance_id: str, error: str
) -> None:
    opened.goto(outside[0])
    opened.evaluate("([token, instanceId]) => start(token, instanceId)", [token, instance_id])
    until(opened, "seen.length > 0")
    assert opened.evaluate("seen") == [f"onLoginError {error}"]


@pytest.mark.browser
def test_the_phone_breaks_no_rule_of_the_policy(opened: Page, outside: tuple[str, Flask], tmp_path: Path) -> None:
    messages: list[str] = []
    opened.on("console", lambda message: messages.append(message.text))
    opened.goto(outside[0])
    opened.evaluate("token => start(token)", new_token(outside[1]))
    wait(opened, "s?.status === 'AgentReady'")
    opened.screenshot(path=tmp_path / "phone.png")
    assert messages == []
