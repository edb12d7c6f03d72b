"""The console's connections: the list with its health, one connection with its next step, its history, and its acts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, cast

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _

from bridge.core.errors import ConnectionUnknown, PageUnknown
from bridge.core.keeping_errors import RehearsalMissing
from bridge.http import console
from bridge.http.current import services
from bridge.http.problem import Context, in_context
from bridge.signin.checklist import checklist
from bridge.signin.findings import next_step
from bridge.web.admin import standing

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

    from bridge.connections.draft import Draft
    from bridge.connections.rows import Entry, Version
    from bridge.core.model import Connection
    from bridge.signin.rehearsal import Rehearsal

connections = Blueprint("connections", __name__)

_NUMBER: Final = re.compile(r"[0-9]{1,6}")
# What a page says after an act: how loudly, and the sentence.
_DONE: Final[dict[str, tuple[str, LazyString]]] = {
    "saved": ("good", _("Saved as a draft. Nothing has changed yet for those who sign in.")),
    "mapping": ("good", _("The mapping field was changed in a draft. Test it once more, then activate it.")),
    "unchanged": ("info", _("Nothing was changed.")),
    "activated": ("good", _("The connection is active. Within a few seconds everybody signs in by this version.")),
    "untested": (
        "stop",
        _("It was not activated: this version has not passed a test yet, so nobody knows whether people can sign in."),
    ),
    "deactivated": ("good", _("The connection is switched off. Nobody can sign in through it now.")),
    "removed": ("good", _("The connection was removed. Its journal stays.")),
    "rolled_back": ("good", _("The earlier version is in use again.")),
    "rolled_back_draft": (
        "info",
        _("The earlier version waits as a draft, since it has not passed a test as it is. Test it, then activate it."),
    ),
    "rolled_back_waits": ("info", _("The earlier version is the newest again. Activate it and it is in use.")),
    "domain_verified": ("good", _("The domain is verified. Its people are now led to this connection.")),
    "domain_missing": (
        "warn",
        _("The record was not found. A new record can take an hour until it is seen everywhere; then check once more."),
    ),
    "domain_accepted": ("good", _("The domain is accepted. Its people are now led to this connection.")),
}


@dataclass(frozen=True, slots=True)
class Card:
    """One connection in the list.

    Args:
        version: what sign-ins use, or the draft where nothing was ever activated.
        last_success: epoch seconds, 0 for never.
    """

    entry: Entry
    version: Version
    test: standing.Proof
    day: standing.Day
    last_success: float
    matters: list[standing.Matter]


@connections.get("/admin/connections")
def overview() -> str:
    """Show every connection that concerns this administrator."""
    admin = console.current_admin()
    entries = [one for one in services().register.entries() if admin.may_see(one.name)]
    now = services().now()
    days = standing.days_by_connection(services().trail.sign_ins(standing.since_when(now)), now)
    last = _lower(services().trail.last_success())
    cards = [_card(one, days.get(one.name.lower(), standing.quiet_day(now)), last) for one in entries]
    return render_template("admin/connections/overview.html", cards=cards, done=_done())


@connections.get("/admin/connections/<name>")
def page(name: str) -> str:
    """Show one connection: what is active, what waits, and the next step."""
    in_context(_context())
    admin = console.require_sight(name)
    entry = services().register.entry(name)
    now, register = services().now(), services().register
    newest = register.version(entry.name, entry.newest_version)
    active = register.version(entry.name, entry.active_version) if entry.active_version else None
    done = _rehearsals(entry)
    days = standing.days_by_connection(services().trail.sign_ins(standing.since_when(now)), now)
    test, draft = standing.test_of(done, newest.digest), _draft(entry, newest)
    following, connection = _following(test), draft.connection if draft else None
    return render_template(
        "admin/connections/page.html",
        entry=entry,
        newest=newest,
        active=active,
        changes=register.changes(entry.name, entry.active_version, newest.number) if entry.has_draft else [],
        test=test,
        active_test=standing.test_of(done, active.digest) if active else None,
        following=following,
        steps=_steps(entry, newest, test, following, connection),
        to_look_at=[item.text for item in checklist(connection, (), "")] if connection else [],
        can_be_tested=standing.can_be_tested,
        day=days.get(entry.name.lower(), standing.quiet_day(now)),
        last_success=_lower(services().trail.last_success()).get(entry.name.lower(), 0.0),
        expiries=standing.expiries(newest.document, now),
        draft=draft,
        domains=_domains(entry, newest),
        may_change=not entry.is_read_only and _may_change(entry),
        may_accept=admin.is_operator,
        public_url=services().site.public_url,
        api_url=f"{services().site.public_url}/api/v1/connections/{entry.name}",
        done=_done(),
    )


@connections.get("/admin/connections/<name>/history")
def history(name: str) -> str:
    """Show every version with its author, its test and, on demand, how it differs from another."""
    in_context(_context())
    console.require_sight(name)
    entry = services().register.entry(name)
    versions = services().register.history(entry.name)
    done = _rehearsals(entry)
    numbers = {one.number for one in versions}
    before, after = _number(request.args.get("before", "")), _number(request.args.get("after", ""))
    compared = after in numbers and (before in numbers or before == 0)
    return render_template(
        "admin/connections/history.html",
        entry=entry,
        title=next((one for one in versions if one.number == entry.active_version), versions[0]).document["title"],
        versions=versions,
        tests={one.number: standing.test_of(done, one.digest) for one in versions},
        can_be_tested=standing.can_be_tested,
        like=standing.like_which(versions),
        older={newer.number: older.number for newer, older in pairwise(versions)},
        changes=services().register.changes(entry.name, before, after) if compared else None,
        before=before,
        after=after,
        may_change=not entry.is_read_only and _may_change(entry),
    )


# Acts ----------------------------------------------------------------------------------------------------------------


@connections.post("/admin/connections/<name>/activate")
def activate(name: str) -> Response:
    """Let sign-ins use a version; without a passed test only by a deliberate word."""
    entry, actor = _to_change(name)
    override, admin, number = request.form.get("override") == "yes", console.current_admin(), _form_version()
    if not console.is_fresh(admin) and (override or services().changes.asks_for_fresh_sign_in(entry.name, number)):
        return _see(url_for("door.again", next=url_for("connections.page", name=entry.name)))
    try:
        services().changes.activate(
            entry.name, number, actor=actor, without_rehearsal=override, by_operator=admin.is_operator
        )
    except RehearsalMissing:
        return _back(entry, "untested")
    return _back(entry, "activated")


@connections.post("/admin/connections/<name>/deactivate")
def deactivate(name: str) -> Response:
    """Let nobody sign in through the connection."""
    entry, actor = _to_change(name)
    services().changes.deactivate(entry.name, actor=actor)
    return _back(entry, "deactivated")


@connections.post("/admin/connections/<name>/remove")
def remove(name: str) -> Response:
    """Take the connection away; its history and journal stay."""
    entry, actor = _to_change(name)
    services().changes.remove(entry.name, actor=actor)
    return _see(url_for("connections.overview", done="removed"))


@connections.post("/admin/connections/<name>/roll-back")
def roll_back(name: str) -> Response:
    """Bring an earlier version back; one without a passed test waits as a draft."""
    entry, actor = _to_change(name)
    override, admin, number = request.form.get("override") == "yes", console.current_admin(), _form_version()
    if not console.is_fresh(admin) and (override or services().changes.asks_for_fresh_sign_in(entry.name, number)):
        return _see(url_for("door.again", next=url_for("connections.page", name=entry.name)))
    try:
        services().changes.roll_back(
            entry.name, number, actor=actor, without_rehearsal=override, by_operator=admin.is_operator
        )
    except RehearsalMissing:
        return _back(entry, "rolled_back_draft")
    return _back(entry, "rolled_back" if entry.state == "active" else "rolled_back_waits")


@connections.post("/admin/connections/<name>/domains/<domain>/check")
def check_domain(name: str, domain: str) -> Response:
    """Ask the domain for its record."""
    entry, actor = _to_change(name)
    with console.slow_errand():
        found = services().domains.check(entry.name, _known_domain(entry, domain))
    if found:
        services().journal.record_act("domain_verified", actor=actor, connection=entry.name, domain=domain)
        services().connections.refresh()
    return _back(entry, "domain_verified" if found else "domain_missing")


@connections.post("/admin/connections/<name>/domains/<domain>/accept")
def accept_domain(name: str, domain: str) -> Response:
    """Take an operator's word for a domain."""
    console.require_operator()
    entry, actor = _to_change(name)
    services().domains.accept(entry.name, _known_domain(entry, domain), "operator")
    services().journal.record_act("domain_accepted", actor=actor, connection=entry.name, domain=domain)
    services().connections.refresh()
    return _back(entry, "domain_accepted")


