"""Where in the console something was refused, and the ways on from there."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from flask import current_app, request, url_for

from bridge.core.errors import BridgeError, ContactCenterError, ContactCenterUnreachable
from bridge.http.console import is_console
from bridge.http.console_pages import is_from_file, may_edit, signed_in_admin
from bridge.http.current import services

_ABOUT_ACCESS: Final = (ContactCenterError.code, ContactCenterUnreachable.code)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the console's error page leads to.

    Args:
        connection: which one it was about, one that the reader may see; empty for none.
        back_url: the list or page that the reader came from, as far as it is known.
        leads_to_list: whether that is a list of the connection's contact center.
        again_url: of the page itself, where asking again may help.
        is_about_access: whether the contact center's address or access key may be the reason.
        endpoint: the host that was asked; empty where it cannot be told.
        is_from_file: whether both stand in the configuration file.
        form_url: where both are changed, for those who may.
    """

    connection: str
    back_url: str
    leads_to_list: bool = False
    again_url: str = ""
    is_about_access: bool = False
    endpoint: str = ""
    is_from_file: bool = False
    form_url: str = ""


def surroundings(error: BridgeError, connection: str, back_url: str) -> Surroundings | None:
    """Return where in the console a request was refused; None outside of it, or where nobody is in it.

    Args:
        connection: the known one that it was about, if any.
        back_url: where the failing view leads back to, where no list is nearer; empty: to all connections.
    """
    admin = signed_in_admin() if is_console(request.path) else None
    if admin is None:
        return None
    name = connection if admin.may_see(connection) else ""
    list_url = _list_of(name)
    found = Surroundings(
        connection=name,
        back_url=list_url or back_url or url_for("connections.overview"),
        leads_to_list=bool(list_url),
        again_url=request.full_path.rstrip("?") if error.retryable and request.method == "GET" else "",
    )
    return _with_access(found) if name and error.code in _ABOUT_ACCESS else found


def _list_of(name: str) -> str:
    """Return the list of a connection that a page belongs to; empty for the list itself, and where there is none."""
    endpoint = f"{request.blueprint}.overview"
    if not name or request.endpoint == endpoint or endpoint not in current_app.view_functions:
        return ""
    is_of_connections = any("name" in rule.arguments for rule in current_app.url_map.iter_rules(endpoint))
    return url_for(endpoint, name=name) if is_of_connections else ""


def _with_access(found: Surroundings) -> Surroundings:
    # Whoever reads this has one trouble already.
    with suppress(BridgeError):
        entry = services().register.entry(found.connection)
        version = services().register.version(entry.name, entry.active_version or entry.newest_version)
        form_url = f"{url_for('editing.edit', name=entry.name)}#aiccs_access_key_id"
        return replace(
            found,
            is_about_access=True,
            endpoint=(version.document.get("aiccs") or {}).get("endpoint", ""),
            is_from_file=is_from_file(entry.name),
            form_url=form_url if may_edit(entry.name) else "",
        )
    return found
