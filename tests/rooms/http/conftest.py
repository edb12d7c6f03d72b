"""The application that the rooms of http are tried with; no test changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.house import SECURE_BRIDGE, build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from tests.kit.house import House


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house on loopback."""
    built = build_house(demo_settings(tmp_path_factory.mktemp("http")))
    yield built
    built.services.database.close()


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house behind https."""
    built = build_house(demo_settings(tmp_path_factory.mktemp("https"), SECURE_BRIDGE))
    yield built
    built.services.database.close()


@pytest.fixture
def app(quiet: House) -> Flask:
    return quiet.app
