"""What tests of calls stand on: the sandbox's contact center, asked without its pace."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.aiccs.client import ContactCenter
from bridge.aiccs.contact_center import contact_center_desk
from bridge.aiccs.instance import Instance, instance_of
from bridge.calls.recordings import Recordings

if TYPE_CHECKING:
    from bridge.aiccs.calls import Calls
    from bridge.sandbox.calls import CallLog
    from tests.kit.house import House


@pytest.fixture
def instance(house: House) -> Instance:
    own = instance_of(house.services.connections.get("contoso"))
    return Instance(replace(own.access, requests_per_second=100_000), own.id)


@pytest.fixture
def calls(house: House) -> Calls:
    return contact_center_desk(ContactCenter(house.services.outbound, house.clock, pause=lambda _: None)).calls


@pytest.fixture
def recordings(house: House, calls: Calls) -> Recordings:
    return Recordings(house.services.outbound, calls, house.clock)


@pytest.fixture
def log(house: House, instance: Instance) -> CallLog:
    """The sandbox's calls; it begins with none."""
    found = house.world.calls[instance.id]
    found.clear()
    return found