def _to_change(name: str) -> tuple[Entry, str]:
    in_context(_context())
    admin = console.require_change(name)
    console.require_own_form()
    entry = services().register.entry(name)
    in_context(_context(entry))
    return entry, admin.name


def _form_version() -> int:
    return _number(request.form.get("version", ""))


def _known_domain(entry: Entry, domain: str) -> str:
    version = services().register.version(entry.name, entry.newest_version)
    if domain not in version.document.get("domains", ()):
        raise PageUnknown
    return domain


# What the pages show -------------------------------------------------------------------------------------------------


def _card(entry: Entry, day: standing.Day, last_success: dict[str, float]) -> Card:
    register, now = services().register, services().now()
    newest = register.version(entry.name, entry.newest_version)
    shown = register.version(entry.name, entry.active_version) if entry.active_version else newest
    test = standing.test_of(_rehearsals(entry), newest.digest)
    found = standing.matters(entry, shown, test, day, now, is_testable=standing.can_be_tested(newest))
    draft = _draft(entry, newest)
    if draft is None:
        found.insert(0, standing.Matter("unreadable", "stop"))
    elif draft.doubts:
        found.append(standing.Matter("doubts", "info", count=len(draft.doubts)))
    open_domains = [domain for domain, how, _record in _domains(entry, newest) if not how]
    if open_domains:
        found.append(standing.Matter("domain_open", "info", key=open_domains[0], count=len(open_domains)))
    return Card(entry, shown, test, day, last_success.get(entry.name.lower(), 0.0), found)


