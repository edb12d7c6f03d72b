"""What the journal and the calendar call things, in the reader's language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from bridge.core import trace
from bridge.core.trace import OK
from bridge.http.texts import explain

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

    from bridge.connections.expiry import Deadline
    from bridge.ops.trail import Record

EVENTS: Final[dict[str, LazyString]] = {
    "sign_in": _("Sign-in of an agent"),
    "admin_sign_in": _("Sign-in to the console"),
    "admin_sign_out": _("Sign-out from the console"),
    "admin_link_made": _("Link to the console made"),
    "journal_exported": _("Journal exported"),
    "numbers_unmasked": _("Whole phone numbers shown"),
    "calls_searched_by_number": _("Calls searched by phone number"),
    "calls_exported": _("Calls exported"),
    "recording_opened": _("Recording listened to or downloaded"),
    "coverage_report": _("Coverage report made"),
    "connection_saved": _("Draft saved"),
    "connection_applied": _("Applied from the command line"),
    "connection_activated": _("Activated"),
    "connection_deactivated": _("Switched off"),
    "connection_rolled_back": _("Earlier version brought back"),
    "connection_removed": _("Removed"),
    "connection_provisioned": _("Taken from the configuration file"),
    "connection_left_the_file": _("Gone from the configuration file"),
    "files_differ": _("Undid what another replica's configuration file had provisioned"),
    "domain_verified": _("Domain verified"),
    "domain_accepted": _("Domain accepted by an operator"),
    "test_link_made": _("Test link made"),
    "sessions_ended": _("Sessions of agents ended"),
    "database_restored": _("Database restored from a backup"),
    "sign_out": _("Sign-out of an agent"),
    "back_channel_logout": _("Sign-out by the identity provider"),
    "front_channel_logout": _("Sign-out by the identity provider's page"),
    "renewal_refused": _("Session ended: the identity provider refuses to renew it"),
    "api_key_made": _("API key made"),
    "api_key_revoked": _("API key revoked"),
    "token_issued": _("Fuyun token given to a platform"),
    "handoff_offered": _("Link to the phone given to a platform"),
    "handoff": _("Agent came in by a link of a platform"),
    "agent_created": _("Agent made"),
    "agent_allowed": _("Agent may be made again"),
    "agent_updated": _("Agent changed"),
    "agent_deleted": _("Agent deleted"),
    "agent_signed_out": _("Agent taken off the hotline"),
    "agents_exported": _("Agents exported"),
    "agents_import_begun": _("Import of agents begun"),
    "agents_imported": _("Agents imported"),
    "agents_import_stopped": _("Import of agents stopped"),
    "agents_import_dropped": _("Import of agents discarded"),
    "skill_group_created": _("Skill group created"),
    "skill_group_changed": _("Skill group changed"),
    "skill_group_emptied": _("Agents led out of a skill group"),
    "skill_group_removed": _("Skill group removed"),
    "department_created": _("Department created"),
    "department_renamed": _("Department renamed"),
    "department_emptied": _("Skill groups of a department removed"),
    "department_deleted": _("Department deleted"),
    "hotline_number_added": _("Hotline number added"),
    "hotline_number_reset": _("Hotline number reset"),
    "hotline_number_deleted": _("Hotline number deleted"),
    "client_secret_fallback": _("New client secret not known to the provider; the former one is used"),
    "client_secret_accepted": _("New client secret accepted; the former one is forgotten"),
}
_STEPS: Final[dict[str, LazyString]] = {
    trace.DISCOVERY: _("Discovery"),
    trace.RESPONSE: _("Answer of the provider"),
    trace.REDEEM: _("Code for tokens"),
    trace.ID_TOKEN: _("ID token"),
    trace.USERINFO: _("User endpoint"),
    trace.TENANT: _("Organization"),
    trace.MAPPING: _("Mapping field"),
    trace.PROVISIONING: _("Agent made at the first sign-in"),
    trace.AGENT: _("Agent in the contact center"),
    trace.EXCHANGE: _("Token exchange with Fuyun"),
    trace.USER_NAME: _("Name in Fuyun's token"),
}
_FACTS: Final[dict[str, LazyString]] = {
    "call": _("Call"),
    "leg": _("Part of the call"),
    "since": _("From day"),
    "until": _("To day"),
    "page": _("Page"),
    "version": _("Version"),
    "former_version": _("Version before"),
    "without_rehearsal": _("Without a passed test"),
    "role": _("Role"),
    "domain": _("Domain"),
    "sessions": _("Sessions"),
    "people": _("People"),
    "staff": _("People of the staff list"),
    "staff_without_agent": _("of them without an agent who may work"),
    "agents": _("Agents"),
    "agents_without_person": _("Agents without a person"),
    "api_key": _("API key"),
    "fuyun_jti": _("Id of Fuyun's token"),
    "account_name": _("AccountName"),
    "skill_groups": _("Skill groups"),
    "unknown_groups": _("Skill groups that do not exist"),
    "rules": _("Rules that fit"),
    "agent": _("AccountName"),
    "groups": _("Number of skill groups"),
    "skill_group": _("Skill group"),
    "skill_group_id": _("Number of the skill group"),
    "department": _("Department"),
    "department_id": _("Number of the department"),
    "former": _("Name before"),
    "number": _("Hotline number"),
    "rows": _("Lines of the file"),
    "needed": _("Agents to change"),
    "done": _("Agents changed"),
    "created": _("Agents made"),
    "updated": _("Agents changed otherwise"),
    "deleted": _("Agents deleted"),
    "refused": _("Agents refused"),
    "uncertain": _("Agents of whom it is uncertain"),
    "outcome": _("How it ended"),
    "calls": _("Calls"),
    "shown": _("What was shown"),
    "file_content": _("Fingerprint of the file's connections"),
    "release": _("Release"),
    "minutes_before": _("Minutes since the other one was provisioned"),
}
# What an act was done to: the first of these that a record has; a name before its number.
_SUBJECTS: Final = (
    *("agent", "account_name", "number", "skill_group", "department", "call", "domain"),
    *("skill_group_id", "department_id", "api_key"),
)
_WHATS: Final[dict[str, LazyString]] = {
    "idp_secret": _("Client secret at the identity provider"),
    "fuyun_secret": _("Client secret in the Fuyun portal"),
    "jwt_key": _("Signing key (mode JWT)"),
    "certificate": _("TLS certificate"),
    "key_switch": _("Change to the next private key"),
    "api_key": _("API key"),
}
_TYPES: Final[dict[str, LazyString]] = {
    "null": _("nothing"),
    "true or false": _("yes or no"),
    "number": _("number"),
    "empty text": _("empty text"),
    "e-mail address": _("e-mail address"),
    "address": _("web address"),
    "object": _("group of fields"),
}
_TEXT: Final = re.compile(r"text of ([0-9]+) characters")
_LIST: Final = re.compile(r"list of ([0-9]+)")
_MAIL: Final = re.compile(r"e-mail address at (.+)")
_A_SECOND: Final = 1.0


def event(name: str) -> str:
    """Return what happened, in words."""
    return str(EVENTS.get(name, name))


def step(name: str) -> str:
    """Return what a step of the road is called."""
    return str(_STEPS.get(name, name))


def fact(name: str) -> str:
    """Return what a further detail is called."""
    return str(_FACTS.get(name, name))


def subject(record: Record) -> str:
    """Return what something was done to, such as an agent's account name; empty where the record does not say it."""
    texts = ((name, str(record.details.get(name, ""))) for name in _SUBJECTS)
    name, text = next(((name, text) for name, text in texts if text), ("", ""))
    if text == record.person:
        return ""
    return f"#{text}" if name.endswith("_id") else text


