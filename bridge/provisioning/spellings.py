"""Agents whose names differ by no more than their spelling: beside one of them, no second one is made."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.provisioning.nearest import spelling

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from bridge.aiccs.agents import Agents
    from bridge.aiccs.instance import Instance

_KEPT_FOR: Final = 60.0
"""Seconds for which a list of agents serves everybody who is new: a company's first morning is no list each."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """Account names by what their spellings have in common.

    Args:
        until: seconds of the clock.
    """

    until: float
    names: Mapping[str, Collection[str]]


class Spellings:
    """Knows how the agents of each contact center are spelled, as of the last minute.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, agents: Agents, clock: Callable[[], float] = time.monotonic) -> None:
        self._agents = agents
        self._clock = clock
        self._listed: dict[Instance, _Listed] = {}

    def has_another(self, instance: Instance, account_name: str) -> bool:
        """Say whether there is an agent whose name is this one, spelled another way; raises as `Agents.everyone`."""
        alike = self._of(instance).names.get(spelling(account_name), ())
        return any(name != account_name for name in alike)

    def _of(self, instance: Instance) -> _Listed:
        now = self._clock()
        kept = self._listed.get(instance)
        if kept is not None and now < kept.until:
            return kept
        names: defaultdict[str, list[str]] = defaultdict(list)
        for agent in self._agents.everyone(instance):
            names[spelling(agent.account_name)].append(agent.account_name)
        fresh = _Listed(now + _KEPT_FOR, names)
        # A new mapping, since others read the former one meanwhile.
        self._listed = {key: one for key, one in self._listed.items() if now < one.until} | {instance: fresh}
        return fresh
