"""Pasted claims: read with care, and tried out as far as no provider is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.core import trace as steps
from bridge.core.errors import AgentUnknown
from bridge.core.model import NO_SECRET, Connection, FuyunApp, IdentityProvider
from bridge.core.trace import Trace
from bridge.signin.claims import LARGEST, read_claims, rehearse_claims

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.core.model import AccountName

CONNECTION = Connection("globex", "Globex", IdentityProvider(kind="oidc", client_id="c"), FuyunApp("app", NO_SECRET))


def test_an_object_is_read() -> None:
    assert read_claims(' {"email": "lin@globex.example", "n": 1} \n') == ({"email": "lin@globex.example", "n": 1}, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Paste the claims first"),
        (" \n", "Paste the claims first"),
        ('{"a": 1,}', "in line 1"),
        ('{\n"a": 1\n"b": 2}', "in line 3 at character 1"),
        ("{'a': 1}", "double quotes"),
        ('["a"]', "no object"),
        ('"a"', "no object"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJ9.x", "a token"),
        ('{"a": NaN}', "numbers"),
        ("[" * 20_000, "nested"),
        ('{"a":' * 40 + "1" + "}" * 40, "nested"),
        (f'{{"a": "{"x" * LARGEST}"}}', "32 KB"),
        (f'{{"a": "{"王" * (LARGEST // 3)}"}}', "32 KB"),
    ],
    ids=[
        "nothing",
        "blank",
        "comma",
        "no-comma",
        "quotes",
        "list",
        "text",
        "token",
        "nan",
        "deep",
        "nest",
        "long",
        "wide",
    ],
)
def test_anything_else_is_told_and_never_repeated(text: str, words: str) -> None:
    claims, fault = read_claims(text)
    assert claims == {}
    assert fault is not None
    assert words in fault
    assert "xxx" not in fault


def test_the_mapping_field_and_the_agent_are_looked_at() -> None:
    asked: list[str] = []
    trace = Trace()
    rehearse_claims(lambda _c, name, _t: asked.append(name), _foretell, CONNECTION, {"email": "lin"}, trace)
    assert (asked, trace.account_name, [step.name for step in trace.steps]) == (["lin"], "lin", [steps.MAPPING])


def test_a_missing_field_ends_it() -> None:
    trace = Trace()
    rehearse_claims(_nobody, _foretell, CONNECTION, {"name": "Lin"}, trace)
    assert trace.failed is not None
    assert (trace.failed.code, trace.account_name) == ("mapping_field_missing", "")


def test_an_unknown_agent_is_taken_down() -> None:
    trace = Trace()
    rehearse_claims(_nobody, _foretell, CONNECTION, {"email": "lin"}, trace)
    assert trace.failed is not None
    assert trace.failed.code == "agent_unknown"


def _nobody(connection: Connection, account_name: AccountName, trace: Trace) -> None:
    with trace.step(steps.AGENT):
        raise AgentUnknown


def _foretell(connection: Connection, claims: Mapping[str, Any], account_name: AccountName, trace: Trace) -> None:
    trace.claims["foretold"] = {"account_name": account_name, **claims}
