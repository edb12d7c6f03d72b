"""What the forms about agents, skill groups, departments and numbers have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from flask import redirect, request
from flask_babel import gettext

from bridge.core.errors import RequestInvalid
from bridge.http.current import services
from bridge.http.texts import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from flask import Response
    from flask_babel.speaklater import LazyString
    from werkzeug.datastructures import MultiDict

    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.aiccs.numbers import HotlineNumber, OutboundRange
    from bridge.http.contact_center import Place
    from bridge.provisioning.one_by_one import Outcome

LONGEST_NAME: Final = 128
LONGEST_TEXT: Final = 500
PAGE: Final = 50
"""Rows on one page."""

_ID: Final = re.compile(r"[0-9]{1,18}")

Faults = dict[str, str]
"""What is wrong with a form, by field."""
Done = dict[str, tuple[str, "LazyString"]]
"""What a page says after an act: how loudly, and the sentence."""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one of several, in words; `why` is empty where it was done."""

    subject: str
    why: str = ""
    received: str = ""


def desk() -> ContactCenterDesk:
    """Return the contact center's desk."""
    return services().contact_center


def see(url: str) -> Response:
    """Lead on after a form."""
    return cast("Response", redirect(url, 303))


def done_of(table: Done) -> tuple[str, str] | None:
    """Return what this page says after an act, None after none."""
    told = table.get(request.args.get("done", ""))
    return (told[0], str(told[1])) if told else None


def journaled(place: Place, event: str, **details: Any) -> None:
    """Keep what the administrator did to a contact center."""
    services().journal.record_act(event, actor=place.admin.name, connection=place.name, **details)


def lines_that(place: Place, names: Callable[[OutboundRange], bool]) -> list[HotlineNumber]:
    """Return the hotline numbers of which a part of "who may call with it" fits; raises as `HotlineNumbers.every`."""
    return [line for line in desk().numbers.every(place.instance) if any(map(names, line.settings.ranges))]


def told(outcomes: Sequence[Outcome]) -> list[Told]:
    """Return outcomes as the page tells them, failures first."""
    return [_told(one) for one in sorted(outcomes, key=lambda one: one.is_done)]


def _told(outcome: Outcome) -> Told:
    if outcome.refusal is None:
        return Told(outcome.subject)
    if not outcome.was_tried:
        return Told(outcome.subject, gettext("Not tried, since the contact center does not answer"))
    return Told(outcome.subject, str(explain(outcome.refusal.code).title), outcome.refusal.received)


# What forms hold -----------------------------------------------------------------------------------------------------


def text_of(form: Mapping[str, str], name: str) -> str:
    """Return a field's text without what surrounds it, and with the line ends of this side."""
    return form.get(name, "").replace("\r\n", "\n").strip()


def ids_of(form: MultiDict[str, str], name: str) -> tuple[int, ...]:
    """Return the ids that were chosen, each once; raises RequestInvalid for what is none."""
    return tuple(dict.fromkeys(map(id_of, form.getlist(name))))


def id_of(value: str) -> int:
    """Return an id of a choice; raises RequestInvalid for what is none."""
    if not _ID.fullmatch(value):
        raise RequestInvalid(expected="an id", received="another text")
    return int(value)


def among(chosen: Sequence[int], known: Collection[int]) -> tuple[int, ...]:
    """Return the chosen ids; raises RequestInvalid where one is unknown, as when it went meanwhile."""
    if any(one not in known for one in chosen):
        raise RequestInvalid(expected="what the contact center has", received="another")
    return tuple(chosen)


def page_of(given: Mapping[str, str]) -> int:
    """Return the number of the page that is asked for, 1 where none is."""
    page = given.get("page", "")
    return int(page) if _ID.fullmatch(page) else 1


def name_fault(text: str, *, most: int = LONGEST_NAME) -> str:
    """Return what is wrong with a name; empty: nothing."""
    if not text:
        return str(gettext("Please enter a name."))
    if len(text) > most:
        return str(gettext("At most %(most)s characters.", most=most))
    return "" if text.isprintable() else str(gettext("One line of readable characters, please."))


def text_fault(text: str) -> str:
    """Return what is wrong with a description; empty: nothing."""
    if len(text) > LONGEST_TEXT:
        return str(gettext("At most %(most)s characters.", most=LONGEST_TEXT))
    legible = text.replace("\n", " ")
    return "" if legible.isprintable() else str(gettext("Readable characters only, please."))


def is_second(names: Sequence[str], others: Iterable[str]) -> bool:
    """Say whether another has one of these names already, and nobody pressed the button again to have a second one.

    The contact center takes both, and nobody can tell them apart in a list.
    """
    wanted = {name.casefold() for name in names if name}
    return request.form.get("again") != names[0] and not wanted.isdisjoint(map(str.casefold, others))


def only_faults(**found: str) -> Faults:
    """Return those that are faults."""
    return {name: fault for name, fault in found.items() if fault}
