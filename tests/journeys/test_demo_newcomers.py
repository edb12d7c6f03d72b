"""In the demo somebody without an agent gets one by signing in, in the skill group of the demo's rule."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from bridge.sandbox.demo import demo_config
from bridge.settings import load
from tests.kit.desk import operator
from tests.kit.house import BRIDGE, SANDBOX, build_house

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("name", "account"), [("globex", "nora"), ("contoso", "nora@contoso.example")])
def test_a_colleague_without_an_agent_gets_one(tmp_path: Path, name: str, account: str) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text(demo_config(SANDBOX, BRIDGE, str(tmp_path), connections=(name,), newcomers=(name,)), "utf-8")
    house = build_house(load(path, os.environ))
    connection = house.services.connections.get(name)
    assert house.browser().sign_in(name, "nora").url.endswith("/softphone")
    center = house.world.contact_centers[connection.instance_id]
    assert [center.groups[group].name for group in center.agents[account].groups] == ["客服热线", "Sales"]
    console = operator(house)
    for page in ("", "/agents"):
        told = re.sub(r"<[^>]+>|\s+", " ", console.open(f"/admin/connections/{name}{page}").text)
        assert re.search(r"Agents at first sign-in *:? *on +· Changed in the configuration file", told), page
