"""A browser without a screen: cookies, redirects, the headers of navigations and of scripts, and forms."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter
    from requests.models import Response

_NAVIGATION = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
_SCRIPT = {"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


class Browser:
    """One person's browser, at home on `origin`.

    Args:
        origin: the bridge's public URL.
        adapter: where requests go; None: over the network.
    """

    def __init__(self, origin: str, adapter: BaseAdapter | None = None) -> None:
        self.origin = origin
        self.wire = requests.Session()
        self.wire.trust_env = False
        if adapter is not None:
            self.wire.mount("http://", adapter)
            self.wire.mount("https://", adapter)

    def open(self, address: str, *, follow: bool = True, **headers: str) -> Response:
        """Navigate to an address or a path of the bridge."""
        return self.wire.get(self._url(address), headers=_NAVIGATION | headers, allow_redirects=follow, timeout=30)

    def fetch(self, path: str) -> Response:
        """Ask like a script of the page."""
        return self.wire.get(self._url(path), headers=_SCRIPT, allow_redirects=False, timeout=30)

    def post(self, path: str, data: dict[str, str] | None = None, **headers: str) -> Response:
        """Post like a script of the bridge's page, with its CSRF token."""
        sent = _SCRIPT | {"Origin": self.origin, "X-CSRF-Token": self.csrf_token()} | headers
        return self.wire.post(self._url(path), data=data, headers=sent, allow_redirects=False, timeout=30)

    def submit(self, path: str, data: dict[str, str], *, follow: bool = True, **headers: str) -> Response:
        """Post a form of a page."""
        sent = _NAVIGATION | {"Origin": self.origin} | headers
        return self.wire.post(self._url(path), data=data, headers=sent, allow_redirects=follow, timeout=30)

    def knock(self, address: str, form: dict[str, str]) -> int:
        """Post a form as another server does, and return the status."""
        return self.wire.post(self._url(address), data=form, allow_redirects=False, timeout=30).status_code

    def csrf_token(self) -> str:
        """Return the session's CSRF token, as the page's script learns it."""
        answer = self.fetch("/session")
        return str(answer.json().get("csrf_token", ""))

    def begin(self, connection: str, query: str = "") -> Response:
        """Start a sign-in and arrive at the identity provider's page."""
        return self.open(f"/login/{connection}{query}")

    def choose(self, page: Response, person: str, *, follow: bool = True) -> Response:
        """Pick a person on the sandbox's page; returns where that leads."""
        return self.press(page, {"person": person}, follow=follow)

    def press(self, page: Response, data: dict[str, str], *, follow: bool = True) -> Response:
        """Submit the first form of a page with its hidden fields and `data`."""
        form = re.search(r"<form[^>]*>", page.text)
        if form is None:
            raise AssertionError(f"no form on {page.url}: {page.status_code} {page.text[:300]}")
        action = re.search(r'action="([^"]*)"', form[0])
        target = urljoin(page.url, unescape(action[1])) if action else page.url
        hidden = re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text)
        fields = {name: unescape(value) for name, value in hidden} | data
        headers = _NAVIGATION | {"Origin": _origin(page.url)}
        return self.wire.post(target, data=fields, headers=headers, allow_redirects=follow, timeout=30)

    def sign_in(self, connection: str, person: str = "lin", query: str = "") -> Response:
        """Sign in at a connection; returns the last page."""
        return self.choose(self.begin(connection, query), person)

    def cookie(self, name: str) -> str | None:
        """Return a cookie's value."""
        return next((cookie.value for cookie in self.wire.cookies if cookie.name == name), None)

    def cookies(self) -> dict[str, Any]:
        """Return all cookies of the bridge's and the provider's hosts."""
        return {cookie.name: cookie.value for cookie in self.wire.cookies}

    def lose(self, name: str) -> None:
        """Forget a cookie, as a browser that refuses it."""
        found = [cookie for cookie in self.wire.cookies if cookie.name == name]
        for cookie in found:
            self.wire.cookies.clear(cookie.domain, cookie.path, cookie.name)

    def _url(self, address: str) -> str:
        return address if "://" in address else f"{self.origin}{address}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
