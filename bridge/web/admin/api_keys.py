"""The console's API keys: who has one and what for, a new one, shown once, and the end of one.

Who sees what: operators every key; administrators of single connections those that reach one of theirs, without a word
about whom else such a key is for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final, Literal, cast

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _

from bridge.connections.expiry import LAST, URGENT
from bridge.core.errors import PageUnknown, RequestInvalid
from bridge.core.gate_errors import AdminNotAllowed, ApiKeyInvalid
from bridge.core.landing import LONGEST
from bridge.http import console
from bridge.http.current import services
from bridge.http.problem import Context, in_context
from bridge.web.admin.api_key_form import BY_DATE, DAYS, WORDS, Asked, Judged, asked_in, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask_babel.speaklater import LazyString

    from bridge.access.api_keys import ApiKey
    from bridge.access.rules import Administrator

api_keys = Blueprint("api_keys", __name__)

State = Literal["good", "soon", "imminent", "expired", "revoked"]

_ID: Final = re.compile(r"[0-9a-f]{12}")
_DAY: Final = 86_400
_UNPROCESSABLE: Final = 422
_MARK: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_FORM_LIFETIME: Final = 7 * 86_400
"""Seconds for which it is remembered that a form was sent."""
# What a page says after an act: how loudly, and the sentence.
_DONE: Final[dict[str, tuple[str, LazyString]]] = {
    "revoked": ("good", _("The key is revoked. Whatever uses it is refused from now on.")),
    "nothing": ("info", _("The key had ended already.")),
    "sent_before": (
        "warn",
        _("That form was sent before, and a key is shown only once. If it was lost, revoke it and make another one."),
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One key as an administrator sees it.

    Args:
        label: empty where the key is for others too, since it was written for them.
        connections: those that it reaches and that this administrator may see.
        others: how many further ones it reaches.
        days: whole days that are left.
        may_revoke: whether it is this administrator's to end.
    """

    key: ApiKey
    label: str
    connections: tuple[str, ...]
    others: int
    state: State
    days: int
    may_revoke: bool


@api_keys.get("/admin/api-keys")
def overview() -> str:
    """Show the keys that concern this administrator, those that have ended apart."""
    in_context(_context())
    admin, grants = console.current_admin(), _grants()
    rows = [row for key in services().api_keys.every() if (row := _row(key, admin, grants)) is not None]
    told = _DONE.get(request.args.get("done", ""))
    return render_template(
        "admin/api_keys/overview.html",
        living=[row for row in rows if row.state not in {"expired", "revoked"}],
        ended=[row for row in rows if row.state in {"expired", "revoked"}],
        words=WORDS,
        done=(told[0], str(told[1])) if told else None,
    )


@api_keys.get("/admin/api-keys/new")
def new() -> Response:
    """Ask what the key is for; an address may have begun to say so."""
    in_context(_context())
    admin = console.require_operator()
    return _form(admin, asked_in(request.args), Judged())


@api_keys.post("/admin/api-keys/new")
def make() -> Response:
    """Make a key and show it this once, in the answer itself: no address and no cookie ever holds it."""
    in_context(_context())
    admin = console.require_operator()
    console.require_own_form()
    asked = asked_in(request.form)
    judged = judge(asked, _grants(), author=admin.name, now=services().now())
    if judged.wanted is None or not console.is_fresh(admin):
        return _form(admin, asked, judged, status=_UNPROCESSABLE)
    if not _is_first_time(request.form.get("form", "")):
        return _see(url_for("api_keys.overview", done="sent_before"))
    key, text = services().api_keys.make(judged.wanted)
    for name in key.connections:
        services().journal.record_act("api_key_made", actor=admin.name, connection=name, api_key=key.id)
    page = render_template("admin/api_keys/made.html", key=key, text=text, words=WORDS)
    return Response(page, mimetype="text/html")


@api_keys.get("/admin/api-keys/<key_id>/revoke")
def ask_to_revoke(key_id: str) -> str:
    """Ask whether really this key is meant, and say what it is used for."""
    in_context(_context())
    row = _found(key_id, console.current_admin())
    return render_template("admin/api_keys/revoke.html", row=row, words=WORDS)


