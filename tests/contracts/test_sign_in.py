"""An agent's whole day on every store: sign in, ask, renew, sign out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.core.errors import SessionEnded
from tests.journeys.steps import refused, signed_in
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.house import House


@pytest.fixture
def house(tmp_path: Path, empty_url: str) -> Iterator[House]:
    settings = demo_settings(tmp_path)
    built = build_house(replace(settings, store=settings.store.model_copy(update={"database": empty_url})))
    yield built
    built.services.database.close()


def test_a_day_at_work(house: House, store: str) -> None:
    assert house.services.database.engine.dialect.name == store
    browser = signed_in(house)
    assert house.rows()["agent_sessions"] == 1
    assert browser.fetch("/session").json()["account_name"] == "lin"
    before = browser.cookie("AC_TOKEN")
    assert browser.post("/session/renew").json()["access_token"] == browser.cookie("AC_TOKEN") != before
    thief = house.browser()
    thief.wire.cookies.update(browser.wire.cookies)
    browser.submit("/logout", {"csrf_token": browser.csrf_token()}, follow=False)
    assert refused(thief.fetch("/session")) == (SessionEnded.status, SessionEnded.code)
