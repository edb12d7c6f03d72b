"""The part of the tree of errors about the contact center behind the phone; see ``errors``."""

from __future__ import annotations

import math

from bridge.core.errors import BridgeError, ContactCenterUnreachable


class ContactCenterThrottled(ContactCenterUnreachable):
    """Too many calls in a row: the OpenAPI's limit, or the bridge's own that spares it; nothing was done.

    Args:
        wait: seconds that the OpenAPI asks for; None where it names none.
    """

    code = "contact_center_throttled"
    status = 503
    default = "The contact center's OpenAPI has been asked too often just now."

    def __init__(
        self,
        description: str = "",
        *,
        expected: str = "",
        received: str = "",
        request_id: str = "",
        wait: float | None = None,
    ) -> None:
        retry_after = BridgeError.retry_after if wait is None else max(math.ceil(wait), 1)
        super().__init__(
            description, expected=expected, received=received, request_id=request_id, retry_after=retry_after
        )
        self.wait = wait


class ContactCenterUncertain(ContactCenterUnreachable):
    """A change was sent and its answer was lost: it may have been made, and asking again could make it twice."""

    code = "contact_center_uncertain"
    retryable = False
    default = "It is not known whether the contact center has made this change."


class ContactCenterShared(BridgeError):
    """Several connections reach one instance with one access key, so it is nobody's own to look into."""

    code = "contact_center_shared"
    status = 409
    default = "Several connections share this contact center; only an operator may look into it."


class AgentExists(BridgeError):
    """An agent of this AccountName is there already."""

    code = "agent_exists"
    status = 409
    default = "An agent with this account name exists already."


class SkillGroupUnknown(BridgeError):
    """The contact center has no such skill group."""

    code = "skill_group_unknown"
    status = 404
    default = "The contact center has no such skill group."


class SkillGroupInUse(BridgeError):
    """Agents belong to the skill group: they must leave it first (document, "技能组管理")."""

    code = "skill_group_in_use"
    status = 409
    default = "Agents belong to this skill group."


class DepartmentUnknown(BridgeError):
    """The contact center has no such department."""

    code = "department_unknown"
    status = 404
    default = "The contact center has no such department."


class DepartmentInUse(BridgeError):
    """Skill groups belong to the department: they must go first (document, "部门管理")."""

    code = "department_in_use"
    status = 409
    default = "Skill groups belong to this department."


class HotlineNumberUnknown(BridgeError):
    """The contact center has no such hotline number."""

    code = "hotline_number_unknown"
    status = 404
    default = "The contact center has no such hotline number."


class CallUnknown(BridgeError):
    """The contact center has no such call, or not for whoever asks."""

    code = "call_unknown"
    status = 404
    default = "There is no such call."


class RecordingMissing(BridgeError):
    """The call has no recording, or not any more."""

    code = "recording_missing"
    status = 404
    default = "There is no recording of this call."


class RecordingNotReady(BridgeError):
    """The call ended a moment ago, and its recording is still being made."""

    code = "recording_not_ready"
    status = 404
    retryable = True
    retry_after = 30
    default = "The recording is not ready yet."


class RecordingUnreachable(BridgeError):
    """The store of recordings did not answer, or broke off."""

    code = "recording_unreachable"
    status = 504
    retryable = True
    default = "The store of recordings did not answer."


class RecordingInvalid(BridgeError):
    """The recording's link leads nowhere it may, or what is there is no recording."""

    code = "recording_invalid"
    status = 502
    default = "The recording cannot be used."


class RosterInvalid(BridgeError):
    """A file of agents or staff cannot be read as a table, or is none of agents."""

    code = "roster_invalid"
    status = 400
    default = "The file is no list that can be read."
