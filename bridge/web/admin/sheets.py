"""A connection on the desk: the version that a form was made from, and what reading and merging it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from flask import request, url_for
from flask_babel import gettext as _

from bridge.connections.draft import Fault
from bridge.connections.keys import new_private_key
from bridge.core.errors import RequestInvalid
from bridge.core.keeping_errors import ConnectionReadOnly
from bridge.core.wording import said
from bridge.http import console
from bridge.http.console_pages import actor_name
from bridge.http.current import services
from bridge.web.admin.drafting import (
    NEXT_KEY,
    PRESENT_KEY,
    Placed,
    form_of,
    kept_of,
    secrets_typed,
    table_of,
    values_in,
    values_of,
)
from bridge.web.admin.forms import FORMS

if TYPE_CHECKING:
    from bridge.access.rules import Administrator
    from bridge.connections.draft import Draft
    from bridge.core.model import Connection, Secret

_RESERVED: Final = "new"
_DIGITS: Final = 9
_KEY_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is being edited, and by whom.

    Args:
        name: as the register spells it; empty for a new connection.
        based_on: the version that the form shows, 0 for a new connection.
        table: its nested tables, without secrets.
        kept: its secrets, by dotted key.
    """

    admin: Administrator
    kind: str
    page: str
    name: str = ""
    based_on: int = 0
    table: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Secret] = field(default_factory=dict)
    former: Connection | None = None

    @property
    def values(self) -> dict[str, str]:
        """What the form shows at first, defaults left out."""
        return values_in(self.table) if self.table else {}


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that came in.

    Args:
        typed: the secrets in it, by dotted key.
        made: dotted keys of those that the bridge just made, which nobody can enter again.
        forgotten: kept secrets that shall go, by dotted key, or ``aiccs`` for all of them.
    """

    form: Any
    typed: dict[str, str]
    forgotten: tuple[str, ...]
    made: tuple[str, ...] = ()

    @property
    def dropped(self) -> set[str]:
        """Dotted keys of the secrets that somebody has to enter again where the form is not kept."""
        return set(self.typed) - set(self.made)

    @property
    def touches_secrets(self) -> bool:
        """Whether saving it would change a secret."""
        return bool(self.typed or self.forgotten)

    def without_secrets(self) -> Sent:
        """Return the same form as if nobody had touched a secret."""
        return Sent(self.form, {}, ())


def new_sheet(admin: Administrator, kind: str) -> Sheet:
    """Return the empty sheet of a new connection."""
    return Sheet(admin, kind, url_for("editing.new", kind=kind))


def kept_sheet(admin: Administrator, name: str, number: int = 0) -> Sheet:
    """Return the sheet of a version, by default the newest.

    Raises:
        ConnectionUnknown: there is no such connection or version.
        ConnectionReadOnly: the configuration file has it.
    """
    entry = services().register.entry(name)
    if entry.is_read_only:
        raise ConnectionReadOnly(received=entry.name)
    based_on = number or entry.newest_version
    former = services().register.connection(entry.name, based_on)
    return Sheet(
        admin=admin,
        kind=former.idp.kind,
        page=url_for("editing.edit", name=entry.name),
        name=entry.name,
        based_on=based_on,
        table=services().entry.table(former),
        kept=services().entry.secrets(former),
        former=former,
    )


def number_of(text: str) -> int:
    """Return a version's number as a form sent it; raises RequestInvalid."""
    if not text.isascii() or not text.isdecimal() or len(text) > _DIGITS or int(text) == 0:
        raise RequestInvalid(expected="the number of a version", received="another text" if text else "none")
    return int(text)


def sent(sheet: Sheet) -> Sent:
    """Return the form that this request brings."""
    form = FORMS[sheet.kind](formdata=request.form)
    asked = set(request.form.getlist("forget"))
    groups = {key.split(".")[0] for key in sheet.kept} & {"aiccs"}
    typed = secrets_typed(form)
    made = {key: new_private_key(_KEY_BITS) for key in _keys_to_make() if key not in typed}
    return Sent(form, typed | made, tuple(sorted(asked & (groups | set(sheet.kept)))), tuple(made))


def _keys_to_make() -> list[str]:
    """Return the dotted keys of the key pairs that the bridge shall make; their private halves never leave it."""
    asked = set(request.form.getlist("make_key"))
    return [key for key in (PRESENT_KEY, NEXT_KEY) if key in asked]


def read(sheet: Sheet, one: Sent) -> tuple[Draft, list[Fault]]:
    """Return the draft that a form makes, and everything that keeps it from being saved."""
    table = table_of(one.form, sheet.table, secrets=one.typed, forgotten=one.forgotten)
    if sheet.name:
        table["name"] = sheet.name
    draft = services().entry.read(table, kept_of(sheet.kept, one.forgotten))
    faults = list(draft.faults)
    if draft.connection is not None:
        faults += services().changes.review(
            draft.connection,
            sheet.former,
            set(one.typed),
            by_operator=sheet.admin.is_operator,
            is_fresh=console.is_fresh(sheet.admin),
        )
    if not sheet.name and table.get("name", "").lower() == _RESERVED:
        faults.append(Fault("name", said("is a word of the console's own addresses; choose another")))
    return draft, faults


def merged(base: Sheet, newest: Sheet, typed: Any) -> tuple[Any, Placed]:
    """Put what somebody typed onto a version that another saved meanwhile.

    Returns:
        The form to look at again, and at each field that both changed what the other made of it.
    """
    first, theirs = (values_of(form_of(sheet.kind, sheet.values)) for sheet in (base, newest))
    mine = {one.short_name: one.data or "" for one in typed if one.raw_data and one.short_name in first}
    changed = {name: value for name, value in mine.items() if value != first[name]}
    author = services().register.version(newest.name, newest.based_on).author
    contested = Placed()
    for name, value in changed.items():
        other = theirs.get(name, "")
        if other not in {first[name], value}:
            told = _("%(author)s made this: %(value)s", author=actor_name(author), value=other or _("empty"))
            contested.fields[name] = [str(told)]
    return form_of(newest.kind, newest.values | changed), contested
