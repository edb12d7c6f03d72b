"""The console's import of many agents: a file is compared first, then worked off by steps that the page drives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from werkzeug.exceptions import RequestEntityTooLarge

from bridge.core.contact_center_errors import RosterInvalid
from bridge.core.spreadsheet import MARK, csv_line
from bridge.http import console
from bridge.http.contact_center import place_in_sight, place_to_change
from bridge.http.current import services
from bridge.http.guard import wants_page
from bridge.http.texts import explain
from bridge.provisioning.bulk import Wishes
from bridge.provisioning.lines import LARGEST
from bridge.provisioning.report import report
from bridge.provisioning.roster_file import HEADS, read_roster
from bridge.web.admin import places
from bridge.web.admin.call_words import Wall

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

    from bridge.http.contact_center import Place
    from bridge.provisioning.import_rows import Job

agents_import = Blueprint("agents_import", __name__)

_BASE: Final = "/admin/connections/<name>/agents/import"
_LARGEST_UPLOAD: Final = LARGEST + 1024 * 1024
_PAGE: Final = 100
_PATIENCE: Final = 60.0
_WISHES: Final = ("delete_missing", "delete_many", "also_frozen", "also_deleted")
# What becomes of rows: how it looks, and the words.
_ACTS: Final[dict[str, tuple[str, LazyString]]] = {
    "create": ("good", _("New")),
    "update": ("wait", _("Changed")),
    "delete": ("stop", _("Deleted")),
    "faulty": ("stop", _("Faulty")),
    "frozen": ("idle", _("Frozen, left alone")),
    "deleted": ("idle", _("Deleted before, left alone")),
    "unchanged": ("idle", _("As it is")),
}
_RESULTS: Final[dict[str, tuple[str, LazyString]]] = {
    "done": ("good", _("Done")),
    "skipped": ("idle", _("Left alone")),
    "refused": ("stop", _("Refused")),
    "uncertain": ("wait", _("Being found out")),
    "waiting": ("plain", _("Waiting")),
}
_DONE: Final[places.Done] = {
    "dropped": ("good", _("The import was discarded. What it had changed before stays changed.")),
}


@agents_import.get(_BASE)
def overview(name: str) -> str:
    """Ask for a file, and show the imports of the last days, which can be gone on with."""
    return _form(place_in_sight(name))


@agents_import.post(_BASE)
def begin(name: str) -> Response:
    """Take a file and compare it; nothing is changed yet."""
    # Larger than any other form; nobody but an administrator comes as far as reading it.
    request.max_content_length = request.max_form_memory_size = _LARGEST_UPLOAD
    place = place_in_sight(name)
    try:
        console.require_own_form()
        wishes = Wishes(**{wish: wish in request.form for wish in _WISHES})
        with console.slow_errand(), services().outbound.in_a_hurry(_PATIENCE):
            rows = read_roster(_sent())
            entry = services().register.entry(place.name)
            job_id = services().agent_imports.begin(
                entry, place.instance, rows, wishes, author=place.admin.name, file=_file_name()
            )
    except RequestEntityTooLarge:
        return _refused(place, gettext("The file is larger than 5 MB."))
    except RosterInvalid as refusal:
        return _refused(
            place,
            gettext(
                "The file cannot be used: expected %(expected)s, found %(received)s.",
                expected=refusal.expected,
                received=refusal.received,
            ),
        )
    return places.see(url_for("agents_import.show", name=place.name, job_id=job_id))


@agents_import.get(f"{_BASE}/template.csv")
def template_csv(name: str) -> Response:
    """Send an empty list to fill in: the first line alone."""
    place_in_sight(name)
    headers = {"Content-Disposition": 'attachment; filename="agents.csv"'}
    return Response((MARK + csv_line(HEADS[:-1])).encode(), mimetype="text/csv", headers=headers)


@agents_import.get(f"{_BASE}/<job_id>")
def show(name: str, job_id: str) -> str:
    """Show how far an import is, and its rows: those of one act, or all."""
    place = place_in_sight(name)
    job = _job(place, job_id)
    act = request.args.get("act", "")
    act = act if act in _ACTS else ""
    count = job.acting(act) if act else job.rows
    last = max(-(-count // _PAGE), 1)
    number = min(max(places.page_of(request.args), 1), last)
    return render_template(
        "admin/contact_center/import_job.html",
        place=place,
        job=job,
        outcomes=services().agent_imports.outcomes(job, act, (number - 1) * _PAGE, _PAGE),
        act=act,
        acts=_ACTS,
        results=_RESULTS,
        explain=explain,
        wall=_wall(place),
        number=number,
        last=last,
    )


@agents_import.post(f"{_BASE}/<job_id>/start")
def start(name: str, job_id: str) -> Response:
    """Let an import run, at the word of somebody who has seen what it would do."""
    place = place_to_change(name)
    job = _job(place, job_id)
    if services().agent_imports.start(job):
        places.journaled(place, "agents_import_begun", rows=job.rows, needed=job.needed)
    return places.see(url_for("agents_import.show", name=place.name, job_id=job.id))


@agents_import.post(f"{_BASE}/<job_id>/step")
def step(name: str, job_id: str) -> Response:
    """Work some rows off: twenty, or as many as two seconds have room for."""
    place = place_to_change(name)
    with console.slow_errand():
        advance = services().agent_imports.advance(_job(place, job_id), place.instance)
    job = _job(place, job_id)
    if advance.is_last:
        done = {f"{act}d": job.ending("done", act) for act in ("create", "update", "delete")}
        places.journaled(place, "agents_imported", **done, refused=job.ending("refused"))
    if wants_page(request):
        return places.see(url_for("agents_import.show", name=place.name, job_id=job.id))
    trouble = str(explain(advance.code).title) if advance.code else ""
    return jsonify({**_counts(job), "stage": job.stage, "wait": advance.wait, "trouble": trouble})


@agents_import.post(f"{_BASE}/<job_id>/stop")
def stop(name: str, job_id: str) -> Response:
    """Let a running import wait, at the latest after the step that is under way; it can go on later."""
    place = place_to_change(name)
    job = _job(place, job_id)
    if services().agent_imports.stop(job):
        places.journaled(place, "agents_import_stopped", done=job.ending("done"), needed=job.needed)
    return places.see(url_for("agents_import.show", name=place.name, job_id=job.id))


@agents_import.post(f"{_BASE}/<job_id>/drop")
def drop(name: str, job_id: str) -> Response:
    """Forget an import and its rows."""
    place = place_to_change(name)
    job = _job(place, job_id)
    services().agent_imports.drop(job)
    places.journaled(place, "agents_import_dropped", done=job.ending("done"))
    return places.see(url_for("agents_import.overview", name=place.name, done="dropped"))


@agents_import.get(f"{_BASE}/<job_id>/report.csv")
def report_csv(name: str, job_id: str) -> Response:
    """Send what became of each row as a file for spreadsheets, a page of rows in memory at a time."""
    place = place_in_sight(name)
    job = _job(place, job_id)
    headers = {"Content-Disposition": f'attachment; filename="agents-{place.name}-import.csv"'}
    return Response(report(services().agent_imports.every(job)), mimetype="text/csv", headers=headers)


def _wall(place: Place) -> Wall:
    return Wall(place.instance.access.utc_offset)


def _job(place: Place, job_id: str) -> Job:
    return services().agent_imports.job(services().register.entry(place.name), place.instance, job_id)


def _counts(job: Job) -> dict[str, int]:
    """Return how far an import is in what it does now: rows looked up, or rows done."""
    total = job.rows if job.stage == "looking" else job.needed
    return {"total": total, "done": total - job.left}


def _file_name() -> str:
    file = request.files.get("file")
    name = (file.filename if file else "") or ""
    return "".join(letter for letter in name.replace("\\", "/").rpartition("/")[2] if letter.isprintable())


def _sent() -> bytes:
    """Return the file, or what was pasted in its place."""
    file = request.files.get("file")
    data = file.read() if file else b""
    return data or request.form.get("text", "").encode()


def _form(place: Place, fault: str = "") -> str:
    return render_template(
        "admin/contact_center/import.html",
        place=place,
        fault=fault,
        wishes={wish for wish in _WISHES if wish in _typed()},
        text=_typed().get("text", "") if fault else "",
        jobs=services().agent_imports.latest(services().register.entry(place.name)),
        done=places.done_of(_DONE),
        wall=_wall(place),
    )


def _typed() -> dict[str, Any]:
    # A form that was too large was not read, and reading it again would fail again.
    try:
        return request.form.to_dict() if request.method == "POST" else {}
    except RequestEntityTooLarge:
        return {}


def _refused(place: Place, fault: str) -> Response:
    return Response(_form(place, fault), RosterInvalid.status, mimetype="text/html")
