"""Imports of agents on every store: of several who work at one, each row is taken by one."""

from __future__ import annotations

from collections import Counter
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from bridge.aiccs.instance import Instance
from bridge.connections.rows import Entry
from bridge.connections.secrets import KeyRing
from bridge.core.contact_center_errors import RosterInvalid
from bridge.core.model import AiccsAccess, Secret
from bridge.outbound import Outbound
from bridge.provisioning.bulk import Wishes
from bridge.provisioning.import_rows import agent_import_rows, agent_imports
from bridge.provisioning.imports import Imports
from bridge.provisioning.known_agents import KnownAgents, known_agents
from bridge.provisioning.roster_file import Row
from tests.contracts.emptied import emptied
from tests.contracts.together import together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.aiccs.agents import Agent
    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.db import Database
    from tests.kit.clock import Clock

KEYS: Final = KeyRing([Secret("o" * 32)])
INSTANCE: Final = Instance(AiccsAccess(Secret("id"), Secret("secret")), "ccc_xp_1")
CONTOSO: Final = Entry("contoso", "console", "active", 1, 1)
ROWS: Final = tuple(Row(line, f"agent-{line}", "Agent", ()) for line in range(2, 14))


class Desk:
    """A contact center without anybody, which counts who is made."""

    def __init__(self) -> None:
        self.agents = self.skill_groups = self
        self.made = Counter[str]()
        self._lock = Lock()

    def everyone(self, _instance: Instance) -> list[Agent]:
        return []

    def every(self, _instance: Instance) -> list[Any]:
        return []

    def look_up(self, _instance: Instance, _account_name: str) -> None:
        return None

    def create(self, _instance: Instance, account_name: str, *_: Any, **__: Any) -> None:
        with self._lock:
            self.made[account_name] += 1


@pytest.fixture
def database(store: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    with emptied(store, request, agent_import_rows, agent_imports, known_agents) as made:
        yield made


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def imports(database: Database, clock: Clock, desk: Desk) -> Iterator[Imports]:
    outbound = Outbound()
    yield Imports(
        database=database,
        key_ring=KEYS,
        desk=cast("ContactCenterDesk", desk),
        outbound=outbound,
        known=KnownAgents(database, KEYS, clock),
        now=clock,
    )
    outbound.close()


def test_of_several_who_work_at_it_each_row_is_done_by_one(imports: Imports, desk: Desk) -> None:
    job_id = imports.begin(CONTOSO, INSTANCE, ROWS, Wishes(), author="Wang")
    find = partial(imports.job, CONTOSO, INSTANCE, job_id)
    together([partial(imports.advance, find(), INSTANCE)] * 3)
    assert find().stage == "asking"
    assert imports.start(find())
    ends = together([partial(imports.advance, find(), INSTANCE)] * 3)
    assert (find().stage, find().ending("done"), sum(end.is_last for end in ends)) == ("over", len(ROWS), 1)
    assert desk.made == Counter(row.account_name for row in ROWS)
    assert [outcome.step.account_name for outcome in imports.every(find())] == [row.account_name for row in ROWS]


def test_of_too_many_unfinished_ones_the_oldest_that_nobody_started_is_dropped(imports: Imports, clock: Clock) -> None:
    def begun(entry: Entry = CONTOSO, *, is_started: bool = False) -> str:
        clock.advance(1)
        job_id = imports.begin(entry, INSTANCE, (Row(2, "frozen", fault="a fault"),), Wishes(), author="Wang")
        assert not is_started or imports.start(imports.job(entry, INSTANCE, job_id))
        return job_id

    def kept(entry: Entry = CONTOSO) -> list[str]:
        return [job.id for job in imports.latest(entry)]

    first, second = begun(is_started=True), begun()
    third = begun()
    fourth = begun()
    assert kept() == [fourth, third, first]
    globex = Entry("globex", "console", "active", 1, 1)
    begun(globex)
    assert (len(kept()), len(kept(globex))) == (3, 1)
    for job_id in (third, fourth):
        assert imports.start(imports.job(CONTOSO, INSTANCE, job_id))
    with pytest.raises(RosterInvalid) as refusal:
        begun()
    assert (refusal.value.received, second in kept()) == ("3", False)
    imports.drop(imports.job(CONTOSO, INSTANCE, first))
    assert begun() in kept()