def _rehearsals(entry: Entry) -> list[Rehearsal]:
    """Return the connection's rehearsals, newest first, but none of a removed one that had its name before."""
    return [done for done in services().rehearsals.of(entry.name) if done.version >= entry.first_version]


def _draft(entry: Entry, version: Version) -> Draft | None:
    """Return the version with its faults and doubts; None where its secrets cannot be opened any more."""
    register, way = services().register, services().entry
    try:
        connection: Connection = register.connection(entry.name, version.number)
        return way.read(way.table(connection), register.secrets(entry.name, version.number))
    except ConnectionUnknown:
        return None


def _domains(entry: Entry, version: Version) -> list[tuple[str, str, str]]:
    """Return each domain, how it was verified (empty: not yet), and the record that would prove it."""
    verified: dict[str, Any] = dict(services().domains.verified(entry.name))
    domains = version.document.get("domains", ())
    if entry.is_read_only:
        return [(domain, "file", "") for domain in domains]
    return [(one, verified.get(one, ""), services().domains.record(entry.name, one)) for one in domains]


def _following(test: standing.Proof) -> str:
    """Return what to do after the last test, as `findings.next_step` names it; empty where there is none to tell."""
    if test.last is None:
        return ""
    try:
        return next_step(services().rehearsals.get(test.last.id).steps)
    except PageUnknown:
        return ""


def _steps(
    entry: Entry, newest: Version, test: standing.Proof, following: str, connection: Connection | None
) -> list[dict[str, str]]:
    """Return the way from a draft to a connection that works; a good test proves the portal's values, too.

    Args:
        connection: the newest version; None as long as something in it has to be put right.
    """
    if entry.is_read_only or (entry.state == "active" and not entry.has_draft):
        return []
    mode = newest.document["mode"]
    states = _states(test, is_refused=following == "portal")
    if mode == "jwt":
        states = _states_of_jwt(test, states, has_key=connection is not None and _is_key_known(entry, connection))
    elif mode == "frontend":
        states = {"fill": "done", "portal": "now", "activate": "todo"}
    if connection is None:
        states = {key: "now" if key == "fill" else "todo" for key in states}
    leads = {"fill": url_for("editing.edit", name=entry.name), "portal": url_for("portal.sheet", name=entry.name)}
    return [{"key": key, "state": state, "url": leads.get(key, "")} for key, state in states.items()]


def _states(test: standing.Proof, *, is_refused: bool) -> dict[str, str]:
    return {
        "fill": "done",
        "test": {"good": "done", "failed": "failed" if is_refused else "now", "missing": "now"}[test.outcome],
        "portal": "done" if test.outcome == "good" else "now" if is_refused else "todo",
        "activate": "now" if test.outcome == "good" else "todo",
    }


def _states_of_jwt(test: standing.Proof, states: dict[str, str], *, has_key: bool) -> dict[str, str]:
    """Put the portal first: no test can pass before Fuyun has the public key."""
    portal, tried = states["portal"], states["test"]
    if test.outcome == "missing" and not has_key:
        portal, tried = "now", "todo"
    elif portal == "todo":
        portal = "done"
    return {"fill": "done", "portal": portal, "test": tried, "activate": states["activate"]}


def _is_key_known(entry: Entry, connection: Connection) -> bool:
    """Say whether the portal has the key already, since another version signs with it."""
    if not entry.active_version or connection.jwt is None:
        return False
    try:
        former = services().register.connection(entry.name, entry.active_version)
    except ConnectionUnknown:
        return False
    if former.mode != "jwt" or former.jwt is None:
        return False
    keys = (former.jwt.private_key, former.jwt.next_private_key)
    return former.jwt.issuer == connection.jwt.issuer and connection.jwt.private_key in keys


def _may_change(entry: Entry) -> bool:
    admin = console.current_admin()
    return admin.is_operator or not services().admin_rules.is_trusted_with_more(entry.name)


def _done() -> tuple[str, str] | None:
    told = _DONE.get(request.args.get("done", ""))
    return (told[0], str(told[1])) if told else None


def _context(entry: Entry | None = None) -> Context:
    back = url_for("connections.page", name=entry.name) if entry else url_for("connections.overview")
    return Context("console", entry.name if entry else "", retry_url=back)


def _number(text: str) -> int:
    return int(text) if _NUMBER.fullmatch(text) else 0


def _lower(times: dict[str, float]) -> dict[str, float]:
    return {name.lower(): at for name, at in times.items()}


def _back(entry: Entry, done: str) -> Response:
    return _see(url_for("connections.page", name=entry.name, done=done))


def _see(url: str) -> Response:
    return cast("Response", redirect(url, 303))
