"""A fresh sandbox for every test, with a clock that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.sandbox.app import create_sandbox
from tests.rooms.sandbox.party import Clock, Party

if TYPE_CHECKING:
    from collections.abc import Callable

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
