"""Whatever is asked of the API, well or badly, is answered as its OpenAPI document says, and never by a fault of ours.

Schemathesis asks: each operation's examples, the edges of every parameter, and what it makes up, good and bad. The same
on every run; ``HYPOTHESIS_PROFILE=long`` asks other and more things each time.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, settings
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.pytest.lazy import get_all_tests

from bridge.app import API
from bridge.http.description import describe
from tests.kit.api_examples import EXAMPLES, furnish_examples
from tests.kit.house import BRIDGE
from tests.kit.platform import platform_of
from tests.kit.signing import signing_house, signing_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from schemathesis import Case
    from schemathesis.core.transport import Response
    from schemathesis.schemas import BaseSchema

    from tests.kit.house import House

IS_LONG: Final = os.environ.get("HYPOTHESIS_PROFILE") == "long"
asked_often: Final = settings(
    max_examples=1000 if IS_LONG else 6,
    derandomize=not IS_LONG,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
asked_until_done: Final = settings(asked_often, max_examples=60)
asked_seldom: Final = settings(asked_often, max_examples=1)
# Fuyun may fail, which is 502 and 504; that nothing else fails is asserted here. No schema can tell every account name,
# landing or cursor that is refused. That no operation answers without a good key is a test of its own below.
LEFT_OUT: Final = ["not_a_server_error", "positive_data_acceptance", "ignored_auth"]
NAMED: Final = {"skill_group_id", "department_id", "number", "call_id", "recording_id"}
served: list[House] = []


def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Hand a request to the house that the tests of this file share."""
    return served[-1].app.wsgi_app(environ, start_response)


def described(*, edges: bool) -> BaseSchema:
    """Return the document, with names of connections that this house has.

    Args:
        edges: whether the edges of every parameter are asked too.
    """
    document = describe([one for desk in API for one in desk.operations], BRIDGE)
    document["components"]["parameters"]["connection"]["schema"] = {"enum": ["contoso", "acme"]}
    for name, example in EXAMPLES.items():
        if name in NAMED:
            document["components"]["parameters"][name]["schema"] = {"enum": [example]}
    loaded = schemathesis.openapi.from_dict(document)
    loaded.app = serve
    # The tests bring keys of their own.
    loaded.config.generation.update(with_security_parameters=False, deterministic=not IS_LONG)
    loaded.config.checks.update(excluded_check_names=LEFT_OUT)
    loaded.config.phases.coverage.enabled = edges
    return loaded


# Agents, groups, departments and numbers read their parameters by the same few types as these.
AT_THE_EDGES: Final = "token|handoff|sessions|/agent$|/calls$|/departments$"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A bridge that may vouch for agents of contoso, and tells what is left of each key's budget."""
    unlimited = signing_settings(tmp_path_factory.mktemp("house"))
    limits = unlimited.limits.model_copy(update={"api_key": "100000/minute"})
    built = signing_house(replace(unlimited, limits=limits))
    furnish_examples(built.world)
    served.append(built)
    yield built
    served.clear()
    built.services.database.close()


@pytest.fixture(scope="module")
def good_key(house: House) -> str:
    return platform_of(house, "contoso", "acme").key


@pytest.fixture(scope="module")
def key_without_scope(house: House) -> str:
    return platform_of(house, "contoso", "acme", scopes=()).key


def ask(case: Case[Any], key: str) -> Response:
    """Ask with a key, and compare the answer with the document."""
    # Werkzeug's test client takes what follows for a query, however it is escaped.
    assume("?" not in unquote(case.formatted_path))
    response = case.call(headers={"Authorization": f"Bearer {key}"})
    case.validate_response(response)
    assert response.status_code not in {500, 503}
    return response


def ask_all(document: BaseSchema, judge: Callable[[Case[Any]], None], subtests: pytest.Subtests) -> None:
    """Let `judge` ask every operation; what is asked is made up here, not by every worker that collects tests."""
    load_all_checks()
    for made in get_all_tests(schema=document, test_func=judge, settings=None, given_kwargs=None):
        assert isinstance(made, Ok), made
        operation, asks = made.ok()
        with subtests.test(operation.label):
            asks()


def test_every_answer_is_one_of_those_in_the_document_and_each_operation_is_done(
    good_key: str, subtests: pytest.Subtests
) -> None:
    answered: dict[str, Counter[int]] = {}

    def judge(case: Case[Any]) -> None:
        statuses = answered.setdefault(case.operation.label, Counter())
        statuses[ask(case, good_key).status_code] += 1

    document = described(edges=IS_LONG)
    ask_all(document, asked_often(judge), subtests)
    assert len(answered) == sum(len(desk.operations) for desk in API)
    # What is made up is refused for the most part: whatever was refused each time is asked more often.
    if refused := [name for name, statuses in answered.items() if not statuses[200]]:
        ask_all(document.include(name=refused), asked_until_done(judge), subtests)
    assert [name for name, statuses in answered.items() if not statuses[200]] == []


def test_so_is_what_stands_at_the_edges(good_key: str, subtests: pytest.Subtests) -> None:
    @asked_seldom
    def judge(case: Case[Any]) -> None:
        ask(case, good_key)

    ask_all(described(edges=True).include(path_regex=AT_THE_EDGES), judge, subtests)


@pytest.mark.usefixtures("house")
def test_nothing_is_done_for_a_key_that_is_none(subtests: pytest.Subtests) -> None:
    @asked_seldom
    def judge(case: Case[Any]) -> None:
        assert ask(case, "hlb_0123456789ab_" + 64 * "0").status_code in {401, 405}

    ask_all(described(edges=False), judge, subtests)


def test_a_key_without_scopes_reads_connections_alone(key_without_scope: str, subtests: pytest.Subtests) -> None:
    @asked_seldom
    def judge(case: Case[Any]) -> None:
        (needed,) = case.operation.definition.raw["security"]
        assert (ask(case, key_without_scope).status_code in {403, 405}) is bool(needed["apiKey"])

    ask_all(described(edges=False), judge, subtests)
