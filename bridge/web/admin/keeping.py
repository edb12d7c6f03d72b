"""What was typed outlives a new sign-in: it travels, sealed and without secrets, in the address that leads back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import request, url_for

from bridge.connections.secrets import SealBroken
from bridge.core.landing import LONGEST
from bridge.http.current import services
from bridge.web.admin.drafting import form_of, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bridge.access.rules import Administrator

_PURPOSE: Final = "typed form"
_GOOD_FOR: Final = 3600
_LONGEST_SEAL: Final = 1600


def way_back(page: str, form: Any, admin: Administrator, shown: Mapping[str, str]) -> str:
    """Return the address of a page that shows again what was typed; empty where that is too much for an address.

    Args:
        page: path and query of the form's page.
        shown: what the page shows by itself.
    """
    at_first = values_of(form_of(form.kind, shown))
    typed = {name: value for name, value in values_of(form).items() if value != at_first[name]}
    record = {"page": page, "admin": admin.name, "at": services().now(), "typed": typed}
    sealed = services().key_ring.seal(_PURPOSE, record)
    back = f"{page}{'&' if '?' in page else '?'}typed={sealed}"
    return back if len(sealed) <= _LONGEST_SEAL and len(back) <= LONGEST else ""


def typed_before(page: str, admin: Administrator) -> dict[str, str]:
    """Return what this administrator had typed on this page before signing in anew; nothing for another's."""
    sealed = request.args.get("typed", "")
    try:
        record = services().key_ring.open(_PURPOSE, sealed) if sealed else {}
    except SealBroken:
        return {}
    is_good = (record.get("page"), record.get("admin")) == (page, admin.name)
    if not is_good or record["at"] + _GOOD_FOR < services().now():
        return {}
    typed: dict[str, str] = record["typed"]
    return typed


def again_url(page: str) -> str:
    """Return where an administrator signs in anew and comes back to `page`."""
    return url_for("door.again", next=page)
