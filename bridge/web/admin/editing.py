"""Making and changing a connection: the form, its refusals at the fields, and discovery while it is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for

from bridge.core.errors import RequestInvalid
from bridge.core.keeping_errors import ConnectionChanged, ConnectionReadOnly
from bridge.core.wording import said
from bridge.http import console
from bridge.http.current import services
from bridge.web.admin import discovering
from bridge.web.admin.drafting import Placed, form_of, placed, values_of
from bridge.web.admin.forms import FORMS
from bridge.web.admin.keeping import again_url, typed_before, way_back
from bridge.web.admin.sheets import Sent, Sheet, kept_sheet, merged, new_sheet, number_of, read, sent

if TYPE_CHECKING:
    from collections.abc import Collection

    from bridge.core.model import Connection

editing = Blueprint("editing", __name__)

_UNPROCESSABLE: Final = 422
_CONFLICT: Final = 409


@editing.get("/admin/connections/new")
def new() -> Response | str:
    """Ask which kind of provider it is, then for what that kind needs."""
    admin = console.require_operator()
    kind = request.args.get("kind", "")
    if kind not in FORMS:
        return render_template("admin/editing/kinds.html")
    return _shown_anew(new_sheet(admin, kind))


@editing.post("/admin/connections/new")
def create() -> Response:
    """Keep a new connection as a draft."""
    admin = console.require_operator()
    console.require_own_form()
    kind = request.args.get("kind", "")
    if kind not in FORMS:
        raise RequestInvalid(expected="a kind of identity provider", received="another")
    return _taken(new_sheet(admin, kind))


@editing.get("/admin/connections/<name>/edit")
def edit(name: str) -> Response:
    """Show the newest version in its form."""
    admin = console.require_change(name)
    return _shown_anew(kept_sheet(admin, name))


@editing.post("/admin/connections/<name>/edit")
def save(name: str) -> Response:
    """Keep a changed version as a draft."""
    admin = console.require_change(name)
    console.require_own_form()
    return _taken(kept_sheet(admin, name, number_of(request.form.get("based_on", ""))))


@editing.post("/admin/connections/<name>/mapping-field")
def use_field(name: str) -> Response:
    """Make a draft that maps another field, from the version that a rehearsal looked at."""
    admin = console.require_change(name)
    console.require_own_form()
    sheet = kept_sheet(admin, name, number_of(request.form.get("version", "")))
    draft = services().entry.read({**sheet.table, "mapping_field": request.form.get("field", "").strip()}, sheet.kept)
    if draft.connection is None:
        raise RequestInvalid(expected="a field of the user information", received="another text")
    services().changes.save(draft.connection, actor=admin.name, based_on=sheet.based_on)
    return _see(url_for("connections.page", name=sheet.name, done="mapping"))


@editing.post("/admin/connections/discover")
def discover() -> Response:
    """Tell a form's script what the provider says of itself."""
    admin = console.current_admin()
    console.require_own_form()
    values = _texts_sent()
    if values.get("kind") not in FORMS:
        raise RequestInvalid(expected="a form of the console", received="another")
    former: Connection | None = None
    if name := values.get("connection", ""):
        console.require_change(name)
        former = kept_sheet(admin, name, number_of(values.get("based_on", ""))).former
    with console.slow_errand():
        return jsonify(discovering.discover(form_of(values["kind"], values), former))


def _texts_sent() -> dict[str, str]:
    try:
        asked = request.get_json(silent=True)
    except RecursionError:
        asked = None
    return {name: value for name, value in asked.items() if isinstance(value, str)} if isinstance(asked, dict) else {}


# What becomes of a form ----------------------------------------------------------------------------------------------


def _taken(sheet: Sheet) -> Response:
    one = sent(sheet)
    if one.touches_secrets and not console.is_fresh(sheet.admin):
        return _taken_without_secrets(sheet, one)
    draft, faults = read(sheet, one)
    if faults or draft.connection is None:
        found = placed(one.form, [(fault.key, fault.message) for fault in faults])
        return _shown(sheet, one.form, faults=found, dropped=one.dropped, status=_UNPROCESSABLE)
    return _saved(sheet, one, draft.connection, url_for("connections.page", name=draft.connection.name, done="saved"))


def _taken_without_secrets(sheet: Sheet, one: Sent) -> Response:
    """Keep everything but the secrets, which need a newer sign-in; where that cannot be kept, nothing typed is lost."""
    draft, faults = read(sheet, one.without_secrets())
    if faults or draft.connection is None:
        found = placed(one.form, [(fault.key, fault.message) for fault in faults if fault.key not in one.typed])
        return _shown(sheet, one.form, faults=found, dropped=one.dropped, status=_UNPROCESSABLE)
    return _saved(
        sheet, one, draft.connection, url_for("editing.edit", name=draft.connection.name, done="without_secret")
    )


def _saved(sheet: Sheet, one: Sent, connection: Connection, then: str) -> Response:
    try:
        services().changes.save(
            connection, actor=sheet.admin.name, based_on=sheet.based_on, vouches=sheet.admin.is_operator
        )
    except (ConnectionChanged, ConnectionReadOnly):
        if sheet.name:
            return _overtaken(sheet, one)
        taken = placed(one.form, [("name", said("is taken already; upper and lower case do not differ"))])
        return _shown(sheet, one.form, faults=taken, dropped=one.dropped, status=_UNPROCESSABLE)
    return _see(then)


def _overtaken(sheet: Sheet, one: Sent) -> Response:
    """Show what somebody else saved meanwhile, and what was typed on top of it."""
    newest = kept_sheet(sheet.admin, sheet.name)
    form, contested = merged(sheet, newest, one.form)
    changes = services().register.changes(sheet.name, sheet.based_on, newest.based_on)
    author = services().register.version(sheet.name, newest.based_on).author
    return _shown(
        newest, form, warnings=contested, dropped=one.dropped, status=_CONFLICT, changes=changes, author=author
    )


# How it is shown -----------------------------------------------------------------------------------------------------


def _shown_anew(sheet: Sheet) -> Response:
    before = typed_before(sheet.page, sheet.admin)
    form = form_of(sheet.kind, sheet.values | before)
    draft = services().entry.read(sheet.table, sheet.kept) if sheet.name else None
    faults = placed(form, [(fault.key, fault.message) for fault in draft.faults]) if draft else Placed()
    warnings = placed(form, draft.doubts) if draft else Placed()
    return _shown(sheet, form, faults=faults, warnings=warnings, came_back=bool(before))


def _shown(sheet: Sheet, form: Any, *, dropped: Collection[str] = (), status: int = 200, **more: Any) -> Response:
    """Show the form; `dropped` are the dotted keys of secrets that were typed and do not go back to the browser."""
    back = way_back(sheet.page, form, sheet.admin, sheet.values)
    context: dict[str, Any] = {"faults": Placed(), "warnings": Placed(), "changes": (), "author": ""} | more
    page = render_template(
        "admin/editing/form.html",
        **context,
        form=form,
        sheet=sheet,
        values=values_of(form),
        dropped=set(dropped),
        # Key pairs to make and kept secrets to forget: a form that comes back is as it was sent.
        ticked={*request.form.getlist("make_key"), *request.form.getlist("forget")},
        is_fresh=console.is_fresh(sheet.admin),
        again_url=again_url(back or sheet.page),
        is_kept_on_the_way=bool(back),
        public_url=services().site.public_url,
        done=request.args.get("done", ""),
    )
    return Response(page, status, mimetype="text/html")


def _see(url: str) -> Response:
    return cast("Response", redirect(url, 303))
