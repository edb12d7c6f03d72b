"""A business software whose people are signed in there already: it opens the phone for them, without any provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import requests
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

    from bridge.sandbox.platforms import Platform

COOKIE: Final = "crm_person"
_PATIENCE: Final = 30
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who works with the CRM; `account_name` is that of the agent in the contact center."""

    account_name: str
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom the people of the CRM look after."""

    name: str
    company: str
    number: str
    stage: str
    last: str


class Refused(Exception):
    """The bridge gave no hand-off; `code` as its problem document says (RFC 9457), or one of the CRM's own."""

    def __init__(self, code: str, title: str, detail: str = "", reference: str = "") -> None:
        self.code = code
        self.title = title
        self.detail = detail
        self.reference = reference
        super().__init__(f"{code}: {title}")


COLLEAGUES: Final = {
    one.account_name: one
    for one in (
        Colleague("lin", "小林", "agent, ready to take calls"),
        Colleague("王芳", "王芳", "agent with a Chinese account name"),
        Colleague("nora", "Nora Newcomer", "colleague without an agent"),
        Colleague("kim", "Kim Frozen", "agent who is frozen"),
    )
}
CUSTOMERS: Final = (
    Customer("陈静", "明德贸易", "13800000021", "Waiting", "Asked for a call back, 10 minutes ago"),
    Customer("Paul Weber", "Weber Logistics", "13800000022", "Open", "Delivery is a day late"),
    Customer("李强", "华新制造", "13800000023", "Open", "Wants an offer for 200 seats"),
    Customer("Amara Okafor", "Okafor Textiles", "13800000024", "Settled", "Invoice was corrected"),
)


def crm(platform: Platform | None) -> Blueprint:
    """Return the pages below ``/crm``; without a platform they say how to give one."""
    room = Blueprint("crm", __name__, url_prefix="/crm")
    desk = Crm(platform)
    room.before_request(_refuse_foreign_pages)
    room.add_url_rule("", "page", desk.page)
    room.add_url_rule("/person", "person", desk.choose, methods=["POST"])
    room.add_url_rule("/phone", "phone", desk.open_phone, methods=["POST"])
    return room


def _refuse_foreign_pages() -> AnyResponse | None:
    # Another site's form would sign its reader in to the phone, as whoever they are here.
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return Response("This comes from another site.", 403, mimetype="text/plain")
    return None


class Crm:
    """The views, and the back end's one request."""

    def __init__(self, platform: Platform | None) -> None:
        self.platform = platform

    def page(self) -> AnyResponse:
        """Show the customers, or the question who looks at them."""
        return self._shown()

    def choose(self) -> AnyResponse:
        """Become one of the people, or nobody: where a real one has its own sign-in."""
        answer = redirect(url_for("crm.page"), 303)
        chosen = request.form.get("person", "")
        if chosen in COLLEAGUES:
            answer.set_cookie(COOKIE, quote(chosen), path="/crm", httponly=True, samesite="Lax")
        else:
            answer.delete_cookie(COOKIE, path="/crm")
        return answer

    def open_phone(self) -> AnyResponse:
        """Ask the bridge for a hand-off, and send the browser there at once: it is good for a minute."""
        person = _present()
        if self.platform is None or person is None:
            return redirect(url_for("crm.page"), 303)
        try:
            answer = redirect(handoff(self.platform, person), 303)
        except Refused as refusal:
            return self._shown(refusal)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _shown(self, refusal: Refused | None = None) -> AnyResponse:
        page = render_template(
            "crm.html",
            platform=self.platform,
            person=_present(),
            colleagues=COLLEAGUES.values(),
            customers=CUSTOMERS,
            refusal=refusal,
        )
        return make_response(page, 502 if refusal else 200, {"Cache-Control": "no-store"})


def _present() -> Colleague | None:
    wanted = request.cookies.get(COOKIE, "")
    return next((one for name, one in COLLEAGUES.items() if quote(name) == wanted), None)


def handoff(platform: Platform, person: Colleague) -> str:
    """Return the address that opens the phone for a person, as the bridge answers it.

    Raises:
        Refused: the bridge refused, is not there, or answered an address that is not its own.
    """
    url = f"{platform.bridge_url}/api/v1/connections/{quote(platform.connection, safe='')}/handoff"
    asked = {"account_name": person.account_name, "display_name": person.name}
    try:
        with requests.Session() as wire:
            wire.trust_env = False  # a .netrc of this machine would replace the key
            answer = wire.post(
                url,
                json=asked,
                headers={"Authorization": f"Bearer {platform.api_key}"},
                allow_redirects=False,
                timeout=_PATIENCE,
            )
    except requests.RequestException as fault:
        raise Refused("bridge_unreachable", "The bridge does not answer") from fault
    said = _members(answer)
    if not answer.ok:
        raise _refusal(answer.status_code, said)
    if not str(said.get("url", "")).startswith(f"{platform.bridge_url}/"):
        raise Refused("bridge_answer_invalid", "The bridge answered no address of its own")
    return str(said["url"])


def _members(answer: requests.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _refusal(status: int, problem: dict[str, Any]) -> Refused:
    def told(name: str) -> str:
        return str(problem.get(name, ""))

    title = told("title").removesuffix(".") or f"The bridge answered with status {status}"
    # Both are the bridge's extensions of RFC 9457, whose own detail often repeats the title.
    detail = f"Expected {told('expected')}, received {told('received')}." if told("expected") else ""
    return Refused(told("code") or f"http_{status}", title, detail, told("reference"))
