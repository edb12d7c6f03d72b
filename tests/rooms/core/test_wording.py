"""Sentences that can be said in another language: English as they stand, with all that a translation needs."""

from __future__ import annotations

import ast
import copy
import pickle
import re
from pathlib import Path

import pytest

from bridge.core.wording import Sentence, said

BRIDGE = Path(__file__).parents[3] / "bridge"


def test_a_sentence_is_its_english_text() -> None:
    sentence = said("must be at most %(limit)s characters", limit=10)
    assert (sentence, f"{sentence}!") == ("must be at most 10 characters", "must be at most 10 characters!")
    assert (sentence.template, sentence.values) == ("must be at most %(limit)s characters", {"limit": 10})


def test_a_sentence_without_values_is_its_own_template() -> None:
    sentence = said("must hold {tenantid}")
    assert (sentence, sentence.template, sentence.values) == ("must hold {tenantid}", "must hold {tenantid}", {})


def test_a_translated_template_takes_the_same_values() -> None:
    sentence = said("is required with kind %(kind)s", kind="oidc")
    assert "%(kind)s 类型必填" % sentence.values == "oidc 类型必填"  # noqa: UP031 — as gettext's callers do


@pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])  # noqa: S301 — our own
def test_a_copy_can_still_be_translated(make_copy: object) -> None:
    assert callable(make_copy)
    copied = make_copy(said("must have %(what)s", what="100%"))
    assert isinstance(copied, Sentence)
    assert (copied, copied.template, copied.values) == ("must have 100%", "must have %(what)s", {"what": "100%"})


KNOWN_TO_ADVICE = {
    *("expected", "received", "tenant", "client_id", "scope", "mapping_field", "instance_id", "app_name"),
    *("fuyun_scope", "jwt_issuer", "redirect_uri", "account_name"),
}


def calls_of_said() -> list[tuple[str, ast.Call]]:
    return [
        (f"{path.relative_to(BRIDGE)}: {ast.unparse(node)[:60]}", node)
        for path in sorted(BRIDGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "said"
    ]


def test_every_template_can_be_collected_and_filled() -> None:
    wrong = []
    for where, call in calls_of_said():
        template = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
        places = set(re.findall(r"%\((\w+)\)s", template)) if isinstance(template, str) else None
        stray = "%" in re.sub(r"%\(\w+\)s", "", str(template))
        if where.startswith("signin/advice/"):
            # Advice is chosen first and filled in afterwards, from what is known of the failure.
            fitting = places is not None and places <= KNOWN_TO_ADVICE
        else:
            fitting = places == {keyword.arg for keyword in call.keywords}
        if not fitting or stray:
            wrong.append(where)
    assert wrong == []
