"""What failures of the contact center's OpenAPI say to people; see ``texts``."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _

from bridge.http.error_text import ADMINISTRATOR, OPERATOR, YOU, ErrorText

CONTACT_CENTER_API: Final = {
    "contact_center_error": ErrorText(
        title=_("The contact center refused to answer about its agents"),
        detail=_("The access key may be wrong, may lack the right to look agents up, or the instance is another."),
        who=ADMINISTRATOR,
        advice=_("Check the access key, its rights and the contact center instance of this connection."),
    ),
    "contact_center_unreachable": ErrorText(
        title=_("The contact center does not answer about its agents"),
        detail=_("It was asked which agents there are and gave no answer in time."),
        who=OPERATOR,
        advice=_("Wait a moment and try again. Calls that are up are not affected."),
    ),
    "contact_center_throttled": ErrorText(
        title=_("The contact center is being asked too often"),
        detail=_("It allows so many questions a second, and the bridge spares it. Nothing was changed."),
        who=OPERATOR,
        advice=_("Wait a moment and try again. If it happens often, look at requests_per_second of this connection."),
    ),
    "contact_center_uncertain": ErrorText(
        title=_("Nobody knows whether this change was made"),
        detail=_("It was sent, and its answer was lost on the way. Sending it again could make it twice."),
        who=YOU,
        advice=_("Open the list again and look whether it is there before you repeat it."),
    ),
    "contact_center_shared": ErrorText(
        title=_("This contact center is shared"),
        detail=_(
            "Several connections reach the same instance with the same access key, so its agents and calls belong to "
            "more than one customer."
        ),
        who=OPERATOR,
        advice=_("Give this connection an instance or an access key of its own. Operators can look into shared ones."),
    ),
    "agent_exists": ErrorText(
        title=_("This agent exists already"),
        detail=_("The contact center has an agent with exactly this account name."),
        who=YOU,
        advice=_("Open the agent and change it there, or choose another account name."),
    ),
    "roster_invalid": ErrorText(
        title=_("This file cannot be read as a list of people"),
        detail=_("It is no CSV, is too large, or has no column that names accounts."),
        who=YOU,
        advice=_("Save it as CSV with one line for each person and the column names in the first line."),
    ),
    "skill_group_unknown": ErrorText(
        title=_("There is no such skill group"),
        detail=_("It may have been removed meanwhile."),
        who=YOU,
        advice=_("Open the list of skill groups again."),
    ),
    "skill_group_in_use": ErrorText(
        title=_("Agents still belong to this skill group"),
        detail=_("The contact center removes a skill group only when nobody is in it any more."),
        who=YOU,
        advice=_("Move its agents to another group or take them out, then remove it."),
    ),
    "department_unknown": ErrorText(
        title=_("There is no such department"),
        detail=_("It may have been deleted meanwhile."),
        who=YOU,
        advice=_("Open the list of departments again."),
    ),
    "department_in_use": ErrorText(
        title=_("Skill groups still belong to this department"),
        detail=_("The contact center deletes a department only when it has no skill groups any more."),
        who=YOU,
        advice=_("Remove its skill groups first, then delete it."),
    ),
    "hotline_number_unknown": ErrorText(
        title=_("The contact center has no such hotline number"),
        detail=_("It may have been deleted meanwhile, or was typed wrongly."),
        who=YOU,
        advice=_("Open the list of hotline numbers again."),
    ),
    "call_unknown": ErrorText(
        title=_("There is no such call"),
        detail=_("It is not among the calls that you may see, or is no longer kept."),
        who=YOU,
        advice=_("Search again, with a longer period if need be."),
    ),
    "recording_missing": ErrorText(
        title=_("There is no recording of this call"),
        detail=_("Calls that nobody answered have none, and old ones may have been deleted."),
        who=YOU,
        advice=_("Nothing can be done about it here."),
    ),
    "recording_not_ready": ErrorText(
        title=_("The recording is not ready yet"),
        detail=_("The call ended a moment ago, and its recording is still being made."),
        who=YOU,
        advice=_("Try again in a minute or two."),
    ),
    "recording_unreachable": ErrorText(
        title=_("The store of recordings is not answering"),
        detail=_("It was asked for the recording and did not answer, or broke off in the middle."),
        who=OPERATOR,
        advice=_("Wait a moment and try again."),
    ),
    "recording_invalid": ErrorText(
        title=_("This recording cannot be played"),
        detail=_("Its link leads to a host that is not allowed here, or what lies there is no recording."),
        who=OPERATOR,
        advice=_("Look at recording_hosts of this connection."),
    ),
}
