"""Agents of the contact center."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.core.errors import ContactCenterError

if TYPE_CHECKING:
    from bridge.aiccs.client import ContactCenter
    from bridge.core.model import AiccsAccess

_NORMAL: Final = "0"
_FROZEN: Final = "1"
_DELETED: Final = "2"
_NO_SUCH_AGENT: Final = "NoAgentFound"


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as the contact center has it.

    Args:
        account_name: as the contact center spells it.
        agent_id: its number as text; empty where it was not told. A long does not fit into JavaScript's numbers.
        status: the contact center's number as text: ``0`` normal, ``1`` frozen. Anything else is kept as it came, and
            such an agent is neither active nor frozen: what it may do is not known.
        groups: display names of the skill groups.
    """

    account_name: str
    display_name: str
    agent_id: str
    status: str
    groups: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether the agent may work; only status normal may."""
        return self.status == _NORMAL

    @property
    def is_frozen(self) -> bool:
        """Whether somebody froze the agent."""
        return self.status == _FROZEN


class Agents:
    """Asks the contact center about its agents."""

    def __init__(self, contact_center: ContactCenter) -> None:
        self._contact_center = contact_center

    def find(self, access: AiccsAccess, instance_id: str, account_name: str) -> Agent | None:
        """Return the agent with this AccountName, or None where there is none (operation GetAgent).

        What GetAgent says about an unknown account is published nowhere; three answers are taken for it: the code
        ``NoAgentFound`` that its sister DeleteAgent has, success without data, and an agent in status 2, deleted.

        Args:
            instance_id: the contact center's instance, ``ccc_xp_…``.

        Raises:
            ContactCenterError: refused, such as ``NoTenantFound`` for an unknown instance, or an unusable answer.
            ContactCenterUnreachable: no answer.
        """
        parameters = {"instance_id": instance_id, "account_name": account_name}
        try:
            answer = self._contact_center.call(access, "get_agent", parameters, again=True)
        except ContactCenterError as refusal:
            if refusal.received == _NO_SUCH_AGENT:
                return None
            raise
        agent = _read(answer.get("Data") or {})
        if not agent.account_name and (agent.agent_id or "Success" not in answer):
            raise ContactCenterError("The contact center's answer is not usable.", expected="AccountName of the agent")
        return agent if agent.account_name and agent.status != _DELETED else None


def _read(data: dict[str, Any]) -> Agent:
    groups = (_text(group, "DisplayName") or _text(group, "Name") for group in data.get("GroupList") or ())
    return Agent(
        account_name=_text(data, "AccountName"),
        display_name=_text(data, "DisplayName"),
        agent_id=_text(data, "AgentId"),
        status=_text(data, "Status"),
        groups=tuple(name for name in groups if name),
    )


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    return "" if value is None else str(value)
