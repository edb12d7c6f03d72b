"""All that the contact center can be asked, as one bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.aiccs.agents import Agents
from bridge.aiccs.calls import Calls
from bridge.aiccs.departments import Departments
from bridge.aiccs.numbers import HotlineNumbers
from bridge.aiccs.patience import THOROUGH
from bridge.aiccs.skill_groups import SkillGroups

if TYPE_CHECKING:
    from bridge.aiccs.client import ContactCenter


@dataclass(frozen=True, slots=True)
class ContactCenterDesk:
    """What can be asked and changed; every method takes the instance that is meant."""

    client: ContactCenter
    agents: Agents
    skill_groups: SkillGroups
    departments: Departments
    numbers: HotlineNumbers
    calls: Calls

    def thorough(self) -> ContactCenterDesk:
        """Return the same desk for jobs of minutes, which wait out what a page would not."""
        return contact_center_desk(self.client.with_patience(THOROUGH))


def contact_center_desk(client: ContactCenter) -> ContactCenterDesk:
    """Return the desk that asks through this client."""
    skill_groups = SkillGroups(client)
    return ContactCenterDesk(
        client, Agents(client, skill_groups), skill_groups, Departments(client), HotlineNumbers(client), Calls(client)
    )
