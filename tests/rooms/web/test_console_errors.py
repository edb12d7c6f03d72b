"""Refusals inside the console: in its own frame, with the way back and what to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.access.rules import Allowed
from bridge.aiccs.agents import Agents
from bridge.core.errors import ContactCenterError, ContactCenterUnreachable
from tests.kit.desk import act, administrator, allowing, operator
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.house import House

HERE = "/admin/connections/contoso"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("errors")
    lin = Allowed("contoso", "email", ("lin@contoso.example",), "connection", ("globex",))
    built = build_house(allowing(demo_settings(folder, connections=("contoso", "globex")), lin))
    yield built
    built.services.database.close()


def failing(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    for name in ("everyone", "look_up"):
        monkeypatch.setattr(Agents, name, fail)


@pytest.mark.parametrize(
    ("page", "back", "word"),
    [("agents", HERE, "Back"), ("agents/agent?account=lin", f"{HERE}/agents", "Back to the list")],
    ids=["list", "one"],
)
def test_an_outage_keeps_the_frame_and_leads_back_and_on(
    house: House, monkeypatch: pytest.MonkeyPatch, page: str, back: str, word: str
) -> None:
    failing(ContactCenterUnreachable, monkeypatch)
    answer = operator(house).open(f"{HERE}/{page}")
    assert (answer.status_code, 'class="hb-nav"' in answer.text) == (504, True)
    assert f'<li class="hb-crumb"><a href="{HERE}">contoso</a></li>' in answer.text
    assert f'href="{back}"><span>{word}</span>' in answer.text
    assert f'href="{HERE}/{page}"' in answer.text, "Try again"
    assert "asks the OpenAPI at localhost:5100" in answer.text
    assert "[connections.aiccs]" in answer.text


def test_a_refusal_of_what_was_sent_is_not_tried_again_by_a_link(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(ContactCenterError, monkeypatch)
    answer = act(operator(house), f"{HERE}/agents/agent", {"account_name": "lin@contoso.example", "display_name": "L"})
    assert (answer.status_code, "Try again" in answer.text) == (502, False)
    assert f'href="{HERE}/agents"><span>Back to the list</span>' in answer.text


def test_a_page_that_nobody_knows_is_told_in_the_frame_too(house: House) -> None:
    answer = operator(house).open("/admin/nothing")
    assert (answer.status_code, 'class="hb-nav"' in answer.text) == (404, True)
    assert 'href="/admin/connections"><span>Back</span>' in answer.text


def test_what_somebody_may_not_see_is_not_named(house: House) -> None:
    answer = administrator(house, "contoso").open(HERE)
    assert (answer.status_code, 'class="hb-nav"' in answer.text) == (403, True)
    assert "contoso" not in answer.text.partition("</header>")[2].lower()


def test_whoever_is_in_no_console_sees_none_of_it(house: House) -> None:
    answer = house.browser().open("/admin/enter/nothing")
    assert answer.status_code >= 400
    assert ('class="hb-nav"' in answer.text, "hb-error" in answer.text) == (False, True)
