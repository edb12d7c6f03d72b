"""The console's sessions: who is signed in to the phone now, and the end of one session, of a person's, or of all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _

from bridge.core.errors import RequestInvalid
from bridge.http import console
from bridge.http.current import services
from bridge.http.problem import Context, in_context
from bridge.web.admin import people

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flask_babel.speaklater import LazyString

    from bridge.connections.rows import Entry
    from bridge.signin.agent_session import LiveSession

sessions = Blueprint("sessions", __name__)

_NUMBER: Final = re.compile(r"[0-9]{1,6}")
_LONGEST: Final = 320
# What a page says after an act: how loudly, and the sentence.
_DONE: Final[dict[str, tuple[str, LazyString]]] = {
    "ended": ("good", _("The session has ended. An open page of the agent notices it within 30 seconds.")),
    "person": ("good", _("All sessions of this person have ended. Their open pages notice it within 30 seconds.")),
    "all": ("good", _("All sessions of this connection have ended. Open pages notice it within 30 seconds.")),
    "nothing": ("info", _("There was nothing to end any more.")),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for, and the page of it."""

    q: str = ""
    page: int = 1

    def filters(self) -> dict[str, Any]:
        """Return what an address has to say; what goes without saying is left out."""
        return ({"q": self.q} if self.q else {}) | ({"page": self.page} if self.page > 1 else {})


@sessions.get("/admin/sessions")
def overview() -> str:
    """Show everybody who is signed in, at every connection that concerns this administrator."""
    in_context(Context("console", retry_url=url_for("sessions.overview")))
    admin = console.current_admin()
    names = [entry.name for entry in services().register.entries() if admin.may_see(entry.name)]
    return _shown(chain.from_iterable(map(services().agent_sessions.of_connection, names)), None)


@sessions.get("/admin/connections/<name>/sessions")
def of_connection(name: str) -> str:
    """Show everybody who is signed in at one connection."""
    entry = _in_sight(name)
    return _shown(services().agent_sessions.of_connection(entry.name), entry)


@sessions.get("/admin/connections/<name>/sessions/end-all")
def ask_to_end_all(name: str) -> str:
    """Ask whether really everybody is meant, and say how many that are."""
    entry = _in_sight(name)
    everybody = people.signed_in(services().agent_sessions.of_connection(entry.name))
    return render_template(
        "admin/sessions/end_all.html", entry=entry, title=_title(entry), crowd=people.crowd(everybody, 1)
    )


# Acts ----------------------------------------------------------------------------------------------------------------


@sessions.post("/admin/connections/<name>/sessions/end")
def end(name: str) -> Response:
    """End the session with this handle, or every session of this person; what has ended already is no fault."""
    entry = _to_end(name)
    handle, person = (request.form.get(field, "") for field in ("handle", "person"))
    if bool(handle) == bool(person):
        raise RequestInvalid(expected="a handle or a person", received="both" if handle else "neither")
    ended = _end(entry, [handle] if handle else _handles(entry, person))
    asked, done = _asked(request.form), ("ended" if handle else "person") if ended else "nothing"
    if request.form.get("everywhere"):
        return _see(url_for("sessions.overview", done=done, **asked.filters()))
    return _see(url_for("sessions.of_connection", name=entry.name, done=done, **asked.filters()))


@sessions.post("/admin/connections/<name>/sessions/end-all")
def end_all(name: str) -> Response:
    """End every session of the connection, at the word of somebody who has just signed in."""
    entry = _to_end(name)
    if not console.is_fresh(console.current_admin()):
        return _see(url_for("door.again", next=url_for("sessions.ask_to_end_all", name=entry.name)))
    done = "all" if _end(entry, None) else "nothing"
    return _see(url_for("sessions.of_connection", name=entry.name, done=done))


def _in_sight(name: str) -> Entry:
    in_context(Context("console", retry_url=url_for("sessions.overview")))
    console.require_sight(name)
    entry = services().register.entry(name)
    in_context(Context("console", entry.name, retry_url=url_for("sessions.of_connection", name=entry.name)))
    return entry


def _to_end(name: str) -> Entry:
    # Sight is enough, also where operators come in: whose session ends loses a phone, and nobody gains a right.
    entry = _in_sight(name)
    console.require_own_form()
    return entry


def _end(entry: Entry, handles: Iterable[str] | None) -> int:
    return services().endings.by_admin(entry.name, handles, actor=console.current_admin().name)


def _handles(entry: Entry, person: str) -> list[str]:
    found = services().agent_sessions.of_connection(entry.name)
    return [live.session.handle for live in found if people.key_of(live.session) == person]


# What the pages show -------------------------------------------------------------------------------------------------


def _shown(found: Iterable[LiveSession], entry: Entry | None) -> str:
    asked, now = _asked(request.args), services().now()
    crowd = people.crowd(list(people.matching(people.signed_in(found), asked.q)), asked.page)
    return render_template(
        "admin/sessions/overview.html",
        entry=entry,
        title=_title(entry) if entry else "",
        crowd=crowd,
        asked=asked,
        here=_here(entry),
        former_url=_here(entry, Asked(asked.q, crowd.number - 1)) if crowd.number > 1 else "",
        next_url=_here(entry, Asked(asked.q, crowd.number + 1)) if crowd.number < crowd.last else "",
        age=lambda at: people.age(now - at),
        done=_done(),
    )


def _here(entry: Entry | None, asked: Asked | None = None) -> str:
    filters = asked.filters() if asked else {}
    if entry is None:
        return url_for("sessions.overview", **filters)
    return url_for("sessions.of_connection", name=entry.name, **filters)


def _title(entry: Entry) -> str:
    version = services().register.version(entry.name, entry.active_version or entry.newest_version)
    return str(version.document["title"])


def _asked(given: Mapping[str, str]) -> Asked:
    page = given.get("page", "")
    return Asked(given.get("q", "").strip()[:_LONGEST], int(page) if _NUMBER.fullmatch(page) else 1)


def _done() -> tuple[str, str] | None:
    told = _DONE.get(request.args.get("done", ""))
    return (told[0], str(told[1])) if told else None


def _see(url: str) -> Response:
    return cast("Response", redirect(url, 303))
