"""The sandbox as a real server on the loopback, and the rooms that ask it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bridge.aiccs.client import ContactCenter
from bridge.aiccs.contact_center import contact_center_desk
from bridge.aiccs.instance import Instance
from bridge.core.model import AiccsAccess, Secret
from bridge.outbound import Limits, Outbound
from bridge.sandbox.acs3 import ACCESS_KEYS
from bridge.sandbox.app import create_sandbox
from tests.kit.listening import listening
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.aiccs.agents import Agents
    from bridge.sandbox.world import World


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def world(port: int) -> Iterator[World]:
    sandbox = create_sandbox(f"http://127.0.0.1:{port}")
    with listening(sandbox, port):
        yield sandbox.extensions["world"]


@pytest.fixture
def access(port: int) -> AiccsAccess:
    key = ACCESS_KEYS["contoso"]
    return AiccsAccess(Secret(key.access_key_id), Secret(key.access_key_secret), f"127.0.0.1:{port}", "http")


@pytest.fixture
def contact_center() -> Iterator[ContactCenter]:
    outbound = Outbound(limits=Limits(connect=20, read=2, deadline=60))
    yield ContactCenter(outbound, time.time)
    outbound.close()


@pytest.fixture
def agents(contact_center: ContactCenter) -> Agents:
    return contact_center_desk(contact_center).agents


@pytest.fixture
def instance(access: AiccsAccess) -> Instance:
    return Instance(access, "ccc_xp_demo")