@api_keys.post("/admin/api-keys/<key_id>/revoke")
def revoke(key_id: str) -> Response:
    """End a key for good, at the word of somebody who has just signed in."""
    in_context(_context())
    admin = console.current_admin()
    console.require_own_form()
    row = _found(key_id, admin)
    if not row.may_revoke:
        raise AdminNotAllowed(expected="a key of this administrator's connections alone", received="one of others too")
    if not console.is_fresh(admin):
        return _see(url_for("door.again", next=url_for("api_keys.ask_to_revoke", key_id=row.key.id)))
    if row.state == "expired" or not services().api_keys.revoke(row.key.id):
        return _see(url_for("api_keys.overview", done="nothing"))
    # A name that another connection has by now is not the one that this was about.
    for name in row.connections or ("",):
        services().journal.record_act("api_key_revoked", actor=admin.name, connection=name, api_key=row.key.id)
    return _see(url_for("api_keys.overview", done="revoked"))


# What the pages show -------------------------------------------------------------------------------------------------


def _form(admin: Administrator, asked: Asked, judged: Judged, status: int = 200) -> Response:
    back = url_for("api_keys.new", **asked.filters())
    page = render_template(
        "admin/api_keys/form.html",
        asked=asked,
        faults=judged.faults,
        entries=services().register.entries(),
        titles=_titles(),
        words=WORDS,
        days=DAYS,
        by_date=BY_DATE,
        form_mark=token_urlsafe(16),
        is_fresh=console.is_fresh(admin),
        was_sent=request.method == "POST",
        again_url=url_for("door.again", next=back if len(back) <= LONGEST else url_for("api_keys.new")),
        is_kept_on_the_way=len(back) <= LONGEST,
    )
    return Response(page, status, mimetype="text/html")


def _row(key: ApiKey, admin: Administrator, grants: Mapping[str, int]) -> Row | None:
    """Return a key as this administrator may see it; None where it is none of their business."""
    living = [name for name, first in key.connections.items() if grants.get(name) == first]
    own = tuple(name for name in living if admin.may_see(name))
    if not own and not admin.is_operator:
        return None
    now, others = services().now(), len(living) - len(own)
    return Row(
        key=key,
        label="" if others else key.label,
        connections=own,
        others=others,
        state=_state(key, now),
        days=int((key.expires_at - now) // _DAY),
        may_revoke=not others,
    )


def _state(key: ApiKey, now: float) -> State:
    if key.revoked_at is not None:
        return "revoked"
    days = (key.expires_at - now) // _DAY
    if days < 0:
        return "expired"
    return "imminent" if days <= LAST else "soon" if days <= URGENT else "good"


def _found(key_id: str, admin: Administrator) -> Row:
    row = None
    if _ID.fullmatch(key_id):
        try:
            row = _row(services().api_keys.find(key_id), admin, _grants())
        except ApiKeyInvalid:
            row = None
    if row is None:
        # The same answer whether it exists or not.
        raise PageUnknown
    return row


def _grants() -> dict[str, int]:
    return {entry.name: entry.first_version for entry in services().register.entries()}


def _titles() -> dict[str, str]:
    register = services().register
    return {
        entry.name: register.version(entry.name, entry.active_version or entry.newest_version).document["title"]
        for entry in register.entries()
    }


# A form is good once -------------------------------------------------------------------------------------------------


def _is_first_time(mark: str) -> bool:
    """Say whether this form comes for the first time: whoever reloads the answer must not make a second key."""
    if not _MARK.fullmatch(mark):
        raise RequestInvalid(expected="a form of the console", received="another")
    now = services().now()
    known_as = sha256(f"api key form\n{console.session_id()}\n{mark}".encode()).hexdigest()
    return services().session_store.is_first_use(known_as, until=now + _FORM_LIFETIME, now=now)


def _context() -> Context:
    return Context("console", retry_url=url_for("api_keys.overview"))


def _see(url: str) -> Response:
    return cast("Response", redirect(url, 303))
