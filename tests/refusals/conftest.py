"""What the tables of refusals share; pytest explains the assertions of `refused` as if they stood in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("tests.refusals.refused")

from tests.kit.house import build_house, demo_settings  # noqa: E402 — after the line above, which must come first
from tests.refusals.refused import beside  # noqa: E402 — likewise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.hostile import Provider
    from tests.kit.house import House


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house for tests that move no clock and close no door."""
    built = build_house(demo_settings(tmp_path_factory.mktemp("house")))
    yield built
    built.services.database.close()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, providers: dict[str, Provider]) -> Iterator[House]:
    """A bridge beside the misbehaving providers of a table, which the table's file names as `providers`."""
    built = beside(tmp_path_factory.mktemp("house"), providers.values())
    yield built
    built.services.database.close()
