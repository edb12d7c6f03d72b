"""The contact center's agents in the console: the list, one agent with what it does now, and what can be changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from bridge.core.contact_center_errors import AgentExists
from bridge.core.errors import AgentUnknown, BridgeError, RequestInvalid
from bridge.core.mapping import account_name_of
from bridge.http import console
from bridge.http.contact_center import place_in_sight, place_to_change
from bridge.http.current import services
from bridge.provisioning.roster_file import write_roster
from bridge.provisioning.staff import Charge
from bridge.web.admin import places
from bridge.web.admin.call_search import DAY
from bridge.web.admin.call_words import Wall
from bridge.web.admin.places import desk, see

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask_babel.speaklater import LazyString

    from bridge.aiccs.agents import Agent, LiveState
    from bridge.aiccs.skill_groups import SkillGroup
    from bridge.http.contact_center import Place

contact_agents = Blueprint("contact_agents", __name__)

_BASE: Final = "/admin/connections/<name>/agents"
_LONGEST: Final = 320
_NOT_FOUND: Final = 404
_DONE: Final[places.Done] = {
    "created": ("good", _("The agent was created. Whoever has this account name at the sign-in can use the phone.")),
    "changed": ("good", _("The agent was changed.")),
    "deleted": ("good", _("The agent was deleted. Nobody can use the phone with this account name any more.")),
    "signed_out": ("good", _("The agent was taken off the hotline. Calls reach others now.")),
}
# What an agent does, in people's words: the contact center's code, how it looks, and the words.
STATES: Final[dict[str, tuple[str, LazyString]]] = {
    "AgentCheckout": ("idle", _("Not at work")),
    "AgentReady": ("good", _("Free for calls")),
    "AgentBreak": ("wait", _("On a break")),
    "AgentAcw": ("wait", _("Working after a call")),
    "AgentBusyForCall": ("stop", _("In a call")),
}
"""What each code of GetHotlineAgentDetail is called."""
BREAKS: Final[dict[int, LazyString]] = {
    1: _("Short break"),
    2: _("At a meal"),
    3: _("In a meeting"),
    4: _("Being coached"),
    5: _("In a training"),
}
"""What each kind of break is called."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom somebody looks for: part of a name, the id of a skill group, and the page of it."""

    q: str = ""
    group: str = ""
    page: int = 1

    def filters(self) -> dict[str, Any]:
        """Return what an address has to say; what goes without saying is left out."""
        told = {"q": self.q, "group": self.group, "page": self.page if self.page > 1 else ""}
        return {name: value for name, value in told.items() if value}

    def fits(self, agent: Agent) -> bool:
        """Say whether an agent is among those looked for."""
        wanted = self.q.casefold()
        named = wanted in agent.account_name.casefold() or wanted in agent.display_name.casefold()
        return named and (not self.group or self.group in map(str, agent.group_ids))


@dataclass(frozen=True, slots=True)
class Typed:
    """The form, as it was typed."""

    account_name: str = ""
    display_name: str = ""
    group_ids: tuple[int, ...] = ()


