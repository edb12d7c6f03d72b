"""A phone's page that stays open: what its script asks for, and what an answer makes it tell the agent."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from requests import Response

    from tests.kit.browser import Browser

_FACT = re.compile('<code class="hb-code">([^<]*)')
_CAUSES = {"store_": "trouble_store", "exchange_": "outage_exchange"} | dict.fromkeys(
    ("idp_", "id_token_"), "outage_idp"
)


class OpenPage:
    """The page of an agent who is signed in, opened before the trouble begins."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._shown = browser.open("/softphone").text
        self._headers = {"Origin": browser.origin, "X-CSRF-Token": browser.csrf_token()}
        self._cookies = browser.cookies()

    def look(self) -> Response:
        """Ask who is signed in, as the page does every 25 seconds."""
        return self.browser.fetch("/session")

    def renew(self) -> Response:
        """Ask for a fresh token."""
        return self._post("/session/renew")

    def token(self) -> Response:
        """Ask for the token that the session has."""
        return self._post("/session/token")

    def sign_out(self) -> Response:
        """Press the button."""
        return self._post("/logout")

    def keeps_its_cookies(self) -> bool:
        """Say whether no cookie was changed since the page was opened."""
        return self.browser.cookies() == self._cookies

    def banner(self, answer: Response) -> str:
        """Return the key of the words that the page shows when the bridge keeps giving this answer."""
        code = str(answer.json()["code"])
        found = next((words for start, words in _CAUSES.items() if code.startswith(start)), "trouble")
        assert f'"{found}"' in self._shown
        return found

    def _post(self, path: str) -> Response:
        url, headers = f"{self.browser.origin}{path}", {"Accept": "application/json", "Sec-Fetch-Mode": "cors"}
        return self.browser.wire.post(url, headers=headers | self._headers, allow_redirects=False, timeout=30)


def problem_of(answer: Response) -> tuple[int, str]:
    """Return status and code of a refusal, shown or told; one that passes by itself says when to come again."""
    assert ("Retry-After" in answer.headers) == (answer.status_code in {503, 504})
    if "json" in answer.headers["Content-Type"]:
        return answer.status_code, str(answer.json()["code"])
    _reference, code, *_ = _FACT.findall(answer.text)
    return answer.status_code, code


def way_on(page: Response) -> str:
    """Return the address behind the first button of an error page."""
    return unescape(page.text.partition('class="hb-button hb-button-primary" href="')[2].partition('"')[0])
