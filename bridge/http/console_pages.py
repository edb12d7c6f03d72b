"""What the console's pages have at hand: who is in it, moments, and sentences from below in the reader's language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from flask import current_app, request
from flask_babel import format_timedelta
from flask_babel import lazy_gettext as _

from bridge.core.errors import StoreUnavailable
from bridge.core.gate_errors import AdminSignInRequired
from bridge.http.console import current_admin, form_token
from bridge.http.current import services
from bridge.http.field_names import field_name
from bridge.http.language import spoken

if TYPE_CHECKING:
    from flask import Flask
    from flask_babel.speaklater import LazyString

    from bridge.access.rules import Administrator

_SECTIONS: Final = {
    "records.overview": "journal",
    "records.trace": "journal",
    "records.calendar": "calendar",
    "sessions.overview": "sessions",
}
_ROOMS: Final = {
    **dict.fromkeys(("connections", "editing", "rehearsals", "portal", "sessions"), "connections"),
    **dict.fromkeys(("contact_agents", "agents_import", "skill_groups", "departments"), "connections"),
    **dict.fromkeys(("hotline_numbers", "calls", "dashboard", "coverage"), "connections"),
    "api_keys": "api_keys",
}
# Who acts without a name of their own, as it is kept in the journal and with each version.
_ACTORS: Final[dict[str, LazyString]] = {
    "operator at the command line": _("operator at the command line"),
    "configuration file": _("configuration file"),
}


def furnish(app: Flask) -> None:
    """Give the templates of `app` what the console's pages ask for."""
    app.jinja_env.globals.update(
        actor_name=actor_name,
        console_form_token=form_token,
        console_section=console_section,
        field_name=field_name,
        has_page=has_page,
        is_from_file=is_from_file,
        may_edit=may_edit,
        signed_in_admin=signed_in_admin,
        spoken=spoken,
    )
    app.jinja_env.filters.update(moment=moment, utc=utc, ago=ago)


def signed_in_admin() -> Administrator | None:
    """Return who is in the console, None where nobody is or it cannot be told."""
    try:
        return current_admin()
    except (AdminSignInRequired, StoreUnavailable):
        return None


def actor_name(actor: str) -> str:
    """Return who did something, in the reader's language where it is nobody's own name."""
    return str(_ACTORS.get(actor, actor))


def console_section() -> str:
    """Return the navigation's section of this page: ``connections``, ``sessions``, ``api_keys``, ``journal`` or so."""
    endpoint = request.endpoint or ""
    return _SECTIONS.get(endpoint) or _ROOMS.get(endpoint.partition(".")[0], "")


def has_page(endpoint: str) -> bool:
    """Say whether this application has a page, ``calls.overview`` or so."""
    return endpoint in current_app.view_functions


def is_from_file(name: str) -> bool:
    """Say whether a connection stands in the configuration file, so that no form changes it."""
    return services().register.entry(name).is_read_only


def may_edit(name: str) -> bool:
    """Say whether who is in the console may change a connection by its form."""
    admin = current_admin()
    trusted_with_more = services().admin_rules.is_trusted_with_more(name)
    return admin.may_see(name) and not is_from_file(name) and (admin.is_operator or not trusted_with_more)


def moment(epoch: float) -> str:
    """Return epoch seconds as an ISO moment for ``<time datetime>``."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc(epoch: float) -> str:
    """Return epoch seconds as people read them, ``2026-11-22 14:06 UTC``."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M UTC")


def ago(epoch: float) -> str:
    """Return how long ago a moment was, in the reader's language."""
    passed = timedelta(seconds=min(epoch - services().now(), -1))
    return str(format_timedelta(passed, add_direction=True))
