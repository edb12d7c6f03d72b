"""One agent's browser: it signs in, and its phone page does what the page's own script does."""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tests.load.tally import Tally
from tests.load.upstream import account_name, agent_of, approve
from tests.load.wire import Answer, Wire, WireBroken

if TYPE_CHECKING:
    import ssl

CONNECTION: Final = "contoso"
DEPARTURE, CALLBACK, PAGE, TOKEN = "departure", "callback", "page", "token"
SESSION, RENEWAL, LOGOUT = "session", "renewal", "logout"
_CSRF: Final = re.compile(rb'<meta name="csrf-token" content="([^"]+)"')
_CODE: Final = re.compile(rb'<code class="hb-code">([a-z_]+)</code>')
_NAVIGATION: Final = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
_SCRIPT: Final = "Accept: application/json\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"
_BROWSER: Final = (
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
    " Safari/537.36\r\nAccept-Language: zh-CN,zh;q=0.9,en;q=0.8\r\n"
)


class Failed(Exception):
    """A request went wrong, which is counted already."""


@dataclass
class Front:
    """What all browsers have in common: the address of the bridge, and who counts.

    Args:
        port: of nginx on loopback; `origin` is the bridge's own address there.
    """

    port: int
    context: ssl.SSLContext
    tally: Tally = field(default_factory=Tally)

    @property
    def origin(self) -> str:
        """The origin of the bridge's pages."""
        return f"https://localhost:{self.port}"


class Agent:
    """Somebody at work, at an address of their own.

    Args:
        lifetime: seconds of the first access token.

    `leaves_at` is when they sign out, in monotonic seconds, and `renew_at` when the bridge wants a renewal.
    """

    def __init__(self, front: Front, number: int, lifetime: int) -> None:
        self.number = number
        self.address = f"127.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        self.renew_at = 0
        self.leaves_at = math.inf
        self._front = front
        self._lifetime = lifetime
        self._wire = Wire(front.port, self.address, front.context)
        self._cookies: dict[str, tuple[str, str]] = {}
        self._csrf = ""

    async def sign_in(self, due: float | None = None) -> None:
        """Depart, come back with a code, see the page, and fetch the token.

        Args:
            due: when the agent wanted to begin, in monotonic seconds: waiting for their turn counts too.

        Raises:
            Failed: a step did not lead where it should.
        """
        departed = await self._ask(DEPARTURE, f"/login/{CONNECTION}", 302, since=due)
        returned = urlsplit(approve(departed.header("location"), self.number, self._lifetime))
        landed = await self._ask(CALLBACK, f"{returned.path}?{returned.query}", 303)
        page = await self._ask(PAGE, urlsplit(landed.header("location")).path, 200)
        self._csrf = self._found(PAGE, _CSRF.search(page.body))
        await self._fetch()
        await self.beat()

    async def beat(self) -> None:
        """Ask whether the session lives, as the page does every 25 seconds; raises Failed."""
        members = self._members(await self._ask(SESSION, "/session", 200))
        self._demand(SESSION, members["account_name"] == account_name(self.number), "another agent")
        self.renew_at = members["renew_at"]

    @property
    def stays(self) -> bool:
        """Whether they do not sign out."""
        return math.isinf(self.leaves_at)

    @property
    def is_due(self) -> bool:
        """Whether a renewal is due, as the bridge said."""
        return 0 < self.renew_at <= time.time()

    async def renew(self) -> None:
        """Get a fresh token; raises Failed."""
        self._check_token(RENEWAL, await self._ask(RENEWAL, "/session/renew", 200, is_post=True))
        self.renew_at = 0

    async def leave(self) -> None:
        """Sign out, and see that nothing is left; raises Failed."""
        old = dict(self._cookies)
        await self._ask(LOGOUT, "/logout", 303, is_post=True, is_script=False)
        self._cookies = old
        await self._ask("after logout", "/session", 401)
        self.close()

    def close(self) -> None:
        """Close the browser."""
        self._wire.close()

    async def _fetch(self) -> None:
        self._check_token(TOKEN, await self._ask(TOKEN, "/session/token", 200, is_post=True))

    def _check_token(self, kind: str, answer: Answer) -> None:
        self._demand(kind, agent_of(self._members(answer)["access_token"]) == self.number, "another agent's token")

    async def _ask(
        self,
        kind: str,
        path: str,
        expected: int,
        *,
        is_post: bool = False,
        is_script: bool | None = None,
        since: float | None = None,
    ) -> Answer:
        tally, opened = self._front.tally, self._wire.opened
        is_script = is_post or kind in (SESSION, "after logout") if is_script is None else is_script
        started = time.monotonic() if since is None else since
        try:
            answer = await self._wire.ask(self._request(path, is_post=is_post, is_script=is_script))
        except WireBroken as broken:
            tally.faults[f"{kind}: {broken}"] += 1
            raise Failed(kind) from broken
        tally.seconds[kind].append(time.monotonic() - started)
        tally.connections += self._wire.opened - opened
        self._keep_cookies(answer)
        self._demand(kind, answer.status == expected, f"{answer.status} {_code(answer)}".strip())
        return answer

    def _request(self, path: str, *, is_post: bool, is_script: bool) -> bytes:
        pure = path.partition("?")[0]
        cookies = "; ".join(f"{name}={value}" for name, (value, where) in self._cookies.items() if _fits(pure, where))
        lines = [f"{'POST' if is_post else 'GET'} {path} HTTP/1.1", f"Host: localhost:{self._front.port}"]
        if is_post:
            lines += [f"Origin: {self._front.origin}", f"X-CSRF-Token: {self._csrf}", "Content-Length: 0"]
        if cookies:
            lines.append(f"Cookie: {cookies}")
        return ("\r\n".join(lines) + "\r\n" + _BROWSER + (_SCRIPT if is_script else _NAVIGATION) + "\r\n").encode()

    def _keep_cookies(self, answer: Answer) -> None:
        for name, value in answer.headers:
            if name == "set-cookie":
                pair, *attributes = value.split("; ")
                cookie, _, content = pair.partition("=")
                where = next((one[5:] for one in attributes if one.startswith("Path=")), "/")
                if "Max-Age=0" in attributes:
                    self._cookies.pop(cookie, None)
                else:
                    self._cookies[cookie] = (content, where)

    def _members(self, answer: Answer) -> dict[str, Any]:
        return dict(json.loads(answer.body))

    def _found(self, kind: str, match: re.Match[bytes] | None) -> str:
        self._demand(kind, match is not None, "without a CSRF token")
        return match[1].decode() if match else ""

    def _demand(self, kind: str, condition: object, otherwise: str) -> None:
        if not condition:
            self._front.tally.faults[f"{kind}: {otherwise}"] += 1
            raise Failed(kind)


def _fits(path: str, where: str) -> bool:
    return where in {"/", path} or path.startswith(f"{where}/")


def _code(answer: Answer) -> str:
    """Return the code of a refusal: a problem's member, or the first word in code's type on a page that tells one."""
    if "json" not in answer.header("content-type"):
        found = _CODE.search(answer.body)
        return found[1].decode() if found else ""
    try:
        return str(json.loads(answer.body).get("code", ""))
    except (ValueError, AttributeError):
        return ""
