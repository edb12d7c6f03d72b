"""From a form to a connection's tables and back, and every fault to the field that it speaks of."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from bridge.core.wording import Sentence
from bridge.http.language import spoken
from bridge.web.admin.forms import FORMS
from bridge.web.admin.forms_fields import ListField, SecretField, dotted_key_of, entered, key_of, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

Table = dict[str, Any]

WITHOUT_PROVIDER: Final = "none"
"""The kind of a connection whose people no provider knows."""
PRESENT_KEY: Final = "jwt.private_key"
NEXT_KEY: Final = "jwt.next_private_key"

_KEY_MISSING: Final = "is required with next_key_from"

_IN_A_LIST: Final = re.compile(r"(.+)\[(\d+)\]")
_OPTIONAL: Final = {
    "jwt": ("jwt_issuer", "jwt_private_key"),
    "aiccs": ("aiccs_access_key_id", "aiccs_access_key_secret"),
    "provisioning": (
        "provisioning_create_agents",
        "provisioning_display_name",
        "provisioning_skill_groups",
        "provisioning_rules",
    ),
}
# Nothing is kept of these beside what the form shows: all fields emptied is none.
_WHOLLY_SHOWN: Final = ("provisioning",)
# Where a fault has no field of its own, another one is where it is put right.
_STAND_INS: Final = {"idp.kind": "idp_issuer", "jwt": "jwt_issuer", "aiccs": "aiccs_access_key_id"}
# What the rules call by the names of the file, people at a form know as an empty field.
_EMPTY: Final = frozenset(
    {
        "is required",
        "must not be empty",
        "is required with kind %(kind)s",
        "is required in mode %(mode)s",
    }
)


@dataclass(frozen=True, slots=True)
class Placed:
    """Sentences for people, at the fields they speak of; `above` is for those that no field of the form stands for."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    above: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.fields or self.above)


def form_of(kind: str, values: Mapping[str, str]) -> Any:
    """Return the form for a kind, filled in; what `values` leaves out is at its default."""
    blank = FORMS[kind](formdata=None)
    return FORMS[kind](formdata=MultiDict(values_of(blank) | dict(values)))


def values_of(form: Any) -> dict[str, str]:
    """Return what the fields of a form show, secrets left out."""
    return {one.short_name: one.data or "" for one in form if not isinstance(one, SecretField)}


def values_in(table: Table) -> dict[str, str]:
    """Return what the form of the table's kind shows of it; what is at its default is left out."""
    found = {}
    for one in FORMS[table["idp"]["kind"]](formdata=None):
        part, key = key_of(one.short_name)
        value = (table.get(part, {}) if part else table).get(key)
        if value is not None and not isinstance(one, SecretField):
            found[one.short_name] = shown(one, value)
    return found


def secrets_typed(form: Any) -> dict[str, str]:
    """Return the secrets that were entered, by dotted key."""
    return {dotted_key_of(one.short_name): one.data for one in form if isinstance(one, SecretField) and one.data}


def table_of(form: Any, former: Table, *, secrets: Mapping[str, str], forgotten: Collection[str] = ()) -> Table:
    """Return the tables that a form describes.

    Args:
        former: the tables that the form was made from; keys without a field stay as they are.
        secrets: those to enter, by dotted key.
        forgotten: dotted keys of kept secrets that shall go, or ``aiccs`` for that table; where the present private key
            goes, the next one is the only one.
    """
    table = deepcopy(former)
    table.setdefault("idp", {})["kind"] = form.kind
    for one in form:
        part, key = key_of(one.short_name)
        home = table.setdefault(part, {}) if part else table
        if isinstance(one, SecretField):
            if typed := secrets.get(dotted_key_of(one.short_name)):
                home[key] = typed
            elif dotted_key_of(one.short_name) in forgotten:
                home.pop(key, None)
        elif one.raw_data:
            # A field that was not sent is not an emptied one.
            home[key] = entered(one)
    if form.kind == WITHOUT_PROVIDER:
        table["mode"] = "jwt"
    return _without_unused(_with_one_key(table, secrets, forgotten), former, forgotten)


def kept_of(kept: Mapping[str, Any], forgotten: Collection[str]) -> dict[str, Any]:
    """Return the kept secrets without those that shall go; the next private key takes the place of the present one."""
    if PRESENT_KEY in forgotten and NEXT_KEY in kept:
        kept = {**kept, PRESENT_KEY: kept[NEXT_KEY]}
        forgotten = (*(key for key in forgotten if key != PRESENT_KEY), NEXT_KEY)
    return {key: value for key, value in kept.items() if key not in forgotten and key.split(".")[0] not in forgotten}


def _with_one_key(table: Table, secrets: Mapping[str, str], forgotten: Collection[str]) -> Table:
    """Forget the moment of a change of keys together with one of the two."""
    signing = table.get("jwt", {})
    if {PRESENT_KEY, NEXT_KEY} & set(forgotten) and NEXT_KEY not in secrets:
        signing.pop("next_private_key", None)
        signing["next_key_from"] = ""
    return table


def _without_unused(table: Table, former: Table, forgotten: Collection[str]) -> Table:
    """Leave out the optional tables that nobody has begun to fill."""
    for part, fields in _OPTIONAL.items():
        filled = [bool(table[part].get(key_of(name)[1])) for name in fields if part in table]
        # Half a key pair that the chosen mode does not ask for must not keep the rest from being saved.
        is_wanted = table.get("mode") == "jwt" or all(filled) if part == "jwt" else any(filled)
        is_kept = part in former and part not in _WHOLLY_SHOWN
        if part in forgotten or not (is_wanted or is_kept):
            table.pop(part, None)
    return table


def placed(form: Any, found: Iterable[tuple[str, str]]) -> Placed:
    """Put faults or doubts at the fields of a form; none is ever lost.

    Args:
        found: dotted key as `connections.draft.Fault` has it, and sentence.
    """
    result = Placed()
    for key, message in found:
        name, said = _field_and_words(form, key, message)
        if name in form:
            result.fields.setdefault(name, []).append(said)
        else:
            result.above.append(f"{key}: {said}" if key else said)
    return result


def _field_and_words(form: Any, key: str, message: str) -> tuple[str, str]:
    match = _IN_A_LIST.fullmatch(key)
    name = _STAND_INS.get(key) or (match[1] if match else key).replace(".", "_", 1)
    words = _words(message)
    if match and name in form and isinstance(form[name], ListField):
        typed = form[name].words()
        at = int(match[2])
        return name, f"{typed[at]}: {words}" if at < len(typed) else words
    return name, words[:1].upper() + words[1:]


def _words(message: str) -> str:
    if isinstance(message, Sentence) and message.template in _EMPTY:
        return str(_("Please fill this in."))
    if isinstance(message, Sentence) and message.template == _KEY_MISSING:
        return str(_("Enter the next key, or let one be made here."))
    return spoken(message)
