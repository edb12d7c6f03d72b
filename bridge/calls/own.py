"""An agent's own calls: those of today and their recordings, and nobody else's, whatever the contact center answers."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from bridge.aiccs.calls import CallSearch
from bridge.aiccs.instance import instance_of
from bridge.aiccs.reading import zone
from bridge.calls.masking import without_numbers
from bridge.calls.overview import Kept
from bridge.core.contact_center_errors import CallUnknown, RecordingMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.aiccs.calls import Call, Recording
    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.aiccs.instance import Instance
    from bridge.calls.recordings import Held, Recordings
    from bridge.core.model import Connection

MOST: Final = 300
"""Calls that are read of one day; whoever has more sees the newest of those that the contact center told."""
_ID_KEPT_FOR: Final = 300.0
_MOST_AGENTS: Final = 5000


class OwnCalls:
    """Finds the calls of one agent.

    Args:
        now: epoch seconds.
    """

    def __init__(self, contact_center: ContactCenterDesk, recordings: Recordings, now: Callable[[], float]) -> None:
        self._contact_center = contact_center
        self._recordings = recordings
        self._now = now
        self._agent_ids = Kept(now, _MOST_AGENTS)

    def of_today(self, connection: Connection, account_name: str) -> list[Call]:
        """Return the agent's calls since midnight where the contact center is, newest first, numbers masked.

        Nothing, where the contact center does not know the agent.

        Raises:
            ConnectionModeUnsuited: the connection has no access to a contact center.
            ContactCenterError, ContactCenterUnreachable: as `Calls.search`.
        """
        instance, agent_id = self._agent(connection, account_name)
        if not agent_id:
            return []
        wanted = CallSearch(self._midnight(instance), self._now(), agent_ids=(agent_id,))
        found = islice(self._contact_center.calls.search(instance, wanted), MOST)
        # The filter is the contact center's word; that it filtered is looked after here.
        own = {call.id: without_numbers(call) for call in found if call.agent_id == agent_id}
        return sorted(own.values(), key=lambda call: call.created_at or 0, reverse=True)

    def recordings(self, connection: Connection, account_name: str, call_id: str) -> Held:
        """Return the recordings of the agent's part of a call.

        Raises:
            CallUnknown: there is no such call, or the agent had no part in it.
            ConnectionModeUnsuited: as for `of_today`.
            ContactCenterError, ContactCenterUnreachable: as `Calls.find`.
        """
        instance, rows, own = self._rows(connection, account_name, call_id)
        held = self._recordings.of(instance, own)
        heard = tuple(one for one in held.recordings if _is_of(one, own, rows))
        state = held.state if heard or held.state != "ready" else "none"
        return type(held)(state, heard)

    def check(self, connection: Connection, account_name: str, call_id: str, connection_id: str) -> None:
        """Refuse a recording that is not of the agent's own part of a call.

        Raises:
            RecordingMissing: no such recording, or somebody else's.
            BridgeError: as for `recordings`.
        """
        instance, rows, own = self._rows(connection, account_name, call_id)
        if len(own) == len(rows):
            return
        held = self._recordings.of(instance, rows).recordings
        if not any(one.connection_id == connection_id and _is_of(one, own, rows) for one in held):
            raise RecordingMissing(expected="a recording of the agent's own part", received="another")

    def _rows(self, connection: Connection, account_name: str, call_id: str) -> tuple[Instance, list[Call], list[Call]]:
        instance, agent_id = self._agent(connection, account_name)
        rows = self._contact_center.calls.find(instance, call_id) if agent_id else []
        own = [call for call in rows if call.agent_id == agent_id]
        if not own:
            raise CallUnknown(expected="an own call", received="another")
        return instance, rows, own

    def _agent(self, connection: Connection, account_name: str) -> tuple[Instance, str]:
        """Return the contact center, and the agent's number in it or nothing."""
        instance = instance_of(connection)
        # Whoever names a contact center of somebody else's in a connection of theirs spoils no answer but their own.
        key = (connection.name, connection.version, instance, account_name)
        # An agent who is deleted and made again keeps the number, and nobody else ever gets it.
        return instance, self._agent_ids.get(key, _ID_KEPT_FOR, lambda: self._look_up(instance, account_name))

    def _look_up(self, instance: Instance, account_name: str) -> str:
        agent = self._contact_center.agents.find(instance, account_name)
        return agent.agent_id if agent else ""

    def _midnight(self, instance: Instance) -> float:
        now = datetime.fromtimestamp(self._now(), zone(instance.access.utc_offset))
        return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _is_of(recording: Recording, own: Sequence[Call], rows: Sequence[Call]) -> bool:
    """Say whether most of a recording is of the agent's own legs: it tells no agent, but when it was made.

    Whoever hands a call on is on the line with the next agent for a moment, which makes the rest no own part.
    """
    if len(own) == len(rows):
        return True
    began, ended = recording.began_at, recording.ended_at
    if began is None or ended is None:
        return False
    own_seconds = sum(
        max(min(ended, call.ended_at) - max(began, call.answered_at), 0.0)
        for call in own
        if call.answered_at is not None and call.ended_at is not None
    )
    return 2 * own_seconds > ended - began
