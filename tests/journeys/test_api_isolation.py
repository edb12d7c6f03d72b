"""One platform's API key on every operation of another's connection: nothing tells that there is another."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.core.scopes import SCOPES
from bridge.http.api import OPERATIONS, Operation
from tests.journeys.steps import refused
from tests.kit.house import change
from tests.kit.platform import EVERYTHING, platform_of
from tests.kit.signing import signing_house, signing_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from requests.models import Response

    from tests.kit.house import House
    from tests.kit.platform import Platform

ACTIONS: Final = [
    "issue_token", "offer_handoff", "show_agent", "show_connection", "list_sessions", "end_sessions", "list_calls",
    "fetch_recording", "remove_skill_group", "delete_department", "reset_number",
]  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house where initech's connection is switched off."""
    settings = signing_settings(tmp_path_factory.mktemp("house"))
    built = signing_house(change(settings, "initech", lambda one: replace(one, enabled=False)))
    yield built
    built.services.database.close()


@pytest.fixture(scope="module")
def platform(house: House) -> Platform:
    """The back end of contoso, with every scope."""
    return platform_of(house, "contoso")


def operations(house: House) -> list[Operation]:
    found: list[Operation] = list(house.app.extensions[OPERATIONS])
    return found


def ask(platform: Platform, operation: Operation, connection: str) -> Response:
    """Do an operation on a connection, as it has to be asked for."""
    path = re.sub(
        "<(?:[a-z]+:)?([a-z_]+)>", lambda place: connection if place[1] == "connection" else "x", operation.rule
    )
    query = "&".join(f"{name}={value}" for name, value in asked_for(operation.query).items())
    body = asked_for(operation.takes) if operation.method in {"POST", "PUT", "PATCH"} else None
    return platform.ask(operation.method, f"{path}?{query}", body)


def asked_for(model: type[BaseModel]) -> dict[str, Any]:
    """Return what a message cannot do without."""
    fields = {name: field for name, field in model.model_fields.items() if field.is_required()}
    return {name: (field.examples or ["lin@contoso.example"])[0] for name, field in fields.items()}


def without_names(answer: Response) -> dict[str, Any]:
    """Return a problem without what it repeats, and what names it in the journal."""
    problem = dict(answer.json())
    assert problem.pop("reference")
    problem.pop("received", None)
    return problem


def test_there_are_operations_to_try(house: House) -> None:
    names = {operation.name for operation in operations(house)}
    assert names >= {*ACTIONS, "list_connections"}
    rules = {(rule.rule, method) for rule in house.app.url_map.iter_rules() for method in rule.methods or ()}
    assert {(f"/api/v1{one.rule}", one.method) for one in operations(house)} <= rules


def test_every_operation_is_understood_where_the_key_is_for_it(house: House, platform: Platform) -> None:
    for operation in operations(house):
        if operation.has_connection:
            answer = ask(platform, operation, "contoso")
            code = answer.json().get("code", "") if answer.status_code != 200 else ""
            assert (operation.name, code in {"", "page_unknown"} or answer.status_code > 403) == (operation.name, True)
            assert code not in {"connection_unknown", "request_invalid", "api_key_forbidden", "api_key_invalid"}


@pytest.mark.parametrize("taken", ["acme", "globex", "GLOBEX", "initech"])
def test_anothers_connection_is_answered_as_a_name_that_nobody_has(
    house: House, platform: Platform, taken: str
) -> None:
    house.calls.clear()
    for operation in operations(house):
        if not operation.has_connection:
            continue
        there, nowhere = (ask(platform, operation, name) for name in (taken, "umbrella"))
        assert (operation.name, refused(there)) == (operation.name, (404, "connection_unknown"))
        assert without_names(there) == without_names(nowhere)
        assert [header for header in there.headers if header not in nowhere.headers] == []
        assert there.json()["received"] == taken
    assert house.calls == []


def test_what_names_no_connection_tells_of_the_own_ones_alone(house: House, platform: Platform) -> None:
    for operation in operations(house):
        if not operation.has_connection:
            answer = ask(platform, operation, "")
            assert not re.search("acme|globex|initech", answer.text, re.IGNORECASE), operation.name
            if operation.name == "list_connections":
                assert [one["name"] for one in answer.json()["items"]] == ["contoso"]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_without_a_scope_does_nothing_that_needs_it(house: House, scope: str) -> None:
    assert set(SCOPES) == set(EVERYTHING)
    without = platform_of(house, "contoso", scopes=tuple(one for one in SCOPES if one != scope))
    alone = platform_of(house, "contoso", scopes=(scope,))
    house.calls.clear()
    for operation in operations(house):
        # Who may not ask learns nothing about the name either.
        for name in ("contoso", "globex", "umbrella"):
            closed = alone if operation.scope not in {"", scope} else without if operation.scope == scope else None
            if closed is not None:
                answer = ask(closed, operation, name)
                assert (operation.name, refused(answer)) == (operation.name, (403, "api_key_forbidden"))
                assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
                assert answer.json()["expected"] == f"scope {operation.scope}"
    assert house.calls == []


def test_each_operation_wants_a_key(house: House) -> None:
    for key in ("", "hlb_unknown"):
        stranger = platform_of(house, "contoso")
        stranger.key = key
        for operation in operations(house):
            for name in ("contoso", "umbrella"):
                answer = ask(stranger, operation, name)
                assert (operation.name, refused(answer)) == (operation.name, (401, "api_key_invalid"))
                assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_the_sessions_of_another_connection_stay_when_the_agent_has_the_same_name(house: House) -> None:
    own, other = platform_of(house, "contoso"), platform_of(house, "globex")
    browser = house.browser()
    browser.open(other.handoff("globex", "lin").json()["url"])
    assert own.ask("DELETE", "/connections/contoso/sessions?account_name=lin").json() == {"ended": 0}
    assert own.ask("GET", "/connections/contoso/sessions").json()["items"] == []
    assert browser.fetch("/session").status_code == 200
    (seen,) = other.ask("GET", "/connections/globex/sessions").json()["items"]
    assert seen["account_name"] == "lin"
    assert other.ask("DELETE", "/connections/globex/sessions?account_name=lin").json() == {"ended": 1}
    assert browser.fetch("/session").status_code == 401
