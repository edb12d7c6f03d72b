"""Many agents at once: the steps of a plan done one by one, each once, whatever is interrupted."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bridge.core.contact_center_errors import AgentExists, ContactCenterThrottled, ContactCenterUncertain
from bridge.core.errors import AgentUnknown, BridgeError, ContactCenterUnreachable
from bridge.provisioning.bulk import is_as

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from bridge.aiccs.agents import Agent
    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.aiccs.instance import Instance
    from bridge.provisioning.bulk import Profile, Step, Wishes

Result = Literal["done", "skipped", "refused", "uncertain", "waiting"]
"""What came of a step; ``waiting``: it was surely not done, and can be done later."""
_NAMESPACE: Final = uuid.UUID("0d0d6d3c-3a5c-4c1f-9d0e-6b1f2d6a9c11")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step.

    Args:
        code: of the error, where there was one; of a skipped step, ``frozen`` where it was frozen meanwhile.
        told: the contact center's own code, or what else came.
    """

    step: Step
    result: Result
    code: str = ""
    told: str = ""

    @property
    def is_final(self) -> bool:
        """Whether there is nothing left to do or to find out."""
        return self.result not in {"uncertain", "waiting"}


@dataclass(frozen=True, slots=True)
class Hands:
    """Does steps of one import.

    Args:
        run: names the import; it makes the ClientToken by which a repeated creation is known as the same one.
    """

    desk: ContactCenterDesk
    instance: Instance
    wishes: Wishes
    run: str

    def perform(self, step: Step, *, is_unsettled: bool = False) -> Outcome:
        """Do a step; it may have been done already, and is not done twice.

        Args:
            is_unsettled: whether it was begun before, and nobody knows how that ended.
        """
        if not step.is_needed:
            return Outcome(step, "skipped", step.act)
        try:
            return self._done(step, is_unsettled=is_unsettled)
        except ContactCenterThrottled as fault:
            return Outcome(step, "uncertain" if is_unsettled else "waiting", fault.code, fault.received)
        except (ContactCenterUncertain, ContactCenterUnreachable) as fault:
            return Outcome(step, "uncertain", fault.code, fault.received)
        except BridgeError as refusal:
            return Outcome(step, "refused", refusal.code, refusal.received)

    def _done(self, step: Step, *, is_unsettled: bool) -> Outcome:
        if step.act == "create":
            return self._create(step, is_unsettled=is_unsettled)
        # As it is now: an agent may have been frozen or deleted since the plan was made.
        agent = self.desk.agents.look_up(self.instance, step.account_name)
        if agent is not None and not agent.is_deleted and not agent.is_active and not self.wishes.also_frozen:
            return Outcome(step, "skipped", "frozen")
        return self._delete(step, agent) if step.act == "delete" else self._update(step, agent)

    def _create(self, step: Step, *, is_unsettled: bool) -> Outcome:
        wanted = _wanted(step)
        if is_unsettled:
            found = self.desk.agents.find(self.instance, step.account_name)
            if found is not None:
                return self._exists(step, found)
        token = str(uuid.uuid5(_NAMESPACE, f"{self.run}\n{self.instance.id}\n{step.account_name}"))
        try:
            self.desk.agents.create(
                self.instance, step.account_name, wanted.display_name, wanted.group_ids, token=token
            )
        except AgentExists as refusal:
            # An answer that was lost and asked for again ends here where ClientToken is not honoured.
            return self._exists(step, self.desk.agents.find(self.instance, step.account_name), refusal)
        return Outcome(step, "done")

    @staticmethod
    def _exists(step: Step, found: Agent | None, refusal: AgentExists | None = None) -> Outcome:
        if found is not None and is_as(found, _wanted(step)):
            return Outcome(step, "done")
        raise refusal or AgentExists(expected="the agent as it is wanted", received="another")

    def _update(self, step: Step, agent: Agent | None) -> Outcome:
        wanted = _wanted(step)
        if agent is None or agent.is_deleted:
            raise AgentUnknown(received="deleted meanwhile")
        if not is_as(agent, wanted):
            self.desk.agents.update(self.instance, step.account_name, wanted.display_name, wanted.group_ids)
        return Outcome(step, "done")

    def _delete(self, step: Step, agent: Agent | None) -> Outcome:
        if agent is not None and not agent.is_deleted:
            with suppress(AgentUnknown):
                self.desk.agents.delete(self.instance, step.account_name)
        return Outcome(step, "done")


def carry_out(hands: Hands, steps: Iterable[Step], unsettled: Collection[str] = ()) -> Iterator[Outcome]:
    """Do steps one by one, with the patience of a job of minutes; an answer that was lost is looked up once.

    It ends with the first outcome that is not final: a contact center that does not answer is not asked for the rest.

    Args:
        unsettled: account names whose step was begun before, with an end that nobody knows.
    """
    patient = Hands(hands.desk.thorough(), hands.instance, hands.wishes, hands.run)
    for step in steps:
        outcome = patient.perform(step, is_unsettled=step.account_name in unsettled)
        if outcome.result == "uncertain":
            outcome = patient.perform(step, is_unsettled=True)
        yield outcome
        if not outcome.is_final:
            return


def _wanted(step: Step) -> Profile:
    if step.after is None:
        raise ValueError(f"step {step.act} of line {step.line} has no profile")  # pragma: no cover — `judged` gives one
    return step.after
