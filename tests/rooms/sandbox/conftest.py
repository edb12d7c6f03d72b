"""A fresh sandbox for every test, with a clock that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.sandbox.app import create_sandbox
from tests.kit.listening import listening
from tests.kit.ports import free_port
from tests.rooms.sandbox.party import Clock, Party
from tests.rooms.sandbox.vendor import Vendor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from flask.testing import FlaskClient

    from bridge.sandbox.world import World

BASE = "http://localhost:5100"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Flask:
    return create_sandbox(BASE, now=clock)


@pytest.fixture
def world(sandbox: Flask) -> World:
    found: World = sandbox.extensions["world"]
    return found


@pytest.fixture
def http(sandbox: Flask) -> FlaskClient:
    return sandbox.test_client()


@pytest.fixture
def party(world: World, http: FlaskClient) -> Callable[[str], Party]:
    return lambda connection: Party(world, http, connection)


@pytest.fixture(scope="module")
def served() -> Iterator[Vendor]:
    """Serve one sandbox to the vendor's SDK, which wants a real address."""
    port = free_port()
    sandbox = create_sandbox(f"http://127.0.0.1:{port}")
    with listening(sandbox, port):
        yield Vendor(sandbox.extensions["world"], port)


@pytest.fixture
def vendor(served: Vendor) -> Vendor:
    served.world.reset()
    return served