def outcome(code: str) -> str:
    """Return how it ended, in words."""
    return str(gettext("successful") if code == OK else explain(code).title)


def duration(seconds: float | None) -> str:
    """Return seconds as people read them, empty where nobody measured."""
    if seconds is None:
        return ""
    if seconds < _A_SECOND:
        return str(gettext("%(number)s ms", number=round(seconds * 1000)))
    return str(gettext("%(number)s s", number=f"{seconds:.2f}"))


def kind_of_value(text: str) -> str:
    """Return the kind of a claim's value, as `core.trace` notes it, in words."""
    if found := _TEXT.fullmatch(text):
        return str(gettext("text of %(number)s characters", number=found[1]))
    if found := _LIST.fullmatch(text):
        return str(gettext("list of %(number)s", number=found[1]))
    if found := _MAIL.fullmatch(text):
        return str(gettext("e-mail address at %(domain)s", domain=found[1]))
    return str(_TYPES.get(text, text))


def what(deadline: Deadline) -> str:
    """Return what ends."""
    return str(_WHATS[deadline.what])


def left(deadline: Deadline) -> str:
    """Return how much time is left, in words."""
    days = deadline.days or 0
    if deadline.what == "key_switch" and days <= 0:
        return str(gettext("due") if days < 0 else gettext("within 24 hours"))
    if days < 0:
        return str(gettext("ended"))
    return str(gettext("ends today") if days == 0 else gettext("%(days)s days left", days=days))


def tone(deadline: Deadline) -> str:
    """Return the colour of a deadline's tag."""
    if deadline.is_imminent:
        return "stop"
    return {"urgent": "stop", "soon": "wait", "ok": "good"}.get(deadline.level, "plain")
