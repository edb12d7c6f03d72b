"""What the examples of the API's document speak of, so that a contact center of the sandbox can answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.http.description_parts import PARAMETERS
from bridge.sandbox.contact_center import SkillGroup
from bridge.sandbox.registrations import INSTANCE_ID

if TYPE_CHECKING:
    from bridge.sandbox.world import World

EXAMPLES: Final = {name: part["example"] for name, part in PARAMETERS.items() if "example" in part}


def furnish_examples(world: World) -> None:
    """Have the examples' skill group, department and call at contoso's contact center, empty or answered as needed."""
    center = world.contact_centers[INSTANCE_ID]
    group_id, department_id = EXAMPLES["skill_group_id"], EXAMPLES["department_id"]
    center.departments[department_id] = "Support"
    center.groups[group_id] = SkillGroup(group_id, "support-de", "Support")
    acid, connection_id = EXAMPLES["call_id"], EXAMPLES["recording_id"]
    world.calls[INSTANCE_ID].add("lin@contoso.example", ended=120, acid=acid, connection_id=connection_id)
