"""Skill groups of the contact center."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.aiccs.reading import Page, demanded_id, number, part, text
from bridge.core.contact_center_errors import SkillGroupUnknown
from bridge.core.errors import ContactCenterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.aiccs.client import ContactCenter
    from bridge.aiccs.instance import Instance

HOTLINE: Final = 1
"""The channel of a skill group that takes calls, when one is made."""


@dataclass(frozen=True, slots=True)
class SkillGroup:
    """A skill group as the contact center has it.

    Args:
        display_name: what people read; the name where it has no other.
        channels: bit mask of 1 hotline, 2 chat, 4 ticket; None where it was not told.
    """

    id: int
    name: str
    display_name: str
    description: str = ""
    channels: int | None = None


class SkillGroups:
    """Asks the contact center about its skill groups, and changes them."""

    def __init__(self, contact_center: ContactCenter) -> None:
        self._contact_center = contact_center

    def every(self, instance: Instance, department_id: int | None = None) -> Iterator[SkillGroup]:
        """Yield all skill groups, or those of one department (QuerySkillGroups, which has no sign of success).

        Raises:
            ContactCenterError, ContactCenterUnreachable: as `ContactCenter.read`.
        """
        rows = self._contact_center.pages(
            instance, "query_skill_groups", _page, page="page_no", channel_type=0, department_id=department_id
        )
        for row in rows:
            group_id, name = number(row, "SkillGroupId"), text(row, "SkillGroupName")
            if group_id is not None:
                shown = text(row, "DisplayName") or name
                yield SkillGroup(group_id, name, shown, text(row, "Description"), number(row, "ChannelType"))

    def find(self, instance: Instance, group_id: int) -> SkillGroup:
        """Return one skill group; raises SkillGroupUnknown, and as `every`."""
        for group in self.every(instance):
            if group.id == group_id:
                return group
        raise SkillGroupUnknown(expected="the id of a skill group", received=str(group_id))

    def create(
        self,
        instance: Instance,
        name: str,
        *,
        display_name: str = "",
        description: str = "",
        department_id: int | None = None,
    ) -> int:
        """Make a skill group for the hotline and return its id (CreateSkillGroup); raises as `every`."""
        answer = self._contact_center.write(
            instance,
            "create_skill_group",
            skill_group_name=name,
            display_name=display_name or name,
            description=description,
            department_id=department_id,
            channel_type=HOTLINE,
        )
        return demanded_id(answer, "CreateSkillGroup")

    def update(self, instance: Instance, group_id: int, *, display_name: str, description: str) -> None:
        """Set display name and description (UpdateSkillGroup); a name stays for ever; raises as `every`."""
        self._contact_center.write(
            instance, "update_skill_group", skill_group_id=group_id, display_name=display_name, description=description
        )

    def remove(self, instance: Instance, group_id: int) -> None:
        """Remove a skill group (RemoveSkillGroup); agents must have left it before; raises as `every`."""
        try:
            self._contact_center.write(instance, "remove_skill_group", skill_group_id=str(group_id))
        except ContactCenterError as refusal:
            if not refusal.may_be_done or any(group.id == group_id for group in self.every(instance)):
                raise

    def remove_agents(self, instance: Instance, group_id: int, agent_ids: Sequence[str]) -> int:
        """Take agents out of a skill group; return how many (RemoveAgentFromSkillGroup); raises as `every`."""
        answer = self._contact_center.write(
            instance,
            "remove_agent_from_skill_group",
            skill_group_id=group_id,
            agent_ids=[int(one) for one in agent_ids],
        )
        done = number(part(answer, "Data"), "SuccessCount")
        return len(agent_ids) if done is None else done


def _page(answer: Mapping[str, Any]) -> Page:
    return Page(answer.get("Data"), answer.get("TotalResults"))
