"""The administrator's whole job in Chromium: from an empty form to an agent with a phone."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from bridge.app import create_app
from bridge.sandbox.app import create_sandbox
from bridge.sandbox.demo import demo_config
from bridge.sandbox.idp_microsoft import CONTOSO_TENANT
from bridge.sandbox.registrations import COMPANIES, INSTANCE_ID
from bridge.settings import load
from tests.kit.listening import listening
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask import Flask
    from playwright.sync_api import Page

    from bridge.sandbox.world import World

pytestmark = pytest.mark.browser

CONTOSO = COMPANIES["contoso"]


@dataclass(frozen=True)
class Stage:
    """A bridge that knows another company only, and the world around it."""

    app: Flask
    bridge: str
    sandbox: str
    world: World


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A bridge and a sandbox that listen."""
    ports = free_port(), free_port()
    bridge, sandbox = f"http://127.0.0.1:{ports[0]}", f"http://localhost:{ports[1]}"
    config = tmp_path / "bridge.toml"
    written = demo_config(sandbox, bridge, str(tmp_path), connections=("acme",))
    config.write_text(f"{written}\n[egress]\nallow_private = true\n", encoding="utf-8")
    app, world = create_app(load(config, os.environ)), create_sandbox(sandbox)
    with listening(world, ports[1]), listening(app, ports[0]):
        yield Stage(app, bridge, sandbox, world.extensions["world"])
    app.extensions["bridge"].database.close()


def choose(page: Page, person: str) -> None:
    page.locator(f'button[name="person"][value="{person}"]').click()


def fill_in(page: Page, stage: Stage) -> None:
    page.get_by_label("Name for people").fill("Contoso Ltd")
    page.get_by_label("App Name", exact=True).fill("contoso")
    page.get_by_text("Advanced", exact=True).click()
    page.get_by_label("Issuer optional").fill(f"{stage.sandbox}/entra/{{tenantid}}/v2.0")
    page.get_by_label("Token exchange address").fill(f"{stage.sandbox}/oauth/token_exchange")
    page.get_by_label("Directory (tenant) ID").fill(CONTOSO_TENANT)
    page.get_by_label("Application (client) ID").fill(CONTOSO.client.client_id)
    page.get_by_label("Client secret", exact=True).fill(CONTOSO.client.client_secret)
    page.get_by_label("Fuyun client ID").fill(CONTOSO.fuyun.client_id)
    page.get_by_label("Fuyun client secret", exact=True).fill(CONTOSO.fuyun.client_secret)
    page.get_by_label("Contact center instance").fill(INSTANCE_ID)


def test_a_microsoft_connection_from_the_empty_form_to_an_agents_phone(
    stage: Stage, open_page: Callable[..., Page]
) -> None:
    # In this customer's contact center agents are called by their names, as its portal says too.
    app = stage.world.fuyun_apps[CONTOSO.fuyun.client_id]
    stage.world.fuyun_apps[CONTOSO.fuyun.client_id] = replace(app, mapping_field="name")
    stage.world.add_agent("Bo Mailless")

    page = open_page()
    page.goto(f"{stage.bridge}/admin/enter/{stage.app.extensions['bridge'].admin_links.make()}")
    page.get_by_role("link", name=re.compile("^Microsoft")).click()
    fill_in(page, stage)
    page.get_by_role("button", name="Save as a draft").click()
    page.wait_for_url("**/admin/connections/contoso?done=saved")

    page.get_by_role("link", name="Test with my account").first.click()
    choose(page, "bo")
    expect(page.get_by_role("heading", level=1)).to_have_text("The test failed")
    expect(page.get_by_text("no mail address in Microsoft").first).to_be_visible()
    row = page.get_by_role("row", name=re.compile("^name "))
    row.get_by_role("button", name="Use this field").click()
    page.wait_for_url("**/admin/connections/contoso?done=mapping")

    page.get_by_role("link", name="Test with my account").first.click()
    choose(page, "bo")
    expect(page.get_by_role("heading", level=1)).to_have_text("The test went well to the very end")
    page.goto(f"{stage.bridge}/admin/connections/contoso")
    page.get_by_role("button", name="Activate").first.click()
    expect(page.get_by_text("The connection is active.")).to_be_visible()

    agent = open_page()
    agent.goto(f"{stage.bridge}/login/contoso")
    choose(agent, "bo")
    agent.wait_for_url("**/softphone")
    expect(agent.get_by_text("Bo Mailless").first).to_be_visible()