@contact_agents.get(_BASE)
def overview(name: str) -> str:
    """Show the agents of all skill groups, a page of them."""
    place, asked = place_in_sight(name), _asked(request.args)
    with console.slow_errand():
        groups = _groups(place)
        everyone = desk().agents.everyone(place.instance)
    found = [agent for agent in everyone if asked.fits(agent)]
    last = max(-(-len(found) // places.PAGE), 1)
    number = min(max(asked.page, 1), last)

    def page_url(other: int) -> str:
        return url_for("contact_agents.overview", name=place.name, **Asked(asked.q, asked.group, other).filters())

    return render_template(
        "admin/contact_center/agents.html",
        place=place,
        agents=found[(number - 1) * places.PAGE : number * places.PAGE],
        count=len(found),
        asked=asked,
        groups=groups,
        number=number,
        last=last,
        former_url=page_url(number - 1) if number > 1 else "",
        next_url=page_url(number + 1) if number < last else "",
        done=places.done_of(_DONE),
    )


@contact_agents.get(f"{_BASE}.csv")
def export(name: str) -> Response:
    """Give the agents that were looked for as a file for spreadsheets, which the import takes as well."""
    place, asked = place_in_sight(name), _asked(request.args)
    with console.slow_errand():
        found, groups = [one for one in desk().agents.everyone(place.instance) if asked.fits(one)], _groups(place)
    places.journaled(place, "agents_exported", agents=len(found))
    headers = {"Content-Disposition": f'attachment; filename="agents-{place.name}.csv"'}
    return Response(b"".join(write_roster(found, groups)), mimetype="text/csv", headers=headers)


@contact_agents.get(f"{_BASE}/agent")
def show(name: str) -> str | Response:
    """Show the agent with exactly this account name, or say that there is none."""
    place, account_name = place_in_sight(name), account_name_of(request.args.get("account", "").strip())
    agent = desk().agents.look_up(place.instance, account_name)
    if agent is None or agent.is_deleted:
        page = render_template(
            "admin/contact_center/agent_missing.html", place=place, account_name=account_name, agent=agent
        )
        return Response(page, _NOT_FOUND, mimetype="text/html")
    return _shown(place, agent, Typed(agent.account_name, agent.display_name, agent.group_ids), {})


@contact_agents.route(f"{_BASE}/new", methods=["GET", "POST"])
def new(name: str) -> str | Response:
    """Ask for a new agent, and make it."""
    if request.method == "GET":
        place = place_in_sight(name)
        return _form(place, Typed(request.args.get("account", "")[:_LONGEST]), {})
    place = place_to_change(name)
    typed = _typed(place)
    if faults := _faults(typed, is_new=True):
        return Response(_form(place, typed, faults), 422, mimetype="text/html")
    try:
        services().staff.create(_charge(place), typed.account_name, typed.display_name, typed.group_ids)
    except AgentExists:
        faults = {"account_name": gettext("An agent with this account name is there already.")}
        return Response(_form(place, typed, faults, is_there=True), 422, mimetype="text/html")
    return _to_agent(place, typed.account_name, "created")


@contact_agents.post(f"{_BASE}/agent")
def update(name: str) -> str | Response:
    """Give an agent another display name and other skill groups."""
    place = place_to_change(name)
    typed = _typed(place)
    agent = _demanded(place, typed.account_name)
    if faults := _faults(typed, is_new=False):
        return Response(_shown(place, agent, typed, faults), 422, mimetype="text/html")
    services().staff.update(_charge(place), agent.account_name, typed.display_name, typed.group_ids)
    return _to_agent(place, agent.account_name, "changed")


@contact_agents.post(f"{_BASE}/delete")
def delete(name: str) -> Response:
    """Delete an agent."""
    place = place_to_change(name)
    agent = _demanded(place, places.text_of(request.form, "account_name"))
    services().staff.delete(_charge(place), agent.account_name)
    return see(url_for("contact_agents.overview", name=place.name, done="deleted"))


@contact_agents.post(f"{_BASE}/sign-out")
def sign_out(name: str) -> Response:
    """Take an agent off the hotline."""
    place = place_to_change(name)
    agent = _demanded(place, places.text_of(request.form, "account_name"))
    services().staff.sign_out(_charge(place), agent.account_name)
    return _to_agent(place, agent.account_name, "signed_out")


def _charge(place: Place) -> Charge:
    return Charge(place.name, place.instance, desk().agents, place.admin.name)


# What the pages show -------------------------------------------------------------------------------------------------


def _shown(place: Place, agent: Agent, typed: Typed, faults: places.Faults) -> str:
    return render_template(
        "admin/contact_center/agent.html",
        place=place,
        agent=agent,
        typed=typed,
        faults=faults,
        groups=_groups(place),
        live=_live(place, agent),
        week_ago=Wall(place.instance.access.utc_offset).day(services().now() - 6 * DAY),
        states=STATES,
        breaks=BREAKS,
        done=places.done_of(_DONE),
    )


def _form(place: Place, typed: Typed, faults: places.Faults, *, is_there: bool = False) -> str:
    return render_template(
        "admin/contact_center/agent_new.html",
        place=place,
        typed=typed,
        faults=faults,
        groups=_groups(place),
        is_there=is_there,
    )


def _live(place: Place, agent: Agent) -> LiveState | None:
    """Return what the agent does now; None where the contact center does not tell, as of a frozen one."""
    try:
        return desk().agents.live_state(place.instance, agent.account_name)
    except BridgeError:
        # What the agent is can be seen and changed all the same.
        return None


def _groups(place: Place) -> list[SkillGroup]:
    return sorted(desk().skill_groups.every(place.instance), key=lambda group: group.display_name.casefold())


def _demanded(place: Place, account_name: str) -> Agent:
    agent = desk().agents.find(place.instance, account_name_of(account_name))
    if agent is None:
        raise AgentUnknown(expected="an agent with this AccountName", received="none")
    return agent


def _asked(given: Mapping[str, str]) -> Asked:
    group = given.get("group", "")
    return Asked(
        given.get("q", "").strip()[:_LONGEST], str(places.id_of(group)) if group else "", places.page_of(given)
    )


def _typed(place: Place) -> Typed:
    form = request.form
    known = {group.id for group in _groups(place)} if form.getlist("group") else set()
    return Typed(
        account_name=places.text_of(form, "account_name"),
        display_name=places.text_of(form, "display_name"),
        group_ids=places.among(places.ids_of(form, "group"), known),
    )


def _faults(typed: Typed, *, is_new: bool) -> places.Faults:
    account_name = _account_fault(typed.account_name) if is_new else ""
    return places.only_faults(account_name=account_name, display_name=places.name_fault(typed.display_name))


def _account_fault(account_name: str) -> str:
    try:
        account_name_of(account_name)
    except RequestInvalid:
        return str(gettext("Please enter an e-mail address or a phone number: at most 255 readable characters."))
    if any(map(str.isspace, account_name)):
        # What an account name may be is published nowhere; white space in one is a slip that nobody sees.
        return str(gettext("No spaces, please: neither e-mail addresses nor phone numbers have any."))
    return ""


def _to_agent(place: Place, account_name: str, done: str) -> Response:
    return see(url_for("contact_agents.show", name=place.name, account=account_name, done=done))
