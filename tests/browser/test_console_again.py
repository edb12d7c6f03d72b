"""What only somebody may do who has just signed in: on the way there a form leads to the provider and back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from bridge.app import create_app
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.demo import demo_config
from bridge.settings import load
from tests.kit.listening import listening
from tests.kit.ports import free_port
from tests.kit.seats import seated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

END_ALL = "/admin/connections/contoso/sessions/end-all"


def test_a_sign_in_that_is_too_old_is_asked_for_on_the_way(
    open_page: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = free_port(), free_port()
    bridge, sandbox = f"http://127.0.0.1:{ports[0]}", f"http://localhost:{ports[1]}"
    config = tmp_path / "bridge.toml"
    config.write_text(demo_config(sandbox, bridge, str(tmp_path), connections=("contoso",), console=True), "utf-8")
    app = create_app(load(config, os.environ))
    page = open_page()
    with listening(create_sandbox(sandbox), ports[1]), listening(app, ports[0]):
        seated(app.extensions["bridge"], "fang@contoso.example", "contoso")
        page.goto(f"{bridge}/login/contoso/admin?next={END_ALL}")
        page.locator('button[name="person"][value="lin"]').click()
        with monkeypatch.context() as later:
            later.setattr("bridge.http.console.FRESH_FOR", -1)
            page.get_by_role("button", name="End all sessions now").click()
            # Chromium would stop a form's own redirect at the provider: that is another origin.
            page.locator('button[name="person"][value="lin"]').wait_for()
        page.locator('button[name="person"][value="lin"]').click()
        page.get_by_role("button", name="End all sessions now").click()
        expect(page.get_by_role("status").first).to_contain_text("All sessions of this connection have ended")
    app.extensions["bridge"].database.close()
