"""A browser, as lean as it can be: cookies by name, one keep-alive connection, no redirects by itself."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from tests.bench.faults import BenchFault
from tests.bench.processes import LOCALHOST
from tests.bench.upstream import account_name, approve

if TYPE_CHECKING:
    from tests.bench.world import Party

_NAVIGATION: Final = {"Accept": "text/html", "Accept-Language": "en", "Sec-Fetch-Mode": "navigate"}
_FOUND: Final = (302, 303)
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that went well: how long its callback took, and the browser's cookies and page."""

    callback_seconds: float
    cookie: str
    page: str


class Browser:
    """Somebody fresh in front of one relying party: the agent of this number."""

    def __init__(self, party: Party, agent: int = 0) -> None:
        self._party = party
        self._agent = agent
        self._wire = http.client.HTTPConnection(LOCALHOST, party.port, timeout=30)
        self._cookies: dict[str, str] = {}

    def sign_in(self) -> SignIn:
        """Depart, come back with a code, and see the page.

        Raises:
            BenchFault: a step did not lead where it should.
        """
        try:
            departed = self._redirected("departure", self._party.login)
            callback = urlsplit(approve(departed, self._agent))
            started = time.perf_counter()
            landing = self._redirected("callback", f"{callback.path}?{callback.query}")
            seconds = time.perf_counter() - started
            page = urlsplit(landing).path
            self._see_page(page)
            return SignIn(seconds, self.cookie(), page)
        except (OSError, http.client.HTTPException) as fault:
            raise BenchFault(f"{self._party.title}: a sign-in broke off: {fault!r}") from fault
        finally:
            self._wire.close()

    def cookie(self) -> str:
        """Return the value of the Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def _redirected(self, step: str, path: str) -> str:
        status, location, body = self._get(path)
        if status not in _FOUND or not location:
            raise BenchFault(f"{self._party.title}: the {step} was answered with {status}: {body[:300]!r}")
        return urljoin(f"http://{LOCALHOST}:{self._party.port}", location)

    def _see_page(self, path: str) -> None:
        status, _, body = self._get(path)
        if status != _OK or account_name(self._agent).encode() not in body:
            raise BenchFault(f"{self._party.title}: the page knows nobody; {status}: {body[:300]!r}")

    def _get(self, path: str) -> tuple[int, str, bytes]:
        self._wire.request("GET", path, headers={**_NAVIGATION, "Cookie": self.cookie()})
        answer = self._wire.getresponse()
        for field in answer.headers.get_all("Set-Cookie", []):
            name, _, value = field.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer.status, answer.headers.get("Location", ""), answer.read()
