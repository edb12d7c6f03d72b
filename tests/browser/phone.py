"""The phone page as a test sees it: what the agent reads and presses, and what the stand-in's driver can do."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.kit.browser import Browser

if TYPE_CHECKING:
    import pytest
    from playwright.sync_api import Locator, Page, Request, Route

NUMBER = "13800000002"


def signed_in(bridge: str, person: str = "lin") -> list[Any]:
    """Return the cookies of somebody who signed in at Contoso, for a browser context."""
    browser = Browser(bridge)
    assert browser.sign_in("contoso", person).url == f"{bridge}/softphone"
    cookies = [{"name": name, "value": str(value), "url": bridge} for name, value in browser.cookies().items()]
    browser.wire.close()
    return cookies


def let_renewals_fall_due(patch: pytest.MonkeyPatch, *, ago: int = 1) -> None:
    """Let the bridge of this process say that renewals are due since `ago` seconds, until they are done."""
    patch.setattr(
        "bridge.web.softphone.renew_at", lambda session, _: 0 if session.renewed_at else int(time.time()) - ago
    )


class Phone:
    """An agent's phone page.

    Args:
        page: the page itself.
        bridge: the bridge's public URL.
    """

    def __init__(self, page: Page, bridge: str) -> None:
        self.page = page
        self.bridge = bridge
        self.asked: list[str] = []
        page.on("request", self._note)

    @classmethod
    def ready(cls, page: Page, bridge: str) -> Phone:
        """Sign lin in at Contoso and wait until the agent is ready."""
        phone = cls(page, bridge)
        phone.open()
        phone.expect_state("ready")
        return phone

    def open(self, person: str = "lin") -> None:
        """Sign somebody in without looking at it, and open the page."""
        self.page.context.add_cookies(signed_in(self.bridge, person))
        self.page.goto(f"{self.bridge}/softphone")

    def driver(self, call: str) -> Any:
        """Call the stand-in's driver, such as ``incoming('138…')``."""
        return self.page.evaluate(f"window.HotlineSandbox.{call}")

    def ring(self, number: str = NUMBER) -> None:
        """Let somebody call."""
        assert self.driver(f"incoming('{number}')")
        self.expect_phase("ringing")

    def answer(self) -> None:
        """Take the call in the vendor's part of the page."""
        self.page.locator("#hotline").get_by_role("button", name="Answer").click()
        self.expect_phase("talking")

    def hang_up(self) -> None:
        """End the call in the vendor's part of the page."""
        self.page.locator("#hotline").get_by_role("button", name="Hang up").click()
        self.expect_phase("ended")

    def beat(self) -> None:
        """Let the page ask for the session now rather than after 25 seconds."""
        self.page.evaluate("window.dispatchEvent(new Event('online'))")

    def look(self) -> None:
        """Let the page ask for the session now, and give it the time to act on the answer."""
        with self.page.expect_response(f"{self.bridge}/session"):
            self.beat()
        self.page.wait_for_timeout(100)

    def refuse(self, path: str, status: int, code: str, *, times: int = 1_000) -> None:
        """Let the bridge answer `path` with a problem, so many times."""
        problem = {"type": f"urn:test:{code}", "title": code, "status": status, "code": code, "reference": "R-7"}
        self.answer_with(path, problem, status=status, kind="application/problem+json", times=times)

    def answer_with(
        self, path: str, body: dict[str, Any], *, status: int = 200, kind: str = "application/json", times: int = 1_000
    ) -> None:
        """Let `path` be answered with JSON of the test's."""

        def answer(route: Route) -> None:
            route.fulfill(status=status, content_type=kind, body=json.dumps(body))

        self.page.route(f"{self.bridge}{path}", answer, times=times)

    def amend_session(self, **facts: Any) -> None:
        """Let what the bridge says of the session hold other facts, such as `signed_in_until`."""

        def answer(route: Route) -> None:
            real = route.fetch()
            route.fulfill(response=real, json={**real.json(), **facts})

        self.page.route(f"{self.bridge}/session", answer)

    def recover(self) -> None:
        """Let the bridge itself answer again."""
        self.page.unroute_all(behavior="wait")

    def count(self, asked: str) -> int:
        """Return how often the page asked, such as ``POST /session/renew``."""
        return self.asked.count(asked)

    def notice(self, name: str) -> Locator:
        """Return the notice about a matter."""
        return self.page.locator(f'[data-notice="{name}"]')

    def check(self, name: str) -> Locator:
        """Return a line of the list "Ready for calls?"."""
        return self.page.locator(f"#check-{name}")

    @property
    def stage(self) -> Locator:
        """The place that speaks before and after the vendor's phone."""
        return self.page.locator("#stage")

    @property
    def sign_out(self) -> Locator:
        """The button in the page's head."""
        return self.page.get_by_role("button", name="Sign out")

    def expect_state(self, state: str) -> None:
        """Wait until the pill shows the agent's state."""
        expect(self.page.locator("#agent-state")).to_have_attribute("data-state", state)

    def expect_phase(self, phase: str) -> None:
        """Wait until the card shows the call's phase."""
        expect(self.page.locator("#call")).to_have_attribute("data-phase", phase)

    def expect_stage(self, kind: str) -> None:
        """Wait until the stage shows this kind of message."""
        expect(self.stage).to_be_visible()
        expect(self.stage).to_have_attribute("data-kind", kind)

    def forget(self) -> None:
        """Hear no more what the page asks."""
        self.page.remove_listener("request", self._note)

    def _note(self, request: Request) -> None:
        self.asked.append(f"{request.method} {urlsplit(request.url).path}")
