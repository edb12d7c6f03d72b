"""Sign-ins that end at Fuyun's own callbacks: what is refused when they are set up, and what is told as doubtful."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from bridge.core.wording import Sentence
from bridge.sandbox.keys import new_rsa, private_pem
from bridge.settings import read_connection
from tests.rooms.configurations import GOOD, MICROSOFT, OAUTH2, SALESFORCE, changed

if TYPE_CHECKING:
    from bridge.connections.draft import Draft

CALLBACK = "https://signin.rhinokeen.com/callback"
WORKBENCH = "https://signin.rhinokeen.com/workbench"
FRONTEND: dict[str, Any] = {"mode": "frontend", "fuyun": {"frontend_redirect_url": CALLBACK}}


@cache
def signing_key() -> str:
    return private_pem(new_rsa())


def draft_of(changes: dict[str, Any]) -> Draft:
    return read_connection(changed(changes, GOOD["connections"][0]), public_url="https://phone.example.com")


@pytest.mark.parametrize("idp", [MICROSOFT, SALESFORCE, OAUTH2 | {"scope": "user"}], ids=lambda idp: idp["kind"])
def test_a_sign_in_that_ends_at_fuyun_always_has_a_scope(idp: dict[str, Any]) -> None:
    draft = draft_of({**FRONTEND, "idp": idp})
    assert draft.connection is not None
    assert draft.connection.idp.scope


REFUSED = {
    "oauth2 without scope": ({"idp": OAUTH2}, "idp.scope", "is required in mode frontend"),
    "form_post": ({"idp.response_mode": "form_post"}, "idp.response_mode", "Fuyun's callback reads"),
}


@pytest.mark.parametrize(("changes", "key", "told"), REFUSED.values(), ids=REFUSED)
def test_what_fuyuns_callback_could_not_use_is_refused(changes: dict[str, Any], key: str, told: str) -> None:
    (fault,) = draft_of({**FRONTEND, **changes}).faults
    assert fault.key == key
    assert told in fault.message


@pytest.mark.parametrize(
    "changes", [{"idp": OAUTH2}, {"idp.response_mode": "form_post"}], ids=["no scope", "form_post"]
)
def test_the_same_is_good_where_the_answer_comes_back_to_the_bridge(changes: dict[str, Any]) -> None:
    assert draft_of(changes).faults == ()


DOUBTFUL = {
    "login CSRF": (FRONTEND, "mode", "prefer mode oauth"),
    "one address twice": (
        {"fuyun.frontend_redirect_url": CALLBACK, "fuyun.workbench_redirect_url": CALLBACK},
        "fuyun.workbench_redirect_url",
        "the portal shows two",
    ),
}


@pytest.mark.parametrize(("changes", "key", "told"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_doubt_says_what_is_wrong_and_what_to_do(changes: dict[str, Any], key: str, told: str) -> None:
    ((doubtful, sentence),) = draft_of(changes).doubts
    assert doubtful == key
    assert isinstance(sentence, Sentence)
    assert told in sentence


def test_a_sign_in_that_ends_at_fuyun_has_no_softphone_to_miss_its_instance() -> None:
    assert [key for key, _ in draft_of({**FRONTEND, "instance_id": ""}).doubts] == ["mode"]


@pytest.mark.parametrize(
    ("mode", "lifetime", "doubted"),
    [("jwt", "601s", ["jwt.lifetime"]), ("jwt", "10m", []), ("oauth", "1h", [])],
)
def test_a_jwt_that_is_good_for_long_is_doubted(mode: str, lifetime: str, doubted: list[str]) -> None:
    signing = {"issuer": "https://crm.example.com", "private_key": signing_key(), "lifetime": lifetime}
    assert [key for key, _ in draft_of({"mode": mode, "jwt": signing}).doubts] == doubted


def test_two_addresses_of_fuyun_are_as_they_should_be() -> None:
    both = {"fuyun.frontend_redirect_url": CALLBACK, "fuyun.workbench_redirect_url": WORKBENCH}
    assert draft_of(both).doubts == ()
