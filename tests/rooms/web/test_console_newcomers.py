"""The form's part for agents who are made at their first sign-in: what is typed, kept, shown again and refused."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from bridge.access.rules import Allowed
from tests.kit.console_forms import filled, sent, told
from tests.kit.desk import administrator, allowing, operator
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.browser import Browser
    from tests.kit.house import House

NEW = "/admin/connections/new?kind=oidc"
EDIT = "/admin/connections/fresh/edit"
ACCESS = {"aiccs_access_key_id": "LTAI-of-fresh", "aiccs_access_key_secret": "hidden-secret-of-it"}
TYPED = {
    "provisioning_create_agents": "yes",
    "provisioning_display_name": "nickname",
    "provisioning_skill_groups": "Hotline, After sales，售后",  # noqa: RUF001 — as a Chinese keyboard types it
    "provisioning_rules": "groups = sales-emea ->  Sales, Support\r\n\r\ntitle = lead → 主管\r\n",
}
KEPT = {
    "create_agents": True,
    "display_name": "nickname",
    "skill_groups": ["Hotline", "After sales", "售后"],
    "rules": ["groups = sales-emea -> Sales, Support", "title = lead → 主管"],
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    rule = Allowed("globex", "preferred_username", ("lin",), connections=("fresh",))
    built = build_house(allowing(demo_settings(tmp_path), rule))
    yield built
    built.services.database.close()


@pytest.fixture
def desk(house: House) -> Browser:
    return operator(house)


def document(house: House) -> dict[str, Any]:
    entry = house.services.register.entry("fresh")
    return house.services.register.version("fresh", entry.newest_version).document


def faults(desk: Browser, path: str = NEW, **typed: str) -> dict[str, str]:
    answer = sent(desk, path, {**filled("oidc"), **ACCESS, **TYPED, **typed} if path == NEW else typed)
    assert answer.status_code == 422
    return told(answer)


def test_what_is_typed_is_kept_and_shown_again_and_goes_with_its_fields(house: House, desk: Browser) -> None:
    assert sent(desk, NEW, filled("oidc", **ACCESS, **TYPED)).status_code == 303
    assert document(house)["provisioning"] == KEPT
    page = unescape(desk.open(EDIT).text)
    assert "groups = sales-emea -> Sales, Support\ntitle = lead → 主管</textarea>" in page
    assert 'value="Hotline, After sales, 售后"' in page
    assert '<option value="yes" selected' in page
    assert sent(desk, EDIT, {}).status_code == 303
    assert house.services.register.entry("fresh").newest_version == 1
    emptied = dict.fromkeys(TYPED, "") | {"provisioning_create_agents": "no"}
    assert sent(desk, EDIT, emptied).status_code == 303
    assert "provisioning" not in document(house)


def test_who_is_known_goes_with_the_connection(house: House, desk: Browser) -> None:
    assert sent(desk, NEW, filled("oidc")).status_code == 303
    house.services.known_agents.remember("fresh", "lin")
    house.services.known_agents.remember("contoso", "lin")
    house.services.changes.remove("fresh", actor="somebody")
    assert house.rows()["known_agents"] == 1


def test_nothing_typed_is_no_table(house: House, desk: Browser) -> None:
    assert sent(desk, NEW, filled("oidc")).status_code == 303
    assert "provisioning" not in document(house)


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"provisioning_rules": "groups = a -> A\nsales: Sales"}, "provisioning_rules", "sales: Sales: must be a rule"),
        ({"provisioning_display_name": "nick name"}, "provisioning_display_name", "Must be a field"),
        ({"provisioning_create_agents": "perhaps"}, "provisioning_create_agents", "true or false"),
        ({"instance_id": ""}, "provisioning_create_agents", "Needs [connections.aiccs] and instance_id"),
        (dict.fromkeys(ACCESS, ""), "provisioning_create_agents", "Needs [connections.aiccs] and instance_id"),
        (
            {"mode": "frontend", "fuyun_frontend_redirect_url": "https://signin.rhinokeen.com/x"},
            "provisioning_create_agents",
            "not mode frontend",
        ),
    ],
    ids=["rule", "path", "switch", "instance", "key", "mode"],
)
def test_a_fault_stands_at_its_field(desk: Browser, typed: dict[str, str], field: str, words: str) -> None:
    found = faults(desk, **typed)
    assert list(found) == [field]
    assert words in found[field]


def test_an_administrator_makes_agents_in_the_own_contact_center_only(house: House, desk: Browser) -> None:
    contoso = house.services.connections.get("contoso")
    assert contoso.aiccs is not None
    shared = {
        "instance_id": contoso.instance_id,
        "aiccs_access_key_id": contoso.aiccs.access_key_id.reveal(),
        "aiccs_access_key_secret": contoso.aiccs.access_key_secret.reveal(),
    }
    assert sent(desk, NEW, filled("oidc", **shared)).status_code == 303
    admin = administrator(house, "globex")
    assert "by an operator only" in faults(admin, EDIT, provisioning_create_agents="yes")["provisioning_create_agents"]
    own = {"instance_id": "ccc_xp_own", "provisioning_create_agents": "yes"}
    assert "ust be entered again" in faults(admin, EDIT, **own)["aiccs_access_key_secret"]
    entered = {"aiccs_access_key_secret": shared["aiccs_access_key_secret"]}
    assert sent(admin, EDIT, own | entered).status_code == 303
    assert sent(admin, EDIT, {"title": "Another"}).status_code == 303
    back = entered | {"instance_id": contoso.instance_id}
    assert "by an operator only" in faults(admin, EDIT, **back)["provisioning_create_agents"], "by two steps neither"
    assert sent(desk, EDIT, back).status_code == 303
    assert sent(admin, EDIT, {"title": "A third"}).status_code == 303, "what an operator wrote may stay"
