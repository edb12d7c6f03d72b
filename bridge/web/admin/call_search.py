"""What somebody looks for among the calls, as the form has it, and as the contact center is asked for it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

from flask_babel import gettext

from bridge.aiccs.calls import RESULTS, CallSearch
from bridge.http.current import services

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.aiccs.instance import Instance
    from bridge.web.admin.call_words import Wall

PAGE: Final = 50
"""Rows on one page."""
DAY: Final = 86_400
A_BIT: Final = 0.0005
"""Seconds: the end of a search belongs to it, the end of a day to the next one."""
_LONGEST: Final = 320
_NUMBER: Final = re.compile(r"[0-9]{1,6}")
_ID: Final = re.compile(r"[0-9]{1,19}")
_PHONE: Final = re.compile(r"\+?[0-9]{3,20}")
_GAPS: Final = re.compile(r"[\s()./-]+")
# A phone number stands in no address: those are kept by browsers, logged by proxies, and sent on by people.
_NEVER_IN_ADDRESSES: Final = frozenset({"caller", "callee"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A form; empty fields match everything.

    Args:
        since, until: first and last day (``2026-11-22``) on the contact center's clock.
        agent: account name, or the agent's number.
        group: id of a skill group.
        caller, callee: whole phone numbers.
    """

    since: str = ""
    until: str = ""
    agent: str = ""
    direction: str = ""
    group: str = ""
    result: str = ""
    caller: str = ""
    callee: str = ""
    page: str = ""

    @property
    def number_of_page(self) -> int:
        """Return the page, from 1."""
        return max(int(self.page), 1) if _NUMBER.fullmatch(self.page) else 1

    @property
    def names_numbers(self) -> bool:
        """Whether phone numbers are looked for, so that no address may hold it."""
        return bool(self.caller or self.callee)

    @property
    def is_narrowed(self) -> bool:
        """Whether more than days is asked for."""
        return bool(self.agent or self.direction or self.group or self.result or self.names_numbers)

    def fields(self) -> dict[str, str]:
        """Return what was filled in, for a form's hidden fields."""
        return {name: value for name, value in asdict(self).items() if value}

    def address(self) -> dict[str, Any]:
        """Return what an address may hold of it."""
        return {name: value for name, value in self.fields().items() if name not in _NEVER_IN_ADDRESSES}

    def trail(self) -> dict[str, Any]:
        """Return the same for the address of a call that was found, whose page leads back.

        Of a search by number its days are left and that there was one: other calls are on its pages.
        """
        return self.on_page(1).address() | {"numbered": "yes"} if self.names_numbers else self.address()

    def on_page(self, number: int) -> Asked:
        """Return the same for another page."""
        return replace(self, page=str(number) if number > 1 else "")


def asked_at(address: Mapping[str, str], wall: Wall) -> Asked:
    """Return what an address says: all that a form does but phone numbers."""
    return asked_in({name: value for name, value in address.items() if name not in _NEVER_IN_ADDRESSES}, wall)


def asked_in(given: Mapping[str, str], wall: Wall) -> Asked:
    """Return what a form says; without days it is today."""
    said = {one.name: given.get(one.name, "").replace("\0", "").strip()[:_LONGEST] for one in fields(Asked)}
    today = wall.day(services().now())
    said["since"] = said["since"] or said["until"] or today
    said["until"] = said["until"] or max(said["since"], today)
    for name in _NEVER_IN_ADDRESSES:
        said[name] = _GAPS.sub("", said[name])
    return Asked(**said)


def is_id(text: str) -> bool:
    """Whether a text is a number such as skill groups and agents have."""
    return bool(_ID.fullmatch(text))


def way_back(address: Mapping[str, str], wall: Wall) -> Asked | None:
    """Return the search that the address of a call's page says it was found by; None where it says none."""
    asked = asked_at(address, wall)
    is_told = address.get("since") and not isinstance(period_of(asked.since, asked.until, wall), str)
    return asked if is_told else None


def period_of(asked_since: str, asked_until: str, wall: Wall) -> tuple[float, float] | str:
    """Return the epoch seconds from the first day's beginning to the last one's end, or what is wrong with them."""
    since, last = wall.beginning(asked_since), wall.beginning(asked_until)
    if since is None or last is None:
        return str(gettext("Enter days such as 2026-11-22."))
    if last < since:
        return str(gettext("The last day lies before the first one."))
    return since, last + DAY


def wanted(asked: Asked, instance: Instance, wall: Wall) -> CallSearch | str:
    """Return the search that a form asks for, or in words what is wrong with it.

    Raises:
        ContactCenterError, ContactCenterUnreachable: the agent cannot be looked up.
    """
    period = period_of(asked.since, asked.until, wall)
    if isinstance(period, str):
        return period
    if [number for number in (asked.caller, asked.callee) if number and not _PHONE.fullmatch(number)]:
        return str(gettext("Enter phone numbers whole, in digits: parts of a number cannot be searched for."))
    agent_ids = _agent_ids(asked.agent, instance)
    if agent_ids is None:
        return str(gettext("The contact center has no agent with this account name."))
    return CallSearch(
        since=period[0],
        until=period[1] - A_BIT,
        agent_ids=agent_ids,
        group_ids=(int(asked.group),) if is_id(asked.group) else (),
        directions=tuple(one for one in ("inbound", "outbound", "transferred") if one == asked.direction),
        results=tuple(one for one in RESULTS if one == asked.result),
        caller=asked.caller,
        callee=asked.callee,
    )


def _agent_ids(agent: str, instance: Instance) -> tuple[str, ...] | None:
    if not agent:
        return ()
    found = services().contact_center.agents.look_up(instance, agent)
    if found is not None and found.agent_id:
        return (found.agent_id,)
    return (agent,) if is_id(agent) else None
